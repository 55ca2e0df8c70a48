"""A card of trees fitted by LightGBM: a few boosters in the plan's directions, calibrated, and kept to the last point.

The card is the mean of the boosters, made by the same way as the card of a model that a lender brings, and is held
against what LightGBM says of every row that it was fitted on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import lightgbm as lgb
import numpy as np

from linekeeper.core.errors import FileError, Refused
from linekeeper.lab.card_import.comparison import compare_rows
from linekeeper.lab.card_import.lender_model import LenderModel
from linekeeper.lab.card_import.lightgbm_text import read_lightgbm
from linekeeper.lab.card_import.model_columns import ModelColumn
from linekeeper.lab.card_import.trees_of_model import PD_BAND_POINTS, card_of_model, points_line
from linekeeper.lab.fit.additive_model import Floats
from linekeeper.lab.fit.folds import folds_of
from linekeeper.lab.fit.leaks import refuse_leaks
from linekeeper.lab.fit.metrics import auc
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan
from linekeeper.lab.fit.scaling import measured_pd, points_of_log_odds, slope_and_shift
from linekeeper.lab.fit.training_run import labels_of_provenance, table_digest
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.lab.fit.tree_codes import codes_as_missing, tree_columns, without_flags
from linekeeper.scorecard.artifact import Artifact
from linekeeper.scorecard.many import score_many
from linekeeper.scorecard.pd import pd_table

BOOSTER_SETTINGS: dict[str, Any] = {
    "objective": "binary",
    "num_leaves": 15,
    "learning_rate": 0.05,
    "lambda_l2": 20.0,
    "min_data_in_leaf": 50,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}
TREE_SEEDS = 3  # boosters, of which the card is the mean
TREE_ROUNDS_MAX, TREE_ROUNDS_WITHOUT_GAIN = 1_000, 50
JUDGES_SHARE = 0.15  # of the rows that a booster may learn from, to find the number of rounds


@dataclass(frozen=True, slots=True)
class TreeCardRun:
    """A card of trees and how it ranks rows that it had not seen."""

    artifact: Artifact
    auc: float


def fit_tree_card(
    table: TrainingTable,
    plan: FitPlan,
    data: str,
    folds: int = 5,
    progress: Callable[[int], object] = lambda steps_done: None,
) -> TreeCardRun:
    """Fit a card of trees, calibrated on rows outside each fold. `progress` is called after each of `folds` + 1 steps.

    `data` names the table. Raises LinekeeperError where a protected attribute is an input, a feature tells the label,
    a feature has what trees cannot keep, or the data are too few.
    """
    plan.refuse_protected()
    for feature in plan.features:
        _demand_possible(feature)
    fold = folds_of(table, folds, plan.seed)
    refuse_leaks(table, plan)
    log_odds = np.empty(len(table))
    for number in range(folds):
        seen, unseen = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        boosters = boosters_of(table.take(seen), plan)
        log_odds[unseen] = mean_log_odds(boosters, matrix_of_table(table.take(unseen), plan))
        progress(1)
    slope, shift = slope_and_shift(table.label, log_odds, table.weight)
    if slope <= 0:
        raise Refused(
            "no feature tells goods from bads in these data, so there is no card",
            code="data-too-few",
            way_out="fit on more rows, or on other features",
        )
    boosters = boosters_of(table, plan)
    points = points_of_log_odds(slope * log_odds + shift, plan.scale)
    artifact = _artifact(table, plan, boosters, (slope, shift), points)
    rank = auc(table.label, -points, table.weight)
    facts = _provenance(table, plan, data, folds, rank)
    progress(1)
    return TreeCardRun(replace(artifact, provenance=facts), rank)


def boosters_of(table: TrainingTable, plan: FitPlan) -> list[lgb.Booster]:
    """Boosters on these rows, one a seed, each after as many rounds as help on a part that it holds out.

    Each has rounds of its own: where much depends on three features at once, one seed finds them long before another.
    """
    seeds = range(plan.seed, plan.seed + TREE_SEEDS)
    return [_booster(table, plan, _rounds_that_help(table, plan, seed), seed) for seed in seeds]


def mean_log_odds(boosters: list[lgb.Booster], matrix: Floats) -> Floats:
    """The mean over the boosters of the log-odds of bad, for each row of a matrix."""
    each = [np.asarray(one.predict(matrix, raw_score=True, num_threads=1), dtype=np.float64) for one in boosters]
    mean: Floats = np.mean(each, axis=0)
    return mean


def matrix_of_table(table: TrainingTable, plan: FitPlan) -> Floats:
    """The features as LightGBM reads them, NaN where a value is missing or is a special code; then flags of codes."""
    return np.column_stack([column.values(table.features) for column in tree_columns(plan)])


def _demand_possible(feature: FeaturePlan) -> None:
    if feature.neutral:
        raise FileError(
            f"`{feature.name}` is to have the mean where it is missing, which a card of trees cannot keep",
            code="plan-not-usable",
            way_out="leave it out of the plan, or fit a card of points",
            details={"feature": feature.name},
        )


def _rounds_that_help(table: TrainingTable, plan: FitPlan, seed: int) -> int:
    accounts, account = np.unique(table.account, return_inverse=True)
    judges = (np.random.default_rng(seed).random(len(accounts)) < JUDGES_SHARE)[account]
    seen, unseen = np.flatnonzero(~judges), np.flatnonzero(judges)
    if len(set(table.label[seen])) < 2 or len(set(table.label[unseen])) < 2:
        return 1
    judge = table.take(unseen)
    booster = _booster(table.take(seen), plan, TREE_ROUNDS_MAX, seed, judge)
    return max(booster.best_iteration, 1)


def _booster(
    table: TrainingTable, plan: FitPlan, rounds: int, seed: int, judge: TrainingTable | None = None
) -> lgb.Booster:
    settings = {**BOOSTER_SETTINGS, "seed": seed}
    signs = {"higher": 1, "lower": -1, None: 0}
    directions = [0 if column.flag is not None else signs[column.feature.worse] for column in tree_columns(plan)]
    if any(directions):
        # The other methods of LightGBM 4.7 let a sum fall where a feature has missing values.
        settings |= {"monotone_constraints": directions, "monotone_constraints_method": "basic"}
    data = _data_set(table, plan)
    judges = [] if judge is None else [_data_set(judge, plan, data)]
    stop: list[Any] = [] if judge is None else [lgb.early_stopping(TREE_ROUNDS_WITHOUT_GAIN, verbose=False)]
    return lgb.train(settings, data, rounds, valid_sets=judges, callbacks=stop)


def _data_set(table: TrainingTable, plan: FitPlan, reference: lgb.Dataset | None = None) -> lgb.Dataset:
    return lgb.Dataset(
        matrix_of_table(table, plan),
        table.label,
        weight=table.weight,
        reference=reference,
        feature_name=[f"column_{number}" for number in range(len(tree_columns(plan)))],
        categorical_feature=[number for number, feature in enumerate(plan.features) if feature.choices],
        params={"verbose": -1},
    )


def _artifact(
    table: TrainingTable,
    plan: FitPlan,
    boosters: list[lgb.Booster],
    calibration: tuple[float, float],
    unseen_points: Any,
) -> Artifact:
    """The card, held against the boosters on every row; its PD as measured on rows that were not seen."""
    slope, shift = calibration
    as_fitted = [read_lightgbm(booster.model_to_string()) for booster in boosters]
    model = _calibrated([without_flags(one, plan, table) for one in as_fitted], slope, shift)
    columns = [
        ModelColumn(name, feature.name, missing_code=next(iter(codes_as_missing(feature)), None))
        for name, feature in zip(model.features, plan.features, strict=True)
    ]
    artifact = card_of_model(model, columns, plan.name, plan.scale)
    outputs = slope * mean_log_odds(boosters, matrix_of_table(table, plan)) + shift
    features = {name: table.features[name] for name in artifact.score.trees[0].features}
    compared = compare_rows(artifact, model, points_line(model, plan.scale), features, outputs)
    if compared.differing:
        raise FileError(
            f"{compared.differing:,} rows have other points than the boosters give them",
            code="card-differs",
            way_out="this is a fault of Linekeeper; report it",
        )
    points = score_many(artifact.score, features).score
    lowest, highest = int(points.min()), int(points.max())
    below, ppm = pd_table(lowest - lowest % PD_BAND_POINTS, highest, plan.scale, PD_BAND_POINTS)
    pd_ppm = measured_pd(below, ppm, unseen_points, table.label, table.weight)
    score = replace(artifact.score, pd_below=below, pd_ppm=pd_ppm)
    inputs = tuple(feature.as_input for feature in plan.features if feature.name in features)
    return replace(artifact, score=score, inputs=inputs)


def _calibrated(models: list[LenderModel], slope: float, shift: float) -> LenderModel:
    """The mean of some boosters, by a slope and a shift, as one model."""
    first = models[0]
    rounding = abs(slope) * sum(model.rounding for model in models) + abs(shift) * 2.0**-50
    trees = tuple(tree for model in models for tree in model.trees)
    return replace(first, trees=trees, constant=shift, factor=slope / len(models), rounding=rounding)


def _provenance(table: TrainingTable, plan: FitPlan, data: str, folds: int, rank: float) -> dict[str, str | int]:
    return {
        "made_by": "LightGBM",
        "data": data,
        "data_sha256": table_digest(table),
        "rows": len(table),
        "bads": int(table.label.sum()),
        "period": plan.period,
        "label": plan.label_meaning or plan.label,
        "method": "trees",
        "folds": folds,
        "seed": plan.seed,
        "auc_ppm": round(rank * 1_000_000),
        "lightgbm": version("lightgbm"),
        "protected_refused": ", ".join(plan.protected),
        **labels_of_provenance(table, plan),
    }
