"""How well a score ranks and how true its probabilities are; each figure with the source of its formula.

Throughout, `bad` is 0 or 1 and a higher `risk` means worse (a PD, log-odds, or a score with its sign turned). With a
`weight`, each row counts as so many, 1 on average; intervals then take the rows as fewer (Kish 1965). The
figures are those of scikit-learn and scipy; written out here is only what neither of them has: DeLong's variance of an
AUC, Newcombe's interval, the stability index, and tenths that keep rows of equal risk together.
"""

from __future__ import annotations

import math
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
RowWeights = npt.NDArray[Any] | None  # None: all rows count alike
CONFIDENCE = 0.95
Z_OF_CONFIDENCE = float(norm.ppf((1 + CONFIDENCE) / 2))


# ------------------------------------------------------------------ ranking


def auc(bad: BadFlags, risk: Risks, weight: RowWeights = None) -> float:
    """The chance that a bad row has the higher risk of a random pair (ties count half): Mann-Whitney.

    >>> auc(np.array([0, 0, 1, 1]), np.array([1, 2, 2, 3]))
    0.875
    >>> auc(np.array([0, 0, 1, 1]), np.array([1, 2, 2, 3]), np.array([1, 3, 1, 1]))
    0.8125
    """
    return float(roc_auc_score(bad, risk, sample_weight=weight))


def auc_interval(
    bad: BadFlags, risk: Risks, weight: RowWeights = None, middle: float | None = None
) -> tuple[float, float]:
    """95 % interval of the AUC (DeLong, DeLong, Clarke-Pearson 1988). `middle`: the AUC, where it is known.

    >>> low, high = auc_interval(np.array([0, 1] * 50), np.arange(100) % 7)
    >>> low < 0.5 < high
    True
    """
    of_bads, of_goods = _placements(bad, risk, weight)
    deviation = _deviation_of_mean(of_bads, of_goods, _by_outcome(bad, weight))
    middle = auc(bad, risk, weight) if middle is None else middle
    return max(0.0, middle - Z_OF_CONFIDENCE * deviation), min(1.0, middle + Z_OF_CONFIDENCE * deviation)


def auc_difference(bad: BadFlags, risk: Risks, other: Risks, weight: RowWeights = None) -> tuple[float, float, float]:
    """(AUC of `risk` less that of `other`, 95 % interval), paired on the same rows (DeLong et al. 1988).

    >>> bad, risk = np.array([0, 1] * 50), np.arange(100) % 7
    >>> auc_difference(bad, risk, risk)
    (0.0, 0.0, 0.0)
    """
    of_bads, of_goods = _placements(bad, risk, weight)
    other_bads, other_goods = _placements(bad, other, weight)
    gain_of_bads, gain_of_goods = of_bads - other_bads, of_goods - other_goods
    weights = _by_outcome(bad, weight)
    gap = float(gain_of_bads.mean() if weights is None else np.average(gain_of_bads, weights=weights[0]))
    deviation = _deviation_of_mean(gain_of_bads, gain_of_goods, weights)
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


def _by_outcome(bad: BadFlags, weight: RowWeights) -> tuple[Floats, Floats] | None:
    """The weights of the bads and of the goods."""
    return None if weight is None else (weight[bad == 1], weight[bad == 0])


def _placements(bad: BadFlags, risk: Risks, weight: RowWeights = None) -> tuple[Floats, Floats]:
    """For each bad, the share of goods below it; for each good, the share of bads above it (ties count half)."""
    risk_of_bads, risk_of_goods = risk[bad == 1], risk[bad == 0]
    if weight is not None:
        below_bads = _weight_below(risk_of_goods, weight[bad == 0], risk_of_bads)
        return below_bads, 1 - _weight_below(risk_of_bads, weight[bad == 1], risk_of_goods)
    ranks = rankdata(risk)
    of_bads = (ranks[bad == 1] - rankdata(risk_of_bads)) / len(risk_of_goods)
    of_goods = 1 - (ranks[bad == 0] - rankdata(risk_of_goods)) / len(risk_of_bads)
    return of_bads, of_goods


def _weight_below(risks: Risks, weights: Floats, of: Risks) -> Floats:
    """For each of some risks: the share of the weight of the others that lies below it, ties at half."""
    order = np.argsort(risks, kind="stable")
    upto = np.append(0.0, np.cumsum(weights[order]))
    places = (np.searchsorted(risks[order], of, side=side) for side in ("left", "right"))
    share: Floats = sum((upto[place] for place in places), np.zeros(len(of))) / (2 * upto[-1])
    return share


def _deviation_of_mean(of_bads: Floats, of_goods: Floats, weights: tuple[Floats, Floats] | None = None) -> float:
    if weights is None:
        return float(np.sqrt(of_bads.var(ddof=1) / len(of_bads) + of_goods.var(ddof=1) / len(of_goods)))
    variances = (_variance_of_mean(*pair) for pair in zip((of_bads, of_goods), weights, strict=True))
    return float(np.sqrt(sum(variances)))


def _variance_of_mean(values: Floats, weights: Floats) -> float:
    """Of a weighted mean, linearised (Cochran 1977, 5A.4); of equal weights it is the usual one."""
    gaps = weights * (values - np.average(values, weights=weights))
    return float((gaps**2).sum() / weights.sum() ** 2 * len(values) / max(len(values) - 1, 1))


