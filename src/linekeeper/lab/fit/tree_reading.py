"""Boosters read leaf by leaf: each leaf adds its value to a box of bins in one feature, or in two.

The sum over all leaves is what the boosters say, at every point, without asking them anything. The tables are then
purified: what a table says of one of its features alone moves to that feature's main effect (Lengerich, Tan, Chang,
Hooker, Caruana 2020), which changes no sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from linekeeper.lab.fit.additive_model import AdditiveModel, Binning, Floats, Interaction, MainEffect
from linekeeper.lab.fit.boosting import Pair, raw_log_odds
from linekeeper.lab.fit.feature_bins import BinNumbers, FeatureBins
from linekeeper.scorecard.many import FeatureColumn

MISREAD_MAX = 1e-9  # log-odds that boosters and what is read of them may lie apart
PURIFYING_ROUNDS, PURE = 100, 1e-9

WeighedBooster = tuple[lgb.Booster, float]  # and its share in the sum
BinMask = npt.NDArray[np.bool_]
Boxes = Mapping[int, BinMask]  # for each feature that a path has split: the bins that are left


@dataclass(frozen=True, slots=True)
class TreeParts:
    """What the leaves add up to: a constant, values by the bins of one feature, and by the bins of two."""

    constant: float
    effects: dict[int, Floats]
    tables: dict[Pair, Floats]


def read_boosters(boosters: Sequence[WeighedBooster], rows: FeatureBins, own: Floats | None = None) -> AdditiveModel:
    """The weighed sum of the boosters as an additive model, purified over these rows, on which both agree.

    `own`: what the boosters say of the rows, where that is known; otherwise they are asked.
    """
    parts = tree_parts(boosters, rows)
    model = _purified(parts, rows)
    if own is None:
        matrix = rows.matrix()
        own = sum((raw_log_odds(booster, matrix) * weight for booster, weight in boosters), np.zeros(len(matrix)))
    _demand_same(model, own, rows)
    return _with_neutral_bins(model, rows)


def tree_parts(boosters: Sequence[WeighedBooster], rows: FeatureBins) -> TreeParts:
    """The leaves of all trees, added up box by box."""
    reader = _TreeReader(rows, [block.binning.size for block in rows.blocks], rows.owners)
    for booster, weight in boosters:
        for tree in booster.dump_model()["tree_info"]:
            reader.descend(tree["tree_structure"], {}, weight)
    by_key = {key: _Leaves.of(leaves) for key, leaves in sorted(reader.leaves.items())}
    return TreeParts(
        sum(value for _, value in reader.leaves.get((), [])),
        {key[0]: leaves.in_one() for key, leaves in by_key.items() if len(key) == 1},
        {(key[0], key[1]): leaves.in_two() for key, leaves in by_key.items() if len(key) == 2},
    )


@dataclass(frozen=True, slots=True)
class _Leaves:
    """All leaves of one feature, or of one pair: the bins that each reaches, 1 or 0, and its value."""

    boxes: list[Floats]  # a feature each: [leaves, bins]
    values: Floats

    @classmethod
    def of(cls, leaves: list[tuple[list[BinMask], float]]) -> _Leaves:
        boxes = [np.array(masks, dtype=np.float64) for masks in zip(*(masks for masks, _ in leaves), strict=True)]
        return cls(boxes, np.array([value for _, value in leaves]))

    def in_one(self) -> Floats:
        """Their sum by the bins of the one feature."""
        total: Floats = np.einsum("l,lb->b", self.values, self.boxes[0])
        return total

    def in_two(self) -> Floats:
        """Their sum by the bins of both; einsum adds in one order, whatever the machine has to multiply matrices."""
        total: Floats = np.einsum("lb,lc->bc", self.boxes[0] * self.values[:, None], self.boxes[1])
        return total


@dataclass(frozen=True, slots=True)
class _TreeReader:
    rows: FeatureBins
    sizes: list[int]  # how many bins each feature has
    owners: list[tuple[int, int | None]]
    leaves: dict[tuple[int, ...], list[tuple[list[BinMask], float]]] = field(default_factory=dict)

    def descend(self, node: dict[str, Any], boxes: Boxes, weight: float) -> None:
        """Note the leaves below a node that the bins in `boxes` reach."""
        if "split_feature" not in node:
            key = tuple(sorted(boxes))
            assert len(key) <= 2, f"a path splits {len(key)} features"
            self.leaves.setdefault(key, []).append(([boxes[k] for k in key], node["leaf_value"] * weight))
            return
        feature, flag = self.owners[node["split_feature"]]
        left = self._goes_left(node, feature, flag)
        before = boxes.get(feature, np.ones(self.sizes[feature], bool))
        self.descend(node["left_child"], {**boxes, feature: before & left}, weight)
        self.descend(node["right_child"], {**boxes, feature: before & ~left}, weight)

    def _goes_left(self, node: dict[str, Any], feature: int, flag: int | None) -> BinMask:
        """Which bins of the feature go left. A column of flags parts one bin from all others."""
        numbers = np.arange(self.sizes[feature])
        if flag is not None:
            others: BinMask = numbers != flag
            return others
        left: BinMask = numbers <= node["threshold"]
        # LightGBM takes what has no amount for 0 in a column in which no amount was missing when it learned.
        without = node["default_left"] if node["missing_type"] == "NaN" else node["threshold"] >= 0
        left[self.rows.blocks[feature].binning.without_amount] = without
        return left


def _demand_same(model: AdditiveModel, by_boosters: Floats, rows: FeatureBins) -> None:
    """A booster that is read wrongly gives a card that nothing else would notice: it ranks, only worse."""
    misread = np.abs(_log_odds_of_bins(model, rows) - by_boosters)
    assert misread.max() < MISREAD_MAX, f"{int((misread >= MISREAD_MAX).sum())} rows are misread"


def _log_odds_of_bins(model: AdditiveModel, rows: FeatureBins) -> Floats:
    """The model's log-odds of rows whose bins are known, without placing any amount again."""
    number = {block.feature.name: k for k, block in enumerate(rows.blocks)}
    total = np.full(len(rows.bins[0]), model.intercept)

    def bins_in(binning: Binning) -> BinNumbers:
        k = number[binning.feature]
        return coarser(rows.blocks[k].binning, binning)[rows.bins[k]]

    for effect in model.main_effects:
        total += effect.values[bins_in(effect.binning)]
    for table in model.interactions:
        total += table.values[bins_in(table.row), bins_in(table.column)]
    return total


