"""A store out again: `python benchmarks/bench_extract.py [--rows 1000000] [--json]`.

A generated population is decided on, and its decisions are copied under further accounts until there are so many. Each
extract runs in a Python of its own, which says how long it took and how much memory it had at most; beside it stands an
extract of a tenth of the rows, to show that memory does not grow with them, and an empty one, to show what is there
before the first row is read.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, func, select

from linekeeper.engine.engine import Engine
from linekeeper.engine.run import run_table
from linekeeper.journal import tables as t
from linekeeper.journal.store import DECISION_COLUMNS, insert_many, open_store, take_numbers
from linekeeper.lab.population import population
from linekeeper.policy.load import load_file
from linekeeper.texts.material import shipped

ACCOUNTS, DAYS = 800, 365
EXTRACT = r"""
import re, sys, time, linekeeper as lk
store, file, what = sys.argv[1:4]
with lk.open(store) as engine:
    began = time.perf_counter()
    rows = engine.extract_to(file, what, **({"from_day": sys.argv[4]} if len(sys.argv) > 4 else {}))
    peak = re.search(r"VmHWM:\s+(\d+) kB", open("/proc/self/status").read())  # of this process alone
    print(rows, time.perf_counter() - began, int(peak[1]) // 1024)
"""
NEVER = "2099-12-31"


def fill(url: str, rows: int) -> tuple[int, int]:
    """A store with that many decisions; how many decisions and events there are."""
    with closing(open_store(url)) as store:
        engine = Engine(store, load_file(shipped("consumer-loan.yaml")))
        run_table(engine, population(accounts=ACCOUNTS, days=DAYS, seed=7).events, "bench")
        with store.writing() as connection:
            decisions = connection.execute(select(*(t.decisions.c[name] for name in DECISION_COLUMNS))).all()
            copies = -(-rows // len(decisions))
            for copy in range(1, copies):
                _copy(connection, [tuple(row) for row in decisions], copy)
            counts = [select(func.count()).select_from(table) for table in (t.decisions, t.events)]
            decided, arrived = (int(connection.execute(count).scalar_one()) for count in counts)
    return decided, arrived


def _copy(connection: Connection, decisions: list[tuple[object, ...]], copy: int) -> None:
    first = take_numbers(connection, "changes", len(decisions))
    rows = [(first + place, f"{row[1]}-{copy}", *row[2:]) for place, row in enumerate(decisions)]
    insert_many(connection, t.decisions, DECISION_COLUMNS, rows)


def extract(url: str, file: Path, what: str, *more: str) -> tuple[int, float, int]:
    """Rows, seconds and peak memory (MiB) of one extract in a Python of its own."""
    words = [sys.executable, "-c", EXTRACT, url, str(file), what, *more]
    rows, seconds, memory = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    return int(rows), float(seconds), int(memory)


def measure(rows: int) -> list[dict[str, object]]:
    """All figures of one run."""
    found: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for part in (rows // 10, rows):
            url = f"sqlite:///{folder}/{part}.db"
            fill(url, part)
            for what, suffix in (("decisions", ".parquet"), ("decisions", ".csv"), ("decisions", ".jsonl")):
                file = Path(folder, f"out{suffix}")
                written, seconds, memory = extract(url, file, what)
                size = file.stat().st_size >> 20
                found.append(_figures(f"{what} to {suffix}", written, seconds, memory) | {"file_mib": size})
        _, _, empty = extract(url, Path(folder, "none.parquet"), "decisions", NEVER)
        found.append(_figures("nothing to .parquet", 0, 0.0, empty))
        for what in ("events", "accounts", "features"):
            found.append(_figures(f"{what} to .parquet", *extract(url, Path(folder, "out.parquet"), what)))
    return found


def _figures(what: str, rows: int, seconds: float, memory: int) -> dict[str, object]:
    pace = round(rows / seconds) if seconds else 0
    return {"what": what, "rows": rows, "seconds": round(seconds, 2), "rows_a_second": pace, "peak_mib": memory}


def main() -> None:
    """Run it and print a table, or one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measure(asked.rows)
    if asked.json:
        print(json.dumps(found))
        return
    for one in found:
        print(
            f"{one['what']!s:24} {one['rows']:>9,} rows {one['rows_a_second']:>8,} a second  {one['peak_mib']:>5} MiB"
        )


if __name__ == "__main__":
    main()
