"""A whole event table through the engine, or through the kernel alone. Both end in the same decisions and digest."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linekeeper.core.bounds import DAY_MS
from linekeeper.core.decision import Decision
from linekeeper.core.event import Rejection, RejectionCode
from linekeeper.decide.canonical import digest_all
from linekeeper.decide.chain import Chain, record
from linekeeper.decide.record import recorder_of
from linekeeper.engine.clock import Clock
from linekeeper.engine.engine import Engine
from linekeeper.engine.summaries import BatchSummary, RunSummary
from linekeeper.evaluate.evaluator import (
    NOT_REVIEWED,
    REFUSAL_REASONS,
    Arrivals,
    evaluate_from_empty,
    out_of_order,
)
from linekeeper.evaluate.event_batch import Batch, Ints, RecordedArrivals, batch_of
from linekeeper.journal.store import decision_records
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.kinds import OPENING_KINDS

BATCH_EVENTS = 50_000
Progress = Callable[[int], object]


def run_table(
    engine: Engine,
    table: pa.Table,
    source: str,
    until_day: int | None = None,
    progress: Progress | None = None,
    *,
    allow_other_source: bool = False,
) -> RunSummary:
    """Receive the table's events in order of time, in batches, then review up to the last event's day.

    An event that was rejected at the inbox says nothing about the day: it is no event of this store. Raises UsageError,
    with nothing done, where `until_day` has not begun.
    """
    began = time.perf_counter()
    if until_day is not None:
        engine.clock.demand_day(until_day, engine.kernel.calendar)
    total = BatchSummary()
    if engine.kernel.is_worth_compiling(table.num_rows):
        engine.kernel.compile_for(table.num_rows)  # worth it for all batches together, though not for one alone
    for start in range(0, table.num_rows, BATCH_EVENTS):
        part = table.slice(start, BATCH_EVENTS)
        total.add(engine.receive(part, source, allow_other_source=allow_other_source))
        if progress:
            progress(part.num_rows)
    if until_day is None:
        taken = np.array([] if total.last_at is None else [total.last_at], dtype=np.int64)
        until_day = engine.clock.last_day(engine.kernel.calendar, taken)
    total.add(engine.review(until_day))
    return _summary(engine, total, began)


def run_arrivals(
    engine: Engine,
    table: pa.Table,
    arrivals: RecordedArrivals,
    source: str,
    until_day: int | None = None,
    progress: Progress | None = None,
    *,
    allow_other_source: bool = False,
) -> RunSummary:
    """Receive events in the order in which they arrived, with the reviews in between.

    Events of another store lead to the same decisions again; `source` is theirs where they have none. At last all
    accounts are reviewed up to `until_day`, or to where they had been reviewed there. Raises UsageError, with nothing
    done, where that day has not begun.
    """
    began = time.perf_counter()
    last = day_to_review(engine.kernel, table, engine.clock, until_day, arrivals)
    order = np.argsort(arrivals.numbers, kind="stable")
    table, arrivals = table.take(order), arrivals.take(order)
    total, reviewed = BatchSummary(), NOT_REVIEWED
    if engine.kernel.is_worth_compiling(table.num_rows):
        engine.kernel.compile_for(table.num_rows)
    for start, end in _in_order_of_arrival(table, arrivals):
        if arrivals.reviewed[start] > reviewed:
            reviewed = int(arrivals.reviewed[start])
            total.add(engine.review(reviewed))
        part = table.slice(start, end - start)
        if arrivals.sources:  # of another store, where each of them counted
            total.add(engine.receive(part, arrivals.sources[start], allow_other_source=True))
        else:
            total.add(engine.receive(part, source, allow_other_source=allow_other_source))
        if progress:
            progress(end - start)
    if last > reviewed:
        total.add(engine.review(last))
    return _summary(engine, total, began)


def _in_order_of_arrival(table: pa.Table, arrivals: RecordedArrivals) -> Iterator[tuple[int, int]]:
    """Ranges of rows that may be received together, although a batch is taken in order of time.

    They have one source, no review in between, and no event after a later one of the same account: the order among
    accounts decides nothing.
    """
    latest: dict[str, int] = {}
    start = 0
    sources = arrivals.sources or [""] * table.num_rows
    columns = zip(table["account"].to_pylist(), table["at"].to_pylist(), sources, arrivals.reviewed, strict=True)
    before: tuple[str, int] | None = None
    for row, (account, at, source, reviewed) in enumerate(columns):
        own = (source, int(reviewed))
        if before not in (None, own) or latest.get(account, at) > at or row - start == BATCH_EVENTS:
            yield start, row
            latest, start = {}, row
        latest[account], before = at, own
    if start < table.num_rows:
        yield start, table.num_rows


def _summary(engine: Engine, total: BatchSummary, began: float) -> RunSummary:
    with engine.store.reading() as connection:
        digest = digest_all(row[2] for row in decision_records(connection))
    seconds = time.perf_counter() - began
    accounts = engine.accounts()
    actions = dict(total.actions)
    figures = (total.evaluations, seconds, digest, total.pending, total.same, total.excess_draws)
    return RunSummary(accounts, total.events, total.rejected, actions, *figures)


def last_day(kernel: Kernel, table: pa.Table) -> int:
    """The local day of the table's last event."""
    return kernel.calendar.day(int(table["at"].to_numpy().max())) if table.num_rows else 0


