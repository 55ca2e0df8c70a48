"""The public data sets as events: the counts they are known by, and no more knowledge in them than there was."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linekeeper.connect.event_table import sort_by_time
from linekeeper.connect.validation import Validator
from linekeeper.core.errors import LinekeeperError
from linekeeper.datasets.approval import read_approval
from linekeeper.datasets.monthly import REPORT, STATEMENT, month_instants
from linekeeper.datasets.taiwan import OUTCOME_COLUMN, PERSONAL_COLUMNS, read_taiwan
from linekeeper.policy.load import load_file

POLICIES = Path(__file__).resolve().parents[2] / "policies"


def query(events: pa.Table, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query over `events`."""
    with duckdb.connect() as database:
        database.register("events", events)
        return database.execute(sql).fetchall()


def kinds(events: pa.Table) -> dict[str, int]:
    return dict(Counter(events["kind"].to_pylist()))


def people(**changes: int) -> dict[str, int]:
    """One account of the Taiwan data: pays its bills of 1,000 in full, month after month."""
    base = {"ID": 1, "LIMIT_BAL": 20_000, OUTCOME_COLUMN: 0} | dict.fromkeys(PERSONAL_COLUMNS, 1)
    base |= dict.fromkeys(("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6"), -1)
    base |= {f"{name}{k}": 1_000 for name in ("BILL_AMT", "PAY_AMT") for k in range(1, 7)}
    return base | changes


def read(folder: Path, *rows: dict[str, int]) -> pa.Table:
    pq.write_table(pa.Table.from_pylist(list(rows)), folder / "taiwan.parquet")
    return read_taiwan(folder / "taiwan.parquet")[0]


@pytest.fixture(scope="module")
def taiwan(data_dir: Path) -> tuple[pa.Table, pa.Table]:
    return read_taiwan(data_dir / "taiwan_credit_card/taiwan_credit_card.parquet")


@pytest.fixture(scope="module")
def approval(data_dir: Path) -> pa.Table:
    return read_approval(data_dir / "credit_card_approval/credit_record.parquet")


@pytest.mark.data
def test_taiwan_yields_what_it_is_known_for(taiwan: tuple[pa.Table, pa.Table]) -> None:
    events, labels = taiwan
    assert kinds(events) == {
        "open": 30_000, "balance": 30_619, "statement": 180_000, "delinquency": 180_000,
        "repay": 143_103, "draw": 131_033, "refund": 619,
    }  # fmt: skip
    assert query(events, "SELECT count(*) FROM events WHERE kind = 'delinquency' AND days > 0") == [(25_026,)]
    assert (labels.num_rows, sum(labels["defaulted"].to_pylist())) == (30_000, 6_636)


@pytest.mark.data
def test_taiwan_balances_come_out_at_every_statement(taiwan: tuple[pa.Table, pa.Table]) -> None:
    """The account arithmetic over draws and repayments gives each bill; a refund is mended by a `balance`."""
    events, _ = taiwan
    sql = """
        SELECT account, kind, balance, sum(CASE WHEN kind = 'draw' THEN amount
                                                WHEN kind IN ('repay', 'refund') THEN -amount
                                                WHEN id LIKE '%-2005-03-balance' THEN amount ELSE 0 END)
               OVER (PARTITION BY account ORDER BY "at" RANGE UNBOUNDED PRECEDING) AS counted
        FROM events QUALIFY kind = 'statement' AND balance <> counted
    """
    assert query(events, sql) == []


@pytest.mark.data
@pytest.mark.parametrize("name", ["taiwan", "approval"])
def test_the_card_policy_admits_every_event(name: str, request: pytest.FixtureRequest) -> None:
    data = request.getfixturevalue(name)
    events = data[0] if isinstance(data, tuple) else data
    admitted, _, aside = Validator(load_file(POLICIES / "credit-card.yaml")).admit_many(events)
    assert (admitted.num_rows, aside) == (events.num_rows, [])
    assert sort_by_time(events) is events
    assert query(events, "SELECT count(DISTINCT id) FROM events") == [(events.num_rows,)]


