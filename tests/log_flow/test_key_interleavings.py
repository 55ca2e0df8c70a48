"""What may meet a rotation of the master key: another one, writers, publishers, restored copies, a kill at any step.

After each, nothing is unreadable, there is one history, and `verify`, `log status` and `receipt check-all` agree.
"""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from linekeeper.core.errors import LinekeeperError
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import new_keeper
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.rotation import finish_rotation, rotate_master
from linekeeper.journal.store import Store
from tests.log_flow.key_workers import acts_on, copied, do, killed_at
from tests.log_flow.logged import Logged

TRIES = 10
AT_ONCE = [
    ("rotate", "rotate"),
    ("rotate", "receive"),
    ("rotate", "rule"),
    ("rotate", "erase"),
    ("rotate", "publish"),
    ("rotate", "finish"),
    ("finish", "receive"),
    ("publish", "publish"),
    ("publish", "receive"),
]


@pytest.fixture(scope="module")
def processes() -> Iterator[Pool]:
    """Three processes that wait for work."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        yield pool


def demand_one_history(logged: Logged) -> None:
    """Raises AssertionError where two heads of one size were signed, or one that is not a head of the store's tree."""
    with logged.store.reading() as connection:
        heads = t.LOG.heads.c
        count = connection.execute(select(func.count()).select_from(t.LOG.heads)).scalar_one()
        assert count == connection.execute(select(func.count(heads.size.distinct()))).scalar_one()
        assert logged.keeper().audit(connection).heads == count


# ------------------------------------------------------------------ at once, in two processes


@pytest.mark.parametrize("pair", AT_ONCE, ids="-".join)
def test_two_at_once(logged: Logged, processes: Pool, pair: tuple[str, str]) -> None:
    works = [(logged.url, logged.keys, what, TRIES, f"{what}{number}") for number, what in enumerate(pair)]
    assert processes.starmap(do, works, chunksize=1) == [["done"] * TRIES] * 2
    logged.demand_whole()
    demand_one_history(logged)
    rotate_master(logged.keys, logged.store)
    for place in finish_rotation(logged.keys, logged.store).free:
        (logged.keys / place.removeprefix("file:")).unlink()
    logged.demand_whole()


def test_three_at_once(logged: Logged, processes: Pool) -> None:
    """A rotation that is finished while events come and the log is published."""
    acts = ("rotate", "finish", "receive", "publish", "rotate", "erase")
    works = [(logged.url, logged.keys, what, TRIES, f"{what}{number}") for number, what in enumerate(acts)]
    assert processes.starmap(do, works, chunksize=1) == [["done"] * TRIES] * len(acts)
    logged.demand_whole()
    demand_one_history(logged)


def test_two_hosts_rotate_with_a_copy_of_the_keys_each(logged: Logged, tmp_path: Path) -> None:
    """The one whose folder lacks the new master does nothing; given that, it goes on."""
    other = replace(logged, keys=copied(logged.keys, tmp_path / "copy"))
    done = rotate_master(logged.keys, logged.store)
    with pytest.raises(LogError, match="older than its last rotation"):
        rotate_master(other.keys, logged.store)
    assert not list(other.keys.glob("master-*.key"))
    shutil.copy(logged.keys / done.place.removeprefix("file:"), other.keys)
    shutil.copy(logged.keys / "signer.head", other.keys)
    with closing(other.store):
        other.demand_whole()
    logged.demand_whole()


def test_two_hosts_publish_with_a_copy_of_the_keys_each(logged: Logged, processes: Pool, tmp_path: Path) -> None:
    """They have a signer's head each. Both sign heads of one tree, since the store holds but one."""
    keys = copied(logged.keys, tmp_path / "copy")
    shutil.copy(logged.keys / "signer.head", keys)
    works = [(logged.url, keys, "publish", TRIES, "one"), (logged.url, logged.keys, "publish", TRIES, "two")]
    works.append((logged.url, logged.keys, "receive", 3, "events"))
    # A signer that is behind what the other one published refuses, and says what to do.
    for each in processes.starmap(do, works, chunksize=1):
        assert set(each) <= {"done", "store-behind-log"}
    demand_one_history(logged)


# ------------------------------------------------------------------ a writer that was open before


@pytest.mark.parametrize("what", ["receive", "rule", "erase", "publish"])
def test_a_writer_that_is_open_goes_on_under_the_new_master(logged: Logged, what: str) -> None:
    act = acts_on(logged.store, logged.keys, "late")[what]
    done = rotate_master(logged.keys, logged.store)
    act(0)
    assert logged.masters() == {done.master}
    [former] = finish_rotation(logged.keys, logged.store).free
    (logged.keys / former.removeprefix("file:")).unlink()
    act(1)
    assert logged.masters() == {done.master}
    logged.demand_whole()


@pytest.mark.parametrize("what", ["receive", "rule", "erase", "publish", "rotate", "finish"])
def test_a_writer_without_the_new_master_is_refused(logged: Logged, what: str) -> None:
    """Its folder came back from before the rotation: nothing is written under the former master."""
    open_before = acts_on(logged.store, logged.keys, "late")[what]
    backup = copied(logged.keys, logged.keys.parent / "backup")
    done = rotate_master(logged.keys, logged.store)
    safe = logged.keys.parent / "safe.key"
    shutil.move(logged.keys / done.place.removeprefix("file:"), safe)
    shutil.copy(backup / "log.json", logged.keys)
    before = rows_of(logged.store)
    with pytest.raises(LinekeeperError) as refused:
        open_before(0)
    assert refused.value.code in ("keys-of-another-log", "data-key-not-readable")
    assert done.master in str(refused.value)
    with pytest.raises(LogError, match="older than its last rotation"):
        logged.engine()
    assert rows_of(logged.store) == before
    shutil.copy(safe, logged.keys / done.place.removeprefix("file:"))
    open_before(0) if what != "finish" else None
    logged.demand_whole()


