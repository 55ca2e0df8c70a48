"""An erasure that was broken off before the files were scrubbed is finished by the same command."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, event, select, text

import linekeeper as lk
from linekeeper.core.errors import LinekeeperError, NotFound
from linekeeper.engine.engine import Engine
from linekeeper.engine.verify import verify
from linekeeper.journal import keeper as rooms
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import Keeper
from linekeeper.journal.log import erase as log_erase
from linekeeper.journal.log.erase import Erasure
from linekeeper.journal.store import Store
from tests.engine.interleavings import FIRST_DAY, instant, iso_day
from tests.erasure.test_erased import ACCOUNT, OTHER, due, opening
from tests.journal.database_files import files_with

AT = instant(FIRST_DAY + 6)


@pytest.fixture
def engine(store: Store, keeper: Keeper) -> lk.Engine:
    """Its engine, with two lines that were restricted."""
    made = lk.Engine(Engine(store, None, keeper))
    made.receive([row for account in (ACCOUNT, OTHER) for row in (opening(account), due(account))])
    made.review(iso_day(FIRST_DAY + 6))
    return made


def scrubbed(store: Store) -> list[int]:
    with store.reading() as connection:
        return list(connection.execute(select(t.erased_accounts.c.scrubbed)).scalars())


@pytest.fixture
def reader(store: Store) -> Iterator[Connection]:
    """Somebody who has begun to read, and is at it still."""
    with store.reading() as connection:
        connection.execute(text("SELECT count(*) FROM events")).scalar_one()
        yield connection


def test_an_erasure_that_was_killed_before_its_scrub_is_finished_by_the_same(
    engine: lk.Engine, store: Store, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rooms, "scrub", be_killed)
    with pytest.raises(KeyboardInterrupt):
        engine.erase(ACCOUNT, at=AT)
    monkeypatch.undo()
    assert (scrubbed(store), bool(files_with(store.engine, ACCOUNT.encode()))) == ([0], True)
    with pytest.raises(NotFound, match="nothing was erased"):
        engine.erase("somebody else", at=AT)
    assert engine.erase(ACCOUNT, at=AT) == Erasure(None)
    assert (scrubbed(store), files_with(store.engine, ACCOUNT.encode())) == ([1], [])
    assert files_with(store.engine, OTHER.encode())
    with pytest.raises(NotFound, match="was erased before, and nothing is left of it"):
        engine.erase(ACCOUNT, at=AT)
    assert verify(store, vault=keeper.vault).same


def test_the_next_erasure_scrubs_for_those_before(
    engine: lk.Engine, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "scrub", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        engine.erase(ACCOUNT, at=AT)
    monkeypatch.undo()
    assert engine.erase(OTHER, at=AT).position is not None
    assert scrubbed(store) == [1, 1]
    with pytest.raises(NotFound, match="was erased before, and nothing is left of it"):
        engine.erase(ACCOUNT, at=AT)


def test_an_erasure_that_a_reader_blocks_is_finished_once_it_has_ended(
    engine: lk.Engine, store: Store, reader: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hurry(connection: object, *_: object) -> None:
        if store.dialect == "sqlite":
            connection.execute("PRAGMA busy_timeout = 50")  # type: ignore[attr-defined]

    event.listen(store.engine, "checkout", hurry)
    monkeypatch.setattr(log_erase, "READERS_SECONDS", 0.2)
    with pytest.raises(LinekeeperError, match="erase the same account once more") as blocked:
        engine.erase(ACCOUNT, at=AT)
    assert blocked.value.code == "scrub-blocked"
    assert scrubbed(store) == [0]
    reader.close()
    assert engine.erase(ACCOUNT, at=AT) == Erasure(None)
    assert (scrubbed(store), files_with(store.engine, ACCOUNT.encode())) == ([1], [])


def test_statistics_of_a_column_hold_no_erased_account(engine: lk.Engine, store: Store) -> None:
    """PostgreSQL keeps frequent values of each column for its planner; SQLite keeps none unless it is asked to."""
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
        if store.dialect == "postgresql":
            known = connection.exec_driver_sql("SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'events'")
            assert any(ACCOUNT in (values or "") for values in known.scalars())
    engine.erase(ACCOUNT, at=AT)
    assert files_with(store.engine, ACCOUNT.encode()) == []
