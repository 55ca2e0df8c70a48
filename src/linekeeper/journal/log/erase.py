"""Erasing one borrower: the key of the borrower's records is destroyed, and the log says so; every proof still holds.

What remains are leaves that commit to records which no longer exist, under salts which no longer exist. The erasure has
a leaf of its own. It lists the leaves but not the borrower, so an auditor can account for each leaf that does not open.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import rfc8785
from sqlalchemy import Connection, Engine, Table, delete, select, update
from sqlalchemy.exc import OperationalError, ProgrammingError

from linekeeper.journal.log.append import append
from linekeeper.journal.log.entry import Record, RecordKind
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.read import positions_of
from linekeeper.journal.log.tables import LogTables
from linekeeper.journal.log.vault import Vault

READERS_SECONDS = 60.0
_PAUSE_SECONDS = 0.1
_POSITIONS_A_QUERY = 500
_ONCE_MORE = "and erase the same account once more: that finishes the erasure"


@dataclass(frozen=True, slots=True)
class Erasure:
    """`position` is the erasure's own leaf, `leaves` those that can be opened no more.

    Without a `position` it was made before and broken off: all that was left, and is done now, was to scrub the files.
    """

    position: int | None
    leaves: tuple[int, ...] = ()


def erase(connection: Connection, tables: LogTables, vault: Vault, account: str, at: int, mark: str) -> Erasure:
    """Destroy the key and the sealed records of `account`, and log it; the caller commits.

    `at` is UTC milliseconds, `mark` what whoever erases knows the account again by. The erasure is final once `scrub`
    has run. Raises LogError where the log has no record of the account.
    """
    append(connection, tables, vault, [])  # takes the log's lock: no record of the account can come between
    keys = tables.keys
    key = connection.execute(select(keys.c.id).where(keys.c.account == account)).scalar_one_or_none()
    if key is None or not account:
        raise LogError(
            f"the log has no record of `{account}`",
            code="account-not-in-log",
            way_out="check the account",
            details={"account": account},
        )
    done = close_leaves(connection, tables, vault, positions_of(connection, tables, account), at, mark)
    connection.execute(delete(keys).where(keys.c.id == key))
    return done


def close_leaves(
    connection: Connection, tables: LogTables, vault: Vault, positions: Sequence[int], at: int, mark: str
) -> Erasure:
    """Destroy the sealed records at these positions, and log it."""
    done = note_erasure(connection, tables, vault, positions, at, mark)
    e = tables.entries
    for start in range(0, len(positions), _POSITIONS_A_QUERY):
        some = positions[start : start + _POSITIONS_A_QUERY]
        connection.execute(update(e).where(e.c.position.in_(some)).values(key=None, sealed=None))
    return done


def note_erasure(
    connection: Connection, tables: LogTables, vault: Vault, leaves: Sequence[int], at: int, mark: str
) -> Erasure:
    """Add the leaf of an erasure, after which these leaves can be opened no more; it names nobody."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")  # else what is deleted next would stay in free pages
    record = rfc8785.dumps({"at": at, "kind": "erasure", "leaves": list(leaves), "mark": mark})
    position = append(connection, tables, vault, [Record(RecordKind.ERASURE, "", record)])
    return Erasure(position, tuple(leaves))


def scrub(engine: Engine, tables: LogTables, others: Sequence[Table] = ()) -> None:
    """Remove what was erased from the database's files; run it once after the day's erasures.

    It rewrites the file and empties its write-ahead log (SQLite), or rewrites the log's tables and these `others`
    (PostgreSQL), and needs time and disk space for a copy of them. Raises LogError where a reader prevents it: then,
    and after a crash, it is run again.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "sqlite":
            _scrub_sqlite(connection)
        else:
            connection.detach()  # so that its settings end with it
            _scrub_postgres(connection, [tables.keys, tables.entries, *others])


def _scrub_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("PRAGMA secure_delete = ON")
    connection.exec_driver_sql("VACUUM")
    busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    if busy:
        raise LogError(
            "a reader keeps the write-ahead log from being emptied",
            code="scrub-blocked",
            way_out=f"end it, {_ONCE_MORE}",
        )


def _scrub_postgres(connection: Connection, tables: Sequence[Table]) -> None:
    connection.exec_driver_sql(f"SET lock_timeout = {int(READERS_SECONDS * 1_000)}")
    try:
        _wait_for_readers(connection)
        for table in tables:
            connection.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {table.name}")
        # The statistics of a column are values of its rows. Those of before are in dead rows from just now; where the
        # role may not rewrite their table, the database warns and goes on.
        _wait_for_readers(connection)
        connection.exec_driver_sql("VACUUM FULL pg_catalog.pg_statistic")
    except OperationalError as error:
        raise _rows_in_use() from error
    try:
        connection.exec_driver_sql("CHECKPOINT")
    except ProgrammingError:
        raise LogError(
            "this database role may not CHECKPOINT",
            code="scrub-not-allowed",
            way_out=f"grant it `pg_checkpoint`, {_ONCE_MORE}",
        ) from None


def _rows_in_use() -> LogError:
    return LogError(
        "a reader, or a transaction that has begun before, keeps the erased rows from being removed",
        code="scrub-blocked",
        way_out=f"end it, {_ONCE_MORE}",
    )


def _wait_for_readers(connection: Connection) -> None:
    """Wait until nobody sees the rows of before any more: PostgreSQL keeps them for as long as somebody may.

    That is a reader of this database, and whoever has begun to write in any database of the server, since what this
    connection sees is reckoned from the oldest of them. Raises LogError where one does for too long.
    """
    now = connection.exec_driver_sql("SELECT pg_current_xact_id()::text").scalar_one()
    writers = f"pg_snapshot_xmin(pg_current_snapshot()) <= '{now}'::xid8"
    readers = (
        "EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        f" AND age(backend_xmin) > age('{now}'::xid8::xid))"
    )
    give_up = time.monotonic() + READERS_SECONDS
    while connection.exec_driver_sql(f"SELECT {writers} OR {readers}").scalar_one():
        if time.monotonic() > give_up:
            raise _rows_in_use()
        time.sleep(_PAUSE_SECONDS)
