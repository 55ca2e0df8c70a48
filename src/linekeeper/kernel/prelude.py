"""What every kernel stands on: integer arithmetic, tiles, rings and latches.

This file is copied, as it stands, to the head of each generated kernel, so that one source holds all that
decides. Everything works on `s`, the flat state of one account: a list of ints, or an int64 array.

A ring keeps the tiles of one kind of event that have something in them, oldest first:

    base           the absolute index after the newest entry
    base + 1 ...   its windows, longest first; each `width` slots: absolute index of its oldest entry, totals
    entries - 1    no window loses its oldest entry before this tile has come
    entries ...    (mask + 1) entries of `width` slots: tile, `sums` added-up columns, greatest-value columns

What is constant comes in global tuples: `ring` is (base, entries, mask, width, sums), `spans` the lengths of its
windows in tiles, `terms` of a latch (slot, hold, expires, terminal). Numba compiles a function once for a tuple,
but anew for each plain constant.
"""

from __future__ import annotations

from typing import Any

MISSING = -(2**62)
NEVER = 2**40
MONEY_MAX = 10**15
CEILING_BP = 1_000_000
WHOLE_MAX = 2**63 // 10_000  # what times 10,000 stays within 64 bits

UNKNOWN = 0  # the day of the next look, where it has not been worked out

FREE, SET, SPENT = 0, 1, 2
# A latch: mode, holding, day set, day `when` last held, first day no longer waived.
MODE, HOLDING, SET_DAY, HELD_DAY, WAIVED = 0, 1, 2, 3, 4


def clamp(value: int) -> int:
    """Within 10^15 either way."""
    return min(max(value, -MONEY_MAX), MONEY_MAX)


def keep(value: int) -> int:
    """Within 10^15 either way, or missing."""
    return MISSING if value == MISSING else min(max(value, -MONEY_MAX), MONEY_MAX)


def percent(a: int, b: int) -> int:
    """floor(a * 10,000 / b) in basis points, without leaving 64 bits for |a|, |b| up to 10^15.

    >>> percent(1, 3), percent(0, 0), percent(5, 0), percent(10**15, 10**15 - 1)
    (3333, 0, 1000000, 10000)
    """
    if a <= 0:
        return 0
    if b <= 0 or a >= 100 * b:
        return CEILING_BP
    if a < WHOLE_MAX:
        return a * 10_000 // b
    return a * 100 // b * 100 + a * 100 % b * 100 // b


def part(a: int, share: int) -> int:
    """floor(a * share / 10,000), without leaving 64 bits.

    >>> part(999, 5_000), part(-1, 5_000)
    (499, -1)
    """
    if -WHOLE_MAX < a < WHOLE_MAX and 0 <= share <= 10_000:
        return a * share // 10_000
    return a // 10_000 * share + a % 10_000 * share // 10_000


def per(a: int, n: int) -> int:
    """floor(a / n); missing where n <= 0."""
    return MISSING if n <= 0 else a // n


