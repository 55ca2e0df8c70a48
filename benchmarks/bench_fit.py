"""How well the default cards rank, beside learners that may do more: AUC on unseen rows, on the same folds.

`python benchmarks/bench_fit.py [--sets additive pairs ...] [--peers lightgbm ...] [--repeats 5] [--folds 5]
[--record ROWS.jsonl] [--json]`. The sets are the shared ones (docs/reference/data.md), where they are there, and five
made-up families, drawn anew in each repeat. `card` is what `linekeeper fit` writes by default for the rows of the other
folds, `trees` what it writes with `--kind trees`. The distance of each card from each peer has a 95 % interval, paired
over the folds; the folds of a repeat share rows, and so the interval is as wide as Nadeau and Bengio (2003) make it.
`lightgbm_pairs` is LightGBM whose paths read at most two features: its distance from LightGBM says whether pairs
suffice. Everything runs in one process, on one core.

With `--record`, each fit is a line of that file as soon as it is done, and a fit that has its line is not done again:
a run that was interrupted goes on, and slow peers can run on fewer folds (`--folds 1`) or another day. The figures are
those of all lines; a distance is taken over the folds that both have.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "src"))

import numpy as np  # noqa: E402
from fit_peers import PEERS, Peer, Risks, peers_missing  # noqa: E402
from made_tables import FAMILIES, Made  # noqa: E402

from linekeeper.datasets.catalogue import read_data_set  # noqa: E402
from linekeeper.lab.fit.cross_validation import fit_default  # noqa: E402
from linekeeper.lab.fit.feature_bins import bin_table  # noqa: E402
from linekeeper.lab.fit.folds import folds_of  # noqa: E402
from linekeeper.lab.fit.metrics import auc, paired_over_repeats  # noqa: E402
from linekeeper.lab.fit.plan import FitPlan  # noqa: E402
from linekeeper.lab.fit.scaling import scorecard_of  # noqa: E402
from linekeeper.lab.fit.training_table import TrainingTable  # noqa: E402
from linekeeper.lab.fit.tree_card import fit_tree_card  # noqa: E402
from linekeeper.scorecard.many import score_many  # noqa: E402

SHARED = REPOSITORY.parent / "shared" / "data"
SHARED_SETS = {
    "taiwan": "taiwan_credit_card/taiwan_credit_card.parquet",
    "south-german": "german_credit/south_german_credit.parquet",
}
FOLDS = 5
Sets = dict[str, Callable[[int], Made]]


def card(seen: TrainingTable, unseen: TrainingTable, plan: FitPlan) -> Risks:
    """The default card of the rows that are seen, in whole points; more points are less risk."""
    fitted = fit_default(bin_table(seen, plan), plan)
    points = score_many(scorecard_of(fitted.model, plan, seen.features), unseen.features).score
    return -points.astype(np.float64)


def trees(seen: TrainingTable, unseen: TrainingTable, plan: FitPlan) -> Risks:
    """The card of trees of the rows that are seen, in whole points; its own folds only calibrate it."""
    points = score_many(fit_tree_card(seen, plan, "benchmark", folds=2).artifact.score, unseen.features).score
    return -points.astype(np.float64)


CARDS: dict[str, Peer] = {"card": card, "trees": trees}
ARMS = {**CARDS, **PEERS}


@dataclass(frozen=True, slots=True)
class Fit:
    """What one arm reached on one fold of one repeat, and the seconds of a core that it took."""

    name: str
    repeat: int
    fold: int
    arm: str
    rows: int
    auc: float
    seconds: float

    @property
    def key(self) -> tuple[str, int, int, str]:
        return self.name, self.repeat, self.fold, self.arm


def measure(sets: Sets, arms: list[str], repeats: int, folds: int, done: list[Fit]) -> Iterator[Fit]:
    """Every fit that is not done yet: fold by fold, so that the arms of a fold stand beside one another."""
    keys = {fit.key for fit in done}
    for name, make in sets.items():
        for repeat in range(repeats):
            todo = [(k, arm) for k in range(folds) for arm in arms if (name, repeat, k, arm) not in keys]
            if not todo:
                continue
            table, plan = make(repeat)
            fold = folds_of(table, FOLDS, seed=repeat)
            for number, arm in todo:
                seen, unseen = (table.take(np.flatnonzero(mask)) for mask in (fold != number, fold == number))
                began = time.process_time()
                risks = ARMS[arm](seen, unseen, replace(plan, seed=repeat))
                reached = auc(unseen.label, risks)
                yield Fit(name, repeat, number, arm, len(table), reached, time.process_time() - began)


def summary(fits: list[Fit]) -> dict[str, Any]:
    """Mean AUC and seconds by arm, and how far each card lies from each other arm, of the fits of one set."""
    by_arm: dict[str, dict[tuple[int, int], Fit]] = {}
    for fit in fits:
        by_arm.setdefault(fit.arm, {})[fit.repeat, fit.fold] = fit
    arms = [arm for arm in ARMS if arm in by_arm]
    return {
        "rows": fits[0].rows,
        "folds": {arm: len(by_arm[arm]) for arm in arms},
        "auc": {arm: float(np.mean([fit.auc for fit in by_arm[arm].values()])) for arm in arms},
        "seconds_a_fit": {arm: float(np.mean([fit.seconds for fit in by_arm[arm].values()])) for arm in arms},
        "distance": {
            own: {arm: paired(by_arm[own], by_arm[arm]) for arm in arms if arm != own} for own in CARDS if own in by_arm
        },
        "pairs_less_unlimited": paired(by_arm.get("lightgbm_pairs", {}), by_arm.get("lightgbm", {})),
    }


def paired(own: dict[tuple[int, int], Fit], other: dict[tuple[int, int], Fit]) -> dict[str, float | int | None]:
    """The mean difference over the folds that both have, and its 95 % interval where there are two of them."""
    both = sorted(own.keys() & other.keys())
    if len(both) < 2:
        return {"folds": len(both), "mean": None, "low": None, "high": None}
    figures = paired_over_repeats([own[key].auc for key in both], [other[key].auc for key in both], FOLDS)
    return {"folds": len(both), **dict(zip(("mean", "low", "high"), figures, strict=True))}


def sets_there(data: Path) -> Sets:
    """What there is to fit: the shared sets that are there, and the made-up families."""
    there = {name: data / file for name, file in SHARED_SETS.items() if (data / file).exists()}

    def reader(name: str) -> Callable[[int], Made]:
        return lambda seed: read_data_set(name, there[name])

    return {**{name: reader(name) for name in there}, **FAMILIES}


def show(name: str, measured: dict[str, Any]) -> None:
    """A line for each arm of a set."""
    print(f"{name}: {measured['rows']:,} rows", flush=True)
    for arm, mean in measured["auc"].items():
        folds, seconds = measured["folds"][arm], measured["seconds_a_fit"][arm]
        line = f"  {arm:<14} {mean:.4f}  {folds:>2} folds {seconds:>6.1f} s a fit"
        for own, by_arm in measured["distance"].items():
            gap = by_arm.get(arm)
            if gap and gap["mean"] is not None:
                line += f"  {own} {gap['mean']:+.4f} ({gap['low']:+.4f} to {gap['high']:+.4f})"
        print(line, flush=True)
    gap = measured["pairs_less_unlimited"]
    if gap["mean"] is not None:
        interval = f"{gap['low']:+.4f} to {gap['high']:+.4f}"
        print(f"  LightGBM of pairs less LightGBM {gap['mean']:+.4f} ({interval})", flush=True)


def read_record(record: Path | None) -> list[Fit]:
    """The fits that a file has; a last line that was cut off is left out."""
    if record is None or not record.exists():
        return []
    lines = record.read_text("utf-8").split("\n")[:-1]
    return [Fit(**json.loads(line)) for line in lines]


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=[*SHARED_SETS, *FAMILIES])
    parser.add_argument("--cards", nargs="*", choices=list(CARDS), default=list(CARDS))
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folds", type=int, choices=range(1, FOLDS + 1), default=FOLDS, help="the first of the five")
    parser.add_argument("--data", type=Path, default=SHARED, help="the folder of the shared sets")
    parser.add_argument("--record", type=Path, help="a file with a line for each fit, which is not done again")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Run it and print a table, or one line of JSON."""
    asked = arguments()
    missing = {peer: module for peer, module in peers_missing().items() if peer in asked.peers}
    for peer, module in missing.items():
        print(f"left out: {peer}, since {module} is not installed (the extra `peers`)", file=sys.stderr)
    there = sets_there(asked.data)
    absent = [name for name in asked.sets or SHARED_SETS if name not in there]
    for name in absent:
        print(f"left out: {name}, since {asked.data / SHARED_SETS[name]} is not there", file=sys.stderr)
    arms = [*asked.cards, *(peer for peer in asked.peers if peer not in missing)]
    fits = read_record(asked.record)
    chosen = {name: there[name] for name in asked.sets or there if name in there}
    for fit in measure(chosen, arms, asked.repeats, asked.folds, list(fits)):
        fits.append(fit)
        if asked.record is not None:
            with asked.record.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(fit)) + "\n")
    results = {name: summary(of_set) for name in chosen if (of_set := [fit for fit in fits if fit.name == name])}
    if asked.json:
        print(json.dumps({"sets": results, "missing": missing, "absent": absent}))
        return
    for name, measured in results.items():
        show(name, measured)


if __name__ == "__main__":
    main()
