"""The panel: read right, blind to what comes after, and its hazard learns what was put in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import LinekeeperError
from linekeeper.datasets.catalogue import plan_named
from linekeeper.lab.forecast.hazard import fit_hazard, forecast_panel
from linekeeper.lab.forecast.panel import NAMES, UNSEEN, Panel, at_risk, features_at, from_arrow, roll_rates


def panel_of(*rows: str) -> Panel:
    """One account a word, one month a letter; `.` is unseen."""
    levels = {".": UNSEEN, "X": -2, "C": -1, **{str(n): n for n in range(6)}}
    months = len(rows[0])
    cells = np.array([[levels[letter] for letter in row] for row in rows], dtype=np.int8)
    return Panel(np.arange(len(rows)).astype(str), np.arange(months), cells)


def test_a_panel_is_read_in_order_of_months() -> None:
    data = pa.table({"ID": [7, 7, 8], "MONTHS_BALANCE": [0, -2, -1], "STATUS": ["1", "C", "X"]})
    panel = from_arrow(data)
    assert panel.accounts.tolist() == ["7", "8"]
    assert panel.months.tolist() == [-2, -1, 0]
    assert panel.levels.tolist() == [[-1, UNSEEN, 1], [UNSEEN, -2, UNSEEN]]


def test_an_unknown_bucket_is_refused() -> None:
    with pytest.raises(LinekeeperError, match="`9` is no bucket"):
        from_arrow(pa.table({"account": ["a"], "month": [1], "bucket": ["9"]}))


def test_a_table_without_buckets_is_refused() -> None:
    with pytest.raises(LinekeeperError, match="no column `bucket`"):
        from_arrow(pa.table({"account": ["a"], "month": [1]}))


def test_features_of_a_history() -> None:
    panel = panel_of("..C01100C0")
    found = {name: values[0] for name, values in features_at(panel, 9, np.array([0])).items()}
    assert found["months_seen"] == 8
    assert (found["bucket"], found["bucket_before"], found["bucket_2_before"]) == (0, -1, 0)
    assert (found["worst"], found["months_behind"], found["times_behind"]) == (1, 2, 1)
    assert (found["months_since_behind"], found["months_since_paid"], found["late_run"]) == (4, 1, 1)
    assert (found["late_months_3m"], found["late_months"]) == (2, 4)


def test_what_never_was_is_missing() -> None:
    found = features_at(panel_of(".0"), 1, np.array([0]))
    assert [int(found[name][0]) for name in ("bucket_before", "months_since_behind", "months_since_paid")] == [
        MISSING
    ] * 3


def test_no_feature_sees_past_its_month() -> None:
    one, other = panel_of("C00C0", "000C1"), panel_of("C005.", "000XX")
    rows = np.array([0, 1])
    for name, values in features_at(one, 2, rows).items():
        assert values.tolist() == features_at(other, 2, rows)[name].tolist(), name


def test_who_is_at_risk() -> None:
    assert at_risk(panel_of("0", "1", ".", "X"), 0).tolist() == [0, 3]


def test_roll_rates_count_months_that_follow_each_other() -> None:
    counts = roll_rates(panel_of("C0.0", "001."))
    assert counts.sum() == 3
    assert counts[NAMES.index("paid"), NAMES.index("1-29")] == 1
    assert counts[NAMES.index("1-29"), NAMES.index("1-29")] == 1
    assert counts[NAMES.index("1-29"), NAMES.index("30-59")] == 1


def made_panel(accounts: int = 1_500, months: int = 40) -> Panel:
    """Late accounts fall behind with 10 % a month, paid ones never at once; half the paid turn late each month."""
    chance = np.random.default_rng(3)
    levels = np.full((accounts, months), -1, dtype=np.int8)
    for month in range(1, months):
        before, luck = levels[:, month - 1], chance.random(accounts)
        late = np.where(luck < 0.1, 1, np.where(luck < 0.6, 0, -1))
        levels[:, month] = np.where(before >= 0, late, np.where(luck < 0.5, 0, -1))
    return Panel(np.arange(accounts).astype(str), np.arange(months), levels)


def test_a_forecast_tells_what_comes() -> None:
    found = forecast_panel(made_panel(), listed=5)
    next_month = found["by_horizon"][0]
    assert next_month["told"] == pytest.approx(next_month["came"], abs=0.02)
    assert found["by_horizon"][-1]["told"] == pytest.approx(found["by_horizon"][-1]["came"], abs=0.05)
    assert found["out_of_time"]["auc"] > 0.6
    assert len(found["early_warning"]) == 5
    assert found["early_warning"][0]["bucket"] == "1-29"


def test_chances_rise_with_the_months_ahead() -> None:
    panel = made_panel(600)
    hazard = fit_hazard(panel, plan_named("panel"), 27)
    chances = hazard.chances(features_at(panel, 30, at_risk(panel, 30)))
    assert (np.diff(chances, axis=1) >= 0).all()
    assert ((chances > 0) & (chances < 1)).all()


def test_a_panel_that_is_too_short_is_refused() -> None:
    with pytest.raises(LinekeeperError, match="too short"):
        forecast_panel(panel_of("C0" * 8, "00" * 8))


@pytest.mark.data
def test_the_approval_panel_is_whole(data_dir: Path) -> None:
    from linekeeper.lab.forecast.panel import read_panel

    panel = read_panel(data_dir / "credit_card_approval" / "credit_record.parquet")
    assert (panel.levels != UNSEEN).sum() == 1_048_575
    assert len(panel.accounts) == 45_985
    assert int((panel.levels >= 1).any(1).sum()) == 5_350