# ------------------------------------------------------------------ restored from before a rotation


def rows_of(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Everything that the store holds."""
    with store.reading() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
            for table in t.SCHEMA.sorted_tables
        }


def put_back(store: Store, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Restore the store to what it held."""
    with store.writing() as connection:
        for table in reversed(t.SCHEMA.sorted_tables):
            connection.execute(table.delete())
        for table in t.SCHEMA.sorted_tables:
            if rows[table.name]:
                connection.execute(table.insert(), rows[table.name])


def test_a_store_from_before_a_rotation_opens_until_the_former_master_is_destroyed(logged: Logged) -> None:
    backup = rows_of(logged.store)
    former = logged.masters()
    rotate_master(logged.keys, logged.store)
    put_back(logged.store, backup)
    logged.demand_whole()
    with pytest.raises(LogError, match=r"4 of 4 keys are not under the newest master key `file:master-2.key`"):
        finish_rotation(logged.keys, logged.store)
    logged.receive("D")  # under the master that the other keys are under: the next rotation finds it
    assert logged.masters() == former
    assert rotate_master(logged.keys, logged.store).keys == 5
    assert finish_rotation(logged.keys, logged.store).free == ("file:master-2.key", "file:master.key")
    logged.demand_whole()


def test_a_store_from_before_a_rotation_needs_the_former_master_back(logged: Logged) -> None:
    backup, safe = rows_of(logged.store), logged.keys.parent / "safe.key"
    rotate_master(logged.keys, logged.store)
    assert finish_rotation(logged.keys, logged.store).free == ("file:master.key",)
    shutil.move(logged.keys / "master.key", safe)
    put_back(logged.store, backup)
    acts: list[Callable[[], object]] = [
        logged.publish,
        logged.engine,
        lambda: rotate_master(logged.keys, logged.store),
        lambda: finish_rotation(logged.keys, logged.store),
    ]
    for act in acts:
        with pytest.raises(LogError, match=r"put the file of its master key `local:[0-9a-f]{16}` back"):
            act()
    assert rows_of(logged.store) == backup
    shutil.copy(safe, logged.keys / "master.key")
    logged.demand_whole()
    rotate_master(logged.keys, logged.store)
    logged.demand_whole()


def test_a_key_folder_from_before_a_rotation_that_was_put_over_the_new_one(logged: Logged) -> None:
    """A restore replaces files and removes none: the new master still lies there, and its settings do not name it."""
    backup = copied(logged.keys, logged.keys.parent / "backup")
    done = rotate_master(logged.keys, logged.store)
    finish_rotation(logged.keys, logged.store)
    shutil.copytree(backup, logged.keys, dirs_exist_ok=True)
    logged.receive("D")
    assert logged.masters() == {done.master}
    logged.demand_whole()
    with pytest.raises(LogError, match=r"are not under the newest master key `file:master.key`"):
        finish_rotation(logged.keys, logged.store)
    again = rotate_master(logged.keys, logged.store)
    assert again.place == "file:master-3.key"
    assert finish_rotation(logged.keys, logged.store).free == ("file:master.key", "file:master-2.key")
    logged.demand_whole()


# ------------------------------------------------------------------ killed


@pytest.mark.parametrize(
    ("what", "apart"),
    [("rotate", 12), ("finish", 6)]
    + [pytest.param(what, 1, marks=pytest.mark.nightly) for what in ("rotate", "finish")],
)
def test_killed_at_each_step_and_run_again(logged: Logged, processes: Pool, what: str, apart: int) -> None:
    """At each in the nightly run, at some in every run."""
    again: dict[str, Callable[[Path, Store], object]] = {"rotate": rotate_master, "finish": finish_rotation}
    rotate_master(logged.keys, logged.store)
    step = 1
    while processes.apply(killed_at, (logged.url, logged.keys, what, step)):
        logged.demand_whole()
        again[what](logged.keys, logged.store)
        if what == "finish":
            rotate_master(logged.keys, logged.store)  # something to finish next time
        step += apart
    assert step > 10
    rotate_master(logged.keys, logged.store)
    for place in finish_rotation(logged.keys, logged.store).free:
        (logged.keys / place.removeprefix("file:")).unlink()
    logged.demand_whole()
    assert len(list(logged.keys.glob("*master*"))) == 1


def test_a_log_is_made_once_where_two_make_it_at_once(tmp_path: Path, processes: Pool) -> None:
    made = processes.starmap(make_log, [(tmp_path, number) for number in range(6)], chunksize=1)
    assert made.count("done") == 1
    assert set(made) <= {"done", "keys-already-there", "key-already-there"}


def make_log(folder: Path, number: int) -> str:
    """Make a log whose keys lie where others make theirs at the same time."""
    try:
        new_keeper(folder / "keys", folder / "public", f"example.com/{number}")
    except LinekeeperError as error:
        return error.code
    return "done"
