"""Upgrading a store: its schema, and the states that another kernel made. Opening a store does neither by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, false, func, or_, select

from linekeeper.engine.derive import rebuild_states
from linekeeper.engine.versions import kernels_of, note_units
from linekeeper.journal import tables as t
from linekeeper.journal.store import REVISION, Store, migrate_schema, open_store, schema_revision


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """How a store stands: the revisions of its schema and of this program's, its policy, and what it holds.

    `stale_states` counts the accounts whose states were made by another kernel. None where the schema has to be
    migrated first: what stands in an older schema is not read.
    """

    schema: str
    newest_schema: str
    policy: str | None = None
    versions: tuple[int, ...] | None = None
    accounts: int | None = None
    events: int | None = None
    decisions: int | None = None
    stale_states: int | None = None

    @property
    def upgrade_due(self) -> bool:
        """Whether `upgrade_store` has something to do, without which the store is not used."""
        return self.schema != self.newest_schema or bool(self.stale_states)


@dataclass(frozen=True, slots=True)
class StoreUpgrade:
    """What an upgrade did: the schema before and after it, and how many states were rebuilt."""

    schema_before: str
    schema: str
    rebuilt_states: int

    @property
    def changed(self) -> bool:
        """Whether anything was to be done."""
        return self.schema_before != self.schema or self.rebuilt_states > 0


def store_status(url: str) -> StoreStatus:
    """How the store at that URL stands. It is only read. Raises StoreError where there is none, or it is too new."""
    store = open_store(url, made=True, older=True)
    try:
        return _status(store)
    finally:
        store.close()


REBUILT_FROM = "0016"  # states of an earlier schema lie otherwise after a late fact, though they say the same


def upgrade_store(url: str) -> StoreUpgrade:
    """Migrate the schema of the store at that URL and rebuild stale states; done already, it changes nothing.

    Each of the two is one transaction, so an upgrade that was broken off is done again from the start.
    """
    store = open_store(url, made=True, older=True)
    try:
        before = schema_revision(store) or REVISION
        rebuilt = 0

        def fill(connection: Connection) -> None:
            nonlocal rebuilt
            _fill(connection)
            if before < REBUILT_FROM:
                rebuilt = rebuild_states(store, connection)

        if before != REVISION:
            migrate_schema(store, fill)
        rebuilt = rebuild_states(store) if _status(store).stale_states else rebuilt
        return StoreUpgrade(before, REVISION, rebuilt)
    finally:
        store.close()


def _fill(connection: Connection) -> None:
    """What a migration cannot know, since only a policy says it: the units of a store that has one."""
    for kernel in list(kernels_of(connection).values())[-1:]:
        note_units(connection, kernel.policy, kernel.calendar)


def _status(store: Store) -> StoreStatus:
    schema = schema_revision(store) or REVISION
    if schema != REVISION:
        return StoreStatus(schema, REVISION)
    with store.reading() as connection:
        kernels = kernels_of(connection)
        policies = [kernel.policy for kernel in kernels.values()]
        a = t.accounts.c
        stale = [(a.policy == digest) & (a.layout != one.layout.digest) for digest, one in kernels.items()]
        tables = (t.accounts, t.events, t.decisions)
        counts = [_count(connection, select(func.count()).select_from(one)) for one in tables]
        return StoreStatus(
            schema,
            REVISION,
            policy=policies[-1].name if policies else None,
            versions=tuple(policy.version for policy in policies),
            accounts=counts[0],
            events=counts[1],
            decisions=counts[2],
            stale_states=_count(connection, select(func.count()).select_from(t.accounts).where(or_(false(), *stale)))
            if policies
            else 0,
        )


def _count(connection: Connection, query: Any) -> int:
    return int(connection.execute(query).scalar_one())
