"""Events as the kernel reads them: arrays sorted by account, then time.

A batch is made from an event table: a pyarrow Table with `id`, `account`, `kind`, `at` and a column for each
field in use (int64; text for categories), as `connect.validation` admits it. A few events make one without a table,
which costs a fraction of it; the batch is the same.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linekeeper.core.account_mark import account_mark, text_mark
from linekeeper.core.bounds import MISSING
from linekeeper.core.event import ARRIVED, EVENT_HEAD, Event
from linekeeper.policy.expression import TEXT
from linekeeper.policy.kinds import OPENING, OPENING_KINDS

if TYPE_CHECKING:
    from linekeeper.kernel.calendar import Calendar
    from linekeeper.policy.model import Field, Policy

Ints = NDArray[np.int64]


class EventRow(NamedTuple):
    """One event as the kernel reads it: UTC ms, local hour, kind number, fields (MISSING where absent)."""

    at: int
    hour: int
    kind: int
    x: tuple[int, ...]


# An opening states what came before it, and its history follows it: its place in time is before all others.
BEFORE_ALL = -1


def time_of(row: EventRow) -> int:
    """The place of an event in its account's order of time."""
    return BEFORE_ALL if row.kind == OPENING else row.at


def time_of_event(event: Event) -> int:
    """The same of an event as it stands outside the kernel."""
    return BEFORE_ALL if event.kind == "opening" else event.at


@dataclass(frozen=True)
class Batch:
    """`accounts` in order of their names; rows `starts[a]` to `starts[a + 1]` are account `a`'s.

    `rows[i]` is the table's row of event `i`; `at` UTC ms; `hour` local hours since 1970-01-01; `x` fields, one
    column a field of the kind, MISSING where absent. All int64.
    """

    accounts: list[str]
    starts: Ints
    rows: Ints
    at: Ints
    hour: Ints
    kind: Ints
    x: Ints

    def __len__(self) -> int:
        return len(self.at)


@dataclass(frozen=True, slots=True)
class RecordedArrivals:
    """How the rows of an event table arrived, at the store that they come from or by what the file says.

    `numbers` give their order, `arrived` when (UTC ms), `sources` who sent each (empty: all from one), `reviewed` the
    day up to which all accounts had been reviewed when it arrived, `last_review` that to which they were reviewed at
    last (far below 0: before any review).
    """

    numbers: Ints
    arrived: Ints
    sources: list[str]
    reviewed: Ints
    last_review: int

    def take(self, rows: Ints) -> RecordedArrivals:
        """Those of some rows, in that order."""
        sources = [self.sources[row] for row in rows.tolist()] if self.sources else []
        return RecordedArrivals(self.numbers[rows], self.arrived[rows], sources, self.reviewed[rows], self.last_review)


def events_of_table(table: pa.Table) -> Iterator[Event]:
    """The rows of an event table as events; absent fields are left out."""
    names = [name for name in table.column_names if name not in (*EVENT_HEAD, ARRIVED)]
    for batch in table.to_batches():
        for row in batch.to_pylist():
            fields = {name: row[name] for name in names if row[name] is not None}
            yield Event(row["id"], row["account"], row["kind"], row["at"], fields, row.get(ARRIVED))


def sort_by_time(table: pa.Table) -> pa.Table:
    """The rows in order of `at`, openings first; rows of the same instant keep their order.

    >>> import pyarrow as pa
    >>> kinds = ["draw", "draw", "draw", "opening"]
    >>> sort_by_time(pa.table({"id": ["b", "a", "c", "d"], "kind": kinds, "at": [2, 1, 1, 3]}))["id"].to_pylist()
    ['d', 'a', 'c', 'b']
    """
    at = times_of(table)
    if np.all(at[1:] >= at[:-1]):
        return table
    # Stable: between events of one instant the order of the file decides, and a replay has to meet the same order.
    return table.take(np.argsort(at, kind="stable"))


