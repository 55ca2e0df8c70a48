"""One account's life from empty, event by event as they arrived, under each version of the policy that it was under."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from linekeeper.evaluate.circuit_breaker import CircuitBreaker, EvaluationPoint, passes_as_recorded
from linekeeper.evaluate.evaluator import Arrivals, EvaluationResult, apply_in_arrival_order, review_account, row_at
from linekeeper.evaluate.event_batch import Batch, Ints, batch_as_read_by
from linekeeper.evaluate.late_events import History
from linekeeper.evaluate.version_migration import migrate_account
from linekeeper.kernel.kernel import Kernel

NO_END = 2**62


@dataclass(frozen=True, slots=True)
class PolicyPeriod:
    """What happened under one version: the events up to arrival number `last_event`, the looks before `end_day`."""

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
    pending: Sequence[tuple[str, EvaluationPoint]],
    state: list[int],
    new_result: Callable[[], EvaluationResult] = EvaluationResult,
) -> list[EvaluationResult]:
    """What each stage led to, up to the start of `until_day`; `state`, in place, becomes the last one's.

    `batch` is encoded by the newest version, `reviewed` the day reviewed before each of its events arrived, `held`
    the looks that were the first to be held by the brake.
    """
    history, found, first = History(), list[EvaluationResult](), -1
    whole = np.arange(batch.starts[account], batch.starts[account + 1])
    numbers = arrivals.numbers[batch.rows[whole]]
    for place, period in enumerate(periods):
        own = batch_as_read_by(period.kernel.policy, _part(batch, account, whole))
        history.rows |= {int(n): row_at(own, event) for event, n in enumerate(numbers) if int(n) in history.rows}
        if place:
            history.under.append((periods[place - 1].kernel, periods[place - 1].end_day))
            migrate_account(
                periods[place - 1].kernel, period.kernel, state, history.standing(), periods[place - 1].end_day
            )
        events = np.flatnonzero((numbers > first) & (numbers <= period.last_event))
        part, kernel, result = _part(own, 0, events), period.kernel, new_result()
        breaker = (
            CircuitBreaker(kernel, arrivals.numbers[part.rows].tolist(), {}, passes_as_recorded(pending))
            if pending
            else None
        )
        apply_in_arrival_order(kernel, part, 0, state, history, arrivals, reviewed[whole[events]], result, breaker)
        review_account(kernel, part, 0, state, min(until_day, period.end_day - 1), kernel.new_row(), result, breaker)
        found.append(result.placed(np.array([account]), whole[events]))
        first = period.last_event
    return found


def _part(batch: Batch, account: int, events: Ints) -> Batch:
    """Some events of one account."""
    columns = (column[events] for column in (batch.rows, batch.at, batch.hour, batch.kind, batch.x))
    return Batch([batch.accounts[account]], np.array([0, len(events)], dtype=np.int64), *columns)
