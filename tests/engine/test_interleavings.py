"""Two engines over one store in any order, and at the same time: nothing read out of date, nothing half done."""

from __future__ import annotations

import multiprocessing
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

import linekeeper as lk
from linekeeper.core.errors import LinekeeperError
from linekeeper.engine import engine as rooms
from linekeeper.engine.calls import ReviewCall
from linekeeper.engine.engine import Engine
from linekeeper.engine.versions import adopt, stored_policy
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import new_keeper, open_keeper
from linekeeper.journal.store import Store, open_store
from linekeeper.policy.load import load_text
from tests.engine.conftest import NewStore
from tests.engine.interleavings import (
    ACCOUNTS,
    FIRST_DAY,
    OUT_OF_DATE,
    drive,
    instant,
    iso_day,
    version_text,
)
from tests.engine.lives import contents
from tests.journal.databases import postgres_database

A_FEW = 12
ALL = 100  # on each of two databases
SPAWN = multiprocessing.get_context("spawn")
MAY_BE_SAID = {OUT_OF_DATE, "account-not-known", "ruling-rejected", "version-cannot-follow"}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    if request.param == "sqlite":
        yield str(tmp_path / "shared.db")
        return
    with postgres_database(request.getfixturevalue("postgres_url")) as made:
        yield made


def test_random_interleavings(url: str, tmp_path: Path) -> None:
    steps = drive(url, tmp_path, range(A_FEW))
    assert steps["receive"] > A_FEW
    assert steps["refused"] > 0


@pytest.mark.nightly
def test_two_hundred_random_interleavings(url: str, tmp_path: Path) -> None:
    steps = drive(url, tmp_path, range(ALL))
    assert {"receive", "review", "rule", "adopt", "erase", "authorise", "explain", "recourse", "verify"} <= set(steps)
    assert steps["refused"] >= ALL // 2


@pytest.mark.parametrize("fault", ["a stale layout is read", "a stale engine writes", "half of a batch is kept"])
def test_faults_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """The comparison itself: with a fault put into the engine, some interleaving fails."""
    if fault == "a stale layout is read":
        monkeypatch.setattr(Engine, "_engine_of_version", lambda self, connection, digest: self)
        monkeypatch.setattr(rooms, "state_read", lambda kernel, account, row: kernel.new_state())
    elif fault == "a stale engine writes":
        monkeypatch.setattr(rooms, "demand_versions", lambda connection, count: None)
    else:
        monkeypatch.setattr(rooms, "save_states", lambda *arguments: None)
    with pytest.raises(AssertionError):
        drive(str(tmp_path / "shared.db"), tmp_path, range(A_FEW))


# ------------------------------------------------------------------ at the same time


def act_at_random(url: str, keys: Path, seed: int, said: Counter[str]) -> None:
    """Receive, review, rule, adopt and read at random, opening the store again where the engine is out of date."""
    rng, keeper, store = Random(seed), open_keeper(keys), open_store(url)
    engine = lk.Engine(Engine(store, None, keeper))
    for number in range(25):
        day, account = FIRST_DAY + number, rng.choice(ACCOUNTS)
        try:
            share = rng.random()
            if share < 0.5:
                engine.receive(events_of(rng, seed, number, day), source=f"s{seed}")
            elif share < 0.65:
                engine.review(iso_day(day))
            elif share < 0.75:
                how: dict[str, Any] = {"cap_bp": 5_000, "until": iso_day(day + 3), "by": "Li", "why": "asked"}
                engine.rule(account, at=instant(day), id=f"r{seed}/{number}", **how)
            elif share < 0.85:
                adopt(store, load_text(version_text(stored_policy(store).version + 1)), keeper)
            else:
                engine.authorise(account, 100, instant(day))
                engine.accounts()
            said["done"] += 1
        except LinekeeperError as error:
            said[error.code] += 1
            if error.code == OUT_OF_DATE:
                engine = lk.Engine(Engine(store, None, keeper))
    store.close()


