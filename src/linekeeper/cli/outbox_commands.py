"""notice, outbox list|sent: the letter of a decision, and which letters are due."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linekeeper.cli.opening import open_engine
from linekeeper.cli.output import Json, Keys, StoreUrl, print_json, say
from linekeeper.cli.ruling_commands import At, instant

if TYPE_CHECKING:
    from linekeeper.engine.outbox import Entry

Name = Annotated[str, typer.Argument(help="ACCOUNT#NUMBER, or an account for its latest decision.")]
FORMATS = ("text", "html", "json")
SHOWN = 40


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(notice)
    outbox = typer.Typer(help="Which notices are due, and which went out.", no_args_is_help=True)
    outbox.command(name="list")(list_outbox)
    outbox.command()(sent)
    app.add_typer(outbox, name="outbox")


def notice(
    decision: Name,
    store: StoreUrl,
    lang: Annotated[str, typer.Option("--lang", help="zh or en.")] = "en",
    form: Annotated[str, typer.Option("--format", help="text, html or json.")] = "text",
    lender: Annotated[Path | None, typer.Option("--lender", help="Who speaks (YAML; default: an example).")] = None,
    keys: Keys = None,
) -> None:
    """The letter that tells a borrower of a decision."""
    from linekeeper.core.errors import LinekeeperError
    from linekeeper.engine.account import find_decision
    from linekeeper.engine.notices import build_notice
    from linekeeper.engine.point_in_time import state_after
    from linekeeper.notice.from_decision import read_lender_profile
    from linekeeper.notice.render import as_html, as_json, as_text
    from linekeeper.texts.language import language

    spoken, profile = language(lang).code, read_lender_profile(lender)
    if form not in FORMATS:
        raise LinekeeperError(f"`{form[:20]}` is no form of a notice; choose one of {', '.join(FORMATS)}")
    engine = open_engine(store, keys=keys)
    found = find_decision(engine, decision)
    told = build_notice(engine, found, profile, state_after(engine, found))
    written = {"text": as_text, "html": as_html, "json": as_json}[form](told, spoken)
    sys.stdout.write(written if written.endswith("\n") else f"{written}\n")


def list_outbox(store: StoreUrl, at: At = None, keys: Keys = None, json: Json = False) -> None:
    """What has not gone out, the most urgent first: running, in alarm, or late."""
    from linekeeper.cli.show_commands import moment
    from linekeeper.engine.outbox import pending

    engine = open_engine(store, keys=keys)
    now = instant(engine, at)
    with engine.store.reading() as connection:
        entries = pending(connection)
    if json:
        print_json([_plain(entry, now) for entry in entries])
        return
    say(f"{len(entries):,} notice{'' if len(entries) == 1 else 's'} to send")
    colours = {"running": "green", "alarm": "yellow", "late": "red"}
    for entry in entries[:SHOWN]:
        state_at = entry.clock.state_at(now)
        due = moment(entry.clock.due_at, engine.policy.time_zone)
        say(f"  [{colours[state_at]}]{state_at:<7}[/] due {due}  {entry.account}#{entry.number}  {entry.action}")
    if len(entries) > SHOWN:
        say(f"  ... and {len(entries) - SHOWN:,} more (all of them with --json)")


def sent(decision: Name, store: StoreUrl, at: At = None, keys: Keys = None, json: Json = False) -> None:
    """Note that a notice went out."""
    from linekeeper.engine.account import find_decision
    from linekeeper.engine.outbox import mark_sent

    engine = open_engine(store, keys=keys)
    found = find_decision(engine, decision)
    mark_sent(engine.store, found.account, found.number, instant(engine, at))
    if json:
        print_json({"account": found.account, "number": found.number, "state": "sent"})
    else:
        say(f"{found.account}#{found.number} is sent")


# ------------------------------------------------------------------ pieces


def _plain(entry: Entry, now: int) -> dict[str, Any]:
    clock = entry.clock
    return {
        "account": entry.account,
        "number": entry.number,
        "action": entry.action,
        "due_at": clock.due_at,
        "alarm_at": clock.alarm_at,
        "rule": clock.rule,
        "rule_status": clock.status,
        "stands": clock.state_at(now),
    }
