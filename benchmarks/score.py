"""Scoring a million snapshots on one core: the card against LightGBM's own predict, on the same rows, in the same run.

python benchmarks/score.py TAIWAN.parquet [--rows 1000000] [--json]

The rows are those of the data, drawn again and again; the card is fitted on them first (not timed).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from linekeeper.lab.fit.boost import FOREST, fit_forest
from linekeeper.lab.fit.cross import fit_model
from linekeeper.lab.fit.encode import matrix_of
from linekeeper.lab.fit.known import known_table
from linekeeper.lab.fit.points import card_of
from linekeeper.scorecard.many import score_many

REPEATS = 3


def main() -> None:
    """Fit, score, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the Taiwan data (Parquet)")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    table, plan = known_table("taiwan", options.data)
    forest = fit_forest(table, plan)
    card = card_of(fit_model(table, plan), plan, table.features)
    rows = np.random.default_rng(0).integers(0, len(table), options.rows)
    columns = {name: np.ascontiguousarray(values[rows]) for name, values in table.features.items()}
    matrix = np.ascontiguousarray(matrix_of(list(forest.blocks), columns))
    booster = forest.boosters[0]

    ours = _seconds(lambda: score_many(card, columns))
    theirs = _seconds(lambda: booster.predict(matrix, num_threads=1))
    found = {
        "rows": options.rows,
        "features": len(card.bins),
        "tables": len(card.tables),
        "card_seconds": round(ours, 3),
        "lightgbm_trees": booster.num_trees(),
        "lightgbm_leaves": FOREST["num_leaves"],
        "lightgbm_seconds": round(theirs, 3),
        "times_faster": round(theirs / ours, 1),
    }
    if options.json:
        print(json.dumps(found))
        return
    print(f"{options.rows:,} snapshots on one core, best of {REPEATS}")
    print(f"  card ({found['features']} features, {found['tables']} tables): {ours:.3f} s")
    print(
        f"  LightGBM predict ({found['lightgbm_trees']} trees): {theirs:.3f} s, {found['times_faster']} times as long"
    )


def _seconds(work: Callable[[], object]) -> float:
    """The shortest of a few runs."""
    spent = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return min(spent)


if __name__ == "__main__":
    main()
