"""Snapshots know nothing of what comes after their date; labels know nothing else."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from linekeeper.core.errors import LinekeeperError
from linekeeper.core.event import Event
from linekeeper.kernel.calendar import calendar
from linekeeper.lab.population import population
from linekeeper.lab.snapshot import CalendarSpan, Label, read_label, read_span, take_snapshots
from linekeeper.policy.load import load_file, load_text
from linekeeper.texts.material import shipped
from tests.oracle.oracle import values_at
from tests.oracle.reader import read

POLICY = load_file(shipped("consumer-loan.yaml"))
LABEL = Label("days_past_due >= 30", 6, "m")
DAYS = [19_550, 19_600]


@pytest.fixture(scope="module")
def events() -> pa.Table:
    """Sixty borrowers over fourteen months."""
    return population(accounts=60, days=430, seed=11).events


def test_no_feature_sees_past_its_date(events: pa.Table) -> None:
    """The same events, cut off at the date, give the same features (the labels then differ, of course)."""
    whole = take_snapshots(POLICY, events, DAYS, LABEL)
    for day in DAYS:
        start = calendar(POLICY.time_zone).day_start(day)
        cut = events.filter(pc.less(events["at"], start))
        marker = events.slice(events.num_rows - 1, 1)  # one late fact of one account keeps the horizon in sight
        early = take_snapshots(POLICY, pa.concat_tables([cut, marker]), [day], LABEL).table
        mine = {row["account"]: row for row in whole.table.to_pylist() if row["at_day"] == day}
        theirs = {row["account"]: row for row in early.to_pylist()}
        assert len(mine) > 30
        for account, row in mine.items():
            values = {name: value for name, value in row.items() if name != "label"}
            assert values == {name: value for name, value in theirs[account].items() if name != "label"}


def test_features_are_those_that_the_oracle_has(events: pa.Table) -> None:
    found = take_snapshots(POLICY, events, DAYS, LABEL).table.to_pylist()
    fixed = ("id", "account", "kind", "at")
    for row in found[::9]:
        own = [one for one in events.to_pylist() if one["account"] == row["account"]]
        facts = [
            Event(*(one[name] for name in fixed), {k: v for k, v in one.items() if k not in fixed and v is not None})
            for one in own
            if calendar(POLICY.time_zone).day(one["at"]) < row["at_day"]
        ]
        expected = values_at(read(POLICY.source), facts, row["at_day"])
        assert expected is not None
        assert {name: row[name] for name in expected} == dict(expected)


TINY = load_text(
    """
policy: tiny
version: 1
currency: CNY
time_zone: UTC
triggers:
  late: {when: days_past_due >= 90, suspend: yes, reason: arrears}
