"""What a card of trees costs in the kernel: `python benchmarks/bench_trees.py [--events N] [--trees N ...] [--json]`.

The policy of `bench_kernel.py` with its own card of points, and with cards of so many trees in its place, 15 leaves
each, over the same features; the trees are drawn by chance. For each: lines of the kernel without rows of numbers, the
seconds from a policy to compiled code (plain, with an empty cache, CPU seconds), what one event costs in plain and in
optimised code (CPU, one thread), and what one evaluation costs interpreted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from random import Random

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent / "src")]
os.environ["LINEKEEPER_CACHE"] = tempfile.mkdtemp()  # code of an earlier run would be loaded, not made

from bench_kernel import part_of  # noqa: E402
from cash_line import bench_policy, cash_line_batch  # noqa: E402

from linekeeper.evaluate.event_batch import Batch  # noqa: E402
from linekeeper.evaluate.replay import replay  # noqa: E402
from linekeeper.kernel.kernel import Kernel  # noqa: E402
from linekeeper.policy.model import Policy  # noqa: E402
from linekeeper.scorecard.card import Score  # noqa: E402
from linekeeper.scorecard.tree_validation import tree_faults  # noqa: E402
from linekeeper.scorecard.trees import TreeEnsemble, nodes_of_paths  # noqa: E402

EVENTS, TREES = 1_000_000, (10, 100, 500)
LEAVES = 15
POINT_PARTS = 10**9
ROUNDS = 3


def with_trees(policy: Policy, count: int) -> Policy:
    """The policy with a card of so many trees over the features of its card of points."""
    score = policy.score
    assert score is not None
    rng = Random(count)
    features = tuple(dict.fromkeys(part.feature for part in score.bins))
    cuts = {part.feature: part.below or (1,) for part in score.bins}
    nodes: list[tuple[int, int, int, int]] = []  # feature, cut, below, rest
    roots = []
    for tree in range(count):
        first = len(nodes)
        roots.append(first)
        # Each split takes a leaf of the tree: node `first + n` is the n-th split.
        open_leaves = [(-1, 0)]  # a node, and which of its sides; -1 is the root
        children: dict[tuple[int, int], int] = {}
        for number in range(LEAVES - 1):
            place = open_leaves.pop(rng.randrange(len(open_leaves)))
            children[place] = first + number
            open_leaves += [(first + number, 0), (first + number, 1)]
        for leaf, place in enumerate(open_leaves):
            children[place] = -1 - (tree * LEAVES + leaf)
        for number in range(LEAVES - 1):
            feature = rng.randrange(len(features))
            cut = rng.choice(cuts[features[feature]]) + rng.randrange(-2, 3)
            nodes.append((feature, cut, children[first + number, 0], children[first + number, 1]))
    of_feature, of_cut, of_below, of_rest = (tuple(column) for column in zip(*nodes, strict=True))
    leaves = tuple(rng.randrange(-100, 101) * POINT_PARTS // count for _ in range(count * LEAVES))
    ensemble = TreeEnsemble(
        score.groups[0],
        features,
        POINT_PARTS,
        tuple(roots),
        of_feature,
        of_cut,
        (-1,) * len(nodes),
        (None,) * len(nodes),
        of_below,
        of_rest,
        tuple(rng.randrange(2) for _ in nodes),
        leaves,
        (10,) * len(leaves),
    )
    assert not list(tree_faults(ensemble))
    return replace(
        policy, score=Score(score.base, score.groups, (), (), score.pd_below, score.pd_ppm, None, (ensemble,))
    )


def per_event(kernel: Kernel, batch: Batch) -> tuple[float, int]:
    """Nanoseconds of an event on one thread, the best of a few rounds; and evaluations an event, in thousandths."""
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        outcome = replay(kernel, batch, -1, workers=1)
        spent.append(time.process_time() - began)
    return min(spent) / len(batch.at) * 1e9, round(1000 * outcome.evaluations / len(batch.at))


def measure(policy: Policy, events: int, trees: int) -> dict[str, float]:
    """The figures of one card."""
    batch = cash_line_batch(policy, events)
    began = time.process_time()
    kernel = Kernel(policy)
    emitted = time.process_time() - began
    kernel.compiled.function("replay")
    ready = time.process_time() - began
    plain, evaluations = per_event(kernel, part_of(batch, events // 4))
    began = time.process_time()
    kernel.compiled.optimise("replay")
    kernel.compiled.wait()
    optimised_in = time.process_time() - began
    optimised, _ = per_event(kernel, batch)
    nodes = sum(map(nodes_of_paths, policy.score.trees)) if policy.score else 0
    return {
        "trees": trees,
        "nodes_at_most_passed": nodes,
        "code_lines": kernel.cost.source_lines,
        "emit_s": emitted,
        "ready_s": ready,
        "optimise_s": optimised_in,
        "plain_ns": plain,
        "optimised_ns": optimised,
        "evaluations_per_1000_events": evaluations,
        "interpreted_us": kernel.evaluation_us(),
    }


def main() -> None:
    """Run it and print a table, or one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--trees", type=int, nargs="*", default=TREES)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    policy = bench_policy()
    cards = [(0, policy), *((count, with_trees(policy, count)) for count in asked.trees)]
    found = [measure(one, asked.events, count) for count, one in cards]
    if asked.json:
        print(json.dumps({"events": asked.events, "cards": found}))
        return
    print("card           code lines   to compiled   optimised in   plain       optimised   interpreted")
    for one in found:
        name = f"{one['trees']} trees" if one["trees"] else "points"
        print(
            f"{name:<14} {one['code_lines']:>10,} {one['ready_s']:>11.2f} s {one['optimise_s']:>12.2f} s"
            f" {one['plain_ns']:>8.0f} ns {one['optimised_ns']:>8.0f} ns {one['interpreted_us']:>9,} us"
        )


if __name__ == "__main__":
    main()
