"""Boosted trees held to one feature, or one pair, a tree; read back exactly as piecewise-constant functions.

An unconstrained forest learns first, and the additive model learns the forest's probabilities, not the noisy 0/1
labels (Tan, Caruana, Hooker, Lou: Distill-and-Compare, 2018): the shapes come out smoother and rank better. Then pairs
are ranked by what they could still gain (FAST; Lou, Caruana, Gehrke, Hooker: GA2M, 2013) and the best get a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from linekeeper.core.bounds import MISSING
from linekeeper.lab.fit.additive_model import AdditiveModel, Binning, Floats, Interaction, MainEffect, count_cells
from linekeeper.lab.fit.design_matrix import FeatureBlock, design_matrix, feature_blocks
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.scaling import probability
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.scorecard.many import FeatureColumn, FeatureColumns

FOREST = {"num_leaves": 15, "learning_rate": 0.05, "max_bin": 31, "lambda_l2": 20.0, "min_data_in_leaf": 50}
FOREST_ROUNDS, FOREST_SEEDS = 200, 3
UNTUNED, UNTUNED_ROUNDS = {"max_bin": 255, "bagging_freq": 0, "feature_fraction": 1.0}, 100  # as LightGBM comes
MAIN = {"num_leaves": 2, "learning_rate": 0.1, "max_bin": 31, "lambda_l2": 5.0, "min_data_in_leaf": 20}
MAIN_ROUNDS = 600
TABLES = {"num_leaves": 8, "learning_rate": 0.1, "max_bin": 31, "lambda_l2": 5.0, "min_data_in_leaf": 20}
TABLES_ROUNDS, PAIR_CHOICE_ROUNDS = 400, 40
AMOUNT_MAX = 1e18
MISREAD_MAX = 1e-9  # log-odds that a booster and what is read of it may lie apart
THREADS = 1  # in every call: LightGBM keeps one number for the whole process, and folds are fitted side by side
ROWS_A_TABLE = 500  # a small set earns few tables
GRID_BINS = 12  # quantile bins a feature, to rank pairs
CELL_PRIOR_WEIGHT = 5.0  # added to the weight of each cell: a few rows alone show nothing

Pair = tuple[int, int]  # indices of two features


@dataclass(frozen=True, slots=True)
class Forest:
    """LightGBM without limits: the additive model learns from it and is compared with it."""

    boosters: tuple[lgb.Booster, ...]
    blocks: tuple[FeatureBlock, ...]

    def log_odds(self, columns: FeatureColumns) -> Floats:
        """Mean log-odds of bad over the boosters, for each row."""
        matrix = design_matrix(list(self.blocks), columns)
        mean: Floats = np.mean([_log_odds(booster, matrix) for booster in self.boosters], axis=0)
        return mean


def fit_forest(table: TrainingTable, plan: FitPlan) -> Forest:
    """An unconstrained forest on the labels: the mean of a few seeds."""
    blocks = feature_blocks(plan, table.features)
    matrix = design_matrix(blocks, table.features)
    label = table.label.astype(np.float64)
    boosters = tuple(
        train_booster(matrix, label, plan, FOREST_ROUNDS, FOREST, seed=plan.seed + seed) for seed in range(FOREST_SEEDS)
    )
    return Forest(boosters, tuple(blocks))


def fit_untuned_forest(table: TrainingTable, plan: FitPlan) -> Forest:
    """One LightGBM with the settings that it comes with, to compare with."""
    blocks = feature_blocks(plan, table.features)
    matrix = design_matrix(blocks, table.features)
    label = table.label.astype(np.float64)
    return Forest((train_booster(matrix, label, plan, UNTUNED_ROUNDS, UNTUNED),), tuple(blocks))


def fit_additive(table: TrainingTable, plan: FitPlan, forest: Forest | None = None) -> AdditiveModel:
    """Main effects, and at most `plan.tables_max` tables, monotone where the plan says so; all cuts still there.

    `forest`: the one to learn from, where it has been fitted on the same rows already.
    """
    columns = table.features
    blocks = feature_blocks(plan, columns)
    matrix = design_matrix(blocks, columns)
    target = probability((forest or fit_forest(table, plan)).log_odds(columns))
    one_feature_a_tree = [block.columns for block in blocks]
    main = train_booster(matrix, target, plan, MAIN_ROUNDS, MAIN, one_feature_a_tree, _directions(blocks))
    initial = _log_odds(main, matrix)
    mains = _read_main_effects(main, blocks, columns)
    _demand_same(mains, initial, columns)
    mains = _with_neutral_bins(mains, blocks)
    count = min(plan.tables_max, len(table) // ROWS_A_TABLE)
    if not count or len(blocks) < 2:
        return mains
    boosting = _PairBoosting(blocks, columns, target, initial, plan)
    pairs = boosting.choose_pairs(count)
    pairs = [_stronger_first(pair, mains.main_effects) for pair in pairs]
    booster, with_tables = boosting.fit(pairs, TABLES_ROUNDS)
    tables = _read_interactions(booster, _own_columns(blocks, pairs), columns)
    _demand_same(tables, with_tables - initial, columns)
    tables = _with_neutral_bins(tables, blocks)
    return AdditiveModel(mains.intercept + tables.intercept, mains.main_effects, tables.interactions)


def train_booster(
    matrix: Floats,
    target: Floats,
    plan: FitPlan,
    rounds: int,
    settings: dict[str, Any],
    together: list[list[int]] | None = None,
    directions: list[int] | None = None,
    initial: Floats | None = None,
    seed: int | None = None,
) -> lgb.Booster:
    """LightGBM on probabilities, [rows, columns] and [rows].

    `together`: sets of columns that may meet in one tree; `directions`: a monotone constraint a column; `initial`: the
    log-odds to begin from; `seed`: another than the plan's.
    """
    chosen: dict[str, Any] = {
        "objective": "cross_entropy",
        "verbose": -1,
        "seed": plan.seed if seed is None else seed,
        "num_threads": THREADS,
        "deterministic": True,
        "force_row_wise": True,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "feature_fraction": 0.5,
        **settings,
    }
    if together is not None:
        chosen["interaction_constraints"] = together
    if directions is not None and any(directions):
        chosen |= {"monotone_constraints": directions, "monotone_constraints_method": "intermediate"}
    of_data = {"verbose": -1, "max_bin": settings["max_bin"], "num_threads": THREADS}
    return lgb.train(chosen, lgb.Dataset(matrix, target, init_score=initial, params=of_data), rounds)


# ------------------------------------------------------------------ pairs


@dataclass(frozen=True, slots=True)
class _PairBoosting:
    """Boosting of pairs on top of the main effects, whose log-odds are `initial`; `target` are probabilities."""

    blocks: list[FeatureBlock]
    columns: FeatureColumns
    target: Floats
    initial: Floats
    plan: FitPlan

    def fit(self, pairs: Sequence[Pair], rounds: int) -> tuple[lgb.Booster, Floats]:
        """The booster of the pairs, and the log-odds with it."""
        copies = _own_columns(self.blocks, pairs)
        blocks = [block for pair in copies for block in pair]
        together = [[*row.columns, *column.columns] for row, column in copies]
        matrix = design_matrix(blocks, self.columns)
        booster = train_booster(
            matrix, self.target, self.plan, rounds, TABLES, together, _directions(blocks), self.initial
        )
        return booster, self.initial + _log_odds(booster, matrix)

    def choose_pairs(self, count: int) -> list[Pair]:
        """The `count` best pairs, one after another: each next one is judged by what the ones before it leave over."""
        grids = [_grid(self.columns[block.feature.name], block.feature.special) for block in self.blocks]
        candidates = list(combinations(range(len(self.blocks)), 2))
        chosen: list[Pair] = []
        log_odds = self.initial
        while len(chosen) < min(count, len(candidates)):
            if chosen:
                _, log_odds = self.fit(chosen, PAIR_CHOICE_ROUNDS)
            pd = probability(log_odds)
            slope, weight = self.target - pd, pd * (1 - pd)
            gains = [-1.0 if pair in chosen else _gain(grids, pair, slope, weight) for pair in candidates]
            chosen.append(candidates[int(np.argmax(gains))])
        return chosen


def _gain(grids: list[tuple[npt.NDArray[np.intp], int]], pair: Pair, slope: Floats, weight: Floats) -> float:
    """The log-likelihood that one Newton step in each cell of the pair's grid would win."""
    (row, _), (column, width) = grids[pair[0]], grids[pair[1]]
    cells = row * width + column
    slopes, weights = np.bincount(cells, slope), np.bincount(cells, weight)
    return float((slopes**2 / (weights + CELL_PRIOR_WEIGHT)).sum())


