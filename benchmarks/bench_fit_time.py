"""How long a fit of many rows takes, with one worker and with two, and whether the card is the same to the byte.

`python benchmarks/bench_fit_time.py [--rows 150000] [--json]`. Ten features of made-up borrowers, one with missing
values, one with a code, three with a direction, one pair. Each fit is a process of its own: what `linekeeper fit` makes
by default, five folds and all rows, without a page. The last fit repeats the one before it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "src"))

import numpy as np  # noqa: E402

from linekeeper.core.bounds import MISSING  # noqa: E402
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan  # noqa: E402
from linekeeper.lab.fit.training_run import artifact_of_run, fit_scorecard  # noqa: E402
from linekeeper.lab.fit.training_table import TrainingTable  # noqa: E402
from linekeeper.scorecard.artifact import write_artifact  # noqa: E402

FEATURES, PARTS = 10, 10_000
WORKERS = (1, 2, 2)


def made(rows: int) -> tuple[TrainingTable, FitPlan]:
    """The table and its plan."""
    chance = np.random.default_rng(0)
    x = chance.random((rows, FEATURES))
    odds = -3.2 + 1.5 * x[:, 0] - 1.2 * x[:, 1] + 4 * (x[:, 2] - 0.5) ** 2 + 1.5 * ((x[:, 3] > 0.5) ^ (x[:, 4] > 0.6))
    columns = {f"f{number}": np.floor(x[:, number] * PARTS).astype(np.int64) for number in range(FEATURES)}
    columns["f5"] = np.where(chance.random(rows) < 0.2, MISSING, columns["f5"])
    columns["f6"] = np.where(chance.random(rows) < 0.1, -9, columns["f6"])
    label = (chance.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    worse = {"f0": "higher", "f1": "lower", "f6": "higher"}
    features = tuple(
        FeaturePlan(name, "ability", worse.get(name), (-9,) if name == "f6" else ())  # type: ignore[arg-type]
        for name in columns
    )
    numbers = np.arange(rows)
    return TrainingTable(numbers.astype(str), np.zeros(rows, np.int64), label, columns, {}), FitPlan("time", features)


def fit_once(rows: int, workers: int) -> None:
    """One fit; a line of JSON with its times, its peak of memory and the digest of the card."""
    table, plan = made(rows)
    clock, began = time.perf_counter(), time.process_time()
    run = fit_scorecard(table, replace(plan, workers=workers))
    digest = hashlib.sha256(write_artifact(artifact_of_run(run, "made"))).hexdigest()
    print(
        json.dumps(
            {
                "workers": workers,
                "seconds_of_a_core": time.process_time() - began,
                "seconds_on_the_clock": time.perf_counter() - clock,
                "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "auc": run.validation.mean_auc(table.label, "tables"),
                "sha256": digest,
            }
        )
    )


def main() -> None:
    """Run each in a process of its own and compare the digests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=150_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--once", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.once:
        fit_once(asked.rows, asked.once)
        return
    fits = []
    for workers in WORKERS:
        words = [sys.executable, __file__, "--rows", str(asked.rows), "--once", str(workers)]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        fits.append(json.loads(done.stdout.splitlines()[-1]))
        if not asked.json:
            one = fits[-1]
            print(
                f"{workers} workers: {one['seconds_of_a_core']:.1f} s of a core, {one['seconds_on_the_clock']:.1f} s "
                f"on the clock, {one['peak_megabytes']:.0f} MB, AUC {one['auc']:.4f}, card {one['sha256'][:12]}",
                flush=True,
            )
    same = len({one["sha256"] for one in fits}) == 1
    print(json.dumps({"rows": asked.rows, "fits": fits, "same_bytes": same}) if asked.json else f"same bytes: {same}")


if __name__ == "__main__":
    main()
