"""The inbox: each event counts once.

An id names one event of a source: the same again is a repeat, another body under it a conflict. What another source
gave before is rejected unless the caller allows it, and so are the events of borrowers who were erased.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, Select, select

from linekeeper.core.event import ARRIVED, DERIVED_SOURCES, EVENT_HEAD, Event, Rejection, RejectionCode
from linekeeper.evaluate.evaluator import OVER_LIMIT, REFUSAL_REASONS, UNKNOWN_EVENT, rejection_code
from linekeeper.evaluate.event_batch import (
    BEFORE_ALL,
    Batch,
    batch_of,
    batch_of_few,
    events_of_table,
    sort_by_time,
    table_with,
    time_of_event,
)
from linekeeper.evaluate.late_events import REVERSAL
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import Keeper, erased_of
from linekeeper.journal.store import as_bytes, fetch_rows, in_names, insert_many, listed, take_numbers

if TYPE_CHECKING:
    from linekeeper.engine.calls import ReceiveCall
    from linekeeper.engine.clock import Clock
    from linekeeper.kernel.calendar import Calendar
    from linekeeper.policy.model import Policy

EVENT_COLUMNS = ("seq", "source", "id", "arrived", "account", "kind", "at", "body")
REJECTED_COLUMNS = ("source", "id", "account", "body", "reason")
_RejectedRow = tuple[str, str, str, bytes, str]
Key = tuple[str, str, int, bytes]  # account, kind, at, body
Known = dict[str, dict[str, Key]]  # by id and source, what came before
BatchInput: TypeAlias = pa.Table | Sequence[Event]  # an event table, or a few events

# Up to so many rows, events one by one cost less than Arrow's columns, each of whose operations has a price of its own.
FEW_EVENTS = 32

_ENCODE = msgspec.json.Encoder(order="sorted").encode
_DECODE = msgspec.json.Decoder(dict[str, int | str]).decode


# ------------------------------------------------------------------ what arrives


class GivenEvents(Protocol):
    """Valid events in order of `at`, as they arrive: columns of what every event has.

    `arrived` (UTC ms) is None where nothing says it: the event is known since now.
    """

    ids: list[str]
    accounts: list[str]
    kinds: list[str]
    at: list[int]
    arrived: list[int | None]

    def bodies(self) -> list[bytes]:
        """The fields of each event as JSON, absent ones left out."""

    def take(self, rows: Sequence[int]) -> Self:
        """Some of the events, by their rows in ascending order."""

    def batch(self, policy: Policy, clock: Calendar) -> Batch:
        """The events as the kernel reads them."""

    def with_first(self, events: Sequence[Event]) -> GivenEvents:
        """The same and those, which come first at their instant."""


class FewEvents:
    """A few events."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        self.ids = [event.id for event in events]
        self.accounts = [event.account for event in events]
        self.kinds = [event.kind for event in events]
        self.at = [event.at for event in events]
        self.arrived = [event.arrived for event in events]

    def bodies(self) -> list[bytes]:
        """See `GivenEvents`."""
        return [_ENCODE(event.fields) for event in self._events]

    def take(self, rows: Sequence[int]) -> FewEvents:
        """See `GivenEvents`."""
        return FewEvents([self._events[row] for row in rows])

    def batch(self, policy: Policy, clock: Calendar) -> Batch:
        """See `GivenEvents`."""
        return batch_of_few(policy, clock, self._events)

    def with_first(self, events: Sequence[Event]) -> GivenEvents:
        """See `GivenEvents`."""
        return FewEvents(sorted([*events, *self._events], key=time_of_event))


class EventTable:
    """An event table."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.ids: list[str] = table["id"].to_pylist()
        self.accounts: list[str] = table["account"].to_pylist()
        self.kinds: list[str] = table["kind"].to_pylist()
        self.at: list[int] = table["at"].to_pylist()
        has_arrived = ARRIVED in table.column_names
        self.arrived: list[int | None] = table[ARRIVED].to_pylist() if has_arrived else [None] * table.num_rows

    def bodies(self) -> list[bytes]:
        """See `GivenEvents`."""
        return bodies(self._table)

    def take(self, rows: Sequence[int]) -> EventTable:
        """See `GivenEvents`."""
        return EventTable(self._table.take(np.array(rows, dtype=np.int64)))

    def batch(self, policy: Policy, clock: Calendar) -> Batch:
        """See `GivenEvents`."""
        return batch_of(policy, clock, self._table)

    def with_first(self, events: Sequence[Event]) -> GivenEvents:
        """See `GivenEvents`."""
        return EventTable(sort_by_time(table_with(self._table, events)))


def given_events(events: BatchInput) -> GivenEvents:
    """The events in order of `at`, openings first; those of one instant keep their order."""
    if not isinstance(events, pa.Table):
        return FewEvents(sorted(events, key=time_of_event))
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
        names = [one for one in table.column_names if one not in (*EVENT_HEAD, ARRIVED)]
        names = [one for one in names if part[one].null_count < len(rows)]
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

    `same` counts repeats; `rejected` are the rows whose id came before for another event, or from another source.
    `sources` say whose each new event is, `arrived` when it was known (UTC ms). `last_at` is the latest `at` of the new
    events and the repeats (UTC ms; None where there is neither).
    """

    events: GivenEvents
    bodies: list[bytes]
    arrived: list[int]
    first_seq: int
    same: int
    rejected: list[Rejection]
    last_at: int | None
    sources: list[str]

    @property
    def ids(self) -> list[str]:
        """The ids of the new events."""
        return self.events.ids

    def of_kind(self, kind: str, rows: Iterable[int]) -> dict[int, dict[str, int | str]]:
        """Those new events of these rows that are of a kind, by row, with the fields of each."""
        kinds = self.events.kinds
        return {row: _DECODE(self.bodies[row]) for row in rows if kinds[row] == kind}


