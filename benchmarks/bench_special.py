"""Special codes that a plan declares and no row has: the fit with them, without them, and with them hidden from it.

`python benchmarks/bench_special.py [--json]`. 800 made-up rows: `x` a count (0 for about a fifth), `y` uniform in
0..39, both -9 in the same 6 % of the rows. The same rows and the same five folds are fitted three times:

- A: the plan declares the code that occurs, -9;
- B: it declares -9, -8 and -7, as the data dictionary of a bureau does; no row has the other two;
- C: as B, and LightGBM is shown bins of no amount as missing only where their code occurs.

A code without a row changes nothing in the data, and so all figures must be the same: the mean AUC of each method, the
curve of `x`, the points that the card gives each row, and how many training rows the curves read otherwise than the
booster (none). A fit that reads its curves by asking the booster about made-up points fails here: the bin between an
occurring code and one that does not occur gets the answer for "no amount", and AUC falls by 0.03.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

import numpy as np

from linekeeper.lab.fit.additive_model import Floats
from linekeeper.lab.fit.boosting import ON_LABELS, path_limits, raw_log_odds, train_within
from linekeeper.lab.fit.cross_validation import METHODS, cross_validate, fit_default
from linekeeper.lab.fit.feature_bins import BinNumbers, FeatureBlock, bin_table
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan
from linekeeper.lab.fit.scaling import scorecard_of
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.lab.fit.tree_reading import read_boosters
from linekeeper.scorecard.many import score_many

ROWS, FOLDS, ROUNDS = 800, 5, 150
OCCURRING, DECLARED = (-9,), (-9, -8, -7)
CASES = {"A": (OCCURRING, False), "B": (DECLARED, False), "C": (DECLARED, True)}
MEANINGS = {"A": "the code that occurs", "B": "all declared codes", "C": "B, with codes hidden where they occur"}


def made_table(rows: int = ROWS, seed: int = 0) -> TrainingTable:
    """The rows: riskier with `x`, safer with `y`; -9 in both says that there is no record."""
    chance = np.random.default_rng(seed)
    x, y = chance.poisson(1.5, rows).astype(np.int64), chance.integers(0, 40, rows).astype(np.int64)
    log_odds = -1.2 + 0.9 * x - 0.05 * y
    without_record = chance.random(rows) < 0.06
    x[without_record] = y[without_record] = -9
    label = (chance.random(rows) < 1 / (1 + np.exp(-log_odds))).astype(np.int64)
    accounts = np.array([f"{row:05d}" for row in range(rows)])
    return TrainingTable(accounts, np.zeros(rows, np.int64), label, {"x": x, "y": y}, {})


def plan_with(special: tuple[int, ...]) -> FitPlan:
    """The plan of both features, each with these codes."""
    x, y = FeaturePlan("x", "ability", "higher", special), FeaturePlan("y", "willingness", "lower", special)
    return FitPlan("special", (x, y))


def measure_case(special: tuple[int, ...], hide_what_occurs: bool) -> dict[str, Any]:
    """All figures of one case."""
    with _hiding_what_occurs() if hide_what_occurs else _as_shipped():
        table, plan = made_table(), plan_with(special)
        data = bin_table(table, plan)
        validation = cross_validate(data, plan, FOLDS, METHODS)
        booster = train_within(data, plan, path_limits(data.fine, []), data.label, ROUNDS, ON_LABELS)
        curves = read_boosters([(booster, 1.0)], data.fine)
        apart = np.abs(curves.log_odds(table.features) - raw_log_odds(booster, data.fine.matrix()))
        card = scorecard_of(fit_default(data, plan).model, plan, table.features)
        points = score_many(card, table.features).score
        amounts = {"x": np.arange(-9, 7), "y": np.full(16, 20)}
        return {
            "auc": {method: validation.mean_auc(table.label, method) for method in METHODS},
            "misread_rows": int((apart > 1e-9).sum()),
            "curve_of_x": [round(value, 9) for value in curves.main_effects[0].at(amounts).tolist()],
            "points_of_x": score_many(card, amounts).score.tolist(),
            "points_sha256": hashlib.sha256(points.astype("<i8").tobytes()).hexdigest(),
        }


def measure() -> dict[str, Any]:
    """The three cases, and whether they say the same of every row; the curve is judged where rows are."""
    cases = {name: measure_case(*case) for name, case in CASES.items()}
    return {"cases": cases, "same": all(_of_rows(case) == _of_rows(cases["A"]) for case in cases.values())}


def _of_rows(case: dict[str, Any]) -> tuple[Any, ...]:
    """What a case says of rows that are there: -9, and amounts from 0 up; -8 to -1 have no row."""
    occurring = [0, *range(9, 16)]
    curve, points = ([case[name][place] for place in occurring] for name in ("curve_of_x", "points_of_x"))
    return case["auc"], case["misread_rows"], curve, points, case["points_sha256"]


@contextmanager
def _as_shipped() -> Iterator[None]:
    yield


@contextmanager
def _hiding_what_occurs() -> Iterator[None]:
    """LightGBM sees the bins without an amount as missing only where a row is in them."""

    def matrix(self: FeatureBlock, bins: BinNumbers) -> Floats:
        amounts = np.where(np.isin(bins, self.flags), np.nan, bins.astype(np.float64))
        return np.column_stack([amounts, *((bins == flag).astype(np.float64) for flag in self.flags)])

    shipped = FeatureBlock.matrix
    FeatureBlock.matrix = matrix  # type: ignore[method-assign]
    try:
        yield
    finally:
        FeatureBlock.matrix = shipped  # type: ignore[method-assign]


def main() -> None:
    """Run it and print a table, or one line of JSON; fail where the cases differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    measured = measure()
    if asked.json:
        print(json.dumps(measured))
    else:
        for name, case in measured["cases"].items():
            print(f"{name} {MEANINGS[name]}")
            print("  " + "  ".join(f"{method} {mean:.4f}" for method, mean in case["auc"].items()))
            print(f"  training rows that the curves misread: {case['misread_rows']} of {ROWS}")
            print(f"  points of x at -9, -8, ..., 6, where y is 20: {case['points_of_x']}")
            print(f"  points of all rows: {case['points_sha256'][:16]}")
        print("all three say the same" if measured["same"] else "they differ")
    if not measured["same"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
