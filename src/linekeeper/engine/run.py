"""A whole event table through the engine, or through the kernel alone. Both end in the same decisions and digest."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, select

from linekeeper.core.bounds import DAY_MS
from linekeeper.core.decision import Decision
from linekeeper.core.event import ARRIVED, Rejection
from linekeeper.decide.canonical import digest_all
from linekeeper.decide.chain import Chain, record
from linekeeper.decide.record import recorder_of
from linekeeper.engine.calls import Progress
from linekeeper.engine.clock import Clock
from linekeeper.engine.customers import arrivals_with_given
from linekeeper.engine.engine import Engine
from linekeeper.engine.given import derived_in_table, derived_kind, without_given
from linekeeper.engine.summaries import BatchSummary, RunSummary
from linekeeper.evaluate.evaluator import (
    NOT_REVIEWED,
    REFUSAL_REASONS,
    Arrivals,
    evaluate_from_empty,
    out_of_order,
    rejection_code,
)
from linekeeper.evaluate.event_batch import Batch, Ints, RecordedArrivals, batch_of, table_with
from linekeeper.journal import tables as t
from linekeeper.journal.store import decision_records, insert_many
from linekeeper.kernel.calendar import Calendar
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.kinds import OPENING_KINDS

BATCH_EVENTS = 50_000
BATCH_EVENTS_MAX = 500_000  # of a batch of many accounts
EVENTS_AN_ACCOUNT = 4  # of a batch, where it is no longer than that: each account is read and written once a batch
BRAKED_STATES_BYTES_MAX = 3 << 26  # under a brake all accounts of a batch are in memory at one time, five times over


class EventPart(NamedTuple):
    """Some events of a feed, and how they arrived where the feed says so."""

    table: pa.Table
    arrivals: RecordedArrivals | None = None

    def by_arrival(self) -> EventPart:
        """The same in the order in which they arrived, where the feed says so."""
        if self.arrivals is None:
            return self
        order = np.argsort(self.arrivals.numbers, kind="stable")
        return EventPart(self.table.take(order), self.arrivals.take(order))


def run_table(
    engine: Engine,
    table: pa.Table,
    source: str,
    until_day: int | None = None,
    progress: Progress | None = None,
    *,
    allow_other_source: bool = False,
) -> RunSummary:
    """`run_parts` of one table, in order of time."""
    parts, how = [EventPart(table)], (table.num_rows, source, until_day, progress)
    return run_parts(engine, parts, *how, allow_other_source=allow_other_source)


def run_parts(
    engine: Engine,
    parts: Iterable[EventPart],
    events: int,
    source: str,
    until_day: int | None = None,
    progress: Progress | None = None,
    *,
    allow_other_source: bool = False,
    content: str | None = None,
) -> RunSummary:
    """Receive the events of a feed, in batches and in the order in which they arrived, then review all accounts.

    The parts come in that order; where they do not say how they arrived, it is that of time. There are reviews in
    between where the parts say so, and at last up to `until_day`, or to the last event's day: an event that was
    rejected at the inbox says nothing about the day, since it is no event of this store. Events of another store lead
    to the same decisions again; `source` is theirs where they have none. `events`: about how many there are. With the
    `content` of the feed (its SHA-256), a run that was broken off is finished as it was begun. Raises UsageError, with
    nothing done, where `until_day` has not begun.
    """
    began = time.perf_counter()
    if until_day is not None and until_day > NOT_REVIEWED:
        engine.clock.demand_day(until_day, engine.kernel.calendar)
    total, reviewed = engine.resume_reviews(), NOT_REVIEWED
    engine.kernel.compile_if_worth(events)
    run = RunProgress(engine, source, content)
    bounds = BatchBounds(BATCH_EVENTS, BATCH_EVENTS_MAX, EVENTS_AN_ACCOUNT)
    if engine.brake:
        bounds = BatchBounds(BATCH_EVENTS, accounts_max=BRAKED_STATES_BYTES_MAX // (8 * engine.kernel.layout.size))
    derived = derived_kind(engine.policy)
    for batch in (batch for part in parts for batch in _batches(part, bounds, derived)):
        if batch.reviewed > reviewed:
            reviewed = batch.reviewed
            total.add(engine.review(reviewed))
        if batch.source is None:
            total.add(run.receive(batch.table, source, allow_other_source))
        else:  # of another store, where each of them counted
            total.add(run.receive(batch.table, batch.source, True))
        if progress:
            progress(batch.table.num_rows)
    if until_day is None:
        taken = np.array([] if total.last_at is None else [total.last_at], dtype=np.int64)
        until_day = engine.clock.last_day(engine.kernel.calendar, taken)
    if until_day > reviewed:
        total.add(engine.review(until_day))
    run.end()
    return _summary(engine, total, began)


class RunProgress:
    """How far a run of a file has come, as the store has it: a run that was broken off is known again by its file.

    Without the `content` of the file (its SHA-256) nothing is written down.
    """

    def __init__(self, engine: Engine, source: str, content: str | None) -> None:
        self._engine, self._source, self._content = engine, source, content
        self._received = self._before = 0
        if content is not None:
            with engine.store.reading() as connection:
                self._before = connection.execute(select(_RUNS.c.events).where(*self._this)).scalar() or 0

    def receive(self, table: pa.Table, source: str, allow_other_source: bool) -> BatchSummary:
        """Receive the next batch, and write down in the same transaction that it was received."""
        self._received += table.num_rows
        begun = self._received <= self._before
        how: dict[str, Any] = {"allow_other_source": allow_other_source, "begun": begun}
        if begun or self._content is None:
            return self._engine.receive(table, source, **how)
        with self._engine.transaction() as connection:
            summary = self._engine.receive(table, source, **how, transaction=connection)
            row = (self._source, self._content, self._received)
            tail = "ON CONFLICT (source, content) DO UPDATE SET events = excluded.events"
            insert_many(connection, _RUNS, ("source", "content", "events"), [row], tail=tail)
        return summary

    def end(self) -> None:
        """Write down that the run has come to its end."""
        if self._content is not None:
            with self._engine.transaction() as connection:
                connection.execute(_RUNS.delete().where(*self._this))

    @property
    def _this(self) -> tuple[ColumnElement[bool], ...]:
        return _RUNS.c.source == self._source, _RUNS.c.content == self._content


_RUNS = t.unfinished_runs


class _ReceivedBatch(NamedTuple):
    """Events that are received together, their own source where they have one, and the day reviewed before them."""

    table: pa.Table
    source: str | None
    reviewed: int


@dataclass(frozen=True, slots=True)
class BatchBounds:
    """How many events are received together: so many, and in a wide book more, so many an account of the batch.

    Never more than `events_max` (0: than `events`), nor of more than `accounts_max` accounts.
    """

    events: int
    events_max: int = 0
    events_an_account: int = 0
    accounts_max: int = 1 << 60

    def is_complete(self, events: Ints | int, accounts: Ints | int) -> Any:
        """Whether a batch of so many events of so many accounts is complete; for arrays, one by one."""
        enough = (events >= self.events) & (events >= self.events_an_account * accounts)
        return enough | (events >= max(self.events, self.events_max))


def _batches(part: EventPart, bounds: BatchBounds, derived: str | None) -> Iterator[_ReceivedBatch]:
    table, arrivals = part
    if arrivals is not None and derived:  # the engine derives again what accounts were given
        kept = np.flatnonzero(np.array(table["kind"].to_pylist()) != derived)
        table, arrivals = table.take(kept), arrivals.take(kept)
    others = [name for name in table.column_names if name != ARRIVED]
    arrived = table["at"] if arrivals is None else pa.array(arrivals.arrived)
    table = table.select(others).append_column(ARRIVED, arrived)
    if arrivals is None:
        for start, end in _in_order_of_time(table, bounds):
            yield _ReceivedBatch(table.slice(start, end - start), None, NOT_REVIEWED)
        return
    for start, end in _in_order_of_arrival(table, arrivals, bounds, derived is not None):
        source = arrivals.sources[start] if arrivals.sources else None
        yield _ReceivedBatch(table.slice(start, end - start), source, int(arrivals.reviewed[start]))


def _in_order_of_time(table: pa.Table, bounds: BatchBounds) -> Iterator[tuple[int, int]]:
    """Ranges of rows within the bounds."""
    codes = table["account"].combine_chunks().dictionary_encode().indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    before = np.full(len(codes), -1)  # the row before of the same account
    again = np.flatnonzero(np.diff(codes[order]) == 0)
    before[order[again + 1]] = order[again]
    start = 0
    while start < len(codes):
        is_new = before[start : start + max(bounds.events, bounds.events_max)] < start
        accounts = np.cumsum(is_new, dtype=np.int64)
        events = np.arange(1, len(accounts) + 1)
        # The first row after which it is enough, and the first before which there are too many accounts.
        ends = np.flatnonzero(bounds.is_complete(events, accounts)) + 1
        ends = np.concatenate([ends[:1], np.flatnonzero(accounts > bounds.accounts_max)[:1], [len(accounts)]])
        end = start + int(ends.min())
        yield start, end
        start = end


def _in_order_of_arrival(
    table: pa.Table, arrivals: RecordedArrivals, bounds: BatchBounds, with_customers: bool = False
) -> Iterator[tuple[int, int]]:
    """Ranges of rows within the bounds that may be received together, although a batch is taken in order of time.

    They have one source, no review in between, and no event after a later one of the same account (the order among
    accounts decides nothing, but `with_customers`: then after a later one of any account).
    """
    latest: dict[str, int] = {}
    start = 0
    sources = arrivals.sources or [""] * table.num_rows
    columns = zip(table["account"].to_pylist(), table["at"].to_pylist(), sources, arrivals.reviewed, strict=True)
    before: tuple[str, int] | None = None
    latest_at = 0
    for row, (account, at, source, reviewed) in enumerate(columns):
        own = (source, int(reviewed))
        full = len(latest) == bounds.accounts_max and account not in latest
        full |= row > start and bounds.is_complete(row - start, len(latest))
        backwards = latest_at > at if with_customers else latest.get(account, at) > at
        if full or before not in (None, own) or backwards:
            yield start, row
            latest, start, latest_at = {}, row, at
        latest_at = max(latest_at, at)
        latest[account], before = at, own
    if start < table.num_rows:
        yield start, table.num_rows


def _summary(engine: Engine, total: BatchSummary, began: float) -> RunSummary:
    with engine.store.reading() as connection:
        digest = digest_all(row[2] for row in decision_records(connection))
    seconds = time.perf_counter() - began
    accounts = engine.accounts()
    actions = dict(total.actions)
    figures = (total.evaluations, seconds, digest, total.pending, total.same, total.excess_draws, total.unowed_dues)
    names = tuple(total.flagged_draws), tuple(sorted(total.unreadable_accounts))
    return RunSummary(accounts, total.events, total.rejected, actions, *figures, *names)


def last_day(kernel: Kernel, table: pa.Table) -> int:
    """The local day of the table's last event."""
    return kernel.calendar.day(int(table["at"].to_numpy().max())) if table.num_rows else 0


