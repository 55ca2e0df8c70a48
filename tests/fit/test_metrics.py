"""Figures against other people's: scikit-learn, and worked examples of the papers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score, roc_curve

from linekeeper.lab.fit import metrics
from linekeeper.lab.fit.calibrate import by_decile, measured_pd, slope_and_shift

samples = st.lists(st.tuples(st.integers(0, 1), st.integers(-5, 5)), min_size=4, max_size=60).filter(
    lambda rows: len({bad for bad, _ in rows}) == 2
)


@given(samples)
def test_auc_and_ks_agree_with_scikit_learn(rows: list[tuple[int, int]]) -> None:
    bad, risk = (np.array(column) for column in zip(*rows, strict=True))
    false, true, _ = roc_curve(bad, risk, drop_intermediate=False)
    assert metrics.auc(bad, risk) == pytest.approx(roc_auc_score(bad, risk))
    assert metrics.ks(bad, risk) == pytest.approx(np.abs(true - false).max())


def test_brier_and_log_loss_agree_with_scikit_learn() -> None:
    chance = np.random.default_rng(0)
    bad, pd = chance.integers(0, 2, 200), chance.random(200)
    assert metrics.brier(bad, pd) == pytest.approx(brier_score_loss(bad, pd))
    assert metrics.log_loss(bad, pd) == pytest.approx(log_loss(bad, pd))


def test_the_auc_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    chance, covered = np.random.default_rng(0), 0
    truth = 0.7602  # of two normal distributions one deviation apart: Phi(1 / sqrt 2)
    for _ in range(200):
        bad = np.repeat([0, 1], 60)
        low, high = metrics.auc_interval(bad, chance.normal(size=120) + bad)
        covered += low <= truth <= high
    assert 180 <= covered <= 199


def test_a_better_risk_is_seen_to_be_better() -> None:
    chance = np.random.default_rng(0)
    bad = np.repeat([0, 1], 500)
    good, poor = chance.normal(size=1000) + 2 * bad, chance.normal(size=1000) + 0.5 * bad
    gap, low, high = metrics.auc_difference(bad, good, poor)
    assert gap == pytest.approx(metrics.auc(bad, good) - metrics.auc(bad, poor))
    assert 0 < low < gap < high


def test_psi_of_the_same_is_zero_and_of_another_is_not() -> None:
    assert metrics.psi(np.array([30, 70]), np.array([300, 700])) == pytest.approx(0)
    assert metrics.psi(np.array([90, 10]), np.array([10, 90])) > 0.25


def test_slope_and_shift_are_those_of_a_logistic_regression() -> None:
    chance = np.random.default_rng(0)
    odds = chance.normal(size=2_000)
    label = (chance.random(2_000) < 1 / (1 + np.exp(-(0.7 * odds - 1)))).astype(np.int64)
    other = LogisticRegression(C=1e10, tol=1e-8).fit(odds[:, None], label)
    assert slope_and_shift(label, odds) == pytest.approx((other.coef_[0, 0], other.intercept_[0]), abs=1e-4)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 1)), min_size=1, max_size=80))
def test_measured_pd_never_rises_and_is_the_pooled_rate(rows: list[tuple[int, int]]) -> None:
    points, label = (np.array(column) for column in zip(*rows, strict=True))
    below, formula = (10, 20, 30), (400_000, 200_000, 100_000, 50_000)
    found = measured_pd(below, formula, points, label)
    band = np.searchsorted(below, points, side="right")
    count, bads = np.bincount(band, minlength=4), np.bincount(band, weights=label, minlength=4)
    rates = (bads * 1e6 + 200 * np.array(formula)) / (count + 200)
    assert found == pytest.approx(
        IsotonicRegression(increasing=False).fit_transform(np.arange(4), rates, sample_weight=count + 200), abs=1
    )


def test_deciles_are_riskiest_first() -> None:
    pd = np.linspace(0.01, 0.99, 1_000)
    label = (np.arange(1_000) > 500).astype(np.int64)
    found = by_decile(label, pd)
    assert [part.rows for part in found] == [100] * 10
    assert found[0].mean_pd > found[-1].mean_pd
    assert (found[0].bad_rate, found[-1].bad_rate) == (1.0, 0.0)
