"""LightGBM: an unconstrained forest, and boosters whose every path keeps to one feature or to one chosen pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from scipy.special import logit

from linekeeper.lab.fit.additive_model import Floats
from linekeeper.lab.fit.feature_bins import OF_DATA, BinnedTable, FeatureBins
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.training_table import Rows
from linekeeper.scorecard.many import FeatureColumns

FOREST = {"num_leaves": 15, "learning_rate": 0.05, "lambda_l2": 20.0, "min_data_in_leaf": 50}
FOREST_ROUNDS, FOREST_SEEDS = 200, 3
UNTUNED, UNTUNED_ROUNDS = {"bagging_freq": 0, "feature_fraction": 1.0}, 100  # as LightGBM comes
PATHS = {"num_leaves": 8, "learning_rate": 0.1, "lambda_l2": 5.0, "min_data_in_leaf": 20}
ON_LABELS = {**PATHS, "feature_fraction": 1.0}  # a pair of which a tree lacks one feature cannot be seen
ROUNDS_MAX, ROUNDS_WITHOUT_GAIN = 1_000, 50
HELD_OUT_SHARE = 0.15  # of the accounts, to find the number of rounds
LOG_ODDS_MAX = 12.0  # log-odds beyond which a probability has too few digits left to tell them
THREADS = 1  # in every call: LightGBM keeps one number for the whole process, and folds are fitted side by side

Pair = tuple[int, int]  # the numbers of two features


@dataclass(frozen=True, slots=True)
class Forest:
    """LightGBM without limits: the additive model may learn from it and is compared with it."""

    boosters: tuple[lgb.Booster, ...]
    bins: FeatureBins

    def log_odds(self, columns: FeatureColumns) -> Floats:
        """Mean log-odds of bad over the boosters, for each row."""
        return self.log_odds_of_bins(self.bins.encode(columns))

    def log_odds_of_bins(self, rows: FeatureBins) -> Floats:
        """The same for rows that are in the forest's bins already."""
        matrix = rows.matrix()
        mean: Floats = np.mean([raw_log_odds(booster, matrix) for booster in self.boosters], axis=0)
        return mean


def fit_forest(data: BinnedTable, plan: FitPlan) -> Forest:
    """An unconstrained forest on the labels: the mean of a few seeds."""
    part = data.coarse_data()
    boosters = tuple(
        train_booster(part, data.label, plan, FOREST_ROUNDS, FOREST, seed=plan.seed + seed)
        for seed in range(FOREST_SEEDS)
    )
    return Forest(boosters, data.coarse)


def fit_untuned_forest(data: BinnedTable, plan: FitPlan) -> Forest:
    """One LightGBM with the settings that it comes with, to compare with."""
    booster = train_booster(data.fine_data(), data.label, plan, UNTUNED_ROUNDS, UNTUNED)
    return Forest((booster,), data.fine)


@dataclass(frozen=True, slots=True)
class PathLimits:
    """What a path of a tree may hold: the columns of one of `together`, in their directions."""

    together: list[list[int]]
    directions: list[int]


def path_limits(bins: FeatureBins, pairs: Sequence[Pair], directed: bool = True) -> PathLimits:
    """Each path keeps to one feature, or to one of the pairs; `directed`: log-odds rise as the plan says."""
    columns = [block.columns for block in bins.blocks]
    together = [[*columns[one], *columns[other]] for one, other in pairs] + columns
    return PathLimits(together, bins.directions if directed else [])


def train_within(
    data: BinnedTable, plan: FitPlan, limits: PathLimits, target: Floats, rounds: int, settings: dict[str, Any] = PATHS
) -> lgb.Booster:
    """A booster within those limits that learns `target`, a probability for each row."""
    return train_booster(data.fine_data(), target, plan, rounds, settings, limits, keep_sum=True)


def rounds_that_help(data: BinnedTable, plan: FitPlan, limits: PathLimits) -> int:
    """After how many rounds a booster on the labels no longer gets better on a share of the accounts held out."""
    judged = judged_booster(data, plan, limits)
    return max(judged.booster.best_iteration, 1) if judged else 1


@dataclass(frozen=True, slots=True)
class JudgedBooster:
    """A booster on the labels with the rounds that help, the rows that it learned from, and those that judged it."""

    booster: lgb.Booster
    learned: BinnedTable
    unseen: BinnedTable


