"""A card of trees in the kernel: interpreted, compiled and by the oracle alike; the day of the next look; its cost."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.core.bounds import MISSING
from linekeeper.kernel import tree_sums
from linekeeper.kernel.emit_trees import bits_of_sets, node_numbers, place_of, row_of_numbers, starts_of_sets
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.subset import NotInSubset, read_source
from linekeeper.policy.model import Policy
from linekeeper.scorecard.trees import ensemble_points
from tests.kernel.agree import by_arrival, differences, in_bulk, last_day, unreversed
from tests.kernel.test_watched import hold_all_against_the_oracle
from tests.oracle.forests import write_forest_policy, write_watched_forest
from tests.oracle.generate import for_program, stream
from tests.oracle.held import read_alike
from tests.oracle.oracle import run
from tests.oracle.reader import read
from tests.oracle.watched import watched_stream
from tests.scorecard.ensembles import random_score, random_values

AFTER_DAYS = 40
seeds = st.integers(0, 2**32)


def policy_of(seed: int) -> Policy:
    """A policy of that seed with a card of trees."""
    return read_alike(write_forest_policy(Random(seed)))


@given(seeds, seeds)
def test_generated_policies_with_trees(policy_seed: int, stream_seed: int) -> None:
    """One by one, in bulk, and in bulk with a look every day: all as the oracle says."""
    policy = policy_of(policy_seed)
    events = stream(policy, stream_seed, late=stream_seed % 3 == 0)
    kernel, until = Kernel(policy), last_day(policy, events) + AFTER_DAYS
    expected = run(read(policy.source, policy.card), events, until)
    assert differences(policy, expected, *by_arrival(kernel, events, until)) == []
    if stream_seed % 3:
        for lazy in (True, False):
            found = in_bulk(kernel, [unreversed(events)], until, compiled=False, lazy=lazy)[0]
            assert differences(policy, run(read(policy.source, policy.card), unreversed(events), until), *found) == []


@given(seeds, seeds)
def test_no_look_is_left_out(policy_seed: int, stream_seed: int) -> None:
    """Rules that turn by time alone, through the windows that the trees read."""
    policy = read_alike(write_watched_forest(Random(policy_seed)))
    for number in range(3):
        hold_all_against_the_oracle(policy, for_program(watched_stream(Random(stream_seed + number))))


@pytest.mark.parametrize("seed", [1, 2])
def test_compiled(seed: int) -> None:
    """The same source as machine code, lazy and eager."""
    policy = policy_of(seed)
    kernel = Kernel(policy)
    for number in range(20):
        events = unreversed(stream(policy, number))
        until = last_day(policy, events) + AFTER_DAYS
        expected = run(read(policy.source, policy.card), events, until)
        for lazy in (True, False):
            found = in_bulk(kernel, [events], until, compiled=True, lazy=lazy)[0]
            assert differences(policy, expected, *found) == []


@given(seeds)
def test_the_walk_gives_what_the_card_says(seed: int) -> None:
    """The kernel's rows and its loop, for values on, beside and far from every cut."""
    rng = Random(seed)
    for trees in random_score(rng).trees:
        columns = {name: place for place, name in enumerate(trees.features)}
        nodes = list(node_numbers(trees, columns, starts_of_sets(trees)))
        for _ in range(10):
            values = random_values(rng, trees)
            out = [MISSING if (value := values[name]) is None else value for name in trees.features]
            roots = [place_of(root) for root in trees.roots]
            total = tree_sums.sum_of_leaves(out, roots, nodes, bits_of_sets(trees), trees.leaves)
            assert (total + trees.point_parts // 2) // trees.point_parts == ensemble_points(trees, values)


@pytest.mark.parametrize(("value", "reached", "above"), [(-3, 0, 1), (1, 1, 4), (3, 1, 4), (4, 2, 9), (9, 3, 2**40)])
def test_cuts_are_searched(value: int, reached: int, above: int) -> None:
    assert tree_sums.cuts_reached((1, 4, 9), value) == reached
    assert tree_sums.cut_above((1, 4, 9), value) == above


def test_rows_of_numbers_are_not_lines_of_code() -> None:
    """However many trees a card has: what costs is the code, and that does not grow with them."""
    assert len(row_of_numbers("ROW", range(10_000))) > 100
    kernel = Kernel(policy_of(1))
    rows = sum(line.startswith("    ") and line.strip("0123456789-, ") == "" for line in kernel.source.split("\n"))
    assert rows > 0
    assert kernel.cost.source_lines == kernel.source.count("\n") - rows


def test_rows_of_numbers_are_read_without_the_parser() -> None:
    """As constants they are what Python says; what is no plain row is parsed, and lines keep their numbers."""
    text = "A = (\n    1, -2,\n    3,\n)\nB = (\n    A, 4,\n)\n"
    with pytest.raises(NotInSubset, match="in line 5"):
        read_source(text)
    source = read_source(text.replace("    A, 4", "    5, 4") + "def f(x):\n    return A[x] + B[0]\n")
    assert source.constants == {"A": (1, -2, 3), "B": (5, 4)}
    assert source.definitions["f"].lineno == 8
    too_large = "A = (\n    9223372036854775808,\n)\n"
    for wrong in ("A = (\n    1,\n)\nA = (\n    2,\n)\n", "A = (\n    1,\n)\nA = 2\n", too_large):
        with pytest.raises(NotInSubset):
            read_source(wrong)
