"""Events that arrive in order of time go in bulk, with the same decisions and states, whatever came late before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from linekeeper.core.event import Event
from linekeeper.core.line import ADVERSE
from linekeeper.engine.point_in_time import AdverseResult
from linekeeper.evaluate import evaluator
from linekeeper.evaluate.evaluator import Arrivals, RawDecision, apply_in_arrival_order
from linekeeper.evaluate.event_batch import batch_of_few
from linekeeper.evaluate.late_events import REVERSAL, History
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.model import Policy
from tests.oracle.strategies import cases

NEVER_IN_BULK = 2**40
REVIEWED_EVERY = 9  # events between two reviews up to the day of the latest event


def outcome(
    kernel: Kernel, events: list[Event]
) -> tuple[list[RawDecision], dict[int, int], list[int], History, dict[int, list[int]]]:
    """What one account's events lead to in their order of arrival, with the state after each adverse decision."""
    batch = batch_of_few(kernel.policy, kernel.calendar, events)
    numbers = {event.id: number for number, event in enumerate(events)}
    named = {number: str(event.fields.get("of")) for number, event in enumerate(events) if event.kind == REVERSAL}
    reverses = {number: numbers[name] for number, name in named.items() if name in numbers}
    latest = np.maximum.accumulate([kernel.calendar.day(event.at) for event in events])
    reviewed = latest[np.arange(len(events)) // REVIEWED_EVERY * REVIEWED_EVERY]
    state, history = kernel.new_state(), History()
    result = AdverseResult(kernel, state)
    arrivals = Arrivals(np.arange(len(events)), reverses)
    apply_in_arrival_order(kernel, batch, 0, state, history, arrivals, reviewed[batch.rows], result)
    action = kernel.shape.place("ACTION")
    adverse = {
        place: result.decisions.states[place]
        for place, raw in enumerate(result.decisions)
        if raw.row[action] in ADVERSE
    }
    return list(result.decisions), result.refused, state, history, adverse


@pytest.mark.parametrize("least", [1, 4])
@given(cases(late=True, reversals=3))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_bulk_and_one_by_one_are_alike(
    monkeypatch: pytest.MonkeyPatch, least: int, case: tuple[Policy, list[Event]]
) -> None:
    policy, events = case
    kernel = Kernel(policy)
    monkeypatch.setattr(evaluator, "BULK_EVENTS_MIN", NEVER_IN_BULK)
    one_by_one = outcome(kernel, events)
    monkeypatch.setattr(evaluator, "BULK_EVENTS_MIN", least)
    in_bulk = outcome(kernel, events)
    assert in_bulk[:3] == one_by_one[:3]
    assert (in_bulk[3].rows, in_bulk[3].order) == (one_by_one[3].rows, one_by_one[3].order)
    assert in_bulk[4] == one_by_one[4]
