"""Independent SQL over exported decisions and labels gives every number of a back-test."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linekeeper.datasets.approval import DAYS_PAST_DUE, LAST_MONTH, PANEL_NAMES, read_approval
from linekeeper.datasets.taiwan import read_taiwan
from tests.backtest.statements import SqlBacktest
from tests.backtest.streams import POLICY, german_like
from tests.cli.every_answer import read
from tests.style.repository import ROOT

CARD_POLICY = ROOT / "policies" / "credit-card.yaml"
SUMS = (
    *("bad", "good", "bad_hit", "good_hit", "median_lead_days", "bad_amount_minor", "bad_amount_hit_minor"),
    *("good_amount_hit_minor", "withheld_minor", "loss_minor", "loss_hit_minor", "avoided_minor", "forgone_minor"),
)


def compared(folder: Path, policy: Path, zone: str, day: str, arrivals: Any = None) -> dict[str, Any]:
    """Run the command, and hold each of its numbers against SQL."""
    asked = ("--labels", str(folder / "labels.parquet"), "--lgd", "45%", "--margin", "12.5%", "--segment", "segment")
    answer = read(
        "backtest", str(policy), str(folder / "events.parquet"), *asked, "--day", day, "-o", str(folder / "out")
    )
    sql = SqlBacktest(folder / "out/decisions.parquet", folder / "labels.parquet", zone, 4_500, 1_250, arrivals)
    agree(answer["total"], sql.counts())
    for row in answer["by_trigger"]:
        hit = f"list_contains(caught, '{row['group']}')"
        agree(row, sql.counts(hit))
        alone = sql.counts(f"({hit} AND len(caught) - CAST(list_contains(caught, '') AS INTEGER) = 1)")
        assert (row["only_bad"], row["only_good"]) == alone[2:4]
    for row in answer["by_grade"]:
        agree(row, sql.counts(rows=f"grade = '{row['group']}'"))
    for row in answer["by_month"]:
        agree(row, sql.counts(rows=f"strftime(day, '%Y-%m') = '{row['group']}'"))
    for row in answer["by_segment"]:
        agree(row, sql.counts(rows=f"segment = '{row['group']}'"))
    total = answer["total"]
    for rows in (answer["by_grade"], answer["by_month"], answer["by_segment"]):
        assert [sum(row[name] for row in rows) for name in SUMS[:4]] == [total[name] for name in SUMS[:4]]
    for point in answer["curve"]:
        cells = sql.all(
            f"SELECT count(*) FILTER (bad), count(*) FILTER (NOT bad) FROM money WHERE lead >= {point['lead_days']}"
        )
        assert cells == [(point["bad"], point["good"])]
    (confusion,) = answer["confusion"]
    assert sql.all(CONFUSION.format(day=day)) == [tuple(confusion[name] for name in CELLS)]
    return answer


CELLS = ("bad_restricted", "bad_open", "good_restricted", "good_open")
CONFUSION = """
WITH then_line AS (
  SELECT l.bad, coalesce((SELECT last(s.restricted ORDER BY s.number) FROM spell s
                          WHERE s.account = l.account AND s.day < DATE '{day}'), false) AS restricted
  FROM label l WHERE l.day >= DATE '{day}')
SELECT count(*) FILTER (bad AND restricted), count(*) FILTER (bad AND NOT restricted),
       count(*) FILTER (NOT bad AND restricted), count(*) FILTER (NOT bad AND NOT restricted) FROM then_line
