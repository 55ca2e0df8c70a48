"""The panel is read right and blind to what comes after; its hazard learns what the made data hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import LinekeeperError
from linekeeper.datasets.approval import with_panel_names
from linekeeper.lab.forecast.hazard import fit_forecast, forecast_panel, hazard_plan
from linekeeper.lab.forecast.panel import BUCKET_NAMES, UNSEEN, Panel, at_risk, features_at, roll_rates
from linekeeper.lab.forecast.panel_file import panel_of
from linekeeper.lab.parquet import read_parquet_table


def panel(*rows: str) -> Panel:
    """One account a word, one month a letter; `.` is unseen."""
    levels = {".": UNSEEN, "X": -2, "C": -1, **{str(n): n for n in range(6)}}
    months = len(rows[0])
    cells = np.array([[levels[letter] for letter in row] for row in rows], dtype=np.int8)
    return Panel(np.arange(len(rows)).astype(str), np.arange(months), cells)


def test_a_panel_is_read_in_order_of_months() -> None:
    data = pa.table({"account": [7, 7, 8], "month": [0, -2, -1], "bucket": ["1", "C", "X"]})
    read = panel_of(data)
    assert read.accounts.tolist() == ["7", "8"]
    assert read.months.tolist() == [-2, -1, 0]
    assert read.levels.tolist() == [[-1, UNSEEN, 1], [UNSEEN, -2, UNSEEN]]


def test_an_unknown_bucket_is_refused() -> None:
    with pytest.raises(LinekeeperError, match="`9` is no bucket"):
        panel_of(pa.table({"account": ["a"], "month": [1], "bucket": ["9"]}))


def test_a_table_without_buckets_is_refused() -> None:
    with pytest.raises(LinekeeperError, match="no column `bucket`"):
        panel_of(pa.table({"account": ["a"], "month": [1]}))


def test_features_of_a_history() -> None:
    features = {name: values[0] for name, values in features_at(panel("..C01100C0"), 9, np.array([0])).items()}
    assert features["months_seen"] == 8
    assert (features["bucket"], features["bucket_before"], features["bucket_2_before"]) == (0, -1, 0)
    assert (features["worst"], features["months_behind"], features["times_behind"]) == (1, 2, 1)
    assert (features["months_since_behind"], features["months_since_paid"], features["late_run"]) == (4, 1, 1)
    assert (features["late_months_3m"], features["late_months"]) == (2, 4)


def test_what_never_was_is_missing() -> None:
    features = features_at(panel(".0"), 1, np.array([0]))
    assert [int(features[name][0]) for name in ("bucket_before", "months_since_behind", "months_since_paid")] == [
        MISSING
    ] * 3


def test_no_feature_sees_past_its_month() -> None:
    one, other = panel("C00C0", "000C1"), panel("C005.", "000XX")
    rows = np.array([0, 1])
    for name, values in features_at(one, 2, rows).items():
        assert values.tolist() == features_at(other, 2, rows)[name].tolist(), name


def test_who_is_at_risk() -> None:
    assert at_risk(panel("0", "1", ".", "X"), 0).tolist() == [0, 3]


def test_roll_rates_count_months_that_follow_each_other() -> None:
    counts = roll_rates(panel("C0.0", "001."))
    assert counts.sum() == 3
    assert counts[BUCKET_NAMES.index("paid"), BUCKET_NAMES.index("1-29")] == 1
    assert counts[BUCKET_NAMES.index("1-29"), BUCKET_NAMES.index("1-29")] == 1
    assert counts[BUCKET_NAMES.index("1-29"), BUCKET_NAMES.index("30-59")] == 1


def made_panel(accounts: int = 1_500, months: int = 40) -> Panel:
    """Late accounts fall behind with 10 % a month, paid ones never at once; half the paid turn late each month."""
    chance = np.random.default_rng(3)
    levels = np.full((accounts, months), -1, dtype=np.int8)
    for month in range(1, months):
        before, luck = levels[:, month - 1], chance.random(accounts)
        late = np.where(luck < 0.1, 1, np.where(luck < 0.6, 0, -1))
        levels[:, month] = np.where(before >= 0, late, np.where(luck < 0.5, 0, -1))
    return Panel(np.arange(accounts).astype(str), np.arange(months), levels)


def test_a_forecast_predicts_what_is_observed() -> None:
    forecast = forecast_panel(made_panel(), listed=5)
    next_month = forecast["by_horizon"][0]
    assert next_month["predicted"] == pytest.approx(next_month["observed"], abs=0.02)
    assert forecast["by_horizon"][-1]["predicted"] == pytest.approx(forecast["by_horizon"][-1]["observed"], abs=0.05)
    assert forecast["out_of_time"]["auc"] > 0.6
    assert len(forecast["early_warning"]) == 5
    assert forecast["early_warning"][0]["bucket"] == "1-29"


def test_chances_rise_with_the_months_ahead() -> None:
    made = made_panel(600)
    forecast = fit_forecast(made, hazard_plan(), 27)
    chances = forecast.chances(features_at(made, 30, at_risk(made, 30)))
    assert (np.diff(chances, axis=1) >= 0).all()
    assert ((chances > 0) & (chances < 1)).all()


def test_a_panel_that_is_too_short_is_refused() -> None:
    with pytest.raises(LinekeeperError, match="too short"):
        forecast_panel(panel("C0" * 8, "00" * 8))


@pytest.mark.data
def test_the_approval_panel_is_whole(data_dir: Path) -> None:
    data = read_parquet_table(data_dir / "credit_card_approval" / "credit_record.parquet")
    approval = panel_of(with_panel_names(data))
    assert (approval.levels != UNSEEN).sum() == 1_048_575
    assert len(approval.accounts) == 45_985
    assert int((approval.levels >= 1).any(1).sum()) == 5_350