def _grid(values: FeatureColumn, special: tuple[int, ...]) -> tuple[npt.NDArray[np.intp], int]:
    """Each row's quantile bin (codes and missing have their own), and how many bins there are."""
    codes = (MISSING, *special)
    has_amount = ~np.isin(values, codes)
    amounts = values[has_amount] if has_amount.any() else values
    edges = np.unique(np.quantile(amounts, np.linspace(0, 1, GRID_BINS + 1)[1:-1]))
    bins = np.searchsorted(edges, values, side="right")
    for index, code in enumerate(codes):
        bins[values == code] = len(edges) + 1 + index
    return bins, len(edges) + 1 + len(codes)


def _own_columns(blocks: list[FeatureBlock], pairs: Sequence[Pair]) -> list[tuple[FeatureBlock, FeatureBlock]]:
    """Columns of their own for each pair, so that a tree which begins in a pair stays in it."""
    copies = []
    start = 0
    for pair in pairs:
        own = []
        for index in pair:
            block = blocks[index]
            own.append(FeatureBlock(block.feature, start, block.codes))
            start += 1 + len(block.codes)
        copies.append((own[0], own[1]))
    return copies


def _stronger_first(pair: Pair, effects: tuple[MainEffect, ...]) -> Pair:
    """The feature that moves the score more comes first: the table belongs to its group."""

    def variance(index: int) -> float:
        effect = effects[index]
        mean = np.average(effect.values, weights=effect.rows)
        return float(np.average((effect.values - mean) ** 2, weights=effect.rows))

    first, second = pair
    return pair if variance(first) >= variance(second) else (second, first)


