"""Some hundred generated streams; ten thousand: `python -m tests.corrections.many --streams 10000`."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings

from linekeeper.core.event import Event
from linekeeper.evaluate import kept_states
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.model import Policy
from tests.corrections.check import any_case, lenders_case
from tests.corrections.truth import Found
from tests.kernel.agree import by_arrival, differences
from tests.oracle.clock import clock, day_of
from tests.oracle.oracle import run
from tests.oracle.reader import read
from tests.oracle.strategies import cases


@pytest.fixture(scope="module")
def lenders() -> Found:
    """Ninety borrowers' lives; those of the last seeds once seemed to end elsewhere."""
    found = Found()
    for seed in (*range(15), 580, 632, 702):
        found.add(lenders_case(seed, 5))
    return found


def test_lives_told_late_end_where_the_truth_ends(lenders: Found) -> None:
    """Engine, oracle, truth and a second run of the journal agree; duplicates change nothing."""
    assert lenders.wrong == []


def test_the_lives_are_worth_looking_at(lenders: Found) -> None:
    least = Counter(streams=90, reversals=75, moments=75, correct=30, suspend=30, decrease=60, restore=40, close=5)
    least["compared at the end"] = 45
    assert least <= lenders.counts, lenders.counts


def test_streams_that_come_close_to_everything_a_policy_can_look_at() -> None:
    found = Found()
    for seed in range(1, 31, 2):
        found.add(any_case(seed, 5))
    assert found.wrong == []
    assert Counter(streams=75, reversals=50, correct=1) <= found.counts


@pytest.mark.parametrize("interval_events", [1, 3, kept_states.INTERVAL_EVENTS])
@given(cases(late=True, reversals=4))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_kernel_and_oracle_take_late_facts_and_reversals_alike(
    monkeypatch: pytest.MonkeyPatch, interval_events: int, case: tuple[Policy, list[Event]]
) -> None:
    """However far apart the states are kept from which late facts are replayed; the oracle has none."""
    monkeypatch.setattr(kept_states, "INTERVAL_EVENTS", interval_events)
    monkeypatch.setattr(kept_states, "KEPT_MAX", 4)
    policy, events = case
    until = day_of(clock(policy.time_zone).hour(max(event.at for event in events))) + 40
    found, refused = by_arrival(Kernel(policy), events, until)
    assert differences(policy, run(read(policy.source), events, until), found, refused) == []
