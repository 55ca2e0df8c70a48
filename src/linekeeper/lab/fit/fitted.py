"""One fit from beginning to end: folds, calibration, whole points, and the artifact with where it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version

import numpy as np

from linekeeper.lab.fit.additive import Additive, Floats
from linekeeper.lab.fit.calibrate import measured_pd, probability, slope_and_shift
from linekeeper.lab.fit.cross import Crossed, cross_fit, fit_model
from linekeeper.lab.fit.measure import auc
from linekeeper.lab.fit.plan import Plan
from linekeeper.lab.fit.points import card_of, points_of
from linekeeper.lab.fit.table import FitTable
from linekeeper.scorecard.artifact import Artifact, Input
from linekeeper.scorecard.card import Score
from linekeeper.scorecard.many import Column, place


@dataclass(frozen=True, slots=True)
class Fitted:
    """A card and what is known of it. `points` and `pd` are of rows that the model behind them had not seen."""

    table: FitTable
    plan: Plan
    method: str
    crossed: Crossed
    model: Additive
    score: Score
    points: Column
    pd: Floats


def fit(
    table: FitTable,
    plan: Plan,
    folds: int = 5,
    method: str = "tables",
    compare: tuple[str, ...] = (),
    tell: Callable[[int], None] = lambda done: None,
) -> Fitted:
    """Fit a card by `method` (`tables`, `main` or `woe`), calibrated on rows outside each fold.

    `compare`: further methods to run on the same folds. `tell` hears of each step of `folds` + 1.
    LinekeeperError where a protected attribute is an input, or the data are too few.
    """
    plan.refuse_protected()
    crossed = cross_fit(table, plan, folds, tuple(dict.fromkeys((method, *compare))), tell)
    slope, shift = slope_and_shift(table.label, crossed.log_odds[method])
    model = fit_model(table, plan, method).scaled(slope, shift)
    score = card_of(model, plan, table.features)
    tell(1)
    points = points_of(slope * crossed.log_odds[method] + shift, plan.scale)
    pd = _unseen_pd(score, points, table.label, crossed)
    score = replace(score, pd_ppm=measured_pd(score.pd_below, score.pd_ppm, points, table.label))
    return Fitted(table, plan, method, crossed, model, score, points, pd)


def artifact_of(fitted: Fitted, data: str) -> Artifact:
    """The card as an artifact; `data` names the table it was fitted on."""
    table, plan = fitted.table, fitted.plan
    used = {part.feature for part in fitted.score.bins}.union(*((t.row, t.column) for t in fitted.score.tables))
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
        "method": fitted.method,
        "folds": int(fitted.crossed.fold.max()) + 1,
        "seed": plan.seed,
        "auc_ppm": round(auc(table.label, -fitted.points) * 1_000_000),
        "lightgbm": version("lightgbm"),
        "protected_refused": ", ".join(plan.protected),
    }
    return Artifact(plan.name, fitted.score, plan.scale, inputs, provenance)


def table_digest(table: FitTable) -> str:
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


def method_pd(fitted: Fitted, method: str) -> Floats:
    """The PD that another method says of unseen rows, calibrated by slope and shift like the card."""
    if method == fitted.method:
        return fitted.pd
    log_odds = fitted.crossed.log_odds[method]
    slope, shift = slope_and_shift(fitted.table.label, log_odds)
    return probability(slope * log_odds + shift)