# ------------------------------------------------------------------ reading the trees


def _read_main_effects(booster: lgb.Booster, blocks: list[FeatureBlock], columns: FeatureColumns) -> AdditiveModel:
    """The intercept and one effect a feature: their sum is what the booster says, at every point.

    Each effect is read by asking the booster at one point of each bin, with all other features at a fixed point.
    """
    cuts = _cuts(booster)
    origin = np.zeros((1, booster.num_feature()))
    intercept = float(_log_odds(booster, origin)[0])
    effects = []
    for block in blocks:
        binning = _binning(block, cuts.get(block.start, set()))
        points = np.repeat(origin, binning.size, axis=0)
        points[:, block.columns] = _point_of_each_bin(block, binning)
        effects.append(MainEffect(binning, _log_odds(booster, points) - intercept, binning.count(columns)))
    return AdditiveModel(intercept, tuple(effects))


def _read_interactions(
    booster: lgb.Booster, pairs: list[tuple[FeatureBlock, FeatureBlock]], columns: FeatureColumns
) -> AdditiveModel:
    """The same for pairs: the intercept and one table a pair."""
    cuts = _cuts(booster)
    origin = np.zeros((1, booster.num_feature()))
    intercept = float(_log_odds(booster, origin)[0])
    interactions = []
    for row_block, column_block in pairs:
        row, column = (_binning(block, cuts.get(block.start, set())) for block in (row_block, column_block))
        points = np.repeat(origin, row.size * column.size, axis=0)
        points[:, row_block.columns] = np.repeat(_point_of_each_bin(row_block, row), column.size, axis=0)
        points[:, column_block.columns] = np.tile(_point_of_each_bin(column_block, column), (row.size, 1))
        values = (_log_odds(booster, points) - intercept).reshape(row.size, column.size)
        interactions.append(Interaction(row, column, values, count_cells(row, column, columns)))
    return AdditiveModel(intercept, (), tuple(interactions))


