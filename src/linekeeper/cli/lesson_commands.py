"""lesson, repay-plan: what a borrower can learn and plan, with the borrower's own amounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli.arguments import currency_code, minor_units
from linekeeper.cli.options import JsonOption, LangOption
from linekeeper.cli.output import print_answer
from linekeeper.core.errors import UsageError

if TYPE_CHECKING:
    from linekeeper.cli.answers.notices import RepaymentRecord
    from linekeeper.education.lessons import RenderedLesson
    from linekeeper.education.planner import Debt, RepaymentPlan
    from linekeeper.texts.language import Lang

CurrencyOption = Annotated[str, typer.Option("--currency", help="ISO 4217 code.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(lesson)
    app.command("repay-plan")(repay_plan)


def lesson(
    lang: LangOption,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Which lesson; leave it out to list them all.")] = "",
    amount: Annotated[str, typer.Option("--amount", help="What would be borrowed elsewhere, in major units.")] = "",
    days: Annotated[int, typer.Option("--days", help="For how many days.", min=1, max=36_500)] = 90,
    currency: CurrencyOption = "CNY",
    jurisdiction: Annotated[
        str, typer.Option("--jurisdiction", help="Where the borrower lives: CN, US, EU, UK.")
    ] = "CN",
    json: JsonOption = False,
) -> None:
    """Read a lesson for borrowers, with the borrower's own amounts."""
    from linekeeper.education.lessons import LoanElsewhere, example_loan, render_lesson, shipped_lessons
    from linekeeper.policy.currency import minor_digits
    from linekeeper.regulation.records import known_jurisdiction
    from linekeeper.texts.language import language

    code, digits = language(lang).code, minor_digits(currency_code(currency))
    lessons = shipped_lessons(code)
    if key and key not in lessons:
        raise UsageError(
            f"the lesson `{key}` does not exist",
            code="choice-not-known",
            way_out=f"choose one of {', '.join(lessons)}",
            details={"given": key},
        )
    if not key:
        _list_lessons(code, {name: one.title for name, one in lessons.items()}, json)
        return
    loan = example_loan(currency, digits)
    if amount:
        loan = LoanElsewhere(minor_units(amount, digits), days, currency, digits)
    _print_lesson(code, render_lesson(lessons[key], loan, known_jurisdiction(jurisdiction)), json)


def _list_lessons(lang: Lang, titles: dict[str, str], json: bool) -> None:
    from linekeeper.cli.answers.notices import LessonsAnswer, LessonTitle

    if json:
        listed = [LessonTitle(key=key, title=title) for key, title in titles.items()]
        print_answer(LessonsAnswer(lang=lang, lessons=listed))
        return
    for key, title in titles.items():
        typer.echo(f"{key}: {title}")


def _print_lesson(lang: Lang, rendered: RenderedLesson, json: bool) -> None:
    from linekeeper.cli.answers.notices import LessonAnswer

    if json:
        print_answer(LessonAnswer(lang=lang, key=rendered.key, title=rendered.title, text=str(rendered)))
    else:
        typer.echo(rendered)


def repay_plan(
    debts: Annotated[
        list[str], typer.Argument(metavar="DEBTS", help="NAME:BALANCE:RATE:MINIMUM, like card:6000:18%:200")
    ],
    lang: LangOption,
    monthly: Annotated[str, typer.Option("--monthly", help="What can be paid each month, on all debts together.")],
    currency: CurrencyOption = "CNY",
    json: JsonOption = False,
) -> None:
    """Plan the repayment of several debts, dearest first and smallest first."""
    from linekeeper.cli.answers.notices import RepayPlanAnswer
    from linekeeper.education.planner import plan_repayment
    from linekeeper.policy.currency import minor_digits
    from linekeeper.texts.language import language

    digits, written = minor_digits(currency_code(currency)), language(lang)
    owed = [_debt(text, digits) for text in debts]
    monthly_minor = minor_units(monthly, digits)

    def money(amount_minor: int) -> str:
        return written.money(amount_minor, currency, digits)

    plans = [plan_repayment(owed, monthly_minor, order, money) for order in ("avalanche", "snowball")]
    if json:
        print_answer(RepayPlanAnswer(currency=currency, plans=[_repayment_record(plan) for plan in plans]))
        return
    names = (written.translate("Dearest first"), written.translate("Smallest first"))
    for name, plan in zip(names, plans, strict=True):
        interest = money(plan.interest_minor)
        months = written.translate_count("{number} month", "{number} months", plan.months)
        line = written.translate(
            "{order}: done after {months}, {interest} in interest.", order=name, months=months, interest=interest
        )
        typer.echo(line)


def _repayment_record(plan: RepaymentPlan) -> RepaymentRecord:
    from linekeeper.cli.answers.notices import DebtCleared, RepaymentRecord

    cleared = [DebtCleared(name=name, month=month) for name, month in plan.cleared]
    return RepaymentRecord(order=plan.order, months=plan.months, interest_minor=plan.interest_minor, cleared=cleared)


def _debt(text: str, digits: int) -> Debt:
    from linekeeper.education.planner import Debt

    parts = text.split(":")
    if len(parts) != 4 or not parts[2].endswith("%"):
        raise UsageError(
            f"`{text}` is not a debt",
            code="debt-not-readable",
            way_out="write NAME:BALANCE:RATE:MINIMUM, like `card:6000:18%:200`",
            details={"given": text},
        )
    return Debt(parts[0], minor_units(parts[1], digits), minor_units(parts[2][:-1], 2), minor_units(parts[3], digits))
