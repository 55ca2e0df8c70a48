"""How far a card's bins are merged: as far as rows that were held out do not get less likely by it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from linekeeper.lab.fit.additive_model import AdditiveModel, Floats
from linekeeper.lab.fit.bin_merging import merge_bins
from linekeeper.lab.fit.card_sizes import DEFAULT_LEVEL, MERGE_COSTS
from linekeeper.lab.fit.directions import hold_directions
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.scaling import probability
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.scorecard.many import FeatureColumns


def with_fewer_bins(
    model: AdditiveModel, table: TrainingTable, plan: FitPlan, level: int = DEFAULT_LEVEL
) -> AdditiveModel:
    """The model with every part in the plan's directions, and neighbouring bins merged.

    Merging costs what `plan.merge_cost` allows; where the plan leaves that open, what `level` does. Choices lie in no
    order and each keeps its points on the card, so merging the bins of one would save no cell: they stay apart.
    """
    cost = MERGE_COSTS[level] if plan.merge_cost is None else plan.merge_cost
    directed = hold_directions(model, plan, table.features)
    pd = probability(model.log_odds(table.features))
    apart = frozenset(feature.name for feature in plan.features if feature.choices)
    return merge_bins(directed, len(table), cost, float(np.mean(pd * (1 - pd))), apart)


def log_odds_by_level(
    model: AdditiveModel, seen: TrainingTable, plan: FitPlan, columns: FeatureColumns
) -> list[Floats]:
    """What the model of the rows seen says of other rows at each level of merging, before points are rounded."""
    open_plan = replace(plan, merge_cost=None)
    levels = range(len(MERGE_COSTS))
    return [with_fewer_bins(model, seen, open_plan, level).log_odds(columns) for level in levels]
