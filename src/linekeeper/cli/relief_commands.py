"""relief: a moratorium for many accounts at once, and its letters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from linekeeper.cli.arguments import required_day
from linekeeper.cli.opening import open_engine
from linekeeper.cli.options import At, JsonOption, Keys, Simulate, StoreUrl, Why
from linekeeper.cli.output import counted, data_text, print_answer, print_line
from linekeeper.core.errors import UsageError

ACCOUNT_LIST_BYTES_MAX = 64 << 20
REJECTED_SHOWN_MAX = 10


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(relief)


def relief(
    accounts: Annotated[Path, typer.Argument(metavar="ACCOUNTS", help="A file with one account id a line.")],
    store: StoreUrl,
    first: Annotated[str, typer.Option("--from", help="The first day that stands still, YYYY-MM-DD.")],
    until: Annotated[str, typer.Option("--until", help="The last day that stands still, YYYY-MM-DD.")],
    why: Why,
    keys: Keys,
    notices: Annotated[
        Path | None, typer.Option("--notices", help="Write a letter for each account to this folder, in zh and en.")
    ] = None,
    at: At = None,
    simulate: Simulate = False,
    json: JsonOption = False,
) -> None:
    """Give all accounts of a list a moratorium: days past due stand still in it."""
    from linekeeper.cli.answers.events import ReliefAnswer
    from linekeeper.cli.ruling_commands import instant
    from linekeeper.engine.relief import give_relief

    names, first_day, last_day = read_account_list(accounts), required_day(first), required_day(until)
    engine = open_engine(store, keys=keys, simulate=simulate)
    given = give_relief(engine, names, first_day, last_day, why=why, now=instant(engine, at))
    if notices is not None:
        write_notices(notices, [name for name in names if name not in given.rejected], first_day, last_day)
    if json:
        answer = ReliefAnswer(
            accounts=given.accounts, same=given.same, corrected=given.corrected, rejected=given.rejected
        )
        print_answer(answer)
        return
    had = f", {counted(given.same, 'account', 'accounts')} had it before" if given.same else ""
    print_line(f"relief for {counted(given.accounts, 'account', 'accounts')} from {first} to {until}{had}")
    if given.corrected:
        print_line(f"{counted(given.corrected, 'line', 'lines')} restored that days of it had restricted")
    for name, reason in list(given.rejected.items())[:REJECTED_SHOWN_MAX]:
        print_line(f"  {data_text(name)}: {reason}")
    if len(given.rejected) > REJECTED_SHOWN_MAX:
        print_line(f"  ... and {len(given.rejected) - REJECTED_SHOWN_MAX:,} more")


def read_account_list(path: Path) -> list[str]:
    """The ids in a file, one a line, each once; empty lines are passed over. Raises UsageError where there is none."""
    from linekeeper.core.bounded import read_bounded

    text = read_bounded(path, ACCOUNT_LIST_BYTES_MAX).decode("utf-8", errors="replace")
    names = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if not names:
        raise UsageError(
            f"`{path.name}` names no account", code="moratorium-not-usable", way_out="write one account id a line"
        )
    return names


def write_notices(folder: Path, accounts: list[str], first_day: int, last_day: int) -> None:
    """A letter for each account in each language; the files are numbered in the order of the list."""
    from linekeeper.notice.from_decision import masked, read_lender_profile
    from linekeeper.notice.relief_notice import relief_notice

    lender = read_lender_profile().lender
    folder.mkdir(parents=True, exist_ok=True)
    for number, account in enumerate(accounts, start=1):
        for lang in ("zh", "en"):
            text = relief_notice(first_day, last_day, masked(account), lender.name.in_(lang), lang)
            (folder / f"{number:06}-{lang}.txt").write_text(text, encoding="utf-8")
