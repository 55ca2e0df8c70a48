"""The log's tables, alike in SQLite and PostgreSQL.

Rows are only added to `entries`, with one exception: an erasure empties `key` and `sealed` of the borrower's rows.
`keys` holds the wrapped data key of each account; an erasure deletes the row. `tail` is one row, the number of leaves;
every append updates it first, so appends queue up on it. `heads` are the published checkpoints.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    any_,
    bindparam,
    func,
    literal,
    select,
)
from sqlalchemy.types import TypeEngine

Whole = BigInteger().with_variant(Integer, "sqlite")  # SQLite's integers are 64 bits wide
Name = Text().with_variant(Text(collation="C"), "postgresql")  # in the order of code points, whatever the language


class Blob(LargeBinary):
    """Bytes as they are: both drivers take them without the wrapping that `LargeBinary` pays for on each value."""

    cache_ok = True

    def bind_processor(self, dialect: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class LogTables:
    """The tables of one log.

    >>> tables = define(MetaData())
    >>> [column.name for column in tables.entries.columns]
    ['position', 'entry', 'key', 'sealed']
    """

    entries: Table
    keys: Table
    tail: Table
    heads: Table


def define(metadata: MetaData) -> LogTables:
    """Add the log's tables to a schema."""
    entries = Table(
        "log_entries",
        metadata,
        Column("position", Whole, primary_key=True, autoincrement=False),
        Column("entry", Blob, nullable=False),
        Column("key", Whole),  # log_keys.id; empty once erased
        Column("sealed", Blob),
    )
    Index("log_entries_key", entries.c.key)
    keys = Table(
        "log_keys",
        metadata,
        Column("id", Whole, primary_key=True, autoincrement=False),
        Column("account", Text, nullable=False, unique=True),  # empty: records about no borrower
        Column("master", Text, nullable=False),
        Column("wrapped", Blob, nullable=False),
    )
    tail = Table(
        "log_tail",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
        Column("size", Whole, nullable=False),
    )
    heads = Table(
        "log_heads",
        metadata,
        Column("size", Whole, primary_key=True, autoincrement=False),
        Column("root", Blob, nullable=False),
        Column("checkpoint", Blob, nullable=False),
    )
    return LogTables(entries, keys, tail, heads)


def size_of(connection: Connection, tables: LogTables) -> int:
    """The number of leaves that this transaction sees."""
    size = connection.execute(select(tables.tail.c.size).where(tables.tail.c.id == 1)).scalar_one_or_none()
    return int(size or 0)


def within(connection: Connection, column: ColumnElement[str], texts: Sequence[str]) -> ColumnElement[bool]:
    """`column IN texts` with one variable for all of them: no database's limit, and quick to build."""
    dialect = connection.dialect.name
    return _in_list(dialect, column, literal(listed(dialect, texts), _list_type(dialect)))


def in_names(dialect: str, column: ColumnElement[str]) -> ColumnElement[bool]:
    """`column IN names`, for a query that is built once: each execution binds `names` to what `listed` gives."""
    return _in_list(dialect, column, bindparam("names", type_=_list_type(dialect)))


def listed(dialect: str, texts: Sequence[str]) -> list[str] | str:
    """Texts as the one value that stands for all of them in a query of that dialect."""
    return json.dumps(list(texts), ensure_ascii=False) if dialect == "sqlite" else list(texts)


def _in_list(dialect: str, column: ColumnElement[str], names: ColumnElement[Any]) -> ColumnElement[bool]:
    if dialect != "sqlite":
        return column == any_(names)
    return column.in_(select(func.json_each(names).table_valued("value").c.value))


def _list_type(dialect: str) -> TypeEngine[Any]:
    return Text() if dialect == "sqlite" else ARRAY(Text)


def as_bytes(value: bytes | str) -> bytes:
    """A blob as bytes. SQLite also stores text in a column of blobs, where somebody has edited the file by hand.

    Such a value must reach the check that names it as altered, not end that check with an error of types.
    """
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
