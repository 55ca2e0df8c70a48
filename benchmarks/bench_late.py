"""Late facts on a long life: `python benchmarks/bench_late.py [--events 20000] [--back 500] [--json]`.

One account has many events, another, in a store of its own, has fifty. Both get the same commands in turns: one late
fact, twenty late facts, a notice of a decision, and `verify`. What a command takes on the short life is its start; what
it takes beyond that on the long one is what the life costs. (For the twenty the start is what one takes on the short
life, since twenty have work to do there too.) Each command is a process of its own, split off from one that has
imported all modules already: reading some 1,500 modules takes ten times what is to be measured, and varies by more than
that. Seconds on the clock, and of the processor, which a busy machine stretches less. The least of several turns
counts; each turn has its own copy of the store.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import pkgutil
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "src")]

import linekeeper as lk  # noqa: E402
from linekeeper.cli.main import main as linekeeper_main  # noqa: E402
from linekeeper.texts.material import shipped  # noqa: E402

POLICY = shipped("consumer-loan.yaml")
POLICY_FILE = str(POLICY)
DAY_MS = 86_400_000
OPENED_AT = 1_500_000_000_000
YEARS = 6
SHORT = 50
BATCH = 100  # events that come together, as a feed of each day or week brings them
ONE, MANY = 1, 20
START_OF = {"twenty late facts": "one late fact"}  # the command whose time on the short life counts as the start
AIMS_S = {"one late fact": 0.05, "twenty late facts": 0.1, "a notice": 0.3, "verify": 1.0}


def life(events: int) -> list[dict[str, Any]]:
    """One borrower's events over six years: draws, repayments, dues and income, so that the line moves."""
    rng = random.Random(5)
    rows: list[dict[str, Any]] = [
        {"id": "open", "account": "A", "kind": "open", "at": OPENED_AT, "limit": 20_000_00},
    ]
    for number in range(events):
        at = OPENED_AT + DAY_MS + number * (YEARS * 365 * DAY_MS // events)
        kind = rng.choices(("draw", "repay", "due", "income"), (9, 9, 1, 1))[0]
        row = {"id": f"e{number}", "account": "A", "kind": kind, "at": at, "amount": rng.randrange(10_00, 90_00)}
        if kind == "due":
            row["due_on"] = at // DAY_MS + 10
        rows.append(row)
    return rows


def late_rows(rows: list[dict[str, Any]], count: int, back: int) -> list[dict[str, Any]]:
    """Repayments that came to be known only after the last event, the first of them so many events back."""
    places = (max(1, len(rows) - back) + number for number in range(count))
    return [
        {"id": f"late-{count}-{number}", "account": "A", "kind": "repay", "at": rows[place]["at"] + 1, "amount": 5_00}
        for number, place in enumerate(places)
        if place < len(rows)
    ]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def make_store(folder: Path, events: int, back: int) -> dict[str, list[str]]:
    """A store of that life, and the commands that are measured on it; the first is what the others come after."""
    folder.mkdir()
    rows = life(events)
    store = str(folder / "lines.db")
    with lk.open(store, POLICY) as engine:
        for first in range(0, len(rows), BATCH):
            engine.receive(rows[first : first + BATCH], source="core")
    one = write_rows(folder / "one.jsonl", late_rows(rows, ONE, back))
    many = write_rows(folder / "many.jsonl", late_rows(rows, MANY, back))
    run = ["run", POLICY_FILE, str(one), "--source", "core", "--store"]
    return {
        "one late fact": run,
        "twenty late facts": [*run[:2], str(many), *run[3:]],
        "a notice": ["notice", notified(store), "--store"],
        "verify": ["verify", "--store"],
    }


def notified(store: str) -> str:
    """The name of the last decision of which the borrower has to be notified."""
    with lk.open(store) as engine:
        adverse = [one for one in engine.account("A").decisions if one.action in ("decrease", "suspend")]
    return f"A#{adverse[-1].number}"


def cost_of(command: list[str]) -> tuple[float, float]:
    """Seconds, and those of the processor, of one command in a process split off from this one.

    Raises SystemExit where the command fails.
    """
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=run_timed, args=(command, there))
    process.start()
    there.close()
    process.join()
    if process.exitcode:
        raise SystemExit(f"`linekeeper {' '.join(command)}` ended with {process.exitcode}")
    seconds, processor_s = here.recv()
    return seconds, processor_s


def run_timed(command: list[str], answer: Connection) -> None:
    """Run the command in this process, its output thrown away, and send what it took."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.argv = ["linekeeper", *command, "--json"]
    began, processor_began = time.perf_counter(), time.process_time()
    try:
        linekeeper_main()
    except SystemExit as end:
        if end.code:
            raise
    answer.send((time.perf_counter() - began, time.process_time() - processor_began))


def import_all() -> None:
    """Import the modules that these commands use. None has run before, so that nothing is remembered but code."""
    for room in ("cli", "connect", "engine", "notice", "recourse"):
        package = importlib.import_module(f"linekeeper.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


def measured(folder: Path, events: int, back: int, turns: int) -> Iterator[dict[str, Any]]:
    """Each command on the long and the short life: least seconds of some turns."""
    commands = {name: make_store(folder / name, count, back) for name, count in (("long", events), ("short", SHORT))}
    least: dict[tuple[str, str], tuple[float, float]] = {}
    import_all()
    for turn in range(turns + 1):  # the first turn compiles, and is not counted
        for name, of_life in commands.items():
            store = folder / name / f"{turn}.db"
            shutil.copy(folder / name / "lines.db", store)
            for what, command in of_life.items():
                took = cost_of([*command, str(store)])
                if turn:
                    before = least.get((name, what), took)
                    least[name, what] = (min(took[0], before[0]), min(took[1], before[1]))
    for what in commands["long"]:
        (long, long_cpu), (start, start_cpu) = least["long", what], least["short", START_OF.get(what, what)]
        yield {
            "what": what,
            "start_s": round(start, 3),
            "beyond_s": round(long - start, 3),
            "beyond_cpu_s": round(long_cpu - start_cpu, 3),
            "aim_s": AIMS_S[what],
        }


def main() -> int:
    """Measure, and print what the long life costs beside the aims."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--back", type=int, default=500, help="how many events back the first late fact lies")
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = list(measured(Path(folder), asked.events, asked.back, asked.turns))
    if asked.json:
        print(json.dumps({"events": asked.events, "back": asked.back, "commands": rows}))
        return 0
    print(f"a life of {asked.events:,} events; seconds beyond the same command on a life of {SHORT}")
    for row in rows:
        print(f"{row['what']:20} {row['beyond_s']:7.3f} (processor {row['beyond_cpu_s']:.3f}), aim {row['aim_s']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
