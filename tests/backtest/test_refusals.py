"""Labels with dates: what is refused, by name, and what a date means."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from linekeeper.core.errors import LinekeeperError
from linekeeper.lab.backtest.account_bootstrap import percentile_interval, rate_of_sums, resampled_sums
from linekeeper.lab.backtest.dated_labels import labels_of_table
from linekeeper.lab.backtest.run import BacktestQuestion, run_backtest
from linekeeper.policy.load import load_text
from tests.backtest.streams import POLICY, german_like

GOOD = {"account": ["A", "B"], "observed_on": ["2024-05-01", "2024-05-02"], "outcome": ["bad", "good"]}
DAY_MS = 86_400_000
NOON = 19_723 * DAY_MS + 12 * 3_600_000  # 2024-01-01


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"observed_on": None}, "column-missing", "no column `observed_on`"),
        ({"outcome": None}, "column-missing", "no column `outcome`"),
        ({"observed_on": ["2024-05-01", "1 May"]}, "column-of-wrong-type", "`1 May`"),
        ({"observed_on": [1, 2]}, "column-of-wrong-type", "of the type int64"),
        ({"outcome": ["bad", "worse"]}, "column-of-wrong-type", "`worse` in row 2"),
        ({"account": ["A", None]}, "column-of-wrong-type", "`account`"),
        ({"amount": [1, -1]}, "column-of-wrong-type", "below 0 in row 2"),
        ({"account": ["A", "A"], "observed_on": ["2024-05-01"] * 2}, "label-twice", "the account `A` twice"),
    ],
)
def test_labels_that_say_nothing_are_refused(change: dict[str, Any], code: str, words: str) -> None:
    columns = {name: values for name, values in (GOOD | change).items() if values is not None}
    with pytest.raises(LinekeeperError, match=words) as refused:
        labels_of_table(pa.table(columns), "l.parquet")
    assert refused.value.code == code


def test_labels_of_accounts_without_events_are_refused_by_name() -> None:
    events, _, _ = german_like(accounts=2, seed=1)
    labels = labels_of_table(pa.table(GOOD), "l.parquet")
    with pytest.raises(LinekeeperError, match="accounts that no event is of: `A`, `B`") as refused:
        run_backtest(load_text(POLICY), events.drop_columns(["arrived"]), None, BacktestQuestion(labels, "l.parquet"))
    assert refused.value.code == "label-without-account"


@pytest.mark.parametrize(("observed", "restricted"), [(40, False), (41, True), (69, True)])
def test_a_label_is_held_against_the_line_as_its_day_began(observed: int, restricted: bool) -> None:
    """45 days behind on day 40, cured on day 50: the hold of 20 days and the steps back keep the line down until 84."""
    rows: list[dict[str, Any]] = [
        {"id": "1", "account": "A", "kind": "open", "at": NOON, "limit": 1_000},
        {"id": "2", "account": "A", "kind": "delinquency", "at": NOON + 40 * DAY_MS, "days": 45},
        {"id": "3", "account": "A", "kind": "delinquency", "at": NOON + 50 * DAY_MS, "days": 0},
        {"id": "4", "account": "A", "kind": "draw", "at": NOON + 300 * DAY_MS, "amount": 1},
    ]
    columns = {name: [row.get(name) for row in rows] for name in ("id", "account", "kind", "at")}
    columns |= {name: pa.array([row.get(name) for row in rows], pa.int64()) for name in ("limit", "days", "amount")}
    days = pa.array(np.array([19_723 + observed], dtype=np.int32), pa.int32()).cast(pa.date32())
    labels = labels_of_table(pa.table({"account": ["A"], "observed_on": days, "outcome": ["bad"]}), "labels")
    result = run_backtest(load_text(POLICY), pa.table(columns), None, BacktestQuestion(labels, "labels"))
    assert result.figures.total.bad_hit == int(restricted)
    assert result.figures.total.median_lead_days == (observed - 40 if restricted else None)
    # At the end of the file the line is whole again: whoever measures there has missed the restriction.
    assert result.decisions[-1].after.limit == 1_000


def test_the_intervals_hold_what_they_promise() -> None:
    """Of 200 samples of 400 accounts with three labels each, about 95 in 100 intervals hold the true rate of 0.3."""
    generator, held = np.random.default_rng(5), 0
    accounts = [str(row // 3) for row in range(1_200)]
    for seed in range(200):
        rate = generator.beta(3, 7, 400).repeat(3)  # labels of one account are alike
        bad = (generator.random(1_200) < rate).astype(float)
        drawn = resampled_sums(accounts, np.column_stack([bad, np.ones(1_200)]), 400, seed)
        interval = percentile_interval(rate_of_sums(drawn[:, 0], drawn[:, 1]))
        assert interval is not None
        held += interval[0] <= 0.3 <= interval[1]
    assert 180 <= held <= 199
