"""Customers, and links, in a store: run, replay and verify say the same, however events come, late ones too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

import pyarrow as pa
import pytest

from linekeeper.connect.event_table import schema_of, table_of
from linekeeper.core.event import Event
from linekeeper.engine import run as runs
from linekeeper.engine.engine import Engine
from linekeeper.engine.run import replay_table, run_table
from linekeeper.engine.verify import verify
from linekeeper.evaluate.event_batch import sort_by_time
from linekeeper.journal.store import open_store
from linekeeper.kernel.kernel import kernel_of
from linekeeper.policy.model import Policy
from tests.customers import linked_lives, lives
from tests.customers.lives import FIRST_DAY
from tests.engine.conftest import NewStore
from tests.engine.lives import ANY_TIME, contents

UNTIL = FIRST_DAY + 90


@dataclass(frozen=True)
class Group:
    """Accounts that read of each other: how their events are made, and what is derived for each from the others."""

    policy: Policy
    events: Callable[..., list[Event]]
    derived: Event
    refusal: str

    def table(self, events: list[Event]) -> pa.Table:
        return table_of(events, schema_of(self.policy))

    def new_engine(self) -> Engine:
        return Engine(open_store("sqlite:///:memory:"), self.policy, clock=ANY_TIME)


CUSTOMERS = Group(
    lives.policy(),
    lives.customers,
    Event("forged", "", "customer", 0, {"late_max": 90}),
    "the kind `customer` is derived from the other accounts of a customer; no feed gives it",
)
LINKS = Group(
    linked_lives.policy(),
    linked_lives.linked_accounts,
    Event("forged", "", "linked", 0, {"any_late_max": 90}),
    "the kind `linked` is derived from the accounts that one is tied to; no feed gives it",
)
pytestmark = pytest.mark.parametrize("group", [CUSTOMERS, LINKS], ids=["customers", "links"])


@pytest.mark.parametrize("reversals", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_run_replay_and_verify_agree(monkeypatch: pytest.MonkeyPatch, group: Group, seed: int, reversals: bool) -> None:
    """In batches of any size, by one worker or two, lazy or not, from a file in any order."""
    events = group.events(seed, reversals=reversals)
    kernel = kernel_of(group.policy)
    digests = {
        replay_table(
            kernel, group.table(events), UNTIL, workers=workers, lazy=lazy, compiled=False, clock=ANY_TIME
        ).digest
        for workers, lazy in ((1, True), (2, True), (1, False))
    }
    shuffled = Random(seed).sample(events, len(events))
    digests.add(replay_table(kernel, group.table(shuffled), UNTIL, compiled=False, clock=ANY_TIME).digest)
    for size in (5, 10_000):
        monkeypatch.setattr(runs, "BATCH_EVENTS", size)
        monkeypatch.setattr(runs, "BATCH_EVENTS_MAX", size)
        engine = group.new_engine()
        digests.add(run_table(engine, sort_by_time(group.table(shuffled)), "core", UNTIL).digest)
        assert verify(engine.store).first_difference is None
    assert len(digests) == 1


@pytest.mark.parametrize("seed", range(4))
def test_late_facts_of_one_account_correct_the_others(group: Group, seed: int) -> None:
    """Events that come days late, and reviews in between: the journal still follows from what arrived."""
    rng = Random(seed)
    events = [
        (event.at + (rng.randrange(12) * 86_400_000 if rng.random() < 0.3 else 0), event)
        for event in group.events(seed, reversals=True)
    ]
    engine, day = group.new_engine(), 0
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
def test_reviewing_seldom_decides_as_reviewing_daily(group: Group, seed: int) -> None:
    """Law 4: what others publish reaches an account though nobody looks at it."""
    events = group.events(seed)
    stores = []
    for every in (3, 1_000):
        engine, day = group.new_engine(), FIRST_DAY
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


def test_a_feed_gives_no_event_that_is_derived(group: Group) -> None:
    engine = group.new_engine()
    events = group.events(0)
    forged = replace(group.derived, account=events[-1].account, at=events[-1].at)
    summary = engine.receive([*events, forged], "core")
    assert [one.reason for one in summary.rejected] == [group.refusal]
    assert replay_table(engine.kernel, group.table([*events, forged]), UNTIL, compiled=False, clock=ANY_TIME).rejected


def test_both_databases_hold_the_same(new_store: NewStore, group: Group) -> None:
    events = group.events(1, reversals=True, days=30)
    engine = Engine(new_store(), group.policy, clock=ANY_TIME)
    digest = run_table(engine, sort_by_time(group.table(events)), "core", UNTIL).digest
    assert digest == replay_table(engine.kernel, group.table(events), UNTIL, compiled=False, clock=ANY_TIME).digest
    assert verify(engine.store).first_difference is None
