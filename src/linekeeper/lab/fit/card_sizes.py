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
DEFAULT_LEVEL = 1  # where no rows can be held out to choose one


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


def level_of_least_loss(label: npt.NDArray[np.int64], by_level: Sequence[Floats], weight: Floats | None = None) -> int:
    """The level whose card loses least on rows not seen, the coarsest of equals; `by_level`: its log-odds of them.

    Beyond it the loss rises: merging has taken what the data say, and not chance alone. Each level is calibrated by a
    slope and a shift, as a card is, so that only the shape counts.

    >>> label = np.array([0, 1] * 50)
    >>> fine, flat = label * 2.0 + np.arange(100) / 100, np.zeros(100)
    >>> level_of_least_loss(label, [fine, fine, fine, flat, flat])
    2
    """
    losses = [loss_after_calibration(label, log_odds, weight) for log_odds in by_level]
    return max(level for level, loss in enumerate(losses) if loss == min(losses))


def level_beyond_chance(label: npt.NDArray[np.int64], by_level: Sequence[Floats], weight: Floats | None = None) -> int:
    """The usual level, unless rows held out speak for another beyond chance: then the first of the others that does not
    lose more than one standard error against the level of least loss.

    The card is a mean of several boosters, or one of more rows than were held in, and so has less noise for merging to
    take away than what is judged here; the usual level gets the benefit of the doubt.

    >>> label = np.array([0, 1] * 50)
    >>> fine, flat = label * 2.0 + np.arange(100) / 100, np.zeros(100)
    >>> level_beyond_chance(label, [fine, fine, flat, flat, flat]), level_beyond_chance(label, [fine, *[flat] * 4])
    (1, 0)
    """
    losses = np.array([_losses(label, log_odds, weight) for log_odds in by_level])
    least = losses[int(np.argmin(losses.mean(1)))]
    order = [DEFAULT_LEVEL, *(level for level in range(len(by_level)) if level != DEFAULT_LEVEL)]
    behind = losses - least
    errors = behind.std(1) / np.sqrt(len(label))
    return next(level for level in order if behind[level].mean() <= errors[level])


def _losses(label: npt.NDArray[np.int64], log_odds: Floats, weight: Floats | None) -> Floats:
    """The log-loss of each row, times its weight, after calibration."""
    slope, shift = slope_and_shift(label, log_odds, weight)
    of_rows: Floats = np.logaddexp(0.0, (1 - 2 * label) * (slope * log_odds + shift))
    return of_rows if weight is None else of_rows * weight


def loss_after_calibration(label: npt.NDArray[np.int64], log_odds: Floats, weight: Floats | None = None) -> float:
    """The mean log-loss after calibration by a slope and a shift."""
    slope, shift = slope_and_shift(label, log_odds, weight)
    return log_loss(label, probability(slope * log_odds + shift), weight)


def size_steps(
    label: npt.NDArray[np.int64],
    rows_by_fold: Sequence[npt.NDArray[np.bool_]],
    log_odds: Mapping[str, Floats],
    cells: Sequence[int],
    weight: Floats | None = None,
) -> tuple[SizeStep, ...]:
    """The curve of sizes; `cells`: of the card of all rows at each level."""

    def ranked(log_odds: Floats, rows: npt.NDArray[np.bool_]) -> float:
        return auc(label[rows], log_odds[rows], None if weight is None else weight[rows])

    by_level = [[ranked(log_odds[method], rows) for rows in rows_by_fold] for method in SIZE_METHODS]
    return tuple(
        SizeStep(
            level,
            cells[level],
            float(np.mean(of_level)),
            loss_after_calibration(label, log_odds[size_method(level)], weight),
            *paired_over_folds(by_level[0], of_level),
        )
        for level, of_level in enumerate(by_level)
    )
