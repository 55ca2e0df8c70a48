"""The additive model of a table: a booster whose paths keep to chosen pairs, on the labels, or on what a forest says.

Few and noisy labels are better learned from the probabilities of a forest that has seen them (Tan, Caruana, Hooker,
Lou: Distill-and-Compare, 2018); where there are many, or where they are clear, the labels themselves say more. Which
holds is found by fitting both ways without a part of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from linekeeper.lab.fit.additive_model import AdditiveModel, Floats
from linekeeper.lab.fit.boosting import (
    ON_LABELS,
    Forest,
    Pair,
    fit_forest,
    log_odds_of_training,
    path_limits,
    raw_log_odds,
    rounds_that_help,
    train_within,
)
from linekeeper.lab.fit.feature_bins import BinnedTable
from linekeeper.lab.fit.folds import folds_of, folds_possible
from linekeeper.lab.fit.metrics import auc
from linekeeper.lab.fit.pair_choice import choose_pairs
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.scaling import probability
from linekeeper.lab.fit.tree_reading import read_boosters

TEACHER_ROUNDS = 600
TEACHER_SHARES = {"labels": 0.0, "blend": 0.5, "teacher": 1.0}  # of what a forest says, in what is learned
HELD_OUT_FOLDS = 3  # one of which is held out
LABELS_ENOUGH = 50_000  # from here on a forest has nothing to add


@dataclass(frozen=True, slots=True)
class Learning:
    """What the model learns: `labels`, `teacher` (what a forest says of the rows), or a `blend`, half of each.

    `auc`: mean AUC of each way on rows held out, where they were compared.
    """

    way: str
    auc: dict[str, float]

    @property
    def teacher_share(self) -> float:
        """How much of what is learned is the forest's."""
        return TEACHER_SHARES[self.way]


LABELS, TEACHER = Learning("labels", {}), Learning("teacher", {})


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model, what was learned, and (`before_merging`) the model before its bins were merged, where they have been."""

    model: AdditiveModel
    learning: Learning
    before_merging: AdditiveModel | None = None


@dataclass(frozen=True, slots=True)
class KnownOfTable:
    """What was found out on a whole table of many rows, so that its folds need not: pairs, and how many rounds help."""

    pairs: list[Pair]
    rounds: int


def fit_additive(
    data: BinnedTable,
    plan: FitPlan,
    learning: Learning,
    forest: Forest | None = None,
    known: KnownOfTable | None = None,
) -> AdditiveModel:
    """Main effects, and at most `plan.tables_max` tables; its log-odds are the boosters', and so monotone as they are.

    `forest`: the one to learn from, where it has been fitted on the same rows already.
    """
    teaching = None
    if learning.teacher_share:
        teaching = probability((forest or fit_forest(data, plan)).log_odds_of_bins(data.coarse))
    share = learning.teacher_share
    pairs = known.pairs if known else choose_pairs(data, plan, data.label if teaching is None else teaching)
    boosters = _boosters(data, plan, pairs, teaching, share < 1, known)
    weights = {"labels": 1 - share, "teacher": share}
    own = sum((weights[way] * log_odds_of_training(booster, data) for way, booster in boosters.items()), 0.0)
    return read_boosters([(booster, weights[way]) for way, booster in boosters.items()], data.fine, np.asarray(own))


def known_of_table(data: BinnedTable, plan: FitPlan) -> KnownOfTable | None:
    """Pairs and rounds that every fold of a table of many rows takes; None of fewer, whose folds find their own."""
    if len(data) < LABELS_ENOUGH:
        return None
    pairs = choose_pairs(data, plan, data.label)
    return KnownOfTable(pairs, rounds_that_help(data, plan, path_limits(data.fine, pairs)))


def choose_learning(data: BinnedTable, plan: FitPlan) -> Learning:
    """The way that ranks rows held out best; labels alone where rows are many, or too few to hold any out."""
    if len(data) >= LABELS_ENOUGH or folds_possible(data.table) < HELD_OUT_FOLDS:
        return LABELS
    held_out = folds_of(data.table, HELD_OUT_FOLDS, plan.seed) == 0
    pairs = choose_pairs(data, plan, data.label)
    seen, unseen = (data.take(np.flatnonzero(mask)) for mask in (~held_out, held_out))
    by_way = _auc_by_way(seen, unseen, plan, pairs)
    return Learning(max(by_way, key=lambda way: by_way[way]), by_way)


def _auc_by_way(seen: BinnedTable, unseen: BinnedTable, plan: FitPlan, pairs: list[Pair]) -> dict[str, float]:
    teaching = probability(fit_forest(seen, plan).log_odds_of_bins(seen.coarse))
    boosters = _boosters(seen, plan, pairs, teaching, on_labels=True)
    matrix = unseen.fine.matrix()
    log_odds = {way: raw_log_odds(booster, matrix) for way, booster in boosters.items()}
    return {
        way: auc(
            unseen.table.label, (1 - share) * log_odds["labels"] + share * log_odds["teacher"], unseen.table.weight
        )
        for way, share in TEACHER_SHARES.items()
    }


def _boosters(
    data: BinnedTable,
    plan: FitPlan,
    pairs: list[Pair],
    teaching: Floats | None,
    on_labels: bool,
    known: KnownOfTable | None = None,
) -> dict[str, lgb.Booster]:
    """A booster on the labels, and one on what a forest said, within the same pairs, as far as each is asked for."""
    limits = path_limits(data.fine, pairs)
    boosters = {}
    if on_labels:
        rounds = known.rounds if known else rounds_that_help(data, plan, limits)
        boosters["labels"] = train_within(data, plan, limits, data.label, rounds, ON_LABELS)
    if teaching is not None:
        boosters["teacher"] = train_within(data, plan, limits, teaching, TEACHER_ROUNDS)
    return boosters