def judged_booster(data: BinnedTable, plan: FitPlan, limits: PathLimits) -> JudgedBooster | None:
    """A booster that a share of the accounts has judged; None where that leaves no row on one side."""
    held_out = data.sample_accounts(HELD_OUT_SHARE, plan.seed)
    seen, unseen = (np.flatnonzero(mask) for mask in (~held_out, held_out))
    if not len(seen) or not len(unseen):
        return None
    learned, judges = data.take(seen), data.take(unseen)
    judge = _with_target(judges.fine_data(), judges.label)
    booster = train_booster(learned.fine_data(), learned.label, plan, ROUNDS_MAX, ON_LABELS, limits, judge=judge)
    return JudgedBooster(booster, learned, judges)


def train_booster(
    data: lgb.Dataset,
    target: Floats,
    plan: FitPlan,
    rounds: int,
    settings: dict[str, Any],
    limits: PathLimits | None = None,
    seed: int | None = None,
    judge: lgb.Dataset | None = None,
    keep_sum: bool = False,
) -> lgb.Booster:
    """LightGBM on probabilities, one a row of `data`.

    `seed`: another than the plan's; `judge`: rows on which it has to get better to go on; `keep_sum`: it keeps its rows
    and what it says of them, for `log_odds_of_training`.
    """
    chosen = _settings(plan.seed if seed is None else seed, settings, limits)
    stop: list[Any] = [] if judge is None else [lgb.early_stopping(ROUNDS_WITHOUT_GAIN, verbose=False)]
    judges = [] if judge is None else [judge]
    labelled = _with_target(data, target)
    return lgb.train(chosen, labelled, rounds, valid_sets=judges, callbacks=stop, keep_training_booster=keep_sum)


def train_folds(
    data: lgb.Dataset,
    target: Floats,
    plan: FitPlan,
    rounds: int,
    settings: dict[str, Any],
    limits: PathLimits,
    parts: list[tuple[Rows, Rows]],
) -> tuple[float, list[lgb.Booster]]:
    """A booster for each (rows seen, rows not seen), all of the rounds that help most, and the loss of the latter."""
    stop = lgb.early_stopping(ROUNDS_WITHOUT_GAIN, verbose=False)
    judged: dict[str, Any] = lgb.cv(
        _settings(plan.seed, settings, limits),
        _with_target(data, target),
        rounds,
        folds=parts,
        callbacks=[stop],
        return_cvbooster=True,
    )
    boosters = judged.pop("cvbooster")
    for booster in boosters.boosters:
        booster.best_iteration = boosters.best_iteration
    means = [values for name, values in judged.items() if name.endswith("-mean")]
    return float(means[0][-1]), boosters.boosters


def _settings(seed: int, settings: dict[str, Any], limits: PathLimits | None) -> dict[str, Any]:
    """All that LightGBM is told."""
    chosen: dict[str, Any] = {
        **OF_DATA,
        "objective": "cross_entropy",
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "feature_fraction": 0.5,
        **settings,
    }
    if limits is not None:
        chosen["interaction_constraints"] = limits.together
        if any(limits.directions):
            # The other methods of LightGBM 4.7 let a sum fall where a feature has missing values.
            chosen |= {"monotone_constraints": limits.directions, "monotone_constraints_method": "basic"}
    return chosen


def raw_log_odds(booster: lgb.Booster, matrix: Floats) -> Floats:
    """What the booster says of each row of a matrix, in log-odds."""
    return np.asarray(booster.predict(matrix, raw_score=True, num_threads=THREADS), dtype=np.float64)


def log_odds_of_training(booster: lgb.Booster, data: BinnedTable) -> Floats:
    """What a booster that has just been trained on these rows, in fine bins, says of them, in log-odds.

    It kept that sum as it grew, so that no tree is walked again, except where a probability cannot tell the log-odds.
    """
    probabilities: list[Floats] = []

    def listen(probability: Floats, _: lgb.Dataset) -> tuple[str, float, bool]:
        probabilities.append(np.array(probability, dtype=np.float64))
        return "nothing", 0.0, True

    booster.eval_train(listen)
    with np.errstate(divide="ignore"):
        log_odds: Floats = logit(probabilities[0])
    if np.abs(log_odds).max() > LOG_ODDS_MAX:
        log_odds = raw_log_odds(booster, data.fine.matrix())
    booster.free_dataset()
    return log_odds


def _with_target(data: lgb.Dataset, target: Floats) -> lgb.Dataset:
    return data.construct().set_label(target)
