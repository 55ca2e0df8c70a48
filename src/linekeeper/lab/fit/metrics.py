"""How well a score ranks and how true its probabilities are; each figure with the source of its formula.

Throughout, `bad` is 0 or 1 and a higher `risk` means worse (a PD, log-odds, or a score with its sign turned).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from linekeeper.lab.fit.additive_model import Floats

Labels = npt.NDArray[Any]
Risks = npt.NDArray[Any]
Z_95 = 1.959964


def auc(bad: Labels, risk: Risks) -> float:
    """The chance that a bad row has the higher risk of a random pair (ties count half): Mann-Whitney.

    >>> auc(np.array([0, 0, 1, 1]), np.array([1, 2, 2, 3]))
    0.875
    """
    ranks = _midranks(risk)
    bads = int(bad.sum())
    goods = len(bad) - bads
    return float((ranks[bad == 1].sum() - bads * (bads + 1) / 2) / (bads * goods))


def auc_interval(bad: Labels, risk: Risks) -> tuple[float, float]:
    """95 % interval of the AUC (DeLong, DeLong, Clarke-Pearson 1988).

    >>> low, high = auc_interval(np.array([0, 1] * 50), np.arange(100) % 7)
    >>> low < 0.5 < high
    True
    """
    above, below = _placements(bad, risk)
    spread = float(np.sqrt(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below)))
    middle = auc(bad, risk)
    return max(0.0, middle - Z_95 * spread), min(1.0, middle + Z_95 * spread)


def auc_difference(bad: Labels, risk: Risks, other: Risks) -> tuple[float, float, float]:
    """(AUC of `risk` less that of `other`, 95 % interval), paired on the same rows (DeLong et al. 1988).

    >>> bad, risk = np.array([0, 1] * 50), np.arange(100) % 7
    >>> auc_difference(bad, risk, risk)
    (0.0, 0.0, 0.0)
    """
    (above, below), (other_above, other_below) = _placements(bad, risk), _placements(bad, other)
    up, down = above - other_above, below - other_below
    gap = float(up.mean())
    spread = float(np.sqrt(up.var(ddof=1) / len(up) + down.var(ddof=1) / len(down)))
    return gap, gap - Z_95 * spread, gap + Z_95 * spread


def _placements(bad: Labels, risk: Risks) -> tuple[Floats, Floats]:
    """For each bad, the share of goods below it; for each good, the share of bads above it (ties count half)."""
    of_bads, of_goods = risk[bad == 1], risk[bad == 0]
    ranks = _midranks(risk)
    above = (ranks[bad == 1] - _midranks(of_bads)) / len(of_goods)
    below = 1 - (ranks[bad == 0] - _midranks(of_goods)) / len(of_bads)
    return above, below


def ks(bad: Labels, risk: Risks) -> float:
    """The greatest distance between the distributions of good and bad (Kolmogorov-Smirnov).

    >>> ks(np.array([0, 0, 1, 1]), np.array([1, 2, 2, 3]))
    0.5
    """
    order = np.argsort(risk, kind="stable")
    last = np.append(np.diff(risk[order]) != 0, True)
    bads = np.cumsum(bad[order] == 1)[last]
    goods = np.cumsum(bad[order] == 0)[last]
    return float(np.abs(bads / bads[-1] - goods / goods[-1]).max())


def brier(bad: Labels, pd: Floats) -> float:
    """The mean squared distance between PD and outcome (Brier 1950).

    >>> brier(np.array([0, 1]), np.array([0.5, 0.5]))
    0.25
    """
    return float(np.mean((pd - bad) ** 2))


def log_loss(bad: Labels, pd: Floats) -> float:
    """Mean negative log-likelihood, in nats.

    >>> round(log_loss(np.array([0, 1]), np.array([0.5, 0.5])), 4)
    0.6931
    """
    sure = np.clip(pd, 1e-9, 1 - 1e-9)
    return float(-np.mean(np.where(bad == 1, np.log(sure), np.log(1 - sure))))


def wilson(bads: float, rows: float) -> tuple[float, float]:
    """95 % interval of a rate (Wilson 1927); (0, 1) where there are no rows.

    >>> [round(edge, 3) for edge in wilson(1, 10)]
    [0.018, 0.404]
    """
    if rows <= 0:
        return 0.0, 1.0
    rate, square = bads / rows, Z_95**2
    middle = (rate + square / (2 * rows)) / (1 + square / rows)
    half = Z_95 * np.sqrt(rate * (1 - rate) / rows + square / (4 * rows**2)) / (1 + square / rows)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def rate_difference(bads: float, rows: float, other_bads: float, other_rows: float) -> tuple[float, float, float]:
    """(difference of two rates, 95 % interval) after Newcombe (1998), method 10.

    >>> [round(figure, 3) for figure in rate_difference(56, 70, 48, 80)]
    [0.2, 0.052, 0.334]
    """
    one, other = bads / max(rows, 1), other_bads / max(other_rows, 1)
    (low, high), (other_low, other_high) = wilson(bads, rows), wilson(other_bads, other_rows)
    gap = one - other
    down, up = np.hypot(one - low, other_high - other), np.hypot(high - one, other - other_low)
    return gap, float(gap - down), float(gap + up)


def psi(expected: npt.NDArray[Any], actual: npt.NDArray[Any]) -> float:
    """Population stability index between two counts over the same bins; an empty bin counts as half a row.

    Below 0.1 is stable, above 0.25 has moved: Siddiqi (2006), chapter 8.

    >>> round(psi(np.array([50, 50]), np.array([60, 40])), 4)
    0.0405
    """
    share = np.maximum(expected, 0.5) / max(expected.sum(), 1)
    now = np.maximum(actual, 0.5) / max(actual.sum(), 1)
    return float(((now - share) * np.log(now / share)).sum())


def deciles(risk: Risks, parts: int = 10) -> npt.NDArray[np.intp]:
    """Each row's decile of risk, 0 the riskiest; rows of equal risk stay together as far as sizes allow.

    >>> deciles(np.array([9, 8, 7, 1]), 2)
    array([0, 0, 1, 1])
    """
    ranks = _midranks(-risk.astype(np.float64))
    return np.minimum(((ranks - 0.5) * parts / len(risk)).astype(np.intp), parts - 1)


def _midranks(values: Risks) -> Floats:
    """Ranks from 1, equal values sharing their mean rank."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: Floats = (ends - (counts - 1) / 2)[where]
    return ranks
