"""Law 11 and the inbox: each event once, whole batches or nothing, the same decisions however events are cut."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from sqlalchemy import select, update

from linekeeper.core.errors import Conflict, StoreError
from linekeeper.core.event import Event
from linekeeper.engine.engine import Engine
from linekeeper.engine.verify import verify
from linekeeper.journal import tables as t
from linekeeper.journal.store import Store
from tests.engine.conftest import NewStore
from tests.engine.lives import borrowers, contents, in_time, parts, policy_of, records, send

POLICY = policy_of()
LIVES = borrowers(POLICY)
EVENTS = in_time(LIVES)
DAY_MS = 86_400_000


def rejected(store: Store) -> list[tuple[str, str]]:
    """Ids and reasons of what was not taken in."""
    with store.reading() as connection:
        rows = connection.execute(
            select(t.rejected_events.c.id, t.rejected_events.c.reason).order_by(t.rejected_events.c.seq)
        )
        return [tuple(row) for row in rows]  # type: ignore[misc]


def opened(account: str = "A", at: int = DAY_MS) -> Event:
    return Event(f"{account}/open", account, "open", at, {"limit": 100_000})


def draw(name: str, amount: int = 500, at: int = 2 * DAY_MS, account: str = "A") -> Event:
    return Event(name, account, "draw", at, {"amount": amount})


# ------------------------------------------------------------------ batches


@pytest.mark.parametrize("seed", range(4))
def test_batches_of_any_size_lead_to_the_same(new_store: NewStore, seed: int) -> None:
    """States, decisions and hashes: one batch of all, or many of some."""
    whole, cut = Engine(new_store(), POLICY), Engine(new_store(), POLICY)
    summary = send(whole, EVENTS)
    for part in parts(EVENTS, Random(seed)):
        send(cut, part)
    assert contents(whole.store) == contents(cut.store)
    assert sum(summary.actions.values()) == len(records(whole.store)) > 50
    assert whole.accounts() == len(LIVES)


def test_the_order_of_rows_within_a_batch_does_not_matter(new_store: NewStore) -> None:
    """A batch is put in order of time first, but for events of one instant."""
    apart = [event for n, event in enumerate(EVENTS) if n == 0 or event.at != EVENTS[n - 1].at]
    ordered, shuffled = Engine(new_store(), POLICY), Engine(new_store(), POLICY)
    send(ordered, apart)
    send(shuffled, Random(1).sample(apart, len(apart)))
    assert contents(ordered.store) == contents(shuffled.store)


def test_an_empty_batch_is_nothing(new_store: NewStore) -> None:
    engine = Engine(new_store(), POLICY)
    assert (send(engine, []).events, engine.accounts()) == (0, 0)


# ------------------------------------------------------------------ duplicates and conflicts


def test_the_same_again_is_nothing(new_store: NewStore) -> None:
    """All events twice over: the second time each is known, and nothing moves."""
    engine = Engine(new_store(), POLICY)
    refused = {one.place.removeprefix("event ") for one in send(engine, EVENTS).rejected}
    events = [event for event in EVENTS if event.id not in refused]
    before = contents(engine.store)
    for part in parts(events, Random(5)):
        again = send(engine, part)
        assert (again.events, again.same, again.evaluations) == (0, len(part), 0)
    assert contents(engine.store) == before


def test_twice_in_one_batch_is_once(new_store: NewStore) -> None:
    engine = Engine(new_store(), POLICY)
    summary = send(engine, [opened(), draw("d"), draw("d"), draw("d")])
    assert (summary.events, summary.same) == (2, 2)


@pytest.mark.parametrize(
    "other", [draw("d", 501), draw("d", at=2 * DAY_MS + 1), draw("d", account="B"), replace(draw("d"), kind="repay")]
)
@pytest.mark.parametrize("together", [True, False])
def test_another_event_under_a_known_id_is_kept_aside(new_store: NewStore, other: Event, together: bool) -> None:
    """The first stands; the second changes nothing, is told, and is kept with its reason."""
    engine = Engine(new_store(), POLICY)
    send(engine, [opened("B")])
    if together:
        summary = send(engine, [opened(), draw("d"), other])
    else:
        send(engine, [opened(), draw("d")])
        before = contents(engine.store)
        summary = send(engine, [other])
        assert contents(engine.store) == before
    reason = "the id `d` was used before for another event; give each event an id of its own"
    assert [one.reason for one in summary.rejected] == [reason]
    assert rejected(engine.store) == [("d", reason)]


def test_sources_have_ids_of_their_own(new_store: NewStore) -> None:
    engine = Engine(new_store(), POLICY)
    send(engine, [opened(), draw("d")], "core")
    assert send(engine, [draw("d", 700)], "app").events == 1


# ------------------------------------------------------------------ refused


def test_refused_events_are_set_aside_with_their_reason(new_store: NewStore) -> None:
    """An event of an account that is not open, one before its opening, and a second opening; the rest goes on."""
    engine = Engine(new_store(), POLICY)
    early, stranger, twice = (
        draw("early", at=0),
        draw("stranger", account="S"),
        replace(opened(), id="twice", at=2 * DAY_MS),
    )
    summary = send(engine, [early, opened(), stranger, twice, draw("d")])
    assert summary.events == 2
    assert sorted(rejected(engine.store)) == [
        ("early", "the account is not open yet"),
        ("stranger", "the account is not open yet"),
        ("twice", "the account is already open"),
    ]
    assert sorted(one.place for one in summary.rejected) == ["event early", "event stranger", "event twice"]
    assert [row[2] for row in contents(engine.store)["events"]] == ["A/open", "d"]
    assert verify(engine.store).same


def test_a_refused_event_may_come_again(new_store: NewStore) -> None:
    """It was not taken in, so its id is free."""
    engine = Engine(new_store(), POLICY)
    assert send(engine, [draw("d")]).events == 0
    assert send(engine, [opened(), draw("d")]).events == 2


# ------------------------------------------------------------------ one policy a store


def test_a_store_keeps_to_its_policy(new_store: NewStore) -> None:
    store = new_store()
    send(Engine(store, POLICY), EVENTS[:50])
    with pytest.raises(Conflict, match=f"the store is under policy `{POLICY.name}`"):
        Engine(store, policy_of(4))
    assert Engine(store, POLICY).accounts() > 0


def test_a_state_that_cannot_be_read_is_named_and_nothing_happens(new_store: NewStore) -> None:
    policy = policy_of()
    engine, first, rest = Engine(new_store(), policy), [], []
    for events in borrowers(policy, count=2):
        first, rest = [*first, *events[:3]], [*rest, *events[3:]]
    send(engine, first)
    with engine.store.writing() as connection:
        connection.execute(update(t.accounts).where(t.accounts.c.account == first[0].account).values(state=b"torn"))
    before = contents(engine.store)
    with pytest.raises(StoreError, match=f"the state of `{first[0].account}` cannot be read; `linekeeper verify`"):
        send(engine, rest)
    assert contents(engine.store) == before
    assert verify(engine.store).first_difference == f"the state of `{first[0].account}` is not what its events lead to"
