"""The budget check: what comes in, what must go out, what is repaid, and the room that is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf

from linekeeper.education.figures import LessonFigures, shipped_figures


@dataclass(frozen=True, slots=True)
class MonthlyBudget:
    """One month, in minor units, none negative."""

    income_minor: int
    needs_minor: int
    payments_minor: int

    @property
    def left_minor(self) -> int:
        return self.income_minor - self.needs_minor - self.payments_minor


@dataclass(frozen=True, slots=True)
class BudgetCheck:
    """`short`: less comes in than goes out; `tight`: little is left; `room`: enough is. `repaid_bp`: of income."""

    left_minor: int
    repaid_bp: int | None
    verdict: OneOf["short", "tight", "room"]


def check_budget(budget: MonthlyBudget, figures: LessonFigures | None = None) -> BudgetCheck:
    """How a month stands. `repaid_bp` is None where nothing comes in.

    >>> check_budget(Budget(income_minor=800_000, needs_minor=500_000, payments_minor=250_000))
    BudgetCheck(left_minor=50000, repaid_bp=3125, verdict='tight')
    """
    if min(budget.income_minor, budget.needs_minor, budget.payments_minor) < 0:
        raise ValueError("the amounts of a budget are not negative")
    tight_bp = (figures or shipped_figures()).tight_below_bp
    left = budget.left_minor
    verdict: OneOf["short", "tight", "room"]
    if left < 0:
        verdict = "short"
    else:
        verdict = "tight" if left * 10_000 < budget.income_minor * tight_bp or budget.income_minor == 0 else "room"
    repaid = budget.payments_minor * 10_000 // budget.income_minor if budget.income_minor else None
    return BudgetCheck(left, repaid, verdict)
