"""Code for a card's trees: constant rows that a loop walks, so that the code is as long for one tree as for many."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from linekeeper.core.bounds import MISSING
from linekeeper.kernel.lines import LINE_MAX
from linekeeper.kernel.names import Names
from linekeeper.policy import model as m
from linekeeper.scorecard.trees import TreeEnsemble

NODE_WIDTH = 6  # numbers of a node, in the order that `tree_sums` says
BITS_OF_NUMBER = 32


class TreeEmitter:
    """Emits the rows of a card's trees, what adds up their points, and rows of cuts for the next review.

    `columns` gives the place of each feature in a row.
    """

    def __init__(self, policy: m.Policy, names: Names, columns: Mapping[str, int]) -> None:
        self._ensembles = policy.score.trees if policy.score else ()
        self._names, self._columns = names, columns
        take = names.space.take
        self._rows = [
            tuple(take(f"TREES_{number}_{part}") for part in ("ROOTS", "NODES", "BITS", "LEAVES"))
            for number in range(1, len(self._ensembles) + 1)
        ]
        self._cuts: dict[str, tuple[str, list[str]]] = {}

    def constants(self) -> list[str]:
        """The rows of all trees."""
        lines = ["# Trees of the card: where each begins, their nodes, sets of choices as bits, leaves in parts."]
        for trees, (roots, nodes, bits, leaves) in zip(self._ensembles, self._rows, strict=True):
            starts = starts_of_sets(trees)
            lines += [
                *row_of_numbers(roots, map(place_of, trees.roots)),
                *row_of_numbers(nodes, node_numbers(trees, self._columns, starts)),
                *row_of_numbers(bits, bits_of_sets(trees) or [0]),
                *row_of_numbers(leaves, trees.leaves),
            ]
        return lines if self._ensembles else []

    def points(self) -> list[str]:
        """Lines that add the points of each ensemble to its group."""
        lines = []
        for trees, rows in zip(self._ensembles, self._rows, strict=True):
            parts, whole = f"sum_of_leaves(out, {', '.join(rows)})", trees.point_parts
            lines.append(f"{self._names.groups[trees.group]} += ({parts} + {whole // 2}) // {whole}")
        return lines

    def row_of_cuts(self, feature: str, cuts: Sequence[int]) -> str | None:
        """The name of a row of these cuts, where the feature is one of the trees'; else None, and few are expected."""
        if not any(feature in trees.features for trees in self._ensembles):
            return None
        if feature not in self._cuts:
            name = self._names.space.take(f"{self._names.variables[feature]}_CUTS".upper())
            self._cuts[feature] = name, row_of_numbers(name, cuts)
        return self._cuts[feature][0]

    def cut_lines(self) -> list[str]:
        """The rows of cuts that were asked for."""
        rows = [line for _, lines in self._cuts.values() for line in lines]
        return ["# Values at which the score, or what a rule answers, can change.", *rows] if rows else []


def node_numbers(trees: TreeEnsemble, columns: Mapping[str, int], starts: Sequence[int]) -> Iterator[int]:
    """The numbers of every node, as `tree_sums` reads them; `starts` says where the bits of each set begin."""
    for node, feature in enumerate(trees.feature):
        column, chosen, also = columns[trees.features[feature]], trees.choices[node], trees.missing_value[node]
        below, rest = trees.children(node)
        yield column if chosen < 0 else -1 - column
        yield trees.cut[node] if chosen < 0 else starts[chosen]
        yield MISSING if also is None else also
        yield place_of(below)
        yield place_of(rest)
        yield place_of(below if trees.missing_below[node] else rest)


def place_of(child: int) -> int:
    """Where a node begins in its row; a leaf stays `-1 - leaf`."""
    return child * NODE_WIDTH if child >= 0 else child


def bits_of_sets(trees: TreeEnsemble) -> list[int]:
    """Each set: how many choices its bits stand for, then the bits."""
    numbers: list[int] = []
    for chosen in trees.sets:
        words = [0] * (max(chosen, default=-1) // BITS_OF_NUMBER + 1)
        for choice in chosen:
            words[choice // BITS_OF_NUMBER] |= 1 << choice % BITS_OF_NUMBER
        numbers += [len(words) * BITS_OF_NUMBER, *words]
    return numbers


def starts_of_sets(trees: TreeEnsemble) -> list[int]:
    """Where the bits of each set begin."""
    starts, place = [], 0
    for chosen in trees.sets:
        starts.append(place)
        place += max(chosen, default=-1) // BITS_OF_NUMBER + 2
    return starts


def row_of_numbers(name: str, numbers: Iterable[int]) -> list[str]:
    """A constant row over as many lines as it needs.

    >>> row_of_numbers("ROW", [1, -2])
    ['ROW = (', '    1, -2,', ')']
    """
    text = ", ".join(map(str, numbers))
    lines = textwrap.wrap(f"{text},", LINE_MAX - 4, break_long_words=False, break_on_hyphens=False) if text else []
    return [f"{name} = (", *(f"    {line}" for line in lines), ")"]