def admit_events(connection: Connection, call: ReceiveCall, events: GivenEvents, clock: Calendar, now: int) -> Admitted:
    """Write the events to the journal in their order, each once; `now` (UTC ms) is when those arrive that do not say.

    An event that another source gave before, with the same id, account, kind, local day and numbers, is rejected. With
    `allow_other_source` it counts again. New events of `unreadable` accounts are rejected too, with the reason there.
    """
    unreadable = call.unreadable
    keys = list(zip(events.accounts, events.kinds, events.at, events.bodies(), strict=True))
    ids = events.ids
    known = {} if len(ids) > FEW_EVENTS and _nothing_known(connection) else _known(connection, ids)
    sources = _sources(call, events)
    sorted_out = _sort_out(sources, ids, keys, known, None if call.allow_other_source else clock)
    for row in (row for row in sorted_out.new if keys[row][0] in unreadable):
        sorted_out.rejected[row] = _rejection(ids[row], unreadable[keys[row][0]], RejectionCode.KEY_NOT_READABLE)
    new, same = [row for row in sorted_out.new if row not in sorted_out.rejected], sorted_out.same
    last_at = max((events.at[row] for row in (*new, *same)), default=None)
    if len(new) < len(ids):
        events = events.take(new)
        rows = [
            (sources[row], ids[row], keys[row][0], keys[row][3], one.reason) for row, one in sorted_out.rejected.items()
        ]
        _keep_rejected(connection, rows)
    first = take_numbers(connection, "events", len(new))
    arrived = [now if known_at is None else known_at for known_at in events.arrived]
    written = [(first + n, sources[i], ids[i], arrived[n], *keys[i]) for n, i in enumerate(new)]
    insert_many(connection, t.events, EVENT_COLUMNS, written)
    rejected = list(sorted_out.rejected.values())
    own = [sources[i] for i in new]
    return Admitted(events, [keys[i][3] for i in new], arrived, first, len(same), rejected, last_at, own)


def _sources(call: ReceiveCall, events: GivenEvents) -> list[str]:
    """The source of each event: that of the feed, but for those that were derived here."""
    if not call.given:
        return [call.source] * len(events.ids)
    own = zip(events.ids, events.kinds, strict=True)
    return [
        DERIVED_SOURCES[kind] if name in call.given and kind in DERIVED_SOURCES else call.source for name, kind in own
    ]


def new_rows(connection: Connection, call: ReceiveCall, events: GivenEvents, clock: Calendar) -> list[int]:
    """The rows that `admit_events` would admit."""
    keys = list(zip(events.accounts, events.kinds, events.at, events.bodies(), strict=True))
    known = _known(connection, events.ids)
    rows = _sort_out(_sources(call, events), events.ids, keys, known, None if call.allow_other_source else clock)
    return [row for row in rows.new if row not in rows.rejected and keys[row][0] not in call.unreadable]


def drop_erased(
    connection: Connection, keeper: Keeper | None, events: GivenEvents
) -> tuple[GivenEvents, list[Rejection]]:
    """The events without those of borrowers who were erased, of which nothing is kept, and these as rejections."""
    if keeper is None:  # without a log nobody can be erased
        return events, []
    erased = erased_of(connection, keeper, list(dict.fromkeys(events.accounts)))
    if not erased:
        return events, []
    reason = "the borrower of this account was erased; a new relationship needs a new account id"
    dropped = [row for row, account in enumerate(events.accounts) if account in erased]
    kept = [row for row, account in enumerate(events.accounts) if account not in erased]
    return events.take(kept), [_rejection(events.ids[row], reason, RejectionCode.ERASED) for row in dropped]


