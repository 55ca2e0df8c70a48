"""Figures against their definitions worked out pair by pair, and against worked examples of the papers."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.lab.fit import metrics
from linekeeper.lab.fit.metrics import calibration_by_decile
from linekeeper.lab.fit.scaling import measured_pd, slope_and_shift

samples = st.lists(st.tuples(st.integers(0, 1), st.integers(-5, 5)), min_size=4, max_size=60).filter(
    lambda rows: len({bad for bad, _ in rows}) == 2
)


@given(samples)
def test_auc_is_the_share_of_pairs_that_are_ranked_right(rows: list[tuple[int, int]]) -> None:
    bads, goods = ([risk for bad, risk in rows if bad == kind] for kind in (1, 0))
    right = sum(1.0 if bad > good else 0.5 if bad == good else 0.0 for bad, good in product(bads, goods))
    bad, risk = (np.array(column) for column in zip(*rows, strict=True))
    assert metrics.auc(bad, risk) == pytest.approx(right / (len(bads) * len(goods)))


@given(samples)
def test_ks_is_the_greatest_distance_at_any_threshold(rows: list[tuple[int, int]]) -> None:
    bad, risk = (np.array(column) for column in zip(*rows, strict=True))
    distances = [abs((risk[bad == 1] <= at).mean() - (risk[bad == 0] <= at).mean()) for at in range(-5, 6)]
    assert metrics.ks(bad, risk) == pytest.approx(max(distances))


def test_brier_and_log_loss_are_means_over_the_rows() -> None:
    bad, pd = np.array([1, 0, 0, 1]), np.array([0.8, 0.1, 0.5, 0.4])
    assert metrics.brier(bad, pd) == pytest.approx((0.04 + 0.01 + 0.25 + 0.36) / 4)
    assert metrics.log_loss(bad, pd) == pytest.approx(-np.log([0.8, 0.9, 0.5, 0.4]).mean())


def test_log_loss_of_a_certain_and_right_pd_is_nothing() -> None:
    assert metrics.log_loss(np.array([1, 0]), np.array([1.0, 0.0])) == pytest.approx(0, abs=1e-9)


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


def test_wilson_intervals_are_those_of_the_formula() -> None:
    for bads, rows in ((0, 10), (1, 10), (7, 9), (50, 1_000)):
        rate, z2 = bads / rows, 1.959963984540054**2
        middle = (rate + z2 / (2 * rows)) / (1 + z2 / rows)
        half = (z2 * (rate * (1 - rate) / rows + z2 / (4 * rows**2))) ** 0.5 / (1 + z2 / rows)
        assert metrics.wilson_interval(bads, rows) == pytest.approx((middle - half, middle + half), abs=1e-12)


def test_psi_of_the_same_is_zero_and_of_another_is_not() -> None:
    assert metrics.psi(np.array([30, 70]), np.array([300, 700])) == pytest.approx(0)
    assert metrics.psi(np.array([90, 10]), np.array([10, 90])) > 0.25


def test_slope_and_shift_leave_no_slope_of_the_likelihood() -> None:
    """At the maximum of the likelihood the errors add up to nothing, and so do the errors times the log-odds."""
    chance = np.random.default_rng(0)
    odds = chance.normal(size=2_000)
    label = (chance.random(2_000) < 1 / (1 + np.exp(-(0.7 * odds - 1)))).astype(np.int64)
    slope, shift = slope_and_shift(label, odds)
    errors = label - 1 / (1 + np.exp(-(slope * odds + shift)))
    assert (errors.mean(), (errors * odds).mean()) == pytest.approx((0, 0), abs=1e-9)
    assert (slope, shift) == pytest.approx((0.7, -1), abs=0.15)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 1)), min_size=1, max_size=80))
def test_measured_pd_never_rises_and_is_the_pooled_rate(rows: list[tuple[int, int]]) -> None:
    """The nearest falling sequence: at i, the least over s <= i of the greatest mean of bands s to t over t >= i."""
    points, label = (np.array(column) for column in zip(*rows, strict=True))
    below, formula = (10, 20, 30), (400_000, 200_000, 100_000, 50_000)
    found = measured_pd(below, formula, points, label)
    band = np.searchsorted(below, points, side="right")
    weight = np.bincount(band, minlength=4) + 200
    bads = np.bincount(band, weights=label, minlength=4) * 1e6 + 200 * np.array(formula)

    def mean(first: int, last: int) -> float:
        return float(bads[first : last + 1].sum() / weight[first : last + 1].sum())

    pooled = [min(max(mean(first, last) for last in range(at, 4)) for first in range(at + 1)) for at in range(4)]
    assert found == pytest.approx(pooled, abs=1)
    assert list(found) == sorted(found, reverse=True)


def test_deciles_are_riskiest_first() -> None:
    pd = np.linspace(0.01, 0.99, 1_000)
    label = (np.arange(1_000) > 500).astype(np.int64)
    deciles = calibration_by_decile(label, pd)
    assert [decile.rows for decile in deciles] == [100] * 10
    assert deciles[0].mean_pd > deciles[-1].mean_pd
    assert (deciles[0].bad_rate, deciles[-1].bad_rate) == (1.0, 0.0)
