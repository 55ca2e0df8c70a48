"""run, review, replay, verify, authorise: events in, decisions out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli.output import (
    BrakeOn,
    Json,
    Keys,
    SignedBy,
    StoreUrl,
    print_json,
    progress,
    say,
    say_aside,
    warn_held,
    write_aside,
)

if TYPE_CHECKING:
    from linekeeper.connect.files import Intake
    from linekeeper.core.decision import Decision
    from linekeeper.engine.engine import Engine
    from linekeeper.engine.outbox import Law
    from linekeeper.engine.run import Summary
    from linekeeper.kernel.kernel import Kernel
    from linekeeper.policy.model import Policy

Columns = Annotated[Path | None, typer.Option("--columns", help="Column mapping (YAML) of a file that is not ours.")]
Until = Annotated[str | None, typer.Option("--until", help="Review up to the start of this day, YYYY-MM-DD.")]
Jurisdiction = Annotated[
    str | None, typer.Option("--jurisdiction", help="Note notices under this law: CN, US, EU, UK.")
]
Product = Annotated[str | None, typer.Option("--product", help="The product, as `policies/regulation` names it.")]
SetAsideFile = Annotated[str | None, typer.Option("--set-aside", help="Write rows that were set aside to this file.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (run, review, replay, verify, authorise):
        app.command()(command)


def run(
    policy: Path,
    events: Path,
    store: StoreUrl,
    keys: Keys = None,
    columns: Columns = None,
    until: Until = None,
    source: Annotated[str | None, typer.Option(help="Name of the events' source (default: the file's name).")] = None,
    set_aside: SetAsideFile = None,
    brake: BrakeOn = False,
    jurisdiction: Jurisdiction = None,
    product: Product = None,
    by: SignedBy = None,
    json: Json = False,
) -> None:
    """Take a file of events into a store under a policy, decide, and review up to the last event's day."""
    from linekeeper.engine.run import run_table
    from linekeeper.policy.load import load_file

    engine = open_engine(store, load_file(policy), keys, brake, law_of(jurisdiction, product), by)
    intake = read_file(events, engine.policy, columns, json)
    say_compiling(engine.kernel, intake.table.num_rows)
    with progress("events", intake.table.num_rows, json) as tell:
        summary = run_table(engine, intake.table, source or events.name, day_number(until), tell)
    report(summary, intake, set_aside, json)


def replay(
    policy: Path,
    events: Path,
    columns: Columns = None,
    until: Until = None,
    workers: Annotated[int | None, typer.Option(help="Threads (default: one a core).")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the decisions to this Parquet file.")
    ] = None,
    set_aside: SetAsideFile = None,
    eager: Annotated[
        bool, typer.Option("--eager", help="Review every account every day (same decisions, slower).")
    ] = False,
    json: Json = False,
) -> None:
    """Run a file of events through the kernel alone, on all cores; decisions and digest are those of `run`."""
    from linekeeper.engine.run import replay_table
    from linekeeper.kernel.kernel import kernel_of
    from linekeeper.lab.decisions import write_decisions
    from linekeeper.policy.load import load_file

    kernel = kernel_of(load_file(policy))
    intake = read_file(events, kernel.policy, columns, json)
    kept: list[Decision] = []
    rows = intake.table.num_rows
    compiled = kernel.is_worth_compiling(rows)
    say_compiling(kernel, rows)
    with progress("events", rows, json) as tell:
        keep = kept.append if output else None
        summary = replay_table(kernel, intake.table, day_number(until), workers, not eager, compiled, tell, keep)
    if output:
        write_decisions(kept, output)
    report(summary, intake, set_aside, json)


def review(
    store: StoreUrl,
    until: Annotated[str, typer.Option(help="Up to the start of this day, YYYY-MM-DD.")],
    keys: Keys = None,
    brake: BrakeOn = False,
    json: Json = False,
) -> None:
    """Look at every account of a store that is due."""
    engine = open_engine(store, keys=keys, brake=brake)
    day = day_number(until)
    assert day is not None
    with progress("accounts", engine.due_count(day), json) as tell:
        tally = engine.review(day, tell)
    if json:
        print_json({"decisions": dict(tally.actions), "evaluations": tally.looks, "held": tally.held})
    else:
        say(f"{tally.looks:,} looks; decisions: {_counts(dict(tally.actions))}")
    warn_held(tally.held)


def verify(store: StoreUrl, keys: Keys = None, json: Json = False) -> None:
    """Derive every decision and state anew from the events, with --keys also against the log (exit code 3)."""
    from dataclasses import replace

    from linekeeper.engine.leaves import differing_leaf
    from linekeeper.engine.verify import verify as verified
    from linekeeper.journal.keeper import open_keeper
    from linekeeper.journal.store import open_store

    opened = open_store(store, made=True)
    with progress("accounts", 0, json) as tell:
        verdict = verified(opened, tell)
    if keys is not None and verdict.same:
        verdict = replace(verdict, first_difference=differing_leaf(opened, open_keeper(keys).vault))
    if json:
        names = ("same", "accounts", "events", "decisions", "first_difference")
        print_json({name: getattr(verdict, name) for name in names})
    elif verdict.same:
        leaves = ", and each is what its leaf holds" if keys is not None else ""
        say(
            f"[green]the same[/]: {verdict.decisions:,} decisions of {verdict.accounts:,} accounts "
            f"follow from {verdict.events:,} events{leaves}"
        )
    else:
        say(f"[red]different[/]: {verdict.first_difference}")
    if not verdict.same:
        raise typer.Exit(3)


