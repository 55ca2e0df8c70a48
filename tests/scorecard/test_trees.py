"""Trees of a card: one account and many alike, their bounds and form, directions proved, reasons that add up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from math import factorial, floor
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.core.bounds import MISSING
from linekeeper.scorecard.artifact import Artifact, ArtifactError, Input, open_artifact, write_artifact
from linekeeper.scorecard.attributions import Attributions
from linekeeper.scorecard.card import Score, reach
from linekeeper.scorecard.many import points_many, score_many
from linekeeper.scorecard.points import parts, points_of, score_one
from linekeeper.scorecard.tree_validation import WorseWhen, direction_fault, tree_faults
from linekeeper.scorecard.trees import (
    TreeEnsemble,
    change_max,
    cuts_of_feature,
    ensemble_points,
    goes_below,
    nodes_and_leaves,
)
from tests.oracle.forest_file import canonical, forest_score, hashed
from tests.oracle.values import forest_points
from tests.scorecard.ensembles import account_of, random_card, random_values, scores

seeds = st.integers(0, 2**32)

STUMP = TreeEnsemble(
    "ability", ("late",), 10, (0,), (0,), (30,), (-1,), (None,), (-1,), (-2,), (0,), (55, -90), (800, 200)
)


def card(trees: TreeEnsemble, **inputs: WorseWhen) -> Artifact:
    """A card of these trees; inputs with their directions."""
    score = Score(500, ("ability", "willingness"), (), trees=(trees,))
    return Artifact("trees", score, inputs=tuple(Input(name, worse) for name, worse in inputs.items()))


# ------------------------------------------------------------------ points


@pytest.mark.parametrize(("late", "points"), [(29, 506), (30, 491), (31, 491), (None, 491)])
def test_the_points_of_one_tree(late: int | None, points: int) -> None:
    """5.5 points are 6, and -9.0 points are -9; what is missing goes where the node says."""
    score = card(STUMP).score
    assert score_one(score, {"late": late}).score == points
    assert score_many(score, {"late": np.array([MISSING if late is None else late])}).score.tolist() == [points]


@given(scores, seeds)
def test_one_account_and_many_get_the_same_points(score: Score, seed: int) -> None:
    rng = Random(seed)
    accounts = [account_of(score, rng) for _ in range(20)]
    names = {name for trees in score.trees for name in trees.features}
    columns = {
        name: np.array([MISSING if one[name] is None else one[name] for one in accounts], dtype=np.int64)
        for name in names
    }
    many = score_many(score, columns)
    by_part = points_many(score, columns)
    for row, account in enumerate(accounts):
        one = score_one(score, account)
        assert (one.score, one.pd_ppm) == (many.score[row], many.pd_ppm[row])
        assert one.groups == {group: points[row] for group, points in many.groups.items()}
        assert one.score == score.base + sum(one.groups.values())
        assert [points_of(trees, account) for trees in score.trees] == [int(points[row]) for points in by_part]


@given(seeds)
def test_the_oracle_gives_the_same_points(seed: int) -> None:
    rng = Random(seed)
    data = random_card(rng)
    score = open_artifact(data).score
    own = forest_score(data, score.card or "")
    for _ in range(20):
        account = account_of(score, rng)
        for trees, forest in zip(score.trees, own.forests, strict=True):
            assert ensemble_points(trees, account) == forest_points(forest, account)


@given(scores, seeds)
def test_a_score_stays_within_its_reach_and_moves_no_more_than_it_may(score: Score, seed: int) -> None:
    rng = Random(seed)
    low, high = reach(score)
    for trees in score.trees:
        account = random_values(rng, trees)
        moving = frozenset(rng.sample(trees.features, rng.randint(0, len(trees.features))))
        moved = {**account, **{name: random_values(rng, trees)[name] for name in moving}}
        assert abs(ensemble_points(trees, account) - ensemble_points(trees, moved)) <= change_max(trees, moving)
        assert change_max(trees, moving) <= sum(change_max(trees, frozenset({name})) for name in moving)
    assert low <= score_one(score, account_of(score, rng)).score <= high


@given(scores, seeds)
def test_between_two_cuts_nothing_changes(score: Score, seed: int) -> None:
    rng = Random(seed)
    for trees in score.trees:
        account = random_values(rng, trees)
        name = rng.choice(trees.features)
        cuts = cuts_of_feature(trees, name) or [0]
        for low, after in zip(cuts, [*cuts[1:], cuts[-1] + 100], strict=True):
            first, last = ({**account, name: value} for value in (low, after - 1))
            assert ensemble_points(trees, first) == ensemble_points(trees, last)


# ------------------------------------------------------------------ the file


@given(seeds)
def test_what_is_written_is_read(seed: int) -> None:
    artifact = open_artifact(random_card(Random(seed)))
    data = write_artifact(artifact)
    assert write_artifact(open_artifact(data)) == data == random_card(Random(seed))


def changed(**columns: Any) -> bytes:
    """The file of the stump with other columns, and a hash that fits."""
    body = json.loads(write_artifact(card(STUMP)))
    del body["sha256"]
    body["score"]["trees"][0] |= columns
    return canonical({**body, "sha256": hashed(body)})


BAD_COLUMNS: list[tuple[dict[str, Any], str]] = [
    ({"cut": [30, 40]}, "the columns of the nodes are not equally long"),
    ({"rows": [1]}, "the columns of the leaves are not equally long"),
    ({"rows": [1, 0]}, "stands for less than one row"),
    ({"point_parts": 0}, "a point has 0 parts"),
    ({"features": ["late", "late"]}, "each feature once"),
    ({"feature": [1]}, "names a feature, a cut or a set that is not possible"),
    ({"cut": [10**15 + 2]}, "names a feature, a cut or a set that is not possible"),
    ({"choices": [0]}, "names a feature, a cut or a set that is not possible"),
    ({"choices": [0], "sets": [[1]]}, "names a feature, a cut or a set that is not possible"),
    ({"choices": [0], "cut": [0], "sets": [[2, 1]]}, "choices that do not rise"),
    ({"missing_below": [2]}, "names a feature, a cut or a set that is not possible"),
    ({"below": [0]}, "has a child that does not come after it"),
    ({"below": [-2]}, "stands below no node, or below two"),
    ({"roots": [0, 0]}, "stands below no node, or below two"),
    ({"leaves": [2**61 + 1, 0], "point_parts": 10**9}, "are counted exactly"),
    ({"leaves": [10**11, 0]}, "the points add up to scores"),
    ({"group": "other"}, "is in the group `other`, which the card does not have"),
]


@pytest.mark.parametrize(("columns", "fault"), BAD_COLUMNS)
def test_an_unsound_card_is_refused(columns: dict[str, Any], fault: str) -> None:
    with pytest.raises(ArtifactError, match=fault):
        open_artifact(changed(**columns))


def test_a_card_of_points_has_no_trees_and_a_card_of_trees_says_so() -> None:
    body = json.loads(write_artifact(card(STUMP)))
    assert (body["format"], body["kind"]) == ("linekeeper-scorecard/2", "trees")
    del body["sha256"]
    body["format"] = "linekeeper-scorecard/1"
    with pytest.raises(ArtifactError, match="does not go with what the card holds"):
        open_artifact(canonical({**body, "sha256": hashed(body)}))


def test_the_most_that_can_be_counted_is_counted() -> None:
    """Two to the power of 61 parts, either way, stay within 64 bits when half a point is added."""
    most = replace(STUMP, point_parts=10**9, leaves=(10**18, -(10**18)))
    assert list(tree_faults(most)) == []
    assert points_many(card(most).score, {"late": np.array([0, 30])})[0].tolist() == [10**9, -(10**9)]


# ------------------------------------------------------------------ directions


@given(scores, seeds, st.sampled_from(("higher", "lower")))
def test_what_is_proved_monotone_is(score: Score, seed: int, worse: WorseWhen) -> None:
    rng = Random(seed)
    for trees in score.trees:
        for name in trees.features:
            if direction_fault(trees, name, worse):
                continue
            account = random_values(rng, trees)
            cuts = cuts_of_feature(trees, name) or [0]
            points = [ensemble_points(trees, {**account, name: cut}) for cut in [cuts[0] - 1, *cuts]]
            assert points == sorted(points, reverse=worse == "higher")


def every_account(trees: TreeEnsemble) -> Iterator[dict[str, int | None]]:
    """Every account that some tree tells apart from the others."""
    accounts: list[dict[str, int | None]] = [{}]
    for name in trees.features:
        cuts = cuts_of_feature(trees, name) or [0]
        values = [None, cuts[0] - 1, *cuts]
        accounts = [{**one, name: value} for one in accounts for value in values]
    yield from accounts


@given(scores, st.sampled_from(("higher", "lower")))
def test_a_tree_is_refused_only_where_it_breaks_its_direction(score: Score, worse: WorseWhen) -> None:
    """One tree alone, without numbers that count as missing: the proof finds whatever there is to find, and no more."""
    for ensemble in score.trees:
        if any(also is not None for also in ensemble.missing_value) or len(ensemble.features) > 2:
            continue
        for place in range(len(ensemble.roots)):
            trees = only_tree(ensemble, place)
            name = trees.features[0]
            if any(trees.choices[node] >= 0 for node, feature in enumerate(trees.feature) if feature == 0):
                continue
            if not cuts_of_feature(trees, name):
                continue
            broken = False
            for account in every_account(trees):
                if account[name] is None:
                    continue
                cuts = [cuts_of_feature(trees, name)[0] - 1, *cuts_of_feature(trees, name)]
                leaves = [ensemble_points(replace(trees, point_parts=1), {**account, name: cut}) for cut in cuts]
                broken |= leaves != sorted(leaves, reverse=worse == "higher")
            assert broken == bool(direction_fault(trees, name, worse))


def only_tree(ensemble: TreeEnsemble, place: int) -> TreeEnsemble:
    """One tree of an ensemble, every leaf of the others made worthless."""
    own = {-1 - node for node in nodes_and_leaves(ensemble, ensemble.roots[place]) if node < 0}
    leaves = tuple(parts if leaf in own else 0 for leaf, parts in enumerate(ensemble.leaves))
    return replace(ensemble, leaves=leaves)


def test_a_card_that_declares_a_direction_keeps_it() -> None:
    assert open_artifact(write_artifact(card(STUMP, late="higher"))).inputs[0].worse == "higher"
    with pytest.raises(ArtifactError, match=r"`late` is declared `worse: lower`, but tree 0, node 0 gives a worse"):
        write_artifact(card(STUMP, late="lower"))


# ------------------------------------------------------------------ attributions


def brute_parts(trees: TreeEnsemble, values: Mapping[str, int | None]) -> tuple[dict[str, int], int]:
    """Shapley values over all subsets of features, rounded in each tree by the stated rule; and the means."""
    total, means = dict.fromkeys(trees.features, 0), 0
    for root in trees.roots:
        used = sorted({node for node in range(len(trees.feature)) if is_below(trees, root, node)})
        features = sorted({trees.feature[node] for node in used})
        exact = {one: Fraction(0) for one in features}
        for one in features:
            others = [other for other in features if other != one]
            for size in range(len(others) + 1):
                weight = Fraction(factorial(size) * factorial(len(others) - size), factorial(len(features)))
                for chosen in combinations(others, size):
                    with_it = expected(trees, root, values, {*chosen, one})
                    exact[one] += weight * (with_it - expected(trees, root, values, set(chosen)))
        mean = floor(expected(trees, root, values, set()))
        left = int(expected(trees, root, values, set(features))) - mean - sum(floor(one) for one in exact.values())
        means += mean
        rounded = handed_out([exact[one] for one in features], left)
        for one, part in zip(features, rounded, strict=True):
            total[trees.features[one]] += part
    return total, means


def handed_out(exact: list[Fraction], left: int) -> list[int]:
    """Rounded down, and one more for the largest remainders."""
    order = sorted(range(len(exact)), key=lambda place: (floor(exact[place]) - exact[place], place))
    rounded = [floor(one) for one in exact]
    while left:
        for place in order[:left] if left > 0 else reversed(order[left:]):
            rounded[place] += 1 if left > 0 else -1
            left -= 1 if left > 0 else -1
    return rounded


def is_below(trees: TreeEnsemble, root: int, node: int) -> bool:
    """Whether a node belongs to the tree of that root."""
    return root == node or (root >= 0 and any(is_below(trees, side, node) for side in trees.children(root)))


def expected(trees: TreeEnsemble, node: int, values: Mapping[str, int | None], known: set[int]) -> Fraction:
    """The value of a tree where only these features are known."""
    if node < 0:
        return Fraction(trees.leaves[-1 - node])
    below, rest = trees.children(node)
    if trees.feature[node] in known:
        value = values[trees.features[trees.feature[node]]]
        return expected(trees, below if goes_below(trees, node, value) else rest, values, known)
    return (
        rows(trees, below) * expected(trees, below, values, known)
        + rows(trees, rest) * expected(trees, rest, values, known)
    ) / (rows(trees, below) + rows(trees, rest))


def rows(trees: TreeEnsemble, node: int) -> int:
    """Rows of the training data below a node."""
    return trees.rows[-1 - node] if node < 0 else sum(rows(trees, side) for side in trees.children(node))


@given(scores, seeds)
def test_attributions_are_shapley_values_to_the_last_part(score: Score, seed: int) -> None:
    rng = Random(seed)
    for trees in score.trees:
        attributions = Attributions(trees)
        for _ in range(3):
            values = random_values(rng, trees)
            exact, means = brute_parts(trees, values)
            assert attributions.parts(values) == exact
            mean_points = floor(Fraction(means, trees.point_parts) + Fraction(1, 2))
            assert attributions.mean_points == mean_points
            points = attributions.points(values)
            assert mean_points + sum(points.values()) == ensemble_points(trees, values)
            left = sum(points.values()) - sum(part // trees.point_parts for part in exact.values())
            in_points = [Fraction(exact[name], trees.point_parts) for name in trees.features]
            assert [points[name] for name in trees.features] == handed_out(in_points, left)


@given(scores, seeds)
def test_the_parts_of_a_score_add_up(score: Score, seed: int) -> None:
    values = account_of(score, Random(seed))
    listed = parts(score, values)
    assert score.base + sum(part.points for part in listed) == score_one(score, values).score
    assert all(part.lost >= 0 for part in listed)
