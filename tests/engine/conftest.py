"""Stores to run an engine over: SQLite, and PostgreSQL where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from linekeeper.journal.store import Store, open_store
from tests.journal.databases import postgres_database
from tests.kernel.conftest import _kernel_cache as _kernel_cache

NewStore = Callable[[], Store]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewStore]:
    """Makes empty stores, as many as a test wants."""
    with ExitStack() as stack:
        made: list[Store] = []

        def new() -> Store:
            url = str(tmp_path / f"store{len(made)}.db")
            if request.param == "postgres":
                url = stack.enter_context(postgres_database(request.getfixturevalue("postgres_url")))
            made.append(open_store(url))
            return made[-1]

        yield new
        for store in made:
            store.close()
