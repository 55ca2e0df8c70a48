"""Scoring a million snapshots on one core: the card against LightGBM's own predict, on the same rows, in the same run.

`python benchmarks/bench_score.py [--data TAIWAN.parquet] [--rows N] [--json]`. The rows are those of the card data
(docs/reference/data.md), drawn again and again; card and forest are fitted on them first, which is not timed. CPU
seconds of one core, which a busy machine disturbs less, the shortest of a few runs; the forest is one booster, as a
bank would deploy.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "src"))

import numpy as np  # noqa: E402

from linekeeper.datasets.catalogue import read_data_set  # noqa: E402
from linekeeper.lab.fit.boosting import FOREST, fit_forest  # noqa: E402
from linekeeper.lab.fit.cross_validation import fit_model  # noqa: E402
from linekeeper.lab.fit.feature_bins import bin_table  # noqa: E402
from linekeeper.lab.fit.scaling import scorecard_of  # noqa: E402
from linekeeper.scorecard.many import score_many  # noqa: E402

DATA = REPOSITORY.parent / "shared" / "data" / "taiwan_credit_card" / "taiwan_credit_card.parquet"
REPEATS = 3
WARM_ROWS = 20_000


def measure(data: Path, rows: int) -> dict[str, float]:
    """All figures of one run."""
    table, plan = read_data_set("taiwan", data)
    binned = bin_table(table, plan)
    forest = fit_forest(binned, plan)
    card = scorecard_of(fit_model(binned, plan), plan, table.features)
    drawn = np.random.default_rng(0).integers(0, len(table), rows)
    columns = {name: np.ascontiguousarray(values[drawn]) for name, values in table.features.items()}
    matrix = forest.bins.encode(columns).matrix()
    booster = forest.boosters[0]
    score_many(card, {name: values[:WARM_ROWS] for name, values in columns.items()})
    booster.predict(matrix[:WARM_ROWS], num_threads=1)
    ours = _seconds(lambda: score_many(card, columns))
    theirs = _seconds(lambda: booster.predict(matrix, num_threads=1))
    return {
        "rows": rows,
        "features": len(card.bins),
        "tables": len(card.tables),
        "card_s": ours,
        "trees": booster.num_trees(),
        "leaves": FOREST["num_leaves"],
        "lightgbm_s": theirs,
        "faster_than_lightgbm": theirs / ours,
    }


def _seconds(work: Callable[[], object]) -> float:
    """The least CPU seconds of a few runs."""
    spent = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return min(spent)


def main() -> None:
    """Run it and print a table, or one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if not asked.data.exists():
        print(f"left out: no card data at {asked.data} (docs/reference/data.md); name the file with --data")
        return
    found = measure(asked.data, asked.rows)
    if asked.json:
        print(json.dumps(found))
        return
    print(f"{found['rows']:,} snapshots scored on one core")
    print(f"  card       {found['card_s']:>7.2f} s: {found['features']} features, {found['tables']} tables; goal: 1")
    print(f"  LightGBM   {found['lightgbm_s']:>7.2f} s: {found['trees']} trees of {found['leaves']} leaves")
    print(f"             {found['faster_than_lightgbm']:>7.1f} times as long")


if __name__ == "__main__":
    main()
