"""Links: run, replay and verify agree, by any batches and workers, from a file in any order, and late facts correct."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from sqlalchemy import select

from linekeeper.connect.event_table import schema_of, table_of
from linekeeper.core.event import Event
from linekeeper.engine import run as runs
from linekeeper.engine.engine import Engine
from linekeeper.engine.run import replay_table, run_table
from linekeeper.engine.verify import verify
from linekeeper.evaluate.event_batch import sort_by_time
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import erase_borrower, new_keeper
from linekeeper.journal.store import open_store
from linekeeper.kernel.kernel import kernel_of
from tests.customers.linked_lives import FIRST_DAY, linked_accounts, policy
from tests.engine.conftest import NewStore
from tests.engine.lives import ANY_TIME, contents

UNTIL = FIRST_DAY + 90


def table(events: list[Event]) -> pa.Table:
    return table_of(events, schema_of(policy()))


def new_engine() -> Engine:
    return Engine(open_store("sqlite:///:memory:"), policy(), clock=ANY_TIME)


@pytest.mark.parametrize("reversals", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_run_replay_and_verify_agree(monkeypatch: pytest.MonkeyPatch, seed: int, reversals: bool) -> None:
    """In batches of any size, by one worker or two, lazy or not, from a file in any order."""
    events = linked_accounts(seed, reversals=reversals)
    kernel = kernel_of(policy())
    digests = {
        replay_table(kernel, table(events), UNTIL, workers=workers, lazy=lazy, compiled=False, clock=ANY_TIME).digest
        for workers, lazy in ((1, True), (2, True), (1, False))
    }
    shuffled = Random(seed).sample(events, len(events))
    digests.add(replay_table(kernel, table(shuffled), UNTIL, compiled=False, clock=ANY_TIME).digest)
    for size in (5, 10_000):
        monkeypatch.setattr(runs, "BATCH_EVENTS", size)
        monkeypatch.setattr(runs, "BATCH_EVENTS_MAX", size)
        engine = new_engine()
        digests.add(run_table(engine, sort_by_time(table(shuffled)), "core", UNTIL).digest)
        assert verify(engine.store).first_difference is None
    assert len(digests) == 1


@pytest.mark.parametrize("seed", range(4))
def test_late_facts_of_one_account_correct_the_others(seed: int) -> None:
    """Events that come days late, and reviews in between: the journal still follows from what arrived."""
    rng = Random(seed)
    events = [
        (event.at + (rng.randrange(12) * 86_400_000 if rng.random() < 0.3 else 0), event)
        for event in linked_accounts(seed, reversals=True)
    ]
    engine, day = new_engine(), 0
    for known_at, event in sorted(events, key=lambda pair: pair[0]):
        today = engine.kernel.calendar.day(known_at)
        if today > day:
            engine.review(today)
            day = today
        engine.receive([event], "core")
        if rng.random() < 0.1:
            assert verify(engine.store).first_difference is None
    engine.review(UNTIL)
    assert verify(engine.store).first_difference is None


@pytest.mark.parametrize("seed", [0, 2])
def test_reviewing_seldom_decides_as_reviewing_daily(seed: int) -> None:
    """Law 4: what others publish reaches an account though nobody looks at it."""
    events = linked_accounts(seed)
    stores = []
    for every in (3, 1_000):
        engine, day = new_engine(), FIRST_DAY
        for event in events:
            today = engine.kernel.calendar.day(event.at)
            while every < 1_000 and day + every <= today:
                day += every
                engine.review(day)
            engine.receive([event], "core")
        engine.review(UNTIL)
        assert verify(engine.store).first_difference is None
        what = contents(engine.store)
        stores.append((what["decisions"], sorted(row[2:] for row in what["events"])))
    assert stores[0] == stores[1]


def test_a_feed_gives_no_event_that_is_derived() -> None:
    engine = new_engine()
    events = linked_accounts(0)
    forged = replace(events[-1], id="forged", kind="linked", fields={"any_late_max": 90})
    summary = engine.receive([*events, forged], "core")
    assert [one.reason for one in summary.rejected] == [
        "the kind `linked` is derived from the accounts that one is tied to; no feed gives it"
    ]
    assert replay_table(engine.kernel, table([*events, forged]), UNTIL, compiled=False, clock=ANY_TIME).rejected


def test_both_databases_hold_the_same(new_store: NewStore) -> None:
    events = linked_accounts(1, reversals=True, days=30)
    engine = Engine(new_store(), policy(), clock=ANY_TIME)
    digest = run_table(engine, sort_by_time(table(events)), "core", UNTIL).digest
    assert digest == replay_table(engine.kernel, table(events), UNTIL, compiled=False, clock=ANY_TIME).digest
    assert verify(engine.store).first_difference is None


AT = FIRST_DAY * 86_400_000


def at(day: int, hour: int = 10) -> int:
    return AT + day * 86_400_000 + hour * 3_600_000


def pair(*more: Event, key: str = "x", consent: int = 1) -> list[Event]:
    """Two accounts that share a device since day 1; `a` is late from day 4 on."""
    tie: dict[str, int | str] = {"tie": "device", "key": "x", "consent": consent}
    return [
        *(Event(f"o{name}", name, "open", at(0), {"limit": 50_000}) for name in "ab"),
        Event("la", "a", "link", at(1), tie),
        Event("lb", "b", "link", at(1, 11), {**tie, "key": key}),
        Event("d", "a", "draw", at(1, 12), {"amount": 20_000}),
        Event("u", "a", "due", at(1, 13), {"amount": 20_000, "due_on": FIRST_DAY + 3}),
        *more,
    ]


def suspended(engine: Engine, account: str) -> bool:
    with engine.store.reading() as connection:
        d = t.decisions.c
        return "suspend" in connection.execute(select(d.action).where(d.account == account)).scalars().all()


def after(events: list[Event], day: int) -> Engine:
    engine = new_engine()
    engine.receive(events, "core")
    engine.review(FIRST_DAY + day)
    assert verify(engine.store).first_difference is None
    return engine


def test_an_account_is_suspended_the_morning_after_another_on_its_device_was_five_days_late() -> None:
    assert not suspended(after(pair(), 7), "b")
    assert suspended(after(pair(), 8), "b")
    assert not suspended(after(pair(), 8), "a")  # not by itself


def test_another_thing_no_consent_or_an_unlink_tie_nothing() -> None:
    unlinked = Event("ub", "b", "unlink", at(6), {"tie": "device", "key": "x"})
    for events in (pair(key="y"), pair(consent=0), pair(unlinked)):
        assert not suspended(after(events, 20), "b")


@pytest.mark.parametrize(("days", "is_tied"), [(20, True), (21, False)])
def test_a_tie_fades_the_day_after_its_last(days: int, is_tied: bool) -> None:
    """The ties of these accounts last 20 days after day 1; `a` falls late so that it is 5 days late on that day."""
    due = Event("u2", "a", "due", at(2), {"amount": 10_000, "due_on": FIRST_DAY + 1 + days - 5})
    events = [event for event in pair(due) if event.id != "u"]
    assert suspended(after(events, 30), "b") == is_tied


def test_a_thing_ties_no_more_accounts_than_its_tie_says() -> None:
    """Three at most, those that linked first: the fourth is tied to nobody."""
    more = [Event(f"o{name}", name, "open", at(0), {"limit": 50_000}) for name in "cd"]
    more += [
        Event(f"l{name}", name, "link", at(2, 10 + place), {"tie": "device", "key": "x", "consent": 1})
        for place, name in enumerate("cd")
    ]
    engine = after(sort_events([*pair(), *more]), 9)
    assert [suspended(engine, name) for name in "abcd"] == [False, True, True, False]


def sort_events(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: event.at)


def test_a_link_before_an_account_is_open_ties_nothing_and_is_rejected() -> None:
    tie: dict[str, int | str] = {"tie": "device", "key": "x", "consent": 1}
    early = Event("lz", "z", "link", at(0), tie)
    engine = new_engine()
    summary = engine.receive([early, *pair()], "core")
    assert len(summary.rejected) == 1
    engine.receive([Event("oz", "z", "open", at(2), {"limit": 50_000})], "core")
    engine.receive([Event("le", "z", "link", at(1), tie)], "core")
    engine.review(FIRST_DAY + 9)
    assert not suspended(engine, "z")
    assert verify(engine.store).first_difference is None


def test_no_record_of_an_account_names_another() -> None:
    engine = after(pair(), 9)
    with engine.store.reading() as connection:
        records = connection.execute(select(t.decisions.c.record).where(t.decisions.c.account == "b")).scalars().all()
        bodies = connection.execute(select(t.events.c.body).where(t.events.c.account == "b")).scalars().all()
    assert records
    assert not any(b'"a"' in bytes(one) for one in (*records, *bodies))


def test_another_hand_that_changes_what_is_shared_is_noticed() -> None:
    engine = after(pair(), 9)
    for table, change in (
        (t.link_things, {"thing": "y"}),
        (t.linked_accounts, {"next_day": 7}),
        (t.linked_accounts, {"given_until": FIRST_DAY + 2}),
    ):
        with engine.store.writing() as connection:
            row = connection.execute(select(table).where(table.c.account == "b")).one()
            connection.execute(table.update().where(table.c.account == "b").values(**change))
        assert verify(engine.store).first_difference is not None
        with engine.store.writing() as connection:
            connection.execute(table.update().where(table.c.account == "b").values(**row._mapping))
    assert verify(engine.store).first_difference is None


def test_an_erased_account_has_no_part_in_what_others_are_given(new_store: NewStore, tmp_path: Path) -> None:
    store = new_store()
    keeper = new_keeper(tmp_path / "keys", tmp_path / "public", "example.com/lines")
    engine = Engine(store, policy(), keeper, clock=ANY_TIME)
    engine.receive(pair(), "core")
    engine.review(FIRST_DAY + 9)
    assert suspended(engine, "b")
    before = _given(engine, "b")
    erase_borrower(store, keeper, "a", at(9))
    assert _given(engine, "b") == before
    engine.review(FIRST_DAY + 12)
    assert set(_given(engine, "b")[len(before) :]) == {
        b'{"any_late_max":0,"device_late_at_least_5":0,"employer_owed_sum":0}'
    }
    assert verify(store, vault=keeper.vault).first_difference is None


def _given(engine: Engine, account: str) -> list[bytes]:
    e = t.events.c
    query = select(e.body).where(e.account == account, e.kind == "linked").order_by(e.seq)
    with engine.store.reading() as connection:
        return [bytes(body) for body in connection.execute(query).scalars()]
