"""Whole numbers of a card as people read them: a share in percent, money with its point, a choice by its word."""

from __future__ import annotations

from linekeeper.scorecard.artifact import Input

PLAN_SHARE = "share"  # the name of a unit in plans: basis points, or a fraction of one where the column has decimals
PERCENT, PERCENT_DIGITS = "%", 2


def unit_of_plan(name: str, decimals: int) -> tuple[str, int]:
    """(What stands after an amount, how many of its digits stand after the point) for a unit that a plan names.

    >>> unit_of_plan("share", 0), unit_of_plan("share", 4), unit_of_plan("months", 1), unit_of_plan("", 2)
    (('%', 2), ('%', 2), ('months', 1), ('', 0))
    """
    if name == PLAN_SHARE:
        return PERCENT, decimals - PERCENT_DIGITS if decimals else PERCENT_DIGITS
    return name, decimals if name else 0


def amount_in_unit(number: int, unit: str = "", digits: int = 0) -> str:
    """A whole number in its unit.

    >>> amount_in_unit(4_532, "%", 2), amount_in_unit(-123_456, "CNY", 2), amount_in_unit(30, "days"), amount_in_unit(7)
    ('45.32 %', '-1,234.56 CNY', '30 days', '7')
    """
    if digits <= 0:
        shown = f"{number * 10**-digits:,}"
    else:
        whole, rest = divmod(abs(number), 10**digits)
        shown = f"{'-' if number < 0 else ''}{whole:,}.{rest:0{digits}}"
    return f"{shown} {unit}".rstrip()


def bin_words(low: int | None, below: int | None, of: Input | None, missing: bool = False) -> str:
    """The values of a bin in words: from `low` up to, not including, `below`; None: without an end.

    >>> bin_words(None, 3_000, Input("burden", unit="%", unit_digits=2))
    'below 30.00 %'
    >>> bin_words(1, 2, Input("channel", choices=("app", "branch"))), bin_words(-9, -8, Input("visits", special=(-9,)))
    ('branch', 'code -9')
    """
    if missing:
        return "missing"
    if of and below is not None and below - 1 in of.special and low in (None, below - 1):
        return f"code {below - 1}"  # what lies below the lowest code joined its bin only where no row was
    unit, digits = (of.unit, of.unit_digits if of.unit else of.decimals) if of else ("", 0)
    if of and of.choices:
        return ", ".join(of.choices[low or 0 : below])
    if low is None:
        return "any" if below is None else f"below {amount_in_unit(below, unit, digits)}"
    if below is None:
        return f"{amount_in_unit(low, unit, digits)} and up"
    if below == low + 1:
        return amount_in_unit(low, unit, digits)
    return f"{amount_in_unit(low, '', digits)} to {amount_in_unit(below - 1, unit, digits)}"
