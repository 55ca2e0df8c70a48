"""Memory beside size: `python benchmarks/bench_size.py [--events 20000000] [--json]`.

`linekeeper replay` and `linekeeper run` take the same folder of Parquet files twice: a twentieth of it, and all of it.
Each is a process of its own, whose peak of memory the kernel of the machine reports when it ends. What is printed is
that peak, the events a second, and both for the whole as a multiple of those for the twentieth: memory that grew with
the file would be twenty times as much. The accounts are those of one made population under many names.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "src")]

import pyarrow.compute as pc  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from commands import ended  # noqa: E402

from linekeeper.lab.population import population  # noqa: E402

PART = 20
POLICY = "policies/consumer-loan.yaml"
ROOT = Path(__file__).resolve().parent.parent
ACCOUNTS = 4_000
DAYS = 365


def write_feed(folder: Path, events: int) -> list[Path]:
    """Files of the same population, each under names of its own, until there are so many events."""
    table = population(accounts=ACCOUNTS, days=DAYS, seed=1).events
    files: list[Path] = []
    for number in range(max(PART, round(events / table.num_rows))):
        named = table
        for name in ("id", "account", "of"):
            if name in table.column_names:
                own = pc.binary_join_element_wise(table[name], f"{number:04}", "-")
                named = named.set_column(table.column_names.index(name), name, own)
        files.append(folder / f"{number:04}.parquet")
        pq.write_table(named, files[-1], compression="zstd")
    return files


def figures_of(folder: Path, files: list[Path], what: str) -> dict[str, float]:
    """One command over some of the files."""
    feed = folder / f"feed-{what}-{len(files)}"
    feed.mkdir()
    for file in files:
        (feed / file.name).symlink_to(file)
    command = [what, str(ROOT / POLICY), str(feed)]
    if what == "run":
        command += ["--store", str(folder / f"{len(files)}.db")]
    answer, seconds, _, peak_mb = ended(command)
    events = answer["events"]
    figures = {"events": events, "seconds": seconds, "events_a_second": events / seconds, "peak_mb": peak_mb}
    if what == "run":
        store = folder / f"{len(files)}.db"
        figures["store_bytes_an_event"] = store.stat().st_size / events
        store.unlink()
    return figures


def main() -> None:
    """Run it and print a table, or one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--commands", default="replay,run")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    results: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "files").mkdir()
        files = write_feed(folder / "files", asked.events)
        for what in asked.commands.split(","):
            parts: dict[str, list[Path]] = {"part": files[: len(files) // PART], "whole": files}
            results[what] = {part: figures_of(folder, some, what) for part, some in parts.items()}
    if asked.json:
        print(json.dumps(results))
        return
    for what, by_part in results.items():
        print(what)
        for part, figures in by_part.items():
            print(f"  {part:8}" + "".join(f"{name} {value:,.0f}   " for name, value in figures.items()))
        names = ("events", "events_a_second", "peak_mb")
        ratios = {name: by_part["whole"][name] / by_part["part"][name] for name in names}
        print("  ratio   " + "".join(f"{name} {value:.2f}   " for name, value in ratios.items()))


if __name__ == "__main__":
    main()
