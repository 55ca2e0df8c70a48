"""What stays of a borrower who was erased, and what does not come back."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

import linekeeper as lk
from linekeeper.core.errors import NotFound
from linekeeper.core.event import RejectionCode
from linekeeper.engine.engine import Engine
from linekeeper.engine.run import run_table
from linekeeper.engine.verify import verify
from linekeeper.face.events import intake_of
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import ABOUT_AN_ACCOUNT, Keeper, erased_of, new_keeper
from linekeeper.journal.log.entry import Opened, RecordKind
from linekeeper.journal.log.read import opened, positions_of
from linekeeper.journal.log.vault import Vault
from linekeeper.journal.rotation import rotate_master
from linekeeper.journal.store import Store
from linekeeper.policy.load import load_text
from tests.engine.interleavings import FIRST_DAY, instant, iso_day, version_text

ACCOUNT = "erin-zhou-0042"
OTHER = "li-wei-0007"


@pytest.fixture
def engine(store: Store, keeper: Keeper) -> lk.Engine:
    """Its engine, with two lines open."""
    made = lk.Engine(Engine(store, None, keeper))
    made.receive([opening(ACCOUNT), opening(OTHER)])
    return made


def opening(account: str) -> dict[str, Any]:
    row = {"id": f"open {account}", "account": account, "kind": "open", "at": instant(FIRST_DAY)}
    return row | {"limit": 100_000}


def draw(account: str, number: int, day: int = FIRST_DAY + 1) -> dict[str, Any]:
    row = {"id": f"draw {account} {number}", "account": account, "kind": "draw", "at": instant(day)}
    return row | {"amount": 1_000}


def due(account: str) -> dict[str, Any]:
    row = {"id": f"due {account}", "account": account, "kind": "due", "at": instant(FIRST_DAY + 1)}
    return row | {"amount": 5_000, "due_on": iso_day(FIRST_DAY + 2)}


def held(store: Store, account: str) -> list[str]:
    """The tables that hold something of an account."""
    with store.reading() as connection:
        tables = (*ABOUT_AN_ACCOUNT, t.LOG.keys)
        return [one.name for one in tables if connection.execute(select(one).where(one.c.account == account)).first()]


def test_an_overlapping_file_does_not_bring_the_borrower_back(engine: lk.Engine, store: Store) -> None:
    engine.erase(ACCOUNT, at=instant(FIRST_DAY + 1))
    received = engine.receive([opening(ACCOUNT), opening(OTHER), draw(ACCOUNT, 1), draw(OTHER, 1)])
    assert [(row.place, row.code) for row in received.rejected] == [
        (f"event open {ACCOUNT}", RejectionCode.ERASED),
        (f"event draw {ACCOUNT} 1", RejectionCode.ERASED),
    ]
    assert received.rejected[0].reason == (
        "the borrower of this account was erased; a new relationship needs a new account id"
    )
    assert (received.repeats, received.rejected_by_code) == (1, {"account-erased": 2})
    assert held(store, ACCOUNT) == []
    assert engine.account(OTHER).balance_minor == 1_000
    assert verify(store).same


def test_an_account_without_decisions_can_be_erased(engine: lk.Engine, store: Store, keeper: Keeper) -> None:
    assert set(held(store, ACCOUNT)) == {"events", "accounts", "log_keys"}
    done = engine.erase(ACCOUNT, at=instant(FIRST_DAY + 1))
    assert len(done.leaves) == 1  # that of its events
    assert held(store, ACCOUNT) == []
    with store.reading() as connection:
        [(_, leaf)] = opened(connection, t.LOG, keeper.vault, [done.position])
        assert isinstance(leaf, Opened)
        assert leaf.kind is RecordKind.ERASURE
    keeper.publish(store)
    with store.reading() as connection:
        assert keeper.audit(connection).leaves == done.position + 1


def test_an_account_that_was_never_open_can_be_erased(engine: lk.Engine, store: Store) -> None:
    """Of it the store holds rejected events alone, which are data about a person all the same."""
    assert engine.receive([draw("never-open", 1)]).rejected_by_code == {"refused-by-account": 1}
    assert held(store, "never-open") == ["rejected_events"]
    engine.erase("never-open", at=instant(FIRST_DAY + 1))
    assert held(store, "never-open") == []


def test_a_refused_ruling_is_sealed_once_and_erased_with_its_account(
    engine: lk.Engine, store: Store, keeper: Keeper
) -> None:
    """Sent again it is refused again, and adds nothing; the ruling of another time under its id is another."""
    ruling = {"id": "r", "account": "never-open", "kind": "override", "at": instant(FIRST_DAY + 1), "cap": 5_000}
    ruling |= {"until": iso_day(FIRST_DAY + 9), "by": "Li", "why": "asked"}
    for _ in range(3):
        assert engine.receive([ruling]).rejected_by_code == {"refused-by-account": 1}
    assert len(rejected_of(store, "never-open")) == 1
    assert engine.receive([ruling | {"at": instant(FIRST_DAY + 2)}]).rejected_by_code == {"refused-by-account": 1}
    with store.reading() as connection:
        leaves = positions_of(connection, t.LOG, "never-open")
    assert len(leaves) == 2
    assert engine.erase("never-open", at=instant(FIRST_DAY + 3)).leaves == tuple(leaves)
    assert held(store, "never-open") == []
    assert verify(store, vault=keeper.vault).same


def rejected_of(store: Store, account: str) -> list[Any]:
    r = t.rejected_events
    with store.reading() as connection:
        return list(connection.execute(select(r).where(r.c.account == account)))


@pytest.mark.parametrize("account", ["nobody", "", ACCOUNT])
def test_nothing_is_erased_twice_or_of_nobody(engine: lk.Engine, store: Store, account: str) -> None:
    engine.erase(ACCOUNT, at=instant(FIRST_DAY + 1))
    with store.reading() as connection:
        leaves = connection.execute(select(t.LOG.tail.c.size)).scalar_one()
    why = "was erased before, and nothing is left of it" if account == ACCOUNT else "is not known; nothing was erased"
    with pytest.raises(NotFound, match=why):
        engine.erase(account, at=instant(FIRST_DAY + 1))
    with store.reading() as connection:
        assert connection.execute(select(t.LOG.tail.c.size)).scalar_one() == leaves


def test_the_mark_names_nobody_without_the_master_key(engine: lk.Engine, store: Store, keeper: Keeper) -> None:
    """Whoever has the store alone can try all accounts and learns nothing; a second store has another mark."""
    engine.erase(ACCOUNT, at=instant(FIRST_DAY + 1))
    with store.reading() as connection:
        marks = list(connection.execute(select(t.erased_accounts.c.mark)).scalars())
        assert erased_of(connection, keeper, [OTHER, ACCOUNT]) == {ACCOUNT}
        row = connection.execute(select(t.LOG.keys).where(t.LOG.keys.c.account == "")).one()
        stranger = Vault([type(keeper.vault.master)(bytes(32))])  # type: ignore[call-arg]
        with pytest.raises(Exception, match="is not at hand"):
            stranger.marks(row.master, row.wrapped, [ACCOUNT])
    assert len(marks) == 1
    assert ACCOUNT not in marks[0]
    assert len(marks[0]) == 64


def test_a_new_master_key_leaves_the_marks(engine: lk.Engine, store: Store, keeper: Keeper, tmp_path: Path) -> None:
    from linekeeper.journal.keeper import open_keeper

    engine.erase(ACCOUNT, at=instant(FIRST_DAY + 1))
    rotate_master(tmp_path / "keys", store)
    (tmp_path / "keys" / "master.key").unlink()
    fresh = lk.Engine(Engine(store, None, open_keeper(tmp_path / "keys")))
    assert fresh.receive([draw(ACCOUNT, 1)]).rejected_by_code == {"account-erased": 1}


def test_no_number_is_given_twice(engine: lk.Engine, store: Store) -> None:
    """The newest event and the newest decision are erased; what follows them gets the numbers after theirs."""
    engine.receive([due(OTHER)])
    engine.receive([due(ACCOUNT)])
    engine.review(iso_day(FIRST_DAY + 5))
    last = {table: highest(store, table) for table in ("events", "decisions")}
    engine.erase(ACCOUNT, at=instant(FIRST_DAY + 5))
    assert highest(store, "events") < last["events"]
    engine.receive([draw(OTHER, 1, FIRST_DAY + 6), due("third") | {"id": "x"}, opening("third")])
    engine.receive([draw(OTHER, 2, FIRST_DAY + 6)])
    engine.rule(OTHER, cap_bp=1_000, until=iso_day(FIRST_DAY + 9), by="Li", why="asked", at=instant(FIRST_DAY + 6))
    with store.reading() as connection:
        new = connection.execute(select(t.events.c.seq).where(t.events.c.id.like("draw%"))).scalars().all()
        newest = connection.execute(select(t.decisions.c.seq).order_by(t.decisions.c.seq.desc())).scalars().first()
    assert min(new) > last["events"]
    assert newest > last["decisions"]
    assert verify(store).same


def test_verify_sees_a_number_that_would_be_given_twice(engine: lk.Engine, store: Store) -> None:
    with store.writing() as connection:
        connection.execute(t.counters.update().where(t.counters.c.name == "events").values(last=1))
    assert verify(store).first_difference == (
        f"a row of `{OTHER}` in `events` has the number 2, and 1 was the last given"
    )


def test_an_erasure_before_a_migration_changes_nothing_of_what_others_knew(
    engine: lk.Engine, store: Store, keeper: Keeper
) -> None:
    """An account migrates after event 5, which is erased: the next event is not event 5 again."""
    from linekeeper.engine.versions import adopt

    engine.receive([draw(ACCOUNT, number) for number in range(3)])
    adopt(store, load_text(version_text(2)), keeper)
    newer = lk.Engine(Engine(store, None, keeper))
    newer.review(iso_day(FIRST_DAY + 3))
    newer.erase(ACCOUNT, at=instant(FIRST_DAY + 3))
    newer.receive([due(OTHER)])  # late: of a day before the migration
    newer.review(iso_day(FIRST_DAY + 6))
    verdict = verify(store, vault=keeper.vault)
    assert verdict.first_difference is None
    assert verdict.decisions > 0


def test_a_file_of_an_erased_borrower_does_not_move_the_day_of_others(engine: lk.Engine, store: Store) -> None:
    """A run reviews up to the last event's day: the events of the erased are no events of this store."""
    engine.receive([due(OTHER)])
    engine.erase(ACCOUNT, at=instant(FIRST_DAY + 1))
    rows = [draw(ACCOUNT, 1, FIRST_DAY + 200), draw(OTHER, 1, FIRST_DAY + 1)]
    summary = run_table(engine._engine, intake_of(rows, engine.policy).table, "main")
    assert (summary.decisions, summary.events) == ({}, 1)
    with store.reading() as connection:
        assert connection.execute(select(t.reviews.c.until_day)).scalars().all() == [FIRST_DAY + 1]


def highest(store: Store, table: str) -> int:
    with store.reading() as connection:
        return int(connection.execute(text(f"SELECT max(seq) FROM {table}")).scalar_one())


def test_nothing_of_the_borrower_is_left_in_the_file(tmp_path: Path) -> None:
    """Not after the erasure, and not after a file that names the borrower again."""
    path = tmp_path / "store.db"
    keys = new_keeper(tmp_path / "keys", tmp_path / "public", "example.com/lines")
    policy = tmp_path / "policy.yaml"
    policy.write_text(version_text(1))
    assert keys.folder.exists()
    with lk.open(path, policy, keys=tmp_path / "keys") as engine:
        engine.receive([opening(ACCOUNT), opening(OTHER), due(ACCOUNT)])
        engine.review(iso_day(FIRST_DAY + 5))
        engine.erase(ACCOUNT, at=instant(FIRST_DAY + 5))
        engine.receive([opening(ACCOUNT), due(ACCOUNT), draw(OTHER, 1)])
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert OTHER.encode() in path.read_bytes()
    assert ACCOUNT.encode() not in path.read_bytes()
