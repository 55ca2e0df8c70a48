"""What every store promises: whole transactions, one writer at a time, one view to a reader, exact values back."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from linekeeper.journal import tables as t
from linekeeper.journal.store import (
    ACCOUNT_COLUMNS,
    REVISION,
    Store,
    StoreError,
    decision_records,
    insert_many,
    load_accounts,
    open_store,
    save_accounts,
    take_numbers,
    within,
)

EVENT = ("seq", "source", "id", "account", "kind", "at", "body")
NAMES = ["a", "B", "Z", "z", "é", "赌", "ﬀ", "a b", "A'", "0", "_", "aa"]


def event(seq: int, account: str = "A") -> tuple[object, ...]:
    return (seq, "core", f"e{seq}", account, "draw", seq, b"{}")


def count(store: Store) -> int:
    with store.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(t.events)).scalar_one())


# ------------------------------------------------------------------ transactions


def test_all_or_nothing(store: Store) -> None:
    def fail_half_way() -> None:
        with store.writing() as connection:
            insert_many(connection, t.events, EVENT, [event(1), event(2)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert count(store) == 0
    with store.writing() as connection:
        insert_many(connection, t.events, EVENT, [event(1), event(2)])
    assert count(store) == 2


def test_the_inbox_key_is_unique(store: Store) -> None:
    with pytest.raises(IntegrityError, match=r"(?i)unique"), store.writing() as connection:
        insert_many(connection, t.events, EVENT, [event(1), (2, *event(1)[1:])])
    assert count(store) == 0


def test_writers_queue(store: Store) -> None:
    """A second writer waits for the first; each takes the number after the other's last."""
    inside, numbers = threading.Semaphore(1), []

    def write() -> None:
        for _ in range(10):
            with store.writing() as connection:
                assert inside.acquire(blocking=False), "two writers at once"
                seq = take_numbers(connection, "events", 1)
                insert_many(connection, t.events, EVENT, [event(seq)])
                numbers.append(seq)
                inside.release()

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers == list(range(1, 31))
    assert count(store) == 30


def test_a_reader_sees_one_moment(store: Store) -> None:
    """What is committed meanwhile is not seen by a view that was opened before."""
    with store.writing() as connection:
        insert_many(connection, t.events, EVENT, [event(1)])
    with store.reading() as view:
        seen = select(func.count()).select_from(t.events)
        assert view.execute(seen).scalar_one() == 1
        with store.writing() as connection:
            insert_many(connection, t.events, EVENT, [event(2)])
        assert view.execute(seen).scalar_one() == 1
    assert count(store) == 2


def test_a_view_leaves_nothing_behind(store: Store) -> None:
    with suppress(DBAPIError), store.reading() as connection:
        insert_many(connection, t.events, EVENT, [event(1)])
    assert count(store) == 0


def test_an_error_of_the_database_quotes_no_row(store: Store) -> None:
    statement = text("UPDATE events SET body = :body WHERE column_that_is_not = :account")
    with pytest.raises((DBAPIError, StoreError)) as raised, store.writing() as connection:
        connection.execute(statement, {"body": "SECRET-1", "account": "SECRET-2"})
    assert "SECRET" not in str(raised.value)
    assert store.engine.hide_parameters


# ------------------------------------------------------------------ values


@pytest.mark.parametrize("number", [0, -1, 2**53 + 1, 2**62, -(2**62), 2**63 - 1, -(2**63)])
def test_whole_numbers_come_back_exactly(store: Store, number: int) -> None:
    with store.writing() as connection:
        insert_many(connection, t.events, EVENT, [(1, "core", "e", "A", "draw", number, b"")])
    with store.reading() as connection:
        assert connection.execute(select(t.events.c.at)).scalar_one() == number


@pytest.mark.parametrize("name", [*NAMES, "%", "\\", '"', "‮", "😀", "x" * 200])
def test_texts_and_bytes_come_back_exactly(store: Store, name: str) -> None:
    body = bytes(range(256)) + name.encode()
    with store.writing() as connection:
        insert_many(connection, t.events, EVENT, [(1, name, name, name, "draw", 0, body)])
        found = connection.execute(select(t.events).where(within(connection, t.events.c.id, ["other", name]))).one()
    assert (found.source, found.account, bytes(found.body)) == (name, name, body)


def test_ten_thousand_names_in_one_question(store: Store) -> None:
    names = [f"e{n}" for n in range(10_000)]
    with store.writing() as connection:
        insert_many(connection, t.events, EVENT, [event(n) for n in range(0, 10_000, 7)])
        found = connection.execute(select(t.events.c.id).where(within(connection, t.events.c.id, names))).all()
    assert len(found) == len(range(0, 10_000, 7))


