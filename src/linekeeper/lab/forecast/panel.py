"""A monthly delinquency panel: one bucket an account and month, its roll rates, and features as of a month."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from linekeeper.core.bounds import MISSING
from linekeeper.scorecard.many import FeatureColumn

Levels = npt.NDArray[np.int8]
Marks = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int16]

# X no loan, C paid off that month, 0: 1-29 days past due, 1: 30-59, ... 5: 150 and more, or written off
LEVEL_OF_BUCKET = {"X": -2, "C": -1, "0": 0, "1": 1, "2": 2, "3": 3, "4": 4, "5": 5}
BUCKET_NAMES = ("no loan", "paid", "1-29", "30-59", "60-89", "90-119", "120-149", "150 and more")
UNSEEN = -9
LOWEST_LEVEL = -2
PAID = -1
LATE = 0  # 1 to 29 days past due
BEHIND = 1  # the lowest level that is 30 days past due
YEAR_MONTHS = 12
NO_MONTH = 30_000  # a place of a month that no panel has
LATE_FADE, BEHIND_FADE = 0.85, 0.95  # what a month counts, of what the month after it counts


@dataclass(frozen=True)
class Panel:
    """`levels[account, month]`: the bucket's level, `UNSEEN` where the account is not in the panel. Months ascend."""

    accounts: npt.NDArray[np.str_]
    months: FeatureColumn
    levels: Levels

    @cached_property
    def history(self) -> PanelHistory:
        """What every account's past says at every month."""
        return _history_of(self.levels)

    @cached_property
    def at_risk(self) -> Marks:
        """Whether an account is in the panel and less than 30 days past due in a month."""
        at_risk: Marks = (self.levels != UNSEEN) & (self.levels < BEHIND)
        return at_risk

    @cached_property
    def next_behind(self) -> Counts:
        """The place of the first month after each one in which the account is 30 days past due; `NO_MONTH`: none."""
        months = self.levels.shape[1]
        places = np.where(self.levels >= BEHIND, np.arange(months, dtype=np.int16), np.int16(NO_MONTH))
        following = np.minimum.accumulate(places[:, ::-1], axis=1)[:, ::-1]
        return np.concatenate([following[:, 1:], np.full((len(following), 1), NO_MONTH, np.int16)], axis=1)


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


def not_behind_before(panel: Panel, month: int, ahead: int) -> tuple[npt.NDArray[np.intp], Marks]:
    """The accounts at risk in `month` that had not fallen behind before `month + ahead`, and whether they did then."""
    waiting = panel.at_risk[:, month] & (panel.levels[:, month + ahead] != UNSEEN)
    waiting &= panel.next_behind[:, month] >= month + ahead
    accounts = np.flatnonzero(waiting)
    return accounts, panel.next_behind[accounts, month] == month + ahead


def features_at(panel: Panel, month: int, accounts: npt.NDArray[np.intp]) -> dict[str, FeatureColumn]:
    """Features of those accounts as of a month (its place in the panel): nothing after it is read."""
    history = panel.history

    def now(matrix: npt.NDArray[Any]) -> FeatureColumn:
        values: FeatureColumn = matrix[accounts, month].astype(np.int64)
        return values

    def within(matrix: npt.NDArray[Any], months: int) -> FeatureColumn:
        """How many of the newest months are marked, of a matrix that has counted them up."""
        before = month - months
        return now(matrix) - (matrix[accounts, before] if before >= 0 else 0)

    def months_since(matrix: npt.NDArray[Any]) -> FeatureColumn:
        last = now(matrix)
        return np.where(last < 0, MISSING, month - last)

    features = {
        "months_seen": now(history.seen),
        "bucket": now(panel.levels),
        "bucket_before": _level_before(panel, month, 1, accounts),
        "bucket_2_before": _level_before(panel, month, 2, accounts),
        "worst": now(history.worst),
        "months_behind": now(history.behind),
        "times_behind": now(history.falls),
        "months_since_behind": months_since(history.last_behind),
        "months_since_paid": months_since(history.last_paid),
        "late_run": now(history.late_run),
        # Of the newest twelve months, those that differ from the month before, which is one of the twelve as well.
        "changes_12m": within(history.changes, YEAR_MONTHS - 1),
        "late_months": now(history.late),
        "late_share": now(history.late_or_behind) * 10_000 // np.maximum(now(history.billed), 1),
        "late_index": now(history.late_index),
        "behind_index": now(history.behind_index),
        "paid_index": now(history.paid_index),
        "same_run": now(history.same_run),
    }
    for months in (3, 6, 12):
        features[f"late_months_{months}m"] = within(history.late, months)
        features[f"paid_months_{months}m"] = within(history.paid, months)
    features["behind_months_12m"] = within(history.behind, YEAR_MONTHS)
    return features


