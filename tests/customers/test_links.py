"""Links: what ties two accounts, for how long, and what remains when one is erased."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from linekeeper.core.event import Event
from linekeeper.engine.engine import Engine
from linekeeper.engine.verify import verify
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import erase_borrower, new_keeper
from linekeeper.journal.store import open_store
from tests.customers.linked_lives import policy
from tests.customers.lives import FIRST_DAY
from tests.engine.conftest import NewStore
from tests.engine.lives import ANY_TIME

AT = FIRST_DAY * 86_400_000


def new_engine() -> Engine:
    return Engine(open_store("sqlite:///:memory:"), policy(), clock=ANY_TIME)


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
