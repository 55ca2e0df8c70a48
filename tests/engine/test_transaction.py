"""`receive` in the caller's transaction: the caller's rows and the engine's commit together, or not at all."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, select, text

import linekeeper as lk
from linekeeper.core.errors import EventRejected, LinekeeperError, StoreError, UsageError
from linekeeper.core.event import Event
from linekeeper.engine.engine import Engine as LineEngine
from linekeeper.engine.outbox import Law
from linekeeper.engine.verify import verify
from linekeeper.engine.versions import adopt
from linekeeper.journal import store as journal
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import Keeper, new_keeper
from linekeeper.journal.store import Store, open_store
from linekeeper.policy.load import load_text
from tests.engine.conftest import NewStore
from tests.engine.lives import contents, send, table_for
from tests.face.examples import POLICY as EXAMPLE
from tests.face.examples import opened

DAY = 86_400_000
TEXT = """policy: card
version: 1
currency: CNY
time_zone: Asia/Shanghai
triggers:
  arrears: {when: past_due > 0 CNY, cap: 50%, hold: 5d, reason: arrears}
restoration: {first: 60%, step: 40%, every: 10d}
honour: 30d
brake: {lines: 50%, exposure: 50%}
"""
POLICY = load_text(TEXT)
SPAWN = multiprocessing.get_context("spawn")
LAW = Law("CN", "consumer")


def event(account: str, kind: str, day: int, **fields: int | str) -> Event:
    return Event(f"{account}-{kind}-{day}", account, kind, day * DAY, fields)


def lapse(account: str) -> list[Event]:
    """A borrower who falls behind: opened, drawn, due, and still not paid when the next draw comes."""
    return [
        event(account, "open", 1, limit=100_000),
        event(account, "draw", 2, amount=30_000),
        event(account, "due", 3, amount=5_000, due_on=10),
        event(account, "draw", 20, amount=1_000),
    ]


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table of the store but for the keys, salts and seals of the log, which chance makes.

    Nor when an event arrived, which the clock says.
    """
    with store.reading() as connection:
        rows = {
            table.name: sorted(
                map(repr, connection.execute(select(*(one for one in table.c if one is not t.events.c.arrived))).all())
            )
            for table in t.SCHEMA.sorted_tables
            if table not in (t.LOG.entries, t.LOG.keys)
        }
        leaves = connection.execute(select(t.LOG.entries.c["position", "key"]).order_by(t.LOG.entries.c.position))
        keys = connection.execute(select(t.LOG.keys.c["id", "account"]).order_by(t.LOG.keys.c.id))
        return rows | {"leaves": leaves.all(), "keys": keys.all()}  # type: ignore[dict-item]


def url_of(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=False)


def with_payments(store: Store) -> None:
    """A table of the caller's own in the same database."""
    with store.writing() as connection:
        connection.execute(text("CREATE TABLE payments (id TEXT PRIMARY KEY)"))


def pay(connection: Connection, name: str) -> None:
    connection.execute(text("INSERT INTO payments VALUES (:id)"), {"id": name})


def payments(store: Store) -> list[str]:
    with store.reading() as connection:
        return list(connection.execute(text("SELECT id FROM payments ORDER BY id")).scalars())


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return new_keeper(tmp_path / "keys", tmp_path / "log", "example.com/lines")


@pytest.fixture
def engine(new_store: NewStore, keeper: Keeper) -> LineEngine:
    """An engine with all that commits with a decision: a log, an outbox, a brake."""
    made = LineEngine(new_store(), POLICY, keeper, brake=True, law=LAW)
    with_payments(made.store)
    return made


@pytest.fixture
def own(engine: LineEngine) -> Iterator[Engine]:
    """The caller's own way to the same database."""
    made = create_engine(url_of(engine.store))
    yield made
    made.dispose()


def alone(new_store: NewStore, keeper: Keeper, events: list[Event]) -> dict[str, list[tuple[object, ...]]]:
    """What the events leave in a store when they are received without a transaction of anybody's."""
    engine = LineEngine(new_store(), POLICY, keeper, brake=True, law=LAW)
    send(engine, events)
    return everything(engine.store)


def receive(engine: LineEngine, events: list[Event], connection: Connection) -> int:
    summary = engine.receive(table_for(POLICY, events), "core", transaction=connection)
    return sum(summary.actions.values())


# ------------------------------------------------------------------ commit and rollback


