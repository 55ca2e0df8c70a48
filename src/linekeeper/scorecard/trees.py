"""Trees: points by whole-number decisions over several features, added up over many trees.

A tree sends a value to one of two sides: below its cut or not, or among its choices or not. A missing value goes to
the side that the node names. The leaf that is reached holds a whole number of *parts* of a point. The parts of all
trees are added up and rounded to points once, half a point upwards, so the points are the same on every machine.

All trees of an ensemble stand in one set of columns. Node `n` is the n-th entry of `feature`, `cut`, `below`... A child
is the number of a node, or `-1 - leaf` for a leaf. A child has a higher number than its node, so a walk always ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

NODES_MAX, TREES_MAX = 200_000, 5_000
SET_CHOICES_MAX = 4_096  # of one category; a set is kept as bits
CUT_MAX = 10**15 + 1  # no feature has a value beyond 10^15
POINT_PARTS_MAX = 10**9  # of a point
SUM_MAX = 2**61  # of all leaves' greatest parts: no sum on the way leaves 64 bits


@dataclass(frozen=True, slots=True)
class TreeEnsemble:
    """Trees of one group. `point_parts`: how many parts a point has. Columns of nodes have one entry a node.

    A value goes `below` where it is less than `cut`, else to `rest`. Where `choices` is not -1, it goes `below` where
    it is one of `sets[choices]`, and `cut` is 0. A missing value goes `below` where `missing_below` is 1, and so does
    the value `missing_value`, where it is not None. `rows`: so many training rows fell in each leaf.
    """

    group: str
    features: tuple[str, ...]
    point_parts: int
    roots: tuple[int, ...]
    feature: tuple[int, ...]
    cut: tuple[int, ...]
    choices: tuple[int, ...]
    missing_value: tuple[int | None, ...]
    below: tuple[int, ...]
    rest: tuple[int, ...]
    missing_below: tuple[int, ...]
    leaves: tuple[int, ...]
    rows: tuple[int, ...]
    sets: tuple[tuple[int, ...], ...] = ()

    def children(self, node: int) -> tuple[int, int]:
        """The two children of a node: where it sends what is below its cut or among its choices, and the rest."""
        return self.below[node], self.rest[node]


def goes_below(trees: TreeEnsemble, node: int, value: int | None) -> bool:
    """Whether a value, None where it is missing, goes to the `below` side of a node.

    >>> one = TreeEnsemble("g", ("late",), 1, (0,), (0,), (30,), (-1,), (None,), (-1,), (-2,), (0,), (5, -9), (8, 2))
    >>> goes_below(one, 0, 29), goes_below(one, 0, 30), goes_below(one, 0, None)
    (True, False, False)
    """
    if value is None or value == trees.missing_value[node]:
        return bool(trees.missing_below[node])
    if trees.choices[node] >= 0:
        return value in trees.sets[trees.choices[node]]
    return value < trees.cut[node]


def leaves_reached(trees: TreeEnsemble, values: Mapping[str, int | None]) -> list[int]:
    """The leaf that an account reaches in each tree, by its number in `leaves`. KeyError where a feature has no value.

    >>> one = TreeEnsemble("g", ("late",), 1, (0,), (0,), (30,), (-1,), (None,), (-1,), (-2,), (0,), (5, -9), (8, 2))
    >>> leaves_reached(one, {"late": 31})
    [1]
    """
    own = [values[name] for name in trees.features]
    reached = []
    for root in trees.roots:
        node = root
        while node >= 0:
            node = trees.children(node)[0 if goes_below(trees, node, own[trees.feature[node]]) else 1]
        reached.append(-1 - node)
    return reached


def ensemble_points(trees: TreeEnsemble, values: Mapping[str, int | None]) -> int:
    """The points of all trees together, for one account.

    >>> one = TreeEnsemble("g", ("late",), 2, (0,), (0,), (30,), (-1,), (None,), (-1,), (-2,), (0,), (5, -9), (8, 2))
    >>> [ensemble_points(one, {"late": late}) for late in (29, 30, None)]
    [3, -4, -4]
    """
    return rounded_points(sum(trees.leaves[leaf] for leaf in leaves_reached(trees, values)), trees.point_parts)


def rounded_points(parts: int, point_parts: int) -> int:
    """Parts of a point as whole points; half a point is rounded upwards.

    >>> [rounded_points(parts, 10) for parts in (14, 15, -15, -16)]
    [1, 2, -1, -2]
    """
    return (parts + point_parts // 2) // point_parts


def nodes_and_leaves(trees: TreeEnsemble, root: int) -> Iterator[int]:
    """The nodes and leaves of one tree, each after its parent; a leaf is `-1 - leaf`."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if node >= 0:
            waiting += reversed(trees.children(node))