def month_of(day: int) -> int:
    """Months since January 1970 of a day since 1970-01-01 (civil-from-days, H. Hinnant).

    >>> month_of(0), month_of(30), month_of(31), month_of(19_782)
    (0, 0, 1, 649)
    """
    z = day + 719_468
    doe = z % 146_097
    yoe = (doe - doe // 1_460 + doe // 36_524 - doe // 146_096) // 365
    shifted = (5 * (doe - (365 * yoe + yoe // 4 - yoe // 100)) + 2) // 153
    return (yoe + z // 146_097 * 400 - 1970) * 12 + shifted + 2


def month_start(month: int) -> int:
    """The first day of a month.

    >>> month_start(0), month_start(1), month_of(month_start(649)), month_of(month_start(649) - 1)
    (0, 31, 649, 648)
    """
    year, shifted = 1970 + (month - 2) // 12, (month - 2) % 12
    yoe = year % 400
    return year // 400 * 146_097 + yoe * 365 + yoe // 4 - yoe // 100 + (153 * shifted + 2) // 5 - 719_468


def greatest(s: Any, ring: Any, first: int, end: int, c: int) -> int:
    """The greatest value of column `c` in the entries from `first` to before `end`."""
    _, entries, mask, width, _ = ring
    top = MISSING
    for i in range(first, end):
        top = max(top, s[entries + (i & mask) * width + c])
    return top


def expire(s: Any, ring: Any, spans: Any, tile: int) -> None:
    """Let the tiles that the ring's windows no longer reach leave them; `tile` is the current one."""
    base, entries, mask, width, sums = ring
    end = s[base]
    window = base + 1
    leaves = NEVER
    for span in spans:
        first = i = s[window]
        while i < end and s[entries + (i & mask) * width] <= tile - span:
            for c in range(1, sums + 1):
                s[window + c] -= s[entries + (i & mask) * width + c]
            i += 1
        if i > first:
            s[window] = i
            for c in range(sums + 1, width):
                if greatest(s, ring, first, i, c) == s[window + c]:
                    s[window + c] = greatest(s, ring, i, end, c)
        if i < end:
            leaves = min(leaves, s[entries + (i & mask) * width] + span)
        window += width
    s[entries - 1] = leaves


def insert(s: Any, ring: Any, spans: Any, tile: int, now: int, p: int) -> None:
    """Make an empty entry at absolute index `p`; only late events find any behind it."""
    base, entries, mask, width, sums = ring
    end = s[base]
    assert end - s[base + 1] <= mask, "a ring holds no more tiles than its longest window"
    for i in range(end, p, -1):
        for c in range(width):
            s[entries + (i & mask) * width + c] = s[entries + (i - 1 & mask) * width + c]
    s[base] = end + 1
    e = entries + (p & mask) * width
    s[e] = tile
    for c in range(1, width):
        s[e + c] = 0 if c <= sums else MISSING
    window = base + 1
    for span in spans:
        if s[window] > p or (s[window] == p and tile <= now - span):
            s[window] += 1
        if tile > now - span:
            s[entries - 1] = min(s[entries - 1], tile + span)
        window += width


def add(s: Any, ring: Any, spans: Any, tile: int, now: int, values: Any) -> None:
    """Add one event's columns to its tile and to every window that covers it, in any order of events."""
    if tile <= now - spans[0]:
        return
    base, entries, mask, width, sums = ring
    first = s[base + 1]
    i = s[base] - 1
    while i >= first and s[entries + (i & mask) * width] > tile:
        i -= 1
    if i < first or s[entries + (i & mask) * width] != tile:
        i += 1
        insert(s, ring, spans, tile, now, i)
    e = entries + (i & mask) * width
    for c in range(1, width):
        value = values[c - 1]
        if c <= sums:
            value = min(value, MONEY_MAX - s[e + c])
            s[e + c] += value
        else:
            s[e + c] = max(s[e + c], value)
        slot = base + 1 + c
        for span in spans:
            if tile > now - span:
                s[slot] = s[slot] + value if c <= sums else max(s[slot], value)
            slot += width


def falls_below(s: Any, ring: Any, window: int, c: int, cut: int, before: int) -> int:
    """The tile with whose leaving the window's total of column `c` falls below `cut` (0 < cut <= total).

    Only tiles before `before` are looked at: it is what comes back where the total outlasts them.
    """
    base, entries, mask, width, _ = ring
    left = s[window + c]
    for i in range(s[window], s[base]):
        e = entries + (i & mask) * width
        if s[e] >= before:
            break
        left -= s[e + c]
        if left < cut:
            return int(s[e])
    return before


def fades_below(s: Any, ring: Any, window: int, c: int, cut: int) -> int:
    """The tile with whose leaving the window's greatest value of column `c` falls below `cut`."""
    base, entries, mask, width, _ = ring
    i = s[base] - 1
    while i > s[window] and s[entries + (i & mask) * width + c] < cut:
        i -= 1
    return int(s[entries + (i & mask) * width])


def latch(s: Any, terms: Any, when: bool, clear: bool, day: int, start: int) -> int:
    """One look at a latch, as section 6 of the language reference says; 1 where it stands set."""
    at, hold, expires, terminal = terms
    mode = s[at + MODE]
    if mode == FREE and not when:
        return 0
    if mode == SET and day >= s[at + SET_DAY] + expires:
        mode = SPENT if when else FREE
    if day < s[at + WAIVED]:
        if mode == SET or not when:
            mode = FREE
    elif when:
        if mode == FREE:
            mode = SET
            s[at + SET_DAY] = day
    elif mode == SPENT:
        mode = FREE
    elif mode == SET:
        if s[at + HOLDING]:
            s[at + HELD_DAY] = day - start
        if clear and not terminal and day - s[at + HELD_DAY] >= hold:
            mode = FREE
    s[at + MODE] = mode
    s[at + HOLDING] = 1 if mode == SET and when else 0
    return 1 if mode == SET else 0


def latch_next(s: Any, terms: Any, day: int) -> int:
    """The first later day on which this latch may move though no feature does."""
    at, hold, expires, terminal = terms
    day_next = NEVER
    if s[at + WAIVED] > day:
        day_next = s[at + WAIVED]
    if s[at + MODE] == SET:
        day_next = min(day_next, s[at + SET_DAY] + expires)
        if not s[at + HOLDING] and not terminal and s[at + HELD_DAY] + hold > day:
            day_next = min(day_next, s[at + HELD_DAY] + hold)
    return day_next


def pay_dues(s: Any, count: int, dues: int, amount: int, today: int) -> int:
    """Settle the oldest dues first; returns how many were settled in full on or before their date."""
    on_time = 0
    settled = 0
    while settled < s[count] and amount >= s[dues + 2 * settled + 1]:
        amount -= s[dues + 2 * settled + 1]
        if today <= s[dues + 2 * settled]:
            on_time += 1
        settled += 1
    s[count] -= settled
    for i in range(s[count] * 2):
        s[dues + i] = s[dues + i + 2 * settled]
    if s[count] > 0:
        s[dues + 1] -= amount
    return on_time


def add_due(s: Any, count: int, dues: int, dues_max: int, amount: int, due_on: int) -> None:
    """Queue a due by its date; beyond `dues_max` its amount joins the due with the latest date."""
    if amount <= 0:
        return
    n = s[count]
    if n == dues_max:
        s[dues + 2 * n - 1] = min(s[dues + 2 * n - 1] + amount, MONEY_MAX)
        return
    i = n
    while i > 0 and s[dues + 2 * i - 2] > due_on:
        s[dues + 2 * i] = s[dues + 2 * i - 2]
        s[dues + 2 * i + 1] = s[dues + 2 * i - 1]
        i -= 1
    s[dues + 2 * i] = due_on
    s[dues + 2 * i + 1] = amount
    s[count] = n + 1


def past_due(s: Any, count: int, dues: int, today: int) -> int:
    """The sum of unpaid dues dated before today."""
    total = 0
    for i in range(s[count]):
        if s[dues + 2 * i] >= today:
            break
        total += s[dues + 2 * i + 1]
    return min(total, MONEY_MAX)
