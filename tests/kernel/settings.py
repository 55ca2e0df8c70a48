"""Law 2 at length: the kernel's settings agree, interpreted, plain machine code and optimised, bit for bit.

    python -m tests.kernel.settings --expressions 100000 --policies 200 --lives 1000 --json

Generated functions at the edges of 64 bits go through the interpreter and through machine code; generated policies by
generated lives go through the interpreted kernel and the compiled one. Where something differs it is printed, and the
exit code is 1.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import fields
from functools import partial
from itertools import islice
from random import Random

import numpy as np

from linekeeper.evaluate.replay import Outcome as Replay
from linekeeper.evaluate.replay import replay
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.machine_code import OptimisationLevel
from linekeeper.kernel.native import KernelFault, NativeFunction, NativeKernel
from linekeeper.policy.load import load_text
from tests.kernel.agree import batch_of_streams, last_day, unreversed
from tests.kernel.expressions import Outcome, inputs, interpreted, module_of, outcome_of
from tests.oracle.generate import policy_text, stream

FUNCTIONS = 250  # in one module
INPUTS = 4
AFTER_DAYS = 40
BATCH_LIVES = 25
SHOWN_MAX = 20
PROGRESS_POLICIES = 10  # a line after so many: the whole takes most of an hour


def machine_outcome(function: NativeFunction, number: int, a: int, b: int, c: int, row: np.ndarray) -> Outcome:
    """What machine code gives, or how it ends."""
    try:
        return function(number, a, b, c, row)
    except KernelFault as fault:
        return fault.fault, fault.line


def differing_expressions(
    pool: Executor, seed: int, count: int, levels: tuple[OptimisationLevel, ...]
) -> Iterator[tuple[int, list[str]]]:
    """Modules until so many functions have been compared; after each, how many, and what differed."""
    compared, numbers = 0, itertools.count()
    while compared < count:
        modules = islice(numbers, -(-(count - compared) // FUNCTIONS))
        names = [f"expressions {seed} {number}" for number in modules]
        for some, wrong in pool.map(partial(compare_module, levels=levels), names):
            compared += some
            yield some, wrong


def compare_module(name: str, levels: tuple[OptimisationLevel, ...], count: int = FUNCTIONS) -> tuple[int, list[str]]:
    """One module of generated functions: how many of them gave something to compare, and what differed."""
    random = Random(name)
    module = module_of(random, count)
    python, machine = interpreted(module.source), NativeKernel(module.source)
    expected = []
    for number in range(count):
        for _ in range(INPUTS):
            a, b, c, row = inputs(random)
            after = list(row)
            outcome = outcome_of(python[f"f{number}"], (a, b, c, after))
            if outcome is not None:
                expected.append((number, (a, b, c, row), outcome, after))
    wrong = []
    for level in levels:
        if level == OptimisationLevel.OPTIMISED:
            machine.optimise("pick")
            machine.wait()
        assert machine.pick.level == level
        for number, (a, b, c, row), outcome, after in expected:
            array = np.array(row, dtype=np.int64)
            given = machine_outcome(machine.pick, number, a, b, c, array)
            if given != outcome or array.tolist() != after:
                wrong.append(f"f{number}({a}, {b}, {c}, {row}) {level.name}: {given}, interpreted {outcome}")
    return len({number for number, *_ in expected}), wrong


def differing_policy(seed: int, lives: int, levels: tuple[OptimisationLevel, ...]) -> tuple[int, list[str]]:
    """One generated policy by so many generated lives: evaluations, and what differed."""
    policy = load_text(policy_text(seed))
    kernel = Kernel(policy)
    streams = [unreversed(stream(policy, number)) for number in range(lives)]
    streams.sort(key=lambda events: last_day(policy, events))  # those of one batch are reviewed up to the same day
    replays = []
    for first in range(0, lives, BATCH_LIVES):
        some = streams[first : first + BATCH_LIVES]
        batch, until = batch_of_streams(kernel, some), last_day(policy, some[-1]) + AFTER_DAYS
        replays.append((batch, until, replay(kernel, batch, until, compiled=False, keep_states=True)))
    wrong = []
    for level in levels:
        if level == OptimisationLevel.OPTIMISED:
            kernel.compiled.optimise("replay")
            kernel.compiled.wait()
        for batch, until, expected in replays:
            given = replay(kernel, batch, until, workers=1, keep_states=True)
            assert kernel.compiled.replay.level == level
            wrong += [f"policy {seed} {level.name}: other {name}" for name in differing_fields(given, expected)]
    return sum(expected.evaluations for _, _, expected in replays), wrong


def differing_fields(one: Replay, other: Replay) -> list[str]:
    """The fields in which two outcomes are not equal, bit for bit."""
    names = [field.name for field in fields(Replay)]
    return [name for name in names if not np.array_equal(getattr(one, name), getattr(other, name))]


def run(asked: argparse.Namespace) -> dict[str, float]:
    """All that was asked for; what differs is printed as it is found."""
    levels = tuple(OptimisationLevel) if asked.optimised else (OptimisationLevel.PLAIN,)
    began = time.perf_counter()
    expressions, evaluations, wrong = 0, 0, []
    seeds = range(asked.first, asked.first + asked.policies)
    with ProcessPoolExecutor(asked.workers) as pool:  # the interpreter's lock leaves one process one core
        for some, differing in differing_expressions(pool, asked.first, asked.expressions, levels):
            expressions += some
            wrong += differing
        middle = time.perf_counter()
        compare = partial(differing_policy, lives=asked.lives, levels=levels)
        for done, (count, differing) in enumerate(pool.map(compare, seeds), start=1):
            evaluations += count
            wrong += differing
            if done % PROGRESS_POLICIES == 0:
                print(f"{done} policies, {evaluations:,} evaluations, {len(wrong)} differences", file=sys.stderr)
    for text in wrong[:SHOWN_MAX]:
        print(text, file=sys.stderr)
    return {
        "expressions": expressions,
        "inputs_each": INPUTS,
        "expression_seconds": round(middle - began, 1),
        "policies": asked.policies,
        "lives_each": asked.lives,
        "evaluations": evaluations,
        "policy_seconds": round(time.perf_counter() - middle, 1),
        "differences": len(wrong),
    }


def main() -> int:
    """Run it with a cache of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.kernel.settings", description=__doc__.split("\n")[0])
    parser.add_argument("--expressions", type=int, default=100_000)
    parser.add_argument("--policies", type=int, default=200)
    parser.add_argument("--lives", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--optimised", action="store_true", help="hold optimised code against the interpreter too")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LINEKEEPER_CACHE"] = folder
        figures = run(asked)
    print(json.dumps(figures) if asked.json else "\n".join(f"{name:20} {n:,}" for name, n in figures.items()))
    return 1 if figures["differences"] else 0


if __name__ == "__main__":
    sys.exit(main())
