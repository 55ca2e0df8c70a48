"""The line at the end of earlier days: what a measure of account facts through time asks of a limit.

This file is copied, as it stands, into the kernels of the policies that have such measures, after the prelude. From the
place `line_days` on a state holds the first day that has not ended yet, how many changes are remembered, and for each
of them, earliest first: the day that first ended so, the limit, what was granted. There is room for one change on
each day that a measure looks back on, and one before; where it is full the earliest leaves.
"""

from __future__ import annotations

from typing import Any


def note_line(s: Any, line_days: int, most: int, day: int, limit: int, granted: int) -> None:
    """Remember how the line stood as the day ended, where it stood otherwise the day before.

    A day that ended before is left as it is: facts that are rebuilt pass over it once more.
    """
    if day < s[line_days]:
        return
    s[line_days] = day + 1
    n = s[line_days + 1]
    last = line_days + 3 * n - 1
    if n > 0 and s[last + 1] == limit and s[last + 2] == granted:
        return
    if n == most:
        for i in range(line_days + 2, last):
            s[i] = s[i + 3]
        n -= 1
    s[line_days + 2 + 3 * n] = day
    s[line_days + 3 + 3 * n] = limit
    s[line_days + 4 + 3 * n] = granted
    s[line_days + 1] = n + 1


def line_on(s: Any, line_days: int, day: int) -> int:
    """The place of what is remembered of that day: its day, behind it the limit, and what was granted."""
    i: int = s[line_days + 1] - 1
    while i > 0 and s[line_days + 2 + 3 * i] > day:
        i -= 1
    return line_days + 2 + 3 * max(i, 0)
