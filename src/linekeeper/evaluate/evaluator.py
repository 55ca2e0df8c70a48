"""From a batch and the accounts' states to what was decided: the fast way in bulk, late events one by one. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from linekeeper.core.decision import CORRECT, Decision
from linekeeper.decide.canonical import canonical, digest_of
from linekeeper.decide.record import Recorder
from linekeeper.evaluate.circuit_breaker import CircuitBreaker
from linekeeper.evaluate.correction import correct
from linekeeper.evaluate.event_batch import Batch, Ints
from linekeeper.evaluate.late_events import (
    REVERSAL,
    History,
    Row,
    apply_on_arrival,
    counts_as_late,
    refusal_of,
    review_until,
)
from linekeeper.evaluate.replay import replay
from linekeeper.kernel.kernel import Kernel

NOT_REVIEWED = -(2**40)
REFUSED = {
    1: "the account is not open yet",
    2: "the account is already open",
    3: "`of` names no earlier event of the same account and source; send that event first",
    4: "`of` names an event of a kind that cannot be reversed: `open`, `consent`, `override` or `reversal`",
    5: "`of` names an event that was reversed before",
}


@dataclass(frozen=True, slots=True)
class RawDecision:
    """One decision before it is recorded: the account's place in the batch, the event's row or -1, UTC ms, the row."""

    account: int
    event: int
    at: int
    row: Sequence[int]


@dataclass
class EvaluationResult:
    """What a batch led to. `refused` maps event rows of the batch to codes of `REFUSED`."""

    decisions: list[RawDecision] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)
    evaluations: int = 0

    def merge(self, part: EvaluationResult, accounts: Ints, batch: Batch) -> None:
        """Take in what was found for `narrowed(batch, accounts)`."""
        ranges = [np.arange(batch.starts[a], batch.starts[a + 1]) for a in accounts]
        placed = part.placed(accounts, np.concatenate(ranges) if ranges else np.zeros(0, dtype=np.int64))
        self.decisions += placed.decisions
        self.refused |= placed.refused
        self.evaluations += placed.evaluations

    def placed(self, accounts: Ints, events: Ints) -> EvaluationResult:
        """The same, with the places that accounts and events have in a larger batch."""
        decisions = [
            RawDecision(int(accounts[one.account]), int(events[one.event]) if one.event >= 0 else -1, one.at, one.row)
            for one in self.decisions
        ]
        return EvaluationResult(
            decisions, {int(events[event]): code for event, code in self.refused.items()}, self.evaluations
        )


@dataclass(frozen=True)
class Arrivals:
    """How a table's events arrived: `numbers[row]` is the arrival number of a row of the table.

    `reverses` maps the arrival number of a reversal to that of the event which it names, where there is one.
    """

    numbers: Ints
    reverses: Mapping[int, int]


Histories = Callable[[Sequence[str]], dict[str, History]]  # what each of these accounts has seen before the batch


def find(
    kernel: Kernel,
    batch: Batch,
    states: Ints,
    reviewed_day: int,
    arrivals: Arrivals,
    histories: Histories,
    breaker: CircuitBreaker | None = None,
) -> EvaluationResult:
    """Run the batch from `states` (changed in place). Accounts with a late event or a reversal go one by one; behind
    a gate, all do."""
    late = late_accounts(kernel, batch, states, reviewed_day) | with_reversals(kernel, batch)
    apart = late | (breaker is not None)
    if not apart.any():
        return in_bulk(kernel, batch, states, NOT_REVIEWED)
    result = EvaluationResult()
    on_time = np.flatnonzero(~apart)
    own = states[on_time]
    result.merge(in_bulk(kernel, narrowed(batch, on_time), own, NOT_REVIEWED), on_time, batch)
    states[on_time] = own
    known = histories([batch.accounts[account] for account in np.flatnonzero(late)])
    reviewed = np.full(len(batch), reviewed_day)
    for account in np.flatnonzero(apart).tolist():
        state, history = states[account].tolist(), known.get(batch.accounts[account], History())
        apply_in_arrival_order(kernel, batch, account, state, history, arrivals, reviewed, result, breaker)
        states[account] = state
    result.decisions.sort(key=lambda found: found.account)  # stable: each account's own order stays
    return result


def evaluate_from_empty(
    kernel: Kernel,
    batch: Batch,
    apart: np.ndarray,
    arrivals: Arrivals,
    reviewed: Ints,
    until_day: int,
    breaker: CircuitBreaker | None = None,
    *,
    states: Ints | None = None,
    **how: Any,
) -> EvaluationResult:
    """Every account from empty up to the start of `until_day`: those set `apart` one by one, the rest as `replay` does.

    `states`, where given, are empty ones, and are filled; `how` goes to `replay`.
    """
    on_time = np.flatnonzero(~apart)
    part = narrowed(batch, on_time) if apart.any() else batch
    outcome = replay(kernel, part, until_day, keep_states=states is not None, **how)
    columns = (outcome.account, outcome.event, outcome.rows, outcome.refused, outcome.evaluations)
    result = result_of(kernel, part, *columns)
    if states is not None and outcome.states is not None:
        states[on_time] = outcome.states
    if not apart.any():
        return result
    whole = EvaluationResult()
    whole.merge(result, on_time, batch)
    for account in np.flatnonzero(apart).tolist():
        state = kernel.new_state()
        apply_in_arrival_order(kernel, batch, account, state, History(), arrivals, reviewed, whole, breaker)
        review_account(kernel, batch, account, state, until_day, kernel.new_row(), whole, breaker)
        if states is not None:
            states[account] = state
    whole.decisions.sort(key=lambda found: found.account)
    return whole


def apply_in_arrival_order(
    kernel: Kernel,
    batch: Batch,
    account: int,
    state: list[int],
    history: History,
    arrivals: Arrivals,
    reviewed: Ints,
    into: EvaluationResult,
    breaker: CircuitBreaker | None = None,
) -> None:
    """One account's events in order of arrival; `reviewed` is the day reviewed before each. Changes `state`, `past`."""
    low, high = int(batch.starts[account]), int(batch.starts[account + 1])
    numbers = arrivals.numbers[batch.rows[low:high]].tolist()
    for number, event in sorted(zip(numbers, range(low, high), strict=True)):
        row, reverses = row_at(batch, event), arrivals.reverses.get(number)
        refused = refusal_of(kernel, state, history, row, reverses)
        if refused:
            into.refused[event] = refused
            continue
        out = kernel.new_row()
        day = int(reviewed[event])
        review_account(kernel, batch, account, state, max(row.hour // 24, day), out, into, breaker)
        bring_clock(kernel, state, day)
        late, before = counts_as_late(kernel, state, row), list(state) if breaker else state
        decided = apply_on_arrival(kernel, state, history, number, row, out, reverses)
        into.evaluations += 1
        stopped = breaker is not None and breaker.holds_back(
            batch.accounts[account], before, state, out, decided, event, row
        )
        if decided and not stopped:
            into.decisions.append(RawDecision(account, event, now_of(kernel, state), list(out)))
        if late and correct(kernel, state, history, out):
            into.decisions.append(RawDecision(account, event, now_of(kernel, state), out))


def with_reversals(kernel: Kernel, batch: Batch) -> np.ndarray:
    """For each account, whether there is a reversal among its events."""
    found = np.zeros(len(batch.accounts), dtype=bool)
    events = np.flatnonzero(batch.kind == kernel.policy.kind(REVERSAL).number)
    found[np.searchsorted(batch.starts, events, side="right") - 1] = True
    return found


def late_accounts(kernel: Kernel, batch: Batch, states: Ints, reviewed_day: int) -> np.ndarray:
    """For each account, whether its first event lies before what it has already seen, or what has been reviewed."""
    slots = kernel.layout.slots
    some = batch.starts[:-1] < batch.starts[1:]
    first = np.minimum(batch.starts[:-1], max(len(batch) - 1, 0))
    if not len(batch):
        return np.zeros(len(batch.accounts), dtype=bool)
    seen, hour = states[:, slots["SEEN"]], states[:, slots["HOUR"]]
    opened = states[:, slots["OPENED"]] != 0
    late = opened & ((batch.at[first] < seen) | (batch.hour[first] < hour))
    return np.asarray(some & (late | (batch.hour[first] < reviewed_day * 24)))


def in_bulk(kernel: Kernel, batch: Batch, states: Ints, until_day: int) -> EvaluationResult:
    """The batch in time order, then reviews up to the start of `until_day`."""
    compiled = kernel.is_worth_compiling(len(batch) + len(batch.accounts) // 4)
    outcome = replay(kernel, batch, until_day, states=states, compiled=compiled, workers=1)
    return result_of(kernel, batch, outcome.account, outcome.event, outcome.rows, outcome.refused, outcome.evaluations)


def result_of(
    kernel: Kernel, batch: Batch, account: Ints, event: Ints, rows: Ints, refused: Ints, evaluations: int
) -> EvaluationResult:
    """Kernel columns as findings, with the instant of each decision."""
    days = rows[:, kernel.shape.place("NOW_HOUR")] // 24
    wanted, place = np.unique(days, return_inverse=True)
    starts = kernel.calendar.day_starts(wanted)[place]
    at = np.where(event >= 0, batch.at[np.maximum(event, 0)] if len(batch) else 0, starts)
    columns = zip(account.tolist(), event.tolist(), at.tolist(), rows.tolist(), strict=True)
    codes = {int(i): int(refused[i]) for i in np.flatnonzero(refused)}
    return EvaluationResult([RawDecision(*one) for one in columns], codes, evaluations)


def narrowed(batch: Batch, accounts: Ints) -> Batch:
    """The batch of some of its accounts."""
    lengths = batch.starts[accounts + 1] - batch.starts[accounts]
    chosen = [np.arange(batch.starts[a], batch.starts[a + 1]) for a in accounts]
    events = np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    columns = (column[events] for column in (batch.rows, batch.at, batch.hour, batch.kind, batch.x))
    return Batch([batch.accounts[a] for a in accounts], starts, *columns)


def row_at(batch: Batch, event: int) -> Row:
    """One event of a batch."""
    x = tuple(batch.x[event].tolist())
    return Row(int(batch.at[event]), int(batch.hour[event]), int(batch.kind[event]), x)


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
    """The looks due up to the start of `day`."""
    before = list(state) if breaker else state
    for decided in review_until(kernel, state, day, out):
        result.evaluations += 1
        stopped = breaker is not None and breaker.holds_back(
            batch.accounts[account], before, state, out, decided, -1, None
        )
        if decided and not stopped:
            result.decisions.append(RawDecision(account, -1, now_of(kernel, state), list(out)))
        before = list(state) if breaker else state


def bring_clock(kernel: Kernel, state: list[int], day: int) -> None:
    """A review that found nothing due still moved the account's now."""
    if state[kernel.layout.slots["OPENED"]] and day > NOT_REVIEWED:
        kernel.interpreted.advance(state, day * 24)


def now_of(kernel: Kernel, state: list[int]) -> int:
    """The account's now as an instant: the latest `at` seen, or the start of the day reviewed since."""
    slots = kernel.layout.slots
    return max(state[slots["SEEN"]], kernel.calendar.day_start(state[slots["HOUR"]] // 24))


@dataclass
class Chain:
    """An account's decisions so far: how many, the hash of the last, and which one last set each trigger."""

    number: int = 0
    last_hash: str | None = None
    set_by: dict[str, int] = field(default_factory=dict)

    def note(self, decision: Decision) -> None:
        """Remember which triggers it set."""
        self.set_by |= dict.fromkeys(decision.triggers_set, decision.number)


def record(
    recorder: Recorder, batch: Batch, ids: Sequence[str], found: RawDecision, chain: Chain
) -> tuple[Decision, bytes, str]:
    """The decision with its canonical record and hash; moves the chain on."""
    event = ids[batch.rows[found.event]] if found.event >= 0 else None
    account = batch.accounts[found.account]
    chain.number += 1
    decision = recorder.decision(found.row, account, chain.number, found.at, event, chain.last_hash)
    if decision.action == CORRECT:
        setters = {chain.set_by[name] for name in decision.triggers_released}
        decision = replace(decision, corrects=tuple(sorted(setters)))
    chain.note(decision)
    data = canonical(decision)
    chain.last_hash = digest_of(data)
    return decision, data, chain.last_hash
