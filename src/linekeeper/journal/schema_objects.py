"""Tables, indexes, views and triggers, as the database has them, against those that the migrations make.

A trigger would change rows behind Linekeeper's back, a unique index that is gone would let an event count twice, and a
view of other text would give other figures to whoever reads it. What a lender adds under other names (indexes, views,
tables) is the lender's own; triggers and rules on a table of the store never are.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from sqlalchemy import Connection, inspect

from linekeeper.journal import tables as t

VIEWS = ("accounts_view", "decisions_view", "events_view", "notices_view")
_SQLITE_FILE = "schema.sqlite.sql"
_OF_SQLITE = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite@_%' ESCAPE '@'"
_OF_POSTGRES = """
    SELECT 'trigger' AS type, tgname AS name, relname AS tbl_name
    FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE NOT tgisinternal
    AND relnamespace = current_schema()::regnamespace
    UNION ALL SELECT 'rule', rulename, tablename FROM pg_rules WHERE schemaname = current_schema()
"""


def difference_of_schema(connection: Connection) -> str | None:
    """The first of the store's objects that is not what the migrations make; None where all are.

    On PostgreSQL the text of views and indexes is not compared: each release writes it in another way.
    """
    acting = _OF_SQLITE + " AND type = 'trigger'" if connection.dialect.name == "sqlite" else _OF_POSTGRES
    for kind, name, table, *_ in connection.exec_driver_sql(acting):
        if table in t.SCHEMA.tables or table in VIEWS:
            return f"the {kind} `{name}` stands on `{table}`, and no Linekeeper made it"
    return _of_sqlite(connection) if connection.dialect.name == "sqlite" else _of_postgres(connection)


def schema_statements(connection: Connection) -> str:
    """The objects of an SQLite store, one statement each, in the order of their names; as the committed file has it."""
    rows = sorted((name, statement) for _, name, _, statement in connection.exec_driver_sql(_OF_SQLITE) if statement)
    return "".join(f"-- {name}\n{_plain(statement)};\n" for name, statement in rows)


def _of_sqlite(connection: Connection) -> str | None:
    stored = _by_name(schema_statements(connection))
    for name, statement in _expected().items():
        if stored.get(name) != statement:
            what = "absent" if name not in stored else "another than the one that Linekeeper made"
            return f"`{name}` of the store's schema is {what}"
    return None


def _of_postgres(connection: Connection) -> str | None:
    seen = inspect(connection)
    tables, views = set(seen.get_table_names()), set(seen.get_view_names())
    for name in VIEWS:
        if name not in views:
            return f"`{name}` of the store's schema is absent"
    for table in t.SCHEMA.sorted_tables:
        if table.name not in tables:
            return f"`{table.name}` of the store's schema is absent"
        stored = {index["name"]: bool(index["unique"]) for index in seen.get_indexes(table.name)}
        for index in table.indexes:
            if stored.get(str(index.name)) != bool(index.unique):
                return f"`{index.name}` of the store's schema is absent, or another than the one that Linekeeper made"
    return None


@cache
def _expected() -> dict[str, str]:
    return _by_name(files("linekeeper.journal").joinpath(_SQLITE_FILE).read_text(encoding="utf-8"))


def _by_name(schema: str) -> dict[str, str]:
    """The statements of a schema by the name of what they make."""
    parts = re.split(r"^-- (\w+)\n", schema, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _plain(statement: str) -> str:
    """A statement with one space wherever there is white space, and plain names: releases of SQLite differ in both."""
    return " ".join(statement.replace('"', "").split())
