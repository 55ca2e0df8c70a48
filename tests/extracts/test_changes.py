"""Following a store: positions rise in the order of commits, none comes late, and none is given twice."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

from linekeeper.core.errors import Conflict
from linekeeper.core.event import Event
from linekeeper.engine.changes import Change, changes_after
from linekeeper.engine.engine import Engine
from linekeeper.engine.outbox import mark_sent
from linekeeper.engine.verify import verify
from linekeeper.journal.keeper import erase_borrower, new_keeper
from linekeeper.journal.store import Store, decision_records, last_number
from tests.engine.conftest import NewStore
from tests.engine.conftest import new_store as new_store
from tests.engine.lives import send
from tests.extracts.following import LAW, START, policy, write
from tests.extracts.stores import eventful
from tests.kernel.conftest import _kernel_cache as _kernel_cache
from tests.style.repository import ROOT

PATIENCE = 240  # seconds; nothing takes so long but a machine that others use too


def all_changes(engine: Engine, size: int = 50) -> list[Change]:
    listed: list[Change] = []
    while page := changes_after(engine, listed[-1].position if listed else 0, size):
        listed += page
    return listed


def url_of(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=False)


def started(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.extracts.following", *words]
    listened_to = subprocess.PIPE if words[0] == "write" else subprocess.DEVNULL
    return subprocess.Popen(command, cwd=ROOT, stdout=listened_to, text=True)


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_every_decision_and_sent_notice_is_a_change(new_store: NewStore, size: int) -> None:
    engine = eventful(new_store(), policy(), 5, law=LAW)
    first = next(one for one in all_changes(engine) if one.clock is not None)
    for _ in range(2):  # the first time stands
        mark_sent(engine.store, engine.keeper, first.account, first.number, START)
    listed = all_changes(engine, size)
    positions = [one.position for one in listed]
    assert positions == sorted(set(positions))
    with engine.store.reading() as connection:
        stored = {(row[0], row[1]) for row in decision_records(connection)}
    assert {(one.account, one.number) for one in listed if one.decision} == stored
    assert {one.kind for one in listed} == {"decision", "correction", "notice-sent"}
    assert all((one.kind == "correction") == bool(one.decision.action == "correct") for one in listed if one.decision)
    sent = [one for one in listed if one.kind == "notice-sent"]
    assert [(one.account, one.number, one.sent_at) for one in sent] == [(first.account, first.number, START)]
    by_account: dict[str, int] = {}
    for one in (one for one in listed if one.decision):
        assert one.number == by_account.get(one.account, 0) + 1
        by_account[one.account] = one.number


def test_an_erasure_leaves_a_gap_and_gives_no_number_again(new_store: NewStore, tmp_path: Path) -> None:
    """Neither a position nor an arrival number: a review before and an event after it keep their order."""
    keeper = new_keeper(tmp_path / "keys", tmp_path / "public", "example.com/changes")
    engine = eventful(new_store(), policy(), 5, law=LAW, keeper=keeper)
    with engine.store.reading() as connection:
        newest = connection.execute(text("SELECT account FROM events ORDER BY seq DESC LIMIT 1")).scalar_one()
        numbers = [last_number(connection, name) for name in ("events", "changes")]
    engine.review(engine.kernel.calendar.day(START) + 40_000 - 19_000)
    before = all_changes(engine)
    erase_borrower(engine.store, keeper, newest, START)
    left = [one for one in before if one.account != newest]
    assert [one.position for one in all_changes(engine)] == [one.position for one in left]
    account = left[-1].account
    send(engine, [_late_event(engine, account)])
    with engine.store.reading() as connection:
        arrived = connection.execute(text("SELECT max(seq) FROM events")).scalar_one()
        assert arrived > numbers[0]
        assert last_number(connection, "changes") >= before[-1].position >= numbers[1]
    new = all_changes(engine)[len(left) :]
    assert all(one.position > before[-1].position for one in new)
    assert verify(engine.store).same


def _late_event(engine: Engine, account: str) -> Event:
    _, state = engine.state_of(account)
    opened = state[engine.kernel.layout.slots["OPEN_AT"]]
    return Event("late", account, "draw", opened + 1, {"amount": 1})


def test_a_position_of_another_store_is_refused(new_store: NewStore) -> None:
    engine = eventful(new_store(), policy(), 5)
    last = all_changes(engine)[-1].position
    assert changes_after(engine, last) == []
    with pytest.raises(Conflict, match=f"positions up to {last}, and {last + 1} was named") as caught:
        changes_after(engine, last + 1)
    assert caught.value.code == "position-not-given"


def test_a_reader_beside_two_writers_misses_nothing(new_store: NewStore) -> None:
    """What a follower reads while two write is, in the same order, what is there at the end."""
    store = new_store()
    engine = Engine(store, policy(), law=LAW)
    writers = [threading.Thread(target=write, args=(url_of(store), first, 25)) for first in (0, 1_000)]
    for writer in writers:
        writer.start()
    followed: list[Change] = []
    while any(writer.is_alive() for writer in writers):
        followed += changes_after(engine, followed[-1].position if followed else 0, 5)
    followed += changes_after(engine, followed[-1].position if followed else 0, 100_000)
    assert followed == all_changes(engine)
    assert len({one.account for one in followed}) == 50
    assert {one.kind for one in followed} == {"decision", "notice-sent"}


def test_writers_and_a_follower_that_are_killed_lose_nothing(new_store: NewStore, tmp_path: Path) -> None:
    """At least once: killed in between, the follower handles some changes again, and none is left out."""
    store, rng = new_store(), Random(1)
    url = url_of(store)
    engine = Engine(store, policy(), law=LAW)
    began = time.monotonic()
    writers = [started("write", url, *words) for words in (("0", "1000"), ("1000", "20"))]
    for number in range(3):
        follower = started("follow", url, str(tmp_path))
        wanted = 5 * (number + 1)
        while _handled(tmp_path) < wanted and time.monotonic() - began < PATIENCE:
            time.sleep(0.05)
        time.sleep(rng.random() / 20)
        follower.kill()
        follower.wait()
        if number == 1:
            writers[0].kill()
    sent = len(writers[0].communicate(timeout=PATIENCE)[0].splitlines())
    writers[1].communicate(timeout=PATIENCE)
    assert [writer.returncode for writer in writers] == [-9, 0]
    write(url, 0, sent + 1)  # the writer that was killed sends its events again; each counts once
    everything = all_changes(engine)
    follower = started("follow", url, str(tmp_path))
    while _position(tmp_path) < everything[-1].position and time.monotonic() - began < PATIENCE:
        time.sleep(0.05)
    follower.kill()
    follower.wait()
    handled = (tmp_path / "handled").read_text().splitlines()
    assert list(dict.fromkeys(handled)) == [
        f"{one.position} {one.kind} {one.account}#{one.number}" for one in everything
    ]
    assert len({one.account for one in everything}) == 20 + sent + 1
    assert verify(store).same


def _handled(folder: Path) -> int:
    file = folder / "handled"
    return len(file.read_text().splitlines()) if file.exists() else 0


def _position(folder: Path) -> int:
    file = folder / "position"
    return int(file.read_text()) if file.exists() else 0
