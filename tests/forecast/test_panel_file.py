"""Any lender's panel becomes the same panel; features counted up for all months are those counted month by month."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import LinekeeperError, UsageError
from linekeeper.lab.fit.table_columns import read_table
from linekeeper.lab.forecast.hazard import forecast_panel
from linekeeper.lab.forecast.page import render_forecast
from linekeeper.lab.forecast.panel import (
    BEHIND,
    LATE,
    LOWEST_LEVEL,
    PAID,
    UNSEEN,
    Panel,
    features_at,
    not_behind_before,
)
from linekeeper.lab.forecast.panel_file import column_renames, panel_of, with_renames
from tests.forecast.test_forecast import made_panel

DEC = [2023 * 12 + 11, 2024 * 12]  # December 2023 and January 2024, counted from the year 0


@pytest.mark.parametrize(
    "months",
    [
        ["2023-12", "2024-01"],
        ["2023/12/31", "2024/01/31"],
        [202312, 202401],
        [date(2023, 12, 31), date(2024, 1, 1)],
        pa.array(["2023-12-01", "2024-01-01"]).dictionary_encode(),
    ],
)
def test_months_of_the_calendar_follow_each_other_however_they_are_written(months: Any) -> None:
    panel = panel_of(pa.table({"account": ["a", "a"], "month": months, "bucket": ["0", "1"]}))
    assert panel.months.tolist() == DEC
    assert panel.levels.tolist() == [[0, 1]]


def test_days_past_due_make_buckets_at_both_sides_of_each_bound() -> None:
    days = [0, 1, 29, 30, 59, 60, 89, 90, 119, 120, 149, 150, 2_000]
    panel = panel_of(pa.table({"account": ["a"] * 13, "month": list(range(13)), "days_past_due": days}))
    assert panel.levels[0].tolist() == [-1, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_columns_of_any_name_are_mapped_from_a_csv(tmp_path: Path) -> None:
    rows = {"loan": [7, 8], "period": ["2024-01", "2024-02"], "dpd": [0, 31], "month": [9, 9]}
    pa_csv.write_csv(pa.table(rows), tmp_path / "p.csv")
    renames = column_renames(["loan=account", "period=month", "dpd=days_past_due"])
    panel = panel_of(with_renames(read_table(tmp_path / "p.csv"), renames))
    assert panel.accounts.tolist() == ["7", "8"]
    assert panel.levels.tolist() == [[-1, UNSEEN], [UNSEEN, 1]]


@pytest.mark.parametrize("option", ["loan", "=account", "loan=lender", "a=account,b=month"])
def test_a_mapping_that_is_none_is_refused(option: str) -> None:
    with pytest.raises(UsageError, match="maps no column of a panel; write `theirs=ours`"):
        column_renames([option])
    with pytest.raises(UsageError):
        column_renames(["a=account", "b=account"])
    with pytest.raises(LinekeeperError, match="no column `loan`; it has account"):
        with_renames(pa.table({"account": [1]}), {"loan": "account"})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"month": [1, 1], "bucket": ["0", "0"], "account": ["a", "a"]},
            "account `a` has 2 rows of the month 1; keep one",
        ),
        ({"month": [1, None], "bucket": ["0", "0"]}, "month of the panel is missing in row 2"),
        (
            {"month": ["2024-13", "2024-01"], "bucket": ["0", "0"]},
            "is text that does not begin with a year and a month",
        ),
        ({"month": [1, 5_000], "bucket": ["0", "0"]}, "spans 5,000 months of 2 accounts"),
        ({"month": [1, 2], "bucket": ["0", None]}, "`` is no bucket"),
        ({"month": [1, 2], "bucket": ["0", "paid up"]}, "`paid up` is no bucket; use X, C and 0 to 5, or map days"),
        ({"month": [1, 2], "days_past_due": [0, None]}, "`days_past_due` is missing in row 2"),
        ({"month": [1, 2], "days_past_due": [-1, 0]}, "`days_past_due` is -1 in row 1"),
        ({"month": [1, 2]}, "no column `bucket`"),
        ({"bucket": ["0", "0"]}, "no column `month`; .* map one to it: `--map theirs=month`"),
        ({"month": [1, 2], "bucket": ["0", "0"], "account": [None, "a"]}, "no `account` in row 1"),
    ],
)
def test_a_panel_that_cannot_be_is_refused_by_name(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(LinekeeperError, match=message):
        panel_of(pa.table({"account": ["a", "b"], **columns}))


# ------------------------------------------------------------------ features, month by month


def slow_features(levels: list[int], month: int) -> dict[str, int]:
    """The features of one account as of a month, from its list of levels alone, newest first."""
    past = levels[: month + 1][::-1]
    seen = [level for level in past if level != UNSEEN]
    year = past[:12]

    def before(months: int) -> int:
        return past[months] if len(past) > months and past[months] != UNSEEN else MISSING

    def since(wanted: list[bool]) -> int:
        return wanted.index(True) if any(wanted) else MISSING

    def run(wanted: list[bool]) -> int:
        return wanted.index(False) if not all(wanted) else len(wanted)

    def faded(wanted: list[bool], fade: float) -> int:
        return sum(round(1_000 * fade**age) for age, is_one in enumerate(wanted) if is_one)

    late, paid, behind = (
        [test(level) for level in past] for test in (LATE.__eq__, PAID.__eq__, lambda one: one >= BEHIND)
    )
    features = {
        "months_seen": len(seen),
        "bucket": past[0],
        "bucket_before": before(1),
        "bucket_2_before": before(2),
        "worst": max([*seen, LOWEST_LEVEL]),
        "months_behind": sum(behind),
        "times_behind": sum(a >= BEHIND > b and b != UNSEEN for a, b in pairwise(past)),
        "months_since_behind": since(behind),
        "months_since_paid": since(paid),
        "late_run": run(late),
        "changes_12m": sum(a != b and b != UNSEEN for a, b in pairwise(year)),
        "late_months": sum(late),
        "late_share": sum(one >= LATE for one in past) * 10_000 // max(sum(one >= PAID for one in past), 1),
        "late_index": faded([one >= LATE for one in past], 0.85),
        "behind_index": faded(behind, 0.95),
        "paid_index": faded(paid, 0.85),
        "same_run": run([one == past[0] for one in past]),
        "behind_months_12m": sum(behind[:12]),
    }
    for months in (3, 6, 12):
        features[f"late_months_{months}m"], features[f"paid_months_{months}m"] = sum(late[:months]), sum(paid[:months])
    return features


LEVELS = st.sampled_from([UNSEEN, -2, -1, -1, 0, 0, 1, 2, 5])


@st.composite
def rows_of_panels(draw: st.DrawFn) -> list[list[int]]:
    months = draw(st.integers(1, 20))
    return draw(st.lists(st.lists(LEVELS, min_size=months, max_size=months), min_size=1, max_size=4))


@settings(max_examples=80, deadline=None)
@given(rows_of_panels())
def test_features_are_those_of_each_account_counted_by_hand(rows: list[list[int]]) -> None:
    cells = np.array(rows, dtype=np.int8)
    panel = Panel(np.arange(len(rows)).astype(str), np.arange(cells.shape[1]), cells)
    accounts = np.arange(len(rows))
    for month in range(cells.shape[1]):
        features = features_at(panel, month, accounts)
        for account, levels in enumerate(rows):
            assert {name: int(values[account]) for name, values in features.items()} == slow_features(levels, month)
        for ahead in range(1, cells.shape[1] - month):
            expected = {}
            for account, levels in enumerate(rows):
                later, now = levels[month + 1 : month + ahead + 1], levels[month]
                if now != UNSEEN and now < BEHIND and later[-1] != UNSEEN and max(later[:-1], default=-9) < BEHIND:
                    expected[account] = later[-1] >= BEHIND
            waiting, behind = not_behind_before(panel, month, ahead)
            assert dict(zip(waiting.tolist(), behind.tolist(), strict=True)) == expected


def test_lightgbm_is_fitted_only_where_it_is_to_be_compared() -> None:
    made = made_panel(900)
    alone, beside = forecast_panel(made, listed=1), forecast_panel(made, listed=1, compare=True)
    assert alone["out_of_time"]["auc_lightgbm"] is None
    assert alone["out_of_time"]["gains"]["forest"] is None
    assert 0.5 < beside["out_of_time"]["auc_lightgbm"] < 1
    assert alone["out_of_time"]["auc"] == beside["out_of_time"]["auc"]
    assert "LightGBM" not in render_forecast(alone)
    assert "LightGBM, same rows" in render_forecast(beside)


def test_a_panel_in_which_nobody_falls_behind_is_refused() -> None:
    levels = np.zeros((50, 40), dtype=np.int8)
    with pytest.raises(LinekeeperError, match="nobody falls behind"):
        forecast_panel(Panel(np.arange(50).astype(str), np.arange(40), levels))
