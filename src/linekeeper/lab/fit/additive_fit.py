"""The additive model of a table: a booster whose paths keep to chosen pairs, on the labels, or on what a forest says.

Few and noisy labels are better learned from the probabilities of a forest that has seen them (Tan, Caruana, Hooker,
Lou: Distill-and-Compare, 2018); where there are many, or where they are clear, the labels themselves say more. Where
the truth is nearly straight, or a feature has very many choices, lines say most. Which holds is found by fitting each
way without a part of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from linekeeper.lab.fit.additive_model import AdditiveModel, Floats
from linekeeper.lab.fit.boosting import (
    ON_LABELS,
    Forest,
    Pair,
    fit_forest,
    judged_booster,
    log_odds_of_training,
    path_limits,
    raw_log_odds,
    rounds_that_help,
    train_within,
)
from linekeeper.lab.fit.card_sizes import DEFAULT_LEVEL, level_beyond_chance
from linekeeper.lab.fit.feature_bins import BinnedTable
from linekeeper.lab.fit.folds import folds_of, folds_possible
from linekeeper.lab.fit.line_teacher import columns_of_lines, log_odds_of_lines
from linekeeper.lab.fit.merging_level import log_odds_by_level
from linekeeper.lab.fit.metrics import auc
from linekeeper.lab.fit.pair_choice import choose_pairs
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.scaling import probability
from linekeeper.lab.fit.tree_reading import WeighedBooster, read_boosters

TEACHER_ROUNDS = 600
LINES_ROUNDS = 150
LINES_SETTINGS = {**ON_LABELS, "learning_rate": 0.3}  # what lines say has no noise, so that long steps do no harm
LINES_BEHIND_MAX = 0.01  # of AUC: lines that rank worse by more teach nothing
HELD_OUT_FOLDS = 3  # one of which is held out
LABELS_ENOUGH = 50_000  # from here on a forest has nothing to add
MANY_CHOICES = 20  # a booster sees choices in an order that means nothing; of so many, lines may tell more of any rows

Shares = Mapping[str, float]  # of the labels, of a forest and of lines in what is learned
WAYS: dict[str, Shares] = {
    "labels": {"labels": 1.0},
    "blend": {"labels": 0.5, "teacher": 0.5},
    "teacher": {"teacher": 1.0},
}
WAYS_WITH_LINES: dict[str, Shares] = {"linear": {"linear": 1.0}, "linear blend": {"labels": 0.5, "linear": 0.5}}


@dataclass(frozen=True, slots=True)
class Learning:
    """What the model learns: `labels`, `teacher` (what a forest says of the rows), or a `blend`, half of each.

    It may also be `linear` (what a logistic regression says of them), or a `linear blend`, half of that and half of the
    labels. `auc`: mean AUC of each way on rows held out, where they were compared. `merging_level`: how far such rows
    let bins be merged.
    """

    way: str
    auc: dict[str, float]
    merging_level: int = DEFAULT_LEVEL

    @property
    def shares(self) -> Shares:
        """How much of what is learned comes from where."""
        return {**WAYS, **WAYS_WITH_LINES}[self.way]


LABELS, TEACHER = Learning("labels", {}), Learning("teacher", {})


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model, what was learned, and (`before_merging`) the model before its bins were merged, where they have been.

    `merging_level`: how far rows held out let its bins be merged.
    """

    model: AdditiveModel
    learning: Learning
    before_merging: AdditiveModel | None = None
    merging_level: int = DEFAULT_LEVEL


@dataclass(frozen=True, slots=True)
class KnownOfTable:
    """What was found out on a whole table of many rows, so that its folds need not: pairs, and how many rounds help.

    `merging_level`: how far rows held out let bins be merged.
    """

    pairs: list[Pair]
    rounds: int
    merging_level: int = DEFAULT_LEVEL


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
    shares, teaching = learning.shares, None
    if "teacher" in shares:
        teaching = probability((forest or fit_forest(data, plan)).log_odds_of_bins(data.coarse))
    boosters = {}
    if {"labels", "teacher"} & shares.keys():
        pairs = known.pairs if known else choose_pairs(data, plan, data.label if teaching is None else teaching)
        boosters = _boosters(data, plan, pairs, teaching, "labels" in shares, known)
    if "linear" in shares:
        boosters["linear"] = _booster_on_lines(data, plan)
    own = sum((shares[source] * log_odds_of_training(booster, data) for source, booster in boosters.items()), 0.0)
    weighed = [(booster, shares[source]) for source, booster in boosters.items()]
    return read_boosters(weighed, data.fine, np.asarray(own))


