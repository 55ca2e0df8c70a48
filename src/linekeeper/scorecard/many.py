"""The scores of many accounts at once: int64 columns in, int64 columns out, the same points as `points` gives each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from linekeeper.core.bounds import MISSING
from linekeeper.scorecard.card import Bins, PointsTable, Score, scored_features
from linekeeper.scorecard.trees import TreeEnsemble

FeatureColumn: TypeAlias = npt.NDArray[np.int64]
FeatureColumns: TypeAlias = Mapping[str, FeatureColumn]

CHUNK_ROWS = 16_384  # a column of this length stays in the processor's cache
FEW_CUTS = 24  # so many cuts are counted faster than searched


@dataclass(frozen=True, slots=True)
class Scores:
    """One entry a row: score, sub-totals by group, PD in ppm. base + all sub-totals = score."""

    score: FeatureColumn
    groups: Mapping[str, FeatureColumn]
    pd_ppm: FeatureColumn


def score_many(score: Score, columns: FeatureColumns) -> Scores:
    """Score every row. `columns` holds an int64 array for each feature of the card, `MISSING` where missing.

    KeyError where a feature has no column.

    >>> card = Score(500, ("ability",), (Bins("burden", "ability", (3000,), (60, -20), 0),))
    >>> score_many(card, {"burden": np.array([0, 3000, MISSING])}).score
    array([560, 480, 500])
    """
    rows = len(next(iter(columns.values()))) if columns else 0
    total = np.full(rows, score.base, dtype=np.int64)
    groups = {group: np.zeros(rows, dtype=np.int64) for group in score.groups}
    pd = np.empty(rows, dtype=np.int64)
    plan = _Plan(score)
    for start in range(0, rows, CHUNK_ROWS):
        piece = slice(start, start + CHUNK_ROWS)
        for group, points in plan.each({name: columns[name][piece] for name in plan.features}):
            groups[group][piece] += points
        for sub_total in groups.values():
            total[piece] += sub_total[piece]
        pd[piece] = np.take(np.array(score.pd_ppm), place(total[piece], score.pd_below))
    return Scores(total, groups, pd)


def points_many(score: Score, columns: FeatureColumns) -> list[FeatureColumn]:
    """The points of each part of the card (bins, then tables, then trees), one column a part."""
    plan = _Plan(score)
    return [points for _, points in plan.each({name: columns[name] for name in plan.features})]


def points_of_trees(trees: TreeEnsemble, columns: FeatureColumns) -> FeatureColumn:
    """The points that an ensemble gives each row: the same as `ensemble_points` gives each.

    >>> one = TreeEnsemble("g", ("late",), 2, (0,), (0,), (30,), (-1,), (None,), (-1,), (-2,), (0,), (5, -9), (8, 2))
    >>> points_of_trees(one, {"late": np.array([29, 30, MISSING])})
    array([ 3, -4, -4])
    """
    own = [columns[name] for name in trees.features]
    parts = np.zeros(len(own[0]), dtype=np.int64)
    missing = [values == MISSING for values in own]
    is_missing = [where if where.any() else None for where in missing]
    for root in trees.roots:
        waiting = [(root, np.arange(len(parts)))]
        while waiting:
            node, rows = waiting.pop()
            if node < 0:
                parts[rows] += trees.leaves[-1 - node]
            elif len(rows):
                below = _goes_below(trees, node, own[trees.feature[node]], is_missing[trees.feature[node]], rows)
                waiting += [(trees.below[node], rows[below]), (trees.rest[node], rows[~below])]
    return (parts + trees.point_parts // 2) // trees.point_parts


def _goes_below(
    trees: TreeEnsemble,
    node: int,
    column: FeatureColumn,
    missing: npt.NDArray[np.bool_] | None,
    rows: npt.NDArray[np.intp],
) -> npt.NDArray[np.bool_]:
    """Which of these rows a node sends below."""
    values, also = column[rows], trees.missing_value[node]
    chosen = trees.choices[node]
    below = np.isin(values, trees.sets[chosen]) if chosen >= 0 else values < trees.cut[node]
    if missing is not None:
        below[missing[rows]] = bool(trees.missing_below[node])
    if also is not None:
        below[values == also] = bool(trees.missing_below[node])
    return below


def place(values: FeatureColumn, cuts: tuple[int, ...]) -> npt.NDArray[np.intp]:
    """How many cuts each value has reached: the number of its bin.

    >>> place(np.array([1, 5, 9]), (5, 7))
    array([0, 1, 2])
    """
    if len(cuts) > FEW_CUTS:
        return np.searchsorted(np.array(cuts, dtype=np.int64), values, side="right")
    reached = np.zeros(len(values), dtype=np.uint8)
    for cut in cuts:
        reached += values >= cut
    return reached.astype(np.intp)


class _Plan:
    """A card prepared for columns: each feature is placed once, among all the cuts that any part makes in it."""

    def __init__(self, score: Score) -> None:
        cuts_by_feature: dict[str, set[int]] = {part.feature: set(_own_cuts(part)) for part in score.bins}
        for table in score.tables:
            cuts_by_feature.setdefault(table.row, set()).update(table.row_below)
            cuts_by_feature.setdefault(table.column, set()).update(table.column_below)
        self.cuts = {name: tuple(sorted(cuts)) for name, cuts in cuts_by_feature.items()}
        self.bins = [(part.feature, part.group, self._of_bins(part)) for part in score.bins]
        self.tables = [(t.row, t.column, t.group, self._of_table(t)) for t in score.tables]
        self.trees = score.trees
        self.features = scored_features(score)

    def each(self, columns: FeatureColumns) -> list[tuple[str, FeatureColumn]]:
        """(group, points) of each part, for these rows."""
        placed = {name: self._place(name, columns[name]) for name in self.cuts}
        parts = [(group, np.take(points, placed[feature])) for feature, group, points in self.bins]
        for row, column, group, points in self.tables:
            width = len(self.cuts[column]) + 2
            parts.append((group, np.take(points, placed[row] * width + placed[column])))
        return parts + [(trees.group, points_of_trees(trees, columns)) for trees in self.trees]

    def _place(self, name: str, values: FeatureColumn) -> npt.NDArray[np.intp]:
        cuts = self.cuts[name]
        where = place(values, cuts)
        missing = values == MISSING
        if missing.any():
            where[missing] = len(cuts) + 1
        return where

    def _spread(self, feature: str, own: tuple[int, ...]) -> FeatureColumn:
        """For each place among all cuts of the feature, missing last: the place among a part's own cuts."""
        every = self.cuts[feature]
        starts = np.array([0, *every], dtype=np.int64)
        if every:
            starts[0] = every[0] - 1  # stands for all values below the first cut
        among = np.searchsorted(np.array(own, dtype=np.int64), starts, side="right")
        return np.append(among, len(own) + 1).astype(np.int64)

    def _of_bins(self, part: Bins) -> FeatureColumn:
        points = np.array((*(part.by_choice or part.points), part.missing), dtype=np.int64)
        return points[self._spread(part.feature, _own_cuts(part))]

    def _of_table(self, table: PointsTable) -> FeatureColumn:
        rows = self._spread(table.row, table.row_below)
        columns = self._spread(table.column, table.column_below)
        return np.array(table.points, dtype=np.int64)[np.ix_(rows, columns)].ravel()


def _own_cuts(part: Bins) -> tuple[int, ...]:
    """The cuts of the bins; for a category, one before each choice but the first."""
    return tuple(range(1, len(part.by_choice))) if part.by_choice else part.below
