"""What of an account's dues counts: the reading of a state, its law, and the facts of the kernel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linekeeper.core.event import Event
from linekeeper.core.line import Status
from linekeeper.evaluate.unowed_dues import with_unowed_dues
from linekeeper.kernel.arrears import arrears_of
from linekeeper.kernel.dues import business_day, is_listed, pay_dues_within
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.prelude import NEVER, pay_dues
from linekeeper.policy import model as m
from linekeeper.policy.load import load_text
from tests.kernel.agree import state_after, unreversed
from tests.oracle.ledger import business_day as oracles_business_day
from tests.oracle.strategies import cases
from tests.oracle.tree import BusinessDays

HEAD = "policy: arrears\nversion: 1\ncurrency: CNY\ntime_zone: UTC\n"
LATE = "triggers:\n  late: {when: past_due > 0 CNY or days_past_due > 0, suspend: yes, reason: arrears}\n"
DAY_MS = 86_400_000


def state_of(kernel: Kernel, events: list[tuple[int, str, dict[str, int | str]]]) -> list[int]:
    """The state after some events: day, kind, fields."""
    given = [(0, "open", {"limit": 100_000}), *events]
    return state_after(kernel, [Event(f"e{n}", "A", k, day * DAY_MS, f) for n, (day, k, f) in enumerate(given)])


@given(cases())
@settings(max_examples=40)
def test_the_arrears_of_a_state_keep_their_law(case: tuple[m.Policy, list[Event]]) -> None:
    """Never more than is owed; without an amount no days but those reported; as the kernel has it where it asks."""
    policy, events = case
    kernel = Kernel(policy)
    state, slots = state_after(kernel, unreversed(events)), kernel.layout.slots
    day = state[slots["HOUR"]] // 24
    arrears = arrears_of(kernel, state, day)
    owed = max(state[slots["BALANCE"]], 0)
    if state[slots["OWED_KNOWN"]]:
        assert sum(amount for _, amount in arrears.dues) <= owed
        assert arrears.past_due_minor <= owed
    assert (arrears.past_due_minor > 0) == (arrears.oldest_due_on is not None)
    if not arrears.past_due_minor:
        assert arrears.days_past_due == state[slots["REPORTED"]]
    assert with_unowed_dues(kernel, np.array([state])).tolist() == [arrears.above_owed_minor > 0]
    out = kernel.new_row()
    kernel.interpreted.features(state, out)
    for number, feature in enumerate(policy.features):
        own = {"past_due": arrears.past_due_minor, "days_past_due": arrears.days_past_due}.get(feature.name)
        assert own in (None, out[kernel.shape.values + number])


def test_under_the_first_edition_dues_count_whatever_is_owed() -> None:
    policy = load_text(HEAD + LATE)
    events: list[tuple[int, str, dict[str, int | str]]] = [
        (1, "draw", {"amount": 100}),
        (1, "due", {"amount": 100, "due_on": 5}),
        (10, "balance", {"amount": 0}),
    ]
    for edition, expected in ((1, (100, 5, 0)), (2, (0, 0, 100))):
        kernel = Kernel(policy, edition)
        state = state_of(kernel, events)
        arrears = arrears_of(kernel, state, 10)
        assert (arrears.past_due_minor, arrears.days_past_due, arrears.above_owed_minor) == expected
        assert with_unowed_dues(kernel, np.array([state])).tolist() == [edition == 2]
        status = state[kernel.layout.slots["STATUS"]]
        assert (status == Status.SUSPENDED) == (edition == 1)


def test_a_policy_without_a_section_has_no_code_of_one() -> None:
    plain, with_dues = (Kernel(load_text(HEAD + LATE + more)).source for more in ("", "dues: {tolerance: 1 CNY}\n"))
    assert "pay_dues_within" in with_dues
    for word in ("pay_dues_within", "business_day", "PAID_AHEAD", "DUES_"):
        assert word not in plain.replace("DUES_MAX", "")


# ------------------------------------------------------------------ the functions that a kernel has for dues


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 50)), max_size=6), st.integers(0, 200), st.integers(0, 40))
def test_a_tolerance_of_nothing_is_none(dues: list[tuple[int, int]], amount: int, today: int) -> None:
    plain = [len(dues), *(number for due in sorted(dues) for number in due), *[0] * 8]
    within = list(plain)
    assert pay_dues(plain, 0, 1, amount, today) == pay_dues_within(within, 0, 1, amount, 0, today)
    assert plain == within


@given(
    st.integers(0, 400),
    st.sets(st.integers(0, 6), max_size=6),
    st.sets(st.integers(0, 420), max_size=60),
    st.sets(st.integers(0, 420), max_size=60),
)
def test_a_business_day_is_the_first_that_is_one(day: int, weekend: set[int], off: set[int], working: set[int]) -> None:
    bits = sum(1 << weekday for weekday in weekend)
    found = business_day(day, bits, (*sorted(off), NEVER), (*sorted(working), NEVER))
    own = BusinessDays(tuple(sorted(weekend)), tuple(sorted(off)), tuple(sorted(working)))
    assert found == oracles_business_day(own, day) >= day


@pytest.mark.parametrize("days", [(), (5,), (5, 7, 9)])
def test_a_day_is_listed_where_it_stands_in_the_list(days: tuple[int, ...]) -> None:
    assert [day for day in range(12) if is_listed((*days, NEVER), day)] == list(days)