def table_with(table: pa.Table, events: Sequence[Event]) -> pa.Table:
    """The table with some events before its own rows, so that they come first at their instant."""
    if not events:
        return table
    fields = dict.fromkeys(name for event in events for name in event.fields)
    kinds = {one.name: one.type for one in table.schema}
    columns: dict[str, pa.Array] = {}
    for name in EVENT_HEAD:
        columns[name] = pa.array([getattr(event, name) for event in events], kinds[name])
    for name in fields:
        columns[name] = pa.array([event.fields.get(name) for event in events], kinds.get(name, pa.int64()))
    if ARRIVED in kinds:
        arrived = [event.at if event.arrived is None else event.arrived for event in events]
        columns[ARRIVED] = pa.array(arrived, kinds[ARRIVED])
    return pa.concat_tables([pa.table(columns), table], promote_options="default")


def times_of(table: pa.Table) -> Ints:
    """The place of each row in its account's order of time."""
    at = table["at"].to_numpy().astype(np.int64)
    openings = pc.fill_null(pc.equal(table["kind"], "opening"), False).to_numpy(zero_copy_only=False)
    return np.where(openings, BEFORE_ALL, at) if openings.any() else at


def batch_of(policy: Policy, clock: Calendar, table: pa.Table) -> Batch:
    """The table's events, sorted by account, `at` and arrival (the table's order)."""
    codes, names = _coded(table["account"])
    order_of_names = np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)
    rank = np.empty(len(names), dtype=np.int64)
    rank[order_of_names] = np.arange(len(names))
    account = rank[codes] if len(names) else codes
    at = table["at"].to_numpy().astype(np.int64)
    rows = np.lexsort((times_of(table), account)).astype(np.int64)
    kind, x = _fields(policy, table)
    _mark_openings(policy, table, kind, x)
    starts = np.searchsorted(account[rows], np.arange(len(names) + 1)).astype(np.int64)
    at = at[rows]
    return Batch(
        [names[i] for i in order_of_names],
        starts,
        rows,
        np.ascontiguousarray(at),
        np.ascontiguousarray(clock.hours(at)),
        np.ascontiguousarray(kind[rows]),
        np.ascontiguousarray(x[rows]),
    )


def batch_of_few(policy: Policy, clock: Calendar, events: Sequence[Event]) -> Batch:
    """The same batch as `batch_of` a table of these events."""
    order = sorted(range(len(events)), key=lambda place: (events[place].account, time_of_event(events[place])))
    rows = [row_of(policy, clock, events[place]) for place in order]
    starts: dict[str, int] = {}  # in order of the accounts' names
    for place, event in enumerate(order):
        starts.setdefault(events[event].account, place)
    ends = np.array([*starts.values(), len(rows)], dtype=np.int64)
    return Batch(list(starts), ends, np.array(order, dtype=np.int64), *_columns_of(policy, rows))


def batch_of_one(policy: Policy, account: str, rows: Sequence[EventRow]) -> Batch:
    """The events of one account, in order of time but for an opening, whose place is before all others."""
    order = sorted(range(len(rows)), key=lambda place: time_of(rows[place]))
    ends = np.array([0, len(rows)], dtype=np.int64)
    return Batch([account], ends, np.array(order, dtype=np.int64), *_columns_of(policy, [rows[one] for one in order]))


def _columns_of(policy: Policy, rows: Sequence[EventRow]) -> tuple[Ints, Ints, Ints, Ints]:
    """Rows as the columns of a batch: at, hour, kind and fields."""
    x = np.full((len(rows), max([fields_max(policy, ()), *(len(row.x) for row in rows)])), MISSING, dtype=np.int64)
    for place, row in enumerate(rows):
        x[place, : len(row.x)] = row.x
    at, hour, kind = (np.array([row[column] for row in rows], dtype=np.int64) for column in range(3))
    return at, hour, kind, x


