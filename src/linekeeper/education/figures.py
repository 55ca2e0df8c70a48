"""The figures that lessons use, from `policies/lessons/figures.yaml`: the code holds no opinion of its own."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from linekeeper.texts.material import MaterialError, read_yaml, shipped


@dataclass(frozen=True, slots=True)
class LessonFigures:
    """Rates in basis points a year; an amount in whole units of the currency; a share of income in basis points."""

    elsewhere_rates_bp: tuple[int, ...]
    example_amount: int
    example_days: int
    tight_below_bp: int


def read_figures(path: Path) -> LessonFigures:
    """The figures of one YAML file."""
    raw = read_yaml(path)
    try:
        example = raw["example"]
        rates = tuple(_basis_points(rate) for rate in raw["elsewhere_rates"])
        return LessonFigures(rates, int(example["amount"]), int(example["days"]), _basis_points(raw["tight_below"]))
    except (KeyError, TypeError, ValueError, ArithmeticError) as fault:
        needed = "`elsewhere_rates`, `example` (amount, days) and `tight_below`"
        raise MaterialError(f"`{path.name}` needs {needed}; write shares like `24%`") from fault


@cache
def shipped_figures() -> LessonFigures:
    """The figures that come with the product.

    >>> shipped_figures().elsewhere_rates_bp
    (2400, 3600)
    """
    return read_figures(shipped("lessons") / "figures.yaml")


def _basis_points(share: str) -> int:
    return int(Decimal(share.removesuffix("%")) * 100)
