"""A store of a few borrowers with a log, and what everything that looks at the log says of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

import linekeeper as lk
from linekeeper.engine.engine import Engine
from linekeeper.engine.verify import verify
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import Keeper, check_keys, new_keeper, open_keeper, unreadable_accounts
from linekeeper.journal.log.audit import check_receipts
from linekeeper.journal.store import Store, open_store
from linekeeper.policy.load import load_file
from tests.cli.test_commands import EVENTS, POLICY

KEYS = t.LOG.keys
LINES = [json.loads(line) for line in Path(EVENTS).read_text("utf-8").splitlines()]


def events_of(*accounts: str) -> list[dict[str, Any]]:
    """The example's year of one borrower, as lived by each of these."""
    return [line | {"account": account, "id": f"{account}-{line['id']}"} for account in accounts for line in LINES]


@dataclass(frozen=True)
class Found:
    """What the checks found: the first difference of `verify`, receipts that hold, whose records do not open."""

    first_difference: str | None
    decisions: int
    receipts: int
    unreadable_accounts: tuple[str, ...]
    unreadable_leaves: int


@dataclass(frozen=True)
class Logged:
    """A store by its URL, and the two folders of its log."""

    url: str
    keys: Path
    public: Path

    @classmethod
    def make(cls, url: str, folder: Path, accounts: Sequence[str] = ("A", "B", "C")) -> Logged:
        """Begin it with borrowers who have some decisions each, and publish the log."""
        made = cls(url, folder / "keys", folder / "public")
        new_keeper(made.keys, made.public, "example.com/test")
        Engine(made.store, load_file(Path(POLICY)), made.keeper())
        made.receive(*accounts)
        made.publish()
        return made

    @cached_property
    def store(self) -> Store:
        """The store, open."""
        return open_store(self.url)

    @property
    def at(self) -> Sequence[str]:
        """The options by which a command finds it."""
        return ("--store", self.url, "--keys", str(self.keys))

    def keeper(self) -> Keeper:
        """The keys, as a process finds them that starts now."""
        return open_keeper(self.keys)

    def engine(self) -> lk.Engine:
        """An engine, as a process opens one that starts now."""
        return lk.Engine(Engine(self.store, None, self.keeper()))

    def receive(self, *accounts: str) -> None:
        """Take in the year of these borrowers, and review it."""
        engine = self.engine()
        engine.receive(events_of(*accounts))
        engine.review("2025-12-31")

    def publish(self) -> None:
        """Publish its log."""
        self.keeper().publish(self.store)

    def masters(self) -> set[str]:
        """The names of the masters by which the keys of the store are wrapped."""
        with self.store.reading() as connection:
            return set(connection.execute(select(KEYS.c.master)).scalars())

    def leaves_of(self, account: str) -> list[int]:
        """Where the account's records stand in the log."""
        e = t.LOG.entries.c
        with self.store.reading() as connection:
            query = select(e.position).join(KEYS, KEYS.c.id == e.key).where(KEYS.c.account == account)
            return list(connection.execute(query.order_by(e.position)).scalars())

    def check(self) -> Found:
        """What is found by processes that start now; `verify`, `log status` and `receipt check-all` must agree."""
        verdict, keeper = verify(self.store, vault=self.keeper().vault), self.keeper()
        with self.store.reading() as connection:
            keys, size = check_keys(connection, keeper.vault), keeper.audit(connection).published
            head, verifier = keeper.head(), keeper.signer.verifier
            receipts = check_receipts(connection, t.LOG, self.keeper().vault, head, verifier, range(size), seed=1)
            closed = unreadable_accounts(connection, receipts.unreadable)
        assert receipts.receipts == receipts.accepted == receipts.flipped == receipts.flipped_refused
        assert keys.unreadable_accounts == verdict.unreadable_accounts
        assert keys.unreadable_leaves == verdict.unreadable_leaves
        # What is not published yet has no receipt.
        assert set(closed) <= set(verdict.unreadable_accounts)
        assert len(receipts.unreadable) <= verdict.unreadable_leaves
        return Found(verdict.first_difference, verdict.decisions, receipts.receipts, closed, len(receipts.unreadable))

    def demand_whole(self) -> None:
        """Publish, so that every leaf has a receipt; raises AssertionError unless everything opens and agrees."""
        self.publish()
        found, keeper = self.check(), self.keeper()
        with self.store.reading() as connection:
            erased = func.count().filter(t.LOG.entries.c.key.is_(None))
            leaves = int(connection.execute(select(func.count() - erased).select_from(t.LOG.entries)).scalar_one())
            by_master = check_keys(connection, keeper.vault).by_master
        assert found == Found(None, found.decisions, leaves, (), 0)
        assert len(by_master) == 1
