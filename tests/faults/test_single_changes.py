"""Each column of each table is changed by SQL, in one row: what is proven is found, and nothing ends in a traceback."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import LargeBinary

from linekeeper.core.bounds import DAY_MS
from linekeeper.journal import tables as t
from tests.faults.changes import why_stated
from tests.faults.proven import TABLES, Proven, proven_store, rows_of_page, section_of_page
from tests.kernel.conftest import _kernel_cache as _kernel_cache

# A change that must decide something, where adding a thousand might not.
TELLING = {("events", "at"): -9_000 * DAY_MS, ("reviews", "after_event"): 10**6, ("counters", "last"): -(10**6)}
TELLING |= {("version_migrations", "day"): -5_000}


# What this store has no rows of: `tests/customers` changes the first three, a test below the last.
EMPTY = ("customer_accounts", "link_things", "linked_accounts", "unfinished_reviews")


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Proven:
    return proven_store(tmp_path_factory.mktemp("proven"))


def test_the_page_lists_every_column() -> None:
    assert list(rows_of_page()) == [(table.name, column.name) for table in _in_order_of_page() for column in table.c]
    assert set(rows_of_page().values()) == {"derived", "in the log", "published", "stated"}


def test_the_page_says_why_nobody_relies_on_what_is_only_stated() -> None:
    assert [place for place, how in rows_of_page().items() if how == "stated" and not why_stated(*place)] == []


def _in_order_of_page() -> list[Any]:
    named = list(dict.fromkeys(name for name, _ in rows_of_page()))
    assert set(named) == set(TABLES)
    return [t.SCHEMA.tables[name] for name in named]


def test_the_store_is_sound_as_it_is(proven: Proven) -> None:
    assert proven.found(proven.file) is None
    with closing(sqlite3.connect(proven.file)) as file:
        empty = [name for name in TABLES if not file.execute(f"SELECT count(*) FROM {name}").fetchone()[0]]
    assert empty == list(EMPTY)


def test_a_review_that_is_said_to_be_unfinished_is_found(proven: Proven, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    shutil.copy(proven.file, copy)
    with closing(sqlite3.connect(copy)) as store, store:
        store.execute("INSERT INTO unfinished_reviews SELECT max(seq), 'digest', 0 FROM reviews")
    found = proven.found(copy)
    assert found is not None
    assert "was broken off; `linekeeper review --until" in found


@pytest.mark.parametrize("table", [name for name in TABLES if name not in EMPTY])
def test_a_change_in_any_column_is_found(proven: Proven, tmp_path: Path, table: str) -> None:
    """In each of three rows, or in one of them where the page says that only what decides something is found.

    Where the database itself refuses the change, nothing is changed.
    """
    how = {column: said for (name, column), said in rows_of_page().items() if name == table}
    deciding = set(re.findall(r"(?m)^\| `(\w+)` \| derived \| where it decides", section_of_page(table)))
    missed: Counter[str] = Counter()
    for column in t.SCHEMA.tables[table].c:
        for share in (0, 1, 2):
            copy = tmp_path / "copy.db"
            shutil.copy(proven.file, copy)
            if not changed(copy, table, column.name, share):
                continue
            if proven.found(copy) is None and how[column.name] != "stated":
                missed[column.name] += 1
    assert [column for column, rows in missed.items() if column not in deciding or rows == 3] == []


def changed(file: Path, table: str, column: str, share: int) -> bool:
    """Change one value to another of its type; false where the database refuses."""
    with closing(sqlite3.connect(file)) as store:
        count = store.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        place = min(count - 1, share * count // 3)
        query = f"SELECT rowid, {column} FROM {table} ORDER BY rowid LIMIT 1 OFFSET {place}"
        row, value = store.execute(query).fetchone()
        other: Any = 1
        if isinstance(value, int):
            other = value + TELLING.get((table, column), 1_000)
        elif isinstance(value, bytes):
            other = bytes([value[0] ^ 1]) + value[1:] if value else b"x"
        elif isinstance(value, str):
            other = value + "x"
        try:
            with store:
                store.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (other, row))
        except sqlite3.IntegrityError:
            return False
    return True


def test_a_row_that_is_gone_is_found(proven: Proven, tmp_path: Path) -> None:
    """Of every table from which a deletion changes what anybody is told."""
    relied_on = {
        "events",
        "batch_rulings",
        "law",
        "policies",
        "erased_accounts",
        "accounts",
        "decisions",
        "notices",
        "store_units",
        "counters",
    }
    relied_on |= {"version_migrations", "pending_restrictions", "log_entries", "log_keys", "log_tail"}
    for table in relied_on:
        copy = tmp_path / "copy.db"
        shutil.copy(proven.file, copy)
        with closing(sqlite3.connect(copy)) as store, store:
            place = store.execute(f"SELECT count(*) FROM {table}").fetchone()[0] // 2
            row = f"(SELECT rowid FROM {table} ORDER BY rowid LIMIT 1 OFFSET {place})"
            store.execute(f"DELETE FROM {table} WHERE rowid = {row}")
        assert proven.found(copy) is not None, table


BYTES = [
    (name, column.name) for name in TABLES for column in t.SCHEMA.tables[name].c if isinstance(column.type, LargeBinary)
]


@pytest.mark.parametrize("table", ["store_units", "book", "law", "log_tail"])
def test_a_second_row_in_a_table_of_one_row_is_found(proven: Proven, tmp_path: Path, table: str) -> None:
    copy = tmp_path / "copy.db"
    shutil.copy(proven.file, copy)
    with closing(sqlite3.connect(copy)) as store, store:
        columns = [row[1] for row in store.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
        names = ", ".join(columns)
        store.execute(f"INSERT INTO {table} (id, {names}) SELECT 2, {names} FROM {table}")
    assert proven.found(copy) == f"`{table}` has one row alone, with the `id` 1, and here also one with 2"


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("CREATE TRIGGER quiet AFTER INSERT ON events BEGIN DELETE FROM notices; END", "the trigger `quiet` stands on"),
        ("DROP VIEW events_view", "`events_view` of the store's schema is absent"),
    ],
)
def test_a_trigger_and_a_view_that_is_gone_are_found(
    proven: Proven, tmp_path: Path, statement: str, found: str
) -> None:
    copy = tmp_path / "copy.db"
    shutil.copy(proven.file, copy)
    with closing(sqlite3.connect(copy)) as store, store:
        store.execute(statement)
    assert str(proven.found(copy)).startswith(found)


@pytest.mark.parametrize(("table", "column"), [place for place in BYTES if place[0] not in EMPTY])
def test_a_text_among_bytes_is_found_like_any_other_change(
    proven: Proven, tmp_path: Path, table: str, column: str
) -> None:
    """SQLite lets it in, and whatever reads it takes it for bytes."""
    for text in ("", "x"):
        copy = tmp_path / "copy.db"
        shutil.copy(proven.file, copy)
        with closing(sqlite3.connect(copy)) as store, store:
            store.execute(f"UPDATE {table} SET {column} = ? WHERE rowid IN (SELECT min(rowid) FROM {table})", (text,))
        assert proven.found(copy) is not None or rows_of_page()[table, column] == "stated"


def test_a_borrower_who_is_removed_whole_is_missed(proven: Proven, tmp_path: Path) -> None:
    """All rows of an account and its key, without the leaf of an erasure."""
    copy = tmp_path / "copy.db"
    shutil.copy(proven.file, copy)
    with closing(sqlite3.connect(copy)) as store, store:
        (name,) = store.execute("SELECT account FROM accounts WHERE decisions > 0 ORDER BY account LIMIT 1").fetchone()
        (key,) = store.execute("SELECT id FROM log_keys WHERE account = ?", (name,)).fetchone()
        store.execute("UPDATE log_entries SET key = NULL, sealed = NULL WHERE key = ?", (key,))
        for table in t.SCHEMA.sorted_tables:
            if "account" in table.c:
                store.execute(f"DELETE FROM {table.name} WHERE account = ?", (name,))
        store.execute("DELETE FROM book")
    found = proven.found(copy)
    assert found is not None
    assert "no erasure says so" in found


@pytest.mark.parametrize("seed", range(12))
def test_a_flipped_bit_in_the_index_of_ids_is_found(proven: Proven, tmp_path: Path, seed: int) -> None:
    """Else a file that is sent again would count twice, since an id is looked up in the index alone."""
    rng, data = Random(seed), bytearray(proven.file.read_bytes())
    with closing(sqlite3.connect(proven.file)) as store:
        event, source = rng.choice(store.execute("SELECT id, source FROM events").fetchall())
    cell = data.rindex(f"{event}{source}".encode())  # the index has the id first, and the table the source
    data[cell + rng.randrange(len(event.encode()))] ^= 1 << rng.randrange(7)
    copy = tmp_path / "copy.db"
    copy.write_bytes(data)
    found = proven.found(copy)
    assert found is not None
    assert found.startswith("the store's file is damaged")


def test_a_migration_that_comes_too_late_is_a_finding(proven: Proven, tmp_path: Path) -> None:
    """On a day that the account had reached before: the next version cannot begin there."""
    copy = tmp_path / "copy.db"
    shutil.copy(proven.file, copy)
    with closing(sqlite3.connect(copy)) as store, store:
        name, last = store.execute(
            "SELECT m.account, max(e.at) FROM version_migrations m JOIN events e "
            "ON e.account = m.account AND e.seq <= m.after_event GROUP BY m.account LIMIT 1"
        ).fetchone()
        store.execute("UPDATE version_migrations SET day = ? WHERE account = ?", (last // DAY_MS - 1, name))
    found = proven.found(copy)
    assert found is not None
    assert "a day that it had reached before" in found
