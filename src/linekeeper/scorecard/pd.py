"""The probability of default of a score, computed in whole numbers.

PD = 1 / (1 + odds), and the odds double every `double_points`: Siddiqi, Credit Risk Scorecards (2006), chapter 6.
"""

from __future__ import annotations

from dataclasses import dataclass

ONE_PPM = 1_000_000
PRECISION_BITS = 64


@dataclass(frozen=True, slots=True)
class Scale:
    """`score` points are odds of `odds` good to one bad; every `double_points` more double them."""

    score: int = 600
    odds: int = 30
    double_points: int = 20


def pd_ppm(points: int, scale: Scale | None = None) -> int:
    """The PD of a score, in parts per million, rounded to the nearest.

    >>> pd_ppm(600), pd_ppm(620), pd_ppm(580)
    (32258, 16393, 62500)
    """
    scale = scale or Scale()
    # Whole numbers throughout: a PD that depended on the processor's rounding would give a card another hash elsewhere.
    doublings, rest = divmod(points - scale.score, scale.double_points)
    one = 1 << PRECISION_BITS
    # one * 2^(rest / double_points), as the root of a whole number
    step = _root(1 << (PRECISION_BITS * scale.double_points + rest), scale.double_points)
    good, bad = scale.odds * step, one
    good, bad = (good << doublings, bad) if doublings >= 0 else (good, bad << -doublings)
    return (2 * ONE_PPM * bad + good + bad) // (2 * (good + bad))


def pd_table(
    lowest: int, highest: int, scale: Scale | None = None, width_points: int = 5
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(cuts, PD in ppm of each band): bands of `width_points` over `lowest` to `highest`, with the PD of their middle.

    >>> pd_table(590, 605)
    ((595, 600, 605), (42131, 35667, 30163, 25486))
    """
    cuts = tuple(range(lowest + width_points, highest + 1, width_points))
    middles = [cut - (width_points + 1) // 2 for cut in (*cuts, (cuts[-1] if cuts else lowest) + width_points)]
    return cuts, tuple(pd_ppm(middle, scale) for middle in middles)


def _root(number: int, degree: int) -> int:
    """The greatest whole number whose power `degree` is at most `number` (Newton's method, from above)."""
    guess = 1 << -(-number.bit_length() // degree)
    while True:
        better = ((degree - 1) * guess + number // guess ** (degree - 1)) // degree
        if better >= guess:
            return guess
        guess = better
