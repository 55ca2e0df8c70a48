"""The repayment planner: the borrower's own debts, paid off with the same sum each month, in two orders.

`avalanche` puts what is left after the minimums on the debt with the highest rate, `snowball` on the smallest debt.
Interest is kept exactly (as fractions), so that rounding never turns the comparison of the two round; amounts are
rounded once, where they are told. Lenders round each month: the real sums may differ by a few minor units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal as OneOf

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.core.errors import LinekeeperError

RepaymentOrder = OneOf["avalanche", "snowball"]
YEAR_PARTS = 12 * 10_000  # months of a year times basis points of the whole
PLAN_MONTHS_MAX = 600
DEBTS_MAX = 50


@dataclass(frozen=True, slots=True)
class Debt:
    """One debt: balance and monthly minimum in minor units, rate in basis points a year."""

    name: str
    balance_minor: int
    rate_bp: int
    minimum_minor: int = 0


@dataclass(frozen=True, slots=True)
class RepaymentPlan:
    """How a plan ends: after how many months, with how much interest, and in which month each debt is gone."""

    order: RepaymentOrder
    months: int
    interest_minor: int
    cleared: tuple[tuple[str, int], ...]


def plan_repayment(debts: Sequence[Debt], monthly_minor: int, order: RepaymentOrder) -> RepaymentPlan:
    """Pay `monthly_minor` each month: the minimums, then the rest by the order. A freed minimum goes to the next debt.

    Raises `LinekeeperError` where the sum does not cover the minimums, or would not end the debts within 50 years.

    >>> debts = [Debt("card", 600_000, 1_800, 20_000), Debt("shop", 150_000, 1_200, 10_000)]
    >>> repay(debts, 100_000, "avalanche")
    Repayment(order='avalanche', months=8, interest_minor=46512, cleared=(('card', 8), ('shop', 8)))
    >>> repay(debts, 100_000, "snowball").interest_minor
    50368
    """
    _checked(debts, monthly_minor)
    owed = [Fraction(debt.balance_minor) for debt in debts]
    paid, cleared = Fraction(0), {debt.name: 0 for debt in debts if debt.balance_minor == 0}
    months = 0
    while any(owed):
        if months == PLAN_MONTHS_MAX:
            raise LinekeeperError(
                "this sum does not end the debts within 50 years; plan a larger sum, or ask for free help"
            )
        months += 1
        owed = [rest + rest * debt.rate_bp / YEAR_PARTS for rest, debt in zip(owed, debts, strict=True)]
        payments = _payments(debts, owed, monthly_minor, order)
        owed = [rest - payment for rest, payment in zip(owed, payments, strict=True)]
        paid += sum(payments)
        cleared |= {d.name: months for d, rest in zip(debts, owed, strict=True) if not rest and d.name not in cleared}
    interest = paid - sum(debt.balance_minor for debt in debts)
    return RepaymentPlan(order, months, round(interest), tuple(cleared.items()))


def _payments(
    debts: Sequence[Debt], owed: Sequence[Fraction], monthly_minor: int, order: RepaymentOrder
) -> list[Fraction]:
    """This month's payment on each debt: minimums first, then the rest down the order."""
    payments = [min(Fraction(debt.minimum_minor), rest) for debt, rest in zip(debts, owed, strict=True)]
    left = monthly_minor - sum(payments)
    for place in _ranked(debts, owed, order):
        more = min(left, owed[place] - payments[place])
        payments[place] += more
        left -= more
    return payments


def _ranked(debts: Sequence[Debt], owed: Sequence[Fraction], order: RepaymentOrder) -> list[int]:
    places = range(len(debts))
    if order == "avalanche":
        return sorted(places, key=lambda place: (-debts[place].rate_bp, owed[place]))
    return sorted(places, key=lambda place: (owed[place], -debts[place].rate_bp))


def _checked(debts: Sequence[Debt], monthly_minor: int) -> None:
    names = [debt.name for debt in debts]
    if len(debts) > DEBTS_MAX or len(set(names)) < len(names):
        raise LinekeeperError(f"a plan holds at most {DEBTS_MAX} debts, each with its own name")
    for debt in debts:
        if not (
            0 <= debt.balance_minor <= MONEY_MAX
            and 0 <= debt.minimum_minor <= MONEY_MAX
            and 0 <= debt.rate_bp <= 100_000
        ):
            raise LinekeeperError(f"the debt `{debt.name}` has an amount or a rate that cannot be; check its numbers")
    minimums = sum(min(debt.minimum_minor, debt.balance_minor) for debt in debts)
    if monthly_minor < minimums or monthly_minor <= 0:
        raise LinekeeperError(
            f"`{monthly_minor}` a month does not cover the minimums, which are `{minimums}`; ask to lower them"
        )
