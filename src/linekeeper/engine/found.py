"""From a batch and the accounts' states to what was decided: the fast way in bulk, late events one by one. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from linekeeper.core.decision import CORRECT, Decision
from linekeeper.decide.canonical import canonical, digest_of
from linekeeper.decide.record import Recorder
from linekeeper.engine.brake import Gate
from linekeeper.kernel.batch import Batch, Ints
from linekeeper.kernel.bulk import replay
from linekeeper.kernel.correct import correct
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.late import REVERSAL, Past, Row, counts_as_late, refusal_of, review_until, take

NOT_REVIEWED = -(2**40)
REFUSED = {
    1: "the account is not open yet",
    2: "the account is already open",
    3: "`of` names no earlier event of the same account and source; send that event first",
    4: "`of` names an event of a kind that cannot be reversed: `open`, `consent`, `override` or `reversal`",
    5: "`of` names an event that was reversed before",
}


@dataclass(frozen=True, slots=True)
class Found:
    """One decision before it is recorded: the account's place in the batch, the event's row or -1, UTC ms, the row."""

    account: int
    event: int
    at: int
    row: Sequence[int]


@dataclass
class Findings:
    """What a batch led to. `refused` maps event rows of the batch to codes of `REFUSED`."""

    decisions: list[Found] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)
    looks: int = 0

    def merge(self, part: Findings, accounts: Ints, batch: Batch) -> None:
        """Take in what was found for `narrowed(batch, accounts)`."""
        ranges = [np.arange(batch.starts[a], batch.starts[a + 1]) for a in accounts]
        placed = part.placed(accounts, np.concatenate(ranges) if ranges else np.zeros(0, dtype=np.int64))
        self.decisions += placed.decisions
        self.refused |= placed.refused
        self.looks += placed.looks

    def placed(self, accounts: Ints, events: Ints) -> Findings:
        """The same, with the places that accounts and events have in a larger batch."""
        decisions = [
            Found(int(accounts[one.account]), int(events[one.event]) if one.event >= 0 else -1, one.at, one.row)
            for one in self.decisions
        ]
        return Findings(decisions, {int(events[event]): code for event, code in self.refused.items()}, self.looks)


@dataclass(frozen=True)
class Arrivals:
    """How a table's events arrived: `numbers[row]` is the arrival number of a row of the table.

    `reverses` maps the arrival number of a reversal to that of the event which it names, where there is one.
    """

    numbers: Ints
    reverses: Mapping[int, int]


Pasts = Callable[[Sequence[str]], dict[str, Past]]  # what each of these accounts has seen before the batch


def find(
    kernel: Kernel,
    batch: Batch,
    states: Ints,
    reviewed_day: int,
    arrivals: Arrivals,
    pasts: Pasts,
    gate: Gate | None = None,
) -> Findings:
    """Run the batch from `states` (changed in place). Accounts with a late event or a reversal go one by one; behind
    a gate, all do."""
    late = late_accounts(kernel, batch, states, reviewed_day) | with_reversals(kernel, batch)
    apart = late | (gate is not None)
    if not apart.any():
        return in_bulk(kernel, batch, states, NOT_REVIEWED)
    findings = Findings()
    on_time = np.flatnonzero(~apart)
    own = states[on_time]
    findings.merge(in_bulk(kernel, narrowed(batch, on_time), own, NOT_REVIEWED), on_time, batch)
    states[on_time] = own
    known = pasts([batch.accounts[account] for account in np.flatnonzero(late)])
    reviewed = np.full(len(batch), reviewed_day)
    for account in np.flatnonzero(apart).tolist():
        state, past = states[account].tolist(), known.get(batch.accounts[account], Past())
        find_arrivals(kernel, batch, account, state, past, arrivals, reviewed, findings, gate)
        states[account] = state
    findings.decisions.sort(key=lambda found: found.account)  # stable: each account's own order stays
    return findings


def find_anew(
    kernel: Kernel,
    batch: Batch,
    apart: np.ndarray,
    arrivals: Arrivals,
    reviewed: Ints,
    until_day: int,
    gate: Gate | None = None,
    *,
    states: Ints | None = None,
    **how: Any,
) -> Findings:
    """Every account from empty up to the start of `until_day`: those set `apart` one by one, the rest as `replay` does.

    `states`, where given, are empty ones, and are filled; `how` goes to `replay`.
    """
    on_time = np.flatnonzero(~apart)
    part = narrowed(batch, on_time) if apart.any() else batch
    outcome = replay(kernel, part, until_day, keep_states=states is not None, **how)
    columns = (outcome.account, outcome.event, outcome.rows, outcome.refused, outcome.looks)
    findings = findings_of(kernel, part, *columns)
    if states is not None and outcome.states is not None:
        states[on_time] = outcome.states
    if not apart.any():
        return findings
    whole = Findings()
    whole.merge(findings, on_time, batch)
    for account in np.flatnonzero(apart).tolist():
        state = kernel.new_state()
        find_arrivals(kernel, batch, account, state, Past(), arrivals, reviewed, whole, gate)
        review_account(kernel, batch, account, state, until_day, kernel.new_row(), whole, gate)
        if states is not None:
            states[account] = state
    whole.decisions.sort(key=lambda found: found.account)
    return whole


def find_arrivals(
    kernel: Kernel,
    batch: Batch,
    account: int,
    state: list[int],
    past: Past,
    arrivals: Arrivals,
    reviewed: Ints,
    into: Findings,
    gate: Gate | None = None,
) -> None:
    """One account's events in order of arrival; `reviewed` is the day reviewed before each. Changes `state`, `past`."""
    low, high = int(batch.starts[account]), int(batch.starts[account + 1])
    numbers = arrivals.numbers[batch.rows[low:high]].tolist()
    for number, event in sorted(zip(numbers, range(low, high), strict=True)):
        row, reverses = row_at(batch, event), arrivals.reverses.get(number)
        refused = refusal_of(kernel, state, past, row, reverses)
        if refused:
            into.refused[event] = refused
            continue
        out = kernel.new_row()
        day = int(reviewed[event])
        review_account(kernel, batch, account, state, max(row.hour // 24, day), out, into, gate)
        bring_clock(kernel, state, day)
        late, before = counts_as_late(kernel, state, row), list(state) if gate else state
        decided = take(kernel, state, past, number, row, out, reverses)
        into.looks += 1
        stopped = gate is not None and gate.stops(batch.accounts[account], before, state, out, decided, event, row)
        if decided and not stopped:
            into.decisions.append(Found(account, event, now_of(kernel, state), list(out)))
        if late and correct(kernel, state, past, out):
            into.decisions.append(Found(account, event, now_of(kernel, state), out))


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


def in_bulk(kernel: Kernel, batch: Batch, states: Ints, until_day: int) -> Findings:
    """The batch in time order, then reviews up to the start of `until_day`."""
    compiled = kernel.is_worth_compiling(len(batch) + len(batch.accounts) // 4)
    outcome = replay(kernel, batch, until_day, states=states, compiled=compiled, workers=1)
    return findings_of(kernel, batch, outcome.account, outcome.event, outcome.rows, outcome.refused, outcome.looks)


def findings_of(
    kernel: Kernel, batch: Batch, account: Ints, event: Ints, rows: Ints, refused: Ints, looks: int
) -> Findings:
    """Kernel columns as findings, with the instant of each decision."""
    days = rows[:, kernel.shape.place("NOW_HOUR")] // 24
    wanted, place = np.unique(days, return_inverse=True)
    starts = kernel.calendar.day_starts(wanted)[place]
    at = np.where(event >= 0, batch.at[np.maximum(event, 0)] if len(batch) else 0, starts)
    columns = zip(account.tolist(), event.tolist(), at.tolist(), rows.tolist(), strict=True)
    codes = {int(i): int(refused[i]) for i in np.flatnonzero(refused)}
    return Findings([Found(*one) for one in columns], codes, looks)


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
    findings: Findings,
    gate: Gate | None = None,
) -> None:
    """The looks due up to the start of `day`."""
    before = list(state) if gate else state
    for decided in review_until(kernel, state, day, out):
        findings.looks += 1
        stopped = gate is not None and gate.stops(batch.accounts[account], before, state, out, decided, -1, None)
        if decided and not stopped:
            findings.decisions.append(Found(account, -1, now_of(kernel, state), list(out)))
        before = list(state) if gate else state


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
    recorder: Recorder, batch: Batch, ids: Sequence[str], found: Found, chain: Chain
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
