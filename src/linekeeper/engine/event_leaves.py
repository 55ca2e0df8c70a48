"""What arrived is in the log: for each batch and each of its borrowers, a leaf that commits to the borrower's events.

The leaf is sealed with the borrower's own key, like all that is about the borrower: an erasure closes it with the rest.
It holds how many events there are, between which arrival numbers, and a digest of them; the events themselves stay in
the journal alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Iterable, Mapping, Sequence
from hashlib import sha256
from operator import itemgetter
from typing import Any

import msgspec
import rfc8785
from sqlalchemy import Connection, func, select

from linekeeper.engine.inbox import Admitted
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import Keeper
from linekeeper.journal.log.entry import Record, RecordKind
from linekeeper.journal.store import as_bytes, within

JournalRow = tuple[int, str, str, int | None, str, int, bytes]  # seq, source, id, arrived, kind, at, body
_SEQ = itemgetter(0)
_PACK = msgspec.msgpack.Encoder().encode


def digest_of_events(rows: Sequence[JournalRow]) -> str:
    """SHA-256 over the MessagePack of the rows, in hex.

    >>> digest_of_events([(1, "core", "e-1", 5, "repay", 4, b'{"amount":100}')])[:16]
    'e476c4956a4b0b93'
    """
    return sha256(_PACK(rows)).hexdigest()


def event_leaves(admitted: Admitted, rows: Iterable[int], refused: Container[int]) -> list[Record]:
    """The leaves of some of the rows that were admitted, but for those that were refused after all; by account.

    The rows of an account are in ascending order.
    """
    events, arrived, bodies = admitted.events, admitted.arrived, admitted.bodies
    by_account: dict[str, list[JournalRow]] = {}
    for row in rows:
        if row not in refused:
            number, kind, at = admitted.first_seq + row, events.kinds[row], events.at[row]
            one = (number, admitted.sources[row], events.ids[row], arrived[row], kind, at, bodies[row])
            by_account.setdefault(events.accounts[row], []).append(one)
    return [_leaf(account, by_account[account]) for account in sorted(by_account)]


def _leaf(account: str, rows: Sequence[JournalRow]) -> Record:
    content: dict[str, str | int] = {"account": account, "kind": "events", "at": max(at for *_, at, _ in rows)}
    content |= {"first": rows[0][0], "last": rows[-1][0], "count": len(rows), "digest": digest_of_events(rows)}
    return Record(RecordKind.EVENTS, account, rfc8785.dumps(content))


def ruling_leaves(
    connection: Connection, keeper: Keeper, admitted: Admitted, rows: Iterable[int], refused: Container[int]
) -> list[Record]:
    """A leaf for each person's ruling among some rows, beside the leaf of the decision that it may lead to.

    A ruling that its account refused (rows of the table) is no event, so it is new to the journal whenever it is sent
    again: the log itself says whether it has its leaf.
    """
    events, rulings = admitted.events, dict[int, Record]()
    for row, fields in admitted.of_kind("override", rows).items():
        account = events.accounts[row]
        data = ruling_record(events.ids[row], account, events.at[row], fields)
        rulings[row] = Record(RecordKind.RULING, account, data)
    doubtful = {ruling.account for row, ruling in rulings.items() if row in refused}
    sealed = {account: keeper.records_of(connection, RecordKind.RULING, account) for account in doubtful}
    return [one for row, one in rulings.items() if row not in refused or one.data not in sealed[one.account]]


def ruling_record(id: str, account: str, at: int, fields: Mapping[str, int | str]) -> bytes:
    """What the leaf of a ruling commits to: the event, as RFC 8785 JSON."""
    return rfc8785.dumps({"id": id, "account": account, "kind": "override", "at": at, **fields})


# ------------------------------------------------------------------ held against the journal


def differing_events(connection: Connection, leaves: Sequence[dict[str, Any]]) -> str | None:
    """The first of the leaves (what they hold) that is of other events than the journal has; None where all agree."""
    if not leaves:
        return None
    e, accounts = t.events.c, sorted({leaf["account"] for leaf in leaves})
    first, last = min(leaf["first"] for leaf in leaves), max(leaf["last"] for leaf in leaves)
    query = select(e.account, e.seq, e.source, e.id, e.arrived, e.kind, e.at, e.body)
    query = query.where(e.seq.between(first, last), within(connection, e.account, accounts)).order_by(e.seq)
    by_account: dict[str, list[JournalRow]] = {}
    for account, *row, body in connection.execute(query):
        by_account.setdefault(account, []).append((*row, as_bytes(body)))
    for leaf in leaves:
        rows = by_account.get(leaf["account"], [])
        begin, end = (bisect_left(rows, number, key=_SEQ) for number in (leaf["first"], leaf["last"] + 1))
        rows = rows[begin:end]
        if len(rows) != leaf["count"] or digest_of_events(rows) != leaf["digest"]:
            numbers = f"{leaf['first']} to {leaf['last']}"
            return f"the events of `{leaf['account']}` with the numbers {numbers} are not those that arrived"
    return None


def difference_of_counts(connection: Connection, first: int, count: int) -> str | None:
    """Where the journal has more events than leaves commit to, from the `first` one that a leaf has.

    Events that came before the store's log had such leaves stand in none.
    """
    stored = int(connection.execute(select(func.count()).where(t.events.c.seq >= first)).scalar_one())
    return None if stored == count else f"{stored} events are stored, and {count} have a leaf"