@pytest.mark.data
def test_no_outcome_and_no_person_is_among_the_events(taiwan: tuple[pa.Table, pa.Table]) -> None:
    events, labels = taiwan
    assert events.column_names == [
        "id", "account", "kind", "at", "limit", "amount", "balance", "paid", "standing", "previous", "minimum", "days",
    ]  # fmt: skip
    assert labels.column_names == ["account", "granted", "defaulted", "sex", "education", "marriage", "age"]
    october = month_instants(np.array([(2005 - 1970) * 12 + 9]), (1, 0))[0]
    assert max(events["at"].to_pylist()) < october


@pytest.mark.data
def test_approval_yields_what_it_is_known_for(approval: pa.Table) -> None:
    assert kinds(approval) == {"open": 45_985, "delinquency": 1_048_575}
    sql = """
        SELECT count(*) FILTER (worst >= 30), count(*) FILTER (worst >= 60), count(*) FILTER (worst >= 90)
        FROM (SELECT max(days) AS worst FROM events GROUP BY account)
    """
    assert query(approval, sql) == [(5_350, 667, 331)]


def test_september_is_pay_0_and_suffix_1(tmp_path: Path) -> None:
    events = read(tmp_path, people(PAY_0=2, PAY_6=1, BILL_AMT1=5_000, PAY_AMT1=0))
    rows = [row for row in events.to_pylist() if row["kind"] in ("delinquency", "statement", "draw")]
    by_id = {row["id"]: row for row in rows}
    assert [by_id[f"1-2005-{month}-delinquency"]["days"] for month in ("04", "05", "08", "09")] == [30, 0, 0, 60]
    september = by_id["1-2005-09-statement"]
    assert (september["balance"], september["previous"], september["paid"]) == (5_000, 1_000, 0)
    assert september["standing"] == "behind"
    assert by_id["1-2005-09-draw"]["amount"] == 4_000
    assert by_id["1-2005-04-statement"]["previous"] is None


def test_a_refund_sets_the_balance_anew(tmp_path: Path) -> None:
    events = read(tmp_path, people(BILL_AMT1=-500, PAY_AMT1=0))
    last = [(row["kind"], row["amount"], row["balance"]) for row in events.to_pylist()[-4:-1]]
    assert last == [("refund", 1_500, None), ("balance", -500, None), ("statement", None, -500)]


def test_instants_are_local_days_of_taipei() -> None:
    february_2016 = np.array([(2016 - 1970) * 12 + 1])
    (statement,) = month_instants(february_2016, STATEMENT).astype("datetime64[ms]").astype(str)
    assert statement == "2016-02-29T12:00:00.000"
    assert month_instants(february_2016, REPORT)[0] - month_instants(february_2016, STATEMENT)[0] == 3_600_000


def test_approval_days_are_the_least_a_bucket_can_mean(tmp_path: Path) -> None:
    buckets = ["X", "C", "0", "1", "2", "3", "4", "5"]
    data = {"ID": [9] * 8, "MONTHS_BALANCE": list(range(-7, 1)), "STATUS": buckets}
    pq.write_table(pa.table(data), tmp_path / "panel.parquet")
    events = read_approval(tmp_path / "panel.parquet")
    assert events["kind"].to_pylist() == ["open"] + ["delinquency"] * 8
    assert events["days"].to_pylist() == [None, 0, 0, 1, 30, 60, 90, 120, 150]
    assert events["id"].to_pylist()[-1] == "9-2019-12-delinquency"


@pytest.mark.parametrize("reader", [read_taiwan, read_approval])
def test_another_file_is_refused(tmp_path: Path, reader: object) -> None:
    pq.write_table(pa.table({"ID": [1]}), tmp_path / "other.parquet")
    (tmp_path / "none.parquet").write_bytes(b"PAR1")
    assert callable(reader)
    with pytest.raises(LinekeeperError, match="it has no column"):
        reader(tmp_path / "other.parquet")
    with pytest.raises(LinekeeperError, match="cannot be read as Parquet"):
        reader(tmp_path / "none.parquet")


def test_a_strange_bucket_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"ID": [1], "MONTHS_BALANCE": [0], "STATUS": ["9"]}), tmp_path / "panel.parquet")
    with pytest.raises(LinekeeperError, match="STATUS has other values than X, C, 0"):
        read_approval(tmp_path / "panel.parquet")
