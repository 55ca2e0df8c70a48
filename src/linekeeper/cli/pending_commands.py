"""pending list|release|refuse: restrictions that wait for a person because the brake held them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from linekeeper.cli.arguments import day_number
from linekeeper.cli.opening import open_engine
from linekeeper.cli.output import JsonOption, Keys, StoreUrl, data_text, print_json, print_line
from linekeeper.cli.ruling_commands import At, By, Why, instant
from linekeeper.core.errors import UsageError

if TYPE_CHECKING:
    from linekeeper.core.decision import Decision
    from linekeeper.engine.engine import Engine
    from linekeeper.engine.pending_restrictions import PendingRecord

Accounts = Annotated[list[str] | None, typer.Argument(help="Which accounts; or --all.")]
All = Annotated[bool, typer.Option("--all", help="All that wait.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    pending = typer.Typer(help="Restrictions that wait for a person, as the policy's brake says.", no_args_is_help=True)
    pending.command(name="list")(list_pending)
    pending.command()(release)
    pending.command()(refuse)
    app.add_typer(pending, name="pending")


def list_pending(
    store: StoreUrl,
    ended: Annotated[bool, typer.Option("--ended", help="Also those that have ended, and how.")] = False,
    keys: Keys = None,
    json: JsonOption = False,
) -> None:
    """What waits: the account, since when, and what would be done."""
    from linekeeper.cli.show_commands import day
    from linekeeper.decide.explain import money

    engine = open_engine(store, keys=keys)
    rows = _rows(engine, ended)
    if json:
        print_json([_plain(row) for row in rows])
        return
    print_line(f"{len(rows):,} restriction{'' if len(rows) == 1 else 's'}{'' if ended else ' waiting for a person'}")
    for row in rows:
        before, after = row.decision.before, row.decision.after
        limits = f"{money(engine.policy, before.limit)} -> {money(engine.policy, after.limit)}"
        why = ", ".join(row.decision.triggers_set)
        about = f"{row.account}  since {day(row.since)}  {row.decision.action:<8} {limits}  {why}  {row.ended or ''}"
        print_line(f"  {data_text(about)}")


def release(
    store: StoreUrl,
    by: By,
    why: Why,
    accounts: Accounts = None,
    everyone: All = False,
    at: At = None,
    keys: Keys = None,
    json: JsonOption = False,
) -> None:
    """Let pending restrictions act now."""
    from linekeeper.engine.rulings import release as released

    engine = open_engine(store, keys=keys)
    chosen = _chosen(engine, accounts, everyone)
    _print_outcome(engine, "released", chosen, released(engine, chosen, by=by, why=why, at=instant(engine, at)), json)


def refuse(
    store: StoreUrl,
    until: Annotated[str, typer.Option(help="Waive their triggers up to and including this day, YYYY-MM-DD.")],
    by: By,
    why: Why,
    accounts: Accounts = None,
    everyone: All = False,
    at: At = None,
    keys: Keys = None,
    json: JsonOption = False,
) -> None:
    """Do not restrict: waive the triggers of pending restrictions."""
    from linekeeper.engine.rulings import refuse as refused

    engine = open_engine(store, keys=keys)
    chosen, day = _chosen(engine, accounts, everyone), day_number(until)
    assert day is not None
    _print_outcome(
        engine, "refused", chosen, refused(engine, chosen, day, by=by, why=why, at=instant(engine, at)), json
    )


# ------------------------------------------------------------------ pieces


def _rows(engine: Engine, ended: bool = False) -> list[PendingRecord]:
    from linekeeper.engine.pending_restrictions import pending_rows

    with engine.store.reading() as connection:
        return pending_rows(connection, ended=ended)


def _chosen(engine: Engine, accounts: list[str] | None, everyone: bool) -> list[str]:

    if bool(accounts) == everyone:
        raise UsageError("say which accounts, or `--all`, not both", code="arguments-do-not-go-together")
    return accounts or [row.account for row in _rows(engine)]


def _print_outcome(engine: Engine, done: str, accounts: list[str], made: list[Decision], json: bool) -> None:
    waiting = {row.account for row in _rows(engine)}
    still = [account for account in accounts if account in waiting]
    if json:
        print_json({done: len(accounts) - len(still), "still_waiting": still, "decisions": len(made)})
        return
    print_line(f"{len(accounts) - len(still):,} {done}, {len(made):,} decisions")
    if still:
        print_line(f"[yellow]{len(still):,} wait again[/], for something new: {data_text(', '.join(still[:10]))}")


def _plain(row: PendingRecord) -> dict[str, Any]:
    decision = row.decision
    return {
        "account": row.account,
        "since_day": row.since,
        "action": decision.action,
        "limit_before": decision.before.limit,
        "limit_after": decision.after.limit,
        "status_after": decision.after.status,
        "triggers": list(decision.triggers_set),
        "reasons": list(dict.fromkeys(reason.code for reason in decision.reasons)),
        "ended": row.ended,
    }