# ------------------------------------------------------------------ purifying


@dataclass(slots=True)
class _Table:
    """A table on its own cuts. `rows`: how many rows each cell has; `along` gives its bin for each bin of a feature."""

    pair: Pair
    binnings: tuple[Binning, Binning]
    along: tuple[BinNumbers, BinNumbers]
    values: Floats
    rows: FeatureColumn

    def purify_once(self) -> list[Floats]:
        """Take the means of its lines out of it: for each of its features, the part that is that feature's alone."""
        means = []
        for axis in (0, 1):
            mean = line_means(self.values if axis == 0 else self.values.T, self.rows if axis == 0 else self.rows.T)
            self.values -= mean[:, None] if axis == 0 else mean[None, :]
            means.append(mean)
        return means


def line_means(values: Floats, rows: FeatureColumn) -> Floats:
    """The mean of each line of a table over its rows; of a line without rows, over those of the whole table."""
    columns = rows.sum(0)
    weights = np.where(rows.sum(1)[:, None] > 0, rows, columns if columns.any() else 1)
    means: Floats = (values * weights).sum(1) / weights.sum(1)
    return means


def pure_variance(values: Floats, rows: FeatureColumn) -> float:
    """The variance that a table adds beyond its two features alone."""
    numbers = np.arange(max(values.shape))
    nothing = Binning("", ())
    along = (numbers[: values.shape[0]], numbers[: values.shape[1]])
    table = _Table((0, 1), (nothing, nothing), along, values.copy(), rows)
    for _ in range(PURIFYING_ROUNDS):
        if max(float(np.abs(mean).max()) for mean in table.purify_once()) < PURE:
            break
    return float((table.values**2 * rows).sum() / rows.sum())


def count_pairs(rows: FeatureBins, pair: Pair) -> FeatureColumn:
    """How many rows are in each cell of two features: [bins of one, bins of the other]."""
    one, other = (rows.blocks[k].binning.size for k in pair)
    cells = rows.bins[pair[0]] * other + rows.bins[pair[1]]
    return np.bincount(cells, minlength=one * other).reshape(one, other).astype(np.int64)


def coarser(fine: Binning, coarse: Binning) -> BinNumbers:
    """For each bin of `fine`, the bin of `coarse` that it lies in; the cuts of `coarse` are among those of `fine`."""
    of_amounts = np.searchsorted(coarse.cuts, [fine.cuts[0] - 1 if fine.cuts else 0, *fine.cuts], side="right")
    return np.append(of_amounts, coarse.size - 1).astype(np.intp)


