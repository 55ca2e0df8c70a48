"""Made-up training tables, a family for each thing that a scorecard may find hard; the truth of each is known.

Only the draw differs between seeds; what tells goods from bads is the same.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from linekeeper.core.bounds import MISSING
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan
from linekeeper.lab.fit.training_table import TrainingTable

Made = tuple[TrainingTable, FitPlan]
Numbers = npt.NDArray[np.float64]
CATEGORIES = 200
THOUSANDTHS = 1_000  # features are whole numbers: thousandths of what the odds are made of


def additive(seed: int) -> Made:
    """Ten features, seven of which tell: lines, a step, a valley, a saturating amount, missing values and a code."""
    rows, chance = 5_000, np.random.default_rng(seed)
    x = chance.random((rows, 10))
    amount = chance.lognormal(0.0, 1.0, rows)
    odds = -2.6 + 1.5 * x[:, 0] - 1.2 * x[:, 1] + 1.0 * (x[:, 2] > 0.7) + 5 * (x[:, 3] - 0.5) ** 2
    odds += 1.2 * np.exp(-amount)
    columns = _columns(x)
    columns["f4"] = np.round(amount * THOUSANDTHS).astype(np.int64)
    missing, code = chance.random(rows) < 0.15, chance.random(rows) < 0.2
    odds += np.where(missing, 0.8, 0.6 * x[:, 5]) + np.where(code, -0.7, 0.9 * x[:, 6])
    columns["f5"] = np.where(missing, MISSING, columns["f5"])
    columns["f6"] = np.where(code, -9, columns["f6"])
    features = [FeaturePlan(name, "ability") for name in columns]
    features[0], features[1] = FeaturePlan("f0", "ability", "higher"), FeaturePlan("f1", "ability", "lower")
    features[6] = FeaturePlan("f6", "ability", special=(-9,))
    return _made("additive", columns, odds, chance, tuple(features))


def pairs(seed: int) -> Made:
    """Eight features: two alone, and two pairs of which neither feature tells anything alone."""
    rows, chance = 8_000, np.random.default_rng(seed)
    x = chance.random((rows, 8))
    odds = -1.5 + 1.2 * x[:, 0] - 0.8 * x[:, 1] + 1.6 * ((x[:, 2] > 0.5) ^ (x[:, 3] > 0.6))
    odds += 6.0 * (x[:, 4] - 0.5) * (x[:, 5] - 0.5)
    return _made("pairs", _columns(x), odds - 0.8, chance)


def triples(seed: int) -> Made:
    """Eight features: two alone, one pair, and one thing that only three features together tell."""
    rows, chance = 8_000, np.random.default_rng(seed)
    x = chance.random((rows, 8))
    together = (x[:, 2] > 0.5) ^ (x[:, 3] > 0.5) ^ (x[:, 4] > 0.5)
    odds = -2.4 + 1.5 * x[:, 0] - 1.0 * x[:, 1] + 1.5 * together + 4.0 * (x[:, 5] - 0.5) * (x[:, 6] - 0.5)
    return _made("triples", _columns(x), odds + 0.5, chance)


def categories(seed: int) -> Made:
    """A feature of 200 categories in no order, of very different sizes, one of twelve, and four amounts."""
    rows, chance, truth = 10_000, np.random.default_rng(seed), np.random.default_rng(1)
    sizes = truth.dirichlet(np.full(CATEGORIES, 0.7))
    branch, product = chance.choice(CATEGORIES, rows, p=sizes), chance.integers(0, 12, rows)
    x = chance.random((rows, 4))
    odds = -2.0 + truth.normal(0, 0.7, CATEGORIES)[branch] + truth.normal(0, 0.4, 12)[product] + x[:, 0] - x[:, 1]
    columns = {"branch": branch.astype(np.int64), "product": product.astype(np.int64), **_columns(x)}
    features = (
        FeaturePlan("branch", "ability", choices=tuple(f"b{number}" for number in range(CATEGORIES))),
        FeaturePlan("product", "ability", choices=tuple(f"p{number}" for number in range(12))),
        *(FeaturePlan(name, "ability") for name in _columns(x)),
    )
    return _made("categories", columns, odds, chance, features)


def small(seed: int) -> Made:
    """A thousand rows, twenty features, six of which tell a little."""
    rows, chance = 1_000, np.random.default_rng(seed)
    x = chance.random((rows, 20))
    odds = -2.0 + x[:, :6] @ np.array([1.0, -1.0, 0.8, -0.8, 0.6, 0.6]) - 0.3
    return _made("small", _columns(x), odds, chance)


FAMILIES: dict[str, Callable[[int], Made]] = {
    family.__name__: family for family in (additive, pairs, triples, categories, small)
}


def _columns(x: Numbers) -> dict[str, npt.NDArray[np.int64]]:
    return {f"f{k}": np.floor(x[:, k] * THOUSANDTHS).astype(np.int64) for k in range(x.shape[1])}


def _made(
    name: str,
    columns: dict[str, npt.NDArray[np.int64]],
    odds: Numbers,
    chance: np.random.Generator,
    features: tuple[FeaturePlan, ...] | None = None,
) -> Made:
    label = (chance.random(len(odds)) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    plan = FitPlan(name, features or tuple(FeaturePlan(column, "ability") for column in columns))
    numbers = np.arange(len(odds))
    return TrainingTable(numbers.astype(str), np.zeros(len(odds), np.int64), label, columns, {}), plan
