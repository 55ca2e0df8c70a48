"""One fit from beginning to end: folds, calibration, whole points, and the artifact with its provenance."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Literal

import numpy as np

from linekeeper.core.errors import Refused
from linekeeper.lab.fit.additive_fit import LABELS, Fitted, Learning
from linekeeper.lab.fit.additive_model import AdditiveModel, Floats
from linekeeper.lab.fit.card_sizes import (
    MERGE_COSTS,
    SIZE_METHODS,
    SizeStep,
    level_of_least_loss,
    size_method,
    size_steps,
)
from linekeeper.lab.fit.cross_validation import (
    CrossValidation,
    cross_validate,
    fit_default,
    known_by_method,
    learning_of_all_folds,
    plan_of_method,
)
from linekeeper.lab.fit.direction_costs import DirectionCost, direction_costs
from linekeeper.lab.fit.feature_bins import bin_table
from linekeeper.lab.fit.folds import folds_of
from linekeeper.lab.fit.leaks import refuse_leaks
from linekeeper.lab.fit.merging_level import with_fewer_bins
from linekeeper.lab.fit.metrics import auc
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.scaling import measured_pd, points_of_log_odds, probability, scorecard_of, slope_and_shift
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.scorecard.artifact import Artifact
from linekeeper.scorecard.card import Score, count_cells_of_card
from linekeeper.scorecard.many import FeatureColumn, place

Readable = int | Literal["auto"]


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A card and what is known of it. `points` and `pd` of a row come from a model that had not seen that row.

    `learning` is what the booster of the card learned; where rows are few, each fold chose its own. `sizes` is the
    curve of sizes, where it was measured, and `level` how far the bins of the card were merged.
    """

    table: TrainingTable
    plan: FitPlan
    method: str
    learning: Learning
    validation: CrossValidation
    model: AdditiveModel
    score: Score
    points: FeatureColumn
    pd: Floats
    direction_costs: tuple[DirectionCost, ...] = ()
    sizes: tuple[SizeStep, ...] = ()
    level: int | None = None


def fit_scorecard(
    table: TrainingTable,
    plan: FitPlan,
    folds: int = 5,
    method: str = "tables",
    compare: tuple[str, ...] = (),
    progress: Callable[[int], object] = lambda steps_done: None,
    with_direction_costs: bool = False,
    readable: Readable | None = None,
) -> TrainingRun:
    """Fit a card by `method` (`tables`, `main` or `woe`), calibrated on rows outside each fold.

    `compare`: further methods to run on the same folds. `progress` is called after each of `folds` + 2 steps.
    `with_direction_costs`: measure what each declared direction costs, by as many fits as there are directions.
    `readable`: the level of size, or `auto` for the coarsest before the loss on rows not seen rises; the curve of sizes
    is measured where it is given.
    Raises LinekeeperError where a protected attribute is an input, a feature tells the label, or the data are too few.
    """
    plan.refuse_protected()
    folds_of(table, folds, plan.seed)  # too few of either kind are refused before anything is fitted
    refuse_leaks(table, plan)
    data = bin_table(table, plan)
    sized = readable is not None and method != "woe"
    methods = tuple(dict.fromkeys((method, *compare, *(SIZE_METHODS if sized else ()))))
    learning = learning_of_all_folds(data, plan_of_method(plan, method)) if method != "woe" else LABELS
    known = known_by_method(data, plan, methods)
    progress(1)
    validation = cross_validate(data, plan, folds, methods, learning, progress, known)
    level = None
    if sized and readable is not None:
        level = _level_of_folds(table, validation) if readable == "auto" else readable
        plan = replace(plan, merge_cost=MERGE_COSTS[level])
        chosen = {**validation.log_odds, method: validation.log_odds[size_method(level)]}
        validation = replace(validation, log_odds=chosen)
    slope, shift = slope_and_shift(table.label, validation.log_odds[method], table.weight)
    fitted = fit_default(data, plan, method, learning, known)
    model = fitted.model.scaled(slope, shift)
    score = scorecard_of(model, plan, table.features)
    if slope <= 0 or not (score.bins or score.tables):  # a card that ranks unseen rows upside down is none
        raise Refused(
            "no feature tells goods from bads in these data, so there is no card",
            code="data-too-few",
            way_out="fit on more rows, or on other features",
        )
    progress(1)
    points = points_of_log_odds(slope * validation.log_odds[method] + shift, plan.scale)
    costs = tuple(direction_costs(data, plan_of_method(plan, method), validation.fold)) if with_direction_costs else ()
    pd = _pd_of_unseen_rows(score, points, table.label, validation)
    score = replace(score, pd_ppm=measured_pd(score.pd_below, score.pd_ppm, points, table.label, table.weight))
    sizes = _sizes(fitted, table, plan, validation, (slope, shift)) if sized else ()
    level = fitted.merging_level if level is None and method != "woe" else level
    return TrainingRun(table, plan, method, fitted.learning, validation, model, score, points, pd, costs, sizes, level)


