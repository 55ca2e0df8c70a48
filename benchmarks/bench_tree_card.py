"""A fitted card of trees beside LightGBM on made-up data: `python benchmarks/bench_tree_card.py [--rows N] [--json]`.

Five families whose truth is known: sums, pairs, triples, a category of 200 words, few and noisy rows. On the same five
folds: the card in whole points, LightGBM tuned by the same search (one booster, without directions), and LightGBM as it
comes. AUC on rows that were not seen, the mean over the folds, and the card's distance to the better of the two with
its 95 % interval over the folds (paired).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

import lightgbm as lgb
import numpy as np
from scipy.stats import t as student

from linekeeper.lab.fit.folds import folds_of
from linekeeper.lab.fit.metrics import auc
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.lab.fit.tree_card import boosters_of, fit_tree_card, matrix_of_table, mean_log_odds
from linekeeper.scorecard.many import score_many

FOLDS = 5
ROWS, FEW_ROWS = 20_000, 3_000
WORDS = 200


def family(name: str, rows: int) -> tuple[TrainingTable, FitPlan]:
    """The rows of one family, and the plan of a fit."""
    chance = np.random.default_rng(7)
    rows = FEW_ROWS if name == "noisy" else rows
    columns = {f"f{number}": chance.integers(0, 1_000, rows) for number in range(8)}
    f = [columns[f"f{number}"] / 1_000 for number in range(8)]
    plan = [FeaturePlan(column, "ability") for column in columns]
    plan[0] = replace(plan[0], worse="higher")
    if name == "words":
        columns["word"] = chance.integers(0, WORDS, rows)
        plan.append(FeaturePlan("word", "ability", choices=tuple(f"w{number}" for number in range(WORDS))))
        of_word = chance.normal(0, 1, WORDS)[columns["word"]]
    odds_of: dict[str, Callable[[], np.ndarray]] = {
        "sums": lambda: 2 * f[0] + np.sin(6 * f[1]) + f[2] ** 2 - 3,
        "pairs": lambda: f[0] + 3 * ((f[1] > 0.5) ^ (f[3] > 0.5)) - 3,
        "triples": lambda: f[0] + 3 * ((f[1] > 0.5) ^ (f[3] > 0.5) ^ (f[5] > 0.5)) - 3,
        "words": lambda: f[0] + of_word - 2,
        "noisy": lambda: 0.7 * f[0] + 0.3 * f[1] - 1.5,
    }
    odds = odds_of[name]()
    label = (chance.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    ids, days = np.arange(rows).astype(str), np.zeros(rows, np.int64)
    whole = {column: values.astype(np.int64) for column, values in columns.items()}
    return TrainingTable(ids, days, label, whole, {}), FitPlan(name, tuple(plan))


def of_card(seen: TrainingTable, unseen: TrainingTable, plan: FitPlan) -> np.ndarray:
    """What the card says of rows that it has not seen, higher for worse."""
    card = fit_tree_card(seen, plan, "benchmark", folds=2).artifact.score
    return -score_many(card, unseen.features).score


def of_tuned(seen: TrainingTable, unseen: TrainingTable, plan: FitPlan) -> np.ndarray:
    """LightGBM by the same search, without directions; one booster."""
    free = replace(plan, features=tuple(replace(feature, worse=None) for feature in plan.features))
    return mean_log_odds(boosters_of(seen, free)[:1], matrix_of_table(unseen, free))


def of_untuned(seen: TrainingTable, unseen: TrainingTable, plan: FitPlan) -> np.ndarray:
    """LightGBM as it comes."""
    words = [number for number, feature in enumerate(plan.features) if feature.choices]
    data = lgb.Dataset(matrix_of_table(seen, plan), seen.label, categorical_feature=words)
    booster = lgb.train({"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 0}, data)
    return np.asarray(booster.predict(matrix_of_table(unseen, plan), num_threads=1))


WAYS: dict[str, Callable[[TrainingTable, TrainingTable, FitPlan], np.ndarray]] = {
    "card": of_card,
    "lightgbm_tuned": of_tuned,
    "lightgbm": of_untuned,
}


def measure(rows: int) -> list[dict[str, Any]]:
    """All families."""
    found = []
    for name in ("sums", "pairs", "triples", "words", "noisy"):
        table, plan = family(name, rows)
        fold = folds_of(table, FOLDS, 0)
        aucs: dict[str, list[float]] = {way: [] for way in WAYS}
        began = time.process_time()
        for number in range(FOLDS):
            seen, unseen = table.take(np.flatnonzero(fold != number)), table.take(np.flatnonzero(fold == number))
            for way, rank in WAYS.items():
                aucs[way].append(auc(unseen.label, rank(seen, unseen, plan).astype(np.float64)))
        better = max(("lightgbm_tuned", "lightgbm"), key=lambda way: np.mean(aucs[way]))
        apart = np.array(aucs["card"]) - np.array(aucs[better])
        half = float(student.ppf(0.975, FOLDS - 1) * apart.std(ddof=1) / np.sqrt(FOLDS))
        found.append(
            {
                "family": name,
                "rows": len(table),
                **{way: float(np.mean(values)) for way, values in aucs.items()},
                "card_above_better": [float(apart.mean()), float(apart.mean() - half), float(apart.mean() + half)],
                "cpu_s": time.process_time() - began,
            }
        )
    return found


def main() -> None:
    """Run it and print a table, or one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measure(asked.rows)
    if asked.json:
        print(json.dumps(found))
        return
    print("family       rows     card    tuned  as it comes   card less the better of them (95 %)")
    for one in found:
        mean, low, high = one["card_above_better"]
        aucs = "   ".join(f"{one[way]:.4f}" for way in WAYS)
        print(f"{one['family']:<10} {one['rows']:>6,}   {aucs}        {mean:+.4f} ({low:+.4f} to {high:+.4f})")


if __name__ == "__main__":
    main()
