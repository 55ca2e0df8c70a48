"""Starting the command line: `python benchmarks/bench_import.py [--times 15] [--json]`.

Each import runs in a Python of its own, which says how long it took; the median counts. Beside `linekeeper` stand the
two libraries that a command line of its kind needs (Typer and Rich), and an empty Python's start as the clock sees it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src"
TIMED = (
    "import sys, time; sys.path[:0] = [{path!r}]; "
    "began = time.perf_counter(); {imports}; print(time.perf_counter() - began)"
)
HELP = "from linekeeper.cli.main import main; sys.argv = ['linekeeper', '--help']; main()"
GOAL_S = 0.3


def import_s(imports: str, times: int) -> float:
    """The median of the seconds that these imports take, each time in a new Python."""
    code = TIMED.format(path=str(SOURCE), imports=imports)
    runs = (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(times)
    )
    return statistics.median(float(run.stdout) for run in runs)


def clock_s(words: list[str], times: int) -> float:
    """The median of the seconds from the start to the end of a Python."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run([sys.executable, *words], capture_output=True, check=True)
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def measure(times: int) -> dict[str, float]:
    """All figures of one run, in seconds; the first import of each is not counted, for it writes byte code."""
    ours, theirs = "import linekeeper.cli.main", "import typer, rich.console, rich.table"
    import_s(ours, 1), import_s(theirs, 1)
    found = {"import_s": import_s(ours, times), "typer_and_rich_s": import_s(theirs, times)}
    found["help_s"] = clock_s(["-c", f"import sys; sys.path[:0] = [{str(SOURCE)!r}]; {HELP}"], times)
    found["empty_python_s"] = clock_s(["-c", "pass"], times)
    return found


def main() -> None:
    """Run it and print a table, or one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measure(asked.times)
    if asked.json:
        print(json.dumps(found))
        return
    print(f"import of the command line   {found['import_s']:6.3f} s (goal: under {GOAL_S})")
    print(f"import of Typer and Rich     {found['typer_and_rich_s']:6.3f} s")
    print(f"`linekeeper --help`          {found['help_s']:6.3f} s by the clock")
    print(f"an empty Python              {found['empty_python_s']:6.3f} s by the clock")


if __name__ == "__main__":
    main()
