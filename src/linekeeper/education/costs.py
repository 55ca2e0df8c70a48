"""What borrowing elsewhere costs against waiting: simple interest, at the rates of `policies/lessons/figures.yaml`.

The costs are an order of magnitude for a person, not a quote: other lenders' fees and compounding are not known here,
so they are left out, and the text says "about". Amounts are integers, so that the same question always has the same
answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from linekeeper.texts.material import MaterialError, read_yaml, shipped

BP_DAYS_PER_YEAR = 365 * 10_000  # simple interest = amount * basis points * days / this


@dataclass(frozen=True, slots=True)
class LessonFigures:
    """The figures that lessons use; they are an opinion, so they are data and not code.

    Rates in basis points a year; an amount in whole units of the currency; `tight_below_bp` as a share of income.
    """

    elsewhere_rates_bp: tuple[int, ...]
    example_amount: int
    example_days: int
    tight_below_bp: int


@dataclass(frozen=True, slots=True)
class LoanCost:
    """The interest of one loan, in minor units, at a rate in basis points a year."""

    rate_bp: int
    interest_minor: int


def costs_elsewhere(amount_minor: int, days: int, rates_bp: Iterable[int]) -> tuple[LoanCost, ...]:
    """The cost of borrowing the amount elsewhere for so many days, at each rate."""
    return tuple(LoanCost(rate, interest_minor(amount_minor, rate, days)) for rate in rates_bp)


def interest_minor(amount_minor: int, rate_bp: int, days: int) -> int:
    """Simple interest for so many days, rounded to the nearest minor unit (half up).

    >>> interest_minor(500_000, 2_400, 90), interest_minor(500_000, 3_600, 90)
    (29589, 44384)
    """
    if min(amount_minor, rate_bp, days) < 0:
        raise ValueError("amount, rate and days are not negative")
    return (2 * amount_minor * rate_bp * days + BP_DAYS_PER_YEAR) // (2 * BP_DAYS_PER_YEAR)


@cache
def shipped_figures() -> LessonFigures:
    """The figures that come with the product.

    >>> shipped_figures().elsewhere_rates_bp
    (2400, 3600)
    """
    return read_figures(shipped("lessons") / "figures.yaml")


def read_figures(path: Path) -> LessonFigures:
    """The figures of one YAML file. Raises `MaterialError` where one is missing or is not a number."""
    raw = read_yaml(path)
    try:
        example = raw["example"]
        rates = tuple(_basis_points(rate) for rate in raw["elsewhere_rates"])
        return LessonFigures(rates, int(example["amount"]), int(example["days"]), _basis_points(raw["tight_below"]))
    except (KeyError, TypeError, ValueError, ArithmeticError) as fault:
        needed = "`elsewhere_rates`, `example` (amount, days) and `tight_below`"
        raise MaterialError(
            f"`{path.name}` needs {needed}",
            code="material-not-complete",
            way_out="write shares like `24%`",
            place=str(path),
        ) from fault


def _basis_points(share: str) -> int:
    return int(Decimal(share.removesuffix("%")) * 100)
