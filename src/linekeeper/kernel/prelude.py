"""What every kernel stands on: integer arithmetic, tiles, rings and latches.

This file is copied, as it stands, into each generated kernel, below the policy's numbers, so that one source holds all
that decides. Everything works on `s`, the flat state of one account: a list of ints, or an int64 array.

A ring keeps the tiles of one kind of event that have something in them, oldest first:

    base           the absolute index after the newest entry
    base + 1 ...   its windows, longest first: absolute index of its oldest entry, then the totals that are read
    entries - 1    no window loses its oldest entry before this tile has come
    entries ...    (mask + 1) entries of `width` slots: tile, then counts, sums and greatest values of its events;
                   after the newest stands one whose tile is NEVER

What is constant comes in global tuples: `ring` is (base, entries, mask, width), `terms` of a latch (slot, hold,
expires, terminal, the days that the longest window of its `when` takes).
"""

from __future__ import annotations

from typing import Any

MISSING = -(2**62)
NEVER = 2**40
MONEY_MAX = 10**15
CEILING_BP = 1_000_000
WHOLE_MAX = 2**63 // 10_000  # what times 10,000 stays within 64 bits

UNKNOWN = 0  # the day of the next review, where it has not been worked out
FULL_BP = 10_000  # all of what is granted

BARRED, FREE, SET, SPENT = -1, 0, 1, 2
# Evaluations: at the start of a day; on the cut-over day, or after an event of its history. 0: after any other event.
MORNING, STANDSTILL = 1, 2
# A latch: mode, holding, day set, day `when` last held, first day no longer waived.
MODE, HOLDING, SET_DAY, HELD_DAY, WAIVED = 0, 1, 2, 3, 4


def clamp(value: int) -> int:
    """Within 10^15 either way."""
    return min(max(value, -MONEY_MAX), MONEY_MAX)


def clamp_or_missing(value: int) -> int:
    """Within 10^15 either way, or missing."""
    return MISSING if value == MISSING else min(max(value, -MONEY_MAX), MONEY_MAX)


def percent(a: int, b: int) -> int:
    """floor(a * 10,000 / b) in basis points, without leaving 64 bits for |a|, |b| up to 10^15.

    >>> percent(1, 3), percent(0, 0), percent(5, 0), percent(10**15, 10**15 - 1)
    (3333, 0, 1000000, 10000)
    """
    if 0 < a < WHOLE_MAX and b > 0 and a < 100 * b:  # `b > 0` follows, but a compiler cannot know: it saves 5 %
        return a * 10_000 // b
    if a <= 0:
        return 0
    if b <= 0 or a >= 100 * b:
        return CEILING_BP
    return a * 100 // b * 100 + a * 100 % b * 100 // b


def share_of(a: int, share: int) -> int:
    """floor(a * share / 10,000), without leaving 64 bits.

    >>> share_of(999, 5_000), share_of(-1, 5_000)
    (499, -1)
    """
    if 0 <= a < WHOLE_MAX and 0 <= share <= 10_000:
        return a * share // 10_000
    return a // 10_000 * share + a % 10_000 * share // 10_000


def divide(a: int, n: int) -> int:
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
    _, entries, mask, width = ring
    top = MISSING
    for i in range(first, end):
        top = max(top, s[entries + (i & mask) * width + c])
    return top


def make_room(s: Any, ring: Any, end: int, p: int) -> None:
    """Move the entries from absolute index `p` on by one; only late events find any."""
    _, entries, mask, width = ring
    for i in range(end, p, -1):
        for c in range(width):
            s[entries + (i & mask) * width + c] = s[entries + (i - 1 & mask) * width + c]


def falls_below(s: Any, ring: Any, first: int, c: int, left: int, cut: int, before: int) -> int:
    """The tile with whose leaving a window's total `left` of column `c` falls below `cut` (0 < cut <= left).

    Its oldest entry is `first`. Only tiles before `before` are asked: it is what comes back where the total
    outlasts them.
    """
    base, entries, mask, width = ring
    for i in range(first, s[base]):
        e = entries + (i & mask) * width
        if s[e] >= before:
            break
        left -= s[e + c]
        if left < cut:
            return int(s[e])
    return before


def fades_below(s: Any, ring: Any, first: int, c: int, cut: int) -> int:
    """The tile with whose leaving the greatest value of column `c` from entry `first` on falls below `cut`."""
    base, entries, mask, width = ring
    i = s[base] - 1
    while i > first and s[entries + (i & mask) * width + c] < cut:
        i -= 1
    return int(s[entries + (i & mask) * width])


def latch(s: Any, terms: Any, when: bool, clear: bool, day: int, start: int, observed: int) -> int:
    """Bring a latch that is not free, or whose `when` holds, up to now; 1 where it stands set then.

    Section 6 of the language reference says what happens. `observed`: the days of which all events are known.
    """
    at, hold, expires, terminal, window = terms
    mode = s[at + MODE]
    if start == STANDSTILL:  # what holds as the line is taken over restricts nobody
        if mode <= FREE:
            s[at + MODE] = BARRED if when else FREE
        return 1 if mode == SET else 0
    if mode == BARRED and start != MORNING and observed >= window:
        mode = FREE
    # What has expired is not set anew by what set it: `when` must cease first.
    if mode == SET and day >= s[at + SET_DAY] + expires:
        mode = SPENT if when else FREE
    if day < s[at + WAIVED]:
        if mode == SET or not when:
            mode = FREE
    elif when:
        if mode == FREE:
            mode = SET
            s[at + SET_DAY] = day
    elif mode != SET:
        mode = FREE
    else:
        # The hold runs from the last day on which `when` held. At the start of a day that was the day before; after an
        # event it is today, for `when` held until that event came.
        if s[at + HOLDING]:
            s[at + HELD_DAY] = day - start
        if clear and not terminal and day - s[at + HELD_DAY] >= hold:
            mode = FREE
    s[at + MODE] = mode
    s[at + HOLDING] = 1 if mode == SET and when else 0
    return 1 if mode == SET else 0


def latch_next(s: Any, terms: Any, day: int) -> int:
    """The first later day on which this latch may move though no feature does."""
    at, hold, expires, terminal, _ = terms
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


def sum_past_due(s: Any, count: int, dues: int, today: int) -> int:
    """The sum of unpaid dues dated before today."""
    total = 0
    for i in range(s[count]):
        if s[dues + 2 * i] >= today:
            break
        total += s[dues + 2 * i + 1]
    return min(total, MONEY_MAX)
