"""Which pairs of features get a table: those whose tables vary most, purified, in a booster of all pairs.

The better half stays in the running and is ranked again in a booster of its own, until there are as few as are wanted.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from linekeeper.lab.fit.additive_model import Floats
from linekeeper.lab.fit.boosting import Pair, path_limits, train_booster
from linekeeper.lab.fit.feature_bins import BinnedTable
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.tree_reading import count_pairs, pure_variance, tree_parts

CHOICE = {"num_leaves": 15, "learning_rate": 0.1, "lambda_l2": 5.0, "min_data_in_leaf": 20, "feature_fraction": 1.0}
CHOICE_ROUNDS = 150
SHORTLISTS = (4, 2, 1)  # tables in the running, by the number of those wanted
ROWS_A_TABLE = 500  # a small set earns few tables
ROWS_TO_CHOOSE = 25_000  # so many rows tell good pairs from others


def choose_pairs(data: BinnedTable, plan: FitPlan, target: Floats) -> list[Pair]:
    """The pairs that `plan.tables_max` and the number of rows allow, best first. `target`: a probability for each row.

    A pair that two features explain alone has a table of zeros, however often trees split in it.
    """
    count = min(plan.tables_max, len(data) // ROWS_A_TABLE)
    every = list(combinations(range(len(plan.features)), 2))
    if not count or not every:
        return []
    if len(data) > ROWS_TO_CHOOSE:
        chosen = np.flatnonzero(data.sample_accounts(ROWS_TO_CHOOSE / len(data), plan.seed))
        data, target = data.take(chosen), target[chosen]
    pairs = every
    for size in SHORTLISTS:  # features that say much the same divide a pair's variance among them, until some are out
        pairs = _ranked_pairs(data, plan, target, pairs)[: size * count]
    return pairs


def _ranked_pairs(data: BinnedTable, plan: FitPlan, target: Floats, pairs: list[Pair]) -> list[Pair]:
    """Those of the pairs in which a booster has split, by the variance of their tables."""
    limits = path_limits(data.coarse, pairs)
    booster = train_booster(data.coarse_data(), target, plan, CHOICE_ROUNDS, CHOICE, limits)
    tables = tree_parts([(booster, 1.0)], data.coarse).tables
    variance = {pair: pure_variance(values, count_pairs(data.coarse, pair)) for pair, values in tables.items()}
    return sorted(variance, key=lambda pair: (-variance[pair], pair))
