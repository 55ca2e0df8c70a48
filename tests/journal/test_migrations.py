"""Alembic's steps lead to the schema that the program works with, and to nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select

from linekeeper.journal import store as journal
from linekeeper.journal.migrations import config
from linekeeper.journal.store import REVISION, Store, migrate_schema, open_store, take_numbers
from linekeeper.journal.tables import SCHEMA

VERSIONS = Path(__file__).parents[2] / "src" / "linekeeper" / "journal" / "migrations" / "versions"


def test_migrating_gives_the_schema(store_url: str) -> None:
    store = open_store(store_url)
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, SCHEMA) == []
        assert set(inspect(connection).get_table_names()) == {*SCHEMA.tables, "alembic_version"}
    store.close()


def test_migrating_again_changes_nothing(store_url: str) -> None:
    from linekeeper.journal.migrations import upgrade

    store = open_store(store_url)
    with store.writing() as connection:
        upgrade(connection)
    store.close()
    assert open_store(store_url).engine.dispose() is None


def test_the_steps_are_one_line() -> None:
    """Each step follows one other, and the last is the one that the program asks for."""
    store = open_store("sqlite://")
    with store.engine.connect() as connection:
        script = ScriptDirectory.from_config(config(connection))
    steps = list(script.walk_revisions())
    assert steps[0].revision == REVISION == script.get_current_head()
    assert [step.down_revision for step in steps[:-1]] == [step.revision for step in steps[1:]]
    assert steps[-1].down_revision is None
    store.close()


def test_steps_stand_by_themselves() -> None:
    """A step says in full what it makes: it takes types from the program, never tables, which go on changing."""
    for path in VERSIONS.glob("v*.py"):
        imported = [
            alias.name
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("linekeeper")
            for alias in node.names
        ]
        assert set(imported) <= {"Blob", "Name", "Whole"}


# ------------------------------------------------------------------ each step, on a store that has rows


@pytest.fixture
def before_identity(store_url: str) -> Store:
    """A store as the first schema has it. An erasure took event 9 away, and a review and a migration remember it."""
    store = Store(journal._engine(store_url))
    with store.writing() as connection:
        command.upgrade(config(connection), "0010")
        for seq, source, name in ((1, "may.csv", "e1"), (2, "june.csv", "e1"), (3, "may.csv", "e2")):
            row = {"seq": seq, "source": source, "id": name, "account": "A", "kind": "draw", "at": seq, "body": b"{}"}
            connection.execute(SCHEMA.tables["events"].insert(), row)
        connection.execute(SCHEMA.tables["reviews"].insert(), {"seq": 1, "after_event": 9, "until_day": 20_000})
        decision = {"seq": 4, "account": "A", "number": 1, "at": 1, "action": "keep", "record": b"{}", "hash": ""}
        connection.execute(SCHEMA.tables["decisions"].insert(), decision)
    return store


def test_the_step_to_identity_keeps_events_and_counts_on(before_identity: Store) -> None:
    store, events = before_identity, SCHEMA.tables["events"]
    kept = select(*(column for column in events.c if column.name != "arrived")).order_by(events.c.seq)
    with store.reading() as connection:
        before = connection.execute(kept).all()
    migrate_schema(store)
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, SCHEMA) == []
        assert connection.execute(kept).all() == before
        assert set(connection.execute(select(events.c.arrived)).scalars()) == {None}
        indexes = {index["name"] for index in inspect(connection).get_indexes("events")}
        assert "events_account" in indexes
        keys = [key["column_names"] for key in inspect(connection).get_unique_constraints("events")]
        assert keys == [["id", "source"]]
    with store.writing() as connection:
        assert take_numbers(connection, "events", 2) == 10
        assert take_numbers(connection, "events", 1) == 12
        assert take_numbers(connection, "changes", 1) == 5
    store.close()
