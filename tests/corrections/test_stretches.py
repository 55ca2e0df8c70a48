"""Events that arrive in order of time go in bulk, with the same decisions and states, whatever came late before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from linekeeper.core.event import Event
from linekeeper.core.line import ADVERSE
from linekeeper.engine.point_in_time import AdverseResult
from linekeeper.evaluate import evaluator, late_events
from linekeeper.evaluate.evaluator import Arrivals, RawDecision, apply_in_arrival_order
from linekeeper.evaluate.event_batch import EventRow, batch_of_few
from linekeeper.evaluate.late_events import REVERSAL, History
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.model import Policy
from tests.oracle.strategies import cases

NEVER_IN_BULK = 2**40
REVIEWED_EVERY = 9  # events between two reviews up to the day of the latest event


def outcome(
    kernel: Kernel, events: list[Event], only: int | None = None
) -> tuple[list[RawDecision], dict[int, int], list[int], History, dict[int, list[int]]]:
    """What one account's events lead to in their order of arrival, and the state after each adverse (or `only` one)."""
    batch = batch_of_few(kernel.policy, kernel.calendar, events)
    numbers = {event.id: number for number, event in enumerate(events)}
    named = {number: str(event.fields.get("of")) for number, event in enumerate(events) if event.kind == REVERSAL}
    reverses = {number: numbers[name] for number, name in named.items() if name in numbers}
    latest = np.maximum.accumulate([kernel.calendar.day(event.at) for event in events])
    reviewed = latest[np.arange(len(events)) // REVIEWED_EVERY * REVIEWED_EVERY]
    state, history = kernel.new_state(), History()
    result = AdverseResult(kernel, state, only)
    arrivals = Arrivals(np.arange(len(events)), reverses)
    apply_in_arrival_order(kernel, batch, 0, state, history, arrivals, reviewed[batch.rows], result)
    action = kernel.shape.place("ACTION")
    adverse = {
        place: result.decisions.states[place]
        for place, raw in enumerate(result.decisions)
        if raw.row[action] in ADVERSE and only in (None, place)
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
    for place, adverse in one_by_one[4].items():
        assert outcome(kernel, events, only=place)[4] == {place: adverse}


@given(cases(late=True, reversals=3))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_facts_are_alike_whether_or_not_days_are_evaluated_on_the_way(
    monkeypatch: pytest.MonkeyPatch, case: tuple[Policy, list[Event]]
) -> None:
    policy, events = case
    kernel = Kernel(policy)
    state, history = outcome(kernel, events)[2:4]
    if not history.order:
        return
    rebuilt = []
    with monkeypatch.context() as patched:
        patched.setattr(late_events, "replay_rows", partial(interpreted, replay=late_events.replay_rows))
        for compiled in (False, True):
            patched.setattr(Kernel, "is_worth_compiling", lambda _self, _evaluations, at_hand=compiled: at_hand)
            rebuilt.append(list(state))
            late_events.rebuild_facts(kernel, rebuilt[-1], History(history.rows, history.order, history.reversed))
    assert rebuilt[0] == rebuilt[1]


def interpreted(
    kernel: Kernel, state: list[int], rows: Sequence[EventRow], *, compiled: bool, replay: Callable[..., None]
) -> None:
    """The same replay without machine code, which would take half a second for each generated policy."""
    replay(kernel, state, rows, compiled=False)
