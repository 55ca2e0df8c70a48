"""Folds of accounts: each has its share of goods and of bads, and no account is in two."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from linekeeper.core.errors import Refused, UsageError
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.scorecard.many import FeatureColumn

FOLDS_MIN, FOLDS_MAX = 2, 100


def folds_of(table: TrainingTable, folds: int, seed: int) -> npt.NDArray[np.intp]:
    """A fold for each row, at random; folds hold about as many accounts, and rows of one account stay in one fold.

    scikit-learn's StratifiedGroupKFold would draw other folds: no figure of before could be compared with one of now.
    Raises UsageError where there are too few or too many folds, Refused where there are fewer goods or bads than folds.
    """
    if not FOLDS_MIN <= folds <= FOLDS_MAX:
        raise UsageError(
            f"{folds} folds are not to be had",
            code="folds-out-of-range",
            way_out=f"ask for {FOLDS_MIN} to {FOLDS_MAX}",
            details={"folds": folds},
        )
    account, bad = _accounts(table)
    if _fewer_of_both(bad) < folds:
        raise Refused(
            f"too few goods or bads for {folds} folds", code="data-too-few", way_out="use fewer folds or more data"
        )
    chance = np.random.default_rng(seed)
    fold = np.empty(len(bad), np.intp)
    for label in (0, 1):  # one after the other, so that goods and bads are spread evenly, both
        members = chance.permutation(np.flatnonzero(bad == label))
        if table.weight is not None:  # the heaviest first, so that no fold has much more of the weight than another
            members = members[np.argsort(-np.bincount(account, table.weight)[members], kind="stable")]
        fold[members] = np.arange(len(members)) % folds
    return fold[account]


def folds_possible(table: TrainingTable) -> int:
    """Into how many folds the table can be parted: as many as there are bad accounts, or good ones."""
    return _fewer_of_both(_accounts(table)[1])


def _fewer_of_both(bad: FeatureColumn) -> int:
    """How many accounts are bad, or good, whichever are fewer."""
    return int(min(bad.sum(), len(bad) - bad.sum()))


def _accounts(table: TrainingTable) -> tuple[npt.NDArray[np.intp], FeatureColumn]:
    """The number of each row's account, and for each account whether any of its rows is bad."""
    accounts, account = np.unique(table.account, return_inverse=True)
    bad = np.zeros(len(accounts), np.int64)
    np.maximum.at(bad, account, table.label)
    return account, bad
