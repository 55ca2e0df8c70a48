"""The credit approval panel (Credit Card Approval Prediction, 2020, CC0 as its uploader states): events, and a panel.

45,985 accounts, 1,048,575 account-months of delinquency buckets; no amounts and no limits. Months are relative
(MONTHS_BALANCE 0 is the last, -60 the first) and are anchored here: month 0 is December 2019. The days are
synthetic (see `monthly`). What stands in the file and what is assumed:

| event | from | note |
|---|---|---|
| `open` | the account's first month | on its first day; a nominal limit of 100,000, the same for all |
| `delinquency` | STATUS, every month | C (paid off), X (no loan): 0 days; 0: 1, 1: 30, 2: 60, 3: 90, 4: 120, 5: 150 |

The days are the least that a bucket can mean: bucket 0 is 1 to 29 days past due, bucket 5 is 150 or more, or
written off. Amounts being unknown, no draw, repayment or statement is made up.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from linekeeper.core.errors import FileError
from linekeeper.datasets.monthly import REPORT, join_by_time, monthly_events
from linekeeper.lab.parquet import read_parquet_table

LAST_MONTH = (2019 - 1970) * 12 + 11  # MONTHS_BALANCE 0 := December 2019, in months since 1970-01
NOMINAL_LIMIT = 100_000
DAYS_PAST_DUE = {"X": 0, "C": 0, "0": 1, "1": 30, "2": 60, "3": 90, "4": 120, "5": 150}
PANEL_NAMES = {"ID": "account", "MONTHS_BALANCE": "month", "STATUS": "bucket"}


def read_approval(path: Path) -> pa.Table:
    """The events of `credit_record.parquet`, in order of time.

    Raises FileError where the file lacks a column or holds a status that the data set does not have.
    """
    data = read_parquet_table(path)
    missing = PANEL_NAMES.keys() - set(data.column_names)
    if missing:
        raise FileError(
            f"`{path}` is not the approval panel: it has no column `{min(missing)}`",
            code="data-set-not-recognised",
            place=str(path),
        )
    buckets = data["STATUS"].combine_chunks().cast(pa.string()).dictionary_encode()
    statuses = ", ".join(DAYS_PAST_DUE)
    if buckets.null_count or set(buckets.dictionary.to_pylist()) - DAYS_PAST_DUE.keys():
        raise FileError(
            f"`{path}` is not the approval panel: its STATUS has other values than {statuses}",
            code="data-set-not-recognised",
            place=str(path),
        )
    days = np.array([DAYS_PAST_DUE[status] for status in buckets.dictionary.to_pylist()])[buckets.indices.to_numpy()]
    accounts = data["ID"].to_numpy().astype(np.int64)
    months = data["MONTHS_BALANCE"].to_numpy().astype(np.int64) + LAST_MONTH
    holders, holder = np.unique(accounts, return_inverse=True)
    first_month = np.full(len(holders), LAST_MONTH)
    np.minimum.at(first_month, holder, months)
    limits = np.full(len(holders), NOMINAL_LIMIT)
    return join_by_time([
        monthly_events("open", holders, first_month, (1, 12), limit=limits),
        monthly_events("delinquency", accounts, months, REPORT, days=days),
    ])  # fmt: skip


def with_panel_names(data: pa.Table) -> pa.Table:
    """The data set's columns as `account`, `month` and `bucket`, for a forecast; any other table stays as it is.

    >>> with_panel_names(pa.table({"ID": [7], "MONTHS_BALANCE": [0], "STATUS": ["C"]})).column_names
    ['account', 'month', 'bucket']
    """
    return data.rename_columns([PANEL_NAMES.get(name, name) for name in data.column_names])
