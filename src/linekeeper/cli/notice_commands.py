"""notice, notices list|sent, clock: what borrowers are notified of, and by when. lesson, repay-plan, describe.

What a command needs beyond this is imported when it runs: every command loads this module, and the languages, the
templates and the store take longer to load than most commands take to run.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linekeeper.cli.arguments import currency_code, minor_units, zone_of
from linekeeper.cli.opening import open_engine
from linekeeper.cli.output import JsonOption, Keys, LangOption, StoreUrl, data_text, print_json, print_line
from linekeeper.cli.ruling_commands import At, instant
from linekeeper.core.errors import UsageError

if TYPE_CHECKING:
    from linekeeper.education.planner import Debt
    from linekeeper.engine.outbox import Entry
    from linekeeper.texts.language import Lang

Currency = Annotated[str, typer.Option("--currency", help="ISO 4217 code.")]
DecisionName = Annotated[str, typer.Argument(help="ACCOUNT#NUMBER, or an account for its latest decision.")]
FORMATS = ("text", "html", "json")
LISTED_MAX = 40
STATE_COLOURS = {"running": "green", "alarm": "yellow", "late": "red"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(notice)
    notices = typer.Typer(help="Which notices are due, and which went out.", no_args_is_help=True)
    notices.command(name="list")(list_notices)
    notices.command()(sent)
    app.add_typer(notices, name="notices")
    app.add_typer(notices, name="outbox", hidden=True)  # the name of before, for one version more
    app.command()(clock)
    app.command()(lesson)
    app.command(name="repay-plan")(repay_plan)
    app.command()(describe)


# ------------------------------------------------------------------ notices


def notice(
    decision: DecisionName,
    store: StoreUrl,
    lang: LangOption = "en",
    form: Annotated[str, typer.Option("--format", help="text, html or json.")] = "text",
    lender: Annotated[Path | None, typer.Option("--lender", help="The lender (YAML; default: an example).")] = None,
    keys: Keys = None,
) -> None:
    """The notice of a decision, as the borrower reads it."""
    from linekeeper.engine.account import find_decision
    from linekeeper.engine.notices import build_notice
    from linekeeper.engine.point_in_time import state_after
    from linekeeper.notice.from_decision import read_lender_profile
    from linekeeper.notice.render import as_html, as_json, as_text

    code, profile = _lang(lang), read_lender_profile(lender)
    if form not in FORMATS:
        raise UsageError(
            f"`{form[:20]}` is no form of a notice",
            code="choice-not-known",
            way_out=f"choose one of {', '.join(FORMATS)}",
            details={"given": form[:20]},
        )
    engine = open_engine(store, keys=keys)
    notified = find_decision(engine, decision)
    built = build_notice(engine, notified, profile, state_after(engine, notified))
    written = {"text": as_text, "html": as_html, "json": as_json}[form](built, code)
    sys.stdout.write(written if written.endswith("\n") else f"{written}\n")


def list_notices(store: StoreUrl, at: At = None, keys: Keys = None, json: JsonOption = False) -> None:
    """Notices that have not gone out, the most urgent first: running, in alarm, or late."""
    from linekeeper.cli.show_commands import local_time
    from linekeeper.engine.outbox import pending

    engine = open_engine(store, keys=keys)
    now = instant(engine, at)
    with engine.store.reading() as connection:
        entries = pending(connection)
    if json:
        print_json([_notice_row(entry, now) for entry in entries])
        return
    print_line(f"{len(entries):,} notice{'' if len(entries) == 1 else 's'} to send")
    for entry in entries[:LISTED_MAX]:
        state = entry.clock.state_at(now)
        due = local_time(entry.clock.due_at, engine.policy.time_zone)
        decision = data_text(f"{entry.account}#{entry.number}  {entry.action}")
        print_line(f"  [{STATE_COLOURS[state]}]{state:<7}[/] due {due}  {decision}")
    if len(entries) > LISTED_MAX:
        print_line(f"  ... and {len(entries) - LISTED_MAX:,} more (all of them with --json)")


def sent(decision: DecisionName, store: StoreUrl, at: At = None, keys: Keys = None, json: JsonOption = False) -> None:
    """Record that a notice went out."""
    from linekeeper.engine.account import find_decision
    from linekeeper.engine.outbox import mark_sent

    engine = open_engine(store, keys=keys)
    notified = find_decision(engine, decision)
    mark_sent(engine.store, notified.account, notified.number, instant(engine, at))
    if json:
        print_json({"account": notified.account, "number": notified.number, "state": "sent"})
    else:
        print_line(data_text(f"{notified.account}#{notified.number} is sent"))


def clock(
    jurisdiction: str,
    product: str,
    action: Annotated[str, typer.Argument(help="decrease, suspend, close, objection, ...")],
    on: Annotated[datetime, typer.Option(help="The local day of the decision.", formats=["%Y-%m-%d"])],
    zone: Annotated[str, typer.Option(help="IANA time zone.")] = "Asia/Shanghai",
    json: JsonOption = False,
) -> None:
    """By when a notice must be out, and by which rule."""
    from linekeeper.regulation.clock import NoticeCase, notice_clock
    from linekeeper.regulation.records import shipped_records

    local = zone_of(zone)
    decided_at = int(on.replace(tzinfo=local).timestamp()) * 1000
    earliest = notice_clock(shipped_records(), NoticeCase(jurisdiction, product, action, zone), decided_at)
    if json:
        print_json(asdict(earliest))
        return
    due, alarm = (datetime.fromtimestamp(at / 1000, local) for at in (earliest.due_at, earliest.alarm_at))
    sys.stdout.write(
        f"due before {due:%Y-%m-%d %H:%M}, alarm from {alarm:%Y-%m-%d %H:%M} ({earliest.rule}, {earliest.status})\n"
    )


# ------------------------------------------------------------------ lessons and descriptions


def lesson(
    key: Annotated[str, typer.Argument(help="Which lesson; leave it out to list them all.")] = "",
    lang: LangOption = "en",
    amount: Annotated[str, typer.Option(help="What would be borrowed elsewhere, in whole money.")] = "",
    days: Annotated[int, typer.Option(help="For how many days.", min=1, max=36_500)] = 90,
    currency: Currency = "CNY",
    jurisdiction: Annotated[str, typer.Option(help="Where the borrower lives: CN, US, EU, UK.")] = "CN",
) -> None:
    """Read a lesson for borrowers, with the borrower's own amounts."""
    from linekeeper.education.lessons import LoanElsewhere, example_loan, render_lesson, shipped_lessons
    from linekeeper.policy.currency import minor_digits

    lessons, digits = shipped_lessons(_lang(lang)), minor_digits(currency_code(currency))
    if key and key not in lessons:
        raise UsageError(
            f"the lesson `{key}` does not exist",
            code="choice-not-known",
            way_out=f"choose one of {', '.join(lessons)}",
            details={"given": key},
        )
    if not key:
        sys.stdout.writelines(f"{name}: {one.title}\n" for name, one in lessons.items())
        return
    loan = example_loan(currency, digits)
    if amount:
        loan = LoanElsewhere(minor_units(amount, digits), days, currency, digits)
    sys.stdout.write(f"{render_lesson(lessons[key], loan, jurisdiction)}\n")


