"""Dues under a policy's section `dues`: a tolerance, and due dates that move to a business day.

This file is copied, as it stands, into the kernels of those policies, after the prelude. Days are local days since
1970-01-01. A list of days is a constant tuple in rising order that ends with NEVER.
"""

from __future__ import annotations

from typing import Any


def pay_dues_within(s: Any, count: int, dues: int, amount: int, tolerance: int, today: int) -> int:
    """As `pay_dues`, where a due of which no more than `tolerance` is missing counts as paid in full.

    What is missing leaves the queue with it, and stays in the balance. Every unpaid due is above the tolerance.
    """
    on_time = 0
    settled = 0
    while settled < s[count] and amount + tolerance >= s[dues + 2 * settled + 1]:
        amount = max(amount - s[dues + 2 * settled + 1], 0)
        if today <= s[dues + 2 * settled]:
            on_time += 1
        settled += 1
    s[count] -= settled
    for i in range(s[count] * 2):
        s[dues + i] = s[dues + i + 2 * settled]
    if s[count] > 0:
        s[dues + 1] -= amount
    return on_time


def is_listed(days: Any, day: int) -> int:
    """1 where the day is one of the list."""
    low = 0
    high = len(days)
    while low < high:
        middle = (low + high) // 2
        if days[middle] < day:
            low = middle + 1
        else:
            high = middle
    return 1 if days[low] == day else 0


def business_day(day: int, weekend: int, off: Any, working: Any) -> int:
    """The day itself where it is a business day, else the next that is one.

    Bit n of `weekend` stands for day n of the week (0: Monday).
    """
    while (weekend >> (day + 3) % 7 & 1 or is_listed(off, day)) and not is_listed(working, day):
        day += 1
    return day