def _purified(parts: TreeParts, rows: FeatureBins) -> AdditiveModel:
    """The parts as a model: tables that say nothing of one feature alone, effects whose mean is 0."""
    effects = [parts.effects.get(k, np.zeros(block.binning.size)) for k, block in enumerate(rows.blocks)]
    tables = [_table_of(pair, values, rows) for pair, values in sorted(parts.tables.items())]
    for _ in range(PURIFYING_ROUNDS):
        moved = 0.0
        for table in tables:
            for k, along, mean in zip(table.pair, table.along, table.purify_once(), strict=True):
                effects[k] = effects[k] + mean[along]
                moved = max(moved, float(np.abs(mean).max()))
        if moved < PURE:
            break
    intercept, main_effects = parts.constant, []
    for block, bins, values in zip(rows.blocks, rows.bins, effects, strict=True):
        count = np.bincount(bins, minlength=block.binning.size).astype(np.int64)
        centre = float(np.average(values, weights=count))
        intercept += centre
        main_effects.append(_effect_of(block.binning, values - centre, count))
    return AdditiveModel(
        intercept, tuple(main_effects), tuple(_as_interaction(table, main_effects) for table in tables)
    )


def _table_of(pair: Pair, values: Floats, rows: FeatureBins) -> _Table:
    fine = [rows.blocks[k].binning for k in pair]
    row, column = _own_cuts(fine[0], values), _own_cuts(fine[1], values.T)
    along = (coarser(fine[0], row), coarser(fine[1], column))
    first = [np.searchsorted(numbers, np.arange(numbers[-1] + 1)) for numbers in along]
    cells = along[0][rows.bins[pair[0]]] * column.size + along[1][rows.bins[pair[1]]]
    count = np.bincount(cells, minlength=row.size * column.size).reshape(row.size, column.size).astype(np.int64)
    return _Table(pair, (row, column), along, values[np.ix_(first[0], first[1])], count)


def _effect_of(fine: Binning, values: Floats, rows: FeatureColumn) -> MainEffect:
    own = _own_cuts(fine, values[:, None])
    along = coarser(fine, own)
    first = np.searchsorted(along, np.arange(own.size))
    return MainEffect(own, values[first], np.bincount(along, rows, minlength=own.size).astype(np.int64))


def _as_interaction(table: _Table, effects: Sequence[MainEffect]) -> Interaction:
    """The table; the feature that moves the score more comes first, since the table belongs to its group."""
    row, column = table.binnings
    one, other = (float((effects[k].values ** 2 * effects[k].rows).sum()) for k in table.pair)
    if one >= other:
        return Interaction(row, column, table.values, table.rows)
    return Interaction(column, row, table.values.T, table.rows.T)


def _own_cuts(fine: Binning, lines: Floats) -> Binning:
    """The binning with those cuts alone at which the lines differ; each code keeps its bin."""
    fixed = {cut for number in fine.special_bins for cut in (number - 1, number)}
    differs = (lines[1:-1] != lines[:-2]).any(1)
    cuts = tuple(cut for place, cut in enumerate(fine.cuts) if differs[place] or place in fixed)
    special = frozenset(cuts.index(fine.cuts[number - 1]) + 1 for number in fine.special_bins)
    return Binning(fine.feature, cuts, special)


# ------------------------------------------------------------------ what no row says


def _with_neutral_bins(model: AdditiveModel, rows: FeatureBins) -> AdditiveModel:
    """The model with the mean in the bins of what no row has, and of what the plan calls `neutral`.

    A booster that never saw a missing value, or a code, still says something about it, which would be chance.
    """
    neutral_missing = {block.feature.name for block in rows.blocks if block.feature.neutral}

    def neutral(values: Floats, count: FeatureColumn, binning: Binning) -> Floats:
        """The same along the first axis of `values`; `count` has the rows of each bin."""
        unseen = [number for number in binning.without_amount if not count[number]]
        if binning.feature in neutral_missing:
            unseen = [*unseen, binning.size - 1]
        known = np.delete(np.arange(binning.size), unseen)
        values = values.copy()
        values[unseen] = np.average(values[known], axis=0, weights=count[known]) if count[known].any() else 0.0
        return values

    def neutral_table(part: Interaction) -> Interaction:
        values = neutral(part.values, part.rows.sum(1), part.row)
        return replace(part, values=neutral(values.T, part.rows.sum(0), part.column).T)

    return model.map_parts(
        lambda effect: replace(effect, values=neutral(effect.values, effect.rows, effect.binning)), neutral_table
    )
