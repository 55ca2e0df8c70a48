"""Random models of each format, imported as cards, and held against the model's own predictions row by row.

    python -m tests.scorecard.imported_models --count 200 --json

A model is fitted on made-up rows with missing values, categories, zeros, decimals; its rows to compare are drawn at the
cuts of its trees, where a mistake would show.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt

from linekeeper.lab.card_import.comparison import CardAndModel, compare_rows, matrix_of, sample_rows
from linekeeper.lab.card_import.lender_model import LenderModel
from linekeeper.lab.card_import.lightgbm_text import read_lightgbm
from linekeeper.lab.card_import.model_columns import ModelColumn
from linekeeper.lab.card_import.skops_file import read_skops
from linekeeper.lab.card_import.tree_text import read_tree_text
from linekeeper.lab.card_import.trees_of_model import card_of_model, points_line
from linekeeper.lab.card_import.xgboost_json import read_xgboost
from linekeeper.scorecard.artifact import open_artifact, write_artifact
from linekeeper.scorecard.pd import Scale

Matrix = npt.NDArray[np.float64]
ROWS = 10_000
CHOICES_MOST = 40


@dataclass(frozen=True)
class Made:
    """A random model: what is read from its file, its columns, and what it says of a matrix itself."""

    model: LenderModel
    columns: tuple[ModelColumn, ...]
    predict: Callable[[Matrix], Matrix]
    what: str


@dataclass
class TrainingRows:
    """Made-up rows by chance: columns, which of them are categories, a matrix and labels."""

    columns: tuple[ModelColumn, ...]
    categories: list[int]
    matrix: Matrix
    label: npt.NDArray[np.int64]


def training_rows(rng: Random, with_categories: bool = True, with_codes: bool = False) -> TrainingRows:
    """Some columns of whole numbers, amounts, shares and categories, some values missing, some zero."""
    rows = rng.choice((300, 1_000, 3_000))
    numpy = np.random.default_rng(rng.randrange(2**32))
    columns, categories, values = [], [], []
    for place in range(rng.randint(2, 6)):
        kind = rng.choice(("count", "money", "share", "signed", "category") if with_categories else ("count", "money"))
        decimals = {"money": 2, "share": 4}.get(kind, 0)
        whole = {
            "count": numpy.integers(0, rng.choice((3, 30, 2_000)), rows),
            "money": numpy.integers(0, 10 ** rng.randint(3, 9), rows),
            "share": numpy.integers(0, 10_001, rows),
            "signed": numpy.integers(-50, 50, rows),
            "category": numpy.integers(0, rng.choice((2, 5, CHOICES_MOST)), rows),
        }[kind]
        code = -7 if with_codes and kind in ("count", "money") and rng.random() < 0.4 else None
        given = -3 if code is None and kind in ("count", "money") and rng.random() < 0.2 else None
        name = f"{kind}_{place}"
        columns.append(ModelColumn(name, name, decimals, (), None, given, code))
        column = whole / 10**decimals if decimals else whole.astype(float)
        column[numpy.random(rows) < rng.choice((0, 0, 0.2, 0.5))] = 0
        empty = numpy.random(rows) < rng.choice((0, 0, 0.1, 0.4))
        column[empty] = np.nan if given is None else given / 10**decimals
        values.append(column)
        if kind == "category":
            categories.append(place)
    matrix = np.column_stack(values)
    signal = sum(np.nan_to_num(column) / (np.nanstd(column) + 1) for column in values)
    odd = sum(np.nan_to_num(column) % 3 for column in values)
    chance = 1 / (1 + np.exp(-(signal - np.mean(signal)) - (odd - np.mean(odd)) / 2))
    label = (numpy.random(rows) < chance).astype(np.int64)
    label[:2] = 0, 1
    return TrainingRows(tuple(columns), categories, matrix, label)


def lightgbm_model(rng: Random) -> Made:
    """A booster of LightGBM with settings by chance."""
    import lightgbm

    rows = training_rows(rng)
    boosting = rng.choice(("gbdt", "gbdt", "dart", "rf"))
    settings: dict[str, Any] = {
        "objective": rng.choice(("binary", "binary", "cross_entropy")),
        "boosting": boosting,
        "num_leaves": rng.choice((2, 4, 15, 63)),
        "learning_rate": rng.choice((0.05, 0.3)),
        "min_data_in_leaf": rng.choice((1, 20)),
        "zero_as_missing": rng.random() < 0.3,
        "use_missing": rng.random() < 0.8,
        "max_cat_to_onehot": rng.choice((1, 4)),
        "min_data_per_group": 5,
        "cat_smooth": 1,
        "sigmoid": rng.choice((1.0, 1.0, 0.7)),
        "verbose": -1,
        "num_threads": 1,
        "seed": rng.randrange(1_000),
    }
    if boosting == "rf":
        settings |= {"bagging_freq": 1, "bagging_fraction": 0.7}
    data = lightgbm.Dataset(
        rows.matrix,
        rows.label,
        feature_name=[column.name for column in rows.columns],
        categorical_feature=rows.categories,
        free_raw_data=False,
    )
    booster = lightgbm.train(settings, data, rng.choice((1, 5, 40)))
    text = booster.model_to_string()
    model = read_lightgbm(text)
    factor = settings["sigmoid"] if settings["objective"] == "binary" else 1.0
    if boosting == "rf":
        factor /= booster.num_trees()
    again = lightgbm.Booster(model_str=text)

    def predict(matrix: Matrix) -> Matrix:
        log_odds = np.asarray(again.predict(matrix, raw_score=True, num_threads=1)) * factor
        chance = np.asarray(again.predict(matrix, num_threads=1))
        assert np.allclose(chance, 1 / (1 + np.exp(-log_odds)), atol=1e-9)  # what its probability is made of
        return log_odds

    return Made(model, rows.columns, predict, f"{boosting}, zero as missing {settings['zero_as_missing']}")


def xgboost_model(rng: Random) -> Made:
    """A booster of XGBoost with settings by chance."""
    import xgboost

    rows = training_rows(rng, with_codes=True)
    booster_kind = rng.choice(("gbtree", "gbtree", "dart"))
    settings: dict[str, Any] = {
        "objective": rng.choice(("binary:logistic", "binary:logitraw", "reg:logistic")),
        "booster": booster_kind,
        "max_depth": rng.choice((1, 3, 7)),
        "eta": rng.choice((0.1, 0.5)),
        "tree_method": rng.choice(("hist", "approx")),
        "max_cat_to_onehot": rng.choice((1, 8)),
        "num_parallel_tree": rng.choice((1, 1, 3)),
        "subsample": rng.choice((1.0, 0.7)),
        "nthread": 1,
        "seed": rng.randrange(1_000),
    }
    if rng.random() < 0.3:
        settings["base_score"] = rng.choice((0.05, 0.5, 0.9))
    if booster_kind == "dart":
        settings["rate_drop"] = 0.3
    names = [column.name for column in rows.columns]
    kinds = ["c" if place in rows.categories else "q" for place in range(len(names))]

    def matrix_rows(matrix: Matrix, label: Any = None) -> Any:
        return xgboost.DMatrix(
            matrix, label, feature_names=names, feature_types=kinds, enable_categorical=True, nthread=1
        )

    made_of = rng.choice((1, 5, 30))
    booster = xgboost.train(settings, matrix_rows(rows.matrix, rows.label), made_of)
    text = bytes(booster.save_raw("json")).decode()
    rounds = rng.randint(1, made_of) if booster_kind == "gbtree" and rng.random() < 0.3 else None
    again = xgboost.Booster({"nthread": 1}, model_file=bytearray(text.encode()))

    def predict(matrix: Matrix) -> Matrix:
        until = (0, rounds or 0)
        margin = again.predict(matrix_rows(matrix), output_margin=True, iteration_range=until)
        return np.asarray(margin, dtype=np.float64)

    return Made(read_xgboost(text, rounds), rows.columns, predict, f"{booster_kind}, {settings['objective']}")


def skops_model(rng: Random) -> Made:
    """A forest or a tree of scikit-learn, through an archive of skops."""
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier
    from skops.io import dump

    rows = training_rows(rng, with_categories=False)
    kind = rng.choice((RandomForestClassifier, ExtraTreesClassifier, DecisionTreeClassifier))
    settings: dict[str, Any] = {"max_depth": rng.choice((2, 6, None)), "random_state": rng.randrange(1_000)}
    if kind is not DecisionTreeClassifier:
        settings |= {"n_estimators": rng.choice((1, 10, 40)), "n_jobs": 1}
    settings["class_weight"] = rng.choice((None, "balanced"))
    forest = kind(**settings).fit(rows.matrix, rows.label)
    file = io.BytesIO()
    dump(forest, file)
    model = read_skops(file.getvalue())
    columns = tuple(
        ModelColumn(name, column.feature, column.decimals, missing_as=column.missing_as)
        for name, column in zip(model.features, rows.columns, strict=True)
    )

    def predict(matrix: Matrix) -> Matrix:
        return np.asarray(forest.predict_proba(matrix)[:, 1], dtype=np.float64)

    return Made(model, columns, predict, f"{kind.__name__}, depth {settings['max_depth']}")


def tree_text_model(rng: Random) -> Made:
    """A forest or a tree of scikit-learn, through the text of `export_text`, with a number for what is missing."""
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier, export_text

    rows = training_rows(rng, with_categories=False)
    given = [rng.choice((-3, 0, 4)) if column.missing_as is None else column.missing_as for column in rows.columns]
    for place, column in enumerate(rows.columns):
        own = rows.matrix[:, place]
        own[np.isnan(own)] = given[place] / 10**column.decimals
    kind = rng.choice((RandomForestClassifier, ExtraTreesClassifier, DecisionTreeClassifier))
    settings: dict[str, Any] = {"max_depth": rng.choice((2, 6, None)), "random_state": rng.randrange(1_000)}
    if kind is not DecisionTreeClassifier:
        settings |= {"n_estimators": rng.choice((1, 10, 40)), "n_jobs": 1}
    settings["class_weight"] = rng.choice((None, "balanced"))
    forest = kind(**settings).fit(rows.matrix, rows.label)
    trees = [forest] if kind is DecisionTreeClassifier else forest.estimators_
    names = [column.name for column in rows.columns]
    as_text = {"feature_names": names, "decimals": 60, "show_weights": True, "max_depth": 500}
    class_names = {"class_names": ["0", "1"]}  # the trees of a forest number their classes as 0.0 and 1.0
    text = "\n".join(export_text(tree, **as_text, **class_names, spacing=rng.choice((1, 3))) for tree in trees)
    model = read_tree_text(text)
    by_name = dict(zip(names, zip(rows.columns, given, strict=True), strict=True))
    columns = tuple(
        ModelColumn(name, name, by_name[name][0].decimals, missing_as=by_name[name][1]) for name in model.features
    )

    def predict(matrix: Matrix) -> Matrix:
        whole = np.zeros((len(matrix), len(names)))
        whole[:, [names.index(name) for name in model.features]] = matrix
        return np.asarray(forest.predict_proba(whole)[:, 1], dtype=np.float64)

    return Made(model, columns, predict, f"{kind.__name__}, depth {settings['max_depth']}")


FORMATS: Mapping[str, Callable[[Random], Made]] = {
    "lightgbm": lightgbm_model,
    "xgboost": xgboost_model,
    "skops": skops_model,
    "tree_text": tree_text_model,
}


def card_beside_model(made: Made, rows: int, seed: int = 0) -> tuple[CardAndModel, float]:
    """The card of a model beside the model, on so many rows; and the widest gap before rounding, in points."""
    scale = Scale()
    artifact = open_artifact(write_artifact(card_of_model(made.model, made.columns, "random", scale)))
    drawn = sample_rows(artifact, made.columns, rows, seed)
    outputs = made.predict(matrix_of(drawn, made.columns))
    line = points_line(made.model, scale)
    return compare_rows(artifact, made.model, line, drawn, outputs), float(line.slope * Fraction(made.model.rounding))


@dataclass
class Totals:
    """What came of the models of one format."""

    models: int = 0
    without_a_tree: int = 0
    rows: int = 0
    equal: int = 0
    at_half_point: int = 0
    differing: int = 0
    models_differing: list[str] = field(default_factory=list)


def search(kind: str, seeds: Sequence[int], rows: int) -> Totals:
    """Models of one format by seed."""
    from linekeeper.core.errors import FileError

    totals = Totals()
    for seed in seeds:
        totals.models += 1
        made = FORMATS[kind](Random(f"{kind} {seed}"))
        try:
            compared, _ = card_beside_model(made, rows, seed)
        except FileError as error:
            if error.code != "model-not-possible":
                raise
            totals.without_a_tree += 1  # it learned nothing, and is refused
            continue
        totals.rows += compared.rows
        totals.equal += compared.equal
        totals.at_half_point += compared.at_half_point
        totals.differing += compared.differing
        if compared.differing:
            totals.models_differing.append(
                f"seed {seed} ({made.what}): {compared.differing} rows, {compared.first_differing[:1]}"
            )
    return totals


def main() -> int:
    """Search, and say what differed; the exit code is 1 where something did."""
    parser = argparse.ArgumentParser(prog="python -m tests.scorecard.imported_models")
    parser.add_argument("--count", type=int, default=200, help="models of each format")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--format", choices=[*FORMATS], action="append")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    found: dict[str, Any] = {}
    for kind in asked.format or FORMATS:
        began = time.perf_counter()
        totals = search(kind, range(asked.first, asked.first + asked.count), asked.rows)
        found[kind] = {**vars(totals), "seconds": round(time.perf_counter() - began, 1)}
        print(f"{kind}: {found[kind]}", file=sys.stderr)
    print(json.dumps(found) if asked.json else "")
    return 1 if any(one["differing"] for one in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
