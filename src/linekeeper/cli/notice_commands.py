"""notice, notices list|sent|preview, clock: what borrowers are notified of, and by when.

What a command needs beyond this is imported when it runs: every command loads this module, and the languages, the
templates and the store take longer to load than most commands take to run.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli.arguments import day_number, instant_ms, required_day, zone_of
from linekeeper.cli.opening import open_engine
from linekeeper.cli.options import (
    At,
    DecisionName,
    JsonOption,
    Keys,
    LangOption,
    LenderOption,
    PolicyFile,
    StoreUrl,
    TableFile,
    folder_to_write,
)
from linekeeper.cli.output import counted, data_text, print_answer, print_line, write_extract
from linekeeper.cli.ruling_commands import instant
from linekeeper.cli.sections import WholeLines
from linekeeper.core.dates import date_of
from linekeeper.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from linekeeper.notice.lender_words import LenderWords
    from linekeeper.notice.preview import PreviewedNotice
    from linekeeper.texts.language import Lang

FORMATS = ("text", "html", "json")
LISTED_MAX = 40
SHOWN_CASES_MAX = 8
STATE_COLOURS = {"running": "green", "alarm": "yellow", "late": "red"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(notice)
    notices = typer.Typer(cls=WholeLines, help="Which notices are due, and which went out.", no_args_is_help=True)
    notices.command(name="list")(list_notices)
    notices.command()(sent)
    notices.command()(preview)
    app.add_typer(notices, name="notices")
    app.command()(clock)


# ------------------------------------------------------------------ notices


def notice(
    decision: DecisionName,
    store: StoreUrl,
    lang: LangOption,
    lender: LenderOption,
    keys: Keys,
    form: Annotated[str, typer.Option("--format", help="text, html, or json, which is --json.")] = "text",
    json: JsonOption = False,
) -> None:
    """The notice of a decision, as the borrower reads it."""
    from linekeeper.engine.account import find_decision
    from linekeeper.engine.notices import build_notice
    from linekeeper.engine.point_in_time import state_after
    from linekeeper.notice.from_decision import read_lender_profile
    from linekeeper.notice.render import as_html, as_text
    from linekeeper.texts.language import language

    code, profile = language(lang).code, read_lender_profile(lender)
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
    if json or form == "json":
        from linekeeper.cli.answers.notices import notice_answer

        print_answer(notice_answer(built, profile.words, notified, code, engine.policy.time_zone))
        return
    written = (as_html if form == "html" else as_text)(built, code, profile.words)
    sys.stdout.write(written if written.endswith("\n") else f"{written}\n")


def list_notices(
    store: StoreUrl,
    keys: Keys,
    at: At = None,
    day: Annotated[
        str | None, typer.Option("--day", help="With --output: as was known at the end of this day.")
    ] = None,
    output: TableFile = None,
    json: JsonOption = False,
) -> None:
    """Notices that have not gone out, the most urgent first: running, in alarm, or late; to a file, all."""
    from linekeeper.cli.answers.notices import NoticesListAnswer, notice_record
    from linekeeper.cli.show_commands import local_time
    from linekeeper.engine.outbox import pending
    from linekeeper.face.times import instant_of

    engine = open_engine(store, keys=keys)
    if output:
        from linekeeper.connect.extracts import extract_notices

        write_extract(extract_notices(engine, day=day_number(day)), output, json)
        return
    if day is not None:
        raise UsageError(
            "`--day` belongs to `--output`", code="arguments-do-not-go-together", way_out="name an instant with `--at`"
        )
    # Whatever day the store has come to, a term of the law runs by the clock.
    now, zone = engine.clock.now_ms() if at is None else instant_ms(at), engine.policy.time_zone
    with engine.store.reading() as connection:
        entries = pending(connection)
    if json:
        records = [notice_record(entry, now, zone) for entry in entries]
        print_answer(NoticesListAnswer(now=instant_of(now, zone), notices=records))
        return
    print_line(f"{counted(len(entries), 'notice', 'notices')} to send")
    for entry in entries[:LISTED_MAX]:
        state = entry.clock.state_at(now)
        due = local_time(entry.clock.due_at, zone)
        decision = data_text(f"{entry.account}#{entry.number}  {entry.action}")
        wait = "" if entry.not_before is None else f"  not before {local_time(entry.not_before, zone)}"
        print_line(f"  [{STATE_COLOURS[state]}]{state:<7}[/] due {due}  {decision}{wait}")
    if len(entries) > LISTED_MAX:
        print_line(f"  ... and {len(entries) - LISTED_MAX:,} more (all of them with --json)")


def sent(decision: DecisionName, store: StoreUrl, keys: Keys, at: At = None, json: JsonOption = False) -> None:
    """Record that a notice went out."""
    from linekeeper.cli.answers.notices import NoticesSentAnswer
    from linekeeper.cli.show_commands import local_time
    from linekeeper.engine.account import find_decision
    from linekeeper.engine.outbox import mark_sent

    engine = open_engine(store, keys=keys)
    notified = find_decision(engine, decision)
    named = f"the notice of {notified.account}#{notified.number}"
    before = mark_sent(engine.store, engine.keeper, notified.account, notified.number, instant(engine, at))
    if json:
        print_answer(NoticesSentAnswer(account=notified.account, number=notified.number, state="sent"))
    elif before.sent_at is None:
        print_line(data_text(f"{named} is marked as sent"))
    else:
        since = local_time(before.sent_at, engine.policy.time_zone)
        print_line(data_text(f"{named} was marked as sent before, at {since}; that stands"))


def preview(
    policy: PolicyFile,
    lang: LangOption,
    lender: LenderOption,
    case: Annotated[str | None, typer.Option("--case", metavar="NAME", help="This letter alone.")] = None,
    to: Annotated[
        Path | None, folder_to_write("--to", about="Write each letter to this folder, as text and as a page.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Every letter that a policy can send, filled with a made-up account."""
    from linekeeper.notice.from_decision import read_lender_profile
    from linekeeper.notice.lender_words import words_for
    from linekeeper.notice.preview import preview_notices
    from linekeeper.notice.render import as_text
    from linekeeper.policy.load import load_file
    from linekeeper.policy.source import nearest
    from linekeeper.texts.language import language

    code, profile = language(lang).code, read_lender_profile(lender)
    if not profile.words.files:  # as `check` does
        profile = replace(profile, words=words_for(policy))
    cases = preview_notices(load_file(policy), profile)
    names = [one.name for one in cases]
    if case is not None and case not in names:
        way_out = nearest(case, names, f"it has {', '.join(names[:SHOWN_CASES_MAX])}")
        raise UsageError(
            f"the policy sends no letter `{case[:60]}`",
            code="choice-not-known",
            way_out=way_out,
            details={"given": case[:60]},
        )
    chosen = [one for one in cases if case in (None, one.name)]
    if to is not None:
        _write_letters(chosen, to, code, profile.words)
    if json:
        from linekeeper.cli.answers.notices import preview_answer

        print_answer(preview_answer(chosen, profile.words, code))
    elif to is not None:
        print_line(f"{counted(len(chosen), 'letter', 'letters')} in {data_text(to)}")
    else:
        for one in chosen:
            typer.echo(f"=== {one.name}\n\n{as_text(one.notice, code, profile.words).rstrip()}\n")


