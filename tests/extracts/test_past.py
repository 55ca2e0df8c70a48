"""A past day, by what was known then: states derived for it are those that the store held, to the last feature."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from linekeeper.connect.arrivals import ARRIVAL_COLUMNS
from linekeeper.connect.extracts import extract_accounts, extract_decisions, extract_events, extract_features
from linekeeper.connect.files import read_event_file
from linekeeper.connect.table_output import write_table
from linekeeper.engine.account import AccountFilter, DecisionFilter
from linekeeper.engine.engine import Engine
from linekeeper.engine.run import EventPart, run_parts
from linekeeper.engine.verify import verify
from linekeeper.journal.store import open_store
from tests.engine.conftest import NewStore
from tests.engine.conftest import new_store as new_store
from tests.engine.lives import ANY_TIME, policy_of
from tests.extracts.stores import eventful
from tests.kernel.conftest import _kernel_cache as _kernel_cache

ALL_ACCOUNTS, ALL_DECISIONS = AccountFilter(), DecisionFilter()


def rows(stream: pa.RecordBatchReader) -> list[dict[str, Any]]:
    return list(stream.read_all().to_pylist())


def days_of(engine: Engine) -> list[int]:
    """Some days from the first event to a month after the last."""
    instants = [row["at"].timestamp() * 1000 for row in rows(extract_events(engine))]
    day = engine.kernel.calendar.day
    first, last = day(int(min(instants))), day(int(max(instants)))
    return [*range(first, last, max(1, (last - first) // 4)), last, last + 30]


@pytest.mark.parametrize("seed", [3, 7, 11])
def test_a_past_day_is_what_the_store_held_then(tmp_path: Path, new_store: NewStore, seed: int) -> None:
    """The events known at the end of a day make a store of their own, and it stands as the whole store says it did."""
    policy = policy_of(seed)
    engine = eventful(new_store(), policy, seed)
    engine.review(days_of(engine)[-1])
    for place, day in enumerate(days_of(engine)):
        file = tmp_path / f"known-{place}.parquet"
        if not write_table(file, extract_events(engine, day=day)):
            assert rows(extract_accounts(engine, ALL_ACCOUNTS, day)) == []
            continue
        intake = read_event_file(file, policy, clock=ANY_TIME)
        assert intake.arrivals is not None
        assert not intake.rejected
        with closing(open_store(str(tmp_path / f"then-{place}.db"))) as store:
            then = Engine(store, policy, clock=ANY_TIME)
            part = EventPart(intake.table, intake.arrivals).by_arrival()
            run_parts(then, [part], intake.table.num_rows, "main", intake.arrivals.last_review)
            assert undated(extract_accounts(engine, ALL_ACCOUNTS, day)) == undated(extract_accounts(then, ALL_ACCOUNTS))
            assert rows(extract_features(engine, day)) == rows(extract_features(then, day))
            assert unplaced(rows(extract_decisions(engine, DecisionFilter(until_day=day)))) == unplaced(
                rows(extract_decisions(then, ALL_DECISIONS))
            )
            assert verify(store).same


def undated(stream: pa.RecordBatchReader) -> list[dict[str, Any]]:
    """Accounts without the day for which they are listed."""
    return [row | {"day": None} for row in rows(stream)]


def unplaced(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Decisions by account and number, without their places among those of other accounts."""
    named = [{name: value for name, value in row.items() if name != "place"} for row in listed]
    return sorted(named, key=lambda row: (row["account"], row["number"]))


@pytest.mark.parametrize("reviews", [True, False])
@pytest.mark.parametrize("seed", [3, 11])
def test_the_line_of_a_past_day_is_that_of_the_last_decision(new_store: NewStore, seed: int, reviews: bool) -> None:
    engine = eventful(new_store(), policy_of(seed), seed, reviews=reviews)
    decisions = rows(extract_decisions(engine, ALL_DECISIONS))
    limits = {row["account"]: row["limit"] for row in rows(extract_events(engine, kind="open"))}
    seen = 0
    for day in days_of(engine):
        end = engine.kernel.calendar.day_start(day + 1)
        for row in rows(extract_accounts(engine, ALL_ACCOUNTS, day)):
            made = [one for one in decisions if one["account"] == row["account"] and one["at"].timestamp() * 1000 < end]
            expected = (made[-1]["limit_minor"], made[-1]["status"]) if made else (limits[row["account"]], "active")
            assert (row["limit_minor"], row["status"]) == expected
            seen += bool(made)
    assert seen > 20


def test_now_and_the_last_day_are_the_same(new_store: NewStore) -> None:
    engine = eventful(new_store(), policy_of(), 3)
    last = days_of(engine)[-1]
    engine.review(last)
    now, then = (undated(extract_accounts(engine, ALL_ACCOUNTS, day)) for day in (None, last))
    assert now == then
    assert rows(extract_features(engine)) == rows(extract_features(engine, last))
    whole, known = (rows(extract_events(engine, day=day)) for day in (None, last))
    assert whole == known
    assert set(ARRIVAL_COLUMNS) <= set(whole[0])
