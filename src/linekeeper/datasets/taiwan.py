"""The Taiwan card data (Yeh 2009, UCI 350, CC BY 4.0) as events with its labels apart from them, and as training data.

30,000 card accounts, six months (April to September 2005), NT$ without cents: read them with a policy of
`currency: TWD` and `minor_digits: 0`. In the file, suffix 1 is September and 6 is April; the status of
September is PAY_0. The days are synthetic (see `monthly`). What stands in the file and what is assumed:

| event | from | note |
|---|---|---|
| `open` | LIMIT_BAL | 31 March 2005; the true opening date is unknown |
| `balance` | BILL_AMT6 + PAY_AMT6 | the debt of 31 March and April's purchases, which cannot be told apart |
| `draw` | the bill less the one before plus payments, where above 0 | May to September; net, with interest and fees |
| `refund` | the same where below 0 | the account's `balance` is then set to the bill at the statement |
| `repay` | PAY_AMT where above 0 | it settles the bill before |
| `statement` | BILL_AMT, PAY_AMT, PAY_k | `standing`: unused (-2), paid (-1), revolving (0), behind (1 and more) |
| `delinquency` | PAY_k | n months behind are 30 n days; 0 days where PAY_k is 0 or less |

Assumed: a minimum due of 2 % of the bill before, at least NT$ 1,000 (or the whole bill where it is less).

The outcome (default in October 2005) and SEX, EDUCATION, MARRIAGE, AGE are in no event: no policy can see them.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from linekeeper.core.bounds import MISSING, SHARE_CEILING_BP
from linekeeper.core.errors import FileError
from linekeeper.datasets.monthly import DRAW, REFUND, REPAY, REPORT, STATEMENT, join_by_time, monthly_events
from linekeeper.lab.fit.plan import FitPlan, read_fit_plan
from linekeeper.lab.fit.training_table import TrainingTable, training_table
from linekeeper.lab.parquet import read_parquet_table
from linekeeper.scorecard.many import FeatureColumn, FeatureColumns

APRIL = (2005 - 1970) * 12 + 3  # months since 1970-01
MONTHS_OF_DATA = 6
SEPTEMBER_END_DAY = 13_056  # 2005-09-30, the end of the last month in the data
STATUS_COLUMNS = ("PAY_6", "PAY_5", "PAY_4", "PAY_3", "PAY_2", "PAY_0")  # April to September
STANDINGS = ("unused", "paid", "revolving", "behind")
MINIMUM_BP = 200
MINIMUM_FLOOR = 1_000
DAYS_A_MONTH = 30
PERSONAL_COLUMNS = ("SEX", "EDUCATION", "MARRIAGE", "AGE")
OUTCOME_COLUMN = "default_payment_next_month"
AMOUNT_COLUMNS = tuple(f"{name}{k}" for name in ("BILL_AMT", "PAY_AMT") for k in range(1, MONTHS_OF_DATA + 1))


def read_taiwan(path: Path) -> tuple[pa.Table, pa.Table]:
    """The events in order of time, and the labels: `account`, `granted`, `defaulted` (0, 1), SEX ... AGE in small.

    Raises FileError where the file lacks a column of the data set.
    """
    data = read_parquet_table(path)
    needed = {"ID", "LIMIT_BAL", OUTCOME_COLUMN, *STATUS_COLUMNS, *AMOUNT_COLUMNS, *PERSONAL_COLUMNS}
    missing = needed - set(data.column_names)
    if missing:
        raise FileError(
            f"`{path}` is not the Taiwan data: it has no column `{min(missing)}`",
            code="data-set-not-recognised",
            place=str(path),
        )
    column = {name: data[name].to_numpy().astype("int64") for name in data.column_names}
    return _events(column), _labels(column)


def _events(column: dict[str, np.ndarray]) -> pa.Table:
    """The table of the module's docstring; `bill`, `paid` and `status` are [month, account], April first."""
    accounts = column["ID"]
    bill = np.stack([column[f"BILL_AMT{k}"] for k in range(MONTHS_OF_DATA, 0, -1)])
    paid = np.stack([column[f"PAY_AMT{k}"] for k in range(MONTHS_OF_DATA, 0, -1)])
    status = np.stack([column[name] for name in STATUS_COLUMNS])
    spent = bill[1:] - bill[:-1] + paid[1:]  # May to September
    march = np.full(len(accounts), APRIL - 1)
    return join_by_time(
        [
            monthly_events("open", accounts, march, (31, 12), limit=column["LIMIT_BAL"]),
            monthly_events("balance", accounts, march, (31, 13), amount=bill[0] + paid[0]),
            _events_where("draw", accounts, spent > 0, DRAW, 1, amount=spent),
            _events_where("refund", accounts, spent < 0, REFUND, 1, amount=-spent),
            _events_where("repay", accounts, paid > 0, REPAY, 0, amount=paid),
            _events_where("balance", accounts, spent < 0, STATEMENT, 1, amount=bill[1:]),
            *_statements(accounts, bill, paid, status),
            _events_where("delinquency", accounts, status > -9, REPORT, 0, days=np.maximum(status, 0) * DAYS_A_MONTH),
        ]
    )


def _events_where(
    kind: str,
    accounts: np.ndarray,
    cells: np.ndarray,
    day_and_hour: tuple[int, int],
    first_month: int,
    **fields: np.ndarray,
) -> pa.Table:
    """Events for the true cells of a [month, account] grid whose first month is April + `first_month`."""
    month, account = np.nonzero(cells)
    values_of_cells = {name: values[month, account] for name, values in fields.items()}
    return monthly_events(kind, accounts[account], month + APRIL + first_month, day_and_hour, **values_of_cells)


