"""From a batch of events and the accounts' states to raw decisions. Pure.

Most accounts run in bulk, in order of time. An account goes one event at a time where order of arrival matters: it
has a late event or a reversal, or a circuit breaker must be asked after each evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from linekeeper.core.event import RejectionCode
from linekeeper.evaluate.circuit_breaker import CircuitBreaker
from linekeeper.evaluate.correction import correct
from linekeeper.evaluate.event_batch import Batch, Ints, events_of, narrowed, row_at
from linekeeper.evaluate.late_events import (
    REVERSAL,
    History,
    apply_on_arrival,
    counts_as_late,
    is_rejected_draw,
    refusal_of,
    review_until,
)
from linekeeper.evaluate.replay import replay
from linekeeper.kernel.kernel import Kernel

NOT_REVIEWED = -(2**40)  # the day up to which a store is reviewed before its first review
UNKNOWN_EVENT, OVER_LIMIT = 3, 6
REFUSAL_REASONS = {
    1: "the account is not open yet",
    2: "the account is already open",
    UNKNOWN_EVENT: "`of` names no earlier event of the same account and source; send that event first",
    4: "`of` names an event of a kind that cannot be reversed: `open`, `consent`, `override` or `reversal`",
    5: "`of` names an event that was reversed before",
    OVER_LIMIT: "the draw is of more than is available, and the policy rejects such draws",
}


def rejection_code(refusal: int) -> RejectionCode:
    """The code for programs of a refusal, which is one of `REFUSAL_REASONS`."""
    return RejectionCode.OVER_LIMIT if refusal == OVER_LIMIT else RejectionCode.REFUSED


@dataclass(frozen=True, slots=True)
class RawDecision:
    """A decision before it is recorded, as the kernel wrote it.

    `account` is the account's place in the batch, `event` the event's place or -1 (the start of a day), `at` UTC ms,
    `row` the kernel's row (see `kernel.layout`).
    """

    account: int
    event: int
    at: int
    row: Sequence[int]


@dataclass
class EvaluationResult:
    """What a batch led to. `refused` maps events' places in the batch to codes of `REFUSAL_REASONS`."""

    decisions: list[RawDecision] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)
    evaluations: int = 0

    def merge(self, part: EvaluationResult, accounts: Ints, batch: Batch) -> None:
        """Add the result for `narrowed(batch, accounts)`."""
        placed = part.placed(accounts, events_of(batch, accounts))
        self.decisions += placed.decisions
        self.refused |= placed.refused
        self.evaluations += placed.evaluations

    def placed(self, accounts: Ints, events: Ints) -> EvaluationResult:
        """The same result, with the places that its accounts and events have in a larger batch."""
        decisions = [
            RawDecision(int(accounts[raw.account]), int(events[raw.event]) if raw.event >= 0 else -1, raw.at, raw.row)
            for raw in self.decisions
        ]
        refused = {int(events[event]): code for event, code in self.refused.items()}
        return EvaluationResult(decisions, refused, self.evaluations)


@dataclass(frozen=True)
class Arrivals:
    """How a table's events arrived: `numbers[row]` is the arrival number of a row of the table.

    `reverses` maps the arrival number of a reversal to that of the event which it names, where there is one.
    """

    numbers: Ints
    reverses: Mapping[int, int]


Histories = Callable[[Sequence[str]], dict[str, History]]  # the events of each of these accounts before the batch


def evaluate_batch(
    kernel: Kernel,
    batch: Batch,
    states: Ints,
    reviewed_day: int,
    arrivals: Arrivals,
    histories: Histories,
    breaker: CircuitBreaker | None = None,
) -> EvaluationResult:
    """Run the batch from `states` (int64[accounts, size], changed in place).

    Everything has been reviewed up to the start of local day `reviewed_day`. Behind a breaker all accounts go one by
    one, since the breaker has to see each evaluation before the next is made.
    """
    late = late_accounts(kernel, batch, states, reviewed_day) | with_reversals(kernel, batch)
    one_by_one = late | (breaker is not None) | with_draws_to_check(kernel, batch)
    if not one_by_one.any():
        return in_bulk(kernel, batch, states, NOT_REVIEWED)
    result = EvaluationResult()
    on_time = np.flatnonzero(~one_by_one)
    states_on_time = states[on_time]
    result.merge(in_bulk(kernel, narrowed(batch, on_time), states_on_time, NOT_REVIEWED), on_time, batch)
    states[on_time] = states_on_time
    known = histories([batch.accounts[account] for account in np.flatnonzero(late)])
    reviewed = np.full(len(batch), reviewed_day)
    for account in np.flatnonzero(one_by_one).tolist():
        state, history = states[account].tolist(), known.get(batch.accounts[account], History())
        apply_in_arrival_order(kernel, batch, account, state, history, arrivals, reviewed, result, breaker)
        states[account] = state
    result.decisions.sort(key=lambda raw: raw.account)  # a stable sort: each account's own order stays
    return result


