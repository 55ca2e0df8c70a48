"""run, review, replay, verify, authorise: events in, decisions out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli.arguments import day_number, instant_ms, minor_units, to_write
from linekeeper.cli.opening import open_engine, read_file
from linekeeper.cli.output import (
    BrakeOn,
    JsonOption,
    Keys,
    SignedBy,
    StoreUrl,
    data_text,
    print_json,
    print_line,
    print_rejected,
    progress,
    warn_pending,
    write_rejected,
)

if TYPE_CHECKING:
    from linekeeper.connect.files import Intake
    from linekeeper.core.decision import Decision
    from linekeeper.engine.summaries import RunSummary

ColumnsOption = Annotated[
    Path | None, typer.Option("--columns", help="Column mapping (YAML) of a file that is not ours.")
]
Until = Annotated[str | None, typer.Option("--until", help="Review up to the start of this day, YYYY-MM-DD.")]
Jurisdiction = Annotated[
    str | None, typer.Option("--jurisdiction", help="Note notices under this law: CN, US, EU, UK.")
]
Product = Annotated[str | None, typer.Option("--product", help="The product, as `policies/regulation` names it.")]
RejectedFile = Annotated[Path | None, to_write("--rejected", about="Write rows that were rejected to this file.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (run, review, replay, verify, authorise):
        app.command()(command)


def run(
    policy: Path,
    events: Path,
    store: StoreUrl,
    keys: Keys = None,
    columns: ColumnsOption = None,
    until: Until = None,
    source: Annotated[str | None, typer.Option(help="Name of the events' source (default: the file's name).")] = None,
    rejected: RejectedFile = None,
    brake: BrakeOn = False,
    jurisdiction: Jurisdiction = None,
    product: Product = None,
    by: SignedBy = None,
    json: JsonOption = False,
) -> None:
    """Take a file of events into a store under a policy, decide, and review up to the last event's day."""
    from linekeeper.engine.opening import law_named
    from linekeeper.engine.run import run_table
    from linekeeper.policy.load import load_file

    # All that was given is read before the store is opened: to open an empty store begins it under the policy.
    checked, until_day, law = load_file(policy), day_number(until), law_named(jurisdiction, product)
    intake = read_file(events, checked, columns, json)
    engine = open_engine(store, checked, keys, brake, law, by)
    with progress("events", intake.table.num_rows, json) as advance:
        summary = run_table(engine, intake.table, source or events.name, until_day, advance)
    report(summary, intake, rejected, json)


def replay(
    policy: Path,
    events: Path,
    columns: ColumnsOption = None,
    until: Until = None,
    workers: Annotated[int | None, typer.Option(min=1, max=1_024, help="Threads (default: one a core).")] = None,
    output: Annotated[
        Path | None, to_write("-o", "--output", about="Write the decisions to this Parquet file.")
    ] = None,
    rejected: RejectedFile = None,
    eager: Annotated[
        bool, typer.Option("--eager", help="Review every account every day (same decisions, slower).")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Run a file of events through the kernel alone, on all cores; decisions and digest are those of `run`."""
    from linekeeper.engine.run import evaluations_of, replay_table
    from linekeeper.kernel.kernel import kernel_of
    from linekeeper.lab.decision_table import write_decisions
    from linekeeper.policy.load import load_file

    kernel = kernel_of(load_file(policy))
    intake = read_file(events, kernel.policy, columns, json)
    kept: list[Decision] = []
    evaluations = evaluations_of(intake.table, not eager)
    compiled = kernel.is_worth_compiling(evaluations)
    with progress("events", intake.table.num_rows, json) as advance:
        keep = kept.append if output else None
        summary = replay_table(kernel, intake.table, day_number(until), workers, not eager, compiled, advance, keep)
    if output:
        write_decisions(kept, output)
    report(summary, intake, rejected, json)


def review(
    store: StoreUrl,
    until: Annotated[str, typer.Option(help="Up to the start of this day, YYYY-MM-DD.")],
    keys: Keys = None,
    brake: BrakeOn = False,
    json: JsonOption = False,
) -> None:
    """Review every account of a store that is due."""
    engine = open_engine(store, keys=keys, brake=brake)
    day = day_number(until)
    assert day is not None
    with progress("accounts", engine.due_count(day), json) as advance:
        summary = engine.review(day, advance)
    if json:
        print_json({"decisions": dict(summary.actions), "evaluations": summary.evaluations, "pending": summary.pending})
    else:
        print_line(f"{summary.evaluations:,} evaluations; decisions: {_counts(dict(summary.actions))}")
    warn_pending(summary.pending)


def verify(store: StoreUrl, keys: Keys = None, json: JsonOption = False) -> None:
    """Derive every decision and state again from the events, and with --keys the log (exit code 3: a difference)."""
    from linekeeper.engine.verify import verify as verified
    from linekeeper.journal.keeper import open_keeper
    from linekeeper.journal.store import open_store

    opened, vault = open_store(store, made=True), None if keys is None else open_keeper(keys).vault
    with progress("accounts", 0, json) as advance:
        verdict = verified(opened, advance, vault)
    if json:
        names = ("same", "accounts", "events", "decisions", "first_difference")
        print_json({name: getattr(verdict, name) for name in names})
    elif verdict.same:
        leaves = ", and each is what its leaf holds" if keys is not None else ""
        print_line(
            f"[green]the same[/]: {verdict.decisions:,} decisions of {verdict.accounts:,} accounts "
            f"follow from {verdict.events:,} events{leaves}"
        )
    else:
        print_line(f"[red]different[/]: {data_text(verdict.first_difference)}")
    if not verdict.same:
        raise typer.Exit(3)


def authorise(
    account: str,
    amount: Annotated[str, typer.Argument(help="The draw asked for, in major units, like 250.00.")],
    store: StoreUrl,
    at: Annotated[str, typer.Option(help="When, ISO 8601 with an offset, like 2024-05-02T09:00+08:00.")],
    json: JsonOption = False,
) -> None:
    """Say whether a draw may happen, and why not. It changes nothing."""
    engine = open_engine(store)
    answer = engine.authorise(account, instant_ms(at), minor_units(amount, engine.policy.exponent))
    if json:
        print_json({"allowed": answer.allowed, "reasons": answer.reasons, "rules": answer.rules})
    else:
        print_line("[green]allowed[/]" if answer.allowed else f"[red]denied[/]: {', '.join(answer.reasons)}")


# ------------------------------------------------------------------ pieces


def report(summary: RunSummary, intake: Intake, rejected: Path | None, json: bool) -> None:
    """Print what `run` or `replay` did."""
    aside = intake.rejected + summary.rejected
    write_rejected(aside, rejected)
    warn_pending(summary.pending)
    if json:
        print_json({**summary.as_json(), "rejected": len(aside), "repeats": intake.same})
        return
    print_line(
        f"{summary.events:,} events of {summary.accounts:,} accounts in {summary.seconds:.1f} s, "
        f"{summary.evaluations:,} evaluations"
    )
    print_line(f"decisions: {_counts(summary.decisions)}")
    print_rejected(aside)
    print_line(f"digest {summary.digest}")


def _counts(actions: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {action}" for action, count in sorted(actions.items())) or "none"
