"""The classic: weight of evidence by optimal binning, then logistic regression (Siddiqi 2006; Navas-Palencia 2020)."""

from __future__ import annotations

import math

import numpy as np
from optbinning import OptimalBinning
from sklearn.linear_model import LogisticRegression

from linekeeper.core.bounds import MISSING
from linekeeper.lab.fit.additive_model import AdditiveModel, Binning, Floats, MainEffect
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.scorecard.many import FeatureColumn

PREBINS, BIN_SHARE, PENALTY = 20, 0.02, 1.0


def fit_woe(table: TrainingTable, plan: FitPlan) -> AdditiveModel:
    """Weight-of-evidence bins of each feature, weighted by a logistic regression; no tables."""
    effects = [
        _weight_of_evidence(feature, table.features[feature.name], table.label, table.weight)
        for feature in plan.features
    ]
    evidence = np.column_stack([effect.at(table.features) for effect in effects])
    regression = LogisticRegression(C=PENALTY, max_iter=1000).fit(evidence, table.label, table.weight)
    weighted = tuple(
        MainEffect(effect.binning, effect.values * weight, effect.rows)
        for effect, weight in zip(effects, regression.coef_[0], strict=True)
    )
    return AdditiveModel(float(regression.intercept_[0]), weighted)


def _weight_of_evidence(
    feature: FeaturePlan, values: FeatureColumn, label: FeatureColumn, weight: Floats | None
) -> MainEffect:
    """ln(bads' share / goods' share) of each bin, which rises with risk; none of either counts as half a row."""
    binning = _optimal_binning(feature, values, label)
    rows, bins = binning.count({feature.name: values}), binning.bin_of(values)
    of_bads = label if weight is None else label * weight
    bads = np.bincount(bins, weights=of_bads, minlength=binning.size)
    goods = (rows if weight is None else np.bincount(bins, weights=weight, minlength=binning.size)) - bads
    evidence: Floats = np.log(np.maximum(bads, 0.5) / bads.sum()) - np.log(np.maximum(goods, 0.5) / goods.sum())
    evidence[rows == 0] = 0.0
    return MainEffect(binning, evidence, rows)


def _optimal_binning(feature: FeaturePlan, values: FeatureColumn, label: FeatureColumn) -> Binning:
    has_amount = (values != MISSING) & ~np.isin(values, feature.special)
    codes = feature.special
    trend = {"higher": "ascending", "lower": "descending", None: "auto_asc_desc"}[feature.worse]
    binning = OptimalBinning(
        name=feature.name, monotonic_trend=trend, max_n_prebins=PREBINS, min_prebin_size=BIN_SHARE, solver="cp"
    )
    splits = binning.fit(values[has_amount].astype(np.float64), label[has_amount]).splits
    cuts = sorted({math.ceil(split) for split in splits}.union(*((code, code + 1) for code in codes)))
    return Binning(feature.name, tuple(cuts), frozenset(cuts.index(code) + 1 for code in codes))