def evaluate_from_empty(
    kernel: Kernel,
    batch: Batch,
    one_by_one: np.ndarray,
    arrivals: Arrivals,
    reviewed: Ints,
    until_day: int,
    breaker: CircuitBreaker | None = None,
    *,
    states: Ints | None = None,
    **how: Any,
) -> EvaluationResult:
    """Every account from empty up to the start of `until_day`: those marked `one_by_one` so, the rest by `replay`.

    `reviewed[event]` is the day reviewed before that event arrived. `states`, where given, are empty ones and are
    filled; `how` goes to `replay`.
    """
    in_time_order = np.flatnonzero(~one_by_one)
    part = narrowed(batch, in_time_order) if one_by_one.any() else batch
    outcome = replay(kernel, part, until_day, keep_states=states is not None, **how)
    columns = (outcome.account, outcome.event, outcome.rows, outcome.refused, outcome.evaluations)
    replayed = result_of(kernel, part, *columns)
    if states is not None and outcome.states is not None:
        states[in_time_order] = outcome.states
    if not one_by_one.any():
        return replayed
    result = EvaluationResult()
    result.merge(replayed, in_time_order, batch)
    for account in np.flatnonzero(one_by_one).tolist():
        state = kernel.new_state()
        apply_in_arrival_order(kernel, batch, account, state, History(), arrivals, reviewed, result, breaker)
        review_account(kernel, batch, account, state, until_day, kernel.new_row(), result, breaker)
        if states is not None:
            states[account] = state
    result.decisions.sort(key=lambda raw: raw.account)
    return result


