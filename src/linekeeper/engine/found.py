"""From a batch and the accounts' states to what was decided: the fast way in bulk, late events one by one. Pure."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from linekeeper.core.decision import Decision
from linekeeper.decide.canonical import canonical, digest_of
from linekeeper.decide.record import Recorder
from linekeeper.kernel.batch import Batch, Ints
from linekeeper.kernel.bulk import replay
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.late import Row, needs_rebuild, review_until, take

COMPILE_FROM = 5_000  # events from which compiled code is worth loading
NOT_REVIEWED = -(2**40)
REFUSED = {1: "the account is not open yet", 2: "the account is already open"}


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
        events = np.concatenate(ranges) if ranges else np.zeros(0, dtype=np.int64)
        for one in part.decisions:
            event = int(events[one.event]) if one.event >= 0 else -1
            self.decisions.append(Found(int(accounts[one.account]), event, one.at, one.row))
        self.refused |= {int(events[event]): code for event, code in part.refused.items()}
        self.looks += part.looks


History = Callable[
    [str, int], Iterable[Row]
]  # (account, number of rows of the batch taken so far) -> rows in time order


def find(kernel: Kernel, batch: Batch, states: Ints, reviewed_day: int, history: History) -> Findings:
    """Run the batch from `states` (changed in place). Accounts for which an event is late go one by one."""
    late = late_accounts(kernel, batch, states, reviewed_day)
    if not late.any():
        return in_bulk(kernel, batch, states, NOT_REVIEWED)
    findings = Findings()
    on_time = np.flatnonzero(~late)
    own = states[on_time]
    findings.merge(in_bulk(kernel, narrowed(batch, on_time), own, NOT_REVIEWED), on_time, batch)
    states[on_time] = own
    for account in np.flatnonzero(late).tolist():
        state = states[account].tolist()
        for taken, event in enumerate(range(batch.starts[account], batch.starts[account + 1]), start=1):
            past = lambda taken=taken: history(batch.accounts[account], taken)  # noqa: E731
            arrive(kernel, batch, account, state, event, reviewed_day, past, findings)
        states[account] = state
    findings.decisions.sort(key=lambda found: found.account)  # stable: each account's own order stays
    return findings


def find_arrivals(
    kernel: Kernel, batch: Batch, account: int, states: Ints, arrival: Ints, reviewed: Ints, until: int, into: Findings
) -> None:
    """One account from empty, its events in order of arrival; `reviewed` is the day reviewed before each."""
    state = states[account].tolist()
    low, high = int(batch.starts[account]), int(batch.starts[account + 1])
    rows = {event: _row(batch, event) for event in range(low, high)}
    seen: list[int] = []
    for event in (low + np.argsort(arrival[low:high], kind="stable")).tolist():
        insort(seen, event)  # the batch's order is that of `at`, then arrival
        past = lambda: (rows[one] for one in seen)  # noqa: E731
        arrive(kernel, batch, account, state, event, int(reviewed[event]), past, into)
        if event in into.refused:
            seen.remove(event)
    review_account(kernel, account, state, until, kernel.new_row(), into)
    states[account] = state


def late_accounts(kernel: Kernel, batch: Batch, states: Ints, reviewed_day: int) -> np.ndarray:
    """For each account, whether its first event lies before what it has already seen."""
    slots = kernel.layout.slots
    some = batch.starts[:-1] < batch.starts[1:]
    first = np.minimum(batch.starts[:-1], max(len(batch) - 1, 0))
    if not len(batch):
        return np.zeros(len(batch.accounts), dtype=bool)
    seen, hour = states[:, slots["SEEN"]], np.maximum(states[:, slots["HOUR"]], reviewed_day * 24)
    opened = states[:, slots["OPENED"]] != 0
    return np.asarray(some & opened & ((batch.at[first] < seen) | (batch.hour[first] < hour)))


def in_bulk(kernel: Kernel, batch: Batch, states: Ints, until_day: int) -> Findings:
    """The batch in time order, then reviews up to the start of `until_day`."""
    work = len(batch) + len(batch.accounts) // 4
    outcome = replay(kernel, batch, until_day, states=states, compiled=work >= COMPILE_FROM, workers=1)
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


def _row(batch: Batch, event: int) -> Row:
    x = tuple(batch.x[event].tolist())
    return Row(int(batch.at[event]), int(batch.hour[event]), int(batch.kind[event]), x)


def arrive(
    kernel: Kernel,
    batch: Batch,
    account: int,
    state: list[int],
    event: int,
    reviewed_day: int,
    past: Callable[[], Iterable[Row]],
    findings: Findings,
) -> None:
    """One event as it arrives, late or not: the looks due before it, then its own."""
    out, row = kernel.new_row(), _row(batch, event)
    review_account(kernel, account, state, max(row.hour // 24, reviewed_day), out, findings)
    bring_clock(kernel, state, reviewed_day)
    history = past() if needs_rebuild(kernel, state, row) else ()
    result = take(kernel, state, row, out, history)
    if result < 0:
        findings.refused[event] = -result
        return
    findings.looks += 1
    if result == 1:
        findings.decisions.append(Found(account, event, now_of(kernel, state), list(out)))


def review_account(
    kernel: Kernel, account: int, state: list[int], day: int, out: list[int], findings: Findings
) -> None:
    """The looks due up to the start of `day`."""
    for decided in review_until(kernel, state, day, out):
        findings.looks += 1
        if decided:
            findings.decisions.append(Found(account, -1, now_of(kernel, state), list(out)))


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
    """An account's decisions so far: how many, and the hash of the last."""

    number: int = 0
    last_hash: str | None = None


def record(
    recorder: Recorder, batch: Batch, ids: Sequence[str], found: Found, chain: Chain
) -> tuple[Decision, bytes, str]:
    """The decision with its canonical record and hash; moves the chain on."""
    event = ids[batch.rows[found.event]] if found.event >= 0 else None
    account = batch.accounts[found.account]
    chain.number += 1
    decision = recorder.decision(found.row, account, chain.number, found.at, event, chain.last_hash)
    data = canonical(decision)
    chain.last_hash = digest_of(data)
    return decision, data, chain.last_hash
