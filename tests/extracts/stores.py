"""Stores whose events arrived late, were reversed, came from two sources, and were reviewed in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from linekeeper.core.event import Event
from linekeeper.engine.engine import Engine
from linekeeper.engine.outbox import Law
from linekeeper.journal.keeper import Keeper
from linekeeper.journal.store import Store
from linekeeper.policy.model import Policy
from tests.engine.lives import ANY_TIME, borrowers, send
from tests.engine.test_law3 import visits_of

SOURCES = ("core", "=bureau")


def eventful(
    store: Store,
    policy: Policy,
    seed: int,
    count: int = 12,
    *,
    reviews: bool = True,
    keeper: Keeper | None = None,
    law: Law | None = None,
) -> Engine:
    """An engine over a store of borrowers with late events and reversals, reviewed now and then.

    Each source numbers its own events, so that two sources use the same ids.
    """
    rng, engine = Random(seed), Engine(store, policy, keeper, law=law, clock=ANY_TIME)
    lives = [events for events in borrowers(policy, count, late=True, reversals=2) if events]
    for reviewed, part in visits_of(policy, _mixed(lives, rng), rng):
        if reviewed is not None and reviews:
            engine.review(reviewed)
        for place, source in enumerate(SOURCES):
            own = [event for event in part if _source_of(event) == place]
            if own:
                send(engine, [_own_name(event) for event in own], source)
    return engine


def _mixed(lives: Sequence[Sequence[Event]], rng: Random) -> list[Event]:
    """The events of all, each account's in order of arrival, roughly in order of time."""
    placed = []
    for events in lives:
        latest = 0
        for event in events:
            latest = max(latest, event.at)
            placed.append((latest, rng.random(), event))
    order = sorted(range(len(placed)), key=lambda place: (placed[place][0], place))
    return [placed[place][2] for place in order]


def _source_of(event: Event) -> int:
    return sum(map(ord, event.account)) % len(SOURCES)


def _own_name(event: Event) -> Event:
    """The event under an id that the other source may use too: the account's letter is left out."""
    fields = dict(event.fields)
    if "of" in fields:
        fields["of"] = str(fields["of"])[1:]
    return replace(event, id=event.id[1:], fields=fields)
