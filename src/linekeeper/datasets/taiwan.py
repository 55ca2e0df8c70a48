"""The Taiwan card data (Yeh 2009, UCI 350, CC BY 4.0) as events, and its labels apart from them.

30,000 card accounts, six months (April to September 2005), NT$ without cents: read them with a policy of
`currency: TWD` and `minor_digits: 0`. In the file, suffix 1 is September and 6 is April; the status of
September is PAY_0. The days are synthetic (see `panel`). What stands in the file and what is assumed:

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

from pathlib import Path
from typing import TYPE_CHECKING, Any

from linekeeper.core.errors import LinekeeperError
from linekeeper.datasets.monthly import DRAW, REFUND, REPAY, REPORT, STATEMENT, joined, rows

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

APRIL = (2005 - 1970) * 12 + 3  # months since 1970-01
MONTHS = 6
STATUS = ("PAY_6", "PAY_5", "PAY_4", "PAY_3", "PAY_2", "PAY_0")  # April to September
STANDINGS = ("unused", "paid", "revolving", "behind")
MINIMUM_BP = 200
MINIMUM_FLOOR = 1_000
DAYS_A_MONTH = 30
LABELS = ("SEX", "EDUCATION", "MARRIAGE", "AGE")
OUTCOME = "default_payment_next_month"
MONEY = tuple(f"{name}{k}" for name in ("BILL_AMT", "PAY_AMT") for k in range(1, MONTHS + 1))


def read_taiwan(path: Path) -> tuple[pa.Table, pa.Table]:
    """The events in order of time, and the labels: `account`, `granted`, `defaulted` (0, 1), SEX ... AGE in small.

    LinekeeperError where the file lacks a column of the data set.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        data = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise LinekeeperError(f"`{path}` cannot be read as Parquet: {str(error).splitlines()[0].lower()}") from None
    missing = {"ID", "LIMIT_BAL", OUTCOME, *STATUS, *MONEY, *LABELS} - set(data.column_names)
    if missing:
        raise LinekeeperError(f"`{path}` is not the Taiwan data: it has no column `{min(missing)}`")
    column = {name: data[name].to_numpy().astype("int64") for name in data.column_names}
    return _events(column), _labels(column)


def _events(column: dict[str, np.ndarray]) -> pa.Table:
    """`bill`, `paid`, `status` are [month, account], April first."""
    import numpy as np

    accounts = column["ID"]
    bill = np.stack([column[f"BILL_AMT{k}"] for k in range(MONTHS, 0, -1)])
    paid = np.stack([column[f"PAY_AMT{k}"] for k in range(MONTHS, 0, -1)])
    status = np.stack([column[name] for name in STATUS])
    spent = bill[1:] - bill[:-1] + paid[1:]  # May to September
    march = np.full(len(accounts), APRIL - 1)
    return joined(
        [
            rows("open", accounts, march, (31, 12), limit=column["LIMIT_BAL"]),
            rows("balance", accounts, march, (31, 13), amount=bill[0] + paid[0]),
            _where("draw", accounts, spent > 0, DRAW, 1, amount=spent),
            _where("refund", accounts, spent < 0, REFUND, 1, amount=-spent),
            _where("repay", accounts, paid > 0, REPAY, 0, amount=paid),
            _where("balance", accounts, spent < 0, STATEMENT, 1, amount=bill[1:]),
            *_statements(accounts, bill, paid, status),
            _where("delinquency", accounts, status > -9, REPORT, 0, days=np.maximum(status, 0) * DAYS_A_MONTH),
        ]
    )


def _where(
    kind: str, accounts: np.ndarray, these: np.ndarray, moment: tuple[int, int], first: int, **fields: np.ndarray
) -> pa.Table:
    """Events for the true cells of a [month, account] grid whose first month is April + `first`."""
    import numpy as np

    month, account = np.nonzero(these)
    taken = {name: values[month, account] for name, values in fields.items()}
    return rows(kind, accounts[account], month + APRIL + first, moment, **taken)


def _statements(accounts: np.ndarray, bill: np.ndarray, paid: np.ndarray, status: np.ndarray) -> list[pa.Table]:
    """One a month; April's has neither the bill before nor a minimum due."""
    import numpy as np

    standing = np.array(STANDINGS)[np.clip(status, -2, 1) + 2]
    tables = []
    for month in range(MONTHS):
        fields: dict[str, Any] = {"balance": bill[month], "paid": paid[month], "standing": standing[month]}
        if month:
            fields |= {"previous": bill[month - 1], "minimum": minimum_due(bill[month - 1])}
        tables.append(rows("statement", accounts, np.full(len(accounts), APRIL + month), STATEMENT, **fields))
    return tables


def minimum_due(bill: np.ndarray) -> np.ndarray:
    """The least that a bill is assumed to ask for.

    >>> import numpy as np
    >>> minimum_due(np.array([-50, 600, 3_000, 100_000]))
    array([   0,  600, 1000, 2000])
    """
    import numpy as np

    due: np.ndarray = np.maximum(np.minimum(bill, np.maximum(bill * MINIMUM_BP // 10_000, MINIMUM_FLOOR)), 0)
    return due


def _labels(column: dict[str, np.ndarray]) -> pa.Table:
    import pyarrow as pa

    names = pa.array(column["ID"]).cast(pa.string())
    known = {"account": names, "granted": column["LIMIT_BAL"], "defaulted": column[OUTCOME]}
    return pa.table(known | {name.lower(): column[name] for name in LABELS})