def repay_plan(
    debts: Annotated[list[str], typer.Argument(help="NAME:BALANCE:RATE:MINIMUM, like card:6000:18%:200")],
    monthly: Annotated[str, typer.Option(help="What can be paid each month, on all debts together.")],
    lang: LangOption = "en",
    currency: Currency = "CNY",
    json: JsonOption = False,
) -> None:
    """Plan the repayment of several debts, dearest first and smallest first."""
    from linekeeper.education.planner import plan_repayment
    from linekeeper.policy.currency import minor_digits
    from linekeeper.texts.language import language

    digits, written = minor_digits(currency_code(currency)), language(_lang(lang))
    owed = [_debt(text, digits) for text in debts]
    plans = [plan_repayment(owed, minor_units(monthly, digits), order) for order in ("avalanche", "snowball")]
    if json:
        print_json([asdict(plan) for plan in plans])
        return
    names = (written.translate("Dearest first"), written.translate("Smallest first"))
    for name, plan in zip(names, plans, strict=True):
        interest = written.money(plan.interest_minor, currency, digits)
        months = written.translate_count("{number} month", "{number} months", plan.months)
        line = written.translate(
            "{order}: done after {months}, {interest} in interest.", order=name, months=months, interest=interest
        )
        sys.stdout.write(f"{line}\n")


def describe(policy: Path, lang: LangOption = "en", json: JsonOption = False) -> None:
    """Describe a policy in plain sentences, made from its rules."""
    from linekeeper.notice.prose import describe as describe_policy
    from linekeeper.policy.load import load_file

    description = describe_policy(load_file(policy), _lang(lang))
    if json:
        print_json(asdict(description))
    else:
        sys.stdout.write(f"{description}\n")


# ------------------------------------------------------------------ pieces


def _lang(text: str) -> Lang:
    """The code of a language. Raises `LinekeeperError` where the text is none."""
    from linekeeper.texts.language import language

    return language(text).code


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


def _notice_row(entry: Entry, now: int) -> dict[str, Any]:
    state = entry.clock.state_at(now)
    return {
        "account": entry.account,
        "number": entry.number,
        "action": entry.action,
        "due_at": entry.clock.due_at,
        "alarm_at": entry.clock.alarm_at,
        "rule": entry.clock.rule,
        "rule_status": entry.clock.status,
        "clock_state": state,
        "stands": state,  # the key of before, for one version more
    }
