"""How soon a kernel decides, and how fast: `python benchmarks/bench_compile.py [--before REV] [--json]`.

Beside the same figures of an earlier revision, taken in the same run from a clone of it. Each figure comes from a
process of its own: the time from the kernel's making to its first decision on compiled code, with an empty cache (cold)
and a full one (warm), and that of the whole process; then what one event costs on one thread (in CPU seconds, which a
busy machine disturbs less) and by the clock on one thread and on two. The revisions take turns, and of each the best
turn counts. A revision that compiles by way of Numba needs it installed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
NUMBA = "56e3556"  # the last revision that compiled by way of Numba
FIRST_ACCOUNTS = 5

# Where a revision has what the measurements call. Those of `NUMBA` stay as they are, whatever moves here.
IMPORTS_OF_NUMBA = """
from linekeeper.kernel.batch import batch_of
from linekeeper.kernel.bulk import replay
from linekeeper.kernel.kernel import Kernel
from linekeeper.lab.population import population
from linekeeper.policy.load import load_file
"""
IMPORTS = """
from linekeeper.evaluate.event_batch import batch_of
from linekeeper.evaluate.replay import replay
from linekeeper.kernel.kernel import Kernel
from linekeeper.lab.population import population
from linekeeper.policy.load import load_file
"""
START = """
import json, sys, time
from pathlib import Path

policy = load_file(Path(sys.argv[1]))
kernel = Kernel(policy)
batch = batch_of(policy, kernel.calendar, population(accounts=int(sys.argv[2]), days=365, seed=1).events)
"""
FIRST_DECISION = """
began = time.perf_counter()
assert len(replay(Kernel(policy), batch, -1, workers=1).rows)
print(json.dumps({"ready_s": time.perf_counter() - began}))
"""
SPEED = """
def measured():
    found = {}
    ways = {"one_thread_cpu": (1, time.process_time), "one": (1, time.perf_counter), "two": (2, time.perf_counter)}
    for _ in range(7):
        for name, (workers, clock) in ways.items():
            began = clock()
            replay(kernel, batch, -1, workers=workers)
            found[name] = min(found.get(name, 1e9), clock() - began)
    return {f"{name}_ns": seconds / len(batch) * 1e9 for name, seconds in found.items()}

replay(kernel, batch, -1, workers=1)
if hasattr(kernel.compiled, "optimise"):
    first = {f"plain_{name}": figure for name, figure in measured().items()}
    kernel.compiled.optimise("replay")
    kernel.compiled.wait()
    print(json.dumps(first | measured()))
else:
    print(json.dumps(measured()))
"""


def run(checkout: Path, code: str, accounts: int, cache: Path) -> dict[str, float]:
    """The figures that a fresh process of a revision prints, and how long it took."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src"), "LINEKEEPER_CACHE": str(cache)}
    policy = checkout / "policies" / "consumer-loan.yaml"
    began = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-c", code, str(policy), str(accounts)], env=environment, check=True, stdout=subprocess.PIPE
    )
    figures: dict[str, float] = json.loads(ran.stdout)
    return figures | {"process_s": time.perf_counter() - began}


def one_turn(checkout: Path, imports: str, accounts: int) -> dict[str, float]:
    """All figures of a revision, once."""
    with tempfile.TemporaryDirectory() as name:
        cache = Path(name)
        start = imports + START
        cold = run(checkout, start + FIRST_DECISION, FIRST_ACCOUNTS, cache)
        warm = run(checkout, start + FIRST_DECISION, FIRST_ACCOUNTS, cache)
        speed = run(checkout, start + SPEED, accounts, cache)
    del speed["process_s"]
    return {f"cold_{n}": f for n, f in cold.items()} | {f"warm_{n}": f for n, f in warm.items()} | speed


def measure(before: str, accounts: int, turns: int) -> dict[str, dict[str, float]]:
    """The figures of this checkout and of the revision before it, and how many times smaller this one's are."""
    best: dict[str, dict[str, float]] = {"now": {}, "before": {}}
    imports_before = IMPORTS_OF_NUMBA if before == NUMBA else IMPORTS
    with tempfile.TemporaryDirectory() as name:
        clone = Path(name) / "before"
        subprocess.run(["git", "clone", "--quiet", "--shared", str(REPOSITORY), str(clone)], check=True)
        subprocess.run(["git", "-C", str(clone), "checkout", "--quiet", before], check=True)
        for _ in range(turns):
            for which, checkout, imports in (("now", REPOSITORY, IMPORTS), ("before", clone, imports_before)):
                for figure, value in one_turn(checkout, imports, accounts).items():
                    best[which][figure] = min(best[which].get(figure, value), value)
    now, then = best["now"], best["before"]
    ratios = {f"{figure}_ratio": then[figure] / now[figure] for figure in then}
    ratios |= {f"two_threads_{which}": best[which]["one_ns"] / best[which]["two_ns"] for which in best}
    return {**best, "ratios": ratios}


def main() -> None:
    """Run it and print a table, or one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", default=NUMBA, help="the revision to compare with")
    parser.add_argument("--accounts", type=int, default=2_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.before == NUMBA and find_spec("numba") is None:
        sys.exit("the revision to compare with compiles by way of Numba, which is not installed; run `make bench` once")
    found = measure(asked.before, asked.accounts, asked.turns)
    if asked.json:
        print(json.dumps(found))
        return
    print(f"{'':28}{'now':>10}{asked.before:>12}{'times':>9}")
    for figure, value in found["now"].items():
        then = found["before"].get(figure)
        beside = f"{then:12.2f}{then / value:9.2f}" if then else ""
        print(f"{figure:28}{value:10.2f}{beside}")
    for which in ("now", "before"):
        print(f"two threads, {which}: {found['ratios'][f'two_threads_{which}']:.2f} times one")


if __name__ == "__main__":
    main()
