"""Stores with a published log, in each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journal.conftest import store_url as store_url
from tests.journal.databases import sqlite_url
from tests.log_flow.logged import Logged


@pytest.fixture
def logged(store_url: str, tmp_path: Path) -> Iterator[Logged]:
    """A store of some borrowers with decisions, whose log is published."""
    made = Logged.make(store_url, tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def in_file(tmp_path: Path) -> Iterator[Logged]:
    """The same in SQLite alone, for what is shown by commands."""
    made = Logged.make(sqlite_url(tmp_path), tmp_path)
    yield made
    made.store.close()
