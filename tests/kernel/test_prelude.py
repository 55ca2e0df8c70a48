"""The arithmetic that every kernel stands on, against fractions and plain lists."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.core.bounds import DUES_MAX, MISSING, MONEY_MAX, SHARE_CEILING_BP
from linekeeper.kernel.prelude import (
    add_due,
    clamp,
    clamp_or_missing,
    divide,
    pay_dues,
    percent,
    share_of,
    sum_past_due,
)

AMOUNTS = st.integers(-MONEY_MAX, MONEY_MAX) | st.integers(-20_000, 20_000)
COUNTS = st.integers(0, 5) | st.integers(0, MONEY_MAX)
INT64 = 2**63

# ------------------------------------------------------------------ arithmetic


@given(AMOUNTS, AMOUNTS)
def test_percent(a: int, b: int) -> None:
    ceiling = SHARE_CEILING_BP
    expected = 0 if a <= 0 else ceiling if b <= 0 else min(floor(Fraction(a, b) * 10_000), ceiling)
    assert percent(a, b) == expected


@pytest.mark.parametrize(("a", "b"), [(99, 1), (100, 1), (101, 1), (MONEY_MAX, MONEY_MAX // 100), (1, MONEY_MAX)])
def test_percent_around_its_ceiling(a: int, b: int) -> None:
    assert percent(a, b) == min(a * 10_000 // b, SHARE_CEILING_BP)


@given(AMOUNTS, st.integers(-SHARE_CEILING_BP, SHARE_CEILING_BP))
def test_part(a: int, share: int) -> None:
    assert share_of(a, share) == floor(Fraction(a * share, 10_000))


@given(AMOUNTS, AMOUNTS)
def test_per(a: int, n: int) -> None:
    assert divide(a, n) == (MISSING if n <= 0 else floor(Fraction(a, n)))


@given(AMOUNTS, AMOUNTS)
def test_no_step_on_the_way_leaves_64_bits(a: int, b: int) -> None:
    """The products inside `percent` and `share_of`, where they are formed."""
    if 0 < a < 100 * b:
        assert a * 100 < INT64
        assert a * 100 % b * 100 < INT64
    assert abs(a // 10_000 * SHARE_CEILING_BP) < INT64


@given(st.integers(-(2**62), 2**62))
def test_clamp_and_keep(value: int) -> None:
    within = max(-MONEY_MAX, min(MONEY_MAX, value))
    assert clamp(value) == within
    assert clamp_or_missing(value) == (MISSING if value == MISSING else within)


# ------------------------------------------------------------------ dues

DUES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40) | st.just(MONEY_MAX)), max_size=40)
COUNT_SLOT, FIRST = 0, 1


def queue(dues: list[tuple[int, int]]) -> tuple[list[int], list[list[int]]]:
    """The dues in a state, and in a plain list: (date, amount), oldest first, the rest on the latest."""
    state = [0] * (1 + 2 * DUES_MAX)
    naive: list[list[int]] = []
    for due_on, amount in dues:
        add_due(state, COUNT_SLOT, FIRST, DUES_MAX, amount, due_on)
        if amount and len(naive) == DUES_MAX:
            naive[-1][1] = min(naive[-1][1] + amount, MONEY_MAX)
        elif amount:
            naive.append([due_on, amount])
            naive.sort(key=lambda due: due[0])  # stable: arrival decides between equal dates
    return state, naive


def held(state: list[int]) -> list[list[int]]:
    """The dues of a state."""
    return [state[FIRST + 2 * n : FIRST + 2 * n + 2] for n in range(state[COUNT_SLOT])]


@given(DUES, st.integers(0, 31))
def test_dues_are_kept_by_date(dues: list[tuple[int, int]], today: int) -> None:
    state, naive = queue(dues)
    assert held(state) == naive
    overdue = sum(amount for due_on, amount in naive if due_on < today)
    assert sum_past_due(state, COUNT_SLOT, FIRST, today) == min(overdue, MONEY_MAX)


@given(DUES, st.lists(st.integers(0, 90) | st.just(MONEY_MAX), max_size=6), st.integers(0, 31))
def test_payments_settle_the_oldest_first(dues: list[tuple[int, int]], payments: list[int], today: int) -> None:
    state, naive = queue(dues)
    for amount in payments:
        on_time, left = 0, amount
        while naive and left >= naive[0][1]:
            due_on, settled = naive.pop(0)
            left, on_time = left - settled, on_time + (today <= due_on)
        if naive:
            naive[0][1] -= left
        assert (pay_dues(state, COUNT_SLOT, FIRST, amount, today) if state[COUNT_SLOT] else 0) == on_time
        assert held(state) == naive
