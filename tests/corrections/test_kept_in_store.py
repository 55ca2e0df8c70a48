"""States of long lives in the store: a cache, with which everything is decided as without it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

import linekeeper as lk
from linekeeper.core.errors import StoreError
from linekeeper.core.event import Event
from linekeeper.engine.engine import Engine
from linekeeper.engine.verify import verify
from linekeeper.engine.versions import adopt
from linekeeper.journal import tables as t
from linekeeper.journal.store import Store, open_store
from linekeeper.policy.load import load_file, load_text
from tests.engine.lives import ANY_TIME, borrowers, kept_every, parts, records, send
from tests.face.examples import POLICY, example_rows
from tests.kernel.conftest import _kernel_cache as _kernel_cache
from tests.oracle.generate import policy_text

POLICIES = (2, 3, 6, 7, 8, 10, 11)  # seeds of generated policies whose events fit one table


def kept_in(store: Store) -> int:
    """How many states are kept."""
    with store.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(t.kept_states)).scalar_one())


def forget(store: Store) -> None:
    """Delete all of them."""
    with store.writing() as connection:
        connection.execute(t.kept_states.delete())


def pieces_of(text: str, seed: int) -> list[Sequence[Event]]:
    """The lives of three borrowers with late events and reversals, in batches of any size."""
    lives = borrowers(load_text(text), 3, late=True, reversals=4)
    longest = max(len(life) for life in lives)
    mixed = [life[place] for place in range(longest) for life in lives if place < len(life)]
    return list(parts(mixed, Random(seed)))


@settings(max_examples=settings().max_examples // 8)
@given(st.integers(0, 10**6), st.integers(1, 6), st.booleans())
@example(0, 1, True)
def test_a_store_that_forgets_them_decides_alike(
    tmp_path_factory: pytest.TempPathFactory, seed: int, every: int, versions: bool
) -> None:
    """One store keeps states, a second forgets them after each batch; both verify at each step, and decide alike."""
    text, folder = policy_text(POLICIES[seed % len(POLICIES)]), tmp_path_factory.mktemp("kept")
    pieces, rng = pieces_of(text, seed), Random(seed)
    with ExitStack() as stack:
        stack.enter_context(kept_every(every))
        stores = [stack.enter_context(closing(open_store(str(folder / name)))) for name in ("kept.db", "forgets.db")]
        engines = [Engine(store, load_text(text), clock=ANY_TIME) for store in stores]
        for number, piece in enumerate(pieces):
            if versions and number == len(pieces) // 2:
                for store in stores:
                    adopt(store, load_text(re.sub(r"(?m)^version: .*$", "version: 1000", text)))
                engines = [Engine(store, None, clock=ANY_TIME) for store in stores]
            if rng.random() < 0.3:
                day = engines[0].kernel.calendar.day(max(event.at for event in piece))
                for engine in engines:
                    engine.review(day)
            for engine in engines:
                send(engine, piece)
            forget(stores[1])
            assert verify(stores[0]).first_difference is None
        assert records(stores[0]) == records(stores[1])


def test_states_are_kept_of_lives_in_order_and_of_those_that_are_not(tmp_path: Path) -> None:
    policy = load_text(policy_text(3))
    lives = [borrowers(policy, 4)[3], borrowers(policy, 4, late=True)[3]]
    with kept_every(3):
        for number, life in enumerate(lives):
            with closing(open_store(str(tmp_path / f"{number}.db"))) as store:
                engine = Engine(store, policy, clock=ANY_TIME)
                for first in range(0, len(life), 2):
                    send(engine, life[first : first + 2])
                assert kept_in(store) > 2
                with store.reading() as connection:
                    order = connection.execute(select(t.accounts.c.in_order)).scalar_one()
                assert (order is None) == bool(number)


def test_an_altered_state_is_known_and_a_damaged_one_decides_nothing(tmp_path: Path) -> None:
    """One that is of another event, or cut; a life that has such a state is read whole."""
    policy = load_text(policy_text(3))
    life = borrowers(policy, 4, late=True, reversals=3)[3]
    with kept_every(2), ExitStack() as stack:
        store, other = (stack.enter_context(closing(open_store(str(tmp_path / name)))) for name in ("a.db", "b.db"))
        engines = [Engine(one, policy, clock=ANY_TIME) for one in (store, other)]
        half = len(life) // 2
        for first in range(0, half, 2):
            for engine in engines:
                send(engine, life[first : min(first + 2, half)])
        assert verify(store).first_difference is None
        k = t.kept_states.c
        with store.writing() as connection:
            state = connection.execute(select(k.state).order_by(k.at).limit(1)).scalar_one()
            newest = select(func.max(k.at)).scalar_subquery()
            connection.execute(update(t.kept_states).where(k.at == newest).values(state=state))
        assert "is not what its events lead to" in (verify(store).first_difference or "")
        with store.writing() as connection:
            connection.execute(update(t.kept_states).values(state=b"cut"))
        for first in range(half, len(life), 2):
            for engine in engines:
                send(engine, life[first : first + 2])
        assert records(store) == records(other)


def test_a_life_whose_opening_cannot_be_read_ends_in_one_line() -> None:
    """As where an index of the store is damaged: a replay from no opening would never end."""
    with closing(open_store("sqlite://")) as store:
        engine = lk.Engine(Engine(store, load_file(POLICY), clock=ANY_TIME))
        engine.receive(example_rows())
        with store.writing() as connection:
            connection.execute(t.events.delete())
        late = [row | {"id": f"{row['id']} late"} for row in example_rows()[1:]]
        with pytest.raises(StoreError, match="no opening of `A-1001` can be read among its stored events") as refused:
            engine.receive(late)
        assert refused.value.code == "event-not-readable"
