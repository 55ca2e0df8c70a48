"""What stands in a store beside its rows: a change of it is found, and what a lender adds of its own is not one."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text

from linekeeper.core.errors import StoreError
from linekeeper.journal.schema_objects import difference_of_schema
from linekeeper.journal.store import Store, open_store
from tests.journal.schema_file import FILE, made_schema

FUNCTION = "CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
TRIGGER = {
    "sqlite": ["CREATE TRIGGER quiet AFTER INSERT ON events BEGIN DELETE FROM notices; END"],
    "postgresql": [FUNCTION, "CREATE TRIGGER quiet AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION pass()"],
}


def run(store: Store, *statements: str) -> str | None:
    """What is found after these statements."""
    with store.writing() as connection:
        for statement in statements:
            connection.execute(text(statement))
    with store.reading() as connection:
        return difference_of_schema(connection)


def test_the_committed_schema_is_the_one_that_the_migrations_make() -> None:
    assert FILE.read_text(encoding="utf-8") == made_schema(), "run `python -m tests.journal.schema_file`"


def test_a_trigger_is_found(store: Store) -> None:
    assert run(store) is None
    found = run(store, *TRIGGER[store.dialect])
    assert found == "the trigger `quiet` stands on `events`, and no Linekeeper made it"


@pytest.mark.parametrize("store_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_rule_is_found(store: Store) -> None:
    found = run(store, "CREATE RULE quiet AS ON DELETE TO notices DO INSTEAD NOTHING")
    assert found == "the rule `quiet` stands on `notices`, and no Linekeeper made it"


def test_an_index_that_is_gone_is_found(store: Store) -> None:
    assert str(run(store, "DROP INDEX notices_sent")).startswith("`notices_sent` of the store's schema is absent")


def test_a_view_of_another_text_is_found(store: Store) -> None:
    if store.dialect == "sqlite":
        found = run(store, "DROP VIEW notices_view", "CREATE VIEW notices_view AS SELECT 1 AS account")
        assert found == "`notices_view` of the store's schema is another than the one that Linekeeper made"
    assert run(store, "DROP VIEW notices_view") == "`notices_view` of the store's schema is absent"


def test_what_a_lender_adds_is_the_lenders_own(store: Store) -> None:
    own = ("CREATE TABLE own (id INTEGER)", "CREATE VIEW of_us AS SELECT * FROM own")
    assert run(store, *own, "CREATE INDEX own_index ON events (arrived)") is None


def test_spaces_and_quotes_are_no_difference() -> None:
    from linekeeper.journal.schema_objects import _plain

    assert _plain('CREATE TABLE "events" (\n\tseq INTEGER\n)') == _plain("CREATE TABLE events ( seq INTEGER )")


# ------------------------------------------------------------------ the revision


def _empty(connection: Connection) -> None:
    connection.execute(text("DELETE FROM alembic_version"))


def _add(connection: Connection) -> None:
    connection.execute(text("INSERT INTO alembic_version VALUES ('0001')"))


def _drop(connection: Connection) -> None:
    connection.execute(text("DROP TABLE alembic_version"))


@pytest.mark.parametrize(("change", "rows"), [(_empty, 0), (_add, 2), (_drop, 0)])
@pytest.mark.parametrize("made", [False, True])
def test_a_store_that_does_not_say_its_schema_is_refused(
    store: Store, store_url: str, change: object, rows: int, made: bool
) -> None:
    with store.writing() as connection:
        assert callable(change)
        change(connection)
    with pytest.raises(StoreError, match=f"has {rows} rows in `alembic_version`, and one says its schema") as refused:
        open_store(store_url, made=made)
    assert refused.value.code == "store-schema-not-known"
