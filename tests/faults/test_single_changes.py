"""Each column of each table is changed by SQL, in one row: what is proven is found, and nothing ends in a traceback."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from linekeeper.core.bounds import DAY_MS
from linekeeper.core.errors import LinekeeperError
from linekeeper.core.event import Event
from linekeeper.engine.account import AccountFilter, account_page
from linekeeper.engine.engine import Engine
from linekeeper.engine.feed_batches import rule_on_batch
from linekeeper.engine.outbox import Law, mark_sent
from linekeeper.engine.rulings import Ruling, rule
from linekeeper.engine.verify import verify
from linekeeper.engine.versions import adopt
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import erase_borrower, new_keeper, open_keeper
from linekeeper.journal.log.audit import audit
from linekeeper.journal.store import open_store
from linekeeper.policy.load import load_text
from tests.engine.lives import ANY_TIME, borrowers, parts, send
from tests.extracts.test_rebuild import POLICY
from tests.kernel.conftest import _kernel_cache as _kernel_cache
from tests.style.repository import ROOT

PAGE = ROOT / "docs" / "reference" / "proof.md"
AT = 4_089_000_000_000  # 29 July 2099, after the last of the generated events
TEXT = POLICY + "brake: {lines: 1%, exposure: 1%}\nhonour: 2000d\n"
NEXT = TEXT.replace("version: 1", "version: 2").replace("cap: 60%", "cap: 50%")
TABLES = [table.name for table in t.SCHEMA.sorted_tables]
# A change that must decide something, where adding a thousand might not.
TELLING = {("events", "at"): -9_000 * DAY_MS, ("reviews", "after_event"): 10**6, ("counters", "last"): -(10**6)}
TELLING |= {("version_migrations", "day"): -5_000}
# Rows of tables that the store's own life leaves empty.
ROWS = {
    "feed_batches": (
        1,
        "core",
        "abcdef01",
        "may.csv",
        '{"weekday": "monday", "values": {"volume": "1"}}',
        "[]",
        "waiting",
        AT,
    ),
    "restricted": (20_000, "A", 100),
    "unfinished_runs": ("core", "ab", 100),
}


@dataclass(frozen=True)
class Proven:
    """A store whose every table has rows, and the keys of its log."""

    file: Path
    keys: Path

    def found(self, file: Path) -> str | None:
        """What is found to be wrong with a copy; None where it is taken for sound."""
        try:
            keeper = open_keeper(self.keys)  # one that has unwrapped no key yet
            with closing(open_store(str(file))) as store:
                verdict = verify(store, vault=keeper.vault)
                if verdict.first_difference:
                    return verdict.first_difference
                with store.reading() as connection:
                    audit(connection, t.LOG, keeper.head())
        except LinekeeperError as error:
            return str(error)
        return None


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Proven:
    folder = tmp_path_factory.mktemp("proven")
    keeper = new_keeper(folder / "keys", folder / "public", "example.com/lines")
    with closing(open_store(str(folder / "lines.db"))) as store:
        engine = Engine(store, load_text(TEXT), keeper, brake=True, law=Law("CN", "consumer_loan"), clock=ANY_TIME)
        events = sorted((event for one in borrowers(engine.policy, 12) for event in one), key=lambda event: event.at)
        pieces = list(parts(events, Random(3)))
        for number, piece in enumerate(pieces):
            if number == len(pieces) // 2:
                adopt(
                    store, load_text(TEXT.replace("version: 1", "version: 2").replace("cap: 60%", "cap: 50%")), keeper
                )
                engine = Engine(store, None, keeper, brake=True, clock=ANY_TIME)
            engine.review(engine.kernel.calendar.day(piece[0].at))
            send(engine, piece)
        send(engine, burst())
        engine.review(engine.kernel.calendar.day(AT))
        names = [one.account for one in account_page(engine, AccountFilter())]
        rule(engine, [Ruling(names[0], AT, engine.kernel.calendar.day(AT) + 100, cap_bp=5_000, by="Li", why="asked")])
        with store.reading() as connection:
            row = connection.execute(t.notices.select()).first()
        assert row is not None
        mark_sent(store, keeper, row.account, row.number, AT)
        keeper.publish(store)
        erase_borrower(store, keeper, names[-1], AT)
        Engine(store, None, keeper, clock=ANY_TIME)  # counts the book anew
        keeper.publish(store)
    with closing(sqlite3.connect(folder / "lines.db")) as file, file:
        for name, values in ROWS.items():
            file.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(values))})", values)
        rejected = ("core", "e", "A", b"{}", "came before")
        file.execute("INSERT INTO rejected_events (source, id, account, body, reason) VALUES (?, ?, ?, ?, ?)", rejected)
    with closing(open_store(str(folder / "lines.db"))) as store:
        rule_on_batch(store, keeper, "abcdef01", "release", by="Li", why="asked", at=AT)
    return Proven(folder / "lines.db", folder / "keys")


def burst() -> list[Event]:
    """Four borrowers who fall behind on the same day: the brake lets one line be restricted."""
    opened, due_on = AT - 200 * DAY_MS, AT // DAY_MS - 100
    rows: list[tuple[str, int, dict[str, int]]] = [
        ("open", 0, {"limit": 100_000}),
        ("draw", 1, {"amount": 50_000}),
        ("due", 2, {"amount": 50_000, "due_on": due_on}),
    ]
    return [
        Event(f"{kind} {number}", f"burst {number}", kind, opened + day * DAY_MS, fields)
        for number in range(4)
        for kind, day, fields in rows
    ]


def rows_of_page() -> dict[tuple[str, str], str]:
    """Each column that the page lists, and what it says of it."""
    listed = {}
    for section in re.split(r"(?m)^## ", PAGE.read_text("utf-8"))[1:]:
        name = section.split("\n")[0].strip("`")
        for column, how in re.findall(r"(?m)^\| `(\w+)` \| ([a-z ]+?) \|", section):
            listed[name, column] = how
    return listed


def section_of_page(table: str) -> str:
    """What the page says of a table."""
    return PAGE.read_text("utf-8").split(f"\n## `{table}`\n")[1].split("\n## ")[0]


def test_the_page_lists_every_column() -> None:
    assert list(rows_of_page()) == [(table.name, column.name) for table in _in_order_of_page() for column in table.c]
    assert set(rows_of_page().values()) == {"derived", "in the log", "published", "stated"}


def _in_order_of_page() -> list[Any]:
    named = list(dict.fromkeys(name for name, _ in rows_of_page()))
    assert set(named) == set(TABLES)
    return [t.SCHEMA.tables[name] for name in named]


def test_the_store_is_sound_as_it_is(proven: Proven) -> None:
    assert proven.found(proven.file) is None
    with closing(sqlite3.connect(proven.file)) as file:
        empty = [name for name in TABLES if not file.execute(f"SELECT count(*) FROM {name}").fetchone()[0]]
    assert empty == ["unfinished_reviews"]


def test_a_review_that_is_said_to_be_unfinished_is_found(proven: Proven, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    shutil.copy(proven.file, copy)
    with closing(sqlite3.connect(copy)) as store, store:
        store.execute("INSERT INTO unfinished_reviews SELECT max(seq), 'digest', 0 FROM reviews")
    found = proven.found(copy)
    assert found is not None
    assert "was broken off; `linekeeper review --until" in found


@pytest.mark.parametrize("table", [name for name in TABLES if name != "unfinished_reviews"])
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
