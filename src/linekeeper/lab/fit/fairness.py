"""What a card does to groups that it must not see, and how much of them its inputs give away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from linekeeper.core.bounds import MISSING
from linekeeper.lab.fit.boosting import train
from linekeeper.lab.fit.cross_validation import folds_of
from linekeeper.lab.fit.design_matrix import blocks_of, design_matrix
from linekeeper.lab.fit.metrics import auc, rate_difference, wilson
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.scorecard.many import Column

RESTRICTED_SHARE = 0.20  # the example rule: the riskiest fifth is restricted
FEW_VALUES, BANDS = 8, 4
SMALL_SHARE = 0.01  # a value rarer than this has no proxy figure of its own
PROXY = {"num_leaves": 7, "learning_rate": 0.1, "max_bin": 31, "lambda_l2": 20.0, "min_data_in_leaf": 50}
PROXY_ROUNDS, PROXY_FOLDS = 60, 3


@dataclass(frozen=True, slots=True)
class Group:
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
    """How well something predicts a protected attribute: AUC (0.5: not at all), or R2 (0: not at all), unseen rows."""

    attribute: str
    value: str
    figure: str
    by_inputs: float
    by_score: float


def groups_of(table: TrainingTable, points: Column) -> list[Group]:
    """Every group of every protected attribute, if those with the lowest points were restricted."""
    cut = np.quantile(points, RESTRICTED_SHARE, method="lower")
    restricted = points <= cut
    found = []
    for attribute, values in table.protected.items():
        masks = list(_split(values))
        largest = max(masks, key=lambda pair: int(pair[1].sum()))[1]
        found += [_group(attribute, name, mask, largest, table.label, restricted) for name, mask in masks]
    return found


def _group(
    attribute: str,
    name: str,
    mask: npt.NDArray[np.bool_],
    largest: npt.NDArray[np.bool_],
    label: Column,
    restricted: npt.NDArray[np.bool_],
) -> Group:
    def spared(rows: npt.NDArray[np.bool_]) -> tuple[int, int]:
        goods = rows & (label == 0)
        return int((~restricted[goods]).sum()), int(goods.sum())

    rows, hit = int(mask.sum()), int(restricted[mask].sum())
    gap, low, high = rate_difference(*spared(mask), *spared(largest))
    bad_rate = float(label[mask].mean())
    reference = mask is largest
    return Group(attribute, name, rows, bad_rate, hit / rows, wilson(hit, rows), gap, (low, high), reference)


def proxies_of(table: TrainingTable, plan: FitPlan, points: Column) -> list[Proxy]:
    """For each protected attribute, how well the inputs (a forest, cross-validated) and the score predict it."""
    matrix = design_matrix(blocks_of(plan, table.features), table.features)
    fold = folds_of(table, PROXY_FOLDS, plan.seed)
    found = []
    for attribute, values in table.protected.items():
        if len(np.unique(values)) > FEW_VALUES:
            found.append(_numeric(attribute, values.astype(np.float64), matrix, fold, plan, points))
            continue
        kinds = [value for value in np.unique(values) if SMALL_SHARE < (values == value).mean() < 1 - SMALL_SHARE]
        for value in kinds[:1] if len(kinds) == 2 else kinds:
            there = (values == value).astype(np.float64)
            told = _told(matrix, there, fold, plan, "cross_entropy")
            by_score = auc(there, points)
            by_score = max(by_score, 1 - by_score)
            found.append(Proxy(attribute, _name(int(value)), "AUC", auc(there, told), by_score))
    return found


def _numeric(attribute: str, values: Any, matrix: Any, fold: Any, plan: FitPlan, points: Column) -> Proxy:
    told = _told(matrix, values, fold, plan, "regression")
    by_inputs = 1 - float(((values - told) ** 2).mean() / values.var())
    by_score = float(np.corrcoef(values, points)[0, 1] ** 2)
    return Proxy(attribute, "its value", "R2", max(by_inputs, 0.0), by_score)


def _told(matrix: Any, target: Any, fold: Any, plan: FitPlan, objective: str) -> Any:
    told = np.empty(len(target))
    for number in range(PROXY_FOLDS):
        seen, unseen = fold != number, fold == number
        booster = train(matrix[seen], target[seen], plan, PROXY_ROUNDS, {**PROXY, "objective": objective})
        told[unseen] = booster.predict(matrix[unseen], num_threads=1)
    return told


def _split(values: Column) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Groups of an attribute: its values where they are few, else bands of about equal size."""
    kinds = np.unique(values)
    if len(kinds) <= FEW_VALUES:
        for kind in kinds:
            yield _name(int(kind)), values == kind
        return
    known = values[values != MISSING]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BANDS + 1)[1:-1], method="lower")).astype(np.int64)
    lows, highs = [int(known.min()), *(edges + 1)], [*edges, int(known.max())]
    for low, high in zip(lows, highs, strict=True):
        yield f"{low} to {high}", (values >= low) & (values <= high)


def _name(value: int) -> str:
    return "missing" if value == MISSING else str(value)
