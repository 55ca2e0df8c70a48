"""Random erasures among all else that happens: nobody else notices. And the comparison itself finds faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from linekeeper.engine import engine as rooms
from linekeeper.engine import history, inbox, versions
from linekeeper.journal import keeper
from linekeeper.journal import tables as t
from tests.erasure.interleavings import OTHERS, drive
from tests.journal.databases import postgres_database

HALF = 10  # on each of two databases


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    if request.param == "sqlite":
        yield str(tmp_path / "full.db")
        return
    with postgres_database(request.getfixturevalue("postgres_url")) as made:
        yield made


def test_random_interleavings(url: str, tmp_path: Path) -> None:
    first = 0 if url.endswith(".db") else HALF
    counts = drive(url, tmp_path, range(first, first + HALF))
    for name in ("new", "again", "review", "rule", "adopt", "erase", "late events", "reversals", "letters"):
        assert counts[name] > 0, name
    assert counts["events rejected, of the erased"] > HALF
    assert counts["receipts verified"] >= HALF


def highest(connection: Any, counter: str) -> int:
    table = {"events": t.events, "changes": t.decisions}[counter]
    return int(connection.execute(select(func.coalesce(func.max(table.c.seq), 0))).scalar_one())


@pytest.mark.parametrize("fault", ["numbers come from rows", "the erased come back", "others are erased too"])
def test_faults_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    if fault == "numbers come from rows":
        for module in (inbox, rooms):
            monkeypatch.setattr(module, "take_numbers", lambda connection, name, _: highest(connection, name) + 1)
        for module in (history, versions):
            monkeypatch.setattr(module, "last_number", highest)
    elif fault == "the erased come back":
        monkeypatch.setattr(rooms, "drop_erased", lambda connection, keeper, events: (events, []))
    else:
        marks = keeper._marks

        def erase_more(connection: Any, *arguments: Any) -> Any:
            connection.execute(t.decisions.delete().where(t.decisions.c.account.in_(OTHERS)))
            return marks(connection, *arguments)

        monkeypatch.setattr(keeper, "_marks", erase_more)
    with pytest.raises(AssertionError):
        drive(str(tmp_path / "full.db"), tmp_path, range(HALF))
