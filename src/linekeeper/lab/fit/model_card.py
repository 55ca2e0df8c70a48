"""Everything that a validator asks of a card, as one JSON value: the content of the model card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from linekeeper.lab import JsonObject
from linekeeper.lab.fit.additive_model import Binning
from linekeeper.lab.fit.cross_validation import EXACT_TWIN
from linekeeper.lab.fit.fairness import RESTRICTED_SHARE, group_fairness, proxy_report
from linekeeper.lab.fit.inner_folds import FEW_ROWS
from linekeeper.lab.fit.metrics import (
    auc,
    auc_interval,
    bad_rate,
    brier,
    calibration_by_decile,
    cumulative_gains,
    deciles,
    ks,
    log_loss,
    paired_over_folds,
    psi,
)
from linekeeper.lab.fit.training_run import TrainingRun, artifact_of_run, pd_of_method
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.scorecard.artifact import Input, open_artifact, write_artifact
from linekeeper.scorecard.card import Bins, PointsTable, Score, count_cells_of_card
from linekeeper.scorecard.many import FeatureColumn, FeatureColumns, place, points_many, score_many
from linekeeper.scorecard.points import best_score
from linekeeper.scorecard.units import bin_words

METHOD_NAMES = {"tables": "with tables", "main": "main effects only", "forest": "LightGBM forest", "woe": "WOE + LR"}
HISTOGRAM_POINTS = 10
GAINS_STEPS = 100
FEW_ROWS_LIMIT = 5_000


def model_card_of(run: TrainingRun, data: str) -> JsonObject:
    """The model card as JSON; `data` names the table of the fit.

    Figures of ranking and calibration are of rows outside the fold that made the model.
    """
    artifact = open_artifact(write_artifact(artifact_of_run(run, data)))
    table, plan = run.table, run.plan
    inputs = {one.name: one for one in artifact.inputs}
    return {
        "format": "linekeeper-model-card/1",
        "name": plan.name,
        "sha256": artifact.score.card,
        "provenance": dict(artifact.provenance),
        "scale": asdict(plan.scale),
        "rows": _rows(run),
        "base": run.score.base,
        "best_score": best_score(run.score),
        "cells": count_cells_of_card(run.score),
        "auc_of_all_folds": auc(run.table.label, -run.points, run.table.weight),
        "learning": _learning(run),
        "methods": [_method(run, method) for method in run.validation.log_odds if method in METHOD_NAMES],
        "rounding_cost_auc": _rounding_cost(run),
        "left_to_trees": _left_to_trees(run),
        "sizes": [asdict(step) for step in run.sizes],
        "size_level": run.level,
        "directions": [asdict(cost) for cost in run.direction_costs],
        "calibration": [asdict(decile) for decile in calibration_by_decile(table.label, run.pd, weight=table.weight)],
        "lift": _lift(run),
        "scores": _histogram(run),
        "pd": {"below": list(run.score.pd_below), "ppm": list(run.score.pd_ppm)},
        "features": [_feature(part, table, inputs.get(part.feature)) for part in run.score.bins],
        "tables": [_table(part, table, inputs) for part in run.score.tables],
        "sensitivity": _sensitivity(run),
        "stability": stability(table, run.score),
        "fairness": {
            "rule": f"the riskiest {RESTRICTED_SHARE:.0%} restricted",
            "groups": [asdict(group) for group in group_fairness(table, run.points)],
        },
        "proxies": [asdict(proxy) for proxy in proxy_report(table, plan, run.points)],
        "limits": _limits(run),
    }


def _rows(run: TrainingRun) -> JsonObject:
    """What the rows are: their dates, their weights, and those that no fit saw, with what the card says of them."""
    table, weight = run.table, run.table.weight
    days, day = np.unique(table.at_day, return_inverse=True)
    bads = np.bincount(day, weights=table.label)
    without_label = {"why": "unlabelled", "rows": table.without_label, "mean_score": None, "mean_pd": None}
    by_class = [_kept_out(name, columns, run.score) for name, columns in table.kept_out.items()]
    return {
        "accounts": len(np.unique(table.account)),
        "by_date": [
            {"day": int(one), "rows": int(rows), "bads": int(bad)}
            for one, rows, bad in zip(days, np.bincount(day), bads, strict=True)
        ],
        "bad_rate": float(np.average(table.label, weights=weight)),
        "weight": None
        if weight is None
        else {
            "column": run.plan.weight,
            "least": float(weight.min()),
            "most": float(weight.max()),
            "rows_worth": float(weight.sum() ** 2 / (weight**2).sum()),
        },
        "kept_out": [*by_class, *([without_label] if table.without_label else [])],
    }


def _kept_out(why: str, columns: FeatureColumns, score: Score) -> JsonObject:
    scored = score_many(score, columns)
    return {
        "why": why,
        "rows": len(scored.score),
        "mean_score": float(scored.score.mean()),
        "mean_pd": float(scored.pd_ppm.mean() / 1_000_000),
    }


# ------------------------------------------------------------------ ranking and calibration


def _method(run: TrainingRun, method: str) -> JsonObject:
    label, weight, pd = run.table.label, run.table.weight, pd_of_method(run, method)
    risk = run.validation.log_odds[method]
    mean_auc = run.validation.mean_auc(label, method)
    return {
        "method": method,
        "name": "this card" if method == run.method else METHOD_NAMES[method],
        "auc": mean_auc,
        "auc_by_fold": run.validation.auc_by_fold(label, method),
        "auc_interval": auc_interval(label, risk, weight),
        "gini": 2 * mean_auc - 1,
        "ks": ks(label, risk, weight),
        "brier": brier(label, pd, weight),
        "log_loss": log_loss(label, pd, weight),
    }


def _learning(run: TrainingRun) -> JsonObject | None:
    """What the boosters of the card learned, and how each way ranked where they were compared; None of `woe`."""
    if run.method == "woe":
        return None
    each_fold = bool(run.learning.auc) and len(run.table) < FEW_ROWS
    return {"way": run.learning.way, "auc": run.learning.auc, "each_fold": each_fold}


def _rounding_cost(run: TrainingRun) -> float | None:
    """AUC lost by merging bins and rounding to whole points, on the same folds; None where it was not compared."""
    exact = EXACT_TWIN.get(run.method)
    if exact is None or exact not in run.validation.log_odds:
        return None
    label = run.table.label
    return run.validation.mean_auc(label, exact) - run.validation.mean_auc(label, run.method)


def _left_to_trees(run: TrainingRun) -> JsonObject | None:
    """AUC by which an unrestricted forest ranks better on the same folds; None where it was not compared."""
    if "forest" not in run.validation.log_odds:
        return None
    forest, own = (run.validation.auc_by_fold(run.table.label, method) for method in ("forest", run.method))
    return dict(zip(("auc", "low", "high"), paired_over_folds(forest, own), strict=True))


def _lift(run: TrainingRun) -> JsonObject:
    """The share of bads among the riskiest x % of rows, for each method; and the lift of each decile of the card."""
    label, weight = run.table.label, run.table.weight
    risks = {method: risk for method, risk in run.validation.log_odds.items() if method in METHOD_NAMES}
    decile = deciles(-run.points, weight=weight)
    rate = np.average(label, weights=weight)
    lifts = [
        bad_rate(label[rows], None if weight is None else weight[rows])[0] / float(rate)
        for number in range(10)
        if (rows := decile == number).any()
    ]
    return {
        "shares": np.linspace(0, 1, GAINS_STEPS + 1).tolist(),
        "found": {method: cumulative_gains(label, risk, GAINS_STEPS, weight) for method, risk in risks.items()},
        "by_decile": lifts,
    }


def _histogram(run: TrainingRun) -> list[JsonObject]:
    """Goods and bads by bands of the score (unseen rows)."""
    band = run.points // HISTOGRAM_POINTS
    bands = []
    for number in range(int(band.min()), int(band.max()) + 1):
        rows = band == number
        bads = int(run.table.label[rows].sum())
        bands.append({"from": number * HISTOGRAM_POINTS, "goods": int(rows.sum()) - bads, "bads": bads})
    return bands


# ------------------------------------------------------------------ the parts of the card


def _feature(part: Bins, table: TrainingTable, known: Input | None) -> JsonObject:
    """The bins of a feature: points, rows, bads, bad rate with its interval. Missing is a bin where it occurs."""
    binning = _binning(part)
    bin_of_row = binning.bin_of(table.features[part.feature])
    points = [*(part.by_choice or part.points), part.missing]
    edges = [None, *binning.cuts, None]
    bins = []
    for number, points_of_bin in enumerate(points):
        rows = bin_of_row == number
        count, bads = int(rows.sum()), int(table.label[rows].sum())
        missing = number == len(binning.cuts) + 1
        if missing and not count:
            continue
        rate, low, high = bad_rate(table.label[rows], None if table.weight is None else table.weight[rows])
        bins.append(
            {
                "from": None if missing else edges[number],
                "below": None if missing else edges[number + 1],
                "missing": missing,
                "words": bin_words(edges[number], edges[number + 1], known) if not missing else "missing",
                "points": points_of_bin,
                "rows": count,
                "bads": bads,
                "bad_rate": rate if count else None,
                "low": low,
                "high": high,
            }
        )
    return {
        "feature": part.feature,
        "group": part.group,
        "choices": bool(part.by_choice),
        "unit": known.unit if known else "",
        "bins": bins,
    }


def _table(part: PointsTable, table: TrainingTable, inputs: Mapping[str, Input]) -> JsonObject:
    row, column = Binning(part.row, part.row_below), Binning(part.column, part.column_below)
    cell = row.bin_of(table.features[part.row]) * column.size + column.bin_of(table.features[part.column])
    rows = np.bincount(cell, minlength=row.size * column.size)
    bads = np.bincount(cell, weights=table.label, minlength=len(rows))
    return {
        **{key: value for key, value in asdict(part).items() if key != "points"},
        "points": [list(line) for line in part.points],
        "rows": rows.reshape(-1, column.size).tolist(),
        "bads": bads.astype(int).reshape(-1, column.size).tolist(),
        "row_words": _words_of_bins(part.row_below, inputs.get(part.row)),
        "column_words": _words_of_bins(part.column_below, inputs.get(part.column)),
    }


def _words_of_bins(below: tuple[int, ...], known: Input | None) -> list[str]:
    return [*(bin_words(low, high, known) for low, high in pairwise([None, *below, None])), "missing"]


def _binning(part: Bins) -> Binning:
    cuts = tuple(range(1, len(part.by_choice))) if part.by_choice else part.below
    return Binning(part.feature, cuts)


# ------------------------------------------------------------------ sensitivity, stability, limits


def _sensitivity(run: TrainingRun) -> list[JsonObject]:
    """For each input: the AUC lost when its values are shuffled (in sample), and how far its points spread."""
    table, score = run.table, run.score
    chance = np.random.default_rng(run.plan.seed)
    unshuffled = auc(table.label, -score_many(score, table.features).score, table.weight)
    names = sorted({part.feature for part in score.bins}.union(*((t.row, t.column) for t in score.tables)))
    points = dict(zip([part.feature for part in score.bins], points_many(score, table.features), strict=False))
    rows = []
    for name in names:
        shuffled = {**table.features, name: chance.permutation(table.features[name])}
        lost = unshuffled - auc(table.label, -score_many(score, shuffled).score, table.weight)
        deviation = float(points[name].std()) if name in points else 0.0
        rows.append({"feature": name, "auc_lost": lost, "points_deviation": deviation})
    return sorted(rows, key=lambda row: -row["auc_lost"])


def stability(table: TrainingTable, score: Score) -> JsonObject:
    """PSI of each feature and the score: later dates against the first; of one date, a random half and the other."""
    dates = np.unique(table.at_day)
    if len(dates) > 1:
        first, rest = table.at_day == dates[0], [(int(day), table.at_day == day) for day in dates[1:]]
        basis = "first date against each later one"
    else:
        first = np.random.default_rng(0).permutation(len(table)) % 2 == 0
        rest = [(int(dates[0]), ~first)]
        basis = "one random half against the other (one date only)"
    bins: dict[str, FeatureColumn] = {
        part.feature: _binning(part).bin_of(table.features[part.feature]) for part in score.bins
    }
    bins["score"] = place(score_many(score, table.features).score, score.pd_below)
    features = [
        {"feature": name, "psi": [_psi(bin_of_row, first, later) for _, later in rest]}
        for name, bin_of_row in bins.items()
    ]
    return {"basis": basis, "days": [day for day, _ in rest], "features": features}


def _psi(bin_of_row: FeatureColumn, first: npt.NDArray[Any], later: npt.NDArray[Any]) -> float:
    bins = int(bin_of_row.max()) + 1
    return psi(np.bincount(bin_of_row[first], minlength=bins), np.bincount(bin_of_row[later], minlength=bins))


def _limits(run: TrainingRun) -> list[str]:
    """What the card cannot say, in sentences."""
    table, plan = run.table, run.plan
    limits = [
        "Reject inference is out of scope: the card knows only accounts that had a line.",
        "Calibration and ranking are of unseen rows of the same sample; another lender or time needs its own check.",
        "A protected attribute is no input, but inputs can stand for it: see the proxy report.",
        "Intervals treat rows as independent.",
    ]
    if len(np.unique(table.at_day)) == 1:
        limits.append("All rows are of one date: stability over time cannot be seen here.")
    if len(table) < FEW_ROWS_LIMIT:
        limits.append(f"{len(table):,} rows are few: look at the intervals before the figures.")
    free = sum(not feature.worse for feature in plan.features)
    if free:
        limits.append(
            f"{free} of {len(plan.features)} inputs have no declared direction: their shape is the data's own."
        )
    return limits
