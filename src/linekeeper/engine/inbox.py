"""The inbox: each event counts once. The key is (source, id); another body under a known key is a conflict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, Select, bindparam, select

from linekeeper.core.event import EVENT_HEAD, Event, Rejection
from linekeeper.evaluate.event_batch import Batch, batch_of, batch_of_few, events_of_table, sort_by_time
from linekeeper.evaluate.late_events import REVERSAL
from linekeeper.journal import tables as t
from linekeeper.journal.store import in_names, insert_many, listed, take_numbers

if TYPE_CHECKING:
    from linekeeper.engine.clock import Clock
    from linekeeper.kernel.calendar import Calendar
    from linekeeper.policy.model import Policy

EVENT_COLUMNS = ("seq", "source", "id", "account", "kind", "at", "body")
REJECTED_COLUMNS = ("source", "id", "account", "body", "reason")
Key = tuple[str, str, int, bytes]  # account, kind, at, body
BatchInput: TypeAlias = pa.Table | Sequence[Event]  # an event table, or a few events

# Up to so many rows, events one by one cost less than Arrow's columns, each of whose operations has a price of its own.
FEW_EVENTS = 32

_ENCODE = msgspec.json.Encoder(order="sorted").encode
_DECODE = msgspec.json.Decoder(dict[str, int | str]).decode


# ------------------------------------------------------------------ what arrives


class GivenEvents(Protocol):
    """Valid events in order of `at`, as they arrive: columns of what every event has."""

    ids: list[str]
    accounts: list[str]
    kinds: list[str]
    at: list[int]

    def bodies(self) -> list[bytes]:
        """The fields of each event as JSON, absent ones left out."""

    def take(self, rows: Sequence[int]) -> Self:
        """Some of the events, by their rows in ascending order."""

    def batch(self, policy: Policy, clock: Calendar) -> Batch:
        """The events as the kernel reads them."""


class FewEvents:
    """A few events."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        self.ids = [event.id for event in events]
        self.accounts = [event.account for event in events]
        self.kinds = [event.kind for event in events]
        self.at = [event.at for event in events]

    def bodies(self) -> list[bytes]:
        """See `GivenEvents`."""
        return [_ENCODE(event.fields) for event in self._events]

    def take(self, rows: Sequence[int]) -> FewEvents:
        """See `GivenEvents`."""
        return FewEvents([self._events[row] for row in rows])

    def batch(self, policy: Policy, clock: Calendar) -> Batch:
        """See `GivenEvents`."""
        return batch_of_few(policy, clock, self._events)


