"""Synthetic training tables whose truth is known: which features matter, in which direction, and how much."""

from __future__ import annotations

import numpy as np

from linekeeper.core.bounds import MISSING
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan
from linekeeper.lab.fit.training_table import TrainingTable

PLAN = FitPlan(
    "synthetic",
    (
        FeaturePlan("burden", "ability", "higher"),
        FeaturePlan("income", "ability", "lower"),
        FeaturePlan("late", "willingness", "higher", special=(-2,)),
        FeaturePlan("channel", "willingness", choices=("app", "branch", "phone")),
        FeaturePlan("noise", "ability"),
    ),
    protected=("region",),
)


def synthetic_table(rows: int = 3_000, seed: int = 1, dates: int = 1) -> TrainingTable:
    """`rows` snapshots: burden, late months (code -2: none ever), a tenth of incomes missing; about a quarter bad."""
    chance = np.random.default_rng(seed)
    burden = chance.integers(0, 12_000, rows)
    income = np.where(chance.random(rows) < 0.1, MISSING, chance.integers(1, 50, rows) * 100_000)
    late = np.where(chance.random(rows) < 0.3, -2, chance.poisson(0.8, rows))
    channel = chance.integers(0, 3, rows)
    odds = -2.2 + burden / 8_000 + 0.9 * np.maximum(late, 0) - np.where(income == MISSING, -0.7, income / 4e6)
    odds = odds + np.where(channel == 2, 0.5, 0.0) + np.where((burden > 9_000) & (late > 0), 0.8, 0.0)
    label = (chance.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    features = {
        "burden": burden,
        "income": income,
        "late": late,
        "channel": channel,
        "noise": chance.integers(0, 9, rows),
    }
    return TrainingTable(
        np.arange(rows).astype(str),
        np.arange(rows) % dates * 30,
        label,
        {name: values.astype(np.int64) for name, values in features.items()},
        {"region": (burden > 6_000).astype(np.int64) + chance.integers(0, 2, rows)},
    )


def pairs_table(rows: int, seed: int) -> TrainingTable:
    """Six features; bad is who has one of `f1` and `f3` high and the other low, and nearly nothing else tells."""
    chance = np.random.default_rng(seed)
    features = {f"f{number}": chance.integers(0, 1_000, rows) for number in range(6)}
    apart = (features["f1"] > 500) ^ (features["f3"] > 500)
    odds = -2.0 + features["f0"] / 2_000 + 3.5 * apart
    label = (chance.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    return TrainingTable(np.arange(rows).astype(str), np.zeros(rows, np.int64), label, features, {})
