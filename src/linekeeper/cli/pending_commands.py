"""pending list|release|refuse: restrictions that wait for a person because the brake held them; and pending batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli import completion
from linekeeper.cli.arguments import required_day
from linekeeper.cli.batch_commands import add_batches
from linekeeper.cli.opening import open_engine
from linekeeper.cli.options import At, By, JsonOption, Keys, Simulate, StoreUrl, Why
from linekeeper.cli.output import counted, data_text, print_answer, print_line
from linekeeper.cli.ruling_commands import instant
from linekeeper.cli.sections import WholeLines
from linekeeper.core.dates import date_of
from linekeeper.core.errors import UsageError

if TYPE_CHECKING:
    from linekeeper.core.decision import Decision
    from linekeeper.engine.engine import Engine
    from linekeeper.engine.pending_restrictions import PendingRecord

AccountsNamed = Annotated[
    list[str] | None,
    typer.Argument(metavar="ACCOUNTS", help="Which accounts; or --all.", autocompletion=completion.complete_account),
]
All = Annotated[bool, typer.Option("--all", help="All that wait.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    about = "Restrictions and batches that wait for a person, as the policy's brake or a contract says."
    pending = typer.Typer(cls=WholeLines, help=about, no_args_is_help=True)
    pending.command(name="list")(list_pending)
    pending.command()(release)
    pending.command()(refuse)
    add_batches(pending)
    app.add_typer(pending, name="pending")


def list_pending(
    store: StoreUrl,
    keys: Keys,
    ended: Annotated[bool, typer.Option("--ended", help="Also those that have ended, and how.")] = False,
    json: JsonOption = False,
) -> None:
    """What waits: the account, since when, and what would be done."""
    from linekeeper.cli.answers.events import PendingListAnswer, pending_record
    from linekeeper.decide.explain import money

    engine = open_engine(store, keys=keys)
    rows = _rows(engine, ended)
    if json:
        print_answer(
            PendingListAnswer(currency=engine.policy.currency, restrictions=[pending_record(row) for row in rows])
        )
        return
    print_line(counted(len(rows), "restriction", "restrictions") + ("" if ended else " waiting for a person"))
    for row in rows:
        before, after = row.decision.before, row.decision.after
        limits = f"{money(engine.policy, before.limit)} -> {money(engine.policy, after.limit)}"
        why = ", ".join(row.decision.triggers_set)
        about = (
            f"{row.account}  since {date_of(row.since)}  {row.decision.action:<8} {limits}  {why}  {row.ended or ''}"
        )
        print_line(f"  {data_text(about)}")


def release(
    store: StoreUrl,
    by: By,
    why: Why,
    keys: Keys,
    accounts: AccountsNamed = None,
    everyone: All = False,
    at: At = None,
    simulate: Simulate = False,
    json: JsonOption = False,
) -> None:
    """Let pending restrictions act now."""
    from linekeeper.cli.answers.events import PendingReleaseAnswer
    from linekeeper.engine.rulings import release as released

    engine = open_engine(store, keys=keys, simulate=simulate)
    chosen = _chosen(engine, accounts, everyone)
    made = released(engine, chosen, by=by, why=why, at=instant(engine, at))
    still = _still_waiting(engine, chosen)
    if json:
        print_answer(PendingReleaseAnswer(released=len(chosen) - len(still), still_waiting=still, decisions=len(made)))
    else:
        _print_outcome("released", chosen, still, made)


def refuse(
    store: StoreUrl,
    until: Annotated[
        str, typer.Option("--until", help="Waive their triggers up to and including this day, YYYY-MM-DD.")
    ],
    by: By,
    why: Why,
    keys: Keys,
    accounts: AccountsNamed = None,
    everyone: All = False,
    at: At = None,
    simulate: Simulate = False,
    json: JsonOption = False,
) -> None:
    """Do not restrict: waive the triggers of pending restrictions."""
    from linekeeper.cli.answers.events import PendingRefuseAnswer
    from linekeeper.engine.rulings import refuse as refused

    engine = open_engine(store, keys=keys, simulate=simulate)
    chosen, day = _chosen(engine, accounts, everyone), required_day(until)
    made = refused(engine, chosen, day, by=by, why=why, at=instant(engine, at))
    still = _still_waiting(engine, chosen)
    if json:
        print_answer(PendingRefuseAnswer(refused=len(chosen) - len(still), still_waiting=still, decisions=len(made)))
    else:
        _print_outcome("refused", chosen, still, made)


# ------------------------------------------------------------------ pieces


def _rows(engine: Engine, ended: bool = False) -> list[PendingRecord]:
    from linekeeper.engine.pending_restrictions import pending_rows

    with engine.store.reading() as connection:
        return pending_rows(connection, ended=ended)


def _chosen(engine: Engine, accounts: list[str] | None, everyone: bool) -> list[str]:

    if bool(accounts) == everyone:
        raise UsageError("say which accounts, or `--all`, not both", code="arguments-do-not-go-together")
    return accounts or [row.account for row in _rows(engine)]


def _still_waiting(engine: Engine, accounts: list[str]) -> list[str]:
    waiting = {row.account for row in _rows(engine)}
    return [account for account in accounts if account in waiting]


def _print_outcome(done: str, accounts: list[str], still: list[str], made: list[Decision]) -> None:
    print_line(f"{len(accounts) - len(still):,} {done}, {counted(len(made), 'decision', 'decisions')}")
    if still:
        print_line(f"[yellow]{len(still):,} wait again[/], for something new: {data_text(', '.join(still[:10]))}")
