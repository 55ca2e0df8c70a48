"""How well the default card ranks, beside learners that may do more: AUC on unseen rows, on the same folds.

`python benchmarks/bench_fit.py [--families additive pairs ...] [--peers lightgbm ...] [--repeats 5] [--json]`. The
families are the shared sets (docs/reference/data.md), where they are there, and five made-up ones, drawn anew in each
repeat. The card is what `linekeeper fit` writes by default for the rows of the other folds. Its distance from each
peer has a 95 % interval, paired over the folds; the folds of a repeat share rows, and so the interval is as wide as
Nadeau and Bengio (2003) make it. Everything runs in one process, on one core.
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

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "src"))

import numpy as np  # noqa: E402
from fit_peers import PEERS, Risks, peers_missing  # noqa: E402
from made_tables import FAMILIES, Made  # noqa: E402

from linekeeper.datasets.catalogue import read_data_set  # noqa: E402
from linekeeper.lab.fit.cross_validation import fit_default  # noqa: E402
from linekeeper.lab.fit.feature_bins import bin_table  # noqa: E402
from linekeeper.lab.fit.folds import folds_of  # noqa: E402
from linekeeper.lab.fit.metrics import auc, paired_over_repeats  # noqa: E402
from linekeeper.lab.fit.plan import FitPlan  # noqa: E402
from linekeeper.lab.fit.scaling import scorecard_of  # noqa: E402
from linekeeper.lab.fit.training_table import TrainingTable  # noqa: E402
from linekeeper.scorecard.many import score_many  # noqa: E402

SHARED = REPOSITORY.parent / "shared" / "data"
SHARED_SETS = {
    "taiwan": "taiwan_credit_card/taiwan_credit_card.parquet",
    "south-german": "german_credit/south_german_credit.parquet",
}
FOLDS = 5


def card(seen: TrainingTable, unseen: TrainingTable, plan: FitPlan) -> Risks:
    """The default card of the rows that are seen, in whole points; more points are less risk."""
    fitted = fit_default(bin_table(seen, plan), plan)
    points = score_many(scorecard_of(fitted.model, plan, seen.features), unseen.features).score
    return -points.astype(np.float64)


def measure(make: Callable[[int], Made], arms: list[str], repeats: int) -> dict[str, Any]:
    """AUC of each arm by fold, seconds of a core that it took, and how far the card lies from each peer."""
    by_fold: dict[str, list[float]] = {arm: [] for arm in arms}
    seconds = dict.fromkeys(arms, 0.0)
    rows = 0
    for repeat in range(repeats):
        table, plan = make(repeat)
        rows, fold = len(table), folds_of(table, FOLDS, seed=repeat)
        for number in range(FOLDS):
            seen, unseen = (table.take(np.flatnonzero(mask)) for mask in (fold != number, fold == number))
            for arm in arms:
                began = time.process_time()
                risks = (card if arm == "card" else PEERS[arm])(seen, unseen, replace(plan, seed=repeat))
                seconds[arm] += time.process_time() - began
                by_fold[arm].append(auc(unseen.label, risks))
    return {
        "rows": rows,
        "repeats": repeats,
        "auc": {arm: float(np.mean(of_arm)) for arm, of_arm in by_fold.items()},
        "card_less_peer": {arm: paired(by_fold["card"], by_fold[arm]) for arm in arms if arm != "card"},
        "auc_by_fold": by_fold,
        "seconds_a_fit": {arm: spent / (repeats * FOLDS) for arm, spent in seconds.items()},
    }


def paired(own: list[float], other: list[float]) -> dict[str, float]:
    """The mean difference over the folds and its 95 % interval."""
    return dict(zip(("mean", "low", "high"), paired_over_repeats(own, other, FOLDS), strict=True))


def families(data: Path) -> dict[str, Callable[[int], Made]]:
    """What there is to fit: the shared sets that are there, and the made-up families."""
    there = {name: data / file for name, file in SHARED_SETS.items() if (data / file).exists()}

    def reader(name: str) -> Callable[[int], Made]:
        return lambda seed: read_data_set(name, there[name])

    return {**{name: reader(name) for name in there}, **FAMILIES}


def show(family: str, measured: dict[str, Any]) -> None:
    """A line for each arm of a family."""
    print(f"{family}: {measured['rows']:,} rows, {measured['repeats']} x {FOLDS} folds", flush=True)
    for arm, mean in measured["auc"].items():
        gap = measured["card_less_peer"].get(arm)
        beside = f"card {gap['mean']:+.4f} ({gap['low']:+.4f} to {gap['high']:+.4f})" if gap else ""
        print(f"  {arm:<10} {mean:.4f}  {measured['seconds_a_fit'][arm]:>6.1f} s a fit  {beside}", flush=True)


def main() -> None:
    """Run it and print a table, or one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", nargs="+", choices=[*SHARED_SETS, *FAMILIES])
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--data", type=Path, default=SHARED, help="the folder of the shared sets")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    missing = {peer: module for peer, module in peers_missing().items() if peer in asked.peers}
    for peer, module in missing.items():
        print(f"left out: {peer}, since {module} is not installed (the extra `peers`)", file=sys.stderr)
    there = families(asked.data)
    absent = [name for name in asked.families or SHARED_SETS if name not in there]
    for name in absent:
        print(f"left out: {name}, since {asked.data / SHARED_SETS[name]} is not there", file=sys.stderr)
    arms = ["card", *(peer for peer in asked.peers if peer not in missing)]
    results = {}
    for name in asked.families or there:
        if name in there:
            results[name] = measure(there[name], arms, asked.repeats)
            if not asked.json:
                show(name, results[name])
    if asked.json:
        print(json.dumps({"families": results, "missing": missing, "absent": absent}))


if __name__ == "__main__":
    main()
