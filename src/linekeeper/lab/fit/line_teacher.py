"""A logistic regression as a teacher: of few rows, straight lines can be all that the data tell.

A booster of a thousand rows spends them on finding steps. Where the truth is nearly straight, a line for each feature
needs far fewer rows, and a card can learn its points from what the lines say.
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from linekeeper.lab.fit.additive_model import Floats
from linekeeper.lab.fit.feature_bins import FeatureBins, FeatureBlock
from linekeeper.lab.fit.training_table import Rows

LINES_PENALTY = 1.0  # on the squares of the slopes of standardised columns
LINES_ROUNDS_MAX = 1_000


def columns_of_lines(bins: FeatureBins) -> Floats:
    """What the regression reads: [rows, columns], each with the mean 0 and the deviation 1.

    A feature is the number of its bin, so that a few huge amounts do not bend its line; codes and missing values have
    flags, and so has each choice.
    """
    columns = np.column_stack([_columns(block, own) for block, own in zip(bins.blocks, bins.bins, strict=True)])
    deviation = columns.std(0)
    standard: Floats = (columns - columns.mean(0)) / np.where(deviation > 0, deviation, 1.0)
    return standard


def _columns(block: FeatureBlock, bins: Rows) -> Floats:
    if block.feature.choices:
        return np.column_stack([(bins == one).astype(np.float64) for one in range(block.binning.size)])
    matrix = block.matrix(bins)
    known = ~np.isnan(matrix[:, 0])
    matrix[~known, 0] = matrix[known, 0].mean() if known.any() else 0.0
    return matrix


def log_odds_of_lines(columns: Floats, label: Floats, seen: Rows, weight: Floats | None) -> Floats:
    """The log-odds of all rows by a regression on those seen."""
    regression = LogisticRegression(C=1 / LINES_PENALTY, max_iter=LINES_ROUNDS_MAX)
    regression.fit(columns[seen], label[seen], sample_weight=None if weight is None else weight[seen])
    log_odds: Floats = regression.decision_function(columns)
    return log_odds
