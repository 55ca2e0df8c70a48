"""Many streams at once: `python -m tests.corrections.many --streams 10000 --workers 2 --json`.

Half are borrowers' lives under a lender's policy, with reviews in between; half come close to everything that a
policy of the language can look at. Ends with status 1 where anything is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor

from tests.corrections.check import any_case, lenders_case
from tests.corrections.truth import Found

STREAMS_A_CASE = 5


def case(seed: int) -> Found:
    """Five streams under one policy; even seeds are lenders."""
    found = (any_case if seed % 2 else lenders_case)(seed, STREAMS_A_CASE)
    found.wrong = [f"case {seed}: {fault}" for fault in found.wrong]
    return found


def campaign(first: int, cases: int, workers: int) -> Found:
    """That many cases from seed `first` on, with progress on standard error."""
    total = Found()
    seeds = range(first, first + cases)
    with ProcessPoolExecutor(workers) as pool:
        for done, found in enumerate(pool.map(case, seeds), 1):
            total.add(found)
            print(f"\r{done} of {cases} cases, {len(total.wrong)} wrong", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return total


def main() -> int:
    """Run the campaign that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.corrections.many", description=__doc__)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--first", type=int, default=0, help="the seed of the first case")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = campaign(asked.first, -(-asked.streams // STREAMS_A_CASE), asked.workers)
    figures = {**dict(sorted(found.counts.items())), "wrong": len(found.wrong)}
    print(json.dumps(figures) if asked.json else "\n".join(f"{name}: {count}" for name, count in figures.items()))
    for fault in found.wrong[:20]:
        print(fault, file=sys.stderr)
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
