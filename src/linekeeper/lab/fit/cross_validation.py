"""Every method on the same folds: what each says of rows that it had not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from linekeeper.lab.fit.additive_fit import (
    LABELS,
    Fitted,
    KnownOfTable,
    Learning,
    choose_learning,
    fit_additive,
    known_of_table,
    level_used,
)
from linekeeper.lab.fit.additive_model import AdditiveModel, Floats
from linekeeper.lab.fit.boosting import Forest, fit_forest
from linekeeper.lab.fit.card_sizes import MERGE_COSTS, size_method
from linekeeper.lab.fit.feature_bins import BinnedTable, bin_table
from linekeeper.lab.fit.folds import folds_of
from linekeeper.lab.fit.inner_folds import InnerFolds, is_few
from linekeeper.lab.fit.leaks import refuse_leaks
from linekeeper.lab.fit.merging_level import with_fewer_bins
from linekeeper.lab.fit.metrics import auc
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.scaling import log_odds_of_points, scorecard_of
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.scorecard.many import FeatureColumns, score_many

# tables and main: cards in whole points, with and without tables; exact: the same before merging and rounding
METHODS = ("tables", "exact", "main", "exact_main", "forest", "woe")
EXACT_TWIN = {"tables": "exact", "main": "exact_main"}
NOTHING_KNOWN: Mapping[str, KnownOfTable] = {}


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """For each row: its fold, and the log-odds of bad that each method gives it without having seen the fold.

    `weight`: how much each row counts in the figures; None: all alike.
    """

    fold: npt.NDArray[np.intp]
    log_odds: Mapping[str, Floats]
    weight: Floats | None = None

    def auc_by_fold(self, label: npt.NDArray[np.int64], method: str) -> list[float]:
        """The AUC of a method in each fold."""
        return [
            auc(label[rows], self.log_odds[method][rows], None if self.weight is None else self.weight[rows])
            for rows in self.rows_by_fold()
        ]

    def mean_auc(self, label: npt.NDArray[np.int64], method: str) -> float:
        """The mean of a method's AUC over the folds."""
        return float(np.mean(self.auc_by_fold(label, method)))

    def rows_by_fold(self) -> list[npt.NDArray[np.bool_]]:
        """A mask of the rows of each fold."""
        return [self.fold == number for number in range(int(self.fold.max()) + 1)]


def cross_validate(
    data: BinnedTable,
    plan: FitPlan,
    folds: int,
    methods: tuple[str, ...] = METHODS,
    learning: Learning | None = None,
    progress: Callable[[int], object] = lambda folds_done: None,
    known: Mapping[str, KnownOfTable] = NOTHING_KNOWN,
) -> CrossValidation:
    """Fit each method on all folds but one and apply it to that one, in turn. `progress` is called after each fold.

    The sizes of a card (`SIZE_METHODS`) are of the first of `methods`.
    `learning` and `known` (by method) were found on the whole table. Of few rows each fold chooses its own, without the
    rows that it is judged on. Raises LinekeeperError where a fold would lack goods or bads.
    """
    fold = folds_of(data.table, folds, plan.seed)
    log_odds = {method: np.empty(len(data)) for method in methods}

    def fit_without(number: int) -> dict[str, Floats]:
        seen, unseen = data.take(np.flatnonzero(fold != number)), data.take(np.flatnonzero(fold == number))
        return _log_odds_of_unseen(seen, unseen, plan, methods, learning, known)

    with ThreadPoolExecutor(plan.workers) as pool:  # LightGBM lets go of Python while it works
        for number, by_method in enumerate(pool.map(fit_without, range(folds))):
            for method, of_fold in by_method.items():
                log_odds[method][fold == number] = of_fold
            progress(1)
    return CrossValidation(fold, log_odds, data.table.weight)


def fit_model(data: BinnedTable, plan: FitPlan, method: str = "tables", learning: Learning = LABELS) -> AdditiveModel:
    """The additive model of a method (`tables`, `main` or `woe`), neighbouring bins merged."""
    if method == "woe":
        return _fit_woe(data.table, plan)
    return with_fewer_bins(fit_additive(data, plan_of_method(plan, method), learning), data.table, plan)


def fit_default(
    data: BinnedTable,
    plan: FitPlan,
    method: str = "tables",
    learning: Learning | None = None,
    known: Mapping[str, KnownOfTable] = NOTHING_KNOWN,
) -> Fitted:
    """What `fit` fits by a method: it finds out itself what to learn from, where that is not given."""
    if method == "woe":
        return Fitted(_fit_woe(data.table, plan), LABELS)
    own_plan = plan_of_method(plan, method)
    if learning is None and is_few(data):
        fitted = InnerFolds.of(data, plan).fit(method)
    else:
        learning = learning or choose_learning(data, own_plan)
        of_table = known.get(method) or known_of_table(data, own_plan)
        model = fit_additive(data, own_plan, learning, known=of_table)
        fitted = Fitted(model, learning, merging_level=level_used(learning, of_table))
    smaller = with_fewer_bins(fitted.model, data.table, plan, fitted.merging_level)
    return replace(fitted, model=smaller, before_merging=fitted.model)


