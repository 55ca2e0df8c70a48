"""The classic: weight of evidence by optimal binning, then logistic regression (Siddiqi 2006; Navas-Palencia 2020)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from linekeeper.core.bounds import MISSING
from linekeeper.lab.fit.additive_model import Additive, Axis, Curve, Floats, counted
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan
from linekeeper.lab.fit.training_table import TrainingTable
from linekeeper.scorecard.many import Column

if TYPE_CHECKING:
    from optbinning import OptimalBinning

PREBINS, BIN_SHARE, PENALTY = 20, 0.02, 1.0


def fit_woe(table: TrainingTable, plan: FitPlan) -> Additive:
    """Weight-of-evidence bins of each feature, weighted by a logistic regression; no tables. Needs optbinning."""
    from sklearn.linear_model import LogisticRegression

    curves = [_evidence(feature, table.features[feature.name], table.label) for feature in plan.features]
    evidence = np.column_stack([curve.at(table.features) for curve in curves])
    regression = LogisticRegression(C=PENALTY, max_iter=1000).fit(evidence, table.label)
    weights = regression.coef_[0]
    scaled = tuple(
        Curve(curve.axis, curve.values * weight, curve.rows) for curve, weight in zip(curves, weights, strict=True)
    )
    return Additive(float(regression.intercept_[0]), scaled)


def _evidence(feature: FeaturePlan, values: Column, label: Column) -> Curve:
    """ln(bads' share / goods' share) of each bin, which rises with risk; none of either counts as half a row."""
    axis = _axis(feature, values, label)
    rows = counted(axis, {feature.name: values})
    bads = np.bincount(axis.place(values), weights=label, minlength=axis.places)
    goods = rows - bads
    found: Floats = np.log(np.maximum(bads, 0.5) / bads.sum()) - np.log(np.maximum(goods, 0.5) / goods.sum())
    found[rows == 0] = 0.0
    return Curve(axis, found, rows)


def _axis(feature: FeaturePlan, values: Column, label: Column) -> Axis:
    plain = (values != MISSING) & ~np.isin(values, feature.special)
    codes = [code for code in feature.special if (values == code).any()]
    splits = _binning(feature).fit(values[plain].astype(np.float64), label[plain]).splits
    cuts = sorted({math.ceil(split) for split in splits}.union(*((code, code + 1) for code in codes)))
    return Axis(feature.name, tuple(cuts), frozenset(cuts.index(code) + 1 for code in codes))


def _binning(feature: FeaturePlan) -> OptimalBinning:
    from optbinning import OptimalBinning

    trend = {"higher": "ascending", "lower": "descending", None: "auto_asc_desc"}[feature.worse]
    return OptimalBinning(
        name=feature.name, monotonic_trend=trend, max_n_prebins=PREBINS, min_prebin_size=BIN_SHARE, solver="cp"
    )
