"""A monthly delinquency panel: one bucket an account and month, its roll rates, and features as of a month."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import FileError
from linekeeper.scorecard.many import FeatureColumn

Levels = npt.NDArray[np.int8]
Marks = npt.NDArray[np.bool_]

# X no loan, C paid off that month, 0: 1-29 days past due, 1: 30-59, ... 5: 150 and more, or written off
LEVEL_OF_BUCKET = {"X": -2, "C": -1, "0": 0, "1": 1, "2": 2, "3": 3, "4": 4, "5": 5}
BUCKET_NAMES = ("no loan", "paid", "1-29", "30-59", "60-89", "90-119", "120-149", "150 and more")
UNSEEN = -9
LOWEST_LEVEL = -2
PAID = -1
LATE = 0  # 1 to 29 days past due
BEHIND = 1  # the lowest level that is 30 days past due
YEAR_MONTHS = 12
LATE_FADE, BEHIND_FADE = 0.85, 0.95  # what a month counts, of what the month after it counts


@dataclass(frozen=True, slots=True)
class Panel:
    """`levels[account, month]`: the bucket's level, `UNSEEN` where the account is not in the panel. Months ascend."""

    accounts: npt.NDArray[np.str_]
    months: FeatureColumn
    levels: Levels


def panel_of(data: pa.Table) -> Panel:
    """The panel in a table of `account`, `month` (a number that rises by one a month) and `bucket` (X, C, 0 to 5).

    Raises FileError where a column is missing or a bucket is another.
    """
    account, month, bucket = (_column(data, name) for name in ("account", "month", "bucket"))
    buckets, bucket_of_row = np.unique(bucket.astype(str), return_inverse=True)
    unknown = sorted(set(buckets.tolist()) - LEVEL_OF_BUCKET.keys())
    if unknown:
        raise FileError(
            f"`{unknown[0]}` is no bucket",
            code="bucket-not-known",
            way_out="use X, C and 0 to 5",
            details={"bucket": unknown[0]},
        )
    level = np.array([LEVEL_OF_BUCKET[name] for name in buckets], dtype=np.int8)[bucket_of_row]
    accounts, row = np.unique(account, return_inverse=True)
    number = month.astype(np.int64)
    first = int(number.min())
    levels = np.full((len(accounts), int(number.max()) - first + 1), UNSEEN, dtype=np.int8)
    levels[row, number - first] = level
    return Panel(accounts.astype(str), np.arange(first, first + levels.shape[1]), levels)


def _column(data: pa.Table, name: str) -> npt.NDArray[np.generic]:
    if name not in data.column_names:
        raise FileError(
            f"the panel has no column `{name}`; it needs account, month and bucket",
            code="column-missing",
            details={"column": name},
        )
    return np.asarray(data[name].to_numpy(zero_copy_only=False))


def roll_rates(panel: Panel) -> npt.NDArray[np.int64]:
    """How often an account in one bucket (row) was in another (column) the month after, in order of `BUCKET_NAMES`."""
    before, after = panel.levels[:, :-1], panel.levels[:, 1:]
    both = (before != UNSEEN) & (after != UNSEEN)
    size = len(BUCKET_NAMES)
    cell = (before[both].astype(np.int64) - LOWEST_LEVEL) * size + after[both] - LOWEST_LEVEL
    return np.bincount(cell, minlength=size**2).reshape(size, size).astype(np.int64)


def at_risk(panel: Panel, month: int) -> npt.NDArray[np.intp]:
    """The accounts that were in the panel, and less than 30 days past due, in a month (its place in the panel)."""
    level = panel.levels[:, month]
    return np.flatnonzero((level != UNSEEN) & (level < BEHIND))


def features_at(panel: Panel, month: int, accounts: npt.NDArray[np.intp]) -> dict[str, FeatureColumn]:
    """Features of those accounts as of a month (its place in the panel): nothing after it is read."""
    past = panel.levels[accounts, : month + 1][:, ::-1].astype(np.int64)  # newest first
    seen = past != UNSEEN
    year = past[:, :YEAR_MONTHS]
    falls = (past[:, :-1] >= BEHIND) & (past[:, 1:] < BEHIND) & seen[:, 1:]
    features = {
        "months_seen": seen.sum(1),
        "bucket": past[:, 0],
        "bucket_before": _level_before(past, 1),
        "bucket_2_before": _level_before(past, 2),
        "worst": np.where(seen, past, LOWEST_LEVEL).max(1),
        "months_behind": (past >= BEHIND).sum(1),
        "times_behind": falls.sum(1),
        "months_since_behind": _months_since(past >= BEHIND),
        "months_since_paid": _months_since(past == PAID),
        "late_run": _newest_run(past == LATE),
        "changes_12m": ((year[:, :-1] != year[:, 1:]) & (year[:, 1:] != UNSEEN)).sum(1),
        "late_months": (past == LATE).sum(1),
        "late_share": (past >= LATE).sum(1) * 10_000 // np.maximum((past >= PAID).sum(1), 1),
        "late_index": _faded_count(past >= LATE, LATE_FADE),
        "behind_index": _faded_count(past >= BEHIND, BEHIND_FADE),
        "paid_index": _faded_count(past == PAID, LATE_FADE),
        "same_run": _newest_run(past == past[:, :1]),
    }
    for months in (3, 6, 12):
        window = past[:, :months]
        features[f"late_months_{months}m"] = (window == LATE).sum(1)
        features[f"paid_months_{months}m"] = (window == PAID).sum(1)
    features["behind_months_12m"] = (year >= BEHIND).sum(1)
    return {name: values.astype(np.int64) for name, values in features.items()}


def _level_before(past: FeatureColumn, months: int) -> FeatureColumn:
    """The level so many months before; missing where the account was not seen."""
    if past.shape[1] <= months:
        return np.full(len(past), MISSING)
    return np.where(past[:, months] == UNSEEN, MISSING, past[:, months])


def _months_since(marks: Marks) -> FeatureColumn:
    """Months since a month that is marked (newest first); missing where none is."""
    return np.where(marks.any(1), marks.argmax(1), MISSING)


def _faded_count(marks: Marks, fade: float) -> FeatureColumn:
    """How many months are marked, older ones counting less and less; in thousandths."""
    weights = np.round(1_000 * fade ** np.arange(marks.shape[1])).astype(np.int64)
    return np.asarray(marks @ weights, dtype=np.int64)


def _newest_run(marks: Marks) -> FeatureColumn:
    """How many of the newest months are marked without a break."""
    return np.asarray(np.where(marks.all(1), marks.shape[1], (~marks).argmax(1)), dtype=np.int64)
