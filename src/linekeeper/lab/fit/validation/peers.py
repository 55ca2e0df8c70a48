"""What a card is compared with: plain logistic regression and LightGBM, fitted in the same run on the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from linekeeper.core.bounds import MISSING
from linekeeper.lab.fit.additive_model import Floats
from linekeeper.lab.fit.boosting import (
    FOREST,
    HELD_OUT_SHARE,
    ROUNDS_MAX,
    raw_log_odds,
    train_booster,
)
from linekeeper.lab.fit.feature_bins import BinnedTable, bin_table
from linekeeper.lab.fit.folds import folds_of
from linekeeper.lab.fit.metrics import auc, auc_difference, auc_interval, brier, log_loss
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.fit.scaling import probability
from linekeeper.lab.fit.training_table import Rows, TrainingTable
from linekeeper.lab.fit.validation.sample_figures import PD_LEAST, FigureInterval, ScoredRows
from linekeeper.lab.fit.validation.samples import ValidationData
from linekeeper.scorecard.many import FeatureColumns

PEER_FOLDS = 5  # without rows of the fit, a peer learns from the other folds of the rows that judge it


@dataclass(frozen=True, slots=True)
class PeerFigures:
    """A peer on one sample. `card_above`: the AUC of the card less that of the peer, paired by row (DeLong)."""

    sample: str
    peer: str
    auc: float
    auc_interval: FigureInterval
    card_above: float
    card_above_interval: FigureInterval
    brier: float
    log_loss: float


def compare_with_peers(
    data: ValidationData, scored: ScoredRows, progress: Callable[[int], object] = lambda steps_done: None
) -> tuple[PeerFigures, ...]:
    """Every peer on every sample that the fit has not seen. `progress` is called after each peer."""
    figures = []
    for name, fit in PEERS.items():
        log_odds = _log_odds(data, fit)
        for sample in data.unseen:
            own, theirs = scored.take(sample.rows), log_odds[sample.rows]
            above, low, high = auc_difference(own.label, -own.points, theirs)
            pd = np.clip(probability(theirs), PD_LEAST, 1 - PD_LEAST)
            figures.append(
                PeerFigures(
                    sample=sample.name,
                    peer=name,
                    auc=auc(own.label, theirs),
                    auc_interval=auc_interval(own.label, theirs),
                    card_above=above,
                    card_above_interval=(low, high),
                    brier=brier(own.label, pd),
                    log_loss=log_loss(own.label, pd),
                )
            )
        progress(1)
    return tuple(figures)


def _log_odds(data: ValidationData, fit: Peer) -> Floats:
    """The log-odds of bad that a peer gives each row that is unseen; it has not seen that row either."""
    log_odds = np.zeros(len(data.table))
    if len(data.development):
        unseen = data.unseen_rows
        log_odds[unseen] = fit(data.table, data.plan, data.development, unseen)
        return log_odds
    fold = folds_of(data.table, PEER_FOLDS, data.plan.seed)
    for number in range(PEER_FOLDS):
        seen, unseen = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        log_odds[unseen] = fit(data.table, data.plan, seen, unseen)
    return log_odds


def fit_logistic(table: TrainingTable, plan: FitPlan, seen: Rows, unseen: Rows) -> Floats:
    """Plain logistic regression on standardised amounts; flags say where one is missing or is a code."""
    matrix = _design(plan, table.features, seen)
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000))
    regression.fit(matrix[seen], table.label[seen])
    log_odds: Floats = regression.decision_function(matrix[unseen])
    return log_odds


def fit_lightgbm(table: TrainingTable, plan: FitPlan, seen: Rows, unseen: Rows) -> Floats:
    """LightGBM without limits and directions, with as many rounds as help a share of the accounts held out."""
    data = bin_table(table, plan)
    learned = data.take(np.sort(seen))
    booster = train_booster(learned.fine_data(), learned.label, plan, _rounds(learned, plan), FOREST)
    return raw_log_odds(booster, data.fine.take(unseen).matrix())


Peer = Callable[[TrainingTable, FitPlan, Rows, Rows], Floats]
PEERS: dict[str, Peer] = {"logistic_regression": fit_logistic, "lightgbm": fit_lightgbm}


def _rounds(data: BinnedTable, plan: FitPlan) -> int:
    held_out = data.sample_accounts(HELD_OUT_SHARE, plan.seed)
    learned, judge = data.take(np.flatnonzero(~held_out)), data.take(np.flatnonzero(held_out))
    if len(set(learned.table.label)) < 2 or len(set(judge.table.label)) < 2:
        return 1
    judged = judge.fine_data().construct().set_label(judge.label)
    booster = train_booster(learned.fine_data(), learned.label, plan, ROUNDS_MAX, FOREST, judge=judged)
    return max(booster.best_iteration, 1)


def _design(plan: FitPlan, columns: FeatureColumns, seen: Rows) -> Floats:
    """The columns of a regression: amounts (else the median), flags of codes and of missing values, and of choices."""
    parts = []
    for feature in plan.features:
        values = columns[feature.name]
        parts += [(values == code).astype(float) for code in (*feature.special, MISSING)]
        if feature.choices:
            parts += [(values == choice).astype(float) for choice in range(1, len(feature.choices))]
            continue
        hidden = np.isin(values, (*feature.special, MISSING))
        amounts = values.astype(float)
        known = amounts[seen][~hidden[seen]]
        parts.append(np.where(hidden, np.median(known) if len(known) else 0.0, amounts))
    return np.column_stack(parts)
