"""The inbox: each event counts once. The key is (source, id); another body under a known key is a conflict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from sqlalchemy import Connection, select

from linekeeper.core.event import EVENT_HEAD, Rejection
from linekeeper.evaluate.late_events import REVERSAL
from linekeeper.journal import tables as t
from linekeeper.journal.store import insert_many, next_seq, within

if TYPE_CHECKING:
    import pyarrow as pa

EVENT_COLUMNS = ("seq", "source", "id", "account", "kind", "at", "body")
REJECTED_COLUMNS = ("source", "id", "account", "body", "reason")
Key = tuple[str, str, int, bytes]  # account, kind, at, body

_ENCODE = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True)
class Admitted:
    """What the inbox admitted: the table's new rows, their ids, the arrival number of the first.

    `same` counts repeats, `conflicts` are the rows whose id came before with another body.
    """

    table: pa.Table
    ids: list[str]
    first_seq: int
    same: int
    conflicts: list[Rejection]


def admit_events(connection: Connection, source: str, table: pa.Table) -> Admitted:
    """Write the table's events to the journal in its order, each once."""
    ids: list[str] = table["id"].to_pylist()
    heads = (table[name].to_pylist() for name in ("account", "kind", "at"))
    keys = list(zip(*heads, bodies(table), strict=True))
    known = {} if _nothing_known(connection, source) else _known(connection, source, ids)
    new, same, conflicts = _sort_out(ids, keys, known)
    if len(new) < len(ids):
        table, ids = table.take(np.array(new, dtype=np.int64)), [ids[i] for i in new]
        rejected = [(source, event_id, keys[i][0], keys[i][3], reason) for i, event_id, reason in conflicts]
        insert_many(connection, t.rejected_events, REJECTED_COLUMNS, rejected)
    first = next_seq(connection, t.events)
    rows = [(first + n, source, ids[n], *keys[i]) for n, i in enumerate(new)]
    insert_many(connection, t.events, EVENT_COLUMNS, rows)
    rejections = [Rejection(f"event {event_id}", reason) for _, event_id, reason in conflicts]
    return Admitted(table, ids, first, same, rejections)


def reversals(connection: Connection, source: str, admitted: Admitted) -> dict[int, int]:
    """The `seq` of each reversal among the new rows, and that of the event of the same source which it names."""
    if "of" not in admitted.table.column_names:
        return {}
    kinds, named = admitted.table["kind"].to_pylist(), admitted.table["of"].to_pylist()
    rows = {row: named[row] for row, kind in enumerate(kinds) if kind == REVERSAL and named[row] is not None}
    e = t.events.c
    query = select(e.id, e.seq).where(e.source == source, within(connection, e.id, list(rows.values())))
    seqs = {row.id: row.seq for row in connection.execute(query)} if rows else {}
    return {admitted.first_seq + row: seqs[name] for row, name in rows.items() if name in seqs}


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


def _nothing_known(connection: Connection, source: str) -> bool:
    query = select(t.events.c.seq).where(t.events.c.source == source).limit(1)
    return connection.execute(query).first() is None


def _known(connection: Connection, source: str, ids: Sequence[str]) -> dict[str, Key]:
    e = t.events.c
    query = select(e.id, e.account, e.kind, e.at, e.body).where(e.source == source, within(connection, e.id, ids))
    return {row[0]: (row[1], row[2], row[3], bytes(row[4])) for row in connection.execute(query)}


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
