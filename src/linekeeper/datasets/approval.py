"""The credit approval panel (Credit Card Approval Prediction, 2020, CC0 as its uploader states) as events.

45,985 accounts, 1,048,575 account-months of delinquency buckets; no amounts and no limits. Months are relative
(MONTHS_BALANCE 0 is the last, -60 the first) and are anchored here: month 0 is December 2019. The days are
synthetic (see `panel`). What stands in the file and what is assumed:

| event | from | note |
|---|---|---|
| `open` | the account's first month | on its first day; a nominal limit of 100,000, the same for all |
| `delinquency` | STATUS, every month | C (paid off), X (no loan): 0 days; 0: 1, 1: 30, 2: 60, 3: 90, 4: 120, 5: 150 |

The days are the least that a bucket can mean: bucket 0 is 1 to 29 days past due, bucket 5 is 150 or more, or
written off. Amounts being unknown, no draw, repayment or statement is made up.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from linekeeper.core.errors import LinekeeperError
from linekeeper.datasets.monthly import REPORT, joined, rows

if TYPE_CHECKING:
    import pyarrow as pa

LAST_MONTH = (2019 - 1970) * 12 + 11  # MONTHS_BALANCE 0 := December 2019, in months since 1970-01
NOMINAL_LIMIT = 100_000
DAYS = {"X": 0, "C": 0, "0": 1, "1": 30, "2": 60, "3": 90, "4": 120, "5": 150}


def read_approval(path: Path) -> pa.Table:
    """The events of `credit_record.parquet`, in order of time.

    LinekeeperError where the file lacks a column or holds a status that the data set does not have.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        data = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise LinekeeperError(f"`{path}` cannot be read as Parquet: {str(error).splitlines()[0].lower()}") from None
    missing = {"ID", "MONTHS_BALANCE", "STATUS"} - set(data.column_names)
    if missing:
        raise LinekeeperError(f"`{path}` is not the approval panel: it has no column `{min(missing)}`")
    buckets = data["STATUS"].combine_chunks().cast(pa.string()).dictionary_encode()
    strange = set(buckets.dictionary.to_pylist()) - DAYS.keys()
    if strange or buckets.null_count:
        raise LinekeeperError(f"`{path}` is not the approval panel: its STATUS has other values than {', '.join(DAYS)}")
    days = np.array([DAYS[status] for status in buckets.dictionary.to_pylist()])[buckets.indices.to_numpy()]
    accounts = data["ID"].to_numpy().astype(np.int64)
    months = data["MONTHS_BALANCE"].to_numpy().astype(np.int64) + LAST_MONTH
    holders, place = np.unique(accounts, return_inverse=True)
    first = np.full(len(holders), LAST_MONTH)
    np.minimum.at(first, place, months)
    limits = np.full(len(holders), NOMINAL_LIMIT)
    return joined([
        rows("open", holders, first, (1, 12), limit=limits),
        rows("delinquency", accounts, months, REPORT, days=days),
    ])  # fmt: skip