def _demand_same(model: AdditiveModel, by_booster: Floats, columns: FeatureColumns) -> None:
    """A booster that is read wrongly gives a card that nothing else would notice: it ranks, only worse."""
    misread = np.abs(model.log_odds(columns) - by_booster)
    assert misread.max() < MISREAD_MAX, f"{int((misread >= MISREAD_MAX).sum())} rows are misread"


def _binning(block: FeatureBlock, cuts: set[int]) -> Binning:
    """The bins between a booster's cuts; each declared code has its own, whether it occurs or not."""
    codes = block.feature.special
    every = sorted(cuts.union(*((code, code + 1) for code in codes)))
    return Binning(block.feature.name, tuple(every), frozenset(every.index(code) + 1 for code in codes))


def _point_of_each_bin(block: FeatureBlock, binning: Binning) -> Floats:
    """The columns of the block at one point of each bin, missing last: [bins, columns].

    A bin of amounts is an amount without a flag, whatever number it begins with; a bin of a code is a flag alone.
    """
    amounts = np.array([binning.cuts[0] - 1 if binning.cuts else 0, *binning.cuts, np.nan])
    flags = np.zeros((binning.size, len(block.codes)))
    code_of_bin = {number: binning.cuts[number - 1] for number in binning.special_bins}
    for number, code in {**code_of_bin, binning.size - 1: MISSING}.items():
        amounts[number] = np.nan
        if code in block.codes:
            flags[number, block.codes.index(code)] = 1.0
    return np.column_stack([amounts, flags])


def _with_neutral_bins(model: AdditiveModel, blocks: list[FeatureBlock]) -> AdditiveModel:
    """The model with the mean in the bins of what no row of the data has, and of what the plan calls `neutral`.

    A booster that never saw a missing value, or a code, still says something about it, which would be chance.
    """
    block_of = {block.feature.name: block for block in blocks}

    def neutral(values: Floats, rows: FeatureColumn, binning: Binning) -> Floats:
        """The same along the first axis of `values`; `rows` counts the rows of each bin."""
        block = block_of[binning.feature]
        unseen = [number for number in binning.special_bins if binning.cuts[number - 1] not in block.codes]
        if MISSING not in block.codes or block.feature.neutral:
            unseen.append(binning.size - 1)
        known = np.delete(np.arange(binning.size), unseen)
        values = values.copy()
        if rows[known].any():
            values[unseen] = np.average(values[known], axis=0, weights=rows[known])
        else:
            values[unseen] = 0.0
        return values

    def neutral_table(part: Interaction) -> Interaction:
        values = neutral(part.values, part.rows.sum(1), part.row)
        return replace(part, values=neutral(values.T, part.rows.sum(0), part.column).T)

    return model.map_parts(
        lambda effect: replace(effect, values=neutral(effect.values, effect.rows, effect.binning)), neutral_table
    )


def _cuts(booster: lgb.Booster) -> dict[int, set[int]]:
    """The whole-number cuts of each column: a tree sends `value <= t` left, so the bin above begins at floor(t) + 1."""
    cuts: dict[int, set[int]] = {}
    for tree in booster.dump_model()["tree_info"]:
        for node in _splits(tree["tree_structure"]):
            if node["threshold"] > AMOUNT_MAX:  # such a split only parts missing from the rest
                continue
            cuts.setdefault(node["split_feature"], set()).add(int(np.floor(node["threshold"])) + 1)
    return cuts


def _splits(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "split_feature" in node:
        yield node
        yield from _splits(node["left_child"])
        yield from _splits(node["right_child"])


def _log_odds(booster: lgb.Booster, matrix: Floats) -> Floats:
    return np.asarray(booster.predict(matrix, raw_score=True, num_threads=THREADS), dtype=np.float64)


def _directions(blocks: Sequence[FeatureBlock]) -> list[int]:
    return [direction for block in blocks for direction in block.directions]