def test_accounts_are_replaced_by_their_newest_row(store: Store) -> None:
    rows = {name: (name, "layout", name.encode(), n, n, None, "digest", n) for n, name in enumerate(NAMES)}
    with store.writing() as connection:
        save_accounts(connection, list(rows.values()))
        save_accounts(connection, [("a", "new", b"state", 5, 6, "hash", "other", None)])
    with store.reading() as connection:
        found = load_accounts(connection, [*NAMES, "nobody"])
    assert set(found) == set(NAMES)
    assert tuple(found["a"]) == (b"state", "new", 6, "hash", "other", None)
    assert bytes(found["赌"].state) == "赌".encode()
    assert len(ACCOUNT_COLUMNS) == len(rows["a"])


def test_decisions_come_in_the_order_of_their_names(store: Store) -> None:
    """By account as numbers of letters, whatever order a language has: the digest of all decisions rests on it."""
    names = ("seq", "account", "number", "at", "action", "record", "hash")
    rows = [(n, name, 1, 0, "keep", name.encode(), "") for n, name in enumerate(NAMES)]
    with store.writing() as connection:
        insert_many(connection, t.decisions, names, rows)
    with store.reading() as connection:
        assert [row[0] for row in decision_records(connection)] == sorted(NAMES)
        some = [row[0] for row in decision_records(connection, first="Z", last="z")]
    assert some == [name for name in sorted(NAMES) if "Z" <= name <= "z"]


# ------------------------------------------------------------------ opening


def opened(url: str) -> str:
    """In a process of its own: open the store, and say its revision."""
    store = open_store(url)
    with store.reading() as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    store.close()
    return str(found)


def test_several_processes_open_a_new_store_at_once(store_url: str) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.map(opened, [store_url] * 6, chunksize=1) == [REVISION] * 6


def test_a_store_of_a_newer_program_is_left_alone(store: Store, store_url: str) -> None:
    with store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="written by a newer Linekeeper"):
        open_store(store_url)


@pytest.mark.parametrize("schema", ["abcd", "9" * 32])
def test_a_schema_that_no_program_made_is_not_called_newer(store: Store, store_url: str, schema: str) -> None:
    with store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :schema"), {"schema": schema})
    with pytest.raises(StoreError, match=f"the schema `{schema[:40]}`, which no Linekeeper has made") as refused:
        open_store(store_url)
    assert refused.value.code == "store-schema-not-known"


def test_a_store_of_before_the_first_release_says_how_to_build_a_new_one(store: Store, store_url: str) -> None:
    with store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    with pytest.raises(StoreError, match="build a new one from the same event files: `linekeeper run"):
        open_store(store_url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nowhere/at/all/x.db", "cannot be opened"),
        ("oracle://me:secret@x", "is of a kind that is not known"),
        ("foo://x", "is of a kind that is not known"),
        ("postgresql+nodriver://me:secret@x", "cannot be used"),
        ("://", "cannot be used"),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/none?connect_timeout=2", "cannot be opened"),
    ],
)
def test_a_store_that_cannot_be_opened(url: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which store, and keeps its password to itself."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=said) as caught:
        open_store(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"policy: x\n" * 500)
    with pytest.raises(StoreError, match="cannot be opened: file is not a database"):
        open_store(str(path))


def test_sqlite_is_durable(tmp_path: Path) -> None:
    """Write-ahead log, and each commit is on the disk before it counts."""
    store = open_store(str(tmp_path / "x.db"))
    with store.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
    store.close()


def test_a_busy_sqlite_file_is_waited_for(tmp_path: Path) -> None:
    """Another program's writing transaction delays this one, it does not break it."""
    store = open_store(str(tmp_path / "x.db"))
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    timer.start()
    with store.writing() as connection:
        insert_many(connection, t.events, EVENT, [event(1)])
    timer.join()
    other.close()
    assert count(store) == 1
    store.close()


def test_a_store_that_is_asked_for_is_not_made(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.db", tmp_path / "empty.db"):
        if path.name == "empty.db":
            path.touch()
        with pytest.raises(StoreError, match=r"there is no store .*\.db`; `linekeeper run` makes one"):
            open_store(str(path), made=True)
    assert not (tmp_path / "absent.db").exists()
    (tmp_path / "text.db").write_text("no database " * 100)
    with pytest.raises(StoreError, match="file is not a database"):
        open_store(str(tmp_path / "text.db"), made=True)
    open_store(str(tmp_path / "made.db")).close()
    open_store(str(tmp_path / "made.db"), made=True).close()
    open_store(f"sqlite:///file:{tmp_path}/made.db?mode=rw&uri=true", made=True).close()
