"""Requests that come together share one transaction; what fails leaves nothing, and disturbs no other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

import linekeeper as lk
from linekeeper.core.errors import NotFound, StoreError
from linekeeper.journal import tables as t
from linekeeper.journal.store import Store, insert_many, open_store
from linekeeper.service import group_commit
from linekeeper.service.group_commit import GroupWriter
from tests.service.running import running, store_with_example


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(store_with_example(tmp_path))
    yield made
    made.close()


def noted(connection: Connection, key: str) -> str:
    columns = ("holder", "key", "content", "first_seq", "last_seq", "figures", "at")
    insert_many(connection, t.answered_requests, columns, [("a", key, "", 1, 0, "{}", 0)])
    return key


def rows(store: Store) -> list[str]:
    with store.reading() as connection:
        return sorted(connection.execute(select(t.answered_requests.c.key)).scalars())


def held(writer: GroupWriter) -> tuple[threading.Event, Future[Any]]:
    """Keep the writer at work until the event is set, so that what is handed in meanwhile waits together."""
    release, begun = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        release.wait(30)

    work = writer.submit_alone(wait)
    begun.wait(30)
    return release, work


def test_what_waits_together_is_one_commit_and_each_failure_is_its_own(store: Store) -> None:
    writer = GroupWriter(store)
    writer.start()
    release, _ = held(writer)

    def fails(connection: Connection) -> None:
        noted(connection, "of-the-failed")
        raise NotFound("none", code="account-not-known")

    good = [writer.submit(lambda connection, key=f"k{place}": noted(connection, key)) for place in range(20)]
    bad = writer.submit(fails)
    assert writer.waiting() == 21
    release.set()
    assert [one.result(30) for one in good] == [f"k{place}" for place in range(20)]
    with pytest.raises(NotFound):
        bad.result(30)
    writer.stop()
    assert rows(store) == sorted(f"k{place}" for place in range(20))
    assert (writer.figures.commits, writer.figures.pieces) == (1, 21)


def test_nobody_is_answered_before_the_commit_and_all_fail_with_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, seen = GroupWriter(store), list[bool]()
    writer.start()
    release, _ = held(writer)
    works = [writer.submit(lambda connection, key=key: noted(connection, key)) for key in ("a", "b")]

    def broken(connection: Connection) -> None:
        seen.append(any(work.done() for work in works))
        raise OSError("the disk is gone")

    monkeypatch.setattr(Connection, "commit", broken)
    release.set()
    for work in works:
        with pytest.raises(OSError, match="disk"):
            work.result(30)
    monkeypatch.undo()
    writer.stop()
    assert seen == [False]
    assert rows(store) == []
    assert writer.figures.failed == 1


def test_who_comes_to_a_full_or_stopping_writer_is_asked_to_come_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "WAITING_MAX", 2)
    writer = GroupWriter(store)
    writer.start()
    release, _ = held(writer)
    kept = [writer.submit(lambda connection, key=key: noted(connection, key)) for key in ("a", "b")]
    with pytest.raises(StoreError) as busy:
        writer.submit(lambda connection: noted(connection, "c"))
    assert busy.value.code == "service-busy"
    release.set()
    writer.stop()
    assert [one.result(30) for one in kept] == ["a", "b"]
    with pytest.raises(StoreError):
        writer.submit(lambda connection: noted(connection, "d"))


def test_many_senders_at_once_lead_to_what_one_after_another_does(tmp_path: Path) -> None:
    url = store_with_example(tmp_path)
    events = [
        {"id": f"e{place}", "account": f"P{place % 7}", "kind": kind, "at": f"2025-07-{day:02}T10:00:00+08:00"} | fields
        for place, (kind, day, fields) in enumerate(
            [("open", 1, {"limit": 500_000})] * 7 + [("draw", 2 + each // 7, {"amount": 1_000}) for each in range(49)]
        )
    ]
    with running(url) as made, lk.Client(made.url) as client:
        assert client.send(events[:7]).rejected == []
        with ThreadPoolExecutor(8) as senders:
            answers = list(senders.map(lambda event: client.send([event]), events[7:]))
        assert all(one.rejected == [] for one in answers)
        assert {client.account(f"P{place}").balance_minor for place in range(7)} == {7_000}
        figures = made.service.writer.figures
        assert figures.commits <= figures.pieces
    with lk.open(url) as engine:
        assert engine.verify().same
        with engine.transaction() as connection:
            assert connection.execute(select(func.count()).select_from(t.events)).scalar_one() == 10 + len(events)


def test_a_request_that_is_given_up_leaves_nothing_and_the_writer_goes_on(store: Store) -> None:
    writer = GroupWriter(store)
    writer.start()
    release, _ = held(writer)
    given_up = writer.submit(lambda connection: noted(connection, "given-up"))
    alone = writer.submit_alone(lambda: None)
    assert given_up.cancel()
    assert alone.cancel()
    release.set()
    assert writer.submit(lambda connection: noted(connection, "next")).result(30) == "next"
    writer.stop()
    assert rows(store) == ["next"]
