"""From log-odds to whole points: each part is centred on its mean, so 0 points are an average account's."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from linekeeper.lab.fit.additive_model import Additive, Curve, Floats, Surface
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.scorecard.card import Bins, Score, Table
from linekeeper.scorecard.many import Column, Columns, score_many
from linekeeper.scorecard.pd import Scale, pd_table

BAND_POINTS = 5  # width of a band of the PD table


def scorecard_of(model: Additive, plan: FitPlan, columns: Columns) -> Score:
    """The scorecard of a model: whole points, and the PD table over the scores that occur in `columns`.

    A part that moves nothing is left out. A missing value that was never seen gets the mean (0 points). Rounding
    moves a part by at most half a point; the base makes up for what rounding moves on average.
    """
    factor = plan.scale.double_points / math.log(2)
    group = {feature.name: feature.group for feature in plan.features}
    choices = {feature.name: len(feature.choices) for feature in plan.features}
    every = [_bins(curve, group[curve.axis.feature], choices[curve.axis.feature], factor) for curve in model.curves]
    bins = tuple(part for part in every if len({*part.points, *part.by_choice, part.missing}) > 1)
    full = [_table(surface, group[surface.row.feature], factor) for surface in model.surfaces]
    tables = tuple(part for part in full if len({point for line in part.points for point in line}) > 1)
    bare = Score(0, plan.groups, bins, tables)
    wanted = _exact_points(model.log_odds(columns), plan.scale)
    base = round(float(np.mean(wanted - score_many(bare, columns).score)))
    found = score_many(replace(bare, base=base), columns).score
    below, ppm = pd_table(_floor(int(found.min())), int(found.max()), plan.scale, BAND_POINTS)
    return replace(bare, base=base, pd_below=below, pd_ppm=ppm)


def log_odds_of(points: Floats, scale: Scale) -> Floats:
    """The log-odds of bad that a score stands for."""
    factor = scale.double_points / math.log(2)
    return -((points - scale.score) / factor + math.log(scale.odds))


def points_of(log_odds: Floats, scale: Scale) -> Column:
    """The score that stands for log-odds of bad, to the nearest point."""
    return np.floor(_exact_points(log_odds, scale) + 0.5).astype(np.int64)


def _exact_points(log_odds: Floats, scale: Scale) -> Floats:
    factor = scale.double_points / math.log(2)
    return scale.score + factor * (-log_odds - math.log(scale.odds))


def _floor(points: int) -> int:
    return points - points % BAND_POINTS


def _bins(curve: Curve, group: str, choices: int, factor: float) -> Bins:
    mean = np.average(curve.values, weights=curve.rows)
    *points, missing = _whole(-(curve.values - mean) * factor)
    feature, cuts, own = curve.axis.feature, curve.axis.cuts, curve.axis.own
    if choices:
        by_choice = [points[int(np.searchsorted(cuts, choice, side="right"))] for choice in range(choices)]
        return Bins(feature, group, (), (), missing, tuple(by_choice))
    kept = [cut for cut in range(len(cuts)) if points[cut] != points[cut + 1] or cut in own or cut + 1 in own]
    return Bins(
        feature, group, tuple(cuts[cut] for cut in kept), (points[0], *(points[cut + 1] for cut in kept)), missing
    )


def _table(surface: Surface, group: str, factor: float) -> Table:
    mean = np.average(surface.values, weights=surface.rows)
    points = tuple(tuple(_whole(-(line - mean) * factor)) for line in surface.values)
    row, column = surface.row, surface.column
    return Table(row.feature, column.feature, group, row.cuts, column.cuts, points)


def _whole(points: Floats) -> list[int]:
    return [math.floor(point + 0.5) for point in points]