def _statements(accounts: np.ndarray, bill: np.ndarray, paid: np.ndarray, status: np.ndarray) -> list[pa.Table]:
    """One statement a month; April's has neither the bill before nor a minimum due, since March is unknown."""
    standing = np.array(STANDINGS)[np.clip(status, -2, 1) + 2]
    tables = []
    for month in range(MONTHS_OF_DATA):
        fields: dict[str, Any] = {"balance": bill[month], "paid": paid[month], "standing": standing[month]}
        if month:
            fields |= {"previous": bill[month - 1], "minimum": minimum_due(bill[month - 1])}
        tables.append(monthly_events("statement", accounts, np.full(len(accounts), APRIL + month), STATEMENT, **fields))
    return tables


def minimum_due(bill: np.ndarray) -> np.ndarray:
    """The least that a bill is assumed to ask for.

    >>> minimum_due(np.array([-50, 600, 3_000, 100_000]))
    array([   0,  600, 1000, 2000])
    """
    due: np.ndarray = np.maximum(np.minimum(bill, np.maximum(bill * MINIMUM_BP // 10_000, MINIMUM_FLOOR)), 0)
    return due


def _labels(column: dict[str, np.ndarray]) -> pa.Table:
    """What is known of the accounts beside the events: it stays apart, so that no policy can read it."""
    accounts = pa.array(column["ID"]).cast(pa.string())
    labels = {"account": accounts, "granted": column["LIMIT_BAL"], "defaulted": column[OUTCOME_COLUMN]}
    return pa.table(labels | {name.lower(): column[name] for name in PERSONAL_COLUMNS})


# ------------------------------------------------------------------ as training data


def taiwan_training_data(path: Path, derived: bool = False) -> tuple[TrainingTable, FitPlan]:
    """The training table and its plan: the raw columns, or (`derived`) features measured over the six months.

    Raises LinekeeperError where the file lacks a column of the data set.
    """
    plans = files("linekeeper.datasets") / "plans"
    raw_plan = read_fit_plan(plans / "taiwan.yaml")
    data = read_parquet_table(path)
    table = training_table(data.rename_columns({"ID": "account"}) if "ID" in data.column_names else data, raw_plan)
    table = replace(table, at_day=np.full(len(table), SEPTEMBER_END_DAY, np.int64))
    if not derived:
        return table, raw_plan
    return replace(table, features=derive_taiwan_features(table.features)), read_fit_plan(plans / "taiwan-derived.yaml")


def derive_taiwan_features(raw: FeatureColumns) -> dict[str, FeatureColumn]:
    """Features of delinquency, utilisation and payments over the six months.

    Shares are in basis points; suffix 1 is September.
    """
    status = np.stack([raw[name] for name in ("PAY_0", *(f"PAY_{k}" for k in range(2, 7)))])
    bill = np.stack([raw[f"BILL_AMT{k}"] for k in range(1, 7)])
    paid = np.stack([raw[f"PAY_AMT{k}"] for k in range(1, 7)])
    limit = raw["LIMIT_BAL"]
    late, used, owed = np.maximum(status, 0), bill * 10_000 // limit, np.maximum(bill[1:], 0)
    drawn = np.maximum(bill[:5] - bill[1:] + paid[:5], 0)
    return {
        "limit": limit,
        **{f"status_{k + 1}": status[k] for k in range(6)},
        "late_max": late.max(0),
        "late_sum": late.sum(0),
        "late_sum_3m": late[:3].sum(0),
        "late_months": (status >= 1).sum(0),
        "late_months_2": (status >= 2).sum(0),
        "paid_in_full_months": (status == -1).sum(0),
        "unused_months": (status == -2).sum(0),
        "revolving_months": (status == 0).sum(0),
        "months_since_late": np.where((status >= 1).any(0), (status >= 1).argmax(0), MISSING),
        "utilisation_1": used[0],
        "utilisation_mean": used.sum(0) // 6,
        "utilisation_max": used.max(0),
        "utilisation_min": used.min(0),
        "utilisation_slope": used[0] - used[5],
        "utilisation_slope_3m": used[0] - used[2],
        "available": limit - bill[0],
        "bill_1": bill[0],
        "bill_max": bill.max(0),
        "payment_ratio_1": _ratio(paid[0], owed[0]),
        "payment_ratio_2": _ratio(paid[1], owed[1]),
        "payment_ratio": _ratio(paid[:5].sum(0), owed.sum(0)),
        "paid_1": paid[0],
        "paid_2": paid[1],
        "paid_3": paid[2],
        "paid_sum": paid.sum(0),
        "paid_sum_3m": paid[:3].sum(0),
        "paid_max": paid.max(0),
        "paid_min": paid.min(0),
        "no_payment_months": (paid <= 0).sum(0),
        "paid_of_limit": paid.sum(0) * 10_000 // limit,
        "drawn_1": drawn[0],
        "drawn_sum": drawn.sum(0),
    }


def _ratio(part: FeatureColumn, whole: FeatureColumn) -> FeatureColumn:
    """part / whole in basis points, at most a hundredfold; missing where there is nothing owed."""
    share = np.minimum(part * 10_000 // np.maximum(whole, 1), SHARE_CEILING_BP)
    return np.where(whole > 0, share, MISSING)
