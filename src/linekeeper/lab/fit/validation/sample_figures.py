"""How a card ranks and how true its probabilities are, on one sample; and both by grade."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from linekeeper.lab.fit.additive_model import Floats
from linekeeper.lab.fit.metrics import (
    CONFIDENCE,
    Z_OF_CONFIDENCE,
    auc,
    auc_interval,
    brier,
    ks,
    log_loss,
    wilson_interval,
)
from linekeeper.lab.fit.scaling import probability, slope_and_shift
from linekeeper.scorecard.many import FeatureColumn, place

FigureInterval = tuple[float, float]
PD_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class SampleFigures:
    """The figures of one sample; intervals are 95 %. A `slope` below 1: the log-odds of the PD lie too far apart."""

    sample: str
    seen: bool
    rows: int
    bads: int
    first_day: int
    last_day: int
    auc: float
    auc_interval: FigureInterval
    gini: float
    ks: float
    brier: float
    log_loss: float
    mean_pd: float
    bad_rate: float
    bad_rate_interval: FigureInterval
    slope: float
    slope_interval: FigureInterval
    psi: float | None
    psi_by_chance: float | None


@dataclass(frozen=True, slots=True)
class GradeFigures:
    """One grade: scores from `low` up to, not including, `below`; `fits`: the mean PD lies in the interval."""

    grade: int
    low: int | None
    below: int | None
    rows: int
    bads: int
    mean_pd: float
    bad_rate: float
    bad_rate_interval: FigureInterval
    fits: bool


@dataclass(frozen=True, slots=True)
class Calibration:
    """The grades of one sample, best first, and how many may lie outside of their interval by chance."""

    sample: str
    grades: tuple[GradeFigures, ...]
    outside: int
    outside_by_chance: int


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """Of every row of a table: label, whole points, PD from 0 to 1 and day."""

    label: FeatureColumn
    points: FeatureColumn
    pd: Floats
    at_day: FeatureColumn

    @property
    def log_odds(self) -> Floats:
        """The log-odds of the PD."""
        pd = np.clip(self.pd, PD_LEAST, 1 - PD_LEAST)
        log_odds: Floats = np.log(pd / (1 - pd))
        return log_odds

    def take(self, rows: FeatureColumn) -> ScoredRows:
        """Those rows."""
        return ScoredRows(self.label[rows], self.points[rows], self.pd[rows], self.at_day[rows])


def figures_of_sample(
    name: str, seen: bool, scored: ScoredRows, psi: float | None, psi_by_chance: float | None
) -> SampleFigures:
    """The figures of a sample that has goods and bads."""
    label, risk, bads = scored.label, -scored.points, int(scored.label.sum())
    rank = auc(label, risk)
    slope, slope_interval = slope_with_interval(label, scored.log_odds)
    return SampleFigures(
        sample=name,
        seen=seen,
        rows=len(label),
        bads=bads,
        first_day=int(scored.at_day.min()),
        last_day=int(scored.at_day.max()),
        auc=rank,
        auc_interval=auc_interval(label, risk),
        gini=2 * rank - 1,
        ks=ks(label, risk),
        brier=brier(label, scored.pd),
        log_loss=log_loss(label, np.clip(scored.pd, PD_LEAST, 1 - PD_LEAST)),
        mean_pd=float(scored.pd.mean()),
        bad_rate=bads / len(label),
        bad_rate_interval=wilson_interval(bads, len(label)),
        slope=slope,
        slope_interval=slope_interval,
        psi=psi,
        psi_by_chance=psi_by_chance,
    )


def slope_with_interval(label: FeatureColumn, log_odds: Floats) -> tuple[float, FigureInterval]:
    """The slope of a logistic regression of the label on the log-odds (Cox 1958), with its 95 % interval (Wald).

    >>> slope, (low, high) = slope_with_interval(np.array([0, 0, 1, 1, 0, 1]), np.array([-2., -1, 1, 2, 1, -1]))
    >>> low < slope < high
    True
    """
    slope, shift = slope_and_shift(label, log_odds)
    pd = probability(slope * log_odds + shift)
    weight = pd * (1 - pd)
    middle = float((weight * log_odds).sum() / weight.sum())
    information = float((weight * (log_odds - middle) ** 2).sum())
    reach = Z_OF_CONFIDENCE / float(np.sqrt(information)) if information > 0 else float("inf")
    if not np.isfinite(reach):
        return slope, (slope, slope)  # all rows have one PD: there is no slope to speak of
    return slope, (slope - reach, slope + reach)


def grade_cuts(points: FeatureColumn, grades: int) -> tuple[int, ...]:
    """Scores that part these rows into about equally large grades; fewer where many rows have one score.

    >>> grade_cuts(np.arange(100), 4)
    (25, 50, 75)
    """
    ordered = np.sort(points)
    places = [round(len(ordered) * k / grades) for k in range(1, grades)]
    return tuple(sorted({int(ordered[place]) for place in places if ordered[place] > ordered[0]}))


def calibration_by_grade(sample: str, scored: ScoredRows, cuts: tuple[int, ...]) -> Calibration:
    """The mean PD of each grade against its bad rate with a 95 % interval (Wilson); grade 1 is the best."""
    grade = len(cuts) - place(scored.points, cuts)
    edges = [None, *cuts, None]
    grades = []
    for number in range(len(cuts) + 1):
        rows = grade == number
        count, bads = int(rows.sum()), int(scored.label[rows].sum())
        if not count:
            continue
        low, high = wilson_interval(bads, count)
        pd = float(scored.pd[rows].mean())
        at = len(cuts) - number
        fits = low <= pd <= high
        grades.append(
            GradeFigures(number + 1, edges[at], edges[at + 1], count, bads, pd, bads / count, (low, high), fits)
        )
    outside = sum(not one.fits for one in grades)
    by_chance = int(binom.ppf(CONFIDENCE, len(grades), 1 - CONFIDENCE))
    return Calibration(sample, tuple(grades), outside, by_chance)