def reject_ahead(
    connection: Connection, source: str, events: GivenEvents, clock: Clock
) -> tuple[GivenEvents, list[Rejection]]:
    """The events without those that lie ahead of the clock, which are rejected."""
    ahead = clock.ahead(events.at)
    if not ahead:
        return events, []
    refused, reasons = events.take(ahead), [str(clock.refusal(events.at[row])) for row in ahead]
    rows = zip(refused.ids, refused.accounts, refused.bodies(), reasons, strict=True)
    _keep_rejected(connection, [(source, *row) for row in rows])
    timely = sorted(set(range(len(events.ids))) - set(ahead))
    pairs = zip(refused.ids, reasons, strict=True)
    return events.take(timely), [_rejection(event_id, reason, RejectionCode.NOT_VALID) for event_id, reason in pairs]


def drop_rejected_draws(
    connection: Connection, source: str, events: GivenEvents
) -> tuple[GivenEvents, list[Rejection]]:
    """The events without draws that were of more than was available, under the same id: sent again, they stay rejected.

    Their borrower was refused, and has drawn nothing: that there is room by now makes no draw of it.
    """
    r, dialect = t.rejected_events.c, connection.dialect.name
    reason = REFUSAL_REASONS[OVER_LIMIT]
    query = select(r.id).where(r.source == source, r.reason == reason, in_names(dialect, r.id))
    before = set(connection.execute(query, {"names": listed(dialect, events.ids)}).scalars())
    if not before:
        return events, []
    again = [row for row, name in enumerate(events.ids) if name in before]
    kept = [row for row, name in enumerate(events.ids) if name not in before]
    reason = f"{reason}; it was rejected before, so send a new draw under an id of its own"
    return events.take(kept), [_rejection(events.ids[row], reason, RejectionCode.OVER_LIMIT) for row in again]


def drop_refused(connection: Connection, source: str, events: GivenEvents) -> tuple[GivenEvents, list[Rejection]]:
    """The events without those that their accounts refused before, and these as rejections.

    A run that was broken off had them refused. What came after them in the file may be in the store by now, and would
    have them accepted; but the run is finished as it was begun.
    """
    r, dialect = t.rejected_events.c, connection.dialect.name
    query = select(r.id, r.account, r.body, r.reason)
    query = query.where(r.source == source, r.reason.in_(_REFUSALS), in_names(dialect, r.id))
    rows = connection.execute(query, {"names": listed(dialect, events.ids)})
    refused = {(row.id, row.account, as_bytes(row.body)): row.reason for row in rows}
    if not refused:
        return events, []
    known, again = _known(connection, events.ids), dict[int, str]()
    keys = zip(events.accounts, events.kinds, events.at, events.bodies(), strict=True)
    for row, (name, key) in enumerate(zip(events.ids, keys, strict=True)):
        reason = refused.get((name, key[0], key[3]))
        if reason is not None and known.get(name, {}).get(source) != key:
            again[row] = reason
    kept = events.take([row for row in range(len(events.ids)) if row not in again])
    return kept, [_rejection(events.ids[row], reason, RejectionCode.REFUSED) for row, reason in again.items()]


_REFUSALS = [reason for code, reason in REFUSAL_REASONS.items() if code != OVER_LIMIT]


class Reversals(NamedTuple):
    """The reversals of a batch: `events` has the `seq` of each, and that of the event of the same source it names.

    `places` says how far back in time they reach, by account.
    """

    events: dict[int, int]
    places: dict[str, int]


def reversals(connection: Connection, source: str, admitted: Admitted) -> Reversals:
    """Those among the new events."""
    named = {
        row: str(fields["of"])
        for row, fields in admitted.of_kind(REVERSAL, range(len(admitted.ids))).items()
        if "of" in fields
    }
    if not named:
        return Reversals({}, {})
    e, dialect = t.events.c, connection.dialect.name
    query = select(e.id, e.seq, e.account, e.kind, e.at).where(e.source == source, in_names(dialect, e.id))
    rows = connection.execute(query, {"names": listed(dialect, list(named.values()))}).all()
    seqs, places = {row.id: row.seq for row in rows}, dict[str, int]()
    for row in rows:
        place = BEFORE_ALL if row.kind == "opening" else row.at
        places[row.account] = min(place, places.get(row.account, place))
    return Reversals({admitted.first_seq + row: seqs[name] for row, name in named.items() if name in seqs}, places)


def _nothing_known(connection: Connection) -> bool:
    return not fetch_rows(connection, _ANY_EVENT)


_ANY_EVENT = select(t.events.c.seq).limit(1)