def events_of(rng: Random, seed: int, number: int, day: int) -> list[dict[str, Any]]:
    rows = []
    for place, account in enumerate(rng.sample(ACCOUNTS, 2)):
        row: dict[str, Any] = {"id": f"{seed}/{number}/{place}", "account": account, "at": instant(day)}
        kind = rng.choice(("open", "draw", "due", "enquiry"))
        row |= {"kind": kind} | ({"limit": 100_000} if kind == "open" else {})
        row |= {"amount": 1_000} if kind in ("draw", "due") else {}
        row |= {"due_on": iso_day(day + 1)} if kind == "due" else {}
        rows.append(row)
    return rows


def in_a_process(url: str, keys: Path, seed: int) -> None:
    """In a process of its own; what it was told and may not be told ends it with an error."""
    said: Counter[str] = Counter()
    act_at_random(url, keys, seed, said)
    assert set(said) <= {"done", *MAY_BE_SAID}, said


@pytest.mark.parametrize("how", ["threads", "processes"])
def test_two_engines_at_the_same_time(new_store: NewStore, tmp_path: Path, how: str) -> None:
    store = new_store()
    keeper = new_keeper(tmp_path / "keys", tmp_path / "log", "example.com/lines")
    Engine(store, load_text(version_text(1)), keeper)
    url, said = store.engine.url.render_as_string(hide_password=False), Counter[str]()
    if how == "threads":
        threads = [
            threading.Thread(target=act_at_random, args=(url, tmp_path / "keys", seed, said)) for seed in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(said.values()) == 50  # no step ended in an error that is not of the house
        assert set(said) <= {"done", *MAY_BE_SAID}, said
    else:
        processes = [SPAWN.Process(target=in_a_process, args=(url, tmp_path / "keys", seed)) for seed in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0, 0]
    fresh = lk.Engine(Engine(store, None, keeper))
    verdict = fresh.verify()
    assert verdict.first_difference is None
    assert verdict.events > 10
    assert nothing_half_done(store)


def nothing_half_done(store: Store) -> bool:
    """Event numbers without a gap but for rejected ones, and decisions numbered on for each account."""
    rows = contents(store)
    numbers: dict[object, list[object]] = {}
    for account, number, *_ in rows["decisions"]:
        numbers.setdefault(account, []).append(number)
    with store.reading() as connection:
        seqs = list(connection.execute(select(t.decisions.c.seq).order_by(t.decisions.c.seq)).scalars())
    return seqs == list(range(1, len(seqs) + 1)) and all(
        each == list(range(1, len(each) + 1)) for each in numbers.values()
    )


def test_a_version_that_comes_during_a_review_does_not_break_it_off(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The review was noted, so it is done to its end; else the journal would say of accounts what is not so."""
    store = new_store()
    Engine(store, load_text(version_text(1)))
    adopt(store, load_text(version_text(2)))
    engine = lk.Engine(Engine(store, None))
    rows = [{"id": f"{name}", "account": name, "kind": "open", "at": instant(FIRST_DAY)} for name in ACCOUNTS]
    engine.receive([row | {"limit": 100_000} for row in rows])
    dues = [{"id": f"due-{name}", "account": name, "kind": "due", "at": instant(FIRST_DAY + 1)} for name in ACCOUNTS]
    engine.receive([row | {"amount": 5_000, "due_on": iso_day(FIRST_DAY + 2)} for row in dues])
    review_due, adopted = Engine._review_due, list[int]()

    def adopt_first(self: Engine, *arguments: Any) -> Any:
        if not adopted:
            adopted.append(3)
            adopt(store, load_text(version_text(3)))
        return review_due(self, *arguments)

    monkeypatch.setattr(Engine, "_review_due", adopt_first)
    assert len(engine.review(iso_day(FIRST_DAY + 20))) >= len(ACCOUNTS)
    fresh = lk.Engine(Engine(store, None))
    assert fresh.policy.version == 3
    assert fresh.verify().first_difference is None


def test_two_reviews_at_once_migrate_accounts_under_each_other(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The further review has read its page when the earlier one, of the version before, migrates an account of it.

    The further review passes that account by, and reviews it after all under the version to which it migrated.
    """
    store = new_store()
    Engine(store, load_text(version_text(1)))
    rows = [{"id": name, "account": name, "kind": "open", "at": instant(FIRST_DAY)} for name in ACCOUNTS]
    dues = [{"id": f"due-{name}", "account": name, "kind": "due", "at": instant(FIRST_DAY + 1)} for name in ACCOUNTS]
    first = lk.Engine(Engine(store, None))
    first.receive([row | {"limit": 100_000} for row in rows])
    first.receive([row | {"amount": 5_000, "due_on": iso_day(FIRST_DAY + 10)} for row in dues])
    adopt(store, load_text(version_text(2)))
    earlier = lk.Engine(Engine(store, None))
    review_due, review_accounts, steps = Engine._review_due, Engine._review_accounts, list[str]()

    def review_further_first(self: Engine, *arguments: Any) -> Any:
        if not steps:
            steps.append("noted")
            adopt(store, load_text(version_text(3)))
            lk.Engine(Engine(store, None)).review(iso_day(FIRST_DAY + 30))
        return review_due(self, *arguments)

    def migrate_first(self: Engine, *arguments: Any) -> Any:
        if steps == ["noted"]:
            steps.append("migrated")
            self._migrate_due(earlier._engine.kernel, FIRST_DAY + 5, ReviewCall())
        return review_accounts(self, *arguments)

    monkeypatch.setattr(Engine, "_review_due", review_further_first)
    monkeypatch.setattr(Engine, "_review_accounts", migrate_first)
    earlier.review(iso_day(FIRST_DAY + 5))
    assert steps == ["noted", "migrated"]
    fresh = lk.Engine(Engine(store, None))
    assert fresh._engine.due_count(FIRST_DAY + 30) == 0
    assert fresh.verify().first_difference is None


def test_a_review_that_is_broken_off_is_finished_by_the_next(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`verify` says what happened and what to do, and an event that comes in between is decided as after the review."""
    whole, broken = (lk.Engine(Engine(new_store(), load_text(version_text(1)))) for _ in range(2))
    rows = [{"id": name, "account": name, "kind": "open", "at": instant(FIRST_DAY)} for name in ACCOUNTS]
    dues = [{"id": f"due-{name}", "account": name, "kind": "due", "at": instant(FIRST_DAY + 1)} for name in ACCOUNTS]
    later = {"id": "later", "account": "b", "kind": "draw", "at": instant(FIRST_DAY + 21), "amount": 1}
    for engine in (whole, broken):
        engine.receive([row | {"limit": 100_000} for row in rows])
        engine.receive([row | {"amount": 5_000, "due_on": iso_day(FIRST_DAY + 2)} for row in dues])
    whole.review(until := iso_day(FIRST_DAY + 20))
    review_accounts, reviewed = Engine._review_accounts, list[object]()

    def fail_at_the_second(self: Engine, names: list[str], *arguments: Any) -> Any:
        reviewed.append(names)
        if len(reviewed) == 2:
            raise OSError("the disk is full")
        return review_accounts(self, names, *arguments)

    monkeypatch.setattr(rooms, "REVIEW_BATCH", 1)
    monkeypatch.setattr(Engine, "_review_accounts", fail_at_the_second)
    with pytest.raises(OSError, match="the disk is full"):
        broken.review(until)
    monkeypatch.undo()
    assert broken.verify().first_difference == (
        f"the review up to {until} was broken off; `linekeeper review --until {until}` finishes it"
    )
    for engine in (whole, broken):
        engine.receive([later])
    broken.review(until)
    assert broken.verify().first_difference is None
    assert contents(broken._engine.store) == contents(whole._engine.store)
