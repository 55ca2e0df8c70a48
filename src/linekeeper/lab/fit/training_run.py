"""One fit from beginning to end: folds, calibration, whole points, and the artifact with where it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version

import numpy as np

from linekeeper.lab.fit.additive_model import Additive, Floats
from linekeeper.lab.fit.calibrate import measured_pd, probability, slope_and_shift
from linekeeper.lab.fit.cross_validation import Crossed, cross_fit, fit_model
from linekeeper.lab.fit.metrics import auc
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.scaling import points_of, scorecard_of
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.scorecard.artifact import Artifact, Input
from linekeeper.scorecard.card import Score
from linekeeper.scorecard.many import Column, place


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A card and what is known of it. `points` and `pd` are of rows that the model behind them had not seen."""

    table: TrainingTable
    plan: FitPlan
    method: str
    crossed: Crossed
    model: Additive
    score: Score
    points: Column
    pd: Floats


def fit(
    table: TrainingTable,
    plan: FitPlan,
    folds: int = 5,
    method: str = "tables",
    compare: tuple[str, ...] = (),
    tell: Callable[[int], None] = lambda done: None,
) -> TrainingRun:
    """Fit a card by `method` (`tables`, `main` or `woe`), calibrated on rows outside each fold.

    `compare`: further methods to run on the same folds. `tell` hears of each step of `folds` + 1.
    LinekeeperError where a protected attribute is an input, or the data are too few.
    """
    plan.refuse_protected()
    crossed = cross_fit(table, plan, folds, tuple(dict.fromkeys((method, *compare))), tell)
    slope, shift = slope_and_shift(table.label, crossed.log_odds[method])
    model = fit_model(table, plan, method).scaled(slope, shift)
    score = scorecard_of(model, plan, table.features)
    tell(1)
    points = points_of(slope * crossed.log_odds[method] + shift, plan.scale)
    pd = _unseen_pd(score, points, table.label, crossed)
    score = replace(score, pd_ppm=measured_pd(score.pd_below, score.pd_ppm, points, table.label))
    return TrainingRun(table, plan, method, crossed, model, score, points, pd)


def artifact_of_run(run: TrainingRun, data: str) -> Artifact:
    """The card as an artifact; `data` names the table it was fitted on."""
    table, plan = run.table, run.plan
    used = {part.feature for part in run.score.bins}.union(*((t.row, t.column) for t in run.score.tables))
    inputs = tuple(
        Input(feature.name, feature.worse, feature.special, feature.choices)
        for feature in plan.features
        if feature.name in used
    )
    provenance: dict[str, str | int] = {
        "data": data,
        "data_sha256": table_digest(table),
        "rows": len(table),
        "bads": int(table.label.sum()),
        "period": plan.period,
        "label": plan.label_meaning or plan.label,
        "method": run.method,
        "folds": int(run.crossed.fold.max()) + 1,
        "seed": plan.seed,
        "auc_ppm": round(auc(table.label, -run.points) * 1_000_000),
        "lightgbm": version("lightgbm"),
        "protected_refused": ", ".join(plan.protected),
    }
    return Artifact(plan.name, run.score, plan.scale, inputs, provenance)


def table_digest(table: TrainingTable) -> str:
    """SHA-256 over label, date and features by name: the same data, the same digest, whatever the file."""
    total = hashlib.sha256()
    for name, column in (("label", table.label), ("at_day", table.at_day), *sorted(table.features.items())):
        total.update(name.encode() + b"\0" + np.ascontiguousarray(column, dtype="<i8").tobytes())
    return total.hexdigest()


def _unseen_pd(score: Score, points: Column, label: Column, crossed: Crossed) -> Floats:
    """The PD of each row by a table that was measured on the other folds."""
    found = np.empty(len(label))
    band = place(points, score.pd_below)
    for rows in crossed.rows():
        ppm = measured_pd(score.pd_below, score.pd_ppm, points[~rows], label[~rows])
        found[rows] = np.array(ppm)[band[rows]] / 1_000_000
    return found


def method_pd(run: TrainingRun, method: str) -> Floats:
    """The PD that another method says of unseen rows, calibrated by slope and shift like the card."""
    if method == run.method:
        return run.pd
    log_odds = run.crossed.log_odds[method]
    slope, shift = slope_and_shift(run.table.label, log_odds)
    return probability(slope * log_odds + shift)
