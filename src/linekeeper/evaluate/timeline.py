"""An account's timeline: from empty, in order of arrival, under each version that the account was under."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from linekeeper.evaluate.circuit_breaker import CircuitBreaker, EvaluationPoint, passes_as_recorded
from linekeeper.evaluate.evaluator import (
    Arrivals,
    EvaluationResult,
    apply_in_arrival_order,
    note_decisions,
    review_account,
)
from linekeeper.evaluate.event_batch import Batch, Ints, batch_as_read_by, row_at
from linekeeper.evaluate.late_events import History
from linekeeper.evaluate.version_migration import migrate_account
from linekeeper.kernel.kernel import Kernel

NO_END = 2**62


@dataclass(frozen=True, slots=True)
class PolicyPeriod:
    """How long one version held for an account: events up to arrival number `last_event`, evaluations before `end_day`.

    Both ends are needed: an event may arrive after the version ended, though it happened while the version held.
    """

    kernel: Kernel
    last_event: int = NO_END
    end_day: int = NO_END


def run_timeline(
    periods: Sequence[PolicyPeriod],
    batch: Batch,
    account: int,
    arrivals: Arrivals,
    reviewed: Ints,
    until_day: int,
    became_pending: Sequence[tuple[str, EvaluationPoint]],
    state: list[int],
    new_result: Callable[[], EvaluationResult] = EvaluationResult,
) -> list[EvaluationResult]:
    """Run one account from empty to the start of `until_day`; the result of each period.

    `batch` is encoded by the newest version, `reviewed` holds the day reviewed before each of its events arrived,
    `became_pending` says at which evaluations restrictions became pending. `state` starts empty under the first
    period's layout and becomes, in place, the state under the last.
    """
    history, results, last_event = History(), list[EvaluationResult](), -1
    events = np.arange(batch.starts[account], batch.starts[account + 1])
    numbers = arrivals.numbers[batch.rows[events]]
    for place, period in enumerate(periods):
        kernel, result = period.kernel, new_result()
        history.noted = 0
        own = batch_as_read_by(kernel.policy, _part(batch, account, events))
        # Each version reads the history in its own way: a choice may be missing to one and known to the next.
        history.rows |= {int(n): row_at(own, event) for event, n in enumerate(numbers) if int(n) in history.rows}
        if place:
            before = periods[place - 1]
            history.end_version(before.kernel, before.end_day)
            migrate_account(before.kernel, kernel, state, history, before.end_day)
        arrived = np.flatnonzero((numbers > last_event) & (numbers <= period.last_event))
        part = _part(own, 0, arrived)
        breaker = _breaker(kernel, part, arrivals, became_pending)
        if place:
            first_day = min(until_day, periods[place - 1].end_day)
            review_account(kernel, part, 0, state, first_day, kernel.new_row(), result, breaker)
        apply_in_arrival_order(kernel, part, 0, state, history, arrivals, reviewed[events[arrived]], result, breaker)
        review_account(kernel, part, 0, state, min(until_day, period.end_day - 1), kernel.new_row(), result, breaker)
        result.pending = breaker.changed if breaker else []
        note_decisions(kernel, history, result)
        results.append(result.placed(np.array([account]), events[arrived]))
        last_event = period.last_event
    return results


def _breaker(
    kernel: Kernel, part: Batch, arrivals: Arrivals, became_pending: Sequence[tuple[str, EvaluationPoint]]
) -> CircuitBreaker | None:
    """The circuit breaker that withholds what the journal says was withheld; none where nothing was."""
    if not became_pending:
        return None
    return CircuitBreaker(kernel, arrivals.numbers[part.rows].tolist(), {}, passes_as_recorded(became_pending))


def _part(batch: Batch, account: int, events: Ints) -> Batch:
    """Some events of one account."""
    columns = (column[events] for column in (batch.rows, batch.at, batch.hour, batch.kind, batch.x))
    return Batch([batch.accounts[account]], np.array([0, len(events)], dtype=np.int64), *columns)
