"""The bulk drivers, copied to the end of each kernel: the same loops over lists, or compiled over arrays.

Events come sorted by account, then time. `starts[a]` to `starts[a + 1]` are the rows of account `a`. The day of the
next look is worked out only where the next event comes on a later day, and only up to there.
"""

from __future__ import annotations

from typing import Any

NEXT = OPENED = HOUR = NEVER = 0  # from here to `replay`: names whose real meaning is in the generated source
take: Any = None
wake: Any = None
next_day: Any = None
advance: Any = None
features: Any = None
score: Any = None


def keep_head(heads: Any, rows: int, a: int, i: int) -> int:
    """Say whose the newest row is; returns how many there are."""
    heads[rows][0] = a
    heads[rows][1] = i
    return rows + 1


def looks(s: Any, a: int, last: int, horizon: int, lazy: int, out: Any, heads: Any, rows: int, cursor: Any) -> int:
    """The looks due up to the start of day `last`, while `out` has room; returns the rows in it."""
    while rows < len(out):
        day = next_day(s, horizon) if lazy else s[HOUR] // 24 + 1
        if day > last:
            break
        cursor[2] += 1
        if wake(s, out[rows], day):
            rows = keep_head(heads, rows, a, -1)
    return rows


def replay(
    states: Any,
    starts: Any,
    at: Any,
    hour: Any,
    kind: Any,
    x: Any,
    until: int,
    lazy: int,
    out: Any,
    heads: Any,
    refused: Any,
    cursor: Any,
) -> int:
    """Run accounts through their events, and reviews up to the start of day `until`.

    Decisions go to `out` with (account, event or -1) in `heads`; returns how many. `cursor` is
    (account, event, looks): where to go on when `out` was full, and how many looks were made.
    """
    rows = 0
    for a in range(cursor[0], len(states)):
        s = states[a]
        i = max(starts[a], cursor[1])
        end = starts[a + 1]
        while True:
            if i < end and kind[i] == 0 and s[OPENED]:
                refused[i] = 2  # changes nothing: not even looks come before it
                i += 1
                continue
            day = hour[i] // 24 if i < end else until
            if s[OPENED] and (i >= end or day > s[HOUR] // 24):
                rows = looks(s, a, day, day if i < end else NEVER, lazy, out, heads, rows, cursor)
            if rows == len(out):
                cursor[0] = a
                cursor[1] = i
                return rows
            if i >= end:
                break
            result = take(s, out[rows], at[i], hour[i], kind[i], x[i])
            if result < 0:
                refused[i] = -result
            else:
                cursor[2] += 1
            if result == 1:
                rows = keep_head(heads, rows, a, i)
            i += 1
        if s[OPENED]:
            next_day(s, NEVER)
    cursor[0] = len(states)
    return rows


def snapshots(
    states: Any, starts: Any, at: Any, hour: Any, kind: Any, x: Any, days: Any, out: Any, heads: Any, scratch: Any
) -> int:
    """Features and scores of every open account at the start of each of the sorted `days`; returns rows."""
    rows = 0
    for a in range(len(states)):
        s = states[a]
        i = starts[a]
        end = starts[a + 1]
        for k in range(len(days)):
            while i < end and hour[i] // 24 < days[k]:
                while s[OPENED] and next_day(s, hour[i] // 24) <= hour[i] // 24:
                    wake(s, scratch, s[NEXT])
                take(s, scratch, at[i], hour[i], kind[i], x[i])
                i += 1
            if not s[OPENED]:
                continue
            while next_day(s, days[k]) < days[k]:
                wake(s, scratch, s[NEXT])
            advance(s, days[k] * 24)
            features(s, out[rows])
            score(s, out[rows])
            rows = keep_head(heads, rows, a, k)
    return rows
