"""What a log has promised, and whether a store that came through a crash keeps it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import text

from linekeeper.journal.log.entry import Opened
from linekeeper.journal.log.read import opened
from linekeeper.journal.log.tables import size_of
from linekeeper.journal.log.tree import root_at
from tests.log.support import House


@dataclass(frozen=True)
class Promises:
    """Leaves acknowledged as committed; heads acknowledged as published, size -> root in hex."""

    leaves: int
    heads: dict[int, str]


def read_promises(acks: str) -> Promises:
    """The promises in a file of acknowledgements; a last line that is cut short promised nothing.

    Two roots for one size are a fork, and raise an AssertionError.
    """
    leaves = 0
    heads: dict[int, str] = {}
    for line in acks.splitlines(keepends=True):
        match line.split():
            case ["leaves", count] if line.endswith("\n"):
                leaves = max(leaves, int(count))
            case ["head", size, root] if line.endswith("\n"):
                assert heads.setdefault(int(size), root) == root, f"two heads of {size} leaves were acknowledged"
    return Promises(leaves, heads)


def leaves_lost(house: House, promises: Promises) -> int:
    """How many acknowledged leaves the store has not. AssertionError where it is damaged, or has doubles or gaps."""
    with house.engine.connect() as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalars().all() == ["ok"]
        size = size_of(connection, house.tables)
        for position, record in opened(connection, house.tables, house.vault, range(size)):
            assert isinstance(record, Opened)
            assert json.loads(record.data)["seq"] == position
        assert connection.execute(text("SELECT count(*) FROM log_entries")).scalar_one() == size
    return max(0, promises.leaves - size)


def keeps_its_heads(house: House, promises: Promises) -> None:
    """AssertionError or LogError unless every head ever told is a head of this store, and it publishes on."""
    seen, last = house.published(), house.signer.last()
    heads = dict(promises.heads)
    for head in (seen.checkpoint if seen else None, last):
        if head:
            assert heads.setdefault(head.size, head.root.hex()) == head.root.hex()
    if promises.heads:
        assert seen is not None
        assert seen.checkpoint.size >= max(promises.heads)
    if last:
        assert max(heads) <= last.size
    now = house.publish()
    heads[now.checkpoint.size] = now.checkpoint.root.hex()
    house.audit()
    for size, root in heads.items():
        assert root_at(size, now.tiles.node).hex() == root, f"the head of {size} leaves is not one of this log"
