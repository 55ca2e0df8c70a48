"""Stores to run an engine over, and the keys of one that has begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from linekeeper.engine.engine import Engine
from linekeeper.journal.keeper import Keeper, new_keeper
from linekeeper.journal.store import Store
from linekeeper.policy.load import load_text
from tests.engine.conftest import NewStore
from tests.engine.conftest import new_store as new_store
from tests.engine.interleavings import version_text
from tests.kernel.conftest import _kernel_cache as _kernel_cache


@pytest.fixture
def store(new_store: NewStore) -> Store:
    """An empty store."""
    return new_store()


@pytest.fixture
def keeper(store: Store, tmp_path: Path) -> Keeper:
    """The keys of the store's log; the store is begun."""
    made = new_keeper(tmp_path / "keys", tmp_path / "public", "example.com/lines")
    Engine(store, load_text(version_text(1)), made)
    return made
