"""Every method on the same folds: what each says of rows that it had not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from linekeeper.core.errors import Refused, UsageError
from linekeeper.lab.fit.additive_model import AdditiveModel, Floats
from linekeeper.lab.fit.bin_merging import merge_bins
from linekeeper.lab.fit.boosting import fit_additive, fit_forest
from linekeeper.lab.fit.metrics import auc
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.scaling import log_odds_of_points, probability, scorecard_of
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.lab.fit.weight_of_evidence import fit_woe
from linekeeper.scorecard.many import score_many

# tables and main: cards in whole points, with and without tables; exact: the same before merging and rounding
FOLDS_MIN, FOLDS_MAX = 2, 100
METHODS = ("tables", "exact", "main", "exact_main", "forest", "woe")
EXACT_TWIN = {"tables": "exact", "main": "exact_main"}


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """For each row: its fold, and the log-odds of bad that each method gives it without having seen the fold."""

    fold: npt.NDArray[np.intp]
    log_odds: Mapping[str, Floats]

    def auc_by_fold(self, label: npt.NDArray[np.int64], method: str) -> list[float]:
        """The AUC of a method in each fold."""
        return [auc(label[rows], self.log_odds[method][rows]) for rows in self.rows_by_fold()]

    def mean_auc(self, label: npt.NDArray[np.int64], method: str) -> float:
        """The mean of a method's AUC over the folds."""
        return float(np.mean(self.auc_by_fold(label, method)))

    def rows_by_fold(self) -> list[npt.NDArray[np.bool_]]:
        """A mask of the rows of each fold."""
        return [self.fold == number for number in range(int(self.fold.max()) + 1)]


def cross_validate(
    table: TrainingTable,
    plan: FitPlan,
    folds: int,
    methods: tuple[str, ...] = METHODS,
    progress: Callable[[int], object] = lambda folds_done: None,
) -> CrossValidation:
    """Fit each method on all folds but one and apply it to that one, in turn. `progress` is called after each fold.

    Raises LinekeeperError where a fold would lack goods or bads.
    """
    fold = folds_of(table, folds, plan.seed)
    log_odds = {method: np.empty(len(table)) for method in methods}

    def fit_without(number: int) -> dict[str, Floats]:
        seen, unseen = table.take(np.flatnonzero(fold != number)), table.take(np.flatnonzero(fold == number))
        return _log_odds_of_unseen(seen, unseen, plan, methods)

    with ThreadPoolExecutor(plan.workers) as pool:  # LightGBM lets go of Python while it works
        for number, by_method in enumerate(pool.map(fit_without, range(folds))):
            for method, of_fold in by_method.items():
                log_odds[method][fold == number] = of_fold
            progress(1)
    return CrossValidation(fold, log_odds)


def folds_of(table: TrainingTable, folds: int, seed: int) -> npt.NDArray[np.intp]:
    """A fold for each row, at random; folds hold about as many accounts, and rows of one account stay in one fold.

    scikit-learn's StratifiedGroupKFold would draw other folds: no figure of before could be compared with one of now.
    Raises UsageError where there are too few or too many folds, Refused where there are fewer goods or bads than folds.
    """
    if not FOLDS_MIN <= folds <= FOLDS_MAX:
        raise UsageError(
            f"{folds} folds are not to be had",
            code="folds-out-of-range",
            way_out=f"ask for {FOLDS_MIN} to {FOLDS_MAX}",
            details={"folds": folds},
        )
    accounts, account = np.unique(table.account, return_inverse=True)
    bad = np.zeros(len(accounts), np.int64)
    np.maximum.at(bad, account, table.label)
    if min(bad.sum(), len(bad) - bad.sum()) < folds:
        raise Refused(
            f"too few goods or bads for {folds} folds", code="data-too-few", way_out="use fewer folds or more data"
        )
    chance = np.random.default_rng(seed)
    fold = np.empty(len(accounts), np.intp)
    for label in (0, 1):  # one after the other, so that goods and bads are spread evenly, both
        members = chance.permutation(np.flatnonzero(bad == label))
        fold[members] = np.arange(len(members)) % folds
    return fold[account]


def fit_model(table: TrainingTable, plan: FitPlan, method: str = "tables") -> AdditiveModel:
    """The additive model of a method (`tables`, `main` or `woe`), neighbouring bins merged."""
    if method == "woe":
        return fit_woe(table, plan)
    plan_of_method = replace(plan, tables_max=0) if method == "main" else plan
    return with_fewer_bins(fit_additive(table, plan_of_method), table, plan)


def with_fewer_bins(model: AdditiveModel, table: TrainingTable, plan: FitPlan) -> AdditiveModel:
    """The model with neighbouring bins merged, as far as `plan.merge_cost` allows."""
    pd = probability(model.log_odds(table.features))
    return merge_bins(model, len(table), plan.merge_cost, float(np.mean(pd * (1 - pd))))


def compare_methods(
    table: TrainingTable, plan: FitPlan, folds: int, progress: Callable[[int], object] = lambda folds_done: None
) -> dict[str, float]:
    """Mean AUC over the folds of every method (`auc_tables`, ...), and what fewer bins and whole points cost."""
    validation = cross_validate(table, plan, folds, METHODS, progress)
    aucs = {f"auc_{method}": validation.mean_auc(table.label, method) for method in METHODS}
    return {**aucs, "rounding_cost": aucs["auc_exact"] - aucs["auc_tables"]}


def _log_odds_of_unseen(
    seen: TrainingTable, unseen: TrainingTable, plan: FitPlan, methods: tuple[str, ...]
) -> dict[str, Floats]:
    """By method: fitted on the seen rows, the log-odds of the unseen ones. The forest is fitted once for all."""
    log_odds: dict[str, Floats] = {}
    forest = fit_forest(seen, plan)
    if set(methods) & {*EXACT_TWIN, *EXACT_TWIN.values()}:
        full = fit_additive(seen, plan, forest)
        for method, model in (("tables", full), ("main", AdditiveModel(full.intercept, full.main_effects))):
            card = scorecard_of(with_fewer_bins(model, seen, plan), plan, seen.features)
            points = score_many(card, unseen.features).score.astype(np.float64)
            log_odds[method] = log_odds_of_points(points, plan.scale)
            log_odds[EXACT_TWIN[method]] = model.log_odds(unseen.features)
    if "forest" in methods:
        log_odds["forest"] = forest.log_odds(unseen.features)
    if "woe" in methods:
        log_odds["woe"] = fit_woe(seen, plan).log_odds(unseen.features)
    return {method: log_odds[method] for method in methods}
