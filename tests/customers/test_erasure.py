"""One account of a customer is erased: what others were given stands, and from the next day it has no part in it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from linekeeper.core.event import Event
from linekeeper.engine.engine import Engine
from linekeeper.engine.verify import verify
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import erase_borrower, new_keeper
from linekeeper.journal.store import Store
from tests.customers.lives import DAY_MS, FIRST_DAY, policy
from tests.engine.conftest import NewStore
from tests.engine.lives import ANY_TIME


def at(day: int) -> int:
    return (FIRST_DAY + day) * DAY_MS


def given(store: Store, account: str) -> list[tuple[int, bytes]]:
    e = t.events.c
    query = select(e.at, e.body).where(e.account == account, e.kind == "customer").order_by(e.seq)
    with store.reading() as connection:
        return [(row.at, bytes(row.body)) for row in connection.execute(query)]


def test_an_erased_account_has_no_part_in_what_the_others_are_given(new_store: NewStore, tmp_path: Path) -> None:
    store = new_store()
    keeper = new_keeper(tmp_path / "keys", tmp_path / "public", "example.com/lines")
    engine = Engine(store, policy(), keeper, clock=ANY_TIME)
    opening = {"limit": 50_000, "customer": "C"}
    events = [Event(f"o{name}", name, "open", at(0), opening) for name in "ab"]
    events.append(Event("d", "a", "draw", at(1), {"amount": 60_000}))
    engine.receive(events, "main")
    engine.review(FIRST_DAY + 5)
    before = given(store, "b")
    assert len(before) == 1
    assert verify(store, vault=keeper.vault).first_difference is None
    erase_borrower(store, keeper, "a", at(6))
    assert given(store, "b") == before
    engine.review(FIRST_DAY + 9)
    after = given(store, "b")
    assert after[: len(before)] == before
    assert [body for _, body in after[len(before) :]] == [b'{"late_at_least_10":0,"late_max":0,"owed_sum":0}']
    assert verify(store, vault=keeper.vault).first_difference is None


def test_another_hand_that_changes_who_is_of_a_customer_is_noticed(new_store: NewStore) -> None:
    store = new_store()
    engine = Engine(store, policy(), clock=ANY_TIME)
    opening = {"limit": 50_000, "customer": "C"}
    engine.receive([Event(f"o{name}", name, "open", at(0), opening) for name in "ab"], "main")
    engine.receive([Event("d", "a", "draw", at(1), {"amount": 60_000})], "main")
    engine.review(FIRST_DAY + 5)
    c = t.customer_accounts
    for change in ({"customer": "D"}, {"next_day": 7}, {"given_until": 3}):
        with store.writing() as connection:
            row = connection.execute(select(c).where(c.c.account == "b")).one()
            connection.execute(c.update().where(c.c.account == "b").values(**change))
        assert verify(store).first_difference is not None
        with store.writing() as connection:
            connection.execute(c.update().where(c.c.account == "b").values(**row._mapping))
    assert verify(store).first_difference is None
