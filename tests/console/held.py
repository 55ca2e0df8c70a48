"""A store in which the brake holds restrictions, for the pages that rule on them."""

from __future__ import annotations

from pathlib import Path

from linekeeper.journal.store import open_store
from tests.brake.bank import engine_over, everyone_late, openings, table

LINES = 30  # a brake of 10 % lets three pass


def store_with_held(folder: Path) -> str:
    """The address of a store with thirty lines, of which a feed says that all are 90 days late; 27 wait."""
    url = str(folder / "held.db")
    engine = engine_over(open_store(url))
    engine.receive(table(engine.policy, openings(LINES)), "core")
    assert engine.receive(table(engine.policy, everyone_late(LINES, 5)), "feed").pending == LINES - 3
    engine.store.close()
    return url