def plan_of_method(plan: FitPlan, method: str) -> FitPlan:
    """The plan, without tables for a card of main effects."""
    return replace(plan, tables_max=0) if method == "main" else plan


def _fit_woe(table: TrainingTable, plan: FitPlan) -> AdditiveModel:
    """Its libraries take seconds to import, so they are where somebody asks for it."""
    from linekeeper.lab.fit.weight_of_evidence import fit_woe

    return fit_woe(table, plan)


def _log_odds_by_size(
    model: AdditiveModel, table: TrainingTable, plan: FitPlan, methods: tuple[str, ...], columns: FeatureColumns
) -> dict[str, Floats]:
    """What the card of each level of readability that is asked for says of other rows."""
    by_size: dict[str, Floats] = {}
    for level, cost in enumerate(MERGE_COSTS):
        if size_method(level) in methods:
            smaller = with_fewer_bins(model, table, replace(plan, merge_cost=cost))
            points = score_many(scorecard_of(smaller, plan, table.features), columns).score
            by_size[size_method(level)] = log_odds_of_points(points.astype(np.float64), plan.scale)
    return by_size


def compare_methods(
    table: TrainingTable, plan: FitPlan, folds: int, progress: Callable[[int], object] = lambda folds_done: None
) -> dict[str, float]:
    """Mean AUC over the folds of every method (`auc_tables`, ...), and what fewer bins and whole points cost."""
    folds_of(table, folds, plan.seed)  # too few of either kind are refused before anything is fitted
    refuse_leaks(table, plan)
    data = bin_table(table, plan)
    learning = learning_of_all_folds(data, plan)
    validation = cross_validate(data, plan, folds, METHODS, learning, progress, known_by_method(data, plan, METHODS))
    aucs = {f"auc_{method}": validation.mean_auc(table.label, method) for method in METHODS}
    return {**aucs, "rounding_cost": aucs["auc_exact"] - aucs["auc_tables"]}


def learning_of_all_folds(data: BinnedTable, plan: FitPlan) -> Learning | None:
    """The way that every fold takes, or None where rows are so few that each fold has to choose its own.

    Among three ways, thousands of rows cannot flatter the one that is chosen by them.
    """
    return None if is_few(data) else choose_learning(data, plan)


def known_by_method(data: BinnedTable, plan: FitPlan, methods: tuple[str, ...]) -> dict[str, KnownOfTable]:
    """Pairs and rounds of the whole table, for each method that boosts."""
    by_method = {
        method: known_of_table(data, plan_of_method(plan, method))
        for method, exact in EXACT_TWIN.items()
        if {method, exact} & {*methods}
    }
    return {method: known for method, known in by_method.items() if known}


def _log_odds_of_unseen(
    seen: BinnedTable,
    unseen: BinnedTable,
    plan: FitPlan,
    methods: tuple[str, ...],
    learning: Learning | None,
    known: Mapping[str, KnownOfTable],
) -> dict[str, Floats]:
    """By method: fitted on the seen rows, the log-odds of the unseen ones. The forest is fitted once for all."""
    log_odds: dict[str, Floats] = {}
    columns = unseen.table.features
    inner = InnerFolds.of(seen, plan) if learning is None and is_few(seen) else None
    way = learning or (LABELS if inner else choose_learning(seen, plan))
    needs_forest = "forest" in methods or "teacher" in way.shares
    forest = inner.forest() if inner else fit_forest(seen, plan) if needs_forest else None
    for method, exact in EXACT_TWIN.items():
        if {method, exact} & {*methods}:
            model, level = _model_and_level(seen, plan, method, inner, way, forest, known)
            card = scorecard_of(with_fewer_bins(model, seen.table, plan, level), plan, seen.table.features)
            points = score_many(card, columns).score.astype(np.float64)
            log_odds[method] = log_odds_of_points(points, plan.scale)
            log_odds[exact] = model.log_odds(columns)
            if method == methods[0]:
                log_odds |= _log_odds_by_size(model, seen.table, plan, methods, columns)
    if "forest" in methods and forest:
        log_odds["forest"] = forest.log_odds_of_bins(unseen.coarse)
    if "woe" in methods:
        log_odds["woe"] = _fit_woe(seen.table, plan).log_odds(columns)
    return {method: log_odds[method] for method in methods}


def _model_and_level(
    seen: BinnedTable,
    plan: FitPlan,
    method: str,
    inner: InnerFolds | None,
    way: Learning,
    forest: Forest | None,
    known: Mapping[str, KnownOfTable],
) -> tuple[AdditiveModel, int]:
    """The model of one method before its bins are merged, and how far they are."""
    if inner:
        fitted = inner.fit(method)
        return fitted.model, fitted.merging_level
    of_table = known.get(method)
    return fit_additive(seen, plan_of_method(plan, method), way, forest, of_table), level_used(way, of_table)
