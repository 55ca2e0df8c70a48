"""What borrowing elsewhere costs against waiting: simple interest, in integers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

YEAR_PARTS = 365 * 10_000  # days of a year times basis points of the whole


@dataclass(frozen=True, slots=True)
class LoanCost:
    """The interest of one loan, in minor units, at a rate in basis points a year."""

    rate_bp: int
    interest_minor: int


def interest_minor(amount_minor: int, rate_bp: int, days: int) -> int:
    """Simple interest for so many days, rounded to the nearest minor unit (half up).

    >>> interest_minor(500_000, 2_400, 90), interest_minor(500_000, 3_600, 90)
    (29589, 44384)
    """
    if min(amount_minor, rate_bp, days) < 0:
        raise ValueError("amount, rate and days are not negative")
    return (2 * amount_minor * rate_bp * days + YEAR_PARTS) // (2 * YEAR_PARTS)


def costs_elsewhere(amount_minor: int, days: int, rates_bp: Iterable[int]) -> tuple[LoanCost, ...]:
    """The cost of borrowing the amount elsewhere for so many days, at each rate."""
    return tuple(LoanCost(rate, interest_minor(amount_minor, rate, days)) for rate in rates_bp)
