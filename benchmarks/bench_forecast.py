"""How long a forecast takes, and how well it ranks: `python benchmarks/bench_forecast.py --data FOLDER --json`.

On the approval panel, where `--data` names its folder, and on a made-up panel whose accounts fall behind by chance that
depends on what they did before. Seconds are of one process, with and without the comparison with LightGBM.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from linekeeper.datasets.approval import with_panel_names
from linekeeper.lab.fit.table_columns import read_table
from linekeeper.lab.forecast.hazard import forecast_panel
from linekeeper.lab.forecast.panel_file import panel_of

APPROVAL = Path("credit_card_approval", "credit_record.parquet")
LEVEL_LETTERS = np.array(["C", "0", "1", "2", "3", "4", "5"])


def made_panel_table(accounts: int = 20_000, months: int = 48, seed: int = 5) -> pa.Table:
    """Accounts in three kinds, with days past due that rise, cure or stay by what they were the month before."""
    chance = np.random.default_rng(seed)
    kind, level = chance.integers(0, 3, accounts), np.zeros(accounts, np.int64)
    rows = []
    for _month in range(months):
        luck = chance.random(accounts)
        worse = luck < np.array([0.05, 0.15, 0.3])[kind] * np.where(level == 0, 0.5, 1.0)
        cured = luck > np.where(level >= 2, 0.85, 0.45)
        level = np.where(worse, np.minimum(level + 1, 6), np.where(cured, np.maximum(level - 2, 0), level))
        rows.append(level)
    letters = LEVEL_LETTERS[np.array(rows).T.reshape(-1)]
    ids = np.repeat([f"A{number}" for number in range(accounts)], months)
    return pa.table({"account": ids, "month": np.tile(np.arange(months), accounts), "bucket": letters})


def figures_of(table: pa.Table, compare: bool) -> dict[str, float | None]:
    """Seconds of wall clock and of the processor, and the AUC of the next month and of the year."""
    wall, processor = time.perf_counter(), time.process_time()
    report = forecast_panel(panel_of(table), compare=compare)
    spent = time.perf_counter() - wall, time.process_time() - processor
    aucs = (report["out_of_time"]["auc"], report["out_of_time"]["auc_lightgbm"], report["year"]["auc"])
    names = ("seconds", "processor_seconds", "auc", "auc_lightgbm", "auc_of_year")
    return dict(zip(names, (*spent, *aucs), strict=True))


def main() -> None:
    """Print the figures of each panel."""
    reading = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reading.add_argument("--data", type=Path)
    reading.add_argument("--accounts", type=int, default=20_000)
    reading.add_argument("--json", action="store_true")
    given = reading.parse_args()
    tables = {"made up": made_panel_table(given.accounts)}
    if given.data:
        tables["approval"] = with_panel_names(read_table(given.data / APPROVAL))
    figures = {
        f"{name}{', compared' if compare else ''}": figures_of(table, compare)
        for name, table in tables.items()
        for compare in (False, True)
    }
    for name, row in figures.items():
        if not given.json:
            print(name, " ".join(f"{key} {value:.4g}" for key, value in row.items() if value is not None))
    if given.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
