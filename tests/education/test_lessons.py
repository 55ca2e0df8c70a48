"""Lessons tell computed amounts; the planner pays everything; the budget check is honest."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from linekeeper.core.errors import LinekeeperError
from linekeeper.education.costs import LessonFigures, costs_elsewhere, interest_minor, read_figures
from linekeeper.education.lessons import (
    LoanElsewhere,
    example_loan,
    read_lessons,
    render_lesson,
    shipped_help,
    shipped_lessons,
)
from linekeeper.education.planner import Debt, MonthlyBudget, RepaymentOrder, check_budget, plan_repayment
from linekeeper.texts.language import LANGS, Lang
from linekeeper.texts.material import MaterialError

KEYS = {
    "account_safety",
    "borrowing_elsewhere",
    "budget_check",
    "credit_enquiries",
    "days_past_due",
    "free_help",
    "gambling_spending",
    "limit_use",
    "repayment_plan",
    "your_rights",
}


def test_the_lessons_there_are() -> None:
    assert set(shipped_lessons("en")) == set(shipped_lessons("zh")) == KEYS


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("jurisdiction", ["CN", "US", "EU", "UK", "BR"])
def test_every_lesson_is_shown_everywhere(lang: Lang, jurisdiction: str) -> None:
    for lesson in shipped_lessons(lang).values():
        shown = str(render_lesson(lesson, example_loan("CNY", 2), jurisdiction))
        assert "{" not in shown
        assert shown.startswith(lesson.title)


def test_help_is_near_the_borrower() -> None:
    def shown(jurisdiction: str) -> str:
        return str(render_lesson(shipped_lessons("en")["free_help"], example_loan("CNY", 2), jurisdiction))

    assert "12348" in shown("CN")
    assert "1-800-388-2227" in shown("US")
    assert "The consumer advice office near you: ask at your town hall" in shown("BR")


def test_every_lesson_with_help_has_some_everywhere() -> None:
    needing = {key for key, lesson in shipped_lessons("en").items() if "{help}" in lesson.blocks}
    assert needing == {"free_help", "gambling_spending", "your_rights"}
    assert all(needing <= {key for item in items for key in item.lessons} for items in shipped_help().values())


@pytest.mark.parametrize("lang", LANGS)
def test_examples_in_the_texts_are_right(lang: Lang) -> None:
    short = shipped_lessons(lang)["limit_use"].short
    assert all(number in short for number in ("10,000", "8,000", "80%", "2,000", "60%"))
    assert (8_000 * 100 // 10_000, (8_000 - 2_000) * 100 // 10_000) == (80, 60)


def test_borrowing_elsewhere_is_shown_with_own_amounts() -> None:
    waiting = LoanElsewhere(amount_minor=800_000, days=60, currency="CNY", exponent=2)
    shown = str(render_lesson(shipped_lessons("zh")["borrowing_elsewhere"], waiting, "CN"))
    assert "借¥8,000用60天，年利率24%，利息约¥315.62。" in shown
    assert "年利率36%，利息约¥473.42。" in shown


# ------------------------------------------------------------------ interest


@pytest.mark.parametrize(
    ("amount", "rate", "days", "interest"),
    [(0, 2_400, 90, 0), (100_000, 0, 90, 0), (100_000, 2_400, 0, 0), (100_000, 2_400, 365, 24_000), (1, 2_400, 365, 0)],
)
def test_interest(amount: int, rate: int, days: int, interest: int) -> None:
    assert interest_minor(amount, rate, days) == interest


@given(st.integers(0, 10**12), st.integers(0, 10_000), st.integers(0, 3_650))
def test_interest_is_rounded_to_the_nearest(amount: int, rate: int, days: int) -> None:
    exact = amount * rate * days
    assert abs(interest_minor(amount, rate, days) * 3_650_000 - exact) * 2 <= 3_650_000


@given(st.integers(1, 10**12), st.integers(1, 3_650))
def test_the_dearer_loan_costs_more(amount: int, days: int) -> None:
    cheap, dear = costs_elsewhere(amount, days, (2_400, 3_600))
    assert cheap.interest_minor <= dear.interest_minor


def test_negative_amounts_are_refused() -> None:
    with pytest.raises(ValueError, match="not negative"):
        interest_minor(-1, 2_400, 1)


# ------------------------------------------------------------------ the planner

debt_lists = st.lists(
    st.tuples(st.integers(0, 5_000_000), st.integers(0, 6_000), st.integers(0, 50_000)), min_size=1, max_size=5
).map(lambda rows: [Debt(f"debt {place}", *row) for place, row in enumerate(rows)])


def enough(debts: list[Debt], more: int) -> int:
    """A monthly sum that covers the minimums, and ends all debts whatever the order."""
    total, dearest = sum(debt.balance_minor for debt in debts), max(debt.rate_bp for debt in debts)
    return max(sum(debt.minimum_minor for debt in debts), total * dearest // 100_000 + total // 100) + more


@given(debt_lists, st.integers(1, 500_000))
def test_both_orders_pay_everything_and_avalanche_never_pays_more(debts: list[Debt], more: int) -> None:
    monthly = enough(debts, more)
    avalanche, snowball = (plan_repayment(debts, monthly, order) for order in ("avalanche", "snowball"))
    for plan in (avalanche, snowball):
        assert {name for name, _ in plan.cleared} == {debt.name for debt in debts}
        assert max(month for _, month in plan.cleared) == plan.months
        owed = sum(debt.balance_minor for debt in debts)
        assert (plan.months - 1) * monthly <= owed + plan.interest_minor <= plan.months * monthly
    assert avalanche.interest_minor <= snowball.interest_minor
    assert avalanche.months <= snowball.months


@given(debt_lists, st.integers(1, 500_000), st.sampled_from(["avalanche", "snowball"]))
def test_paying_more_costs_less(debts: list[Debt], more: int, order: RepaymentOrder) -> None:
    monthly = enough(debts, 1)
    slow, quick = plan_repayment(debts, monthly, "avalanche"), plan_repayment(debts, monthly + more, "avalanche")
    assert quick.interest_minor <= slow.interest_minor
    assert plan_repayment(debts, monthly + more, order).months <= plan_repayment(debts, monthly, "snowball").months


@given(st.integers(1, 10**9), st.integers(0, 6_000))
def test_one_debt_is_the_same_in_both_orders(balance: int, rate: int) -> None:
    debts = [Debt("only", balance, rate)]
    monthly = enough(debts, 1)
    assert (
        plan_repayment(debts, monthly, "avalanche").interest_minor
        == plan_repayment(debts, monthly, "snowball").interest_minor
    )


def test_without_interest_the_debts_are_simply_divided() -> None:
    plan = plan_repayment([Debt("a", 100_00, 0), Debt("b", 50_00, 0)], 30_00, "snowball")
    assert (plan.months, plan.interest_minor, plan.cleared) == (5, 0, (("b", 2), ("a", 5)))


def test_the_smallest_debt_goes_first_where_that_is_asked() -> None:
    debts = [Debt("dear", 600_000, 3_600, 20_000), Debt("small", 100_000, 600, 5_000)]
    assert [name for name, _ in plan_repayment(debts, 100_000, "avalanche").cleared] == ["dear", "small"]
    assert [name for name, _ in plan_repayment(debts, 100_000, "snowball").cleared] == ["small", "dear"]


@pytest.mark.parametrize(
    ("debts", "monthly", "message"),
    [
        ([Debt("a", 100, 0, 60), Debt("b", 100, 0, 60)], 119, "does not cover the minimums, which are 120 minor units"),
        ([Debt("a", 100_000, 2_400)], 2_000, "does not end the debts within 50 years"),
        ([Debt("a", 100, 0)], 0, "does not cover the minimums"),
        ([Debt("a", 1, 0), Debt("a", 1, 0)], 10, "each with its own name"),
        ([Debt("a", -1, 0)], 10, "the debt `a` has an amount or a rate that cannot be"),
    ],
)
def test_a_plan_that_cannot_be_says_why(debts: list[Debt], monthly: int, message: str) -> None:
    with pytest.raises(LinekeeperError, match=message):
        plan_repayment(debts, monthly, "avalanche")


# ------------------------------------------------------------------ the budget check


@pytest.mark.parametrize(
    ("income", "needs", "payments", "verdict", "left"),
    [
        (1_000, 800, 200, "tight", 0),
        (1_000, 800, 201, "short", -1),
        (1_000, 800, 101, "tight", 99),
        (1_000, 800, 100, "room", 100),
        (0, 0, 0, "tight", 0),
    ],
)
def test_the_budget_check(income: int, needs: int, payments: int, verdict: str, left: int) -> None:
    check = check_budget(MonthlyBudget(income, needs, payments), LessonFigures((), 0, 0, tight_below_bp=1_000))
    assert (check.verdict, check.left_minor) == (verdict, left)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_what_is_left_is_what_came_in_less_what_went_out(income: int, needs: int, payments: int) -> None:
    check = check_budget(MonthlyBudget(income, needs, payments))
    assert check.left_minor + needs + payments == income
    assert (check.verdict == "short") == (check.left_minor < 0)
    assume(income > 0)
    assert check.repaid_bp == payments * 10_000 // income


# ------------------------------------------------------------------ reading


def test_a_lesson_in_one_language_is_refused(tmp_path: Path) -> None:
    for lang in LANGS:
        (tmp_path / lang).mkdir()
    (tmp_path / "en" / "luck.md").write_text("---\ntitle: Luck\nshort: None.\n---\nText.", "utf-8")
    with pytest.raises(MaterialError, match="the lesson `luck` stands in one language only; write the other"):
        read_lessons(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("No head.", "needs `title` and `short`"),
        ("---\ntitle: x\n---\nText.", "needs `title` and `short`"),
        ("---\ntitle: x\nshort: y\n---\n{fortune}", "`{fortune}` in the lesson `luck.md` is not known"),
    ],
)
def test_a_lesson_that_is_not_whole_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "zh").mkdir()
    (tmp_path / "zh" / "luck.md").write_text(text, "utf-8")
    with pytest.raises(MaterialError, match=message):
        read_lessons(tmp_path)


def test_figures_that_are_not_whole_are_refused(tmp_path: Path) -> None:
    (tmp_path / "figures.yaml").write_text("elsewhere_rates: [24%]", "utf-8")
    with pytest.raises(MaterialError, match=r"`figures.yaml` needs `elsewhere_rates`"):
        read_figures(tmp_path / "figures.yaml")