class EventTable:
    """An event table."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.ids: list[str] = table["id"].to_pylist()
        self.accounts: list[str] = table["account"].to_pylist()
        self.kinds: list[str] = table["kind"].to_pylist()
        self.at: list[int] = table["at"].to_pylist()

    def bodies(self) -> list[bytes]:
        """See `GivenEvents`."""
        return bodies(self._table)

    def take(self, rows: Sequence[int]) -> EventTable:
        """See `GivenEvents`."""
        return EventTable(self._table.take(np.array(rows, dtype=np.int64)))

    def batch(self, policy: Policy, clock: Calendar) -> Batch:
        """See `GivenEvents`."""
        return batch_of(policy, clock, self._table)


def given_events(events: BatchInput) -> GivenEvents:
    """The events in order of `at`; those of one instant keep their order."""
    if not isinstance(events, pa.Table):
        return FewEvents(sorted(events, key=lambda event: event.at))
    if events.num_rows <= FEW_EVENTS:
        return given_events(list(events_of_table(events)))
    return EventTable(sort_by_time(events))


def bodies(table: pa.Table) -> list[bytes]:
    """The fields of each row as JSON, absent ones left out."""
    encoded = [b"{}"] * table.num_rows
    kinds = table["kind"].combine_chunks().dictionary_encode()
    for code in range(len(kinds.dictionary)):  # a kind fills few of the columns
        rows = np.flatnonzero(kinds.indices.to_numpy() == code)
        part = table.take(rows)
        names = [one for one in table.column_names if one not in EVENT_HEAD and part[one].null_count < len(rows)]
        columns = [part[name].to_pylist() for name in names]
        for row, values in zip(rows.tolist(), zip(*columns, strict=True), strict=False):
            encoded[row] = _ENCODE(
                {name: value for name, value in zip(names, values, strict=True) if value is not None}
            )
    return encoded


# ------------------------------------------------------------------ what is admitted


@dataclass(frozen=True)
class Admitted:
    """What the inbox admitted: the new events with their bodies, and the arrival number of the first.

    `same` counts repeats, `conflicts` are the rows whose id came before with another body.
    """

    events: GivenEvents
    bodies: list[bytes]
    first_seq: int
    same: int
    conflicts: list[Rejection]

    @property
    def ids(self) -> list[str]:
        """The ids of the new events."""
        return self.events.ids

    def of_kind(self, kind: str) -> dict[int, dict[str, int | str]]:
        """The new events of a kind, by row, with the fields of each."""
        return {row: _DECODE(self.bodies[row]) for row, one in enumerate(self.events.kinds) if one == kind}


def admit_events(connection: Connection, source: str, events: GivenEvents) -> Admitted:
    """Write the events to the journal in their order, each once."""
    keys = list(zip(events.accounts, events.kinds, events.at, events.bodies(), strict=True))
    ids = events.ids
    first_of_source = len(ids) > FEW_EVENTS and _nothing_known(connection, source)
    known = {} if first_of_source else _known(connection, source, ids)
    new, same, conflicts = _sort_out(ids, keys, known)
    if len(new) < len(ids):
        events = events.take(new)
        rejected = [(source, event_id, keys[i][0], keys[i][3], reason) for i, event_id, reason in conflicts]
        insert_many(connection, t.rejected_events, REJECTED_COLUMNS, rejected)
    first = take_numbers(connection, "events", len(new))
    rows = [(first + n, source, ids[i], *keys[i]) for n, i in enumerate(new)]
    insert_many(connection, t.events, EVENT_COLUMNS, rows)
    rejections = [Rejection(f"event {event_id}", reason) for _, event_id, reason in conflicts]
    return Admitted(events, [keys[i][3] for i in new], first, same, rejections)


def reject_ahead(
    connection: Connection, source: str, events: GivenEvents, clock: Clock
) -> tuple[GivenEvents, list[Rejection]]:
    """The events without those that lie ahead of the clock, which are rejected."""
    ahead = clock.ahead(events.at)
    if not ahead:
        return events, []
    refused, reasons = events.take(ahead), [str(clock.refusal(events.at[row])) for row in ahead]
    rows = zip(refused.ids, refused.accounts, refused.bodies(), reasons, strict=True)
    insert_many(connection, t.rejected_events, REJECTED_COLUMNS, [(source, *row) for row in rows])
    timely = sorted(set(range(len(events.ids))) - set(ahead))
    rejections = [Rejection(f"event {event}", reason) for event, reason in zip(refused.ids, reasons, strict=True)]
    return events.take(timely), rejections


def reversals(connection: Connection, source: str, admitted: Admitted) -> dict[int, int]:
    """The `seq` of each reversal among the new events, and that of the event of the same source which it names."""
    named = {row: str(fields["of"]) for row, fields in admitted.of_kind(REVERSAL).items() if "of" in fields}
    if not named:
        return {}
    e, dialect = t.events.c, connection.dialect.name
    query = select(e.id, e.seq).where(e.source == source, in_names(dialect, e.id))
    rows = connection.execute(query, {"names": listed(dialect, list(named.values()))})
    seqs = {row.id: row.seq for row in rows}
    return {admitted.first_seq + row: seqs[name] for row, name in named.items() if name in seqs}


def _nothing_known(connection: Connection, source: str) -> bool:
    query = select(t.events.c.seq).where(t.events.c.source == source).limit(1)
    return connection.execute(query).first() is None


def _known(connection: Connection, source: str, ids: Sequence[str]) -> dict[str, Key]:
    dialect = connection.dialect.name
    rows = connection.execute(_events_named(dialect), {"source": source, "names": listed(dialect, ids)})
    return {row[0]: (row[1], row[2], row[3], bytes(row[4])) for row in rows}


@cache  # built once, like all queries that each single event asks: that costs more than the database takes for them
def _events_named(dialect: str) -> Select[Any]:
    e = t.events.c
    query = select(e.id, e.account, e.kind, e.at, e.body)
    return query.where(e.source == bindparam("source"), in_names(dialect, e.id))


def _sort_out(
    ids: list[str], keys: list[Key], known: dict[str, Key]
) -> tuple[list[int], int, list[tuple[int, str, str]]]:
    """Rows that are new, how many say the same again, and (row, id, reason) of those that do not."""
    new: list[int] = []
    same = 0
    conflicts: list[tuple[int, str, str]] = []
    for row, (event_id, key) in enumerate(zip(ids, keys, strict=True)):
        before = known.setdefault(event_id, key)
        if before is key:
            new.append(row)
        elif before == key:
            same += 1
        else:
            reason = f"the id `{event_id}` was used before for another event; give each event an id of its own"
            conflicts.append((row, event_id, reason))
    return new, same, conflicts


def reject_refused(connection: Connection, source: str, admitted: Admitted, rows: dict[int, str]) -> list[Rejection]:
    """Move events that the kernel refused from the journal to the rejected events; `rows`: table row -> reason."""
    e = t.events.c
    rejected: list[tuple[Any, ...]] = []
    for row, reason in rows.items():
        event = e.seq == admitted.first_seq + row
        account, body = connection.execute(select(e.account, e.body).where(event)).one()
        rejected.append((source, admitted.ids[row], account, bytes(body), reason))
        connection.execute(t.events.delete().where(event))
    insert_many(connection, t.rejected_events, REJECTED_COLUMNS, rejected)
    return [Rejection(f"event {admitted.ids[row]}", reason) for row, reason in rows.items()]