def day_to_review(clock: Clock, zone: Calendar, until_day: int | None, last_review: int | None, at: Ints) -> int:
    """The local day up to which a run of events reviews: the day named, or that of the last event by this clock.

    Where the events say how they arrived, it is the `last_review` there. `at`: when they happened (UTC ms). Raises
    UsageError where the day has not begun.
    """
    day = last_review if until_day is None else until_day
    if day is None:
        return clock.last_day(zone, at)
    if day > NOT_REVIEWED:
        clock.demand_day(day, zone)
    return day


def evaluations_of(table: pa.Table, lazy: bool) -> int:
    """About how many evaluations a table leads to: one an event, and where not `lazy` one an account and day."""

    if lazy or not table.num_rows:
        return int(table.num_rows)
    at = table["at"].to_numpy()
    return int(table.num_rows + pc.count_distinct(table["account"]).as_py() * (at.max() - at.min()) // DAY_MS)


@dataclass
class Replay:
    """One replay: its decisions as they are made, account by account, and once they have been read, its figures.

    The parts hold whole accounts, in order of their names. `compiled` None means where that is the quicker way.
    """

    kernel: Kernel
    parts: Iterable[EventPart]
    until_day: int
    workers: int | None = None
    lazy: bool = True
    compiled: bool | None = True
    progress: Progress | None = None
    actions: Counter[str] = field(default_factory=Counter)
    events: int = 0
    evaluations: int = 0
    accounts: int = 0
    rejected: list[Rejection] = field(default_factory=list)

    def decisions(self) -> Iterator[tuple[Decision, bytes]]:
        """Every decision with its canonical record, in canonical order."""
        for part in self._parts_with_customers():
            yield from self._decisions_of(part)

    def _parts_with_customers(self) -> Iterable[EventPart]:
        """The parts; where accounts of a customer read of each other, one part with what each is given.

        A feed that says how its events arrived was exported from a store, and holds what each was given then.
        """
        if derived_kind(self.kernel.policy) is None:
            return self.parts
        parts = list(self.parts)
        if not parts or any(part.arrivals is not None for part in parts):
            return parts
        table = pa.concat_tables([part.table for part in parts], promote_options="default")
        table, foreign = without_given(self.kernel.policy, table)
        self.rejected += foreign
        given = derived_in_table(self.kernel, table, self.until_day)
        whole = table_with(table, [one.event for one in given])
        return [EventPart(whole, arrivals_with_given(table, given, self.until_day))]

    def _decisions_of(self, part: EventPart) -> Iterator[tuple[Decision, bytes]]:
        kernel, (table, recorded) = self.kernel, part
        batch = batch_of(kernel.policy, kernel.calendar, table)
        ids = table["id"].to_pylist()
        arrivals, reviewed = arrivals_of_table(table, batch, ids, recorded)
        one_by_one = out_of_order(kernel, batch, arrivals.numbers[batch.rows], reviewed)
        compiled = self.compiled
        if compiled is None:
            compiled = kernel.is_worth_compiling(evaluations_of(table, self.lazy))
        how: dict[str, Any] = {
            "workers": self.workers,
            "lazy": self.lazy,
            "compiled": compiled,
            "progress": self.progress,
        }
        result = evaluate_from_empty(kernel, batch, one_by_one, arrivals, reviewed, self.until_day, **how)
        self.evaluations += result.evaluations
        self.events += table.num_rows - len(result.refused) - _given_count(kernel, batch)
        for event, code in result.refused.items():
            place = f"event {ids[batch.rows[event]]}"
            self.rejected.append(Rejection(place, REFUSAL_REASONS[code], rejection_code(code)))
        owner = np.repeat(np.arange(len(batch.accounts)), np.diff(batch.starts))
        opening_numbers = [kernel.policy.kind(name).number for name in OPENING_KINDS]
        self.accounts += len(np.unique(owner[np.isin(batch.kind, opening_numbers)]))
        recorder, chains = recorder_of(kernel), [Chain() for _ in batch.accounts]
        for raw in result.decisions:
            decision, data, _ = record(recorder, batch, ids, raw, chains[raw.account])
            self.actions[decision.action] += 1
            yield decision, data


def _given_count(kernel: Kernel, batch: Batch) -> int:
    """How many events of a batch were derived from other accounts: they are none of the feed's."""
    derived = derived_kind(kernel.policy)
    return 0 if derived is None else int(np.count_nonzero(batch.kind == kernel.policy.kind(derived).number))


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
    compiled: bool | None = True,
    progress: Progress | None = None,
    keep: Callable[[Decision], object] | None = None,
    clock: Clock | None = None,
    arrivals: RecordedArrivals | None = None,
) -> RunSummary:
    """`replay_parts` of one table; by default up to its last event's day.

    The events were admitted by `clock`, as those of an engine are. Raises UsageError where `until_day` has not begun.
    """
    last_review, at = None if arrivals is None else arrivals.last_review, table["at"].to_numpy()
    until = day_to_review(clock or Clock(), kernel.calendar, until_day, last_review, at)
    return replay_parts(kernel, [EventPart(table, arrivals)], until, workers, lazy, compiled, progress, keep)


def replay_parts(
    kernel: Kernel,
    parts: Iterable[EventPart],
    until_day: int,
    workers: int | None = None,
    lazy: bool = True,
    compiled: bool | None = True,
    progress: Progress | None = None,
    keep: Callable[[Decision], object] | None = None,
) -> RunSummary:
    """Run the parts of a feed (see `Replay`) through the kernel alone; `keep`, where given, takes each decision."""
    began = time.perf_counter()
    run = Replay(kernel, parts, until_day, workers, lazy, compiled, progress)

    def records() -> Iterator[bytes]:
        for decision, data in run.decisions():
            if keep:
                keep(decision)
            yield data

    digest = digest_all(records())
    seconds = time.perf_counter() - began
    return RunSummary(run.accounts, run.events, run.rejected, dict(run.actions), run.evaluations, seconds, digest)
