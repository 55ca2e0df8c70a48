"""From a batch of events and the accounts' states to raw decisions. Pure.

Most accounts run in bulk, in order of time. An account goes one event at a time where order of arrival matters: it
has a late event or a reversal, or a circuit breaker must be asked after each evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from linekeeper.core.event import RejectionCode
from linekeeper.core.line import Action
from linekeeper.evaluate.circuit_breaker import CircuitBreaker, PendingRestriction
from linekeeper.evaluate.correction import correct
from linekeeper.evaluate.event_batch import Batch, Ints, events_of, narrowed, row_at, rows_at, time_of
from linekeeper.evaluate.kept_states import INTERVAL_EVENTS
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
from linekeeper.evaluate.wrong_restrictions import CORRECTS_WHAT_WAS_WRONG, wrong_restrictions
from linekeeper.kernel.kernel import Kernel

NOT_REVIEWED = -(2**40)  # the day up to which a store is reviewed before its first review
BULK_EVENTS_MIN = 16  # fewer go one by one as quickly
UNKNOWN_EVENT, OVER_LIMIT = 3, 6
REFUSAL_REASONS = {
    1: "the account is not open yet",
    2: "the account is already open",
    UNKNOWN_EVENT: "`of` names no earlier event of the same account and source; send that event first",
    4: "`of` names an event of a kind that cannot be reversed: "
    "`open`, `consent`, `decline`, `override`, `own_limit`, `grant` or `reversal`",
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
    `row` the kernel's row (see `kernel.layout`). `corrects` has the numbers of the decisions that a correction shows to
    have been wrong; None under an edition in which a correction names those that had set what it releases.
    """

    account: int
    event: int
    at: int
    row: Sequence[int]
    corrects: tuple[int, ...] | None = None


@dataclass
class EvaluationResult:
    """What a batch led to. `refused` maps events' places in the batch to codes of `REFUSAL_REASONS`.

    `pending` are the restrictions that the brake held back in a life that is derived again, by account.
    """

    decisions: list[RawDecision] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)
    evaluations: int = 0
    pending: list[tuple[str, PendingRestriction]] = field(default_factory=list)

    def asks_for_states(self, decisions: Sequence[RawDecision]) -> bool:
        """Whether the account's state right after one of these decisions is asked for: then events go one by one."""
        return False

    def merge(self, part: EvaluationResult, accounts: Ints, batch: Batch) -> None:
        """Add the result for `narrowed(batch, accounts)`."""
        placed = part.placed(accounts, events_of(batch, accounts))
        self.decisions += placed.decisions
        self.refused |= placed.refused
        self.evaluations += placed.evaluations
        self.pending += placed.pending

    def placed(self, accounts: Ints, events: Ints) -> EvaluationResult:
        """The same result, with the places that its accounts and events have in a larger batch."""
        decisions = [
            replace(raw, account=int(accounts[raw.account]), event=int(events[raw.event]) if raw.event >= 0 else -1)
            for raw in self.decisions
        ]
        refused = {int(events[event]): code for event, code in self.refused.items()}
        return EvaluationResult(decisions, refused, self.evaluations, self.pending)


@dataclass(frozen=True)
class Arrivals:
    """How a table's events arrived: `numbers[row]` is the arrival number of a row of the table.

    `reverses` maps the arrival number of a reversal to that of the event which it names, where there is one.
    """

    numbers: Ints
    reverses: Mapping[int, int]


# The events before the batch of each of these accounts, of which nothing changes before that place in time.
Histories = Callable[[Mapping[str, int]], dict[str, History]]


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
    places = np.flatnonzero(late).tolist()
    # The events of an account are in order of time, so its first is the earliest.
    known = histories({batch.accounts[place]: time_of(row_at(batch, int(batch.starts[place]))) for place in places})
    _compile_for_late_events(kernel, batch, places, known)
    reviewed = np.full(len(batch), reviewed_day)
    for account in np.flatnonzero(one_by_one).tolist():
        state, history = states[account].tolist(), known.get(batch.accounts[account], History())
        history.noted = len(result.decisions)
        apply_in_arrival_order(kernel, batch, account, state, history, arrivals, reviewed, result, breaker)
        states[account] = state
    result.decisions.sort(key=lambda raw: raw.account)  # a stable sort: each account's own order stays
    return result


def _compile_for_late_events(kernel: Kernel, batch: Batch, places: list[int], known: Mapping[str, History]) -> None:
    """Have machine code at hand where it is worth it for the replays that late events cause on long lives."""
    evaluations = 0
    for place in places:
        history = known.get(batch.accounts[place])
        if history and len(history.order) >= INTERVAL_EVENTS:
            events = int(batch.starts[place + 1] - batch.starts[place])
            evaluations += events * min(len(history.order), 2 * INTERVAL_EVENTS)
    kernel.compile_if_worth(evaluations)


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
        state, history = kernel.new_state(), History(noted=len(result.decisions))
        apply_in_arrival_order(kernel, batch, account, state, history, arrivals, reviewed, result, breaker)
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
    first, end = int(batch.starts[account]), int(batch.starts[account + 1])
    events = first + np.argsort(arrivals.numbers[batch.rows[first:end]], kind="stable")
    numbers = arrivals.numbers[batch.rows[events]].tolist()
    kernel.compile_if_worth(len(events))
    in_stretches = breaker is None and kernel.policy.over_limit != "reject"
    ends = _stretch_ends(kernel, batch, events, reviewed).tolist() if in_stretches else [0] * len(events)
    place = one_by_one_until = 0
    while place < len(events):
        stretch = slice(place, ends[place])
        if place >= one_by_one_until:
            if _apply_stretch(kernel, batch, account, state, history, numbers[stretch], events[stretch], result):
                place = stretch.stop
                continue
            one_by_one_until = stretch.stop
        number, event = numbers[place], int(events[place])
        how = (arrivals.reverses.get(number), int(reviewed[event]), result, breaker)
        _apply_one(kernel, batch, account, state, history, number, event, *how)
        place += 1