def row_of(policy: Policy, clock: Calendar, event: Event) -> EventRow:
    """One event as the kernel reads it; a choice that only a later version knows is missing.

    A kind that only a later version knows has a number for which the kernel has no effect.
    """
    try:
        declared = policy.kind(event.kind)
    except KeyError:
        return EventRow(event.at, clock.hour(event.at), len(policy.kinds), ())
    values = _values_of(declared.fields, event.fields)
    if policy.splits and event.kind in OPENING_KINDS:
        values = (*values, account_mark(event.account))
    return EventRow(event.at, clock.hour(event.at), declared.number, values)


def event_rows(
    policy: Policy,
    clock: Calendar,
    accounts: Sequence[str],
    kinds: Sequence[str],
    at: Sequence[int],
    fields: Sequence[Mapping[str, int | str]],
) -> list[EventRow]:
    """Many events as `row_of` reads each: their kinds by name, instants in UTC ms and fields by name."""
    known = {kind.name: (kind.number, kind.fields) for kind in policy.kinds}
    unknown: tuple[int, tuple[Field, ...]] = (len(policy.kinds), ())
    hours = clock.hours(np.array(at, dtype=np.int64)).tolist()
    rows = []
    for account, kind, instant, hour, values in zip(accounts, kinds, at, hours, fields, strict=True):
        number, declared = known.get(kind, unknown)
        x = _values_of(declared, values)
        if policy.splits and kind in OPENING_KINDS:
            x = (*x, account_mark(account))
        rows.append(EventRow(instant, hour, number, x))
    return rows


def _values_of(declared: Sequence[Field], fields: Mapping[str, int | str]) -> tuple[int, ...]:
    """The fields of a kind in their order; MISSING where one is absent, or a choice that is not known."""
    x = []
    for field in declared:
        value = fields.get(field.name)
        if isinstance(value, str) and field.unit == TEXT:
            value = text_mark(value)
        elif isinstance(value, str):
            value = field.choices.index(value) if value in field.choices else None
        x.append(MISSING if value is None else value)
    return tuple(x)


def fields_max(policy: Policy, present: Container[str]) -> int:
    """The most fields that an event has, where these kinds are present; at least 1.

    An opening has many, and most batches hold none: they need no room for it.
    """
    marks = int(bool(policy.splits))  # behind the fields of an opening stands the account's mark
    kinds = (kind for kind in policy.kinds if kind.name != "opening" or kind.name in present)
    return max(1, *(len(kind.fields) + (marks if kind.name in OPENING_KINDS else 0) for kind in kinds))


def no_events(policy: Policy, accounts: list[str]) -> Batch:
    """A batch of accounts (in order of their names) that have no events."""
    none = np.zeros(0, dtype=np.int64)
    x = np.zeros((0, fields_max(policy, ())), dtype=np.int64)
    return Batch(accounts, np.zeros(len(accounts) + 1, dtype=np.int64), none, none, none, none, x)