@lru_cache(maxsize=4)
def leaf_ranges(trees: TreeEnsemble) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of each node the least and the greatest parts of the leaves below it."""
    low, high = [0] * len(trees.feature), [0] * len(trees.feature)
    for node in reversed(range(len(trees.feature))):  # children have higher numbers
        sides = trees.children(node)
        low[node] = min(low[side] if side >= 0 else trees.leaves[-1 - side] for side in sides)
        high[node] = max(high[side] if side >= 0 else trees.leaves[-1 - side] for side in sides)
    return tuple(low), tuple(high)


def reach_of(trees: TreeEnsemble) -> tuple[int, int]:
    """The least and the greatest points, were every tree to give its least or its greatest leaf."""
    low, high = leaf_ranges(trees)
    least = sum(low[root] if root >= 0 else trees.leaves[-1 - root] for root in trees.roots)
    most = sum(high[root] if root >= 0 else trees.leaves[-1 - root] for root in trees.roots)
    return rounded_points(least, trees.point_parts), rounded_points(most, trees.point_parts)


def cuts_of_feature(trees: TreeEnsemble, name: str) -> list[int]:
    """The values of a feature at which some tree answers otherwise than for the value before, in rising order.

    >>> one = TreeEnsemble("g", ("late",), 1, (0,), (0,), (30,), (-1,), (0,), (-1,), (-2,), (0,), (5, -9), (8, 2))
    >>> cuts_of_feature(one, "late")
    [0, 1, 30]
    """
    number, cuts = trees.features.index(name), set[int]()
    for node, feature in enumerate(trees.feature):
        if feature != number:
            continue
        also = trees.missing_value[node]
        cuts.update(() if also is None else (also, also + 1))
        if trees.choices[node] < 0:
            cuts.add(trees.cut[node])
        else:
            chosen = set(trees.sets[trees.choices[node]])
            cuts.update(value for choice in chosen for value in (choice, choice + 1))
    return sorted(cuts)


def change_max(trees: TreeEnsemble, moving: frozenset[str]) -> int:
    """The most points by which the ensemble can change while only these features change; never too few."""
    numbers = {number for number, name in enumerate(trees.features) if name in moving}
    low, high = leaf_ranges(trees)
    change = [0] * len(trees.feature)
    for node in reversed(range(len(trees.feature))):
        if trees.feature[node] in numbers:
            change[node] = high[node] - low[node]
        else:  # the account stays on one side of it
            below, rest = trees.below[node], trees.rest[node]
            change[node] = max(change[below] if below >= 0 else 0, change[rest] if rest >= 0 else 0)
    parts = sum(change[root] for root in trees.roots if root >= 0)
    return -(-parts // trees.point_parts)


def nodes_of_paths(trees: TreeEnsemble) -> int:
    """How many nodes an account passes in all trees together, at most."""
    depth = [0] * len(trees.feature)
    for node in reversed(range(len(trees.feature))):
        depth[node] = 1 + max(depth[side] if side >= 0 else 0 for side in trees.children(node))
    return sum(depth[root] for root in trees.roots if root >= 0)
