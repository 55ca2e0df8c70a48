"""Several writers on one store, and a writer that is killed: no event is lost, doubled or half done."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path
from random import Random

import pytest

from linekeeper.engine.engine import Engine
from linekeeper.engine.verify import verify
from linekeeper.journal.store import open_store
from tests.engine.conftest import NewStore
from tests.engine.lives import borrowers, contents, in_time, policy_of, send

POLICY = policy_of()
LIVES = borrowers(POLICY)
SPAWN = multiprocessing.get_context("spawn")


def feed(url: str, first: int, step: int, batch: int) -> None:
    """In a process of its own: send every `step`-th account's events, a few at a time."""
    store = open_store(url)
    engine = Engine(store, POLICY)
    events = in_time(LIVES[first::step])
    for start in range(0, len(events), batch):
        send(engine, events[start : start + batch])
    store.close()


def url_of(engine: Engine) -> str:
    return engine.store.engine.url.render_as_string(hide_password=False)


def test_two_processes_on_one_store(new_store: NewStore) -> None:
    """Each sends its own accounts at the same time; together they leave what one would have left alone."""
    shared, alone = Engine(new_store(), POLICY), Engine(new_store(), POLICY)
    writers = [SPAWN.Process(target=feed, args=(url_of(shared), first, 2, 9)) for first in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    send(alone, in_time(LIVES))
    assert [writer.exitcode for writer in writers] == [0, 0]
    mine, theirs = contents(shared.store), contents(alone.store)
    assert mine["decisions"] == theirs["decisions"]
    assert mine["accounts"] == theirs["accounts"]
    assert sorted(row[2:] for row in mine["events"]) == sorted(row[2:] for row in theirs["events"])
    assert verify(shared.store).same


def test_two_processes_with_the_same_events(new_store: NewStore) -> None:
    """The same file sent twice at once: each event is taken in once."""
    shared, alone = Engine(new_store(), POLICY), Engine(new_store(), POLICY)
    writers = [SPAWN.Process(target=feed, args=(url_of(shared), 0, 1, 50)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    send(alone, in_time(LIVES))
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert contents(shared.store)["accounts"] == contents(alone.store)["accounts"]
    assert contents(shared.store)["decisions"] == contents(alone.store)["decisions"]


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_writer_leaves_whole_batches(tmp_path: Path, seed: int) -> None:
    """Killed without warning at some moment: the store opens, holds batches up to one and none after it, verifies,
    and sending everything again ends where it would have ended."""
    url, batch = str(tmp_path / "killed.db"), 7
    Engine(open_store(url), POLICY).store.close()
    writer = SPAWN.Process(target=feed, args=(url, 0, 1, batch))
    writer.start()
    events = in_time(LIVES)
    while not some_events(url):
        time.sleep(0.005)
    time.sleep(Random(seed).random() * 0.4)
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    store = open_store(url)
    engine = Engine(store, POLICY)
    taken = {row[2] for row in contents(store)["events"]}
    reference = Engine(open_store(str(tmp_path / "reference.db")), POLICY)
    sent = 0
    while not taken <= {row[2] for row in contents(reference.store)["events"]}:
        send(reference, events[sent : sent + batch])
        sent += batch
    assert contents(store)["accounts"] == contents(reference.store)["accounts"]
    assert contents(store)["decisions"] == contents(reference.store)["decisions"]
    assert verify(store).same
    send(engine, events)
    send(reference, events)
    assert contents(store)["decisions"] == contents(reference.store)["decisions"]
    store.close()
    reference.store.close()


def some_events(url: str) -> bool:
    store = open_store(url)
    found = bool(contents(store)["events"])
    store.close()
    return found
