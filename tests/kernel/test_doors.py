"""The kernel's other doors: may this draw happen now, and the features of a day; against the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linekeeper.core.bounds import MISSING
from linekeeper.core.event import Event
from linekeeper.evaluate.authorisation import authorise as authorise_on_line
from linekeeper.evaluate.late_events import review_until
from linekeeper.evaluate.replay import snapshots
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from tests.kernel.agree import batch_of_streams, last_day, row_of, state_after, unreversed
from tests.oracle.generate import asks, policy_text, stream
from tests.oracle.oracle import authorise, values_at
from tests.oracle.reader import read
from tests.oracle.strategies import cases

GROUNDS = ((1, "suspended"), (2, "closed"), (4, "over_available"))


def asked(kernel: Kernel, state: list[int], at: int, amount: int) -> tuple[bool, tuple[str, ...], str | None]:
    """The kernel's answer in the oracle's words: allowed, the rules that deny, and the line's own ground."""
    hour, out = kernel.calendar.hour(at), kernel.new_row()
    state = state.copy()
    for _ in review_until(kernel, state, hour // 24, out):
        pass
    denied = kernel.interpreted.authorise(state, out, max(hour, state[kernel.layout.slots["HOUR"]]), amount)
    rules = tuple(rule.name for number, rule in enumerate(kernel.policy.authorise) if denied & 8 << number)
    return denied == 0, rules, next((word for bit, word in GROUNDS if denied & bit), None)


@given(cases(late=True, reversals=1), st.integers(0, 1_000))
@settings(max_examples=settings().max_examples // 2)
def test_authorise(case: tuple[Policy, list[Event]], seed: int) -> None:
    policy, events = case
    kernel = Kernel(policy)
    state = state_after(kernel, events)
    for at, amount in asks(policy, events, seed)[:: 2 + seed % 2]:
        expected = authorise(read(policy.source), events, at, amount)
        assert asked(kernel, state, at, amount) == (expected.allowed, expected.denied_by, expected.line)


def test_a_line_that_has_not_opened_is_not_open() -> None:
    kernel = Kernel(load_text(policy_text(3)))
    answer = authorise_on_line(kernel, kernel.new_state(), 1_700_000_000_000, 100)
    assert (answer.allowed, answer.reasons) == (False, ("not_open",))


@given(cases(), st.integers(0, 1_000))
def test_asking_changes_nothing(case: tuple[Policy, list[Event]], seed: int) -> None:
    """A denied draw leaves no trace: a state copied before is the same after, whatever was asked."""
    policy, events = case
    kernel = Kernel(policy)
    state = state_after(kernel, events)
    before = state.copy()
    for at, amount in asks(policy, events, seed):
        asked(kernel, state, at, amount)
    assert state == before


@pytest.mark.parametrize("name", [3, 20])
def test_snapshots_are_the_values_of_the_mornings(name: int) -> None:
    """The features of each open account at the start of some days, as the look of that morning worked with them."""
    policy = load_text(policy_text(name))
    kernel, names = Kernel(policy), [feature.name for feature in policy.features]
    for seed in range(8):
        events = unreversed(stream(policy, seed))
        first, last = kernel.calendar.day(events[0].at), last_day(policy, events)
        days = sorted({first - 1, first, first + 1, (first + last) // 2, last, last + 1, last + 45})
        account, index, rows = snapshots(kernel, batch_of_streams(kernel, [events]), np.array(days, dtype=np.int64))
        found = dict(zip(index.tolist(), rows[:, kernel.shape.values :].tolist(), strict=True))
        assert account.tolist() == [0] * len(rows)
        for number, day in enumerate(days):
            expected = values_at(read(policy.source), events, day)
            if expected is not None:
                values = [None if value == MISSING else value for value in found[number]]
                assert dict(zip(names, values, strict=True)) == expected


def test_a_snapshot_knows_nothing_of_its_own_day() -> None:
    """At the start of a day the events of that day have not happened."""
    policy = load_text(policy_text(3))
    kernel = Kernel(policy)
    events = unreversed(stream(policy, 4))
    day = last_day(policy, events)
    before = [event for event in events if row_of(kernel, event).hour // 24 < day]
    one = snapshots(kernel, batch_of_streams(kernel, [events]), np.array([day], dtype=np.int64))
    other = snapshots(kernel, batch_of_streams(kernel, [before]), np.array([day], dtype=np.int64))
    assert len(before) < len(events)
    assert np.array_equal(one[2], other[2])