def _apply_one(
    kernel: Kernel,
    batch: Batch,
    account: int,
    state: list[int],
    history: History,
    number: int,
    event: int,
    reverses: int | None,
    day: int,
    result: EvaluationResult,
    breaker: CircuitBreaker | None,
) -> None:
    """One event as it arrives, when all had been reviewed up to the start of `day`."""
    row, out = row_at(batch, event), kernel.new_row()
    is_pending = breaker is not None and batch.accounts[account] in breaker.pending
    refusal = refusal_of(kernel, state, history, row, reverses)
    if not refusal and is_rejected_draw(kernel, state, row, day, is_pending):
        refusal = OVER_LIMIT
    if refusal:
        result.refused[event] = refusal
        return
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
    if late:
        wrong = wrong_decisions(kernel, history, result, number, reverses)
        if correct(kernel, state, history, out, wrong or ()):
            result.decisions.append(RawDecision(account, event, now_of(kernel, state), list(out), wrong))
    # An account may open behind a review: what that would have evaluated is due at once.
    review_account(kernel, batch, account, state, day, out, result, breaker)


def wrong_decisions(
    kernel: Kernel, history: History, result: EvaluationResult, number: int, reverses: int | None
) -> tuple[int, ...] | None:
    """The decisions that a late event, by its arrival number, shows to be wrong; None under an older edition."""
    if kernel.edition < CORRECTS_WHAT_WAS_WRONG:
        return None
    note_decisions(kernel, history, result)
    changed = [number] if reverses is None else [number, reverses]
    return wrong_restrictions(kernel, history, min(time_of(history.rows[one]) for one in changed))


def note_decisions(kernel: Kernel, history: History, result: EvaluationResult) -> None:
    """Let the account's history know its decisions in `result` that are new to it, and what they correct."""
    place, new = kernel.shape.place, result.decisions[history.noted :]
    for raw in new:
        history.decisions += 1
        before, after = raw.row[place("MASK_BEFORE")], raw.row[place("MASK_AFTER")]
        triggers = enumerate(kernel.policy.triggers)
        named = [(one, before >> bit & 1, after >> bit & 1) for bit, one in triggers]
        if raw.row[place("ACTION")] == Action.CORRECT:
            released = (one.name for one, was_set, is_set in named if was_set and not is_set)
            history.drop_restrictions(history.restrictions_setting(released) if raw.corrects is None else raw.corrects)
        newly = tuple(one.name for one, was_set, is_set in named if is_set and not was_set)
        history.note_restriction(history.decisions, raw.at, raw.event < 0, newly)
    history.noted += len(new)


def _stretch_ends(kernel: Kernel, batch: Batch, events: Ints, reviewed: Ints) -> Ints:
    """For each of the events, in order of arrival, where the stretch ends that begins with it and is in order of time.

    A reversal, and an event that came after a review of its day, make a stretch end before them, and are in none.
    """
    at, hour = batch.at[events], batch.hour[events]
    alone = (batch.kind[events] == kernel.policy.kind(REVERSAL).number) | (hour < reviewed[events] * 24)
    backwards = np.zeros(len(events), dtype=bool)
    backwards[1:] = (np.diff(at) < 0) | (np.diff(hour) < 0)
    borders = np.append(np.flatnonzero(alone | backwards), len(events))
    places = np.arange(len(events))
    ends = np.minimum(borders[np.searchsorted(borders, places, side="right")], places + INTERVAL_EVENTS)
    return np.where(alone, places, ends)


def _apply_stretch(
    kernel: Kernel,
    batch: Batch,
    account: int,
    state: list[int],
    history: History,
    numbers: list[int],
    events: Ints,
    result: EvaluationResult,
) -> bool:
    """Events that arrive in order of time, in bulk. False, with nothing done, where they have to go one by one."""
    if len(events) < BULK_EVENTS_MIN or counts_as_late(kernel, state, row_at(batch, int(events[0]))):
        return False
    columns = (column[events] for column in (batch.rows, batch.at, batch.hour, batch.kind, batch.x))
    part = Batch([batch.accounts[account]], np.array([0, len(events)]), *columns)
    states = np.array([state], dtype=np.int64)
    stretch = in_bulk(kernel, part, states, 0).placed(np.array([account]), events)  # day 0: no review after the last
    if result.asks_for_states(stretch.decisions):
        return False
    state[:] = states[0].tolist()
    result.decisions += stretch.decisions
    result.refused |= stretch.refused
    result.evaluations += stretch.evaluations
    for number, event, row in zip(numbers, events.tolist(), rows_at(batch, events), strict=True):
        if event not in stretch.refused:
            history.add(number, row)
    return True


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
    starts = batch.starts[with_events]
    opened, seen, until = (states[with_events, slots[name]] for name in ("OPENED", "SEEN", "HOUR"))
    at, hour = np.minimum.reduceat(batch.at, starts), np.minimum.reduceat(batch.hour, starts)
    late = (opened != 0) & ((at < seen) | (hour < until))
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
