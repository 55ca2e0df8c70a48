"""How large a card has to be: by level, how many cells a person reads, and what fewer of them cost on rows not seen.

Each level lets the merging of bins lose more. The curve is measured on the folds of the validation; the cells are those
of the card of all rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from linekeeper.lab.fit.additive_model import Floats
from linekeeper.lab.fit.metrics import auc, log_loss, paired_over_folds
from linekeeper.lab.fit.scaling import probability, slope_and_shift

MERGE_COSTS = (0.0, 2e-6, 2e-5, 2e-4, 2e-3)  # nats of log-loss a row that each part of a card may lose, by level
DEFAULT_LEVEL = 1
LEVEL_MAX = len(MERGE_COSTS) - 1


@dataclass(frozen=True, slots=True)
class SizeStep:
    """One level: the cells of its card, and on rows not seen its AUC (mean of the folds), log-loss and AUC lost.

    `auc_lost` is that of the finest level less its own, with the 95 % interval, paired over the folds.
    """

    level: int
    cells: int
    auc: float
    log_loss: float
    auc_lost: float
    low: float
    high: float


def size_method(level: int) -> str:
    """The name under which a validation keeps what the card of a level says of rows not seen."""
    return f"size_{level}"


SIZE_METHODS = tuple(size_method(level) for level in range(len(MERGE_COSTS)))


def level_without_loss(label: npt.NDArray[np.int64], log_odds: Mapping[str, Floats]) -> int:
    """The last level before the log-loss on rows not seen rises: merging stops there.

    Each level is calibrated by a slope and a shift, as a card is, so that only the shape counts.

    >>> label = np.array([0, 1] * 50)
    >>> fine, flat = label * 2.0 + np.arange(100) / 100, np.zeros(100)
    >>> log_odds = {**dict.fromkeys(SIZE_METHODS[:3], fine), **dict.fromkeys(SIZE_METHODS[3:], flat)}
    >>> level_without_loss(label, log_odds)
    2
    """
    losses = [loss_after_calibration(label, log_odds[method]) for method in SIZE_METHODS]
    level = 0
    while level < LEVEL_MAX and losses[level + 1] <= losses[level]:
        level += 1
    return level


def loss_after_calibration(label: npt.NDArray[np.int64], log_odds: Floats) -> float:
    """The mean log-loss after calibration by a slope and a shift."""
    slope, shift = slope_and_shift(label, log_odds)
    return log_loss(label, probability(slope * log_odds + shift))


def size_steps(
    label: npt.NDArray[np.int64],
    rows_by_fold: Sequence[npt.NDArray[np.bool_]],
    log_odds: Mapping[str, Floats],
    cells: Sequence[int],
) -> tuple[SizeStep, ...]:
    """The curve of sizes; `cells`: of the card of all rows at each level."""
    by_level = [[auc(label[rows], log_odds[method][rows]) for rows in rows_by_fold] for method in SIZE_METHODS]
    return tuple(
        SizeStep(
            level,
            cells[level],
            float(np.mean(of_level)),
            loss_after_calibration(label, log_odds[size_method(level)]),
            *paired_over_folds(by_level[0], of_level),
        )
        for level, of_level in enumerate(by_level)
    )
