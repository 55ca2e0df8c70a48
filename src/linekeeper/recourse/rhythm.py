"""The rhythm of what comes again and again, read off the days on which it came: monthly, weekly, each so many days.

A month's rhythm keeps its day of the month. A bill of the 31st comes on the 30th of April and on the 31st of May, one
of the 28th comes on the 28th of February and of March. A day that a holiday moved came later than its rhythm says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from linekeeper.kernel.prelude import month_of, month_start

SHORT_GAP_DAYS = 25  # what comes at shorter distances does not come by the month
MOVED_DAYS = 10  # a long holiday moves a date by so many days at most
LONGEST_MONTH = 31


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Days that come again: each `every_days` from `anchor`; where that is 0, each month on `day_of_month`.

    In a month that is too short, the last day stands for a later one.

    >>> from linekeeper.core.dates import date_of
    >>> [str(date_of(day)) for day in Rhythm(0, 0, 31).days(58, 150)]
    ['1970-02-28', '1970-03-31', '1970-04-30', '1970-05-31']
    >>> list(Rhythm(7, 4, 0).days(10, 26))
    [11, 18, 25]
    """

    every_days: int
    anchor: int
    day_of_month: int

    def days(self, start: int, until: int) -> Iterator[int]:
        """Its days from `start` to `until`."""
        if self.every_days:
            first = start + (self.anchor - start) % self.every_days
            yield from range(first, until + 1, self.every_days)
            return
        month = month_of(start)
        while (day := day_in_month(month, self.day_of_month)) <= until:
            if day >= start:
                yield day
            month += 1


def day_in_month(month: int, day_of_month: int) -> int:
    """That day of a month since 1970-01, or its last day where the month is too short."""
    return min(month_start(month) + day_of_month - 1, month_start(month + 1) - 1)


def rhythm_of(days: Sequence[int], *, holidays: bool = False) -> Rhythm:
    """The rhythm of days, at least one, in order of time. `holidays`: a day may have been moved to a later one.

    One day alone, or days that fit no rhythm, are taken by the month, on the day of the month of the last of them; the
    last day of a month stays the last.

    >>> rhythm_of([19_751, 19_758, 19_765]).every_days
    7
    """
    gaps = [later - day for day, later in pairwise(days)]
    if gaps and max(gaps) < SHORT_GAP_DAYS and (holidays or len(set(gaps)) == 1):
        every = sorted(gaps)[len(gaps) // 2]
        phases = [day % every for day in days]
        common = max(phases, key=lambda phase: (phases.count(phase), phase))
        return Rhythm(every, max(day for day in days if day % every == common), 0)
    fits = [(shift, -day) for day in range(1, LONGEST_MONTH + 1) if (shift := _moved(days, day, holidays)) is not None]
    last = days[-1]
    if fits:
        return Rhythm(0, last, -min(fits)[1])
    return Rhythm(0, last, max(day for day in range(1, LONGEST_MONTH + 1) if _moved([last], day, False) == 0))


def _moved(days: Sequence[int], day_of_month: int, holidays: bool) -> int | None:
    """By how many days the days come after that day of their months, all in all; None where one does not fit."""
    moved = 0
    for day in days:
        month = month_of(day)
        due = day_in_month(month, day_of_month)
        if due > day:
            due = day_in_month(month - 1, day_of_month)
        if day - due > (MOVED_DAYS if holidays else 0):
            return None
        moved += day - due
    return moved