def authorise(
    account: str,
    amount: Annotated[str, typer.Argument(help="The draw asked for, in major units, like 250.00.")],
    store: StoreUrl,
    at: Annotated[str, typer.Option(help="When, ISO 8601 with an offset, like 2024-05-02T09:00+08:00.")],
    json: Json = False,
) -> None:
    """Say whether a draw may happen, and why not. It changes nothing."""
    from linekeeper.connect.values import AT, read_value

    engine = open_engine(store)
    instant = int(read_value(AT, at, True))
    answer = engine.authorise(account, instant, minor_units(amount, engine.policy.exponent))
    if json:
        print_json({"allowed": answer.allowed, "reasons": answer.reasons, "rules": answer.rules})
    else:
        say("[green]allowed[/]" if answer.allowed else f"[red]denied[/]: {', '.join(answer.reasons)}")


# ------------------------------------------------------------------ pieces


def open_engine(
    url: str,
    policy: Policy | None = None,
    keys: Path | None = None,
    brake: bool = False,
    law: Law | None = None,
    signed_by: str | None = None,
) -> Engine:
    """The engine over that store; without a policy, under the one that the store holds."""
    from linekeeper.engine.engine import Engine
    from linekeeper.engine.versions import stored_policy
    from linekeeper.journal.store import open_store

    store = open_store(url, made=policy is None)
    keeper = None
    if keys is not None:
        from linekeeper.journal.keeper import open_keeper

        keeper = open_keeper(keys)
    return Engine(store, policy or stored_policy(store), keeper, brake=brake, law=law, signed_by=signed_by)


def law_of(jurisdiction: str | None, product: str | None) -> Law | None:
    """The law of those two options; None where neither is given."""
    from linekeeper.core.errors import LinekeeperError
    from linekeeper.engine.outbox import Law

    if jurisdiction is None and product is None:
        return None
    if jurisdiction is None or product is None:
        raise LinekeeperError("notices need both `--jurisdiction` and `--product`")
    return Law(jurisdiction, product)


def read_file(path: Path, policy: Policy, columns: Path | None, quiet: bool) -> Intake:
    """A file as admitted events: an event table of ours, or any file with a column mapping."""
    from linekeeper.connect.columns import load_columns
    from linekeeper.connect.files import take_in

    with progress("reading", 100, quiet) as tell:
        done = 0.0

        def told(share: float) -> None:
            nonlocal done
            tell(int(share * 100) - int(done * 100))
            done = share

        return take_in(path, policy, load_columns(columns) if columns else None, tell=told)


def say_compiling(kernel: Kernel, looks: int) -> None:
    """Say on a terminal that the policy is about to be compiled, where it will be and was not before."""
    if kernel.is_worth_compiling(looks) and not kernel.is_kept and sys.stderr.isatty():
        sys.stderr.write("compiling the policy, some 15 seconds; once, for the code is kept\n")


def report(summary: Summary, intake: Intake, set_aside: str | None, json: bool) -> None:
    """The end of `run` and `replay`."""
    aside = intake.set_aside + summary.set_aside
    write_aside(aside, set_aside)
    warn_held(summary.held)
    if json:
        print_json({**summary.as_json(), "set_aside": len(aside), "repeats": intake.same})
        return
    say(
        f"{summary.events:,} events of {summary.accounts:,} accounts in {summary.seconds:.1f} s, "
        f"{summary.evaluations:,} looks"
    )
    say(f"decisions: {_counts(summary.decisions)}")
    say_aside(aside)
    say(f"digest {summary.digest}")


def minor_units(text: str, exponent: int) -> int:
    """An amount in major units as minor units; LinekeeperError where it is none.

    >>> minor_units("250.50", 2)
    25050
    """
    from decimal import Decimal, InvalidOperation

    from linekeeper.core.bounds import MONEY_MAX
    from linekeeper.core.errors import LinekeeperError

    try:
        minor = Decimal(text.replace(",", "").replace("_", "")).scaleb(exponent)
    except InvalidOperation:
        minor = Decimal("NaN")
    if not minor.is_finite() or minor != minor.to_integral_value() or not 0 <= minor <= MONEY_MAX:
        raise LinekeeperError(f"`{text[:40]}` is not an amount; write it like 250 or 250.50")
    return int(minor)


def _counts(actions: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {action}" for action, count in sorted(actions.items())) or "none"


def day_number(text: str | None) -> int | None:
    """Days since 1970-01-01 of an ISO date; LinekeeperError where it is none."""
    import datetime as dt

    from linekeeper.core.errors import LinekeeperError

    if text is None:
        return None
    try:
        return (dt.date.fromisoformat(text) - dt.date(1970, 1, 1)).days
    except ValueError:
        raise LinekeeperError(f"`{text[:40]}` is not a day; write it like 2024-05-31") from None