def _level_before(panel: Panel, month: int, months: int, accounts: npt.NDArray[np.intp]) -> FeatureColumn:
    """The level so many months before; missing where the account was not seen."""
    if month < months:
        return np.full(len(accounts), MISSING)
    level = panel.levels[accounts, month - months].astype(np.int64)
    return np.where(level == UNSEEN, MISSING, level)


@dataclass(frozen=True, slots=True)
class PanelHistory:
    """What every account's past says at every month, once for all months: each is [accounts, months].

    The counts run up to and with the month; `last_behind` and `last_paid` are places of months, -1 where there is none.
    """

    seen: Counts
    worst: Levels
    behind: Counts
    falls: Counts
    last_behind: Counts
    last_paid: Counts
    late_run: Counts
    same_run: Counts
    changes: Counts
    late: Counts
    paid: Counts
    late_or_behind: Counts
    billed: Counts
    late_index: npt.NDArray[np.int32]
    behind_index: npt.NDArray[np.int32]
    paid_index: npt.NDArray[np.int32]


def _history_of(levels: Levels) -> PanelHistory:
    seen, behind, late, paid = levels != UNSEEN, levels >= BEHIND, levels == LATE, levels == PAID
    before, seen_before = levels[:, :-1], seen[:, :-1]
    falls = _after_first(behind[:, 1:] & (before < BEHIND) & seen_before)
    changes = _after_first((levels[:, 1:] != before) & seen_before)
    same = levels[:, 1:] == before
    return PanelHistory(
        seen=_counted(seen),
        worst=np.maximum.accumulate(np.where(seen, levels, LOWEST_LEVEL), axis=1).astype(np.int8),
        behind=_counted(behind),
        falls=_counted(falls),
        last_behind=_last_marked(behind),
        last_paid=_last_marked(paid),
        late_run=_newest_runs(late),
        same_run=_newest_runs(_after_first(same)) + np.int16(1),
        changes=_counted(changes),
        late=_counted(late),
        paid=_counted(paid),
        late_or_behind=_counted(levels >= LATE),
        billed=_counted(levels >= PAID),
        late_index=_faded_counts(levels >= LATE, LATE_FADE),
        behind_index=_faded_counts(behind, BEHIND_FADE),
        paid_index=_faded_counts(paid, LATE_FADE),
    )


def _after_first(marks: Marks) -> Marks:
    """Marks of the months after the first one, with none for the first."""
    return np.concatenate([np.zeros((len(marks), 1), dtype=bool), marks], axis=1)


def _counted(marks: Marks) -> Counts:
    return np.cumsum(marks, axis=1, dtype=np.int16)


def _last_marked(marks: Marks) -> Counts:
    """The place of the newest month that is marked, up to each month; -1 where none is."""
    places = np.where(marks, np.arange(marks.shape[1], dtype=np.int16), np.int16(-1))
    return np.maximum.accumulate(places, axis=1)


def _newest_runs(marks: Marks) -> Counts:
    """How many months up to each one are marked without a break."""
    places = np.arange(marks.shape[1], dtype=np.int16)
    return np.asarray(places - _last_marked(~marks), dtype=np.int16)


def _faded_counts(marks: Marks, fade: float) -> npt.NDArray[np.int32]:
    """How many months are marked, older ones counting less and less; in thousandths."""
    months = marks.shape[1]
    weights = np.round(1_000 * fade ** np.arange(months))
    age = np.arange(months)[None, :] - np.arange(months)[:, None]
    by_month = np.where(
        age >= 0, weights[np.maximum(age, 0)], 0.0
    )  # [month that is marked, month from which it is seen]
    # Whole numbers below 2^53: sums of floats are exact, and a product of matrices is quick.
    return np.asarray(marks.astype(np.float64) @ by_month, dtype=np.int32)
