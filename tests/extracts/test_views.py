"""The views that programs read by SQL: the same rows as the extracts, on both databases, and no others' columns."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from linekeeper.connect.extracts import extract_accounts, extract_decisions, extract_events, extract_notices
from linekeeper.connect.table_output import written
from linekeeper.engine.account import AccountFilter, DecisionFilter
from linekeeper.engine.engine import Engine
from linekeeper.engine.outbox import Law, mark_sent
from linekeeper.engine.upgrade import upgrade_store
from linekeeper.engine.verify import verify
from linekeeper.journal import tables as t
from linekeeper.journal.database_errors import DatabaseFailure
from linekeeper.journal.log.tables import Blob
from linekeeper.journal.migrations import config
from linekeeper.journal.store import Store, last_number, open_store
from linekeeper.policy.load import load_text
from tests.engine.conftest import NewStore
from tests.engine.conftest import new_store as new_store
from tests.engine.lives import contents
from tests.extracts.stores import eventful
from tests.extracts.test_rebuild import POLICY
from tests.kernel.conftest import _kernel_cache as _kernel_cache
from tests.style.repository import ROOT

VIEWS = ("accounts_view", "decisions_view", "events_view", "notices_view")
PAGE = ROOT / "docs" / "reference" / "views.md"
Rows = list[dict[str, Any]]


@pytest.fixture
def engine(new_store: NewStore) -> Engine:
    """A store with late events, corrections, accounts without a decision, and notices of which one was sent."""
    policy = load_text(POLICY)
    engine = eventful(new_store(), policy, 5, law=Law("CN", "consumer_loan"))
    due = extract_notices(engine).read_all().to_pylist()
    for row in due[:2]:
        mark_sent(engine.store, engine.keeper, row["account"], row["number"], 4_090_000_000_123)
    return engine


def view(store: Store, name: str, order: str) -> Rows:
    with store.reading() as connection:
        return [dict(row) for row in connection.execute(text(f"SELECT * FROM {name} ORDER BY {order}")).mappings()]


def extracted(stream: pa.RecordBatchReader) -> Rows:
    """The rows of an extract as a text file would have them, dates as text."""
    rows = [row for batch in stream for row in written(batch).to_pylist()]
    return [
        {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
        for row in rows
    ]


def shared(rows: Rows, others: Rows, **renamed: str) -> Rows:
    """The rows with the columns that the others have too."""
    names = {name: renamed.get(name, name) for name in rows[0]}
    return [{new: row[name] for name, new in names.items() if new in others[0]} for row in rows]


def in_order(rows: Rows, *names: str) -> Rows:
    return sorted(rows, key=lambda row: [row[name] for name in names])


def test_a_view_shows_what_an_extract_shows(engine: Engine) -> None:
    store = engine.store
    pairs: tuple[tuple[Rows, Rows, int], ...] = (
        (
            in_order(view(store, "accounts_view", "1"), "account"),
            extracted(extract_accounts(engine, AccountFilter())),
            9,
        ),
        (view(store, "decisions_view", "place"), extracted(extract_decisions(engine, DecisionFilter())), 20),
        (in_order(view(store, "notices_view", "1"), "account", "number"), extracted(extract_notices(engine)), 10),
    )
    for seen, expected, columns in pairs:
        assert len(seen) > 5
        mine, theirs = shared(seen, expected), shared(expected, seen)
        assert len(mine[0]) == columns
        assert mine == theirs
    assert {row["state"] for row in pairs[2][0]} == {"pending", "sent"}
    assert any(row["decisions"] == 0 for row in pairs[0][0])
    assert any(row["action"] == "correct" for row in pairs[1][0])


def test_events_in_a_view(engine: Engine) -> None:
    seen = view(engine.store, "events_view", "number")
    expected = sorted(extracted(extract_events(engine)), key=lambda row: row["arrival.number"])
    for one, other in zip(seen, expected, strict=True):
        head = ("id", "account", "kind", "at")
        assert [one[name] for name in head] == [other[name] for name in head]
        assert (one["number"], one["source"]) == (other["arrival.number"], other["arrival.source"])
        assert one["amount_minor"] == other["amount"]
        assert one["limit_minor"] == other["limit"]
        assert one["due_on"] == other["due_on"]
        assert (one["currency"], one["day"]) == ("CNY", other["at"][:10])
        assert one["arrived_at"] == other["arrival.at"] is not None
    with engine.store.reading() as connection:
        amount = "json_extract(fields, '$.amount')" if engine.store.dialect == "sqlite" else "fields::json ->> 'amount'"
        some = connection.execute(text(f"SELECT {amount} FROM events_view WHERE kind = 'draw'")).scalars().all()
    assert all(int(one) >= 0 for one in some)


def test_the_page_names_every_column_of_every_view(engine: Engine) -> None:
    sections = re.split(r"(?m)^## ", PAGE.read_text("utf-8"))
    listed = {section.split("\n")[0].strip("`"): re.findall(r"(?m)^\| `(\w+)`", section) for section in sections}
    shown = inspect(engine.store.engine)
    assert sorted(shown.get_view_names()) == sorted(VIEWS)
    for name in VIEWS:
        assert listed[name] == [column["name"] for column in shown.get_columns(name)], name


def test_a_view_cannot_be_written_to(engine: Engine) -> None:
    for name, column in zip(VIEWS, ("status", "action", "kind", "state"), strict=True):
        with pytest.raises((DBAPIError, DatabaseFailure)), engine.store.writing() as connection:
            connection.execute(text(f"UPDATE {name} SET {column} = 'x'"))


# ------------------------------------------------------------------ a store of an earlier schema


def test_an_older_store_is_given_views_and_positions(engine: Engine, new_store: NewStore) -> None:
    """Its content stands as it was; what was sent comes after all decisions; numbers go on after the highest."""
    older = new_store()
    _as_of_schema_0010(older, engine.store)
    url = older.engine.url.render_as_string(hide_password=False)
    older.close()
    assert upgrade_store(url).schema_before == "0010"
    upgraded = open_store(url)
    try:
        assert contents(upgraded) == contents(engine.store)
        assert verify(upgraded).same
        for name in VIEWS:
            was, became = view(engine.store, name, "1, 2"), view(upgraded, name, "1, 2")
            assert in_words(became) == in_words(_without_arrivals(was) if name == "events_view" else was)
        with upgraded.reading() as connection:
            highest = connection.execute(text("SELECT max(seq) FROM decisions")).scalar_one()
            sent = connection.execute(text("SELECT sent_position FROM notices WHERE state = 'sent'")).scalars().all()
            assert sorted(sent) == [highest + 1, highest + 2]
            assert last_number(connection, "changes") == highest + 2
            assert (
                last_number(connection, "events")
                == connection.execute(text("SELECT max(seq) FROM events")).scalar_one()
            )
    finally:
        upgraded.close()


def _without_arrivals(rows: Rows) -> Rows:
    """The rows of a store that does not know when its events arrived."""
    return [row | {"arrived_at": None} for row in rows]


def in_words(rows: Rows) -> list[str]:
    return sorted(map(repr, rows))


def _as_of_schema_0010(target: Store, source: Store) -> None:
    """Make the store one of the earlier schema, with the content of another."""
    from alembic import command

    with target.writing() as connection:
        for name in VIEWS:
            connection.execute(text(f"DROP VIEW {name}"))
        t.SCHEMA.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
        command.upgrade(config(connection), "0010")
        _copy(source, connection)


def _copy(source: Store, target: Connection) -> None:
    present = inspect(target).get_table_names()
    with source.reading() as connection:
        for table in t.SCHEMA.sorted_tables:
            if table.name not in present:
                continue
            columns = [column for column in table.c if column.name in _names(target, table.name)]
            for row in connection.execute(table.select().with_only_columns(*columns)).mappings():
                target.execute(table.insert().values({name: _plain(table.c[name].type, row[name]) for name in row}))


def _names(connection: Connection, table: str) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns(table)}


def _plain(kind: object, value: Any) -> Any:
    return bytes(value) if isinstance(kind, Blob) and value is not None else value
