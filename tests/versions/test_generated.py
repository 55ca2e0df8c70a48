"""Any policies that may follow each other, any events, late ones and reversals too: as the oracle has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from linekeeper.core.event import Event
from linekeeper.engine.derive import rebuild_states
from linekeeper.engine.engine import Engine
from linekeeper.engine.verify import verify
from linekeeper.engine.versions import adopt
from linekeeper.journal import tables as t
from linekeeper.journal.store import Store, open_store
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.model import Policy
from tests.engine.lives import ANY_TIME, contents, kept_every, parts, send
from tests.engine.test_law3 import fits_a_table, ruled, told
from tests.oracle.generate import for_program
from tests.oracle.held import read_alike
from tests.oracle.oracle import run_versions
from tests.oracle.policies import Writer, write_versions
from tests.oracle.reader import read
from tests.oracle.streams import make_stream
from tests.oracle.tree import Policy as OwnPolicy
from tests.oracle.wider import WiderWriter

Visit = tuple[Policy, Sequence[Event], int | None]


def policies(seed: int, count: int = 3, grows: bool = False, wider: bool = False) -> list[Policy]:
    """Versions of one policy, oldest first; where the feed `grows`, each knows more kinds and fields.

    `wider`: with segments, tables and amounts, each version with its own.
    """
    make = WiderWriter if wider else Writer
    return [read_alike(written) for written in write_versions(Random(f"versions {seed}"), count, grows, make)]


def visits_of(versions: Sequence[Policy], events: Sequence[Event], rng: Random) -> list[Visit]:
    """The events in batches, a review after most, and now and then a version that is newly in force."""

    def make() -> Iterator[Visit]:
        day, seen, reviewed, force = Kernel(versions[0]).calendar.day, 0, 0, 0
        for part in parts(events, rng):
            seen = max(seen, *(event.at for event in part))
            part = [event for event in part if admitted(versions[force], event)]
            reviews = rng.random() < 0.7
            if reviews:
                reviewed = max(reviewed, day(seen) + rng.randrange(-3, 40))
            yield versions[force], part, reviewed if reviews else None
            force = min(force + (rng.random() < 0.5), len(versions) - 1)
        for _ in range(3):
            reviewed += rng.randrange(1, 80)
            yield versions[-1], (), reviewed

    return list(make())


def admitted(policy: Policy, event: Event) -> bool:
    """Whether validation admits the event under the version in force: it knows its kind, its fields, its trigger."""
    kind = next((kind for kind in policy.kinds if kind.name == event.kind), None)
    if kind is None:
        return False
    fields = {field.name: field.choices for field in kind.fields} | dict.fromkeys(kind.text, ())
    return all(name in fields and value in (fields[name] or (value,)) for name, value in event.fields.items())


def live_through(store: Store, visits: Sequence[Visit]) -> Engine:
    """The same through the engine."""
    engine = Engine(store, visits[0][0], clock=ANY_TIME)
    for policy, events, day in visits:
        if policy is not engine.policy:
            adopt(store, policy)
            engine = Engine(store, policy, clock=ANY_TIME)
        if events:
            send(engine, events)
        if day is not None:
            engine.review(day)
    return engine


def arrived(visits: Sequence[Visit]) -> list[tuple[OwnPolicy, Sequence[Event], int | None]]:
    """The same for the oracle: a batch is put in order of time before it is taken in."""
    return [(read(policy.source), sorted(events, key=lambda event: event.at), day) for policy, events, day in visits]


@settings(max_examples=settings().max_examples // 2)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.booleans(), st.booleans(), st.booleans())
@example(295, 295, False, False, False)  # a ruling on a trigger that the account's version does not have
@example(17, 17, False, False, False)  # the first events of an account arrive late
@example(5000, 3355, False, False, False)  # late events on the day of a migration: that morning comes before them
def test_versions_as_the_oracle_has_them(
    tmp_path_factory: pytest.TempPathFactory, seed: int, stream: int, late: bool, grows: bool, wider: bool
) -> None:
    """Decisions as the oracle has them, also where the feed `grows`: before an adoption those of the version before,
    after it those of the new one. The journal verifies; states of every version can be made anew."""
    versions, rng = policies(seed, grows=grows, wider=wider), Random(stream)
    assume(fits_a_table(versions[-1]))
    events = for_program(make_stream(read(versions[-1].source), rng, late, 3 if late else 0))
    visits = visits_of(versions, events, rng)
    with kept_every(1 + seed % 5), closing(open_store(str(tmp_path_factory.mktemp("versions") / "x.db"))) as store:
        live_through(store, visits)
        assert told(versions[0], store) == [ruled(ruling) for ruling in run_versions(arrived(visits)).rulings]
        assert verify(store).first_difference is None
        before = contents(store)
        with store.writing() as connection:
            connection.execute(update(t.accounts).values(state=b"\x01" * 8, layout="of another kernel"))
        rebuild_states(store)
        assert contents(store) == before


def test_the_generated_lives_do_go_over(tmp_path: Path) -> None:
    version_migrations = 0
    for seed in range(12):
        versions, rng = policies(seed), Random(seed)
        if fits_a_table(versions[-1]):
            events = for_program(make_stream(read(versions[-1].source), rng, True, 3))
            with closing(open_store(str(tmp_path / f"{seed}.db"))) as store:
                live_through(store, visits_of(versions, events, rng))
                with store.reading() as connection:
                    version_migrations += connection.execute(
                        select(func.count()).select_from(t.version_migrations)
                    ).scalar_one()
    assert version_migrations >= 6