"""
)


def ledger(*facts: tuple[float, str, int]) -> pa.Table:
    """`(day, kind, number)` facts of account A, and one of account Z far in the future."""
    rows = [("A", day, kind, number) for day, kind, number in facts] + [("Z", 20_900.0, "open", 1)]
    return pa.table(
        {
            "id": [str(n) for n in range(len(rows))],
            "account": [row[0] for row in rows],
            "kind": [row[2] for row in rows],
            "at": pa.array([int(row[1] * 86_400_000) for row in rows], pa.int64()),
            "limit": pa.array([row[3] if row[2] == "open" else None for row in rows], pa.int64()),
            "days": pa.array([row[3] if row[2] == "delinquency" else None for row in rows], pa.int64()),
        }
    )


@pytest.mark.parametrize(
    ("reported_on", "cured_on", "label"),
    [(20_011.5, 20_015.5, 1), (20_010.0, 20_015.5, None), (20_009.5, 20_010.5, None), (20_009.5, 20_009.9, 0)],
)
def test_the_label_begins_after_the_date(reported_on: float, cured_on: float, label: int | None) -> None:
    """Snapshot of day 20,010. Bad from the day after; bad at the date itself: left out; cured before it: good."""
    table = ledger((20_000, "open", 100), (reported_on, "delinquency", 60), (cured_on, "delinquency", 0))
    found = take_snapshots(TINY, table, [20_010], Label("days_past_due >= 60", 30, "d")).table.to_pylist()
    assert [row["label"] for row in found if row["account"] == "A"] == ([] if label is None else [label])


def test_the_label_ends_at_the_horizon() -> None:
    for day, label in ((20_040.5, 1), (20_041.0, 0)):
        table = ledger((20_000, "open", 100), (day, "delinquency", 60))
        found = take_snapshots(TINY, table, [20_010], Label("days_past_due >= 60", 30, "d")).table.to_pylist()
        assert [row["label"] for row in found if row["account"] == "A"] == [label]


def test_a_horizon_beyond_the_events_is_left_out_and_counted() -> None:
    table = ledger((20_000, "open", 100))
    found = take_snapshots(TINY, table, [20_890], Label("days_past_due >= 60", 30, "d"))
    assert (found.table.num_rows, found.unseen) == (0, 1)


@pytest.mark.parametrize("reported_on", [None, 20_895.0, 20_899.5])
def test_bad_and_good_are_left_out_alike_where_the_events_end_before_the_horizon(reported_on: float | None) -> None:
    bad = [] if reported_on is None else [(reported_on, "delinquency", 60)]
    table = ledger((20_000, "open", 100), *bad)
    found = take_snapshots(TINY, table, [20_890], Label("days_past_due >= 60", 30, "d"))
    assert (found.table.num_rows, found.unseen, found.already) == (0, 1, 0)


@pytest.mark.parametrize(("until", "rows"), [(20_920.0, 1), (20_919.9, 0)])
def test_the_horizon_is_seen_when_the_events_reach_its_last_day(until: float, rows: int) -> None:
    table = ledger((20_000, "open", 100), (20_895.0, "delinquency", 60), (until, "delinquency", 60))
    found = take_snapshots(TINY, table, [20_890], Label("days_past_due >= 60", 30, "d"))
    assert (found.table.num_rows, found.unseen) == (rows, 1 - rows)


@pytest.mark.parametrize(
    ("begin", "months", "end"),
    [
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-03-31", 12, "2025-03-31"),
        ("2024-01-29", 6, "2024-07-29"),
        ("2024-02-29", 12, "2025-02-28"),
    ],
)
def test_horizons_are_calendar_months(begin: str, months: int, end: str) -> None:
    first, last = ((date.fromisoformat(text) - date(1970, 1, 1)).days for text in (begin, end))
    assert Label("days_past_due >= 60", months, "m").end(first) == last


@pytest.mark.parametrize(
    ("facts", "label"),
    [([60], "bad"), ([30], "indeterminate"), ([29], "good"), ([30, 60], "bad"), ([], "good")],
)
def test_who_is_neither_good_nor_bad_has_a_class_of_its_own(facts: list[int], label: str) -> None:
    events = [(20_015.5 + number, "delinquency", days) for number, days in enumerate(facts)]
    table = ledger((20_000, "open", 100), *events)
    wanted, neither = Label("days_past_due >= 60", 30, "d"), Label("days_past_due >= 30", 30, "d")
    found = take_snapshots(TINY, table, [20_010], wanted, indeterminate=neither)
    assert [row["label"] for row in found.table.to_pylist() if row["account"] == "A"] == [label]
    assert found.indeterminate == (label == "indeterminate")


@pytest.mark.parametrize(("opened", "short_history"), [(20_000.0, 0), (20_001.0, 1)])
def test_an_account_with_too_short_a_history_is_left_out_and_counted(opened: float, short_history: int) -> None:
    table = ledger((opened, "open", 100))
    found = take_snapshots(TINY, table, [20_010], history=CalendarSpan(10, "d"))
    assert (found.table.num_rows, found.short_history) == (1 - short_history, short_history)


def test_a_length_of_time_that_cannot_be_read_says_how() -> None:
    with pytest.raises(LinekeeperError, match="`half a year` is no length of time; write it like `6m`"):
        read_span("half a year")


def test_a_label_that_cannot_be_read_says_how() -> None:
    with pytest.raises(LinekeeperError, match="within 12m"):
        read_label("days_past_due >= 60")
