"""describe, lesson, repay-plan, clock: what the words of the product are, without a store."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from linekeeper.cli.arguments import minor_units
from linekeeper.cli.output import Json, print_json

Lang = Annotated[str, typer.Option("--lang", help="zh or en.")]
Currency = Annotated[str, typer.Option("--currency", help="ISO 4217 code.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(describe)
    app.command()(lesson)
    app.command(name="repay-plan")(repay_plan)
    app.command()(clock)


def describe(policy: Path, lang: Lang = "en", json: Json = False) -> None:
    """Tell a policy in plain sentences, made from its rules."""
    from dataclasses import asdict

    from linekeeper.notice.prose import describe as described
    from linekeeper.policy.load import load_file

    told = described(load_file(policy), _lang(lang))
    if json:
        print_json(asdict(told))
    else:
        sys.stdout.write(f"{told}\n")


def lesson(
    key: Annotated[str, typer.Argument(help="Which lesson; leave it out to list them all.")] = "",
    lang: Lang = "en",
    amount: Annotated[str, typer.Option(help="What would be borrowed elsewhere, in whole money.")] = "",
    days: Annotated[int, typer.Option(help="For how many days.", min=1, max=36_500)] = 90,
    currency: Currency = "CNY",
    jurisdiction: Annotated[str, typer.Option(help="Where the borrower lives: CN, US, EU, UK.")] = "CN",
) -> None:
    """Read a lesson for borrowers, with the borrower's own amounts."""
    from linekeeper.core.errors import LinekeeperError
    from linekeeper.education.lessons import LoanElsewhere, example_loan, render_lesson, shipped_lessons
    from linekeeper.policy.currency import minor_digits

    lessons, digits = shipped_lessons(_lang(lang)), minor_digits(currency)
    if key and key not in lessons:
        raise LinekeeperError(f"the lesson `{key}` does not exist; choose one of {', '.join(lessons)}")
    if not key:
        sys.stdout.writelines(f"{name}: {found.title}\n" for name, found in lessons.items())
        return
    own = (
        LoanElsewhere(minor_units(amount, digits), days, currency, digits) if amount else example_loan(currency, digits)
    )
    sys.stdout.write(f"{render_lesson(lessons[key], own, jurisdiction)}\n")


def repay_plan(
    debts: Annotated[list[str], typer.Argument(help="NAME:BALANCE:RATE:MINIMUM, like card:6000:18%:200")],
    monthly: Annotated[str, typer.Option(help="What can be paid each month, on all debts together.")],
    lang: Lang = "en",
    currency: Currency = "CNY",
    json: Json = False,
) -> None:
    """Plan the repayment of several debts, dearest first and smallest first."""
    from dataclasses import asdict

    from linekeeper.education.planner import plan_repayment
    from linekeeper.policy.currency import minor_digits
    from linekeeper.texts.language import language

    digits, spoken = minor_digits(currency), language(_lang(lang))
    owed = [_debt(text, digits) for text in debts]
    plans = [plan_repayment(owed, minor_units(monthly, digits), order) for order in ("avalanche", "snowball")]
    if json:
        print_json([asdict(plan) for plan in plans])
        return
    names = (spoken.translate("Dearest first"), spoken.translate("Smallest first"))
    for name, plan in zip(names, plans, strict=True):
        interest = spoken.money(plan.interest_minor, currency, digits)
        months = spoken.translate_count("{number} month", "{number} months", plan.months)
        told = spoken.translate(
            "{order}: done after {months}, {interest} in interest.", order=name, months=months, interest=interest
        )
        sys.stdout.write(f"{told}\n")


def clock(
    jurisdiction: str,
    product: str,
    action: Annotated[str, typer.Argument(help="decrease, suspend, close, objection, ...")],
    on: Annotated[datetime, typer.Option(help="The local day of the decision.", formats=["%Y-%m-%d"])],
    zone: Annotated[str, typer.Option(help="IANA time zone.")] = "Asia/Shanghai",
    json: Json = False,
) -> None:
    """By when a notice must be out, and by which rule."""
    from dataclasses import asdict
    from zoneinfo import ZoneInfo

    from linekeeper.regulation.clock import NoticeCase, notice_clock
    from linekeeper.regulation.records import shipped_records

    decided_at = int(on.replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1000
    found = notice_clock(shipped_records(), NoticeCase(jurisdiction, product, action, zone), decided_at)
    if json:
        print_json(asdict(found))
        return
    due, alarm = (datetime.fromtimestamp(at / 1000, ZoneInfo(zone)) for at in (found.due_at, found.alarm_at))
    sys.stdout.write(
        f"due before {due:%Y-%m-%d %H:%M}, alarm from {alarm:%Y-%m-%d %H:%M} ({found.rule}, {found.status})\n"
    )


def _lang(text: str) -> Any:
    from linekeeper.texts.language import language

    return language(text).code  # refuses what is not a language


def _debt(text: str, digits: int) -> Any:
    from linekeeper.core.errors import LinekeeperError
    from linekeeper.education.planner import Debt

    parts = text.split(":")
    if len(parts) != 4 or not parts[2].endswith("%"):
        raise LinekeeperError(f"`{text}` is not a debt; write NAME:BALANCE:RATE:MINIMUM, like `card:6000:18%:200`")
    return Debt(parts[0], minor_units(parts[1], digits), minor_units(parts[2][:-1], 2), minor_units(parts[3], digits))
