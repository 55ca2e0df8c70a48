"""A moratorium: days that stand still, of which no due grows older.

This file is copied, as it stands, into the kernels of policies with a `moratorium`, after the prelude. From the place
`relief` on a state holds the first and the last day of the latest moratorium, and the day up to which its days have
stood still. A due that is dated before a day that stands still moves with it, by that day.
"""

from __future__ import annotations

from typing import Any


def moved_date(due_on: int, first: int, last: int) -> int:
    """The date of a due after the days from `first` to `last` stood still.

    One that was dated among them moves to the last, so that it is past due on the day after.

    >>> [moved_date(due_on, 10, 14) for due_on in (7, 9, 10, 14, 15)]
    [12, 14, 14, 14, 15]
    """
    return due_on if due_on > last else due_on + last - max(due_on, first - 1)


def stand_still(s: Any, count: int, dues: int, relief: int, day: int) -> None:
    """Let the days of the moratorium up to `day` stand still that have not done so yet."""
    first = max(s[relief], s[relief + 2] + 1)
    last = min(s[relief + 1], day)
    if first <= last:
        for i in range(s[count]):
            s[dues + 2 * i] = moved_date(s[dues + 2 * i], first, last)
        s[relief + 2] = last


def stood_date(s: Any, relief: int, due_on: int) -> int:
    """The date of a due that has come only now, after the days of the latest moratorium that stood still."""
    return moved_date(due_on, s[relief], s[relief + 2]) if s[relief] <= s[relief + 2] else due_on
