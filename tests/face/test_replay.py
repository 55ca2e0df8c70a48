"""A replay in Python: decisions, timelines and features as objects and as tables."""

from __future__ import annotations

from datetime import date, datetime

import pyarrow as pa
import pytest

import linekeeper as lk
from linekeeper.face.replay import ReplayResult
from tests.face.examples import EVENTS, LIMITS, POLICY, UNTIL, example_rows, opened


@pytest.fixture(scope="module")
def result() -> ReplayResult:
    return lk.replay(POLICY, EVENTS, until=UNTIL)


def test_decisions_are_objects(result: ReplayResult) -> None:
    first = result.decisions[0]
    assert (first.name, first.action, first.reasons) == ("A-1001#1", "decrease", ("arrears",))
    assert (first.limit_before_minor, first.limit_minor, first.granted_minor) == (1_000_000, 500_000, 1_000_000)
    assert (first.status_before, first.status) == ("active", "reduced")
    assert first.at == datetime.fromisoformat("2025-05-13T00:00:00+08:00")
    assert first.event is None
    assert first.values["days_past_due"] == 3
    assert [decision.limit_minor for decision in result.decisions] == LIMITS
    assert result.decisions[1:][0].triggers_released == ("late_3",)


def test_decisions_are_a_table_with_the_same_names(result: ReplayResult) -> None:
    table = result.decisions.table
    assert table.schema.field("at").type == pa.timestamp("ms", "Asia/Shanghai")
    for row, decision in zip(table.to_pylist(), result.decisions, strict=True):
        for name in ("account", "number", "at", "event", "action", "limit_before_minor", "limit_minor", "status"):
            assert row[name] == getattr(decision, name)


def test_a_timeline_begins_with_the_opening_and_has_a_point_a_decision(result: ReplayResult) -> None:
    (line,) = result.timelines
    assert [point.limit_minor for point in line.points] == [1_000_000, *LIMITS]
    assert [point.decision for point in line.points] == [None, 1, 2, 3, 4]
    assert line.points[0].at == datetime.fromisoformat("2025-03-03T10:00:00+08:00")
    assert result.timelines.table["limit_minor"].to_pylist() == [1_000_000, *LIMITS]


def test_an_account_without_a_decision_has_a_timeline_and_features() -> None:
    rows = [opened("B", "b", 70_000), opened("B", "again", 10), *example_rows()]
    result = lk.replay(POLICY, rows, until=UNTIL)
    assert [line.account for line in result.timelines] == ["A-1001", "B"]
    assert [point.limit_minor for point in result.timelines[1].points] == [70_000]
    assert [row.account for row in result.features] == ["A-1001", "B"]
    assert [rejection.reason for rejection in result.rejected] == ["the account is already open"]


def test_features_are_those_of_a_snapshot(result: ReplayResult) -> None:
    taken = lk.snapshots(POLICY, EVENTS, [date(2025, 12, 31)])
    assert result.features.table.equals(taken.table)
    assert result.features[0].day == date(2025, 12, 31)
    assert result.features[0].values["past_due"] == 0


def test_features_hold_the_events_of_the_last_day() -> None:
    rows = [
        opened("B", "b"),
        {"id": "d", "account": "B", "kind": "draw", "at": "2025-03-03T11:00:00+08:00", "amount": 1},
    ]
    (row,) = lk.replay(POLICY, rows).features
    assert (row.day, row.values["count(draw, 7d)"]) == (date(2025, 3, 4), 1)


def test_a_snapshot_has_the_labels_that_were_asked_for() -> None:
    days = [date(2025, 4, 1), date(2025, 5, 14)]
    taken = lk.snapshots(POLICY, EVENTS, days, label="days_past_due >= 3 within 60d")
    assert [(row.day, row.label) for row in taken] == [(days[0], 1)]
    assert (taken.already, taken.unseen) == (1, 0)
    assert taken.table.schema.field("day").type == pa.date32()


def test_arrow_takes_results_as_they_are(result: ReplayResult) -> None:
    assert pa.table(result.decisions).equals(result.decisions.table)
    assert pa.table(result.features)["account"].to_pylist() == ["A-1001"]


def test_results_show_themselves_and_escape_what_comes_from_data() -> None:
    rows = [row | {"account": "<b>&"} for row in example_rows()]
    result = lk.replay(POLICY, rows, until=UNTIL)
    shown = result._repr_html_()
    assert "<td>&lt;b&gt;&amp;</td>" in shown
    assert "<b>" not in shown
    assert "500000" in shown
    assert "late_3" in lk.load_policy(POLICY)._repr_html_()
    assert "&lt;b&gt;" in result.decisions[0]._repr_html_()


def test_a_long_table_shows_its_first_rows() -> None:
    result = lk.replay(POLICY, [opened(f"A{number:02}", f"{number}") for number in range(25)])
    assert "5 further rows" in result.features._repr_html_()