"""


def agree(row: dict[str, Any], sums: tuple[Any, ...]) -> None:
    for name, value in zip(SUMS, sums, strict=True):
        # A sum of nothing is NULL in SQL; here it is 0, or null where the amount is known of no label.
        assert (row[name] or 0) == (value or 0), (row["by"], row["group"], name, row[name], value)
    for rate, interval, hits, whole in (("hit_rate", "hit_interval", 2, 0), ("false_rate", "false_interval", 3, 1)):
        if not sums[whole]:
            assert row[rate] is None
            continue
        share = sums[hits] / sums[whole]
        assert math.isclose(row[rate], share)
        low, high = row[interval]
        assert low - 1e-12 <= share <= high + 1e-12 or sums[whole] < 30
        if sums[whole] >= 1_000:  # with a label an account, drawing again comes to the binomial spread
            spread = 1.96 * math.sqrt(share * (1 - share) / sums[whole])
            assert abs((high - low) / 2 - spread) <= 0.25 * spread + 2e-4


@pytest.mark.data
def test_taiwan(data_dir: Path, tmp_path: Path) -> None:
    source = data_dir / "taiwan_credit_card/taiwan_credit_card.parquet"
    events, labels = read_taiwan(source)
    bills = pq.read_table(source)["BILL_AMT1"].to_numpy()
    dated = pa.table({
        "account": labels["account"],
        "observed_on": pa.array(["2005-10-31"] * labels.num_rows),
        "outcome": pa.array(np.where(labels["defaulted"].to_numpy() == 1, "bad", "good")),
        "amount": pa.array(np.maximum(bills, 0)),
        "segment": labels["sex"].cast(pa.string()),
    })  # fmt: skip
    write(tmp_path, events, dated)
    answer = compared(tmp_path, CARD_POLICY, "Asia/Taipei", "2005-08-15")
    assert answer["total"]["bad"] == 6_636
    assert answer["labels_after_last_day"] == 30_000


@pytest.mark.data
def test_the_approval_panel(data_dir: Path, tmp_path: Path) -> None:
    """Bad is the first month at 60 days or more; good is an account that never came there, on its last day but 90."""
    source = data_dir / "credit_card_approval/credit_record.parquet"
    panel = pq.read_table(source).rename_columns(list(PANEL_NAMES.values()))
    part = panel.filter(pa.array(panel["account"].to_numpy() % 8 == 3))
    pq.write_table(part.rename_columns(list(PANEL_NAMES)), tmp_path / "part.parquet")
    days = np.array([DAYS_PAST_DUE[one] for one in part["bucket"].to_pylist()])
    accounts, months = part["account"].to_numpy(), part["month"].to_numpy().astype(np.int64) + LAST_MONTH
    first_bad: dict[int, int] = {}
    for account, month in zip(accounts[days >= 60].tolist(), months[days >= 60].tolist(), strict=True):
        first_bad[account] = min(month, first_bad.get(account, month))
    rows = [(str(one), first_bad.get(one, LAST_MONTH - 2), one in first_bad) for one in np.unique(accounts).tolist()]
    dated = pa.table({
        "account": [name for name, _, _ in rows],
        "observed_on": [f"{1970 + month // 12}-{month % 12 + 1:02}-28" for _, month, _ in rows],
        "outcome": ["bad" if bad else "good" for _, _, bad in rows],
        "amount": [100_000] * len(rows),
        "segment": [str(month // 12) for _, month, _ in rows],
    })  # fmt: skip
    write(tmp_path, read_approval(tmp_path / "part.parquet"), dated)
    answer = compared(tmp_path, CARD_POLICY, "Asia/Taipei", "2018-01-01")
    assert answer["total"]["bad"] == len(first_bad) > 50


def test_a_stream_with_late_facts_and_several_labels_an_account(tmp_path: Path) -> None:
    events, dated, arrivals = german_like(accounts=300, seed=11)
    (tmp_path / "policy.yaml").write_text(POLICY, "utf-8")
    write(tmp_path, events, dated)
    answer = compared(tmp_path, tmp_path / "policy.yaml", "Europe/Berlin", "2024-05-01", arrivals)
    assert 0 < answer["total"]["bad_hit"] < answer["total"]["bad"]
    assert answer["accounts"] < answer["labels"]
    late = [one for one in arrivals if one[2]]
    assert late, "the stream has late facts"
    figures = pq.read_table(tmp_path / "out/figures.parquet").to_pylist()
    assert figures[0]["bad_hit"] == answer["total"]["bad_hit"]
    assert json.dumps(answer)


def write(folder: Path, events: pa.Table, labels: pa.Table) -> None:
    pq.write_table(events, folder / "events.parquet")
    pq.write_table(labels, folder / "labels.parquet")
