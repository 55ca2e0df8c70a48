"""A few events go without a table; nothing that is stored says which way they went."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

import linekeeper as lk
from linekeeper.connect.event_table import schema_of, table_of
from linekeeper.connect.validation import Validator
from linekeeper.core.event import Event
from linekeeper.engine import inbox
from linekeeper.engine.clock import Clock
from linekeeper.engine.engine import Engine
from linekeeper.evaluate.event_batch import batch_of, batch_of_few, events_of_table
from linekeeper.face.events import few_events_of, intake_of
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import new_keeper
from linekeeper.journal.log.read import opened
from linekeeper.journal.store import Store, open_store
from linekeeper.kernel.kernel import Kernel
from tests.engine import lives
from tests.engine.lives import borrowers, contents, in_time, parts, policy_of, send
from tests.engine.test_law3 import fits_a_table
from tests.face.examples import POLICY as EXAMPLE
from tests.face.examples import example_rows

NOW = 1_790_000_000_000


def rejected(store: Store) -> list[tuple[object, ...]]:
    with store.reading() as connection:
        return [tuple(row) for row in connection.execute(select(t.rejected_events).order_by(t.rejected_events.c.seq))]


@settings(max_examples=settings().max_examples // 5)
@given(st.integers(0, 400), st.booleans(), st.integers(0, 1_000))
def test_the_way_of_a_few_events_leads_where_a_table_leads(
    tmp_path_factory: pytest.TempPathFactory, seed: int, late: bool, cut: int
) -> None:
    """Generated policies and borrowers, with late events, reversals and rulings; some sent twice, some altered."""
    policy, folder, rng = policy_of(seed), tmp_path_factory.mktemp("few"), Random(cut)
    if not fits_a_table(policy):
        return
    events = in_time(borrowers(policy, count=5, late=late, reversals=2))
    events += [Event(one.id, one.account, one.kind, one.at + rng.randrange(2), one.fields) for one in events[:5]]
    batches = list(parts(events, rng))
    stored = []
    for few in (0, 10**6):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(inbox, "FEW_EVENTS", few)
            keeper = new_keeper(folder / f"keys{few}", folder / f"log{few}", "example.com/few")
            store = open_store(str(folder / f"{few}.db"))
            # The clock stands: else events would arrive at another millisecond.
            patch.setattr(lives, "ANY_TIME", Clock(lambda: NOW, simulated=True))
            engine = Engine(store, policy, keeper)
            summaries = [send(engine, batch) for batch in batches]
            with store.reading() as connection:
                leaves = [
                    (leaf.kind, leaf.data)
                    for _, leaf in opened(connection, t.LOG, keeper.vault, range(len_of(store)))
                    if leaf is not None
                ]
            stored.append((contents(store), rejected(store), leaves, summaries))
            store.close()
    assert stored[0] == stored[1]


def len_of(store: Store) -> int:
    with store.reading() as connection:
        return len(connection.execute(select(t.LOG.entries.c.position)).all())


@given(st.integers(0, 400), st.integers(0, 1_000), st.integers(0, 12))
def test_a_batch_of_a_few_is_that_of_their_table(seed: int, cut: int, count: int) -> None:
    policy, rng = policy_of(seed), Random(cut)
    if not fits_a_table(policy):
        return
    kernel, every = Kernel(policy), [event for life in borrowers(policy, count=4, reversals=1) for event in life]
    events = rng.sample(every, min(count, len(every)))
    table = table_of(events, schema_of(policy))
    assert list(events_of_table(table)) == events
    few, whole = (
        batch_of_few(policy, kernel.calendar, events),
        batch_of(policy, kernel.calendar, table),
    )
    assert few.accounts == whole.accounts
    for name in ("starts", "rows", "at", "hour", "kind", "x"):
        left, right = getattr(few, name), getattr(whole, name)
        assert left.dtype == right.dtype == np.int64
        assert left.shape == right.shape
        assert (left == right).all(), name


# ------------------------------------------------------------------ rows as dictionaries

VALUES = st.sampled_from(
    (None, 0, 5, -1, 10**16, 2.5, True, "x", "2025-05-10", "2025-05-10T08:00:00+08:00", "open", "draw", "A", "", [])
)


@given(st.data())
def test_dictionaries_are_admitted_as_those_of_a_table(data: st.DataObject) -> None:
    """Good rows with some of their values replaced, left out or added."""
    policy = lk.load_policy(EXAMPLE)
    rows: list[dict[str, Any]] = [dict(row) for row in example_rows()]
    for _ in range(data.draw(st.integers(0, 6))):
        row = data.draw(st.sampled_from(rows))
        name = data.draw(st.sampled_from(("id", "account", "kind", "at", "limit", "amount", "due_on", "stranger")))
        row[name] = data.draw(VALUES)
    rows = data.draw(st.permutations(rows))
    few, whole = few_events_of(rows, Validator(policy.definition)), intake_of(rows, policy)
    if few is None:
        assert len({str(row.get("id")) for row in rows}) < len(rows)
        return
    assert sorted(few[0], key=lambda event: event.at) == list(events_of_table(whole.table))
    assert (few[1], whole.same) == (whole.rejected, 0)


def test_of_several_strange_fields_the_same_is_named(tmp_path: Path) -> None:
    """A table has its columns in one order, and each dictionary its keys in its own."""
    policy = lk.load_policy(EXAMPLE)
    first, second = (dict(row) for row in example_rows()[:2])
    rows = [first | {"stranger": None, "another": None}, second | {"another": 1, "stranger": 1}]
    few = few_events_of(rows[::-1], Validator(policy.definition))
    assert few is not None
    assert [one.reason for one in few[1]] == [one.reason for one in intake_of(rows, policy).rejected]


def test_one_by_one_as_dictionaries_and_all_as_a_table(tmp_path: Path) -> None:
    with lk.open(tmp_path / "one.db", EXAMPLE) as one, lk.open(tmp_path / "all.db", EXAMPLE) as whole:
        decisions = [decision for row in example_rows() for decision in one.receive([row])]
        assert decisions == list(whole.receive(example_rows() * 1))
        assert contents(one._engine.store) == contents(whole._engine.store)
        assert one.receive(example_rows()[:3]).repeats == 3
        twice = one.receive([example_rows()[0], example_rows()[0] | {"limit": 1}])
        assert (twice.repeats, twice.rejected[0].place) == (1, "row 2")
