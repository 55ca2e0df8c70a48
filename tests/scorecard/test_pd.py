"""Points to PD in whole numbers, against the same formula in high-precision decimals."""

from __future__ import annotations

from decimal import Decimal, localcontext
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from linekeeper.scorecard.pd import Scale, pd_ppm, pd_table


@given(st.integers(-500, 1500), st.integers(1, 60), st.integers(5, 60))
def test_ppm_is_the_formula_rounded(points: int, odds: int, double: int) -> None:
    with localcontext(prec=60):
        exact = 1_000_000 / (1 + odds * Decimal(2) ** (Decimal(points - 600) / double))
        assert abs(pd_ppm(points, Scale(600, odds, double)) - exact) <= Decimal("0.500001")


@given(st.integers(-200, 600), st.integers(0, 400), st.integers(1, 20))
def test_the_table_covers_the_scores_and_falls(lowest: int, span: int, width: int) -> None:
    cuts, ppm = pd_table(lowest, lowest + span, width_points=width)
    assert len(ppm) == len(cuts) + 1
    assert all(b == a + width for a, b in pairwise(cuts))
    assert all(b <= a for a, b in pairwise(ppm))
    assert all(lowest < cut <= lowest + span for cut in cuts)
    assert not cuts or cuts[-1] + width > lowest + span


def test_twenty_points_double_the_odds() -> None:
    assert [pd_ppm(points) for points in (560, 580, 600, 620)] == [117_647, 62_500, 32_258, 16_393]
