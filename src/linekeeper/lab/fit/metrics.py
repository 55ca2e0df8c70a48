"""How well a score ranks and how true its probabilities are; each figure with the source of its formula.

Throughout, `bad` is 0 or 1 and a higher `risk` means worse (a PD, log-odds, or a score with its sign turned). The
figures are those of scikit-learn and scipy; written out here is only what neither of them has: DeLong's variance of an
AUC, Newcombe's interval, the stability index, and tenths that keep rows of equal risk together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, ks_2samp, norm, rankdata
from scipy.stats import t as students_t
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as mean_log_loss

from linekeeper.lab.fit.additive_model import Floats

BadFlags = npt.NDArray[Any]
Risks = npt.NDArray[Any]
CONFIDENCE = 0.95
Z_OF_CONFIDENCE = float(norm.ppf((1 + CONFIDENCE) / 2))


# ------------------------------------------------------------------ ranking


def auc(bad: BadFlags, risk: Risks) -> float:
    """The chance that a bad row has the higher risk of a random pair (ties count half): Mann-Whitney.

    >>> auc(np.array([0, 0, 1, 1]), np.array([1, 2, 2, 3]))
    0.875
    """
    return float(roc_auc_score(bad, risk))


def auc_interval(bad: BadFlags, risk: Risks) -> tuple[float, float]:
    """95 % interval of the AUC (DeLong, DeLong, Clarke-Pearson 1988).

    >>> low, high = auc_interval(np.array([0, 1] * 50), np.arange(100) % 7)
    >>> low < 0.5 < high
    True
    """
    of_bads, of_goods = _placements(bad, risk)
    deviation = _deviation_of_mean(of_bads, of_goods)
    middle = auc(bad, risk)
    return max(0.0, middle - Z_OF_CONFIDENCE * deviation), min(1.0, middle + Z_OF_CONFIDENCE * deviation)


def auc_difference(bad: BadFlags, risk: Risks, other: Risks) -> tuple[float, float, float]:
    """(AUC of `risk` less that of `other`, 95 % interval), paired on the same rows (DeLong et al. 1988).

    >>> bad, risk = np.array([0, 1] * 50), np.arange(100) % 7
    >>> auc_difference(bad, risk, risk)
    (0.0, 0.0, 0.0)
    """
    (of_bads, of_goods), (other_bads, other_goods) = _placements(bad, risk), _placements(bad, other)
    gain_of_bads, gain_of_goods = of_bads - other_bads, of_goods - other_goods
    gap = float(gain_of_bads.mean())
    deviation = _deviation_of_mean(gain_of_bads, gain_of_goods)
    return gap, gap - Z_OF_CONFIDENCE * deviation, gap + Z_OF_CONFIDENCE * deviation


def paired_over_folds(own: Sequence[float], other: Sequence[float]) -> tuple[float, float, float]:
    """(Mean of `own` less `other` over the folds, its 95 % interval), of one figure a fold each.

    Any two folds of a cross-validation learn from rows that both have, so that their figures are not independent: the
    variance is that of Nadeau and Bengio (2003), by as many folds as there are figures.

    >>> [round(figure, 3) for figure in paired_over_folds([0.8, 0.7, 0.75], [0.7, 0.7, 0.7])]
    [0.05, -0.146, 0.246]
    """
    return paired_over_repeats(own, other, len(own))


def paired_over_repeats(own: Sequence[float], other: Sequence[float], folds: int) -> tuple[float, float, float]:
    """The same over repeats of a cross-validation of so many folds each.

    >>> paired_over_repeats([0.8, 0.8, 0.8, 0.8], [0.75, 0.75, 0.75, 0.75], 2)[0]
    0.05
    """
    gaps = np.array(own) - np.array(other)
    deviation = float(np.sqrt(gaps.var(ddof=1) * (1 / len(gaps) + 1 / (folds - 1))))
    reach = float(students_t.ppf((1 + CONFIDENCE) / 2, len(gaps) - 1)) * deviation
    mean = round(float(gaps.mean()), 12)
    return mean, mean - reach, mean + reach


def _placements(bad: BadFlags, risk: Risks) -> tuple[Floats, Floats]:
    """For each bad, the share of goods below it; for each good, the share of bads above it (ties count half)."""
    risk_of_bads, risk_of_goods = risk[bad == 1], risk[bad == 0]
    ranks = rankdata(risk)
    of_bads = (ranks[bad == 1] - rankdata(risk_of_bads)) / len(risk_of_goods)
    of_goods = 1 - (ranks[bad == 0] - rankdata(risk_of_goods)) / len(risk_of_bads)
    return of_bads, of_goods


def _deviation_of_mean(of_bads: Floats, of_goods: Floats) -> float:
    return float(np.sqrt(of_bads.var(ddof=1) / len(of_bads) + of_goods.var(ddof=1) / len(of_goods)))


def ks(bad: BadFlags, risk: Risks) -> float:
    """The greatest distance between the distributions of good and bad (Kolmogorov-Smirnov).

    >>> ks(np.array([0, 0, 1, 1]), np.array([1, 2, 2, 3]))
    0.5
    """
    # The exact p-value, which nobody asks for here, would take longer than the fit.
    return float(ks_2samp(risk[bad == 1], risk[bad == 0], method="asymp").statistic)


# ------------------------------------------------------------------ probabilities


def brier(bad: BadFlags, pd: Floats) -> float:
    """The mean squared distance between PD and outcome (Brier 1950).

    >>> brier(np.array([0, 1]), np.array([0.5, 0.5]))
    0.25
    """
    return float(brier_score_loss(bad, pd))


def log_loss(bad: BadFlags, pd: Floats) -> float:
    """Mean negative log-likelihood, in nats.

    >>> round(log_loss(np.array([0, 1]), np.array([0.5, 0.5])), 4)
    0.6931
    """
    return float(mean_log_loss(bad, pd, labels=[0, 1]))


@dataclass(frozen=True, slots=True)
class CalibrationDecile:
    """A tenth of the rows, riskiest first: the mean PD, and the bad rate that came with its 95 % interval (Wilson)."""

    rows: int
    bads: int
    mean_pd: float
    bad_rate: float
    low: float
    high: float


def calibration_by_decile(bad: BadFlags, pd: Floats, parts: int = 10) -> list[CalibrationDecile]:
    """Mean PD against bad rate, by tenths of the rows in order of PD (a Hosmer-Lemeshow table)."""
    decile = deciles(pd, parts)
    calibration = []
    for number in range(parts):
        rows = decile == number
        count, bads = int(rows.sum()), int(bad[rows].sum())
        if count:
            interval = wilson_interval(bads, count)
            calibration.append(CalibrationDecile(count, bads, float(pd[rows].mean()), bads / count, *interval))
    return calibration


# ------------------------------------------------------------------ rates and shares


def wilson_interval(bads: int, rows: int) -> tuple[float, float]:
    """95 % interval of a rate (Wilson 1927); (0, 1) where there are no rows.

    >>> [round(edge, 3) for edge in wilson_interval(1, 10)]
    [0.018, 0.404]
    """
    if rows <= 0:
        return 0.0, 1.0
    interval = binomtest(bads, rows).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def rate_difference(bads: int, rows: int, other_bads: int, other_rows: int) -> tuple[float, float, float]:
    """(difference of two rates, 95 % interval) after Newcombe (1998), method 10.

    >>> [round(figure, 3) for figure in rate_difference(56, 70, 48, 80)]
    [0.2, 0.052, 0.334]
    """
    rate, other_rate = bads / max(rows, 1), other_bads / max(other_rows, 1)
    (low, high), (other_low, other_high) = wilson_interval(bads, rows), wilson_interval(other_bads, other_rows)
    gap = rate - other_rate
    down, up = np.hypot(rate - low, other_high - other_rate), np.hypot(high - rate, other_rate - other_low)
    return gap, float(gap - down), float(gap + up)


def psi(expected: npt.NDArray[Any], actual: npt.NDArray[Any]) -> float:
    """Population stability index between two counts over the same bins; an empty bin counts as half a row.

    Below 0.1 is stable, above 0.25 has moved: Siddiqi (2006), chapter 8.

    >>> round(psi(np.array([50, 50]), np.array([60, 40])), 4)
    0.0405
    """
    expected_share = np.maximum(expected, 0.5) / max(expected.sum(), 1)
    actual_share = np.maximum(actual, 0.5) / max(actual.sum(), 1)
    return float(((actual_share - expected_share) * np.log(actual_share / expected_share)).sum())


def deciles(risk: Risks, parts: int = 10) -> npt.NDArray[np.intp]:
    """Each row's decile of risk, 0 the riskiest; rows of equal risk stay together as far as sizes allow.

    >>> deciles(np.array([9, 8, 7, 1]), 2)
    array([0, 0, 1, 1])
    """
    ranks: Floats = rankdata(-risk.astype(np.float64))
    return np.minimum(((ranks - 0.5) * parts / len(risk)).astype(np.intp), parts - 1)


def cumulative_gains(bad: BadFlags, risk: Risks, steps: int = 100) -> list[float]:
    """The share of all bads among the riskiest 0, 1/steps, ... 1 of the rows.

    >>> cumulative_gains(np.array([1, 0, 1, 0]), np.array([4, 3, 2, 1]), steps=4)
    [0.0, 0.5, 0.5, 1.0, 1.0]
    """
    bads = np.append(0, np.cumsum(bad[np.argsort(-risk, kind="stable")]))
    rows = np.round(np.linspace(0, 1, steps + 1) * len(bad)).astype(int)
    return [float(share) for share in bads[rows] / bads[-1]]
