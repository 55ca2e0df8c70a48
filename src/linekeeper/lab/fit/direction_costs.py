"""What each declared direction costs: boosters of the card's form with it and without it, on the same folds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from linekeeper.lab.fit.boosting import ON_LABELS, ROUNDS_MAX, PathLimits, path_limits, raw_log_odds, train_folds
from linekeeper.lab.fit.feature_bins import BinnedTable, BinNumbers
from linekeeper.lab.fit.metrics import auc, paired_over_folds
from linekeeper.lab.fit.pair_choice import choose_pairs
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.training_table import TrainingTable

ALL_DIRECTIONS = "all directions"
QUICK_ROWS = 20_000  # rows times fits, up to which nobody waits long for the costs of directions


@dataclass(frozen=True, slots=True)
class DirectionCost:
    """AUC that the direction of a feature costs on rows not seen, with its 95 % interval, paired over the folds.

    `feature` is `all directions` for all of them together. A cost below 0 means that the direction helps.
    """

    feature: str
    worse: str | None
    auc_lost: float
    low: float
    high: float


def has_quick_costs(table: TrainingTable, plan: FitPlan) -> bool:
    """Whether there are directions, and their costs take seconds: few rows, few directions, or both."""
    directed = sum(feature.worse is not None for feature in plan.features)
    return directed > 0 and len(table) * (directed + 2) <= QUICK_ROWS


def direction_costs(data: BinnedTable, plan: FitPlan, fold: BinNumbers) -> list[DirectionCost]:
    """For all directions together, and for each: how much better the booster ranks without it; dearest first.

    The boosters learn the labels within the pairs of the card; each has as many rounds as help it. `fold`: of each row.
    """
    directed = [number for number, feature in enumerate(plan.features) if feature.worse]
    if not directed:
        return []
    limits = path_limits(data.fine, choose_pairs(data, plan, data.label))
    held = _auc_by_fold(data, plan, fold, limits)

    def cost(name: str, worse: str | None, freed: list[int]) -> DirectionCost:
        free = _auc_by_fold(data, plan, fold, _without_directions(data, limits, freed))
        return DirectionCost(name, worse, *paired_over_folds(free, held))

    each = [cost(plan.features[number].name, plan.features[number].worse, [number]) for number in directed]
    together = cost(ALL_DIRECTIONS, None, directed) if len(directed) > 1 else replace(each[0], feature=ALL_DIRECTIONS)
    return [together, *sorted(each, key=lambda row: -row.auc_lost)]


def _without_directions(data: BinnedTable, limits: PathLimits, freed: list[int]) -> PathLimits:
    columns = {column for number in freed for column in data.fine.blocks[number].columns}
    return replace(limits, directions=[0 if at in columns else sign for at, sign in enumerate(limits.directions)])


def _auc_by_fold(data: BinnedTable, plan: FitPlan, fold: BinNumbers, limits: PathLimits) -> list[float]:
    parts = [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(int(fold.max()) + 1)]
    _, boosters = train_folds(data.fine_data(), data.label, plan, ROUNDS_MAX, ON_LABELS, limits, parts)
    matrix, weight = data.fine.matrix(), data.table.weight
    return [
        auc(
            data.table.label[unseen],
            raw_log_odds(booster, matrix[unseen]),
            None if weight is None else weight[unseen],
        )
        for booster, (_, unseen) in zip(boosters, parts, strict=True)
    ]
