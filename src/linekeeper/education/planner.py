"""What a household can pay: the budget check, and the repayment of several debts with one sum a month.

A repayment plan pays the minimum on every debt and puts the rest on one debt: `avalanche` on the one with the highest
rate, `snowball` on the smallest one. Interest is kept exactly, as fractions, and rounded once, where it is shown:
rounding month by month could turn the comparison of the two orders round. Lenders do round each month, so the real
sums may differ by a few minor units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal as OneOf

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.core.errors import Refused, UsageError
from linekeeper.education.costs import LessonFigures, shipped_figures

RepaymentOrder = OneOf["avalanche", "snowball"]
BP_MONTHS_PER_YEAR = 12 * 10_000  # a month's interest = balance * basis points / this
PLAN_MONTHS_MAX = 600
DEBTS_MAX = 50
RATE_MAX_BP = 100_000


# ------------------------------------------------------------------ the budget check


@dataclass(frozen=True, slots=True)
class MonthlyBudget:
    """What comes in, what must go out and what is repaid in one month, in minor units, none negative."""

    income_minor: int
    needs_minor: int
    payments_minor: int

    @property
    def left_minor(self) -> int:
        """What is left of the income; negative where it does not suffice."""
        return self.income_minor - self.needs_minor - self.payments_minor


@dataclass(frozen=True, slots=True)
class BudgetCheck:
    """The verdict on a month, and the share of income (in basis points) that goes into repayments.

    `short`: more goes out than comes in; `tight`: little is left; `room`: enough is left.
    """

    left_minor: int
    repaid_bp: int | None
    verdict: OneOf["short", "tight", "room"]


def check_budget(budget: MonthlyBudget, figures: LessonFigures | None = None) -> BudgetCheck:
    """The check of one month. `repaid_bp` is None where nothing comes in.

    >>> check_budget(MonthlyBudget(income_minor=800_000, needs_minor=500_000, payments_minor=250_000))
    BudgetCheck(left_minor=50000, repaid_bp=3125, verdict='tight')
    """
    if min(budget.income_minor, budget.needs_minor, budget.payments_minor) < 0:
        raise ValueError("the amounts of a budget are not negative")
    left, income = budget.left_minor, budget.income_minor
    repaid_bp = budget.payments_minor * 10_000 // income if income else None
    if left < 0:
        return BudgetCheck(left, repaid_bp, "short")
    tight_bp = (figures or shipped_figures()).tight_below_bp
    tight = income == 0 or left * 10_000 < income * tight_bp
    return BudgetCheck(left, repaid_bp, "tight" if tight else "room")


# ------------------------------------------------------------------ the repayment planner


@dataclass(frozen=True, slots=True)
class Debt:
    """One debt: balance and monthly minimum in minor units, rate in basis points a year."""

    name: str
    balance_minor: int
    rate_bp: int
    minimum_minor: int = 0


@dataclass(frozen=True, slots=True)
class RepaymentPlan:
    """How a plan ends: after how many months, with how much interest, and in which month each debt is paid off."""

    order: RepaymentOrder
    months: int
    interest_minor: int
    cleared: tuple[tuple[str, int], ...]


def _in_minor_units(amount_minor: int) -> str:
    return f"{amount_minor:,} minor units"


def plan_repayment(
    debts: Sequence[Debt],
    monthly_minor: int,
    order: RepaymentOrder,
    money: Callable[[int], str] = _in_minor_units,
) -> RepaymentPlan:
    """Pay `monthly_minor` each month: the minimums, then the rest by the order. A freed minimum goes to the next debt.

    `money` writes an amount in minor units as people read it, for the errors. Raises `Refused` where the sum does not
    cover the minimums, or would not end the debts within 50 years.

    >>> debts = [Debt("card", 600_000, 1_800, 20_000), Debt("shop", 150_000, 1_200, 10_000)]
    >>> plan_repayment(debts, 100_000, "avalanche")
    RepaymentPlan(order='avalanche', months=8, interest_minor=46512, cleared=(('card', 8), ('shop', 8)))
    >>> plan_repayment(debts, 100_000, "snowball").interest_minor
    50368
    """
    _check_debts(debts, monthly_minor, money)
    balances = [Fraction(debt.balance_minor) for debt in debts]
    paid, cleared = Fraction(0), {debt.name: 0 for debt in debts if debt.balance_minor == 0}
    months = 0
    while any(balances):
        if months == PLAN_MONTHS_MAX:
            raise Refused(
                "this sum does not end the debts within 50 years",
                code="debt-plan-does-not-end",
                way_out="plan a larger sum, or ask for free help",
            )
        months += 1
        balances = [
            balance + balance * debt.rate_bp / BP_MONTHS_PER_YEAR for balance, debt in zip(balances, debts, strict=True)
        ]
        payments = _payments(debts, balances, monthly_minor, order)
        balances = [balance - payment for balance, payment in zip(balances, payments, strict=True)]
        paid += sum(payments)
        for debt, balance in zip(debts, balances, strict=True):
            if not balance:
                cleared.setdefault(debt.name, months)
    interest = paid - sum(debt.balance_minor for debt in debts)
    return RepaymentPlan(order, months, round(interest), tuple(cleared.items()))


def _payments(
    debts: Sequence[Debt], balances: Sequence[Fraction], monthly_minor: int, order: RepaymentOrder
) -> list[Fraction]:
    """This month's payment on each debt: minimums first, then the rest down the order."""
    payments = [min(Fraction(debt.minimum_minor), balance) for debt, balance in zip(debts, balances, strict=True)]
    left = monthly_minor - sum(payments)
    for place in _ranked(debts, balances, order):
        more = min(left, balances[place] - payments[place])
        payments[place] += more
        left -= more
    return payments


def _ranked(debts: Sequence[Debt], balances: Sequence[Fraction], order: RepaymentOrder) -> list[int]:
    """The places of the debts, the one that the rest is paid on first."""
    places = range(len(debts))
    if order == "avalanche":
        return sorted(places, key=lambda place: (-debts[place].rate_bp, balances[place]))
    return sorted(places, key=lambda place: (balances[place], -debts[place].rate_bp))


def _check_debts(debts: Sequence[Debt], monthly_minor: int, money: Callable[[int], str]) -> None:
    names = [debt.name for debt in debts]
    if len(debts) > DEBTS_MAX or len(set(names)) < len(names):
        raise UsageError(f"a plan holds at most {DEBTS_MAX} debts, each with its own name", code="debts-not-usable")
    for debt in debts:
        amounts_fit = 0 <= debt.balance_minor <= MONEY_MAX and 0 <= debt.minimum_minor <= MONEY_MAX
        if not amounts_fit or not 0 <= debt.rate_bp <= RATE_MAX_BP:
            raise UsageError(
                f"the debt `{debt.name}` has an amount or a rate that cannot be",
                code="debts-not-usable",
                way_out="check its numbers",
                details={"debt": debt.name},
            )
    minimums = sum(min(debt.minimum_minor, debt.balance_minor) for debt in debts)
    if monthly_minor < minimums or monthly_minor <= 0:
        raise Refused(
            f"{money(monthly_minor)} a month does not cover the minimums, which are {money(minimums)}",
            code="debt-plan-below-minimums",
            way_out="ask to lower them",
            details={"monthly_minor": monthly_minor, "minimums_minor": minimums},
        )
