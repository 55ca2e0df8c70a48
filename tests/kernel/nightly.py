"""Laws 2, 4 and 5 at length: many generated policies by many generated lives, and not one difference.

    python -m tests.kernel.nightly --policies 100 --streams 1000 --workers 2 --done nightly.jsonl

Each pair goes through the interpreted kernel event by event (a third with late events, half of those with
reversals), those in order of time through the compiled kernel too, lazy and with a look every day; all is held
against the oracle. What a policy means is known from its writer: the oracle runs on the writer's tree, and the
program's reading is held against it. The rules of every fourth policy turn by time alone (see `tests.oracle.watched`).
With `--done` finished policies are kept in a file, and are left out the next time as long as kernel and streams are
the same. With `--trees` every policy has a card of trees. With `--families` every policy reads of all accounts of a
customer, and the streams are those of families of three. With `--rings` every policy reads of tied accounts, and the
streams are those of rings of four.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from random import Random

from linekeeper.core.event import Event
from linekeeper.evaluate import kept_states
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from tests.customers.families import family_differences
from tests.customers.rings import ring_differences
from tests.kernel.agree import by_arrival, differences, in_bulk, last_day, unreversed
from tests.oracle.chosen import assigns, take_up
from tests.oracle.daily import write_daily
from tests.oracle.family import write_family
from tests.oracle.forests import write_forest_policy, write_watched_forest
from tests.oracle.generate import for_program, policy_written, stream
from tests.oracle.held import read_alike
from tests.oracle.listed import with_lists
from tests.oracle.measured import write_measured
from tests.oracle.oracle import Outcome, run
from tests.oracle.policies import Written
from tests.oracle.ring import write_ring
from tests.oracle.staged import write_staged
from tests.oracle.watched import NAME as WATCHED
from tests.oracle.watched import watched_stream, write_watched
from tests.oracle.wider import write_wider

AFTER_DAYS = 40
TOLD_MAX = 5
GroupDifferences = Callable[[Written, Policy, Kernel, int], tuple[list[str], int, int]]


@dataclass(frozen=True)
class Found:
    """What came of one policy: pairs run, of those compiled, decisions of the oracle, what differed, seconds."""

    policy: int
    kernel: str
    streams: int
    compiled: int
    decisions: int
    differences: tuple[str, ...]
    seconds: float


def written_of(seed: int, trees: bool = False) -> Written:
    """The policy of that seed: its file, and what it means. Every fifth rejects draws of more than is available.

    Every fourth turns by time alone, another fourth has the later measures (half of them of facts through time),
    another has names, segments and tables, or restrictions that come in stages. Every eighth reads of all accounts of
    a customer, and is tried on whole families too, and every sixteenth of tied accounts; with `trees`, all have a card
    of trees. Every third takes up `own_limit` and `grant`, and some assign: of those with stages and of families too.
    Every third looks texts up in lists.
    """
    if trees:
        write = write_watched_forest if seed % 4 == 3 else write_forest_policy
        written = write(Random(f"trees {seed}"))
    elif seed % 8 == 4:
        written = write_family(Random(f"family {seed}"))
    elif seed % 16 == 8:
        written = write_ring(Random(f"ring {seed}"))
    elif seed % 8 in (0, 5):
        written = write_staged(Random(f"staged {seed}"))
    elif seed % 4 == 3:
        written = write_watched(Random(f"watched {seed}"))
    elif seed % 8 == 6:
        written = write_daily(Random(f"daily {seed}"))
    elif seed % 4 == 2:
        written = write_measured(Random(f"measured {seed}"))
    else:
        written = write_wider(Random(f"wider {seed}")) if seed % 4 == 1 else policy_written(seed)
    if seed % 3 == 1 and not trees:
        written = take_up(written, Random(f"chosen {seed}"))
    if seed % 6 in (0, 5) and not trees:
        written = with_lists(written, Random(f"lists {seed}"))
    if seed % 7 in (2, 4) and not trees:
        written = assigns(written, Random(f"assigns {seed}"))
    if seed % 5 != 2 or written.policy.publish or written.policy.ties:
        return written
    policy = replace(written.policy, over_limit="reject")
    return Written(f"{written.text}draws: {{over_limit: reject}}\n", policy, written.card)


def life(policy: Policy, seed: int) -> list[Event]:
    """The stream of that seed: every third has late events, every sixth reversals as well; every fourth takes over."""
    late, reversals, takes_over = seed % 3 == 2, 2 * (seed % 6 == 5), seed % 4 == 1
    if policy.name == WATCHED and not late:
        return for_program(watched_stream(Random(f"watched {seed}")))
    events = stream(policy, seed, late, reversals, takes_over)
    return events if late else unreversed(events)


def hold_against_oracle(seed: int, streams: int, trees: bool = False) -> Found:
    """One policy by `streams` lives."""
    began = time.perf_counter()
    written = written_of(seed, trees)
    policy = read_alike(written)
    kernel = Kernel(policy)
    kept_states.INTERVAL_EVENTS = 1 + seed % 7  # the lives are short, and late facts are replayed from kept states
    said: list[str] = []
    in_order: list[tuple[int, list[Event], int, Outcome]] = []
    decisions = 0
    for number in range(streams):
        events = life(policy, number)
        until = last_day(policy, events) + AFTER_DAYS
        expected = run(written.policy, events, until)
        decisions += len(expected.rulings)
        wrong = differences(policy, expected, *by_arrival(kernel, events, until))
        said += [f"policy {seed} stream {number} interpreted: {one}" for one in wrong]
        if number % 3 != 2 and policy.over_limit != "reject":  # draws to check go one by one
            in_order.append((number, events, until, expected))
    for number, events, until, expected in in_order:
        for lazy in (True, False):
            found = in_bulk(kernel, [events], until, compiled=True, lazy=lazy)[0]
            wrong = differences(policy, expected, *found)
            said += [f"policy {seed} stream {number} compiled, lazy {lazy}: {one}" for one in wrong]
    if written.policy.publish:  # and whole families: what each account is given of the others
        for number in range(1 + streams // 30):
            wrong, more, _ = family_differences(written, policy, kernel, number)
            said += [f"policy {seed} family {number}: {one}" for one in wrong]
            decisions += more
    if written.policy.ties:
        for number in range(1 + streams // 40):
            wrong, more, _ = ring_differences(written, policy, kernel, number)
            said += [f"policy {seed} ring {number}: {one}" for one in wrong]
            decisions += more
    seconds = round(time.perf_counter() - began, 1)
    return Found(seed, kernel.digest, streams, len(in_order), decisions, tuple(said[:TOLD_MAX]), seconds)


def hold_families(seed: int, streams: int) -> Found:
    """One policy that reads of all accounts of a customer, by so many accounts in families of three."""
    began = time.perf_counter()
    written = write_family(Random(f"family {seed}"))
    if seed % 2:
        written = assigns(take_up(written, Random(f"chosen {seed}")), Random(f"assigns {seed}"))
    return hold_groups(seed, streams, written, "family", 3, family_differences, began)


def hold_rings(seed: int, streams: int) -> Found:
    """One policy that reads of tied accounts, by so many accounts in rings of four."""
    began = time.perf_counter()
    written = write_ring(Random(f"ring {seed}"))
    return hold_groups(seed, streams, written, "ring", 4, ring_differences, began)


def hold_groups(
    seed: int, streams: int, written: Written, name: str, size: int, compare: GroupDifferences, began: float
) -> Found:
    """One policy by so many accounts in groups of that size; `began` is when its case did."""
    policy = read_alike(written)
    kernel = Kernel(policy)
    said, decisions = list[str](), 0
    for number in range(-(-streams // size)):
        wrong, more, _ = compare(written, policy, kernel, number)
        said += [f"policy {seed} {name} {number}: {one}" for one in wrong]
        decisions += more
    seconds = round(time.perf_counter() - began, 1)
    return Found(seed, kernel.digest, streams, 0, decisions, tuple(said[:TOLD_MAX]), seconds)


def finished(path: Path | None, streams: int, trees: bool) -> Iterator[Found]:
    """What an earlier run found, where it still holds."""
    for line in path.read_text("utf-8").splitlines() if path and path.exists() else ():
        found = Found(**json.loads(line))
        written = written_of(found.policy, trees)
        kernel = Kernel(load_text(written.text, read_card=lambda name, card=written.card: card or b""))
        if found.streams == streams and found.kernel == kernel.digest and not found.differences:
            yield found


def run_all(policies: range, streams: int, workers: int, done: Path | None, trees: bool = False) -> Iterator[Found]:
    """Every policy, several at a time; each as soon as it is finished."""
    known = {found.policy: found for found in finished(done, streams, trees) if found.policy in policies}
    yield from known.values()
    todo = [seed for seed in policies if seed not in known]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LINEKEEPER_CACHE"] = folder
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            for found in pool.imap_unordered(partial(hold_against_oracle, streams=streams, trees=trees), todo):
                if done:
                    with done.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(asdict(found)) + "\n")
                yield found


def main() -> int:
    """Run, and say what differed; the exit code is 1 where something did."""
    parser = argparse.ArgumentParser(prog="python -m tests.kernel.nightly", description=__doc__.split("\n")[0])
    parser.add_argument("--policies", type=int, default=100)
    parser.add_argument("--streams", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first policy")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--done", type=Path, help="file of finished policies")
    parser.add_argument("--trees", action="store_true", help="policies with a card of trees")
    parser.add_argument("--families", action="store_true", help="policies that read of all accounts of a customer")
    parser.add_argument("--rings", action="store_true", help="policies that read of tied accounts")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    began, found = time.perf_counter(), []
    policies = range(asked.first, asked.first + asked.policies)
    if asked.families or asked.rings:
        hold = hold_rings if asked.rings else hold_families
        with multiprocessing.get_context("spawn").Pool(asked.workers) as pool:
            found = pool.map(partial(hold, streams=asked.streams), policies, chunksize=1)
        return report(found, began, asked.json)
    for one in run_all(policies, asked.streams, asked.workers, asked.done, asked.trees):
        found.append(one)
        print(f"{len(found)} of {asked.policies} policies, {one.seconds:.0f} s for the last", file=sys.stderr)
        for text in one.differences:
            print(text, file=sys.stderr)
    return report(found, began, asked.json)


def report(found: list[Found], began: float, as_json: bool) -> int:
    """The figures of all policies; the exit code."""
    total = {
        "policies": len(found),
        "pairs": sum(one.streams for one in found),
        "compiled_pairs": sum(one.compiled for one in found),
        "decisions": sum(one.decisions for one in found),
        "differing_policies": sum(bool(one.differences) for one in found),
        "seconds": round(time.perf_counter() - began, 1),
    }
    print(json.dumps(total) if as_json else "\n".join(f"{name:20} {value:,}" for name, value in total.items()))
    return 1 if total["differing_policies"] else 0


if __name__ == "__main__":
    sys.exit(main())
