"""Other people's learners on a training table: what each says of rows that it has not seen, higher for worse.

Each gets the columns of the plan as it likes them: missing as NaN, choices as categories. LightGBM and XGBoost are
tuned a little: some sizes of trees, each with as many rounds as help, judged on a fifth of the accounts that are seen,
or on each of three folds where rows are few.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from linekeeper.core.bounds import MISSING
from linekeeper.lab.fit.folds import folds_of
from linekeeper.lab.fit.metrics import auc
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.training_table import TrainingTable

Risks = npt.NDArray[np.float64]
Peer = Callable[[TrainingTable, TrainingTable, FitPlan], Risks]
INNER_FOLDS, FEW_ROWS = 3, 10_000
ROUNDS_MAX, PATIENCE = 1_500, 50
LIGHTGBM_SIZES = ({"num_leaves": 4, "min_data_in_leaf": 20}, {"num_leaves": 15, "min_data_in_leaf": 50})
XGBOOST_SIZES = ({"max_depth": 2, "min_child_weight": 5}, {"max_depth": 5, "min_child_weight": 20})


def frame_of(table: TrainingTable, plan: FitPlan) -> pd.DataFrame:
    """The features as a data frame: missing as NaN, choices as categories that are the same in every part."""
    columns = {}
    for feature in plan.features:
        values = table.features[feature.name]
        if feature.choices:
            columns[feature.name] = pd.Series(pd.Categorical(values, categories=range(len(feature.choices))))
        else:
            columns[feature.name] = pd.Series(np.where(values == MISSING, np.nan, values.astype(float)))
    return pd.DataFrame(columns)


def logistic(seen: TrainingTable, unseen: TrainingTable, plan: FitPlan) -> Risks:
    """scikit-learn's logistic regression: amounts standardised, missing values and codes as flags, choices as flags."""
    frames = [_flagged(frame_of(table, plan), plan) for table in (seen, unseen)]
    choices = [feature.name for feature in plan.features if feature.choices]
    amounts = [name for name in frames[0].columns if name not in choices]
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), amounts),
        (OneHotEncoder(handle_unknown="ignore"), choices),
    )
    regression = make_pipeline(columns, LogisticRegression(max_iter=2_000)).fit(frames[0], seen.label)
    risks: Risks = regression.predict_proba(frames[1])[:, 1]
    return risks


def lightgbm(seen: TrainingTable, unseen: TrainingTable, plan: FitPlan) -> Risks:
    """LightGBM without limits, tuned a little."""
    return _lightgbm(seen, unseen, plan, {})


def lightgbm_pairs(seen: TrainingTable, unseen: TrainingTable, plan: FitPlan) -> Risks:
    """The same LightGBM, but no path of its trees reads more than two features: what any card of pairs could reach.

    Where it ranks as well as the one without limits, pairs suffice.
    """
    columns = range(len(plan.features))
    every_pair = [list(pair) for pair in combinations(columns, 2)] or [[column] for column in columns]
    return _lightgbm(seen, unseen, plan, {"interaction_constraints": every_pair})


def _lightgbm(seen: TrainingTable, unseen: TrainingTable, plan: FitPlan, limits: dict[str, Any]) -> Risks:
    frame = frame_of(seen, plan)

    def fit(rows: Any, size: dict[str, Any], rounds: int, judge: Any = None) -> lgb.Booster:
        chosen = {"objective": "binary", "learning_rate": 0.05, "lambda_l2": 5.0, "feature_fraction": 0.7} | size
        chosen |= {"bagging_fraction": 0.8, "bagging_freq": 1, "num_threads": 1, "verbose": -1, "seed": plan.seed}
        chosen |= limits
        data = lgb.Dataset(frame.iloc[rows], seen.label[rows])
        if judge is None:
            return lgb.train(chosen, data, rounds)
        held_out = lgb.Dataset(frame.iloc[judge], seen.label[judge], reference=data)
        return lgb.train(chosen, data, rounds, [held_out], callbacks=[lgb.early_stopping(PATIENCE, verbose=False)])

    def judged(size: dict[str, Any], rows: Any, judge: Any) -> tuple[float, int]:
        booster = fit(rows, size, ROUNDS_MAX, judge)
        return auc(seen.label[judge], _array(booster.predict(frame.iloc[judge]))), booster.best_iteration

    size, rounds = _tuned(seen, plan, LIGHTGBM_SIZES, judged)
    return _array(fit(np.arange(len(seen)), size, rounds).predict(frame_of(unseen, plan)))