def _write_letters(cases: Sequence[PreviewedNotice], folder: Path, lang: Lang, words: LenderWords) -> None:
    """Each letter as text and as a page, named by its case and language."""
    from linekeeper.journal.log.durable import write
    from linekeeper.notice.render import as_html, as_text

    folder.mkdir(parents=True, exist_ok=True)
    for case in cases:
        write(folder / f"{case.name}.{lang}.txt", as_text(case.notice, lang, words).encode())
        write(folder / f"{case.name}.{lang}.html", as_html(case.notice, lang, words).encode())


def clock(
    jurisdiction: Annotated[str, typer.Argument(metavar="JURISDICTION", help="CN, US, EU, UK.")],
    product: Annotated[
        str, typer.Argument(metavar="PRODUCT", help="As `policies/regulation` names it, like consumer_loan.")
    ],
    action: Annotated[str, typer.Argument(metavar="ACTION", help="decrease, suspend, close, objection, ...")],
    day: Annotated[str, typer.Option("--day", help="The local day of the decision, YYYY-MM-DD.")],
    zone: Annotated[str, typer.Option("--zone", help="IANA time zone.")] = "Asia/Shanghai",
    json: JsonOption = False,
) -> None:
    """By when a notice must be out, and by which rule."""
    from linekeeper.cli.answers.notices import ClockAnswer
    from linekeeper.face.times import instant_of
    from linekeeper.regulation.clock import NoticeCase, notice_clock
    from linekeeper.regulation.records import known_jurisdiction, known_product, shipped_records

    midnight = datetime.combine(date_of(required_day(day)), time.min, zone_of(zone))
    decided_at = int(midnight.timestamp()) * 1000
    case = NoticeCase(known_jurisdiction(jurisdiction), known_product(product), action, zone)
    earliest = notice_clock(shipped_records(), case, decided_at)
    due, alarm = instant_of(earliest.due_at, zone), instant_of(earliest.alarm_at, zone)
    if json:
        print_answer(ClockAnswer(due_at=due, alarm_at=alarm, rule=earliest.rule, status=earliest.status))
        return
    typer.echo(
        f"due before {due:%Y-%m-%d %H:%M}, alarm from {alarm:%Y-%m-%d %H:%M} ({earliest.rule}, {earliest.status})"
    )
