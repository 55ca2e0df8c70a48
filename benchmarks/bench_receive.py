"""One event through the engine: `python benchmarks/bench_receive.py [--events 400] [--log] [--json]`.

A lender's system calls `receive` with one event and goes on when the decision is durable. That time is the disk's (a
commit waits until the disk has it) and the engine's own. To tell them apart, plain sqlite3 commits the very same bytes
into another file on the same disk, event by event, taking turns with the engine: what is left is the engine's. Beside
it stands the question `authorise`, which writes nothing, asked of one account after the other once all is received.
Times on the clock are in milliseconds; the processor's stand beside them, since a busy machine stretches them less.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "src")]

import numpy as np  # noqa: E402
from bench_run import PRAGMAS, noted  # noqa: E402

import linekeeper as lk  # noqa: E402
from linekeeper.journal.keeper import new_keeper  # noqa: E402
from linekeeper.lab.population import population  # noqa: E402
from linekeeper.texts.material import shipped  # noqa: E402

WARM_UP = 40  # the first events compile queries and fill caches, so they do not count
AMOUNT_MINOR = 100_00


def rows_of(count: int) -> tuple[Any, list[dict[str, Any]]]:
    """A seeded population's events: a table of most of them, and the last ones as dictionaries."""
    events = population(accounts=200, days=400, seed=1).events
    last = events.slice(events.num_rows - count).to_pylist()
    return events.slice(0, events.num_rows - count), [
        {name: value for name, value in row.items() if value is not None} for row in last
    ]


def plain_database(path: Path, schema_of: Path) -> sqlite3.Connection:
    """An empty SQLite file with the store's tables and its settings."""
    with sqlite3.connect(schema_of) as source:
        query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
        schema = [row[0] for row in source.execute(query)]
    source.close()
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in [*(f"PRAGMA {pragma}" for pragma in PRAGMAS), *schema]:
        connection.execute(statement)
    return connection


def timed(act: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds on the clock, and of the processor."""
    wall, processor = time.perf_counter(), time.process_time()
    act()
    return (time.perf_counter() - wall) * 1_000, (time.process_time() - processor) * 1_000


def commit_alone(connection: sqlite3.Connection, written: list[tuple[str, Any]]) -> None:
    """Commit the same rows with plain sqlite3."""
    connection.execute("BEGIN IMMEDIATE")
    for statement, rows in written:
        for row in rows:
            connection.execute(statement, row).fetchall()
    connection.execute("COMMIT")


def measured(folder: Path, count: int, logged: bool) -> dict[str, np.ndarray]:
    """Milliseconds of each event's `receive`, of the bare commit of what it wrote, and of each `authorise`.

    Each array has two columns: on the clock, and of the processor.
    """
    before, rows = rows_of(count + WARM_UP)
    if logged:
        new_keeper(folder / "keys", folder / "log", "example.com/bench")
    path = folder / "lines.db"
    times: dict[str, list[tuple[float, float]]] = {"receive": [], "commit": [], "authorise": []}
    with lk.open(path, shipped("consumer-loan.yaml"), keys=folder / "keys" if logged else None) as engine:
        engine.receive(before, source="core")
        plain = plain_database(folder / "plain.db", path)
        # What an event writes is noted in another store, since noting costs time.
        with lk.open(folder / "noted.db", shipped("consumer-loan.yaml")) as shadow:
            shadow.receive(before, source="core")
            written = noted(shadow._engine.store)
            for row in rows:
                event = [row]
                times["receive"].append(timed(partial(engine.receive, event, source="core")))
                written[:] = [[]]
                shadow.receive(event, source="core")
                times["commit"].append(timed(partial(commit_alone, plain, written[0])))
        plain.close()
        for row in rows:
            times["authorise"].append(timed(partial(engine.authorise, row["account"], AMOUNT_MINOR, rows[-1]["at"])))
    return {name: np.array(values[WARM_UP:]) for name, values in times.items()}


def main() -> None:
    """Run it and print a table, or one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=400)
    parser.add_argument("--log", action="store_true", help="with the transparency log")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        times = measured(Path(name), asked.events, asked.log)
    figures: dict[str, float] = {"events": asked.events}
    for what, values in times.items():
        wall, processor = values.T
        figures |= {f"{what}_ms": float(np.median(wall)), f"{what}_p95_ms": float(np.percentile(wall, 95))}
        figures[f"{what}_processor_ms"] = float(np.median(processor))
    for kind in ("ms", "processor_ms"):
        figures[f"engine_{kind}"] = figures[f"receive_{kind}"] - figures[f"commit_{kind}"]
    figures["receive_over_commit"] = figures["receive_ms"] / figures["commit_ms"]
    if asked.json:
        print(json.dumps(figures))
        return
    print(f"{asked.events} events one by one, consumer-loan policy, SQLite{', with the log' if asked.log else ''}")
    print(f"  {'':30}{'median':>10}{'95 %':>10}{'processor':>13}")
    names = {"receive": "receive", "commit": "plain sqlite3, the same bytes", "authorise": "authorise"}
    for what, words in names.items():
        wall = f"{figures[f'{what}_ms']:7.2f} ms{figures[f'{what}_p95_ms']:7.2f} ms"
        print(f"  {words:30}{wall}{figures[f'{what}_processor_ms']:10.2f} ms")
    engine = f"{figures['engine_ms']:7.2f} ms{'':10}{figures['engine_processor_ms']:10.2f} ms"
    print(f"  {'the engine beside the commit':30}{engine}  (goal: under 3 ms; of `authorise` under 0.3 ms)")
    print(f"  receive takes {figures['receive_over_commit']:.1f} times as long as the bare commit")


if __name__ == "__main__":
    main()