def xgboost(seen: TrainingTable, unseen: TrainingTable, plan: FitPlan) -> Risks:
    """XGBoost, tuned likewise."""
    import xgboost as xgb

    frame = frame_of(seen, plan)

    def data(rows: Any) -> Any:
        return xgb.DMatrix(frame.iloc[rows], seen.label[rows], enable_categorical=True)

    def settings(size: dict[str, Any]) -> dict[str, Any]:
        chosen = {"objective": "binary:logistic", "eta": 0.05, "lambda": 5.0, "colsample_bynode": 0.7, "nthread": 1}
        return {**chosen, "subsample": 0.8, "seed": plan.seed, "eval_metric": "logloss", **size}

    def judged(size: dict[str, Any], rows: Any, judge: Any) -> tuple[float, int]:
        held_out = data(judge)
        booster = xgb.train(
            settings(size),
            data(rows),
            ROUNDS_MAX,
            evals=[(held_out, "judge")],
            early_stopping_rounds=PATIENCE,
            verbose_eval=False,
        )
        rounds = booster.best_iteration + 1
        return auc(seen.label[judge], booster.predict(held_out, iteration_range=(0, rounds))), rounds

    size, rounds = _tuned(seen, plan, XGBOOST_SIZES, judged)
    booster = xgb.train(settings(size), data(np.arange(len(seen))), rounds)
    return _array(booster.predict(xgb.DMatrix(frame_of(unseen, plan), enable_categorical=True)))


def ebm(seen: TrainingTable, unseen: TrainingTable, plan: FitPlan) -> Risks:
    """The Explainable Boosting Machine of `interpret`, as it comes, on one core."""
    from interpret.glassbox import ExplainableBoostingClassifier

    kinds = ["nominal" if feature.choices else "continuous" for feature in plan.features]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a missing value in one part of the rows and none in another
        machine = ExplainableBoostingClassifier(feature_types=kinds, n_jobs=1, random_state=plan.seed)
        machine.fit(frame_of(seen, plan), seen.label)
        return _array(machine.predict_proba(frame_of(unseen, plan))[:, 1])


PEERS: dict[str, Peer] = {
    "lightgbm": lightgbm,
    "lightgbm_pairs": lightgbm_pairs,
    "logistic": logistic,
    "xgboost": xgboost,
    "ebm": ebm,
}
OPTIONAL = {"xgboost": "xgboost", "ebm": "interpret"}  # and the module that each needs


def peers_missing() -> dict[str, str]:
    """The peers that cannot run here, and what is missing."""
    return {peer: module for peer, module in OPTIONAL.items() if importlib.util.find_spec(module) is None}


def _tuned(
    seen: TrainingTable,
    plan: FitPlan,
    sizes: tuple[dict[str, Any], ...],
    judged: Callable[[dict[str, Any], Any, Any], tuple[float, int]],
) -> tuple[dict[str, Any], int]:
    """The size whose trees rank the rows held out best, and the rounds that it took."""
    splits = list(_inner_splits(seen, plan))
    by_size = [[judged(size, rows, judge) for rows, judge in splits] for size in sizes]
    best = max(range(len(sizes)), key=lambda number: np.mean([score for score, _ in by_size[number]]))
    return sizes[best], max(1, round(float(np.mean([rounds for _, rounds in by_size[best]]))))


def _inner_splits(seen: TrainingTable, plan: FitPlan) -> Iterator[tuple[Any, Any]]:
    few = len(seen) < FEW_ROWS
    fold = folds_of(seen, INNER_FOLDS if few else 5, plan.seed + 1)
    for number in range(INNER_FOLDS if few else 1):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def _flagged(frame: pd.DataFrame, plan: FitPlan) -> pd.DataFrame:
    """The frame with a flag for each special code, whose amounts are missing then."""
    for feature in plan.features:
        for code in feature.special:
            has_code = frame[feature.name] == code
            frame[f"{feature.name} is {code}"] = has_code.astype(float)
            frame.loc[has_code, feature.name] = np.nan
    return frame


def _array(values: Any) -> Risks:
    return np.asarray(values, dtype=np.float64)
