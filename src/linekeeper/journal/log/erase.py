"""Erasing one borrower: the key of the borrower's records is destroyed, and the log says so; every proof still holds.

What remains are leaves that commit to records which no longer exist, under salts which no longer exist. The erasure has
a leaf of its own. It lists the leaves but not the borrower, so an auditor can account for each leaf that does not open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import rfc8785
from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.exc import ProgrammingError

from linekeeper.journal.log.append import append
from linekeeper.journal.log.entry import Record, RecordKind
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.read import positions_of
from linekeeper.journal.log.tables import LogTables
from linekeeper.journal.log.vault import Vault


@dataclass(frozen=True, slots=True)
class Erasure:
    """`position` is the erasure's own leaf, `leaves` those that can be opened no more."""

    position: int
    leaves: tuple[int, ...]


def erase(connection: Connection, tables: LogTables, vault: Vault, account: str, at: int) -> Erasure:
    """Destroy the key and the sealed records of `account`, and log it; the caller commits.

    `at` is UTC milliseconds. The erasure is final once `scrub` has run. Raises LogError where the log has no record of
    the account.
    """
    append(connection, tables, vault, [])  # takes the log's lock: no record of the account can come between
    leaves, keys = tables.entries, tables.keys
    key = connection.execute(select(keys.c.id).where(keys.c.account == account)).scalar_one_or_none()
    if key is None or not account:
        raise LogError(
            f"the log has no record of `{account}`",
            code="account-not-in-log",
            way_out="check the account",
            details={"account": account},
        )
    done = note_erasure(connection, tables, vault, positions_of(connection, tables, account), at)
    connection.execute(update(leaves).where(leaves.c.key == key).values(key=None, sealed=None))
    connection.execute(delete(keys).where(keys.c.id == key))
    return done


def note_erasure(connection: Connection, tables: LogTables, vault: Vault, leaves: Sequence[int], at: int) -> Erasure:
    """Add the leaf of an erasure, after which these leaves can be opened no more; it names nobody."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")  # else what is deleted next would stay in free pages
    record = rfc8785.dumps({"at": at, "kind": "erasure", "leaves": list(leaves)})
    position = append(connection, tables, vault, [Record(RecordKind.ERASURE, "", record)])
    return Erasure(position, tuple(leaves))


def scrub(engine: Engine, tables: LogTables) -> None:
    """Remove what was erased from the database's files; run it once after the day's erasures.

    It rewrites the file and empties its write-ahead log (SQLite), or rewrites the log's tables (PostgreSQL), and needs
    time and disk space for a copy of them. Raises LogError where a reader prevents it.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
            connection.exec_driver_sql("VACUUM")
            busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            if busy:
                raise LogError(
                    "a reader keeps the write-ahead log from being emptied",
                    code="scrub-blocked",
                    way_out="end it and scrub again",
                )
        else:
            for table in (tables.keys, tables.entries):
                connection.exec_driver_sql(f"VACUUM FULL {table.name}")
            try:
                connection.exec_driver_sql("CHECKPOINT")
            except ProgrammingError:
                raise LogError(
                    "this database role may not CHECKPOINT",
                    code="scrub-not-allowed",
                    way_out="grant it `pg_checkpoint` and scrub again",
                ) from None
