"""Writes policies whose measures are the later ones: least, average, spread, first, active tiles, windows in the past.

The same chances as in `policies.py`, with others for what is measured: each seed is another policy here than there.
"""

from __future__ import annotations

from random import Random

from tests.oracle.phrases import NUMERIC, ORDER, WINDOWS, FieldOf, Said, compare, fact, number, window_of
from tests.oracle.policies import Writer, Written
from tests.oracle.tree import (
    WEEKDAYS,
    DayOfMonth,
    First,
    In,
    Measure,
    Weekday,
    Windowed,
)

ENDINGS = {"h": (1, 5, 24), "d": (1, 3, 30), "m": (1, 3)}
LONGEST = {"h": 168, "d": 400, "m": 60}


class MeasuredWriter(Writer):
    """One policy in the making."""

    def measure(self, unit: str) -> tuple[str, str, Measure]:
        """One of the later measures, more often than not."""
        fields = [item for item in self.fields if item.unit == unit]
        if self.chance(0.25):
            return super().measure(unit)
        if unit == "count" and (not fields or self.chance(0.6)):
            return self.tiles()
        if not fields or unit not in NUMERIC:
            return super().measure(unit)
        item = self.rng.choice(fields)
        if self.chance(0.15):
            chosen = self.select(f"{item.kind}.{item.name}")
            return f"first({chosen.text})", f"first({chosen.name})", First(chosen.select, item.name)
        return self.amounts(item)

    def tiles(self) -> tuple[str, str, Measure]:
        """Events, or tiles that have some; perhaps up to a time in the past."""
        how = self.rng.choice(("count", "active", "active", "in_a_row", "distinct"))
        lists = [item for item in self.fields if item.choices]
        if how == "distinct" and lists:
            return self.words(self.rng.choice(lists))
        how = "active" if how == "distinct" else how
        chosen = self.select(self.rng.choice(self.kinds))
        window, ending, ago = self.window(ends=how != "in_a_row")
        if how == "in_a_row" and window.startswith("1") and len(window) == 2:
            window = f"3{window[-1]}"
        measure = Windowed(how, chosen.select, None, window_of(window), ending)
        return f"{how}({chosen.text}, {window}{ago})", f"{how}({chosen.name}, {window}{ago})", measure

    def words(self, item: FieldOf) -> tuple[str, str, Measure]:
        """How many different words of a list."""
        chosen, window = self.select(f"{item.kind}.{item.name}"), self.rng.choice(WINDOWS)
        measure = Windowed("distinct", chosen.select, item.name, window_of(window))
        return f"distinct({chosen.text}, {window})", f"distinct({chosen.name}, {window})", measure

    def amounts(self, item: FieldOf) -> tuple[str, str, Measure]:
        """What a window makes of one field."""
        chosen = self.select(f"{item.kind}.{item.name}")
        words = ("min", "spread", "max") if item.signed else ("min", "min", "average", "average", "spread", "sum")
        how = self.rng.choice(words)
        window, ending, ago = self.window(ends=True)
        measure = Windowed(how, chosen.select, item.name, window_of(window), ending)
        return f"{how}({chosen.text}, {window}{ago})", f"{how}({chosen.name}, {window}{ago})", measure

    def window(self, ends: bool) -> tuple[str, int, str]:
        """A window, how many tiles ago it ends, and the text of that."""
        window = self.rng.choice(WINDOWS)
        unit, ending = window[-1], self.rng.choice(ENDINGS[window[-1]])
        if not ends or self.chance(0.4) or int(window[:-1]) + ending > LONGEST[unit]:
            return window, 0, ""
        return window, ending, f", ending {ending}{unit} ago"

    def filter(self, kind: str) -> Said:
        """A condition over the day of the event, now and then."""
        if not self.chance(0.3) or any(item.kind == kind and item.name in ("weekday",) for item in self.fields):
            return super().filter(kind)
        if self.chance(0.5):
            days = self.rng.sample(range(7), 3)
            words = ", ".join(f'"{WEEKDAYS[day]}"' for day in days)
            return Said(f"weekday in ({words})", In(Weekday(), tuple(sorted(days))))
        day = Said("day_of_month", DayOfMonth())
        return compare(day, self.rng.choice((*ORDER, "=")), number(self.rng.choice((1, 5, 28, 31)), "count"))

    def atom(self, unit: str) -> Said:
        """The days since the line was opened, now and then."""
        return fact("days_on_book") if unit == "days" and self.chance(0.2) else super().atom(unit)


def write_measured(rng: Random) -> Written:
    """A whole policy with the later measures.

    >>> write_measured(Random(7)) == write_measured(Random(7))
    True
    """
    writer = MeasuredWriter(rng)
    text = "\n".join([*writer.head(), *writer.body()]) + "\n"
    return Written(text, writer.policy)
