"""What a card does to groups that it must not see, and how much of them its inputs give away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import r2_score

from linekeeper.core.bounds import MISSING
from linekeeper.lab.fit.additive_model import Floats
from linekeeper.lab.fit.boosting import THREADS, train_booster
from linekeeper.lab.fit.feature_bins import COARSE_BINS, FeatureBins, bin_features, data_set_of, part_of
from linekeeper.lab.fit.folds import folds_of
from linekeeper.lab.fit.metrics import auc, rate_difference, wilson_interval
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.training_table import Rows, TrainingTable
from linekeeper.scorecard.many import FeatureColumn

RESTRICTED_SHARE = 0.20  # the example rule: the riskiest fifth is restricted
FEW_VALUES, BANDS = 8, 4
SMALL_SHARE = 0.01  # a value rarer than this has no proxy figure of its own
PROXY = {"num_leaves": 7, "learning_rate": 0.1, "lambda_l2": 20.0, "min_data_in_leaf": 50}
PROXY_ROUNDS, PROXY_FOLDS = 60, 3

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """One group under the example rule; each interval is 95 %.

    `equal_opportunity`: the share of its goods that stay unrestricted, less that of the reference (the largest group).
    """

    attribute: str
    group: str
    rows: int
    bad_rate: float
    restricted: float
    restricted_interval: tuple[float, float]
    equal_opportunity: float
    equal_opportunity_interval: tuple[float, float]
    reference: bool


@dataclass(frozen=True, slots=True)
class Proxy:
    """How well inputs and score predict a protected attribute, on unseen rows.

    `figure` is AUC (0.5: not at all) or R2 (0: not at all).
    """

    attribute: str
    value: str
    figure: str
    by_inputs: float
    by_score: float


def group_fairness(table: TrainingTable, points: FeatureColumn) -> list[GroupFigures]:
    """Every group of every protected attribute, if those with the lowest points were restricted."""
    threshold = np.quantile(points, RESTRICTED_SHARE, method="lower")
    restricted = points <= threshold
    groups = []
    for attribute, values in table.protected.items():
        masks = list(_groups(values))
        largest = max(masks, key=lambda pair: int(pair[1].sum()))[1]
        groups += [_figures(attribute, name, mask, largest, table.label, restricted) for name, mask in masks]
    return groups


def _figures(
    attribute: str, name: str, mask: Mask, largest: Mask, label: FeatureColumn, restricted: Mask
) -> GroupFigures:
    def unrestricted_goods(members: Mask) -> tuple[int, int]:
        goods = members & (label == 0)
        return int((~restricted[goods]).sum()), int(goods.sum())

    rows, hit = int(mask.sum()), int(restricted[mask].sum())
    gap, low, high = rate_difference(*unrestricted_goods(mask), *unrestricted_goods(largest))
    bad_rate = float(label[mask].mean())
    interval = wilson_interval(hit, rows)
    return GroupFigures(attribute, name, rows, bad_rate, hit / rows, interval, gap, (low, high), mask is largest)


def proxy_report(table: TrainingTable, plan: FitPlan, points: FeatureColumn) -> list[Proxy]:
    """For each protected attribute, how well the inputs (a forest, cross-validated) and the score predict it."""
    inputs = _Inputs(bin_features(plan, table.features, COARSE_BINS), folds_of(table, PROXY_FOLDS, plan.seed), plan)
    proxies = []
    for attribute, values in table.protected.items():
        if len(np.unique(values)) > FEW_VALUES:
            proxies.append(_numeric_proxy(attribute, values, inputs, points))
            continue
        kinds = [value for value in np.unique(values) if SMALL_SHARE < (values == value).mean() < 1 - SMALL_SHARE]
        for value in kinds[:1] if len(kinds) == 2 else kinds:  # of two values, each predicts the other
            has_value = (values == value).astype(np.float64)
            by_inputs = auc(has_value, inputs.predict_unseen(has_value, "cross_entropy"))
            by_score = auc(has_value, points)
            proxies.append(Proxy(attribute, _value_name(int(value)), "AUC", by_inputs, max(by_score, 1 - by_score)))
    return proxies


@dataclass(frozen=True, slots=True)
class _Inputs:
    """The inputs of a card in bins, and the fold of each row."""

    bins: FeatureBins
    fold: npt.NDArray[np.intp]
    plan: FitPlan

    def take(self, rows: Rows) -> _Inputs:
        """Those rows."""
        return _Inputs(self.bins.take(rows), self.fold[rows], self.plan)

    def predict_unseen(self, target: Floats, objective: str) -> Floats:
        """What a forest predicts of each row without having seen its fold."""
        data, matrix, predicted = data_set_of(self.bins), self.bins.matrix(), np.zeros(len(target))
        for number in range(PROXY_FOLDS):
            seen, unseen = np.flatnonzero(self.fold != number), self.fold == number
            if not len(seen) or not unseen.any():
                continue
            settings = {**PROXY, "objective": objective}
            booster = train_booster(part_of(data, seen), target[seen], self.plan, PROXY_ROUNDS, settings)
            predicted[unseen] = booster.predict(matrix[unseen], num_threads=THREADS)
        return predicted


def _numeric_proxy(attribute: str, values: FeatureColumn, inputs: _Inputs, points: FeatureColumn) -> Proxy:
    """By the rows in which the attribute is known."""
    known = np.flatnonzero(values != MISSING)
    target, score = values[known].astype(np.float64), points[known]
    predicted = inputs.take(known).predict_unseen(target, "regression")
    by_score = float(np.corrcoef(target, score)[0, 1] ** 2) if np.ptp(score) else 0.0
    return Proxy(attribute, "its value", "R2", max(float(r2_score(target, predicted)), 0.0), by_score)


def _groups(values: FeatureColumn) -> Iterator[tuple[str, Mask]]:
    """Groups of an attribute: its values where they are few, else bands of about equal size."""
    kinds = np.unique(values)
    if len(kinds) <= FEW_VALUES:
        for kind in kinds:
            yield _value_name(int(kind)), values == kind
        return
    known = values[values != MISSING]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BANDS + 1)[1:-1], method="lower")).astype(np.int64)
    lows, highs = [int(known.min()), *(edges + 1)], [*edges, int(known.max())]
    for low, high in zip(lows, highs, strict=True):
        yield f"{low} to {high}", (values >= low) & (values <= high)


def _value_name(value: int) -> str:
    return "missing" if value == MISSING else str(value)
