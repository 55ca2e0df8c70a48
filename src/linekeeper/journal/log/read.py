"""Reading the log from the database: entries as they are, records opened with their keys."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from linekeeper.journal.log.entry import Opened, RecordKind, kind_of
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.keys import cipher_of
from linekeeper.journal.log.tables import LogTables
from linekeeper.journal.log.vault import Vault

_ROWS = 10_000
_POSITIONS_A_QUERY = 500


def entries(connection: Connection, tables: LogTables, start: int, end: int) -> Iterator[bytes]:
    """The entries of [start, end) in order; LogError at the first one that is absent."""
    table = tables.entries
    for low in range(start, end, _ROWS):
        high = min(low + _ROWS, end)
        within = select(table.c.position, table.c.entry).where(table.c.position >= low, table.c.position < high)
        expected = low
        for position, entry in connection.execute(within.order_by(table.c.position)):
            if position != expected:
                break
            yield entry
            expected += 1
        if expected != high:
            raise LogError(
                f"leaf {expected} is absent from the store",
                code="leaf-missing",
                way_out="restore the store from its newest backup",
                details={"leaf": expected},
            )


def positions_of(
    connection: Connection, tables: LogTables, account: str, kinds: Container[int] | None = None
) -> list[int]:
    """Where the records of one account stand, in order, those of some kinds alone; none once it is erased."""
    query = (
        select(tables.entries.c.position, tables.entries.c.entry)
        .join(tables.keys, tables.keys.c.id == tables.entries.c.key)
        .where(tables.keys.c.account == account)
        .order_by(tables.entries.c.position)
    )
    # The second byte says the kind. An entry that was altered is none; the tree says so, and the others are given.
    rows = connection.execute(query)
    return [position for position, entry in rows if kinds is None or any(byte in kinds for byte in bytes(entry[1:2]))]


@dataclass(frozen=True, slots=True)
class UnreadableRecord:
    """The record of a leaf that does not open although nobody was erased: it or its key is damaged, or the key is gone.

    `account` is whose record it is. It is None where the key is gone: only the key's row named the account. `kind` is
    None where the leaf does not say it.
    """

    position: int
    account: str | None
    kind: RecordKind | None
    error: LogError


LeafRecord = Opened | UnreadableRecord | None  # None where the borrower was erased


def opened(
    connection: Connection, tables: LogTables, vault: Vault, positions: Iterable[int]
) -> Iterator[tuple[int, LeafRecord]]:
    """(position, record) in the order of `positions`; None where the borrower was erased. LogError: no such leaf.

    A record that does not open is given as one, and the others are opened all the same.
    """
    wanted = list(positions)
    for at in range(0, len(wanted), _POSITIONS_A_QUERY):
        some = wanted[at : at + _POSITIONS_A_QUERY]
        records = _open_some(connection, tables, vault, some)
        for position in some:
            if position not in records:
                raise LogError(
                    f"there is no leaf {position} in the store",
                    code="leaf-missing",
                    details={"leaf": position},
                )
            yield position, records[position]


def accounts_of_leaves(connection: Connection, tables: LogTables, positions: range) -> dict[int, str]:
    """Whose key seals each of these leaves; those of erased borrowers are left out."""
    leaves, keys = tables.entries.c, tables.keys.c
    query = select(leaves.position, keys.account).join(tables.keys, keys.id == leaves.key)
    rows = connection.execute(query.where(leaves.position >= positions.start, leaves.position < positions.stop))
    return {row.position: row.account for row in rows}


def _open_some(connection: Connection, tables: LogTables, vault: Vault, positions: list[int]) -> dict[int, LeafRecord]:
    leaves, keys = tables.entries, tables.keys
    query = (
        select(leaves.c.position, leaves.c.entry, leaves.c.key, leaves.c.sealed)
        .add_columns(keys.c.account, keys.c.master, keys.c.wrapped)
        .join(keys, keys.c.id == leaves.c.key, isouter=True)
        .where(leaves.c.position.in_(positions))
    )
    return {row.position: _open_one(vault, row) for row in connection.execute(query)}


def _open_one(vault: Vault, row: Row[Any]) -> LeafRecord:
    if row.key is None:
        return None
    kind = None
    try:
        kind = kind_of(row.entry)
        if row.account is None:
            raise LogError(
                f"the key of leaf {row.position} is not in the store",
                code="data-key-missing",
                way_out="put its row of `log_keys` back from a backup",
                details={"leaf": row.position},
            )
        return vault.open(row.entry, row.sealed, cipher_of(vault, row.account, row.master, row.wrapped))
    except LogError as error:
        return UnreadableRecord(row.position, row.account, kind, error)
