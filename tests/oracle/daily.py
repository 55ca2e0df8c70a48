"""Writes policies that look back on how days ended: highest, lowest and average facts, and days on which one held.

The same chances as in `measured.py`, with others for what is measured: each seed is another policy here than there.
"""

from __future__ import annotations

from random import Random

from tests.oracle.measured import MeasuredWriter
from tests.oracle.phrases import DAY_TILES, ORDER, FieldOf, Said, called, compare, fact, joined, number, window_of
from tests.oracle.policies import Written
from tests.oracle.tree import (
    DAILY_FACTS,
    FACTS,
    And,
    Daily,
    Fact,
    FieldRef,
    Holiday,
    HourOfDay,
    Inline,
    LineBefore,
    Literal,
    Measure,
    Not,
)

WINDOWS = ("1d", "2d", "7d", "30d", "90d", "1m", "3m")  # longer ones take the oracle minutes


class DailyWriter(MeasuredWriter):
    """One policy in the making."""

    has_holidays = False
    windowed = False  # while a measure with a window is written

    def measure(self, unit: str) -> tuple[str, str, Measure]:
        """A fact through time, more often than not."""
        facts = [name for name in DAILY_FACTS if FACTS[name] == unit]
        if not facts or self.chance(0.35):
            return super().measure(unit)
        window = self.rng.choice(DAY_TILES if self.chance(0.1) else WINDOWS)
        if unit == "days" and self.chance(0.6):
            held = self.held()
            text = f"days_where({held.text}, {window})"
            return text, text, Daily("days_where", held.tree, window_of(window))
        name, word = self.rng.choice(facts), self.rng.choice(("max", "worst", "min", "average"))
        text = f"{word}({name}, {window})"
        return text, text, Daily("max" if word == "worst" else word, Fact(name), window_of(window))

    def held(self) -> Said:
        """A condition of facts that are kept day by day."""
        tests = [
            compare(fact("balance"), self.rng.choice((*ORDER, "=")), fact(self.rng.choice(("limit", "granted")))),
            compare(fact("utilisation"), self.rng.choice(ORDER), self.constant("share")),
            compare(fact("days_past_due"), self.rng.choice(ORDER), self.constant("days")),
            compare(fact("past_due"), self.rng.choice(ORDER), self.constant("money")),
            compare(fact("balance"), self.rng.choice(ORDER), self.constant("money")),
        ]
        if self.chance(0.2):
            return joined(self.rng.choice((" and ", " or ")), self.rng.sample(tests, 2))
        return self.rng.choice(tests)

    def filter(self, kind: str) -> Said:
        """A holiday, now and then; which days those are is written after all else."""
        amounts = [item for item in self.fields if item.kind == kind and item.unit == "money"]
        own = {item.name for item in self.fields if item.kind == kind} & {"limit", "granted"}
        if amounts and self.windowed and not own and self.chance(0.5):
            return self.against_the_line(self.rng.choice(amounts))
        if not self.chance(0.25) or any(item.name == "holiday" for item in self.fields):
            return super().filter(kind)
        self.has_holidays = True
        holiday = Said("holiday", Holiday())
        if self.chance(0.5):
            return holiday
        other = compare(
            Said("hour", HourOfDay()), self.rng.choice(ORDER), number(self.rng.choice((1, 12, 22)), "count")
        )
        return Said(f"not holiday and {other.text}", And((Not(holiday.tree), other.tree)))

    def against_the_line(self, item: FieldOf) -> Said:
        """An amount of the event beside the line of the day before."""
        name = self.rng.choice(("limit", "granted"))
        line = Said(name, LineBefore(name))
        share = Said("30%", Literal(3_000, "share"))
        line = called("part", line, share) if self.chance(0.5) else line
        return compare(Said(item.name, FieldRef(item.name)), self.rng.choice(ORDER), line)

    def tiles(self) -> tuple[str, str, Measure]:
        """Filters of windows may ask for the line of earlier days."""
        self.windowed = True
        made = super().tiles()
        self.windowed = False
        return made

    def amounts(self, item: FieldOf) -> tuple[str, str, Measure]:
        """The same."""
        self.windowed = True
        made = super().amounts(item)
        self.windowed = False
        return made

    def atom(self, unit: str) -> Said:
        """A measure in place of a name or fact, now and then."""
        if unit in ("money", "share", "days") and self.chance(0.4):
            text, name, measure = self.measure(unit)
            return Said(text, Inline(name, measure))
        return super().atom(unit)


def write_daily(rng: Random) -> Written:
    """A whole policy with measures of facts through time.

    >>> write_daily(Random(7)) == write_daily(Random(7))
    True
    """
    while True:
        writer = DailyWriter(rng)
        text = "\n".join([*writer.head(), *writer.body()]) + "\n"
        if not writer.has_holidays or (writer.policy.dues and writer.policy.dues.business_days):
            return Written(text, writer.policy)
