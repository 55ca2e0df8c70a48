"""A monthly delinquency panel: one bucket an account and month, its roll rates, and features as of a month."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import LinekeeperError
from linekeeper.lab.fit.training_table import read_parquet
from linekeeper.scorecard.many import Column

if TYPE_CHECKING:
    import pyarrow as pa

Levels = npt.NDArray[np.int8]

# X no loan, C paid off that month, 0: 1-29 days past due, 1: 30-59, ... 5: 150 and more, or written off
BUCKETS = {"X": -2, "C": -1, "0": 0, "1": 1, "2": 2, "3": 3, "4": 4, "5": 5}
NAMES = ("no loan", "paid", "1-29", "30-59", "60-89", "90-119", "120-149", "150 and more")
UNSEEN = -9
BEHIND = 1  # the lowest bucket that is 30 days past due
LAST_MONTHS = 12
FADES_LATE, FADES_BEHIND = 0.85, 0.95  # what a month counts, of what the month after it counts
COLUMNS = (("ID", "account"), ("MONTHS_BALANCE", "month"), ("STATUS", "bucket"))


@dataclass(frozen=True, slots=True)
class Panel:
    """`levels[account, month]`: the bucket's level, `UNSEEN` where the account is not in the panel. Months ascend."""

    accounts: npt.NDArray[np.str_]
    months: Column
    levels: Levels


def read_panel(path: Path) -> Panel:
    """A panel (Parquet) of `account`, `month` (a number that rises by one a month) and `bucket` (X, C, 0 to 5).

    The columns ID, MONTHS_BALANCE, STATUS of the approval data are understood too. LinekeeperError where it is no
    panel.
    """
    return from_arrow(read_parquet(path))


def from_arrow(data: pa.Table) -> Panel:
    """The same from a table in memory."""
    account, month, bucket = (_column(data, names) for names in COLUMNS)
    words, at = np.unique(bucket.astype(str), return_inverse=True)
    unknown = sorted(set(words.tolist()) - set(BUCKETS))
    if unknown:
        raise LinekeeperError(f"`{unknown[0]}` is no bucket; use X, C and 0 to 5")
    level = np.array([BUCKETS[word] for word in words], dtype=np.int8)[at]
    accounts, row = np.unique(account, return_inverse=True)
    number = month.astype(np.int64)
    first = int(number.min())
    levels = np.full((len(accounts), int(number.max()) - first + 1), UNSEEN, dtype=np.int8)
    levels[row, number - first] = level
    return Panel(accounts.astype(str), np.arange(first, first + levels.shape[1]), levels)


def _column(data: pa.Table, names: tuple[str, ...]) -> npt.NDArray[np.generic]:
    for name in names:
        if name in data.column_names:
            return np.asarray(data[name].to_numpy(zero_copy_only=False))
    raise LinekeeperError(f"the panel has no column `{names[-1]}`; it needs account, month and bucket")


def roll_rates(panel: Panel) -> npt.NDArray[np.int64]:
    """How often an account in one bucket (row) was in another (column) the month after, in the order of `NAMES`."""
    before, after = panel.levels[:, :-1], panel.levels[:, 1:]
    both = (before != UNSEEN) & (after != UNSEEN)
    step = (before[both].astype(np.int64) + 2) * len(NAMES) + after[both] + 2
    return np.bincount(step, minlength=len(NAMES) ** 2).reshape(len(NAMES), len(NAMES)).astype(np.int64)


def at_risk(panel: Panel, place: int) -> npt.NDArray[np.intp]:
    """The accounts that were in the panel, and less than 30 days past due, in the month at that place."""
    level = panel.levels[:, place]
    return np.flatnonzero((level != UNSEEN) & (level < BEHIND))


def features_at(panel: Panel, place: int, accounts: npt.NDArray[np.intp]) -> dict[str, Column]:
    """Features of those accounts as of the month at `place`: nothing after it is read."""
    past = panel.levels[accounts, : place + 1][:, ::-1].astype(np.int64)  # newest first
    seen = past != UNSEEN
    year = past[:, :LAST_MONTHS]
    falls = (past[:, :-1] >= BEHIND) & (past[:, 1:] < BEHIND) & seen[:, 1:]
    found = {
        "months_seen": seen.sum(1),
        "bucket": past[:, 0],
        "bucket_before": _at(past, 1),
        "bucket_2_before": _at(past, 2),
        "worst": np.where(seen, past, -2).max(1),
        "months_behind": (past >= BEHIND).sum(1),
        "times_behind": falls.sum(1),
        "months_since_behind": _since(past >= BEHIND),
        "months_since_paid": _since(past == -1),
        "late_run": _run(past == 0),
        "changes_12m": ((year[:, :-1] != year[:, 1:]) & (year[:, 1:] != UNSEEN)).sum(1),
        "late_months": (past == 0).sum(1),
        "late_share": (past >= 0).sum(1) * 10_000 // np.maximum((past >= -1).sum(1), 1),
        "late_index": _faded(past >= 0, FADES_LATE),
        "behind_index": _faded(past >= BEHIND, FADES_BEHIND),
        "paid_index": _faded(past == -1, FADES_LATE),
        "same_run": _run(past == past[:, :1]),
    }
    for months in (3, 6, 12):
        window = past[:, :months]
        found[f"late_months_{months}m"] = (window == 0).sum(1)
        found[f"paid_months_{months}m"] = (window == -1).sum(1)
    found["behind_months_12m"] = (year >= BEHIND).sum(1)
    return {name: values.astype(np.int64) for name, values in found.items()}


def _at(past: Column, back: int) -> Column:
    """The bucket so many months before; missing where the account was not seen."""
    if past.shape[1] <= back:
        return np.full(len(past), MISSING)
    return np.where(past[:, back] == UNSEEN, MISSING, past[:, back])


def _since(there: npt.NDArray[np.bool_]) -> Column:
    """Months since a month that is marked (newest first); missing where none is."""
    return np.where(there.any(1), there.argmax(1), MISSING)


def _faded(there: npt.NDArray[np.bool_], fades: float) -> Column:
    """How many months are marked, older ones counting less and less; in thousandths."""
    weights = np.round(1_000 * fades ** np.arange(there.shape[1])).astype(np.int64)
    return np.asarray(there @ weights, dtype=np.int64)


def _run(there: npt.NDArray[np.bool_]) -> Column:
    """How many of the newest months are marked without a break."""
    return np.asarray(np.where(there.all(1), there.shape[1], (~there).argmax(1)), dtype=np.int64)
