"""What each feature contributed to the points of trees: exact Shapley values, by the paths through the trees.

The definition is that of path-dependent TreeSHAP (Lundberg, Erion, Lee: Consistent Individualized Feature Attribution
for Tree Ensembles, 2018). With only the features of a set known, a tree's value is the mean over the leaves: at a node
of a known feature the account's side counts alone, at any other both sides count by their share of the training rows.
A feature's attribution is its Shapley value (1953) in that game. Attributions add up to the leaf that is reached, less
the mean over all leaves.

Everything is exact until it is rounded, and it is rounded by one rule, in each tree to whole parts and over all trees
to whole points: every value is rounded down, and what is left over is given out one by one to the features with the
largest remainders, the earlier feature first. So the whole numbers add up as the exact ones do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import factorial, lcm, prod

from linekeeper.scorecard.trees import (
    TreeEnsemble,
    goes_below,
    leaves_reached,
    nodes_and_leaves,
    rounded_points,
)


@dataclass(frozen=True, slots=True)
class _Way:
    """The way to a leaf: its features, the share of rows that each lets pass, the nodes that each decides.

    `weight` brings numerators over this way's own denominator to that of the tree.
    """

    leaf: int
    features: tuple[int, ...]
    shares: tuple[tuple[int, int], ...]
    decisions: tuple[tuple[tuple[int, bool], ...], ...]
    weight: int


class Attributions:
    """The attributions of one ensemble. What does not depend on the account is worked out once.

    `mean_points` is what the trees give on the mean over their training rows, in whole points; it and the attributions
    of any account add up to the points of that account.

    >>> one = TreeEnsemble("g", ("late",), 1, (0,), (0,), (30,), (-1,), (None,), (-1,), (-2,), (0,), (5, -9), (8, 2))
    >>> Attributions(one).mean_points, Attributions(one).points({"late": 31})
    (2, {'late': -11})
    """

    def __init__(self, trees: TreeEnsemble) -> None:
        self._trees = trees
        rows = _rows_of_nodes(trees)
        ways = [_ways_of_tree(trees, root, rows) for root in trees.roots]
        self._denominators = [_denominator(of_tree) for of_tree in ways]
        self._ways = [_weighted(some, whole) for some, whole in zip(ways, self._denominators, strict=True)]
        self._means = [
            sum(trees.leaves[way.leaf] * _mean_share(way) for way in of_tree) // whole
            for of_tree, whole in zip(self._ways, self._denominators, strict=True)
        ]
        self._known: dict[tuple[int, int], tuple[int, ...]] = {}
        self.mean_points = rounded_points(sum(self._means), trees.point_parts)

    def points(self, values: Mapping[str, int | None]) -> dict[str, int]:
        """The whole points of each feature of the trees, for one account; missing values are None."""
        trees, parts = self._trees, self.parts(values)
        whole = rounded_points(sum(self._means) + sum(parts.values()), trees.point_parts) - self.mean_points
        exact = [divmod(parts[name], trees.point_parts) for name in trees.features]
        return dict(zip(trees.features, _given_out(exact, whole), strict=True))

    def parts(self, values: Mapping[str, int | None]) -> dict[str, int]:
        """The same in parts of a point, added up over the trees."""
        trees, total = self._trees, [0] * len(self._trees.features)
        own = [values[name] for name in trees.features]
        below = [goes_below(trees, node, own[feature]) for node, feature in enumerate(trees.feature)]
        reached = leaves_reached(trees, values)
        for place, (ways, denominator) in enumerate(zip(self._ways, self._denominators, strict=True)):
            numerators: dict[int, int] = {}
            for way in ways:
                for feature, numerator in zip(way.features, self._of_way(way, below), strict=True):
                    numerators[feature] = numerators.get(feature, 0) + numerator
            features = sorted(numerators)
            exact = [divmod(numerators[feature], denominator) for feature in features]
            whole = trees.leaves[reached[place]] - self._means[place]
            for feature, parts in zip(features, _given_out(exact, whole), strict=True):
                total[feature] += parts
        return dict(zip(trees.features, total, strict=True))

    def _of_way(self, way: _Way, below: Sequence[bool]) -> tuple[int, ...]:
        """What a leaf adds to the numerator of each feature on the way to it."""
        passes = [all(below[node] == side for node, side in decisions) for decisions in way.decisions]
        key = way.leaf, sum(1 << place for place, let in enumerate(passes) if let)
        if key not in self._known:
            value = self._trees.leaves[way.leaf] * way.weight
            self._known[key] = tuple(
                value * _shapley_numerator(way.shares, passes, place) for place in range(len(passes))
            )
        return self._known[key]


def _given_out(exact: Sequence[tuple[int, int]], whole: int) -> list[int]:
    """Whole numbers that add up to `whole`, from (rounded down, remainder) of each."""
    left = whole - sum(number for number, _ in exact)
    if not exact:
        return []
    each, more = divmod(left, len(exact))
    first = sorted(range(len(exact)), key=lambda place: -exact[place][1])[:more]
    return [number + each + (place in first) for place, (number, _) in enumerate(exact)]


def _rows_of_nodes(trees: TreeEnsemble) -> list[int]:
    rows = [0] * len(trees.feature)
    for node in reversed(range(len(trees.feature))):
        rows[node] = sum(rows[side] if side >= 0 else trees.rows[-1 - side] for side in trees.children(node))
    return rows


def _ways_of_tree(trees: TreeEnsemble, root: int, rows: list[int]) -> list[_Way]:
    ways = []
    taken: dict[int, tuple[tuple[int, bool, Fraction], ...]] = {root: ()}
    for node in nodes_and_leaves(trees, root):
        steps = taken.pop(node)
        if node < 0:
            ways.append(_way(trees, -1 - node, steps))
            continue
        for side, is_below in zip(trees.children(node), (True, False), strict=True):
            inside = rows[side] if side >= 0 else trees.rows[-1 - side]
            taken[side] = (*steps, (node, is_below, Fraction(inside, rows[node])))
    return ways


def _way(trees: TreeEnsemble, leaf: int, steps: tuple[tuple[int, bool, Fraction], ...]) -> _Way:
    features = tuple(dict.fromkeys(trees.feature[node] for node, _, _ in steps))
    of_each = [[step for step in steps if trees.feature[step[0]] == feature] for feature in features]
    shares = [prod((share for _, _, share in own), start=Fraction(1)) for own in of_each]
    decisions = tuple(tuple((node, is_below) for node, is_below, _ in own) for own in of_each)
    return _Way(leaf, features, tuple((share.numerator, share.denominator) for share in shares), decisions, 1)


def _own_denominator(way: _Way) -> int:
    return factorial(len(way.features)) * prod(of for _, of in way.shares)


def _denominator(ways: list[_Way]) -> int:
    return lcm(*(_own_denominator(way) for way in ways))


def _weighted(ways: list[_Way], whole: int) -> list[_Way]:
    return [_Way(way.leaf, way.features, way.shares, way.decisions, whole // _own_denominator(way)) for way in ways]


def _mean_share(way: _Way) -> int:
    """The share of rows that reach the leaf, over the tree's denominator."""
    return factorial(len(way.features)) * prod(part for part, _ in way.shares) * way.weight


def _shapley_numerator(shares: Sequence[tuple[int, int]], passes: Sequence[bool], place: int) -> int:
    """A feature's Shapley value in the game of one leaf worth 1, over `factorial(n)` times all denominators.

    In that game a set of known features is worth 0 where one of them does not let the account pass, and else the
    product of the shares of those that are not known.
    """
    others = [one for one in range(len(shares)) if one != place]
    # by_size[k]: over the sets of k known features that let pass, the sum of the products of the others' shares
    by_size = [1]
    for one in others:
        part, of = shares[one]
        grown = [part * some for some in by_size] + [0]
        if passes[one]:
            for size, some in enumerate(by_size):
                grown[size + 1] += of * some
        by_size = grown
    count = len(others)
    whole = sum(factorial(size) * factorial(count - size) * some for size, some in enumerate(by_size))
    part, of = shares[place]
    return ((of if passes[place] else 0) - part) * whole
