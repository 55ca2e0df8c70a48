"""What has to hold of trees before anything is decided by them: their form, their bounds, their directions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal, TypeAlias

from linekeeper.core.bounds import MISSING
from linekeeper.scorecard.trees import (
    CUT_MAX,
    NODES_MAX,
    POINT_PARTS_MAX,
    SET_CHOICES_MAX,
    SUM_MAX,
    TREES_MAX,
    TreeEnsemble,
    goes_below,
    leaf_ranges,
    nodes_and_leaves,
)

WorseWhen: TypeAlias = Literal["higher", "lower"]


def tree_faults(trees: TreeEnsemble) -> Iterator[str]:
    """What is wrong with an ensemble, one sentence each; nothing where it is sound."""
    faults = list(_faults_of_size(trees)) or list(_faults_of_columns(trees))
    yield from faults or _faults_of_form(trees)


def _faults_of_size(trees: TreeEnsemble) -> Iterator[str]:
    nodes = len(trees.feature)
    columns = (trees.cut, trees.choices, trees.missing_value, trees.below, trees.rest, trees.missing_below)
    if any(len(column) != nodes for column in columns):
        yield "the columns of the nodes are not equally long"
    if len(trees.rows) != len(trees.leaves):
        yield "the columns of the leaves are not equally long"
    if nodes > NODES_MAX or len(trees.roots) > TREES_MAX:
        yield f"there are {len(trees.roots):,} trees with {nodes:,} nodes, at most {TREES_MAX:,} with {NODES_MAX:,}"
    if not 1 <= trees.point_parts <= POINT_PARTS_MAX:
        yield f"a point has {trees.point_parts:,} parts, and 1 to {POINT_PARTS_MAX:,} are possible"
    if not trees.roots or not trees.features or len(set(trees.features)) != len(trees.features):
        yield "an ensemble needs a tree, a feature, and each feature once"


def _faults_of_columns(trees: TreeEnsemble) -> Iterator[str]:
    """Whether each number of the columns lies where it may."""
    for number, chosen in enumerate(trees.sets):
        if any(not 0 <= choice < SET_CHOICES_MAX for choice in chosen) or any(b <= a for a, b in pairwise(chosen)):
            yield f"the set {number} has choices that do not rise from 0 to below {SET_CHOICES_MAX:,}"
    for node, feature in enumerate(trees.feature):
        also = trees.missing_value[node]
        if not (
            0 <= feature < len(trees.features)
            and -1 <= trees.choices[node] < len(trees.sets)
            and abs(trees.cut[node]) <= CUT_MAX
            and trees.missing_below[node] in (0, 1)
            and (also is None or MISSING < also <= CUT_MAX)
            and (trees.choices[node] < 0 or trees.cut[node] == 0)
        ):
            yield f"the node {node} names a feature, a cut or a set that is not possible"
            return
    if any(rows < 1 for rows in trees.rows):
        yield f"the leaf {next(i for i, rows in enumerate(trees.rows) if rows < 1)} stands for less than one row"


def _faults_of_form(trees: TreeEnsemble) -> Iterator[str]:
    """Whether the nodes and leaves are trees: each is below one node, or is a root."""
    nodes, leaves = len(trees.feature), len(trees.leaves)
    named = [*trees.roots]
    for node in range(nodes):
        sides = trees.children(node)
        named += sides
        if any(0 <= side <= node for side in sides):
            yield f"the node {node} has a child that does not come after it"
            return
    if sorted(named) != [*range(-leaves, 0), *range(nodes)]:
        yield "some node or leaf stands below no node, or below two"
        return
    low, high = leaf_ranges(trees)
    most = sum(max(-low[root], high[root]) if root >= 0 else abs(trees.leaves[-1 - root]) for root in trees.roots)
    if most > SUM_MAX or any(abs(parts) > SUM_MAX for parts in trees.leaves):
        yield f"the leaves add up to {most:,} parts, and {SUM_MAX:,} are the most that are counted exactly"


# ------------------------------------------------------------------ directions


def direction_fault(trees: TreeEnsemble, feature: str, worse: WorseWhen, special: tuple[int, ...] = ()) -> str | None:
    """Where a tree gives a worse value of a feature more points; None where it is proved that none does.

    The proof is of each tree for itself. Missing values have no direction, and `special` codes have none. A node that
    takes any other number for missing, and sends it to the side where its size does not belong, is refused.

    >>> one = TreeEnsemble("g", ("late",), 1, (0,), (0,), (30,), (-1,), (None,), (-1,), (-2,), (0,), (5, -9), (8, 2))
    >>> direction_fault(one, "late", "higher"), direction_fault(one, "late", "lower")
    (None, 'tree 0, node 0')
    """
    if feature not in trees.features:
        return None
    number, sign = trees.features.index(feature), -1 if worse == "higher" else 1
    low, high = leaf_ranges(trees)
    for place, root in enumerate(trees.roots):
        for node in nodes_and_leaves(trees, root):
            if node < 0 or trees.feature[node] != number:
                continue
            if not _keeps_order(trees, node, special) or (
                not _is_ordered(trees, node, sign, low, high) and _crossing(trees, root, node, sign, special)
            ):
                return f"tree {place}, node {node}"
    return None


def _keeps_order(trees: TreeEnsemble, node: int, special: tuple[int, ...]) -> bool:
    """Whether the node sends what is less to `below`, also where it takes a number for missing."""
    also = trees.missing_value[node]
    if trees.choices[node] >= 0:
        return False
    return also is None or also in special or (also < trees.cut[node]) == bool(trees.missing_below[node])


def _is_ordered(trees: TreeEnsemble, node: int, sign: int, low: Sequence[int], high: Sequence[int]) -> bool:
    """Whether every leaf on one side is at least every leaf on the other; the quick proof, which mostly suffices."""
    (least_below, most_below), (least_rest, most_rest) = (
        (low[side], high[side]) if side >= 0 else (trees.leaves[-1 - side],) * 2 for side in trees.children(node)
    )
    return most_below <= least_rest if sign > 0 else most_rest <= least_below


Box = dict[int, list[tuple[int, bool]]]  # of a feature: the nodes on the way to a leaf, and whether it lies below them


def _crossing(trees: TreeEnsemble, root: int, node: int, sign: int, special: tuple[int, ...]) -> bool:
    """Whether a leaf below the node is better than one that an account reaches by a change of this feature alone.

    `sign` 1: more of the feature is better.
    """
    above = next(way for end, way in _ways(trees, root) if end == node)
    number = trees.feature[node]
    lesser, greater = (
        [
            (trees.leaves[-1 - end], _joined(_joined(above, {number: [(node, is_below)]}), way))
            for end, way in _ways(trees, side)
            if end < 0
        ]
        for side, is_below in zip(trees.children(node), (True, False), strict=True)
    )
    for less, less_way in lesser:
        for more, more_way in greater:
            if sign * (more - less) >= 0:
                continue
            others = (less_way.keys() | more_way.keys()) - {number}
            meet = all(_possible(trees, less_way.get(one, []) + more_way.get(one, [])) for one in others)
            known = all(_possible(trees, way.get(number, []), False, special) for way in (less_way, more_way))
            if meet and known:
                return True
    return False


def _ways(trees: TreeEnsemble, start: int) -> Iterator[tuple[int, Box]]:
    """Every node and leaf from `start` down, with the decisions on the way to it."""
    waiting: list[tuple[int, Box]] = [(start, {})]
    while waiting:
        node, way = waiting.pop()
        yield node, way
        if node >= 0:
            for side, is_below in zip(trees.children(node), (True, False), strict=True):
                waiting.append((side, _joined(way, {trees.feature[node]: [(node, is_below)]})))


def _joined(one: Box, other: Box) -> Box:
    return {feature: one.get(feature, []) + other.get(feature, []) for feature in one.keys() | other.keys()}


def _possible(
    trees: TreeEnsemble, decisions: list[tuple[int, bool]], may_miss: bool = True, special: tuple[int, ...] = ()
) -> bool:
    """Whether some value but these special ones makes all of these decisions; a missing one may, where `may_miss`."""
    if may_miss and all(bool(trees.missing_below[node]) == is_below for node, is_below in decisions):
        return True
    edges = {-CUT_MAX}
    for node, _ in decisions:
        also, chosen = trees.missing_value[node], trees.choices[node]
        edges.update(() if also is None else (also, also + 1))
        edges.update(trees.sets[chosen] if chosen >= 0 else (trees.cut[node],))
        edges.update(choice + 1 for choice in (trees.sets[chosen] if chosen >= 0 else ()))
    for code in sorted(special):  # codes may follow one another
        edges = {edge + 1 if edge == code else edge for edge in edges}
    return any(all(goes_below(trees, node, edge) == is_below for node, is_below in decisions) for edge in edges)