def apply_in_arrival_order(
    kernel: Kernel,
    batch: Batch,
    account: int,
    state: list[int],
    history: History,
    arrivals: Arrivals,
    reviewed: Ints,
    result: EvaluationResult,
    breaker: CircuitBreaker | None = None,
) -> None:
    """One account's events in order of arrival. Changes `state` and `history` and adds to `result`.

    `reviewed[event]` is the day up to which all had been reviewed when that event arrived.
    """
    low, high = int(batch.starts[account]), int(batch.starts[account + 1])
    numbers = arrivals.numbers[batch.rows[low:high]].tolist()
    for number, event in sorted(zip(numbers, range(low, high), strict=True)):
        row, reverses = row_at(batch, event), arrivals.reverses.get(number)
        day, out = int(reviewed[event]), kernel.new_row()
        is_pending = breaker is not None and batch.accounts[account] in breaker.pending
        refusal = refusal_of(kernel, state, history, row, reverses)
        if not refusal and is_rejected_draw(kernel, state, row, day, is_pending):
            refusal = OVER_LIMIT
        if refusal:
            result.refused[event] = refusal
            continue
        review_account(kernel, batch, account, state, max(row.hour // 24, day), out, result, breaker)
        advance_clock(kernel, state, day)
        late, before = counts_as_late(kernel, state, row), list(state) if breaker else state
        decided = apply_on_arrival(kernel, state, history, number, row, out, reverses)
        result.evaluations += 1
        withheld = breaker is not None and breaker.holds_back(
            batch.accounts[account], before, state, out, decided, event, row
        )
        if decided and not withheld:
            result.decisions.append(RawDecision(account, event, now_of(kernel, state), list(out)))
        # The late fact has had its own effect first: bad news counts from now on. Only then is the account compared
        # with a replay in which every event came on time, and released from what that replay does not set.
        if late and correct(kernel, state, history, out):
            result.decisions.append(RawDecision(account, event, now_of(kernel, state), out))


def review_account(
    kernel: Kernel,
    batch: Batch,
    account: int,
    state: list[int],
    day: int,
    out: list[int],
    result: EvaluationResult,
    breaker: CircuitBreaker | None = None,
) -> None:
    """Make the evaluations of one account that are due up to the start of `day`."""
    before = list(state) if breaker else state
    for decided in review_until(kernel, state, day, out):
        result.evaluations += 1
        withheld = breaker is not None and breaker.holds_back(
            batch.accounts[account], before, state, out, decided, -1, None
        )
        if decided and not withheld:
            result.decisions.append(RawDecision(account, -1, now_of(kernel, state), list(out)))
        before = list(state) if breaker else state


# ------------------------------------------------------------------ which accounts go one by one


def with_reversals(kernel: Kernel, batch: Batch) -> np.ndarray:
    """For each account, whether there is a reversal among its events."""
    marked = np.zeros(len(batch.accounts), dtype=bool)
    events = np.flatnonzero(batch.kind == kernel.policy.kind(REVERSAL).number)
    marked[np.searchsorted(batch.starts, events, side="right") - 1] = True
    return marked


def with_draws_to_check(kernel: Kernel, batch: Batch) -> np.ndarray:
    """For each account, whether there is a draw among its events that the policy may reject."""
    marked = np.zeros(len(batch.accounts), dtype=bool)
    if kernel.policy.over_limit == "reject":
        events = np.flatnonzero(batch.kind == kernel.policy.kind("draw").number)
        marked[np.searchsorted(batch.starts, events, side="right") - 1] = True
    return marked


def out_of_order(kernel: Kernel, batch: Batch, numbers: Ints, reviewed: Ints) -> np.ndarray:
    """For each account, whether its events go one by one: it has a reversal, a late event, or a draw to check.

    `numbers[event]` is the event's arrival number, `reviewed[event]` the day reviewed before it arrived. An event comes
    late after a later one of its account, or after a review of its day.
    """
    marked = with_reversals(kernel, batch)
    marked |= with_draws_to_check(kernel, batch)
    owner = np.repeat(np.arange(len(batch.accounts)), np.diff(batch.starts))
    backwards = (np.diff(numbers) < 0) & (np.diff(owner) == 0)
    marked[owner[1:][backwards]] = True
    marked[owner[batch.hour < reviewed * 24]] = True
    return marked


def late_accounts(kernel: Kernel, batch: Batch, states: Ints, reviewed_day: int) -> np.ndarray:
    """For each account, whether an event lies before what the account has seen, or what has been reviewed."""
    marked, slots = np.zeros(len(batch.accounts), dtype=bool), kernel.layout.slots
    with_events = np.flatnonzero(batch.starts[:-1] < batch.starts[1:])
    if not len(with_events):
        return marked
    # The first in order need not be the earliest: an opening comes before all others, whenever it was.
    starts, state = batch.starts[with_events], states[with_events]
    at, hour = np.minimum.reduceat(batch.at, starts), np.minimum.reduceat(batch.hour, starts)
    late = (state[:, slots["OPENED"]] != 0) & ((at < state[:, slots["SEEN"]]) | (hour < state[:, slots["HOUR"]]))
    marked[with_events] = late | (hour < reviewed_day * 24)
    return marked


# ------------------------------------------------------------------ in bulk


def in_bulk(kernel: Kernel, batch: Batch, states: Ints, until_day: int) -> EvaluationResult:
    """Run the batch in order of time, then review up to the start of `until_day`."""
    compiled = kernel.is_worth_compiling(len(batch) + len(batch.accounts) // 4)
    outcome = replay(kernel, batch, until_day, states=states, compiled=compiled, workers=1)
    return result_of(kernel, batch, outcome.account, outcome.event, outcome.rows, outcome.refused, outcome.evaluations)


def result_of(
    kernel: Kernel, batch: Batch, account: Ints, event: Ints, rows: Ints, refused: Ints, evaluations: int
) -> EvaluationResult:
    """The kernel's columns as a result, with the instant of each decision."""
    codes = {int(place): int(refused[place]) for place in np.flatnonzero(refused)}
    if not len(rows):
        return EvaluationResult([], codes, evaluations)
    days = rows[:, kernel.shape.place("NOW_HOUR")] // 24
    distinct_days, place = np.unique(days, return_inverse=True)
    starts = kernel.calendar.day_starts(distinct_days)[place]
    at = np.where(event >= 0, batch.at[np.maximum(event, 0)] if len(batch) else 0, starts)
    columns = zip(account.tolist(), event.tolist(), at.tolist(), rows.tolist(), strict=True)
    return EvaluationResult([RawDecision(*values) for values in columns], codes, evaluations)


# ------------------------------------------------------------------ one account


def advance_clock(kernel: Kernel, state: list[int], day: int) -> None:
    """Move the account's clock to the start of `day`: a review that found nothing due still moved its now."""
    if state[kernel.layout.slots["OPENED"]] and day > NOT_REVIEWED:
        kernel.interpreted.advance(state, day * 24)


def now_of(kernel: Kernel, state: list[int]) -> int:
    """The account's now in UTC ms: the latest `at` that it has seen, or the start of the day reviewed since."""
    slots = kernel.layout.slots
    return max(state[slots["SEEN"]], kernel.calendar.day_start(state[slots["HOUR"]] // 24))
