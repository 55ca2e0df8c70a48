"""road, what-if: the way back of one account, or of all; and what the borrower's own plan would lead to."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli import completion
from linekeeper.cli.arguments import day_number, required_day, scaled
from linekeeper.cli.opening import open_engine
from linekeeper.cli.options import AccountName, AsOf, JsonOption, LangOption, StoreUrl
from linekeeper.cli.output import data_text, print_answer, print_line, progress
from linekeeper.core.dates import date_of
from linekeeper.core.errors import UsageError

if TYPE_CHECKING:
    from linekeeper.engine.engine import Engine
    from linekeeper.lab.roads import RoadCheck
    from linekeeper.policy.model import Policy
    from linekeeper.recourse.what_if import Payment
    from linekeeper.texts.language import Lang


LastDay = Annotated[
    str | None,
    typer.Option(
        "--until", help="Look up to and including this day, YYYY-MM-DD (default: a year after the last payment)."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(road)
    app.command("what-if")(what_if)


def road(
    store: StoreUrl,
    lang: LangOption,
    account: Annotated[
        str | None,
        typer.Argument(
            metavar="ACCOUNT",
            help="The account; left out with --check-all.",
            autocompletion=completion.complete_account,
        ),
    ] = None,
    check_all: Annotated[
        bool, typer.Option("--check-all", help="Every adverse decision of the store: has it a road, does it come true?")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Check at most so many decisions, evenly spread.")
    ] = None,
    day: AsOf = None,
    json: JsonOption = False,
) -> None:
    """The road back: what to do by when, and the limit on each date, found and verified by running the kernel."""
    from linekeeper.texts.language import language

    if check_all == (account is not None):
        raise UsageError("name one account, or ask for all with `--check-all`", code="argument-missing")
    engine = open_engine(store)
    if account is None:
        _check_all(engine, limit, json)
    else:
        _show_road(engine, account, language(lang).code, day, json)


def _show_road(engine: Engine, account: str, lang: Lang, day: str | None, json: bool) -> None:
    from linekeeper.cli.answers.accounts import RoadAnswer, road_record
    from linekeeper.engine.roads import day_of_road, road_of_account
    from linekeeper.notice.render import road_as_text
    from linekeeper.recourse import NoRoadBack

    engine = engine.engine_of(account)  # the words are those of the version that the account is under
    asked_day = day_of_road(engine, account, day_number(day))
    road = road_of_account(engine, account, asked_day)
    if json:
        record = road_record(road, asked_day, engine.policy.time_zone)
        print_answer(RoadAnswer(account=account, currency=engine.policy.currency, road_back=record))
        return
    if road is None:
        print_line(f"the line of [bold]{data_text(account)}[/] is not held down: there is nothing to come back from")
        return
    sys.stdout.write(road_as_text(road, engine.policy, lang, asked_day))
    if isinstance(road, NoRoadBack) and road.triggers:
        sys.stdout.write(f"  triggers that stay set: {', '.join(f'`{name}`' for name in road.triggers)}\n")


def _check_all(engine: Engine, limit: int | None, json: bool) -> None:
    from linekeeper.cli.answers.accounts import RoadCheckAnswer
    from linekeeper.lab.roads import check_roads, count_adverse_decisions

    total = count_adverse_decisions(engine.store)
    with progress("roads", total if limit is None else min(limit, total), json) as advance:
        check = check_roads(engine.store, limit, advance)
    if json:
        print_answer(RoadCheckAnswer(holds=check.holds, **check.as_json()))
    else:
        print_line(
            f"{check.adverse:,} adverse decisions: {check.terminal:,} terminal, {check.with_road:,} with a road back"
        )
        print_line(f"{check.followed:,} roads followed, event by event and day by day: {check.confirmed:,} came true")
        for label, count in _rows_of_check(check):
            print_line(f"  {count:>9,}  {label}")
        for fault in check.faults:
            print_line(f"  [red]{data_text(fault)}[/]")
    if not check.holds:
        raise typer.Exit(3)


def _rows_of_check(check: RoadCheck) -> tuple[tuple[str, int], ...]:
    """The plans as a person would read them: what is counted, and how often."""
    return (
        ("plans", check.plans),
        ("came true to the day", check.to_the_day),
        ("absurd: more than the borrower ever had, too many steps, or in the hands of others", check.absurd),
        ("leave something overdue", check.in_arrears),
        ("end after their promise", check.beyond_promise),
        ("last longer than any promise, and are told as an outlook (no fault)", check.outlooks),
        ("roads with a raw name of the policy", check.identifiers),
        ("would be broken by asking for help", check.help_conditions),
    )


def what_if(
    account: AccountName,
    store: StoreUrl,
    lang: LangOption,
    pay: Annotated[list[str], typer.Option(help="AMOUNT@DATE, like 500.00@2025-06-03; give it once a payment.")],
    until: LastDay = None,
    day: AsOf = None,
    goes_on: Annotated[
        bool, typer.Option("--goes-on", help="Bills come and are paid on time, income goes on, as a road back assumes.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Your own plan: payments in, the path of limits out. Nothing else is taken to happen unless you say so."""
    from linekeeper.cli.answers.accounts import WhatIfAnswer, limit_from
    from linekeeper.engine.roads import day_of_road
    from linekeeper.notice.render import path_as_text
    from linekeeper.recourse.what_if import what_if as path_under_payments
    from linekeeper.texts.language import language

    code = language(lang).code
    engine, state = open_engine(store).state_of(account)
    first = day_of_road(engine, account, day_number(day))
    payments = _payments(engine.policy, pay, first)
    end = day_number(until) or max(payment.day for payment in payments) + 365
    try:
        result = path_under_payments(engine.kernel, state, first, payments, end, goes_on=goes_on)
    except ValueError:
        raise UsageError(
            f"`{date_of(end)}` lies before {date_of(first)}, the day this account stands at, or after 2099",
            code="until-not-usable",
            way_out="name another day with `--until`",
        ) from None
    if json:
        print_answer(
            WhatIfAnswer(
                account=account,
                currency=engine.policy.currency,
                day=date_of(result.day),
                until=date_of(result.until_day),
                path=[limit_from(point) for point in result.path],
            )
        )
    else:
        sys.stdout.write(path_as_text(result.path, engine.policy, code, result.day))


def _payments(policy: Policy, texts: list[str], first: int) -> list[Payment]:
    """The payments, none of which lies before the first day. Raises UsageError otherwise."""
    payments = [payment_of(policy, text) for text in texts]
    early = next((text for text, payment in zip(texts, payments, strict=True) if payment.day < first), None)
    if early is not None:
        raise UsageError(
            f"`{early}` lies before {date_of(first)}, the day this account stands at",
            code="day-too-early",
            way_out="name a later day",
            details={"given": early, "first": date_of(first).isoformat()},
        )
    return payments


def payment_of(policy: Policy, text: str) -> Payment:
    """A payment from `AMOUNT@DATE`, the amount in major units. Raises UsageError where it is none."""
    from linekeeper.core.bounds import MONEY_MAX
    from linekeeper.recourse.what_if import Payment

    amount, at, date = text.partition("@")
    minor = scaled(amount, policy.exponent)
    if not at or minor is None or not 0 < minor <= MONEY_MAX:
        form = f"in {policy.currency} with at most {policy.exponent} digits after the point"
        raise UsageError(
            f"`{text}` is not a payment",
            code="payment-not-readable",
            way_out=f"write it like `500@2025-06-03`, {form}",
            details={"given": text},
        )
    return Payment(required_day(date), minor)
