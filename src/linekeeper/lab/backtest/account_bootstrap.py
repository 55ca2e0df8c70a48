"""Intervals by drawing accounts again: an account comes with all its labels, so labels of one account are no news.

Efron, B. and Tibshirani, R. (1993), An Introduction to the Bootstrap, chapter 13 (percentiles).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1_000
SEED = 20_240_531  # the same draws each time, so that the same question has the same answer
_DRAWS_A_BLOCK = 50
FloatTable = NDArray[np.float64]


def resampled_sums(
    accounts: Sequence[str], columns: FloatTable, resamples: int = RESAMPLES, seed: int = SEED
) -> FloatTable:
    """The sums of columns over accounts that are drawn again with repeats.

    `columns`: labels by columns; `accounts`: whose each label is. Returns resamples by columns.
    """
    names, place = np.unique(np.asarray(accounts, dtype=object), return_inverse=True)
    sums = np.zeros((len(names), columns.shape[1]))
    np.add.at(sums, place, columns)
    generator, drawn = np.random.default_rng(seed), np.zeros((resamples, columns.shape[1]))
    for begin in range(0, resamples if len(names) else 0, _DRAWS_A_BLOCK):
        block = min(_DRAWS_A_BLOCK, resamples - begin)
        draws = (np.bincount(generator.integers(0, len(names), len(names)), minlength=len(names)) for _ in range(block))
        drawn[begin : begin + block] = np.stack(list(draws)).astype(float) @ sums
    return drawn


def percentile_interval(values: FloatTable) -> tuple[float, float] | None:
    """The middle 95 % of what the draws gave; None where none of them gave a figure.

    >>> percentile_interval(np.linspace(0, 1, 1001))
    (0.025, 0.975)
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    low, high = np.quantile(known, (0.025, 0.975))
    return float(low), float(high)


def rate_of_sums(parts: FloatTable, wholes: FloatTable) -> FloatTable:
    """Part by part of the whole; no number where the whole is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(wholes > 0, parts / wholes, np.nan)
