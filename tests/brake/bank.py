"""A small bank: one policy with a brake, lines opened on one day, and feeds that go wrong."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from linekeeper.connect.event_table import schema_of, table_of
from linekeeper.core.bounds import DAY_MS, HOUR_MS
from linekeeper.core.event import Event
from linekeeper.engine.engine import Engine
from linekeeper.journal.store import Store, open_store
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy

DAY = 20_000  # 4 October 2024
POLICY = """
policy: small-bank
version: 1
currency: CNY
time_zone: UTC
triggers:
  arrears_30: {when: days_past_due >= 30, hold: 10d, cap: 50%, reason: arrears}
  arrears_90: {when: days_past_due >= 90, suspend: yes, reason: serious_arrears}
  many_draws: {when: "count(draw, 7d) >= 3", cap: 70%, reason: rapid_borrowing}
restoration: {first: 40%, step: 20%, every: 30d}
offer: {when: "months_on_book >= 0", increase: 20%, up_to: 5_000 CNY, every: 90d, valid: 30d}
brake: {lines: 10%, exposure: 20%}
"""


def small_bank(text: str = POLICY) -> Policy:
    """The policy."""
    return load_text(text)


def at(day: int, hour: int = 12) -> int:
    """An hour of a day in UTC ms; `day` counts from the day on which the lines were opened."""
    return (DAY + day) * DAY_MS + hour * HOUR_MS


def event(name: str, account: str, kind: str, when: int, **fields: int | str) -> Event:
    """One event."""
    return Event(name, account, kind, when, fields)


def openings(count: int, limit: int = 100_000) -> list[Event]:
    """So many lines, opened on day 0."""
    return [event(f"open {i:03}", f"A{i:03}", "open", at(0), limit=limit) for i in range(count)]


def everyone_late(count: int, day: int, days: int = 90) -> list[Event]:
    """A feed that says of everyone that they are so many days late."""
    return [event(f"late {day} {i:03}", f"A{i:03}", "delinquency", at(day), days=days) for i in range(count)]


def table(policy: Policy, events: Iterable[Event]) -> pa.Table:
    """Events as a table."""
    return table_of(events, schema_of(policy))


def new_store(folder: Path, name: str = "bank.db") -> Store:
    """An empty store."""
    return open_store(str(folder / name))


def engine_over(store: Store, policy: Policy | None = None, brake: bool = True) -> Engine:
    """An engine, its brake on."""
    return Engine(store, policy or small_bank(), brake=brake)