def parts_of(batch: Batch, accounts_max: int) -> Iterator[Batch]:
    """The batch in parts of at most so many whole accounts, in order of their names.

    >>> import numpy as np
    >>> none = np.zeros(0, dtype=np.int64)
    >>> five = Batch(list("abcde"), np.zeros(6, dtype=np.int64), none, none, none, none, none)
    >>> [part.accounts for part in parts_of(five, 2)]
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    if len(batch.accounts) <= accounts_max:
        yield batch
        return
    for first in range(0, len(batch.accounts), accounts_max):
        starts = batch.starts[first : first + accounts_max + 1]
        here = slice(int(starts[0]), int(starts[-1]))
        columns = (column[here] for column in (batch.rows, batch.at, batch.hour, batch.kind, batch.x))
        yield Batch(batch.accounts[first : first + accounts_max], starts - starts[0], *columns)


def narrowed(batch: Batch, accounts: Ints) -> Batch:
    """The batch of some of its accounts, given by their places in ascending order."""
    lengths = batch.starts[accounts + 1] - batch.starts[accounts]
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    events = events_of(batch, accounts)
    columns = (column[events] for column in (batch.rows, batch.at, batch.hour, batch.kind, batch.x))
    return Batch([batch.accounts[account] for account in accounts], starts, *columns)


def events_of(batch: Batch, accounts: Ints) -> Ints:
    """The places of all events of those accounts, account by account."""
    ranges = [np.arange(batch.starts[account], batch.starts[account + 1]) for account in accounts]
    return np.concatenate(ranges) if ranges else np.zeros(0, dtype=np.int64)


def row_at(batch: Batch, event: int) -> EventRow:
    """One event of a batch."""
    fields = tuple(batch.x[event].tolist())
    return EventRow(int(batch.at[event]), int(batch.hour[event]), int(batch.kind[event]), fields)


def rows_at(batch: Batch, events: Ints) -> list[EventRow]:
    """Some events of a batch."""
    columns = (column[events].tolist() for column in (batch.at, batch.hour, batch.kind, batch.x))
    return [EventRow(at, hour, kind, tuple(x)) for at, hour, kind, x in zip(*columns, strict=True)]


def batch_as_read_by(policy: Policy, batch: Batch) -> Batch:
    """A batch that a later version of the policy encoded, as this version reads it.

    An override may name a trigger that only a later version has: a choice that this version does not know is missing
    to it. For a kind that it does not know its kernel has no effect, and it reads no field that it does not know.
    """
    x = batch.x.copy()
    for kind in policy.kinds:
        for place, field in enumerate(kind.fields[: x.shape[1]]):
            if field.choices:
                x[(batch.kind == kind.number) & (x[:, place] >= len(field.choices)), place] = MISSING
    return replace(batch, x=x)


def _coded(column: pa.ChunkedArray) -> tuple[Ints, list[str]]:
    """The place of each value among the different ones, -1 for none, and these."""
    encoded = column.combine_chunks().dictionary_encode()
    return pc.fill_null(encoded.indices, -1).to_numpy().astype(np.int64), encoded.dictionary.to_pylist()


def _fields(policy: Policy, table: pa.Table) -> tuple[Ints, Ints]:
    """Kind numbers and field values of every row."""
    codes, names = _coded(table["kind"])
    numbers = {kind.name: kind.number for kind in policy.kinds}
    # A kind that only a later version knows has a number for which the kernel has no effect.
    kind = np.array([numbers.get(name, len(numbers)) for name in names], dtype=np.int64)[codes] if names else codes
    x = np.full((table.num_rows, fields_max(policy, names)), MISSING, dtype=np.int64)
    for item in policy.kinds:
        rows = np.flatnonzero(kind == item.number)
        if len(rows):
            for place, field in enumerate(item.fields):
                if field.name in table.column_names:
                    x[rows, place] = _numbers(field, table[field.name].take(rows))
    return kind, x


def _mark_openings(policy: Policy, table: pa.Table, kind: Ints, x: Ints) -> None:
    """The mark of each account behind the fields of the event that opens it, where the policy parts accounts by it."""
    for item in policy.kinds:
        if policy.splits and item.name in OPENING_KINDS:
            rows = np.flatnonzero(kind == item.number)
            if len(rows):
                accounts = table["account"].take(pa.array(rows)).to_pylist()
                x[rows, len(item.fields)] = [account_mark(account) for account in accounts]


def _numbers(field: Field, column: pa.ChunkedArray) -> Ints:
    if field.unit == TEXT:
        codes, texts = _coded(column)
        return np.array([*map(text_mark, texts), MISSING], dtype=np.int64)[codes]
    if field.choices:
        column = pc.index_in(column, value_set=pa.array(field.choices, type=column.type))
    filled: Ints = pc.fill_null(column.cast(pa.int64()), MISSING).to_numpy().astype(np.int64)
    return filled
