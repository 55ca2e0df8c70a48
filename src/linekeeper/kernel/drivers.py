"""The bulk drivers, copied to the end of each kernel: the same loops over lists, or compiled over arrays.

Events come sorted by account, then time. `starts[a]` to `starts[a + 1]` are the rows of account `a`. The day of the
next look is worked out only where the next event comes on a later day, and only up to there.
"""

from __future__ import annotations

from typing import Any

NEXT = OPENED = HOUR = NEVER = 0  # from here on: names whose real meaning is in the generated source
admit: Any = None
advance: Any = None
turn: Any = None
next_day: Any = None
step: Any = None
review: Any = None
features: Any = None
score: Any = None


def keep_head(heads: Any, rows: int, a: int, i: int) -> int:
    """Say whose the newest row is; returns how many there are."""
    heads[rows][0] = a
    heads[rows][1] = i
    return rows + 1


def due_by(s: Any, last: int, more: bool, lazy: int) -> int:
    """The day of the next look, worked out as far as day `last`, and beyond it where no `more` events come."""
    if not s[OPENED] or (more and last <= s[HOUR] // 24):
        return NEVER
    if lazy:
        return int(next_day(s, last if more else NEVER))
    return int(s[HOUR]) // 24 + 1


def live(
    s: Any,
    i: int,
    end: int,
    at: Any,
    hour: Any,
    kind: Any,
    x: Any,
    until: int,
    lazy: int,
    out: Any,
    heads: Any,
    rows: int,
    refused: Any,
    cursor: Any,
) -> int:
    """One account's events `i` to `end`, and the looks between and after them, while `out` has room; returns rows."""
    while True:
        if i < end and kind[i] == 0 and s[OPENED]:
            refused[i] = 2  # changes nothing: not even looks come before it
            i += 1
            continue
        last = hour[i] // 24 if i < end else until
        day = due_by(s, last, i < end, lazy)
        start = 1 if day <= last else 0  # whether the look at the start of a day comes next
        if rows == len(out):
            cursor[1] = i
            return rows
        if not start and i >= end:
            break
        if not start:
            refused[i] = admit(s, at[i], hour[i], kind[i])
            if refused[i]:
                i += 1
                continue
        now = day * 24 if start else hour[i]
        cursor[2] += 1
        if turn(s, out[rows], start, 0 if start else at[i], now, 0 if start else kind[i], s if start else x[i]):
            rows = keep_head(heads, rows, cursor[0], -1 if start else i)
        if not start:
            i += 1
    if s[OPENED]:
        next_day(s, NEVER)
    cursor[0] += 1
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
    kept: int,
    out: Any,
    heads: Any,
    refused: Any,
    cursor: Any,
) -> int:
    """Run accounts through their events, and reviews up to the start of day `until`.

    Each account has its own row of `states`; where they are not `kept`, all use the first, each from empty.
    Decisions go to `out` with (account, event or -1) in `heads`; returns how many. `cursor` is
    (account, event, looks): where to go on when `out` was full, and how many looks were made.
    """
    rows = 0
    while cursor[0] < len(starts) - 1:
        a = cursor[0]
        s = states[a * kept]
        i = max(starts[a], cursor[1])
        if not kept and i == starts[a]:
            for slot in range(len(s)):
                s[slot] = 0
        rows = live(s, i, starts[a + 1], at, hour, kind, x, until, lazy, out, heads, rows, refused, cursor)
        if cursor[0] == a:
            break
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
                while s[OPENED] and s[NEXT] <= hour[i] // 24:
                    review(s, scratch, s[NEXT])
                step(s, scratch, at[i], hour[i], kind[i], x[i])
                i += 1
            if not s[OPENED]:
                continue
            while s[NEXT] < days[k]:
                review(s, scratch, s[NEXT])
            advance(s, days[k] * 24)
            features(s, out[rows])
            score(s, out[rows])
            rows = keep_head(heads, rows, a, k)
    return rows
