"""Values of another type than their column's, which SQLite lets in where another hand edits the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Integer, LargeBinary

from linekeeper.core.errors import StoreError
from linekeeper.journal import tables as t


@dataclass(frozen=True, slots=True)
class ValueOfAnotherType:
    """Where such a value stands; `row` is SQLite's own number of it, `rowid`."""

    table: str
    column: str
    row: int

    def __str__(self) -> str:
        return f"`{self.column}` in row {self.row} of `{self.table}` is of another type than its column"

    def as_error(self, place: str) -> StoreError:
        """What a command says that has met it in the store of that address."""
        return StoreError(
            f"{self}: another hand altered the store",
            code="stored-value-not-readable",
            way_out="restore the store from a backup; `linekeeper verify` finds what else is altered",
            place=place,
            details={"table": self.table, "column": self.column, "row": self.row},
        )


def value_of_another_type(connection: Connection) -> ValueOfAnotherType | None:
    """The first of them, where there is one. PostgreSQL never lets one in."""
    if connection.dialect.name != "sqlite":
        return None
    for table in t.SCHEMA.sorted_tables:
        others = {column.name: f"typeof({column.name}) NOT IN ({_storage_classes(column)})" for column in table.c}
        if not connection.exec_driver_sql(f"SELECT 1 FROM {table.name} WHERE {' OR '.join(others.values())}").first():
            continue
        for name, other in others.items():
            row = connection.exec_driver_sql(f"SELECT min(rowid) FROM {table.name} WHERE {other}").scalar_one()
            if row is not None:
                return ValueOfAnotherType(table.name, name, row)
    return None


def _storage_classes(column: Column[Any]) -> str:
    """How SQLite calls what a column may hold, as a list in SQL."""
    kind = column.type
    # Text among bytes is read as bytes, and the checks that follow name the very record that it is in.
    one = "'integer'" if isinstance(kind, Integer) else "'blob', 'text'" if isinstance(kind, LargeBinary) else "'text'"
    return f"{one}, 'null'"
