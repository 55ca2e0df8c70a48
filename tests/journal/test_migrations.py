"""Alembic's steps lead to the schema that the program works with, and to nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from linekeeper.journal.migrations import config
from linekeeper.journal.store import REVISION, open_store
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
