"""A few kills of each command on each database, and the harness itself: does it find what is wrong?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from linekeeper.engine import engine as reviews
from linekeeper.engine import run as runs
from linekeeper.journal import keeper
from tests.faults.commands import COMMANDS
from tests.faults.kills import BATCH, SqlitePlaces, all_places, kill_many
from tests.kernel.conftest import _kernel_cache as _kernel_cache

KILLS = 3


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def places(request: pytest.FixtureRequest) -> Iterator[SqlitePlaces]:
    """Where commands are killed, on one database."""
    with pytest.MonkeyPatch.context() as patch, all_places((request.param,)) as found:
        patch.setattr(runs, "BATCH_EVENTS", BATCH)
        patch.setattr(runs, "BATCH_EVENTS_MAX", BATCH)
        patch.setattr(reviews, "REVIEW_BATCH", BATCH)
        yield found[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_few_kills(places: SqlitePlaces, name: str) -> None:
    done = kill_many(places, COMMANDS[name], KILLS, seed=0)
    assert (done.kills, done.differences) == (KILLS, [])


FAULTS = {
    "review": (reviews, "unfinished_reviews_of", lambda _: []),
    "run": (reviews, "drop_refused", lambda _connection, _source, events: (events, [])),
    "erase": (keeper, "_is_unscrubbed", lambda *_: False),
}


@pytest.mark.nightly
@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_found(places: SqlitePlaces, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, attribute, broken = FAULTS[name]
    monkeypatch.setattr(owner, attribute, broken)
    assert kill_many(places, COMMANDS[name], 40, seed=0).differences
