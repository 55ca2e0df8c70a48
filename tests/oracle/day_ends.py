"""How each day of an account ended: what measures of account facts through time look back on (section 4.1).

What events alone move (balance, dues) is written out anew from the whole list whenever an event arrives. The line of a
day is as it was decided then, and is remembered.

>>> line = LineByDay()
>>> for day, limit in ((1, 900), (2, 900), (3, 400)):
...     line.end(day, limit, 900)
>>> line.changes, line.on(2), line.on(0)
([(1, 900, 900), (3, 400, 900)], (900, 900), (900, 900))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.oracle.ledger import Dated, Ledger, in_time_order


class DayEnd(NamedTuple):
    """What events alone had moved by the end of a day."""

    balance: int
    past_due: int
    days_past_due: int


def ended(ledger: Ledger) -> DayEnd:
    """How the ledger's day ends, if nothing more happens on it."""
    return DayEnd(ledger.balance, ledger.past_due, ledger.days_past_due)


def ends_of_days(events: Sequence[Dated], ledger: Ledger, today: int) -> dict[int, DayEnd]:
    """Every day before today, from the day of the opening on. `ledger` is empty, and is written on the way."""
    ends: dict[int, DayEnd] = {}

    def begin(through: int) -> None:
        while ledger.today < through:
            ends[ledger.today] = ended(ledger)
            ledger.begin_days(ledger.today + 1)

    for dated in in_time_order(events):
        begin(dated.day)
        ledger.take(dated)
    begin(today)
    return ends


@dataclass(slots=True)
class LineByDay:
    """(day, limit, granted): from the end of that day on the line was so. The latest `kept` of them are remembered."""

    kept: int = 10_000
    changes: list[tuple[int, int, int]] = field(default_factory=list)

    def end(self, day: int, limit: int, granted: int) -> None:
        """A day ends."""
        if not self.changes or self.changes[-1][1:] != (limit, granted):
            self.changes = [*self.changes, (day, limit, granted)][-self.kept :]

    def on(self, day: int) -> tuple[int, int]:
        """Limit and granted as that day ended; of days before all that is remembered, as the earliest."""
        past = [change for change in self.changes if change[0] <= day]
        return (past[-1] if past else self.changes[0])[1:]

    def before(self, day: int, name: str) -> int | None:
        """`limit` or `granted` as the day before ended; None where that is not known."""
        known = any(change[0] < day for change in self.changes)
        return self.on(day - 1)[name == "granted"] if known else None

    @property
    def was_cut(self) -> bool:
        return any(limit < granted for _, limit, granted in self.changes)

    def take_the_better_of(self, other: LineByDay) -> None:
        """A line that should not have been cut makes no earlier day look worse."""
        if not self.changes or not other.changes:
            return
        both, better = (self.on, other.on), LineByDay(self.kept)
        for day in sorted({change[0] for change in (*self.changes, *other.changes)}):
            (limit, granted), (other_limit, other_granted) = (on(day) for on in both)
            better.end(day, max(limit, other_limit), max(granted, other_granted))
        self.changes = better.changes
