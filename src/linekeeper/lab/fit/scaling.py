"""From log-odds to points and true probabilities.

Each part of a model is centred on its mean, so that 0 points are an average account's. Probabilities are calibrated by
a slope and a shift, and then measured band by band, on rows that the model had not seen.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy.special import expit, logit
from sklearn.isotonic import isotonic_regression
from sklearn.linear_model import LogisticRegression

from linekeeper.lab.fit.additive_model import AdditiveModel, Floats, Interaction, MainEffect
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.scorecard.card import Bins, PointsTable, Score
from linekeeper.scorecard.many import FeatureColumn, FeatureColumns, place, score_many
from linekeeper.scorecard.pd import Scale, pd_table

BAND_POINTS = 5  # width of a band of the PD table
SAME_MAX = 1e-9  # log-odds that differ by less are one
TRUST_ROWS = 200  # so many rows of a band count as much as the formula


# ------------------------------------------------------------------ points


def scorecard_of(model: AdditiveModel, plan: FitPlan, columns: FeatureColumns) -> Score:
    """The scorecard of a model: whole points, and the PD table over the scores that occur in `columns`.

    A part that moves nothing is left out. A missing value that was never seen gets the mean (0 points). Rounding
    moves a part by at most half a point; the base makes up for what rounding moves on average.
    """
    group = {feature.name: feature.group for feature in plan.features}
    choices = {feature.name: len(feature.choices) for feature in plan.features}
    names = [effect.binning.feature for effect in model.main_effects]
    factor = _points_a_unit(plan.scale)
    every_bins = [
        _bins(effect, group[name], choices[name], factor)
        for name, effect in zip(names, model.main_effects, strict=True)
    ]
    bins = tuple(part for part in every_bins if len({*part.points, *part.by_choice, part.missing}) > 1)
    every_table = [_table(part, group[part.row.feature], factor) for part in model.interactions]
    tables = tuple(part for part in every_table if len({point for line in part.points for point in line}) > 1)
    without_base = Score(0, plan.groups, bins, tables)
    exact = _exact_points(model.log_odds(columns), plan.scale)
    base = round(float(np.mean(exact - score_many(without_base, columns).score)))
    points = score_many(replace(without_base, base=base), columns).score
    lowest, highest = int(points.min()), int(points.max())
    below, ppm = pd_table(lowest - lowest % BAND_POINTS, highest, plan.scale, BAND_POINTS)
    return replace(without_base, base=base, pd_below=below, pd_ppm=ppm)


def log_odds_of_points(points: Floats, scale: Scale) -> Floats:
    """The log-odds of bad that a score stands for.

    >>> log_odds_of_points(np.array([600.0, 620.0]), Scale()).round(4)  # odds of 30 and of 60 to 1
    array([-3.4012, -4.0943])
    """
    return -((points - scale.score) / _points_a_unit(scale) + math.log(scale.odds))


def points_of_log_odds(log_odds: Floats, scale: Scale) -> FeatureColumn:
    """The score that stands for log-odds of bad, to the nearest point."""
    return np.floor(_exact_points(log_odds, scale) + 0.5).astype(np.int64)


def _exact_points(log_odds: Floats, scale: Scale) -> Floats:
    return scale.score + _points_a_unit(scale) * (-log_odds - math.log(scale.odds))


def _points_a_unit(scale: Scale) -> float:
    """Points for a unit of log-odds."""
    return scale.double_points / math.log(2)


def _bins(effect: MainEffect, group: str, choices: int, factor: float) -> Bins:
    mean = np.average(effect.values, weights=effect.rows)
    *points, missing = _whole_points(-(effect.values - mean) * factor)
    binning = effect.binning
    cuts, special = binning.cuts, binning.special_bins
    if choices:
        by_choice = [points[int(np.searchsorted(cuts, choice, side="right"))] for choice in range(choices)]
        return Bins(binning.feature, group, (), (), missing, tuple(by_choice))
    steps = [cut for cut in range(len(cuts)) if points[cut] != points[cut + 1] or cut in special or cut + 1 in special]
    below, above = tuple(cuts[cut] for cut in steps), tuple(points[cut + 1] for cut in steps)
    return Bins(binning.feature, group, below, (points[0], *above), missing)


def _table(part: Interaction, group: str, factor: float) -> PointsTable:
    mean = np.average(part.values, weights=part.rows)
    points = tuple(tuple(_whole_points(-(line - mean) * factor)) for line in part.values)
    return PointsTable(part.row.feature, part.column.feature, group, part.row.cuts, part.column.cuts, points)


def _whole_points(points: Floats) -> list[int]:
    return [math.floor(point + 0.5) for point in points]


# ------------------------------------------------------------------ probabilities


def probability(log_odds: Floats) -> Floats:
    """1 / (1 + e^-x)."""
    pd: Floats = expit(log_odds)
    return pd


def slope_and_shift(label: FeatureColumn, log_odds: Floats, weight: Floats | None = None) -> tuple[float, float]:
    """The (slope, shift) of a logistic regression of the label on the log-odds (Platt 1999), without a penalty.

    With a `weight`, each row counts as so many.

    >>> odds = np.log(np.array([1 / 3, 1 / 3, 1 / 3, 1 / 3, 3, 3, 3, 3]))
    >>> slope, shift = slope_and_shift(np.array([1, 0, 0, 0, 1, 1, 1, 0]), odds)
    >>> round(slope, 6), round(abs(shift), 6)
    (1.0, 0.0)
    """
    middle, deviation = float(log_odds.mean()), float(log_odds.std())
    if deviation < SAME_MAX:  # nothing tells the rows apart
        return 0.0, float(logit(np.average(label, weights=weight)))
    standard = (log_odds - middle)[:, None] / deviation
    regression = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
    regression.fit(standard, label, sample_weight=weight)
    slope = float(regression.coef_[0, 0]) / deviation
    return slope, float(regression.intercept_[0]) - slope * middle


def measured_pd(
    below: tuple[int, ...],
    formula_ppm: tuple[int, ...],
    points: FeatureColumn,
    label: FeatureColumn,
    weight: Floats | None = None,
) -> tuple[int, ...]:
    """The PD of each band of the score, in ppm: the rate that came, drawn towards the formula where rows are few.

    Never rises with the score: neighbours that would are pooled (Ayer et al. 1955). With a `weight`, 1 on average, each
    row counts as so many.

    >>> measured_pd((500,), (200_000, 50_000), np.array([490] * 200 + [510] * 200), np.array([1, 0] * 200))
    (350000, 275000)
    """
    band = place(points, below)
    rows = np.bincount(band, weights=weight, minlength=len(formula_ppm))
    of_bads = label if weight is None else label * weight
    bads = np.bincount(band, weights=of_bads, minlength=len(formula_ppm))
    rates = (bads * 1_000_000 + TRUST_ROWS * np.array(formula_ppm, dtype=np.float64)) / (rows + TRUST_ROWS)
    falling = isotonic_regression(rates, sample_weight=(rows + TRUST_ROWS).astype(np.float64), increasing=False)
    return tuple(round(float(rate)) for rate in falling)
