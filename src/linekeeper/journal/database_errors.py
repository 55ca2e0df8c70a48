"""What a database refuses, as errors with a code: its own first line, and never a row or a value of one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, InterfaceError, InternalError, OperationalError

from linekeeper.core.errors import StoreError

READ_ONLY_TRANSACTION = "25006"  # how PostgreSQL numbers a statement that writes where only reading is allowed


class DatabaseFailure(StoreError):
    """The database failed in the middle of a transaction, none of which is kept. `cause` is what it says itself."""

    cause = ""


def cause_of(error: BaseException) -> str:
    """The first line of what the database itself says. The lines below may quote a row.

    >>> cause_of(sqlite3.OperationalError("database or disk is full"))
    'database or disk is full'
    """
    if isinstance(error, UnicodeDecodeError):
        return "its schema is malformed"
    lines = str(getattr(error, "orig", None) or error).splitlines()
    return lines[0].strip()[:300] if lines else "it does not say why"


def failure_of(error: BaseException, place: str) -> DatabaseFailure:
    """What a database refused, as an error with a code; `place` is the address of the store.

    >>> failure_of(sqlite3.OperationalError("database or disk is full"), "lines.db").code
    'store-full'
    """
    cause = cause_of(error)
    message, lower = f"the store `{place}` failed: {cause}", cause.lower()

    def holds(*words: str) -> bool:
        return any(word in lower for word in words)

    if holds("is full", "no space left", "could not extend file"):
        failure = DatabaseFailure(message, code="store-full", way_out="make room, then do it again", place=place)
    elif holds("malformed", "not a database", "invalid page", "could not read block"):
        failure = failure_of_file(cause, place)
    elif holds("readonly", "read-only"):
        way_out = "let this user write to the file and its folder"
        failure = DatabaseFailure(message, code="store-read-only", way_out=way_out, place=place)
    elif holds("locked", "lock timeout"):
        way_out = "let the other writer end, and do it again"
        failure = DatabaseFailure(message, code="store-busy", way_out=way_out, place=place)
    else:
        way_out = "see that the database runs and can be reached, then do it again"
        failure = DatabaseFailure(message, code="store-failed", way_out=way_out, place=place)
    failure.cause = cause
    return failure


def failure_of_file(damage: str, place: str) -> DatabaseFailure:
    """That the file of a store is damaged, as an error with a code; `damage` is what the database says of it."""
    return DatabaseFailure(
        f"the file of the store `{place}` is damaged: {damage}",
        code="store-damaged",
        way_out="`linekeeper verify` says more; restore the store from its newest backup",
        place=place,
    )


def what_is_broken(connection: Connection) -> str | None:
    """What SQLite's own check finds first in its file: a damaged page, an index that is not what its table says.

    None where it is whole. PostgreSQL checks pages by itself (`data_checksums`), and its indexes by `amcheck`.
    """
    if connection.dialect.name != "sqlite":
        return None
    try:
        answer = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
    except DatabaseError as error:
        answer = cause_of(error)
    return None if answer == "ok" else " ".join(str(answer).split())


@contextmanager
def typed_failures(place: str, reading: bool = False) -> Iterator[None]:
    """Raises DatabaseFailure for what a database refuses within. What our own statements do wrong stays as it is.

    `reading`: within a transaction that only reads, where a statement that writes is such a wrong.
    """
    try:
        yield
    except (OperationalError, InternalError, InterfaceError, sqlite3.OperationalError) as error:
        if reading and getattr(getattr(error, "orig", None), "sqlstate", None) == READ_ONLY_TRANSACTION:
            raise
        raise failure_of(error, place) from None
    except (DatabaseError, sqlite3.DatabaseError) as error:
        if type(error) not in (DatabaseError, sqlite3.DatabaseError):
            raise
        raise failure_of(error, place) from None
