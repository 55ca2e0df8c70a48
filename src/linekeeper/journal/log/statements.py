"""Queries and inserts of each single event: SQLAlchemy would build and read them for longer than they take."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, Table
from sqlalchemy.dialects import sqlite

StoredRows = list[tuple[Any, ...]]


def fetch_rows(connection: Connection, query: Select[Any], **values: Any) -> StoredRows:
    """All rows of a query that is built once, with these values for its parameters.

    What SQLAlchemy does about an execution takes several times as long as SQLite does for one row. PostgreSQL is asked
    by SQLAlchemy: its answer takes longer on the way, and its driver has errors and types of its own.

    >>> from sqlalchemy import bindparam, create_engine, select
    >>> database = create_engine("sqlite://")
    >>> with database.connect() as connection:
    ...     fetch_rows(connection, select(bindparam("first") + 1), first=2)
    [(3,)]
    >>> database.dispose()
    """
    if connection.dialect.name != "sqlite":
        return [tuple(row) for row in connection.execute(query, values)]
    text, names, fixed = _text_of(query)
    driver: Any = connection.connection.dbapi_connection
    rows: StoredRows = driver.execute(
        text, [values[name] if name in values else fixed[name] for name in names]
    ).fetchall()
    return rows


@lru_cache(maxsize=64)
def _text_of(query: Select[Any]) -> tuple[str, list[str], dict[str, Any]]:
    """SQLite's text of a query, the names of its parameters in order, and the values that the query gives itself."""
    compiled = query.compile(dialect=sqlite.dialect())
    return str(compiled), list(compiled.positiontup or ()), dict(compiled.params)


def value_mark(connection: Connection) -> str:
    """What stands for a value in a statement that is given to the driver as text."""
    return "?" if connection.dialect.name == "sqlite" else "%s"


def insert_many(
    connection: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]], *, tail: str = ""
) -> int:
    """Insert rows given as tuples; `tail` is an ON CONFLICT clause. Returns how many rows were written."""
    if not rows:
        return 0
    marks = ", ".join([value_mark(connection)] * len(names))
    sql = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks}) {tail}"
    return connection.exec_driver_sql(sql, list(rows)).rowcount