def ks(bad: BadFlags, risk: Risks, weight: RowWeights = None) -> float:
    """The greatest distance between the distributions of good and bad (Kolmogorov-Smirnov).

    >>> ks(np.array([0, 0, 1, 1]), np.array([1, 2, 2, 3]))
    0.5
    """
    if weight is not None:
        every = np.unique(risk)
        upto = (
            np.cumsum(np.bincount(np.searchsorted(every, risk[bad == kind]), weight[bad == kind], len(every)))
            for kind in (0, 1)
        )
        goods, bads = (sums / sums[-1] for sums in upto)
        return float(np.abs(goods - bads).max())
    # The exact p-value, which nobody asks for here, would take longer than the fit.
    return float(ks_2samp(risk[bad == 1], risk[bad == 0], method="asymp").statistic)


# ------------------------------------------------------------------ probabilities


def brier(bad: BadFlags, pd: Floats, weight: RowWeights = None) -> float:
    """The mean squared distance between PD and outcome (Brier 1950).

    >>> brier(np.array([0, 1]), np.array([0.5, 0.5]))
    0.25
    """
    return float(brier_score_loss(bad, pd, sample_weight=weight))


def log_loss(bad: BadFlags, pd: Floats, weight: RowWeights = None) -> float:
    """Mean negative log-likelihood, in nats.

    >>> round(log_loss(np.array([0, 1]), np.array([0.5, 0.5])), 4)
    0.6931
    """
    return float(mean_log_loss(bad, pd, labels=[0, 1], sample_weight=weight))


@dataclass(frozen=True, slots=True)
class CalibrationDecile:
    """A tenth of the rows, riskiest first: the mean PD, and the bad rate that came with its 95 % interval (Wilson).

    With weights the tenth is one of their sum; `rows` and `bads` are counts, the rates are weighted.
    """

    rows: int
    bads: int
    mean_pd: float
    bad_rate: float
    low: float
    high: float


def calibration_by_decile(
    bad: BadFlags, pd: Floats, parts: int = 10, weight: RowWeights = None
) -> list[CalibrationDecile]:
    """Mean PD against bad rate, by tenths of the rows in order of PD (a Hosmer-Lemeshow table)."""
    decile = deciles(pd, parts, weight)
    calibration = []
    for number in range(parts):
        rows = decile == number
        count, bads = int(rows.sum()), int(bad[rows].sum())
        if count:
            of_rows = None if weight is None else weight[rows]
            mean_pd = float(np.average(pd[rows], weights=of_rows))
            calibration.append(CalibrationDecile(count, bads, mean_pd, *bad_rate(bad[rows], of_rows)))
    return calibration


# ------------------------------------------------------------------ rates and shares


def bad_rate(bad: BadFlags, weight: RowWeights = None) -> tuple[float, float, float]:
    """The share of bads and its 95 % interval (Wilson); with weights, of as many rows as Kish (1965) takes them for.

    >>> [round(figure, 3) for figure in bad_rate(np.array([1, 0, 0, 0]), np.array([3.0, 1.0, 1.0, 1.0]))]
    [0.5, 0.125, 0.875]
    """
    if weight is None or not len(bad):
        bads, rows = int(bad.sum()), len(bad)
        return bads / rows if rows else 0.0, *wilson_interval(bads, rows)
    rate = float(np.average(bad, weights=weight))
    rows_worth = float(weight.sum() ** 2 / (weight**2).sum())
    z = Z_OF_CONFIDENCE**2 / rows_worth
    middle, reach = (rate + z / 2) / (1 + z), math.sqrt(z * (rate * (1 - rate) + z / 4)) / (1 + z)
    return rate, max(middle - reach, 0.0), min(middle + reach, 1.0)


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


def deciles(risk: Risks, parts: int = 10, weight: RowWeights = None) -> npt.NDArray[np.intp]:
    """Each row's decile of risk, 0 the riskiest; rows of equal risk stay together as far as sizes allow.

    >>> deciles(np.array([9, 8, 7, 1]), 2)
    array([0, 0, 1, 1])
    """
    if weight is not None:
        above = 1 - _weight_below(risk, weight, risk)
        return np.minimum((above * parts).astype(np.intp), parts - 1)
    ranks: Floats = rankdata(-risk.astype(np.float64))
    return np.minimum(((ranks - 0.5) * parts / len(risk)).astype(np.intp), parts - 1)


def cumulative_gains(bad: BadFlags, risk: Risks, steps: int = 100, weight: RowWeights = None) -> list[float]:
    """The share of all bads among the riskiest 0, 1/steps, ... 1 of the rows.

    >>> cumulative_gains(np.array([1, 0, 1, 0]), np.array([4, 3, 2, 1]), steps=4)
    [0.0, 0.5, 0.5, 1.0, 1.0]
    """
    order = np.argsort(-risk, kind="stable")
    if weight is not None:
        upto = np.append(0.0, np.cumsum(weight[order])) / weight.sum()
        of_bads = np.append(0.0, np.cumsum((weight * bad)[order])) / (weight * bad).sum()
        return [float(share) for share in np.interp(np.linspace(0, 1, steps + 1), upto, of_bads)]
    bads = np.append(0, np.cumsum(bad[order]))
    rows = np.round(np.linspace(0, 1, steps + 1) * len(bad)).astype(int)
    return [float(share) for share in bads[rows] / bads[-1]]
