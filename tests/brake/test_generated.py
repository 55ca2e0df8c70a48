"""Law 3 under the brake: whatever the policy, however late the events, the journal replays to the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random

import pytest

from linekeeper.connect.event_table import schema_of, table_of
from linekeeper.core.errors import LinekeeperError
from linekeeper.core.event import Event
from linekeeper.engine.engine import Engine
from linekeeper.engine.pending_restrictions import PendingRecord, pending_count, pending_rows
from linekeeper.engine.rulings import refuse, release
from linekeeper.engine.verify import verify
from linekeeper.journal.store import open_store
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Brake, Policy
from tests.engine.lives import ANY_TIME
from tests.oracle.clock import DAY_MS
from tests.oracle.generate import policy_text, stream

ACCOUNTS = 3
EVENTS = 40  # of an account
TIGHT = Brake(lines_bp=1, exposure_bp=1)  # one line a day passes, at most
WHO = {"by": "m.chen", "why": "looked at by hand"}


def braked_policy(seed: int) -> Policy:
    """A generated policy that holds all it can, and whose events fit one table."""
    for number in count(seed * 1_000):
        policy = load_text(policy_text(number))
        with suppress(LinekeeperError):  # two kinds may give one name to a number and to a word
            schema_of(policy)
            return replace(policy, brake=TIGHT)
    raise AssertionError("policies never end")


def neighbours(policy: Policy, seed: int) -> list[list[Event]]:
    """Streams of some accounts that live at about the same time."""
    found: list[list[Event]] = []
    for number in count(seed * 1_000):
        events = stream(policy, number, late=True)[:EVENTS]
        if not found or abs(events[0].at - found[0][0].at) < 40 * DAY_MS:
            name = f"A{len(found)}"
            found.append([replace(one, id=f"{name}-{one.id}", account=name, fields=_own(one, name)) for one in events])
        if len(found) == ACCOUNTS:
            return found
    raise AssertionError("streams never end")


def _own(event: Event, name: str) -> dict[str, int | str]:
    """The fields, with what a reversal names renamed as the events are."""
    return {key: f"{name}-{value}" if key == "of" else value for key, value in event.fields.items()}


def mixed(streams: list[list[Event]], rng: Random) -> Iterator[list[Event]]:
    """The accounts' events in batches; each account's own order stays."""
    waiting = [list(events) for events in streams]
    while any(waiting):
        batch = []
        for events in waiting:
            size = rng.choice((0, 1, 2, 5))
            batch += events[:size]
            del events[:size]
        if batch:
            yield batch


def waiting_rows(engine: Engine) -> list[PendingRecord]:
    with engine.store.reading() as connection:
        return pending_rows(connection)


def live(engine: Engine, streams: list[list[Event]], rng: Random) -> int:
    """Runs the accounts; now and then a review, a release, a refusal. Returns how many restrictions were held."""
    pending, latest = 0, 0
    for number, events in enumerate(mixed(streams, rng)):
        pending += engine.receive(table_of(events, schema_of(engine.policy)), f"batch {number}").pending
        latest = max(latest, *(one.at for one in events))
        today = engine.kernel.calendar.day(latest)
        if rng.random() < 0.3:
            pending += engine.review(today).pending
        names = [row.account for row in waiting_rows(engine)]
        if names and rng.random() < 0.2:
            release(engine, names[:1], at=latest, **WHO)
        if names[1:] and rng.random() < 0.3:
            refuse(engine, names[1:], today + rng.choice((0, 3, 30)), at=latest, **WHO)
    return pending + engine.review(today + 20).pending


@pytest.mark.parametrize("seed", range(6))
def test_the_journal_replays_to_the_same_under_the_brake(tmp_path: Path, seed: int) -> None:
    policy, rng = braked_policy(seed), Random(f"brake {seed}")
    engine = Engine(open_store(str(tmp_path / "a.db")), policy, brake=True, clock=ANY_TIME)
    pending = live(engine, neighbours(policy, seed), rng)
    verdict = verify(engine.store)
    assert verdict.first_difference is None
    with engine.store.reading() as connection:
        assert pending_count(connection) <= pending <= len(pending_rows(connection, ended=True))


def test_the_brake_holds_something_in_these_lives(tmp_path: Path) -> None:
    pending = 0
    for seed in (1, 2, 3):
        policy = braked_policy(seed)
        engine = Engine(open_store(str(tmp_path / f"{seed}.db")), policy, brake=True, clock=ANY_TIME)
        pending += live(engine, neighbours(policy, seed), Random(f"brake {seed}"))
    assert pending > 0
