"""Draws that somebody asks about before they happen."""

from __future__ import annotations

from numbers import Integral

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.core.errors import UsageError


def demand_draw_amount(amount: object) -> None:
    """Raises UsageError where the amount (minor units) is none that can be drawn."""
    if isinstance(amount, bool) or not isinstance(amount, Integral) or not 0 < int(amount) <= MONEY_MAX:
        raise UsageError(
            f"a draw of `{amount}` cannot be",
            code="amount-not-readable",
            way_out="name an amount above 0; in Python it is a whole number of minor units",
            details={"given": str(amount)},
        )
