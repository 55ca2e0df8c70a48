"""`run` beside SQLite alone: `python benchmarks/bench_run.py [--accounts 1000] [--days 400] [--json]`.

The engine takes two years of a seeded population, decides, and commits batch by batch, without and with the
transparency log. What it writes is noted statement by statement in a run that does not count; plain sqlite3 writes the
very same rows, in the same transactions, with the same pragmas, into an empty file, with no logic at all. They take
turns in one process on one machine; the compiled kernel is loaded beforehand.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "src")]

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
from sqlalchemy import event  # noqa: E402

from linekeeper.engine.engine import Engine  # noqa: E402
from linekeeper.engine.run import run_table  # noqa: E402
from linekeeper.journal.keeper import new_keeper  # noqa: E402
from linekeeper.journal.store import Store, open_store  # noqa: E402
from linekeeper.kernel.kernel import kernel_of  # noqa: E402
from linekeeper.lab.population import population  # noqa: E402
from linekeeper.policy.load import load_file  # noqa: E402
from linekeeper.texts.material import shipped  # noqa: E402

WRITES = ("INSERT", "UPDATE", "DELETE")
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=FAST")
Written = list[list[tuple[str, Any]]]  # transactions of (statement, parameters)


def noted(store: Store) -> Written:
    """What the store writes from now on, one list a transaction."""
    transactions: Written = [[]]

    @event.listens_for(store.engine, "before_cursor_execute")
    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if statement.startswith(WRITES):
            transactions[-1].append((statement, parameters if many else [parameters]))

    @event.listens_for(store.engine, "commit")
    def end(connection: Any) -> None:
        transactions.append([])

    return transactions


def timed_run(folder: Path, events: pa.Table, logged: bool, note: bool = False) -> tuple[float, Written]:
    """Seconds of one run over an empty store, and what it wrote where that is asked for."""
    folder.mkdir()
    store = open_store(str(folder / "lines.db"))
    keeper = new_keeper(folder / "keys", folder / "log", "example.com/bench") if logged else None
    engine = Engine(store, load_file(shipped("consumer-loan.yaml")), keeper)
    written = noted(store) if note else []
    began = time.perf_counter()
    run_table(engine, events, "bench")
    seconds = time.perf_counter() - began
    store.close()
    return seconds, written


def timed_rows(folder: Path, written: Written, schema_of: Path) -> float:
    """Seconds that plain sqlite3 takes for the same rows in the same transactions."""
    folder.mkdir()
    with sqlite3.connect(schema_of) as source:
        schema = [
            row[0]
            for row in source.execute(
                "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
            )
        ]
    source.close()
    connection = sqlite3.connect(folder / "rows.db", isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    for statement in schema:
        connection.execute(statement)
    began = time.perf_counter()
    for transaction in written:
        if transaction:
            connection.execute("BEGIN IMMEDIATE")
            for statement, rows in transaction:
                if "RETURNING" in statement:
                    for row in rows:
                        connection.execute(statement, row).fetchall()
                else:
                    connection.executemany(statement, rows)
            connection.execute("COMMIT")
    seconds = time.perf_counter() - began
    connection.close()
    return seconds


def main() -> None:
    """Run it and print a table, or one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    events = population(accounts=asked.accounts, days=asked.days, seed=1).events
    compiled = kernel_of(load_file(shipped("consumer-loan.yaml"))).compiled
    compiled.optimise("replay")
    compiled.wait()
    plain, logged, rows = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _, written = timed_run(
            folder / "noted", events, logged=False, note=True
        )  # noting costs: this run does not count
        for number in range(asked.repeats):
            plain.append(timed_run(folder / f"plain{number}", events, logged=False)[0])
            rows.append(timed_rows(folder / f"rows{number}", written, folder / "noted" / "lines.db"))
            logged.append(timed_run(folder / f"logged{number}", events, logged=True)[0])
    median = {name: float(np.median(found)) for name, found in (("run", plain), ("logged", logged), ("rows", rows))}
    count = events.num_rows
    figures = {
        "events": count,
        "run_per_s": count / median["run"],
        "rows_alone_per_s": count / median["rows"],
        "run_share_of_rows_alone": median["rows"] / median["run"],
        "run_with_log_per_s": count / median["logged"],
        "log_cost": 1 - median["run"] / median["logged"],
    }
    if asked.json:
        print(json.dumps(figures))
        return
    print(f"{count:,} events of {asked.accounts:,} accounts, medians of {asked.repeats} runs, events a second")
    print(f"  sqlite3, the same rows, no logic  {figures['rows_alone_per_s']:>10,.0f}")
    share = figures["run_share_of_rows_alone"]
    print(f"  run                               {figures['run_per_s']:>10,.0f}  {share:.2f} of that (goal: 0.5)")
    cost = f"{figures['log_cost']:.0%} less (goal: at most 15%)"
    print(f"  run with the log                  {figures['run_with_log_per_s']:>10,.0f}  {cost}")


if __name__ == "__main__":
    main()
