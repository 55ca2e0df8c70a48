"""Boosted trees held to one feature, or one pair, a tree; read back exactly as piecewise-constant functions.

An unconstrained forest learns first, and the additive model learns the forest's probabilities, not the noisy 0/1
labels (Tan, Caruana, Hooker, Lou: Distill-and-Compare, 2018): the shapes come out smoother and rank better. Then pairs
are ranked by what they could still gain (FAST; Lou, Caruana, Gehrke, Hooker: GA2M, 2013) and the best get a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from linekeeper.core.bounds import MISSING
from linekeeper.lab.fit.additive_model import (
    Additive,
    Axis,
    Curve,
    Floats,
    Surface,
    counted,
    counted_cells,
)
from linekeeper.lab.fit.design_matrix import Block, blocks_of, design_matrix, spread
from linekeeper.lab.fit.pairs import Pair, best_pairs
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.scorecard.many import Column, Columns

if TYPE_CHECKING:
    from lightgbm import Booster

FOREST = {"num_leaves": 15, "learning_rate": 0.05, "max_bin": 31, "lambda_l2": 20.0, "min_data_in_leaf": 50}
FOREST_ROUNDS, FOREST_SEEDS = 200, 3
PLAIN, PLAIN_ROUNDS = {"max_bin": 255, "bagging_freq": 0, "feature_fraction": 1.0}, 100  # as LightGBM comes
MAIN = {"num_leaves": 2, "learning_rate": 0.1, "max_bin": 31, "lambda_l2": 5.0, "min_data_in_leaf": 20}
MAIN_ROUNDS = 600
TABLES = {"num_leaves": 8, "learning_rate": 0.1, "max_bin": 31, "lambda_l2": 5.0, "min_data_in_leaf": 20}
TABLES_ROUNDS, LOOK_ROUNDS = 400, 40
AMOUNT_MAX = 1e18
THREADS = 1  # in every call: LightGBM keeps one number for the whole process, and folds are fitted side by side
ROWS_A_TABLE = 500  # a small set earns few tables


@dataclass(frozen=True, slots=True)
class Forest:
    """LightGBM without limits: the teacher, and the yardstick."""

    boosters: tuple[Booster, ...]
    blocks: tuple[Block, ...]

    def log_odds(self, columns: Columns) -> Floats:
        """Mean log-odds of bad over the boosters, for each row."""
        matrix = design_matrix(list(self.blocks), columns)
        said: Floats = np.mean([_raw(booster, matrix) for booster in self.boosters], axis=0)
        return said


def fit_forest(table: TrainingTable, plan: FitPlan) -> Forest:
    """An unconstrained forest on the labels: the mean of a few seeds."""
    blocks = blocks_of(plan, table.features)
    matrix = design_matrix(blocks, table.features)
    label = table.label.astype(np.float64)
    boosters = tuple(
        train(matrix, label, plan, FOREST_ROUNDS, FOREST, seed=plan.seed + seed) for seed in range(FOREST_SEEDS)
    )
    return Forest(boosters, tuple(blocks))


def fit_plain(table: TrainingTable, plan: FitPlan) -> Forest:
    """One LightGBM with the settings that it comes with, to compare with."""
    blocks = blocks_of(plan, table.features)
    matrix = design_matrix(blocks, table.features)
    return Forest((train(matrix, table.label.astype(np.float64), plan, PLAIN_ROUNDS, PLAIN),), tuple(blocks))


def fit_additive(table: TrainingTable, plan: FitPlan, forest: Forest | None = None) -> Additive:
    """Main effects, and at most `plan.tables_max` tables, monotone where the plan says so; all cuts still there."""
    columns = table.features
    blocks = blocks_of(plan, columns)
    matrix = design_matrix(blocks, columns)
    taught = 1 / (1 + np.exp(-(forest or fit_forest(table, plan)).log_odds(columns)))
    main = train(matrix, taught, plan, MAIN_ROUNDS, MAIN, [block.columns for block in blocks], _signs(blocks))
    intercept, curves = _read_curves(main, blocks, columns)
    count = min(plan.tables_max, len(table) // ROWS_A_TABLE)
    if not count or len(blocks) < 2:
        return Additive(intercept, curves)
    tables = _Tables(blocks, columns, taught, _raw(main, matrix), plan)
    pairs = best_pairs(taught, tables.start, blocks, columns, count, lambda found: tables.fit(found, LOOK_ROUNDS)[1])
    pairs = [_by_strength(pair, curves) for pair in pairs]
    added, surfaces = _read_surfaces(tables.fit(pairs, TABLES_ROUNDS)[0], _copies(blocks, pairs), columns)
    return Additive(intercept + added, curves, surfaces)


@dataclass(frozen=True, slots=True)
class _Tables:
    """Boosting of pairs on top of the main effects, whose log-odds are `start`."""

    blocks: list[Block]
    columns: Columns
    taught: Floats
    start: Floats
    plan: FitPlan

    def fit(self, pairs: Sequence[Pair], rounds: int) -> tuple[Booster, Floats]:
        """The booster of the pairs, and the log-odds with it."""
        copies = _copies(self.blocks, pairs)
        every = [block for pair in copies for block in pair]
        held = [[*row.columns, *column.columns] for row, column in copies]
        wide = design_matrix(every, self.columns)
        booster = train(wide, self.taught, self.plan, rounds, TABLES, held, _signs(every), self.start)
        return booster, self.start + _raw(booster, wide)


def train(
    matrix: Floats,
    target: Floats,
    plan: FitPlan,
    rounds: int,
    settings: dict[str, Any],
    held: list[list[int]] | None = None,
    signs: list[int] | None = None,
    start: Floats | None = None,
    seed: int | None = None,
) -> Booster:
    """LightGBM on probabilities. `held`: columns that may meet in one tree; `start`: log-odds to begin from."""
    import lightgbm as lgb

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
    if held is not None:
        chosen["interaction_constraints"] = held
    if signs is not None and any(signs):
        chosen |= {"monotone_constraints": signs, "monotone_constraints_method": "intermediate"}
    told = {"verbose": -1, "max_bin": settings["max_bin"], "num_threads": THREADS}
    data = lgb.Dataset(matrix, target, init_score=start, params=told)
    return lgb.train(chosen, data, rounds)


# ------------------------------------------------------------------ reading the trees


def _read_curves(booster: Booster, blocks: list[Block], columns: Columns) -> tuple[float, tuple[Curve, ...]]:
    """The intercept and one curve a feature: their sum is what the booster says, at every point."""
    cuts = _cuts(booster)
    base = np.zeros((1, booster.num_feature()))
    intercept = float(_raw(booster, base)[0])
    curves = []
    for block in blocks:
        axis = _axis(block, cuts.get(block.start, set()))
        points = np.repeat(base, axis.places, axis=0)
        points[:, block.columns] = np.column_stack(spread(block, _samples(axis)))
        rows = counted(axis, columns)
        curves.append(Curve(axis, _settled(_raw(booster, points) - intercept, rows, block), rows))
    return intercept, tuple(curves)


def _read_surfaces(
    booster: Booster, pairs: list[tuple[Block, Block]], columns: Columns
) -> tuple[float, tuple[Surface, ...]]:
    cuts = _cuts(booster)
    base = np.zeros((1, booster.num_feature()))
    intercept = float(_raw(booster, base)[0])
    surfaces = []
    for row_block, column_block in pairs:
        row, column = (_axis(block, cuts.get(block.start, set())) for block in (row_block, column_block))
        points = np.repeat(base, row.places * column.places, axis=0)
        points[:, row_block.columns] = np.column_stack(spread(row_block, np.repeat(_samples(row), column.places)))
        points[:, column_block.columns] = np.column_stack(spread(column_block, np.tile(_samples(column), row.places)))
        rows = counted_cells(row, column, columns)
        values = (_raw(booster, points) - intercept).reshape(row.places, column.places)
        values = np.column_stack([_settled(line, rows.sum(1), row_block) for line in values.T])
        values = np.vstack([_settled(line, rows.sum(0), column_block) for line in values])
        surfaces.append(Surface(row, column, values, rows))
    return intercept, tuple(surfaces)


def _axis(block: Block, cuts: set[int]) -> Axis:
    codes = [code for code in block.codes if code != MISSING]
    every = sorted(cuts.union(*((code, code + 1) for code in codes)))
    return Axis(block.feature.name, tuple(every), frozenset(every.index(code) + 1 for code in codes))


def _samples(axis: Axis) -> Column:
    """One value of each bin, missing last."""
    first = axis.cuts[0] - 1 if axis.cuts else 0
    return np.array([first, *axis.cuts, MISSING], dtype=np.int64)


def _settled(values: Floats, rows: Column, block: Block) -> Floats:
    """What was never missing in the data, or is neutral there, gets the mean: a missing value then says nothing."""
    if MISSING in block.codes and not block.feature.neutral:
        return values
    return np.append(values[:-1], np.average(values[:-1], weights=rows[:-1]))


def _cuts(booster: Booster) -> dict[int, set[int]]:
    """The whole-number cuts of each column: a tree sends `value <= t` left, so the bin above begins at floor(t) + 1."""
    cuts: dict[int, set[int]] = {}
    for tree in booster.dump_model()["tree_info"]:
        for node in _splits(tree["tree_structure"]):
            if node["threshold"] > AMOUNT_MAX:  # only tells missing from the rest
                continue
            cuts.setdefault(node["split_feature"], set()).add(int(np.floor(node["threshold"])) + 1)
    return cuts


def _splits(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "split_feature" in node:
        yield node
        yield from _splits(node["left_child"])
        yield from _splits(node["right_child"])


# ------------------------------------------------------------------ pieces


def _raw(booster: Booster, matrix: Floats) -> Floats:
    return np.asarray(booster.predict(matrix, raw_score=True, num_threads=THREADS), dtype=np.float64)


def _signs(blocks: Sequence[Block]) -> list[int]:
    return [sign for block in blocks for sign in block.monotone]


def _copies(blocks: list[Block], pairs: Sequence[Pair]) -> list[tuple[Block, Block]]:
    """Columns of their own for each pair, so that a tree which begins in a pair stays in it."""
    found = []
    start = 0
    for pair in pairs:
        copies = []
        for index in pair:
            block = blocks[index]
            copies.append(Block(block.feature, start, block.codes))
            start += 1 + len(block.codes)
        found.append((copies[0], copies[1]))
    return found


def _by_strength(pair: Pair, curves: tuple[Curve, ...]) -> Pair:
    """The feature that moves the score more comes first: the table belongs to its group."""

    def strength(index: int) -> float:
        curve = curves[index]
        mean = np.average(curve.values, weights=curve.rows)
        return float(np.average((curve.values - mean) ** 2, weights=curve.rows))

    first, second = pair
    return pair if strength(first) >= strength(second) else (second, first)