def _level_of_folds(table: TrainingTable, validation: CrossValidation) -> int:
    """The level that loses least over all folds."""
    by_level = [validation.log_odds[size] for size in SIZE_METHODS]
    return level_of_least_loss(table.label, by_level, table.weight)


def _sizes(
    fitted: Fitted, table: TrainingTable, plan: FitPlan, validation: CrossValidation, calibration: tuple[float, float]
) -> tuple[SizeStep, ...]:
    """The curve of sizes, with the cells of the card of all rows at each level."""
    assert fitted.before_merging is not None
    cells = []
    for cost in MERGE_COSTS:
        smaller = with_fewer_bins(fitted.before_merging, table, replace(plan, merge_cost=cost))
        cells.append(count_cells_of_card(scorecard_of(smaller.scaled(*calibration), plan, table.features)))
    return size_steps(table.label, validation.rows_by_fold(), validation.log_odds, cells, table.weight)


def artifact_of_run(run: TrainingRun, data: str) -> Artifact:
    """The card as an artifact; `data` names the table it was fitted on."""
    table, plan = run.table, run.plan
    used = {part.feature for part in run.score.bins}.union(*((t.row, t.column) for t in run.score.tables))
    inputs = tuple(feature.as_input for feature in plan.features if feature.name in used)
    provenance: dict[str, str | int] = {
        "data": data,
        "data_sha256": table_digest(table),
        "rows": len(table),
        "bads": int(table.label.sum()),
        "period": plan.period,
        "label": plan.label_meaning or plan.label,
        "method": run.method,
        "learned_from": "weight of evidence" if run.method == "woe" else run.learning.way,
        "folds": int(run.validation.fold.max()) + 1,
        "seed": plan.seed,
        "auc_ppm": round(auc(table.label, -run.points, table.weight) * 1_000_000),
        "lightgbm": version("lightgbm"),
        "protected_refused": ", ".join(plan.protected),
        **labels_of_provenance(table, plan),
    }
    return Artifact(plan.name, run.score, plan.scale, inputs, provenance)


def labels_of_provenance(table: TrainingTable, plan: FitPlan) -> dict[str, str | int]:
    """The column of weights, and how many rows were kept out of the fit, as far as there are any."""
    facts: dict[str, str | int] = {} if table.weight is None else {"weight": str(plan.weight)}
    facts |= {f"{name}_rows": rows for name, rows in rows_kept_out(table).items()}
    return facts


def rows_kept_out(table: TrainingTable) -> dict[str, int]:
    """How many rows no fit saw, by why: their class, or `unlabelled`."""
    by_class = {name: len(next(iter(columns.values()))) for name, columns in table.kept_out.items()}
    return {**by_class, **({"unlabelled": table.without_label} if table.without_label else {})}


def table_digest(table: TrainingTable) -> str:
    """SHA-256 over label, date and features by name, and weights: the same data, the same digest, whatever the file."""
    total = hashlib.sha256()
    for name, column in (("label", table.label), ("at_day", table.at_day), *sorted(table.features.items())):
        total.update(name.encode() + b"\0" + np.ascontiguousarray(column, dtype="<i8").tobytes())
    if table.weight is not None:
        total.update(b"weight\0" + np.ascontiguousarray(table.weight, dtype="<f8").tobytes())
    return total.hexdigest()


def pd_of_method(run: TrainingRun, method: str) -> Floats:
    """The PD that another method gives unseen rows, calibrated by slope and shift like the card."""
    if method == run.method:
        return run.pd
    log_odds = run.validation.log_odds[method]
    slope, shift = slope_and_shift(run.table.label, log_odds, run.table.weight)
    return probability(slope * log_odds + shift)


def _pd_of_unseen_rows(
    score: Score, points: FeatureColumn, label: FeatureColumn, validation: CrossValidation
) -> Floats:
    """The PD of each row by a table that was measured on the other folds."""
    pd, weight = np.empty(len(label)), validation.weight
    band = place(points, score.pd_below)
    for rows in validation.rows_by_fold():
        of_others = None if weight is None else weight[~rows]
        ppm = measured_pd(score.pd_below, score.pd_ppm, points[~rows], label[~rows], of_others)
        pd[rows] = np.array(ppm)[band[rows]] / 1_000_000
    return pd
