"""A run receives its events in batches, and a batch is decided on some accounts at a time: both for memory alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import linekeeper as lk
from linekeeper.engine import engine as engines
from linekeeper.engine import run as runs
from linekeeper.engine.engine import Engine
from linekeeper.evaluate.event_batch import RecordedArrivals
from linekeeper.policy.load import load_text
from tests.engine.conftest import NewStore
from tests.engine.lives import ANY_TIME, borrowers, contents, in_time, table_for
from tests.engine.test_excess_draws import TEXT


@given(st.lists(st.sampled_from("abcdef"), max_size=40), st.integers(1, 4), st.booleans())
def test_batches_hold_no_more_accounts_than_they_may(names: list[str], most: int, arrived: bool) -> None:
    """They follow each other without a gap, and each ends only where one account more would be too many."""
    table = pa.table({"account": pa.array(names, pa.string()), "at": pa.array(range(len(names)), pa.int64())})
    at = np.arange(len(names))
    how = RecordedArrivals(at, at, [], np.zeros(len(names), np.int64), 0) if arrived else None
    bounds = runs.BatchBounds(1_000, accounts_max=most)
    ranges = [
        *(runs._in_order_of_time(table, bounds) if how is None else runs._in_order_of_arrival(table, how, bounds))
    ]
    assert [start for start, _ in ranges] == [0, *(end for _, end in ranges)][: len(ranges)]
    assert (ranges[-1][1] if ranges else 0) == len(names)
    for start, end in ranges:
        own = set(names[start:end])
        assert len(own) <= most
        assert end == len(names) or len(own | {names[end]}) > most


@given(st.lists(st.sampled_from("abcdef"), max_size=60), st.integers(1, 9), st.integers(0, 30), st.booleans())
def test_batches_of_many_accounts_are_longer(names: list[str], events: int, most: int, arrived: bool) -> None:
    """Each but the last ends at the first row after which it has enough events, or two an account, or the most."""
    table = pa.table({"account": pa.array(names, pa.string()), "at": pa.array(range(len(names)), pa.int64())})
    at = np.arange(len(names))
    bounds = runs.BatchBounds(events, most, 2)
    how = RecordedArrivals(at, at, [], np.zeros(len(names), np.int64), 0)
    ranges = [*(runs._in_order_of_arrival(table, how, bounds) if arrived else runs._in_order_of_time(table, bounds))]
    assert [start for start, _ in ranges] == [0, *(end for _, end in ranges)][: len(ranges)]

    def enough(own: list[str]) -> bool:
        return len(own) >= max(events, 2 * len(set(own))) or len(own) >= max(events, most)

    for start, end in ranges:
        assert not any(enough(names[start:until]) for until in range(start + 1, end))
        assert end == len(names) or enough(names[start:end])


@pytest.mark.parametrize("accounts", [1, 5])
def test_a_batch_in_parts_decides_alike(new_store: NewStore, monkeypatch: pytest.MonkeyPatch, accounts: int) -> None:
    stores = []
    for most in (None, accounts):
        store = new_store()
        engine = Engine(store, load_text(TEXT), clock=ANY_TIME)
        if most is not None:
            monkeypatch.setattr(engines, "STATES_BYTES_MAX", most * 8 * engine.kernel.layout.size)
        table = table_for(engine.policy, in_time(borrowers(engine.policy)))
        runs.run_table(engine, table, "core")
        assert lk.Engine(engine).verify().same
        stores.append(contents(store))
    assert stores[0] == stores[1]