def test_rows_of_the_caller_and_decisions_commit_together(
    new_store: NewStore, engine: LineEngine, keeper: Keeper
) -> None:
    with engine.transaction() as tx:
        pay(tx, "p-1")
        assert receive(engine, lapse("a"), tx) == 1
        assert receive(engine, lapse("b"), tx) == 0  # the brake has it wait for a person
        with engine.store.reading() as others:  # nobody else sees any of it yet
            assert others.execute(select(t.events)).first() is None
    assert payments(engine.store) == ["p-1"]
    apart = LineEngine(new_store(), POLICY, keeper, brake=True, law=LAW)
    send(apart, lapse("a"))
    send(apart, lapse("b"))
    assert everything(engine.store) == everything(apart.store)
    assert verify(engine.store, vault=keeper.vault).same


@pytest.mark.parametrize("way", ["the engine's", "the caller's"])
def test_a_rollback_takes_all_of_it_back(
    new_store: NewStore, engine: LineEngine, own: Engine, keeper: Keeper, way: str
) -> None:
    """And the engine remembers nothing of it: the same events decide as they would have in the first place."""
    send(engine, lapse("a"))
    before = everything(engine.store)

    def fail() -> None:
        with engine.transaction() if way == "the engine's" else own.begin() as tx:
            pay(tx, "p-1")
            receive(engine, lapse("b") + lapse("c"), tx)
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            fail()
        assert everything(engine.store) == before
        assert payments(engine.store) == []
    send(engine, lapse("b") + lapse("c"))
    apart = LineEngine(new_store(), POLICY, keeper, brake=True, law=LAW)
    send(apart, lapse("a"))
    send(apart, lapse("b") + lapse("c"))
    assert everything(engine.store) == everything(apart.store)
    assert verify(engine.store, vault=keeper.vault).same


def test_a_connection_of_the_callers_own(new_store: NewStore, engine: LineEngine, own: Engine, keeper: Keeper) -> None:
    with own.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM payments")).scalar_one() == 0  # it has read before
        assert receive(engine, lapse("a"), connection) == 1
        pay(connection, "p-1")
    assert payments(engine.store) == ["p-1"]
    assert everything(engine.store) == alone(new_store, keeper, lapse("a"))


def test_a_refusal_leaves_the_callers_transaction_as_it_was(engine: LineEngine) -> None:
    """The caller catches it, goes on and commits: nothing of the refused batch is there."""
    before = everything(engine.store)
    with engine.transaction() as tx:
        pay(tx, "p-1")
        with pytest.raises(EventRejected, match="the account is not open yet"):
            engine.receive([*lapse("a"), event("b", "draw", 2, amount=1)], "core", all_or_nothing=True, transaction=tx)
        pay(tx, "p-2")
    assert payments(engine.store) == ["p-1", "p-2"]
    assert everything(engine.store) == before


def test_versions_are_met_in_a_transaction_too(new_store: NewStore) -> None:
    """An account is still under the first version, whose engine is first needed in the middle of a transaction."""
    first = LineEngine(new_store(), POLICY)
    send(first, lapse("a"))
    later = load_text(TEXT.replace("version: 1", "version: 2"))
    adopt(first.store, later)
    engine = LineEngine(first.store, later)
    with engine.transaction() as tx:
        receive(engine, [event("a", "draw", 21, amount=5), *lapse("b")], tx)
    assert [engine.engine_of(name).policy.version for name in ("a", "b")] == [1, 2]
    assert verify(engine.store).same
    with pytest.raises(LinekeeperError, match="another version"), first.transaction() as tx:
        receive(first, [event("a", "draw", 22, amount=5)], tx)


def stop_half_way(url: str) -> None:
    """In a process of its own: receive in a transaction, and be killed before it commits."""
    engine = LineEngine(open_store(url), POLICY)
    with engine.transaction() as tx:
        pay(tx, "p-1")
        receive(engine, lapse("b"), tx)
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_caller_that_is_killed_leaves_nothing(new_store: NewStore) -> None:
    engine = LineEngine(new_store(), POLICY)
    with_payments(engine.store)
    send(engine, lapse("a"))
    before = contents(engine.store)
    process = SPAWN.Process(target=stop_half_way, args=(url_of(engine.store),))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert (contents(engine.store), payments(engine.store)) == (before, [])
    send(engine, lapse("b"))
    assert verify(engine.store).same


# ------------------------------------------------------------------ what cannot be joined


def refusal(engine: LineEngine, connection: Connection) -> str:
    with pytest.raises(UsageError) as caught:
        receive(engine, lapse("a"), connection)
    assert caught.value.code == "transaction-not-usable"
    return str(caught.value)


