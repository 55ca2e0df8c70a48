"""Every method on the same folds: what each says of rows that it had not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from linekeeper.core.errors import LinekeeperError
from linekeeper.lab.fit.additive_model import Additive, Floats
from linekeeper.lab.fit.bin_merging import merged
from linekeeper.lab.fit.boosting import fit_additive, fit_forest
from linekeeper.lab.fit.calibrate import probability
from linekeeper.lab.fit.metrics import auc
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.scaling import log_odds_of, scorecard_of
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.lab.fit.weight_of_evidence import fit_woe
from linekeeper.scorecard.many import score_many

# tables and main: cards in whole points, with and without tables; exact: the same before merging and rounding
METHODS = ("tables", "exact", "main", "exact_main", "forest", "woe")
EXACT = {"tables": "exact", "main": "exact_main"}


@dataclass(frozen=True, slots=True)
class Crossed:
    """For each row: its fold, and the log-odds of bad that each method says without having seen the fold."""

    fold: npt.NDArray[np.intp]
    log_odds: Mapping[str, Floats]

    def aucs(self, label: npt.NDArray[np.int64], method: str) -> list[float]:
        """The AUC of a method in each fold."""
        return [auc(label[rows], self.log_odds[method][rows]) for rows in self.rows()]

    def rows(self) -> list[npt.NDArray[np.bool_]]:
        """A mask of the rows of each fold."""
        return [self.fold == number for number in range(int(self.fold.max()) + 1)]


def cross_fit(
    table: TrainingTable,
    plan: FitPlan,
    folds: int,
    methods: tuple[str, ...] = METHODS,
    tell: Callable[[int], None] = lambda done: None,
) -> Crossed:
    """Fit on all folds but one, say on that one; in turn. `tell` hears of each fold done.

    LinekeeperError where a fold would lack goods or bads.
    """
    fold = folds_of(table, folds, plan.seed)
    said = {method: np.empty(len(table)) for method in methods}

    def one(number: int) -> dict[str, Floats]:
        seen, unseen = table.take(np.flatnonzero(fold != number)), table.take(np.flatnonzero(fold == number))
        return _say(seen, unseen, plan, methods)

    with ThreadPoolExecutor(plan.workers) as pool:  # LightGBM lets go of Python while it works
        for number, heard in enumerate(pool.map(one, range(folds))):
            for method, log_odds in heard.items():
                said[method][fold == number] = log_odds
            tell(1)
    return Crossed(fold, said)


def folds_of(table: TrainingTable, folds: int, seed: int) -> npt.NDArray[np.intp]:
    """A fold for each row, at random, bads spread evenly; rows of one account stay in one fold."""
    accounts, first, where = np.unique(table.account, return_index=True, return_inverse=True)
    bad = np.zeros(len(accounts), np.int64)
    np.maximum.at(bad, where, table.label)
    if min(bad.sum(), len(bad) - bad.sum()) < folds:
        raise LinekeeperError(f"too few goods or bads for {folds} folds; use fewer folds or more data")
    chance = np.random.default_rng(seed)
    found = np.empty(len(accounts), np.intp)
    for label in (0, 1):
        rows = chance.permutation(np.flatnonzero(bad[np.argsort(np.argsort(first))] == label))
        found[rows] = np.arange(len(rows)) % folds
    return found[where]


def fit_model(table: TrainingTable, plan: FitPlan, method: str = "tables") -> Additive:
    """The additive model of a method (`tables`, `main` or `woe`), neighbouring bins merged."""
    if method == "woe":
        return fit_woe(table, plan)
    return tidy(fit_additive(table, replace(plan, tables_max=0 if method == "main" else plan.tables_max)), table, plan)


def _say(seen: TrainingTable, unseen: TrainingTable, plan: FitPlan, methods: tuple[str, ...]) -> dict[str, Floats]:
    said: dict[str, Floats] = {}
    forest = fit_forest(seen, plan)
    if set(methods) & {*EXACT, *EXACT.values()}:
        full = fit_additive(seen, plan, forest)
        for method, model in (("tables", full), ("main", Additive(full.intercept, full.curves))):
            card = scorecard_of(tidy(model, seen, plan), plan, seen.features)
            said[method] = log_odds_of(score_many(card, unseen.features).score.astype(np.float64), plan.scale)
            said[EXACT[method]] = model.log_odds(unseen.features)
    if "forest" in methods:
        said["forest"] = forest.log_odds(unseen.features)
    if "woe" in methods:
        said["woe"] = fit_woe(seen, plan).log_odds(unseen.features)
    return {method: said[method] for method in methods}


def tidy(model: Additive, table: TrainingTable, plan: FitPlan) -> Additive:
    """The model with neighbouring bins merged, as far as that costs nothing."""
    likely = probability(model.log_odds(table.features))
    return merged(model, len(table), plan.merge_cost, float(np.mean(likely * (1 - likely))))


def compare_methods(
    table: TrainingTable, plan: FitPlan, folds: int, tell: Callable[[int], None] = lambda done: None
) -> dict[str, float]:
    """Mean AUC over the folds of every method (`auc_tables`, ...), and what fewer bins and whole points cost."""
    crossed = cross_fit(table, plan, folds, METHODS, tell)
    found = {f"auc_{method}": float(np.mean(crossed.aucs(table.label, method))) for method in METHODS}
    return {**found, "rounding_cost": found["auc_exact"] - found["auc_tables"]}
