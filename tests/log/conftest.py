"""Logs to test on: a fresh one in SQLite, one in every database at hand, and one that is filled and published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journal.databases import postgres_database
from tests.log.support import House, decisions, open_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """An empty log in SQLite."""
    house = open_house(tmp_path)
    yield house
    house.engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def any_house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """An empty log in each kind of database."""
    if request.param == "sqlite":
        house = open_house(tmp_path, None)
        yield house
        house.engine.dispose()
        return
    with postgres_database(request.getfixturevalue("postgres_url")) as url:  # its own, for others test beside it
        house = open_house(tmp_path, url)
        yield house
        house.engine.dispose()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A published log of 700 leaves, for tests that only read."""
    house = open_house(tmp_path_factory.mktemp("filled"))
    house.add(decisions(700))
    house.publish()
    yield house
    house.engine.dispose()
