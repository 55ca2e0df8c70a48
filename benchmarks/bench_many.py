"""Many short lives: `python benchmarks/bench_many.py [--accounts 20000] [--events 10] [--json]`.

So many accounts of so many events each go through `linekeeper run` into a new store, which `linekeeper verify` then
derives again. Each is a process of its own; printed are its seconds on the clock and of the processor, and its peak of
memory, beside those of the same commands on a hundredth of the accounts, which are the start of the command.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "src")]

import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from commands import ended  # noqa: E402

POLICY = str(Path(__file__).resolve().parent.parent / "policies" / "consumer-loan.yaml")
DAY_MS = 86_400_000
OPENED_AT = 1_700_000_000_000
PART = 100


def write_events(path: Path, accounts: int, events: int) -> None:
    """Each account is opened, and then draws, repays and owes within 200 days; the rows are in order of time."""
    rng = random.Random(3)
    rows: list[dict[str, Any]] = []
    for number in range(accounts):
        name = f"A{number:06}"
        opened_at = OPENED_AT + rng.randrange(20 * DAY_MS)
        rows.append({"id": name, "account": name, "kind": "open", "at": opened_at, "limit": 10_000_00})
        for each in range(1, events):
            at = opened_at + each * 20 * DAY_MS
            kind = ("due", "draw", "repay")[each % 3]  # what is drawn is repaid, and a due is paid
            row = {
                "id": f"{name}-{each}",
                "account": name,
                "kind": kind,
                "at": at,
                "amount": rng.randrange(10_00, 900_00),
            }
            rows.append(row | ({"due_on": at // DAY_MS + 10} if kind == "due" else {}))
    rows.sort(key=lambda row: row["at"])
    names = ("id", "account", "kind", "at", "limit", "amount", "due_on")
    pq.write_table(pa.table({name: [row.get(name) for row in rows] for name in names}), path)


def measured(command: list[str]) -> dict[str, float]:
    """What a command costs, in figures that are read at a glance."""
    cost = ended(command)
    return {
        "seconds": round(cost.seconds, 2),
        "processor_s": round(cost.processor_s, 2),
        "peak_mb": round(cost.peak_mb),
    }


def main() -> int:
    """Measure both commands on a hundredth of the accounts and on all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, accounts in (("start", asked.accounts // PART), ("all", asked.accounts)):
            file, store = Path(folder, f"{name}.parquet"), str(Path(folder, f"{name}.db"))
            write_events(file, accounts, asked.events)
            figures[f"run, {name}"] = measured(["run", POLICY, str(file), "--store", store])
            figures[f"verify, {name}"] = measured(["verify", "--store", store])
    if asked.json:
        print(json.dumps({"accounts": asked.accounts, "events": asked.events, "commands": figures}))
        return 0
    print(f"{asked.accounts:,} accounts of {asked.events} events; `start` is of a hundredth of them")
    for name, row in figures.items():
        print(f"{name:16} {row['seconds']:7.2f} s (processor {row['processor_s']:.2f}), peak {row['peak_mb']:,} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