def known_of_table(data: BinnedTable, plan: FitPlan) -> KnownOfTable | None:
    """Pairs and rounds that every fold of a table of many rows takes; None of fewer, whose folds find their own."""
    if len(data) < LABELS_ENOUGH:
        return None
    pairs = choose_pairs(data, plan, data.label)
    judged = judged_booster(data, plan, path_limits(data.fine, pairs))
    if judged is None:
        return KnownOfTable(pairs, 1)
    level = _level_of([(judged.booster, 1.0)], judged.learned, judged.unseen, plan)
    return KnownOfTable(pairs, max(judged.booster.best_iteration, 1), level)


def choose_learning(data: BinnedTable, plan: FitPlan) -> Learning:
    """The way that ranks rows held out best; labels alone where rows are many, or too few to hold any out.

    Where a feature has many choices, lines are tried on any number of rows.
    """
    many = len(data) >= LABELS_ENOUGH
    lines_alone = many and any(len(feature.choices) >= MANY_CHOICES for feature in plan.features)
    if (many and not lines_alone) or folds_possible(data.table) < HELD_OUT_FOLDS:
        return LABELS
    held_out = folds_of(data.table, HELD_OUT_FOLDS, plan.seed) == 0
    pairs = choose_pairs(data, plan, data.label)
    seen, unseen = (data.take(np.flatnonzero(mask)) for mask in (~held_out, held_out))
    teaching = None if many else probability(fit_forest(seen, plan).log_odds_of_bins(seen.coarse))
    boosters = _boosters(seen, plan, pairs, teaching, on_labels=True)
    by_way = _auc_by_way(boosters, unseen, WAYS)
    if _auc_of_lines(data, held_out) > max(by_way.values()) - LINES_BEHIND_MAX:
        boosters["linear"] = _booster_on_lines(seen, plan)
        by_way |= _auc_by_way(boosters, unseen, WAYS_WITH_LINES)
    way = max(by_way, key=lambda way: by_way[way])
    chosen = [(boosters[source], share) for source, share in Learning(way, {}).shares.items()]
    return Learning(way, by_way, _level_of(chosen, seen, unseen, plan))


def _auc_by_way(
    boosters: Mapping[str, lgb.Booster], unseen: BinnedTable, ways: Mapping[str, Shares]
) -> dict[str, float]:
    """The AUC of those of the ways for which there are boosters."""
    matrix = unseen.fine.matrix()
    by_source = {source: raw_log_odds(booster, matrix) for source, booster in boosters.items()}
    return {
        way: auc(unseen.table.label, weighed_sum(shares, by_source), unseen.table.weight)
        for way, shares in ways.items()
        if shares.keys() <= boosters.keys()
    }


def weighed_sum(shares: Shares, by_source: Mapping[str, Floats]) -> Floats:
    """The log-odds of the sources that a way has shares of, weighed by these."""
    log_odds: Floats = np.sum([share * by_source[source] for source, share in shares.items()], axis=0)
    return log_odds


def _auc_of_lines(data: BinnedTable, held_out: npt.NDArray[np.bool_]) -> float:
    weight = data.table.weight
    log_odds = log_odds_of_lines(columns_of_lines(data.fine), data.label, np.flatnonzero(~held_out), weight)
    return auc(data.table.label[held_out], log_odds[held_out], None if weight is None else weight[held_out])


def _booster_on_lines(data: BinnedTable, plan: FitPlan) -> lgb.Booster:
    """A booster without tables, in the plan's directions, on what a regression on the same rows says of them."""
    rows = np.arange(len(data))
    target = probability(log_odds_of_lines(columns_of_lines(data.fine), data.label, rows, data.table.weight))
    return train_within(data, plan, path_limits(data.fine, []), target, LINES_ROUNDS, LINES_SETTINGS)


def level_used(learning: Learning, known: KnownOfTable | None) -> int:
    """How far to merge: as rows held out said of what is learned, or of the booster whose rounds they found."""
    return known.merging_level if known and not learning.auc else learning.merging_level


def _level_of(boosters: list[WeighedBooster], seen: BinnedTable, unseen: BinnedTable, plan: FitPlan) -> int:
    """How far the bins of what these boosters learned can be merged before rows that they have not seen lose by it."""
    model = read_boosters(boosters, seen.fine)
    by_level = log_odds_by_level(model, seen.table, plan, unseen.table.features)
    return level_beyond_chance(unseen.table.label, by_level, unseen.table.weight)


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
