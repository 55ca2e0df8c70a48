"""Everything a validator asks of a card, as one JSON value: the model card's content."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from linekeeper.lab.fit.calibrate import by_decile
from linekeeper.lab.fit.cross_validation import EXACT
from linekeeper.lab.fit.fairness import RESTRICTED_SHARE, groups_of, proxies_of
from linekeeper.lab.fit.metrics import auc, auc_interval, brier, deciles, ks, log_loss, psi, wilson
from linekeeper.lab.fit.training_run import TrainingRun, artifact_of_run, method_pd
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.scorecard.artifact import open_artifact, write_artifact
from linekeeper.scorecard.card import Bins, Score, Table
from linekeeper.scorecard.many import Column, place, points_many, score_many
from linekeeper.scorecard.points import best_score

NAMES = {"tables": "with tables", "main": "main effects only", "forest": "LightGBM forest", "woe": "WOE + LR"}
HISTOGRAM_POINTS = 10
CURVE_STEPS = 100

Json = dict[str, Any]


def model_card_of(run: TrainingRun, data: str) -> Json:
    """The model card as JSON; figures of ranking and calibration are of rows outside the fold that made the model."""
    artifact = open_artifact(write_artifact(artifact_of_run(run, data)))
    table, plan = run.table, run.plan
    return {
        "format": "linekeeper-model-card/1",
        "name": plan.name,
        "sha256": artifact.score.card,
        "provenance": dict(artifact.provenance),
        "scale": asdict(plan.scale),
        "base": run.score.base,
        "best_score": best_score(run.score),
        "methods": [_method(run, method) for method in run.crossed.log_odds if method in NAMES],
        "rounding_cost_auc": _rounding_cost(run),
        "calibration": [asdict(part) for part in by_decile(table.label, run.pd)],
        "lift": _lift(run),
        "scores": _histogram(run),
        "pd": {"below": list(run.score.pd_below), "ppm": list(run.score.pd_ppm)},
        "features": [_feature(part, table) for part in run.score.bins],
        "tables": [_table(part, table) for part in run.score.tables],
        "sensitivity": _sensitivity(run),
        "stability": stability(table, run.score),
        "fairness": {
            "rule": f"the riskiest {RESTRICTED_SHARE:.0%} restricted",
            "groups": [asdict(group) for group in groups_of(table, run.points)],
        },
        "proxies": [asdict(proxy) for proxy in proxies_of(table, plan, run.points)],
        "limits": _limits(run),
    }


def _method(run: TrainingRun, method: str) -> Json:
    label, pd = run.table.label, method_pd(run, method)
    risk = run.crossed.log_odds[method]
    by_fold = run.crossed.aucs(label, method)
    return {
        "method": method,
        "name": "this card" if method == run.method else NAMES[method],
        "auc": float(np.mean(by_fold)),
        "auc_by_fold": by_fold,
        "auc_interval": auc_interval(label, risk),
        "gini": 2 * float(np.mean(by_fold)) - 1,
        "ks": ks(label, risk),
        "brier": brier(label, pd),
        "log_loss": log_loss(label, pd),
    }


def _rounding_cost(run: TrainingRun) -> float | None:
    """AUC lost by merging bins and rounding to whole points, on the same folds."""
    exact = EXACT.get(run.method)
    if exact is None or exact not in run.crossed.log_odds:
        return None
    label = run.table.label
    return float(np.mean(run.crossed.aucs(label, exact)) - np.mean(run.crossed.aucs(label, run.method)))


def _lift(run: TrainingRun) -> Json:
    """The share of bads found in the riskiest x % of rows, for each method; and the lift of each decile of the card."""
    label = run.table.label
    shares = np.linspace(0, 1, CURVE_STEPS + 1)
    curves = {}
    for method, risk in run.crossed.log_odds.items():
        found = np.cumsum(label[np.argsort(-risk, kind="stable")]) / label.sum()
        at = np.round(shares * len(label)).astype(int)
        curves[method] = [float(share) for share in np.append(0.0, found)[at]]
    part = deciles(-run.points)
    rate = label.mean()
    lifts = [float(label[part == number].mean() / rate) for number in range(10) if (part == number).any()]
    return {"shares": shares.tolist(), "found": {m: c for m, c in curves.items() if m in NAMES}, "by_decile": lifts}


def _histogram(run: TrainingRun) -> list[Json]:
    """Goods and bads by bands of the score (unseen rows)."""
    band = run.points // HISTOGRAM_POINTS
    found = []
    for number in range(int(band.min()), int(band.max()) + 1):
        rows = band == number
        bads = int(run.table.label[rows].sum())
        found.append({"from": number * HISTOGRAM_POINTS, "goods": int(rows.sum()) - bads, "bads": bads})
    return found


def _feature(part: Bins, table: TrainingTable) -> Json:
    """The bins of a feature: points, rows, bads, bad rate with its interval. Missing is told where it occurs."""
    values = table.features[part.feature]
    below = tuple(range(1, len(part.by_choice))) if part.by_choice else part.below
    points = [*(part.by_choice or part.points), part.missing]
    where = _places(values, below)
    edges = [None, *below, None]
    bins = []
    for number, given in enumerate(points):
        rows = where == number
        count, bads = int(rows.sum()), int(table.label[rows].sum())
        missing = number == len(below) + 1
        if missing and not count:
            continue
        low, high = wilson(bads, count)
        bins.append(
            {
                "from": None if missing else edges[number],
                "below": None if missing else edges[number + 1],
                "missing": missing,
                "points": given,
                "rows": count,
                "bads": bads,
                "bad_rate": bads / count if count else None,
                "low": low,
                "high": high,
            }
        )
    return {"feature": part.feature, "group": part.group, "choices": bool(part.by_choice), "bins": bins}


def _table(part: Table, table: TrainingTable) -> Json:
    rows = _places(table.features[part.row], part.row_below)
    columns = _places(table.features[part.column], part.column_below)
    width = len(part.column_below) + 2
    count = np.bincount(rows * width + columns, minlength=(len(part.row_below) + 2) * width)
    bads = np.bincount(rows * width + columns, weights=table.label, minlength=len(count))
    return {
        **{key: value for key, value in asdict(part).items() if key != "points"},
        "points": [list(line) for line in part.points],
        "rows": count.reshape(-1, width).tolist(),
        "bads": bads.astype(int).reshape(-1, width).tolist(),
    }


def _sensitivity(run: TrainingRun) -> list[Json]:
    """For each input: the AUC lost when its values are shuffled (in sample), and the mean points lost on its parts."""
    table, score = run.table, run.score
    chance = np.random.default_rng(run.plan.seed)
    whole = auc(table.label, -score_many(score, table.features).score)
    names = sorted({part.feature for part in score.bins}.union(*((t.row, t.column) for t in score.tables)))
    moved = dict(zip([part.feature for part in score.bins], points_many(score, table.features), strict=False))
    found = []
    for name in names:
        shuffled = {**table.features, name: chance.permutation(table.features[name])}
        lost = whole - auc(table.label, -score_many(score, shuffled).score)
        spread = float(moved[name].std()) if name in moved else 0.0
        found.append({"feature": name, "auc_lost": lost, "points_deviation": spread})
    return sorted(found, key=lambda row: -row["auc_lost"])


def stability(table: TrainingTable, score: Score) -> Json:
    """PSI of each feature and the score: later dates against the first; of one date, a random half and the other."""
    dates = np.unique(table.at_day)
    if len(dates) > 1:
        first, rest = table.at_day == dates[0], [(int(day), table.at_day == day) for day in dates[1:]]
    else:
        first = np.random.default_rng(0).permutation(len(table)) % 2 == 0
        rest = [(int(dates[0]), ~first)]
    total = score_many(score, table.features).score
    wheres = {part.feature: _places(table.features[part.feature], _cuts(part)) for part in score.bins}
    wheres["score"] = place(total, score.pd_below)
    rows = [
        {"feature": name, "psi": [_psi(where, first, later) for _, later in rest]} for name, where in wheres.items()
    ]
    basis = (
        "first date against each later one" if len(dates) > 1 else "one random half against the other (one date only)"
    )
    return {"basis": basis, "days": [day for day, _ in rest], "features": rows}


def _psi(where: Any, first: Any, later: Any) -> float:
    bins = int(where.max()) + 1
    return psi(np.bincount(where[first], minlength=bins), np.bincount(where[later], minlength=bins))


def _cuts(part: Bins) -> tuple[int, ...]:
    return tuple(range(1, len(part.by_choice))) if part.by_choice else part.below


def _places(values: Column, below: tuple[int, ...]) -> Any:
    from linekeeper.lab.fit.additive_model import Axis

    return Axis("", below).place(values)


def _limits(run: TrainingRun) -> list[str]:
    table, plan = run.table, run.plan
    dates = len(np.unique(table.at_day))
    found = [
        "Reject inference is out of scope: the card knows only accounts that had a line.",
        "Calibration and ranking are of unseen rows of the same sample; another lender or time needs its own check.",
        "A protected attribute is no input, but inputs can stand for it: see the proxy report.",
        "Intervals treat rows as independent.",
    ]
    if dates == 1:
        found.append("All rows are of one date: stability over time cannot be seen here.")
    if len(table) < 5_000:
        found.append(f"{len(table):,} rows are few: look at the intervals before the figures.")
    if any(not feature.worse for feature in plan.features):
        free = sum(not feature.worse for feature in plan.features)
        found.append(
            f"{free} of {len(plan.features)} inputs have no declared direction: their shape is the data's own."
        )
    return found
