"""The scorecard: features -> bins, tables or trees -> points, with sub-totals by group and a table to PD.

Score = base + the points of every part; the sub-score of a group is the sum of its own parts, so base + all sub-scores
= score, always. Points are whole numbers: their sum is the same in every order and on every machine, so that a decision
can be derived again to the last point, and the points lost explain the whole distance from the best score.
"""

from __future__ import annotations

from dataclasses import dataclass

from linekeeper.scorecard.trees import TreeEnsemble, reach_of


@dataclass(frozen=True, slots=True)
class Bins:
    """Points by value of one feature: `points[i]` where value < below[i] first holds, else the last.

    `below` rises strictly; len(points) == len(below) + 1. For a category, `below` is empty and
    `by_choice` gives the points of each choice. `missing` applies where the value is missing.
    """

    feature: str
    group: str
    below: tuple[int, ...]
    points: tuple[int, ...]
    missing: int
    by_choice: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PointsTable:
    """Points by two features at once: points[row][column], rows and columns cut as in `Bins`.

    The last row and the last column (index len(below) + 1) are for missing.
    """

    row: str
    column: str
    group: str
    row_below: tuple[int, ...]
    column_below: tuple[int, ...]
    points: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Score:
    """base + the points of every part. `pd_ppm[i]` where score < pd_below[i] first holds, else the last."""

    base: int
    groups: tuple[str, ...]
    bins: tuple[Bins, ...]
    tables: tuple[PointsTable, ...] = ()
    pd_below: tuple[int, ...] = ()
    pd_ppm: tuple[int, ...] = (0,)
    card: str | None = None  # hash of the scorecard artifact, where the policy names one
    trees: tuple[TreeEnsemble, ...] = ()


SCORE_MAX = 10**9  # either way: what is computed with a score is checked for scores of this size


def reach(score: Score) -> tuple[int, int]:
    """The lowest and the highest score that the parts can add up to.

    >>> reach(Score(500, ("ability",), (Bins("late", "ability", (1,), (10, -30), 0),)))
    (470, 510)
    """
    parts = [(*bins.points, *bins.by_choice, bins.missing) for bins in score.bins]
    parts += [tuple(points for row in table.points for points in row) for table in score.tables]
    parts += [reach_of(trees) for trees in score.trees]
    return score.base + sum(map(min, parts)), score.base + sum(map(max, parts))


def count_cells_of_card(score: Score) -> int:
    """How many numbers a person reads: bins with their missing ones, cells of tables, and leaves of trees.

    >>> count_cells_of_card(Score(500, ("ability",), (Bins("late", "ability", (1,), (10, -30), 0),)))
    3
    """
    bins = sum(len(one.points) + len(one.by_choice) + 1 for one in score.bins)
    cells = sum(len(row) for table in score.tables for row in table.points)
    return bins + cells + sum(len(trees.leaves) for trees in score.trees)


def scored_features(score: Score) -> list[str]:
    """The features that any part of the card reads, each once, in the order of the card.

    >>> scored_features(Score(500, ("ability",), (Bins("late", "ability", (1,), (10, -30), 0),)))
    ['late']
    """
    names = [bins.feature for bins in score.bins]
    names += [name for table in score.tables for name in (table.row, table.column)]
    names += [name for trees in score.trees for name in trees.features]
    return list(dict.fromkeys(names))