def test_what_is_no_transaction_is_refused(engine: LineEngine, own: Engine) -> None:
    with own.connect() as connection:
        assert "the connection is in no transaction" in refusal(engine, connection)
    assert "the connection is in no transaction" in refusal(engine, connection)  # closed by now
    with own.connect().execution_options(isolation_level="AUTOCOMMIT") as connection, connection.begin():
        assert "commits each statement by itself" in refusal(engine, connection)
    assert contents(engine.store)["events"] == []


def test_another_database_is_refused(engine: LineEngine, new_store: NewStore, tmp_path: Path) -> None:
    elsewhere = [url_of(new_store()), f"sqlite:///{tmp_path / 'plain.db'}", "sqlite://"]
    for url in elsewhere:
        made = create_engine(url)
        with made.begin() as connection:
            assert "another database" in refusal(engine, connection)
        made.dispose()


def test_the_same_file_by_another_name_is_the_same_database(tmp_path: Path) -> None:
    engine = LineEngine(open_store(str(tmp_path / "lines.db")), POLICY)
    (tmp_path / "alias.db").symlink_to(tmp_path / "lines.db")
    made = create_engine(f"sqlite:///{tmp_path / 'alias.db'}")
    with made.begin() as connection:
        assert receive(engine, lapse("a"), connection) == 1
    made.dispose()
    assert verify(engine.store).decisions == 1


def test_what_may_be_lost_in_a_power_cut_is_refused(tmp_path: Path) -> None:
    engine = LineEngine(open_store(str(tmp_path / "lines.db")), POLICY)
    made = create_engine(f"sqlite:///{tmp_path / 'lines.db'}")
    with made.connect() as connection:
        connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
        connection.rollback()
        with connection.begin():
            assert "PRAGMA synchronous=FULL" in refusal(engine, connection)
    made.dispose()


@pytest.mark.postgres
def test_a_transaction_that_reads_the_past_is_refused(postgres_url: str, engine: LineEngine, own: Engine) -> None:
    """What a repeatable read sees may be older than what the writer before it committed."""
    if own.dialect.name == "sqlite":
        return
    for level in ("REPEATABLE READ", "SERIALIZABLE"):
        with own.connect().execution_options(isolation_level=level) as connection, connection.begin():
            assert f"one of {level.lower()}" in refusal(engine, connection)


def test_a_reader_that_was_overtaken_is_refused(tmp_path: Path) -> None:
    """SQLite: the caller read before another writer committed, so what it read is no longer true."""
    engine = LineEngine(open_store(str(tmp_path / "lines.db")), POLICY)
    made = create_engine(f"sqlite:///{tmp_path / 'lines.db'}")
    with made.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql("SELECT count(*) FROM events").scalar_one()
        send(engine, lapse("a"))
        with pytest.raises(StoreError) as caught:
            receive(engine, lapse("b"), connection)
    assert caught.value.code == "store-busy"
    made.dispose()
    assert len(contents(engine.store)["events"]) == 4


# ------------------------------------------------------------------ waiting


def test_a_thread_does_not_wait_for_itself(engine: LineEngine) -> None:
    """Without `transaction=` the call would wait for the lock of the open transaction for ever."""
    with engine.transaction():
        for act in (
            lambda: send(engine, lapse("a")),
            lambda: engine.review(30),
            lambda: engine.transaction().__enter__(),
        ):
            with pytest.raises(UsageError) as caught:
                act()
            assert caught.value.code == "transaction-already-open"
    assert send(engine, lapse("a")).events == 4


def test_a_writer_that_waits_in_vain_is_told(new_store: NewStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "BUSY_SECONDS", 0.05)
    first = LineEngine(new_store(), POLICY)
    second = LineEngine(open_store(url_of(first.store)), POLICY)
    with first.transaction() as tx:
        receive(first, lapse("a"), tx)
        with pytest.raises(StoreError) as caught:
            send(second, lapse("b"))
    assert caught.value.code == "store-busy"
    assert send(second, lapse("b")).events == 4
    second.store.close()


def test_the_face_joins_too(tmp_path: Path) -> None:
    with lk.open(tmp_path / "lines.db", EXAMPLE) as engine:
        with engine.transaction() as tx:
            engine.receive([opened("B", "b")], transaction=tx)
            tx.rollback()
        assert len(engine.accounts()) == 0
        with engine.transaction() as tx:
            engine.receive([opened("B", "b")], transaction=tx)
        assert [one.account for one in engine.accounts()] == ["B"]