def _known(connection: Connection, ids: Sequence[str]) -> Known:
    dialect = connection.dialect.name
    known: Known = {}
    for row in fetch_rows(connection, _events_named(dialect), names=listed(dialect, ids)):
        known.setdefault(row[0], {})[row[1]] = (row[2], row[3], row[4], as_bytes(row[5]))
    return known


@cache  # built once, like all queries that each single event asks: that costs more than the database takes for them
def _events_named(dialect: str) -> Select[Any]:
    e = t.events.c
    return select(e.id, e.source, e.account, e.kind, e.at, e.body).where(in_names(dialect, e.id))


@dataclass
class _SortedOut:
    """Rows of a batch: those that are new, those that came before just so, and those that are rejected."""

    new: list[int] = field(default_factory=list)
    same: list[int] = field(default_factory=list)
    rejected: dict[int, Rejection] = field(default_factory=dict)


def _sort_out(sources: list[str], ids: list[str], keys: list[Key], known: Known, clock: Calendar | None) -> _SortedOut:
    """Each row by what came before under its id; without a `clock`, what other sources gave does not matter."""
    rows = _SortedOut()
    for row, (event_id, key, source) in enumerate(zip(ids, keys, sources, strict=True)):
        by_source = known.get(event_id)
        if by_source is None:
            known[event_id] = {source: key}
            rows.new.append(row)
        elif source in by_source:
            if by_source[source] == key:
                rows.same.append(row)
            else:
                reason = f"the id `{event_id}` was used before for another event; give each event an id of its own"
                rows.rejected[row] = _rejection(event_id, reason, RejectionCode.CONFLICT)
        elif clock and (other := _source_of_same_event(by_source, key, clock)) is not None:
            reason = f"the source `{other}` gave this event before; if these are two, allow it (`--allow-other-source`)"
            rows.rejected[row] = _rejection(event_id, reason, RejectionCode.OTHER_SOURCE)
        else:
            by_source[source] = key
            rows.new.append(row)
    return rows


def _source_of_same_event(by_source: dict[str, Key], key: Key, clock: Calendar) -> str | None:
    """The source whose event under the id is the same, where there is one.

    Two systems may write one payment at different hours of a day and with different words, so the day and the numbers
    are compared.
    """
    alike = _likeness(key, clock)
    return next((source for source, other in sorted(by_source.items()) if _likeness(other, clock) == alike), None)


def _likeness(key: Key, clock: Calendar) -> tuple[str, str, int, dict[str, int]]:
    account, kind, at, body = key
    return account, kind, clock.day(at), {name: value for name, value in _DECODE(body).items() if type(value) is int}


def _rejection(event_id: str, reason: str, code: RejectionCode) -> Rejection:
    return Rejection(f"event {event_id}", reason, code)


def reject_refused(connection: Connection, source: str, admitted: Admitted, rows: dict[int, int]) -> list[Rejection]:
    """Move events that the kernel refused from the journal to the rejected events; `rows`: table row -> why."""
    e = t.events.c
    rejected: list[_RejectedRow] = []
    rejections: list[Rejection] = []
    for row, code in rows.items():
        event = e.seq == admitted.first_seq + row
        account, body = connection.execute(select(e.account, e.body).where(event)).one()
        reason = REFUSAL_REASONS[code]
        if code == UNKNOWN_EVENT:
            reason = _other_source_of_reversed(connection, source, account, bytes(body)) or reason
        rejected.append((source, admitted.ids[row], account, bytes(body), reason))
        rejections.append(_rejection(admitted.ids[row], reason, rejection_code(code)))
        connection.execute(t.events.delete().where(event))
    _keep_rejected(connection, rejected)
    return rejections


def _keep_rejected(connection: Connection, rows: Sequence[_RejectedRow]) -> None:
    """Write rejected events down (see REJECTED_COLUMNS), each that was rejected for that reason before only once."""
    if not rows:
        return
    r, dialect = t.rejected_events.c, connection.dialect.name
    query = select(*(r[name] for name in REJECTED_COLUMNS)).where(in_names(dialect, r.id))
    names = listed(dialect, list(dict.fromkeys(row[1] for row in rows)))
    known = {(*row[:3], as_bytes(row[3]), row[4]) for row in connection.execute(query, {"names": names})}
    new = [row for row in dict.fromkeys(rows) if row not in known]
    insert_many(connection, t.rejected_events, REJECTED_COLUMNS, new)


def _other_source_of_reversed(connection: Connection, source: str, account: str, body: bytes) -> str | None:
    """Why a reversal names nothing, where the event that it names stands under another source."""
    e = t.events.c
    named = select(e.source).where(e.id == _DECODE(body).get("of"), e.account == account, e.source != source)
    other = connection.execute(named.order_by(e.source).limit(1)).scalar()
    if other is None:
        return None
    return f"`of` names an event of the source `{other}`, and this comes from `{source}`; send it under `{other}`"
