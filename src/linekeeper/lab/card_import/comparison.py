"""An imported card beside the model's own predictions, row by row, to the last point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from random import Random

import numpy as np
import numpy.typing as npt

from linekeeper.core.bounds import MISSING, MONEY_MAX
from linekeeper.lab.card_import.lender_model import LenderModel
from linekeeper.lab.card_import.model_columns import ModelColumn
from linekeeper.lab.card_import.trees_of_model import PointsLine
from linekeeper.scorecard.artifact import Artifact
from linekeeper.scorecard.many import FeatureColumns, score_many
from linekeeper.scorecard.trees import POINT_PARTS_MAX, cuts_of_feature

Outputs = npt.NDArray[np.float64]
ROWS_NAMED_MAX = 5
HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class DifferingRow:
    """A row whose points are not those of the model: the values of its features, and both points."""

    values: dict[str, int | None]
    card: int
    model: int
    model_output: float


@dataclass(frozen=True, slots=True)
class CardAndModel:
    """How many rows have the model's own points.

    `at_half_point`: rows whose exact score lies so near to a half point that the model's own arithmetic, which rounds,
    falls on the other side. `differing`: all other rows that differ; none, where the card is what the model says.
    """

    rows: int
    equal: int
    at_half_point: int
    differing: int
    first_differing: tuple[DifferingRow, ...]
    first_at_half_point: tuple[DifferingRow, ...]


def compare_rows(
    artifact: Artifact, model: LenderModel, line: PointsLine, columns: FeatureColumns, outputs: Outputs
) -> CardAndModel:
    """Hold the card against what the model says of the same rows, its log-odds or its probability."""
    score = artifact.score
    points = score_many(score, columns).score
    reach_of_rounding = abs(line.slope) * Fraction(model.rounding)
    reach_of_rounding += Fraction(len(score.trees[0].roots), POINT_PARTS_MAX)
    at_half_point: list[DifferingRow] = []
    differing: list[DifferingRow] = []
    for row, output in enumerate(outputs.tolist()):
        exact = line.points(output)
        own = floor(exact + HALF)
        if own == points[row]:
            continue
        values = {name: None if column[row] == MISSING else int(column[row]) for name, column in columns.items()}
        # The edge between two neighbouring scores lies half a point above the lower one.
        edge = min(own, int(points[row])) + HALF
        near = abs(own - int(points[row])) == 1 and abs(exact - edge) <= reach_of_rounding
        (at_half_point if near else differing).append(DifferingRow(values, int(points[row]), own, output))
    equal = len(outputs) - len(at_half_point) - len(differing)
    return CardAndModel(
        len(outputs),
        equal,
        len(at_half_point),
        len(differing),
        tuple(differing[:ROWS_NAMED_MAX]),
        tuple(at_half_point[:ROWS_NAMED_MAX]),
    )


def sample_rows(artifact: Artifact, columns: Sequence[ModelColumn], rows: int, seed: int = 0) -> FeatureColumns:
    """Rows by chance for the features of a card of trees: at its cuts, beside them, between them, and missing."""
    rng, trees = Random(seed), artifact.score.trees[0]
    of_feature = {column.feature: column for column in columns}
    drawn = {}
    for name in trees.features:
        column, cuts = of_feature[name], cuts_of_feature(trees, name)
        near = sorted({value for cut in cuts for value in (cut - 1, cut, cut + 1) if abs(value) <= MONEY_MAX})
        if any(choice >= 0 for node, choice in enumerate(trees.choices) if trees.features[trees.feature[node]] == name):
            near = list(range(len(column.choices) or max(near, default=0) + 2))
        low, high = min(near, default=0), max(near, default=0)
        values = [
            MISSING if rng.random() < 0.1 else rng.choice(near) if rng.random() < 0.6 else rng.randint(low, high)
            for _ in range(rows)
        ]
        drawn[name] = np.array(values, dtype=np.int64)
    return drawn


def matrix_of(columns: FeatureColumns, of_model: Sequence[ModelColumn]) -> Outputs:
    """The rows as the model reads them: amounts with their decimals, NaN where a value is missing."""
    rows = len(next(iter(columns.values())))
    matrix = np.full((rows, len(of_model)), np.nan)
    for place, column in enumerate(of_model):
        if column.feature not in columns:
            matrix[:, place] = 0.0  # no tree reads it
            continue
        values = columns[column.feature].copy()
        if column.missing_as is not None:
            values[values == MISSING] = column.missing_as
        known = values != MISSING
        if column.missing_code is not None:
            known &= values != column.missing_code
        matrix[known, place] = values[known] / 10**column.decimals if column.decimals else values[known]
    return matrix


def own_outputs(data: str, model: LenderModel, matrix: Outputs, rounds: int | None = None) -> Outputs | None:
    """What the model's own library says of the rows; None where it is not installed, or where there is none.

    `data` is the text of the model's file.
    """
    if model.made_by == "LightGBM":
        return _of_lightgbm(data, model, matrix)
    if model.made_by == "XGBoost":
        return _of_xgboost(data, model, matrix, rounds)
    return None


def _of_lightgbm(data: str, model: LenderModel, matrix: Outputs) -> Outputs | None:
    try:
        import lightgbm
    except ModuleNotFoundError:
        return None
    booster = lightgbm.Booster(model_str=data)
    # Of a forest that averages these are sums too; `factor` holds the mean.
    return np.asarray(booster.predict(matrix, raw_score=True, num_threads=1), dtype=np.float64) * model.factor


def _of_xgboost(data: str, model: LenderModel, matrix: Outputs, rounds: int | None) -> Outputs | None:
    try:
        import xgboost
    except ModuleNotFoundError:
        return None
    booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(data.encode()))
    rows = xgboost.DMatrix(
        matrix,
        feature_names=booster.feature_names,
        feature_types=booster.feature_types,
        enable_categorical=True,
        nthread=1,
    )
    until = rounds or 0
    return np.asarray(booster.predict(rows, output_margin=True, iteration_range=(0, until)), dtype=np.float64)
