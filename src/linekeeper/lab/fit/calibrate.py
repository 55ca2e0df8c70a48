"""From log-odds to true probabilities: a slope and a shift, learned on rows that the model had not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linekeeper.lab.fit.additive_model import Floats
from linekeeper.lab.fit.metrics import deciles, wilson
from linekeeper.scorecard.many import Column, place

STEPS = 50
TRUST_ROWS = 200  # so many rows of a band count as much as the formula


@dataclass(frozen=True, slots=True)
class Decile:
    """A tenth of the rows, riskiest first: mean PD told, the rate that came, and its 95 % interval (Wilson)."""

    rows: int
    bads: int
    mean_pd: float
    bad_rate: float
    low: float
    high: float


def slope_and_shift(label: Column, log_odds: Floats) -> tuple[float, float]:
    """The (slope, shift) of a logistic regression of the label on the log-odds (Platt 1999), by Newton's method.

    >>> odds = np.log(np.array([1 / 3, 1 / 3, 1 / 3, 1 / 3, 3, 3, 3, 3]))
    >>> slope, shift = slope_and_shift(np.array([1, 0, 0, 0, 1, 1, 1, 0]), odds)
    >>> round(slope, 6), round(abs(shift), 6)
    (1.0, 0.0)
    """
    design = np.column_stack([log_odds, np.ones(len(log_odds))])
    found = np.array([1.0, 0.0])
    for _ in range(STEPS):
        likely = probability(design @ found)
        curvature = (design * (likely * (1 - likely))[:, None]).T @ design
        step = np.linalg.solve(curvature, design.T @ (label - likely))
        found = found + step
        if np.abs(step).max() < 1e-10:
            break
    return float(found[0]), float(found[1])


def probability(log_odds: Floats) -> Floats:
    """1 / (1 + e^-x)."""
    likely: Floats = 1 / (1 + np.exp(-log_odds))
    return likely


def by_decile(label: Column, pd: Floats, parts: int = 10) -> list[Decile]:
    """Told against true, by tenths of the rows in order of PD (a Hosmer-Lemeshow table)."""
    part = deciles(pd, parts)
    found = []
    for number in range(parts):
        rows = part == number
        count, bads = int(rows.sum()), int(label[rows].sum())
        if count:
            found.append(Decile(count, bads, float(pd[rows].mean()), bads / count, *wilson(bads, count)))
    return found


def measured_pd(below: tuple[int, ...], formula_ppm: tuple[int, ...], points: Column, label: Column) -> tuple[int, ...]:
    """The PD of each band of the score, in ppm: the rate that came, drawn towards the formula where rows are few.

    Never rises with the score: neighbours that would are pooled (Ayer et al. 1955).

    >>> measured_pd((500,), (200_000, 50_000), np.array([490] * 200 + [510] * 200), np.array([1, 0] * 200))
    (350000, 275000)
    """
    band = place(points, below)
    rows = np.bincount(band, minlength=len(formula_ppm))
    bads = np.bincount(band, weights=label, minlength=len(formula_ppm))
    ppm = np.array(formula_ppm, dtype=np.float64)
    rates = (bads * 1_000_000 + TRUST_ROWS * ppm) / (rows + TRUST_ROWS)
    return tuple(round(float(rate)) for rate in _falling(rates, rows + TRUST_ROWS))


def _falling(values: Floats, weights: Column) -> Floats:
    """The nearest sequence (weighted squares) that never rises."""
    blocks: list[tuple[float, int, int]] = []  # mean, weight, length
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        blocks.append((value, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] < blocks[-1][0]:
            (mean, mass, length), (last, more, longer) = blocks[-2:]
            blocks[-2:] = [((mean * mass + last * more) / (mass + more), mass + more, length + longer)]
    return np.repeat([mean for mean, _, _ in blocks], [length for _, _, length in blocks])