def day_to_review(
    kernel: Kernel,
    table: pa.Table,
    clock: Clock,
    until_day: int | None = None,
    arrivals: RecordedArrivals | None = None,
) -> int:
    """The local day up to which a run of the table reviews: that of its last event by this clock, or the day named.

    Where the events say how they arrived, it is the last review there. Raises UsageError where the day has not begun.
    """
    if until_day is None and arrivals is not None:
        if arrivals.last_review > NOT_REVIEWED:
            clock.demand_day(arrivals.last_review, kernel.calendar)
        return arrivals.last_review
    if until_day is None:
        return clock.last_day(kernel.calendar, table["at"].to_numpy())
    clock.demand_day(until_day, kernel.calendar)
    return until_day


def evaluations_of(table: pa.Table, lazy: bool) -> int:
    """About how many evaluations a table leads to: one an event, and where not `lazy` one an account and day."""

    if lazy or not table.num_rows:
        return int(table.num_rows)
    at = table["at"].to_numpy()
    return int(table.num_rows + pc.count_distinct(table["account"]).as_py() * (at.max() - at.min()) // DAY_MS)


@dataclass
class Replay:
    """One replay: its decisions as they are made, account by account, and once they have been read, its figures."""

    kernel: Kernel
    table: pa.Table
    until_day: int
    workers: int | None = None
    lazy: bool = True
    compiled: bool = True
    progress: Progress | None = None
    recorded: RecordedArrivals | None = None
    actions: Counter[str] = field(default_factory=Counter)
    evaluations: int = 0
    accounts: int = 0
    rejected: list[Rejection] = field(default_factory=list)

    def decisions(self) -> Iterator[tuple[Decision, bytes]]:
        """Every decision with its canonical record, in canonical order."""
        kernel = self.kernel
        batch = batch_of(kernel.policy, kernel.calendar, self.table)
        ids = self.table["id"].to_pylist()
        arrivals, reviewed = arrivals_of_table(self.table, batch, ids, self.recorded)
        one_by_one = out_of_order(kernel, batch, arrivals.numbers[batch.rows], reviewed)
        how: dict[str, Any] = {
            "workers": self.workers,
            "lazy": self.lazy,
            "compiled": self.compiled,
            "progress": self.progress,
        }
        result = evaluate_from_empty(kernel, batch, one_by_one, arrivals, reviewed, self.until_day, **how)
        self.evaluations = result.evaluations
        for event, code in result.refused.items():
            place = f"event {ids[batch.rows[event]]}"
            self.rejected.append(Rejection(place, REFUSAL_REASONS[code], RejectionCode.REFUSED))
        owner = np.repeat(np.arange(len(batch.accounts)), np.diff(batch.starts))
        opening_numbers = [kernel.policy.kind(name).number for name in OPENING_KINDS]
        self.accounts = len(np.unique(owner[np.isin(batch.kind, opening_numbers)]))
        recorder, chains = recorder_of(kernel), [Chain() for _ in batch.accounts]
        for raw in result.decisions:
            decision, data, _ = record(recorder, batch, ids, raw, chains[raw.account])
            self.actions[decision.action] += 1
            yield decision, data


def arrivals_of_table(
    table: pa.Table, batch: Batch, ids: list[str], recorded: RecordedArrivals | None
) -> tuple[Arrivals, Ints]:
    """How the events arrived, and for each event of the batch the day reviewed before.

    Where nothing is recorded, it is as if all had come in order of account and time, from one source.
    """
    if recorded is None:
        numbers, reviewed = np.empty(len(batch), dtype=np.int64), np.full(len(batch), NOT_REVIEWED)
        numbers[batch.rows] = np.arange(len(batch))
    else:
        numbers, reviewed = recorded.numbers, recorded.reviewed[batch.rows]
    if "of" not in table.column_names:
        return Arrivals(numbers, {}), reviewed
    sources = recorded.sources if recorded is not None and recorded.sources else [""] * len(ids)
    named = {row: (sources[row], name) for row, name in enumerate(table["of"].to_pylist()) if name is not None}
    rows = dict(zip(zip(sources, ids, strict=True), range(len(ids)), strict=True)) if named else {}
    pairs = [(row, rows[name]) for row, name in named.items() if name in rows]
    return Arrivals(numbers, {int(numbers[reversal]): int(numbers[event]) for reversal, event in pairs}), reviewed


def replay_table(
    kernel: Kernel,
    table: pa.Table,
    until_day: int | None = None,
    workers: int | None = None,
    lazy: bool = True,
    compiled: bool = True,
    progress: Progress | None = None,
    keep: Callable[[Decision], object] | None = None,
    clock: Clock | None = None,
    arrivals: RecordedArrivals | None = None,
) -> RunSummary:
    """Run the table through the kernel alone; `keep`, where given, is called with each decision.

    The events were admitted by `clock`, as those of an engine are. Raises UsageError where `until_day` has not begun.
    """
    began = time.perf_counter()
    until = day_to_review(kernel, table, clock or Clock(), until_day, arrivals)
    run = Replay(kernel, table, until, workers, lazy, compiled, progress, arrivals)

    def records() -> Iterator[bytes]:
        for decision, data in run.decisions():
            if keep:
                keep(decision)
            yield data

    digest = digest_all(records())
    seconds = time.perf_counter() - began
    events = table.num_rows - len(run.rejected)
    return RunSummary(run.accounts, events, run.rejected, dict(run.actions), run.evaluations, seconds, digest)
