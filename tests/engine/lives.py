"""Many generated borrowers under one policy, as an event table in order of time; and ways to send it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from random import Random
from unittest.mock import patch

import pyarrow as pa
from sqlalchemy import select

from linekeeper.connect.event_table import schema_of, table_of
from linekeeper.core.event import Event
from linekeeper.engine.clock import Clock
from linekeeper.engine.engine import Engine
from linekeeper.engine.summaries import BatchSummary
from linekeeper.evaluate import kept_states
from linekeeper.journal import tables as t
from linekeeper.journal.store import Store, decision_records
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from tests.oracle.generate import policy_text, stream

ANY_TIME = Clock(simulated=True)  # made lives run from 1970 to the end of the calendar


def kept_every(events: int) -> AbstractContextManager[object]:
    """For a while, a state is kept after every so many events of an account: made lives are short."""
    return patch.object(kept_states, "INTERVAL_EVENTS", events)


NAMES = ("a", "B", "Z", "é", "赌", "z")  # their order differs from that of a dictionary


def policy_of(seed: int = 3) -> Policy:
    """One of the generated policies."""
    return load_text(policy_text(seed))


def borrowers(policy: Policy, count: int = 12, late: bool = False, reversals: int = 0) -> list[list[Event]]:
    """The events of several accounts, each in order of arrival, every event with an id of its own."""
    found = []
    for number in range(count):
        account = f"{NAMES[number % len(NAMES)]}{number}"
        events = stream(policy, number, late, reversals)
        if not reversals:
            events = [event for event in events if event.kind != "reversal"]
        found.append([_named(event, account) for event in events])
    return found


def _named(event: Event, account: str) -> Event:
    fields = dict(event.fields)
    if "of" in fields:
        fields["of"] = f"{account}/{fields['of']}"
    return replace(event, id=f"{account}/{event.id}", account=account, fields=fields)


def in_time(lives: Sequence[Sequence[Event]]) -> list[Event]:
    """All events in order of time; of one instant, as they arrived."""
    return sorted((event for events in lives for event in events), key=lambda event: event.at)


def table_for(policy: Policy, events: Sequence[Event]) -> pa.Table:
    """The event table."""
    return table_of(events, schema_of(policy))


def parts(events: Sequence[Event], rng: Random) -> Iterator[Sequence[Event]]:
    """The events cut into batches of any size."""
    start = 0
    while start < len(events):
        size = rng.choice((1, 2, 7, 40, 300))
        yield events[start : start + size]
        start += size


def send(engine: Engine, events: Sequence[Event], source: str = "core") -> BatchSummary:
    """One batch, at any time of the calendar."""
    engine.clock = ANY_TIME
    return engine.receive(table_for(engine.policy, events), source)


def records(store: Store) -> list[bytes]:
    """Every decision's record, in canonical order."""
    with store.reading() as connection:
        return [row[2] for row in decision_records(connection)]


def contents(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Events in order of arrival, states and decisions, as they are stored.

    When a state is kept depends on the batches in which events come, and decides nothing.
    """
    how_they_stand = [column for column in t.accounts.c if column.name != "in_order"]
    wanted = {
        "events": select(t.events.c["seq", "source", "id", "body"]).order_by(t.events.c.seq),
        "accounts": select(*how_they_stand).order_by(t.accounts.c.account),
        "decisions": select(t.decisions.c["account", "number", "record", "hash"]).order_by(
            t.decisions.c.account, t.decisions.c.number
        ),
    }
    with store.reading() as connection:
        return {name: [tuple(row) for row in connection.execute(query)] for name, query in wanted.items()}
