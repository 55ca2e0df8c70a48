"""run, review, replay, verify, authorise: events in, decisions out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linekeeper.cli.arguments import day_number, instant_ms, minor_units, required_day
from linekeeper.cli.opening import clock_of, columns_of_file, open_engine, read_file
from linekeeper.cli.options import (
    AccountName,
    AllowOtherSource,
    BrakeOn,
    ContractFile,
    EventsFile,
    JsonOption,
    Jurisdiction,
    Keys,
    MappingFile,
    PolicyFile,
    Product,
    RejectedFile,
    SignedBy,
    Simulate,
    SourceName,
    StoreToWrite,
    StoreUrl,
    Until,
    to_write,
)
from linekeeper.cli.output import (
    counted,
    data_text,
    print_answer,
    print_line,
    print_rejected,
    print_repeats,
    progress,
    warn_pending,
    write_rejected,
)
from linekeeper.cli.settings import source_named
from linekeeper.core.dates import date_of
from linekeeper.core.event import repeat_figures, source_of_feed

if TYPE_CHECKING:
    from linekeeper.connect.files import Intake
    from linekeeper.connect.mapping import ColumnMapping
    from linekeeper.core.decision import Decision
    from linekeeper.core.event import Rejection
    from linekeeper.engine.engine import Engine
    from linekeeper.engine.feed_batches import ReadBatch
    from linekeeper.engine.summaries import RunSummary

UntilLast = Annotated[
    str | None,
    typer.Option("--until", help="Review up to and including this day, YYYY-MM-DD (default: the last event's)."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (run, review, replay, verify, authorise):
        app.command()(command)


def run(
    policy: PolicyFile,
    events: EventsFile,
    store: StoreToWrite,
    keys: Keys,
    jurisdiction: Jurisdiction,
    product: Product,
    mapping: MappingFile = None,
    contract: ContractFile = None,
    until: UntilLast = None,
    source: SourceName = None,
    allow_other_source: AllowOtherSource = False,
    rejected: RejectedFile = None,
    brake: BrakeOn = False,
    by: SignedBy = None,
    simulate: Simulate = False,
    json: JsonOption = False,
) -> None:
    """Take a file of events into a store under a policy, decide, and review up to the last event's day."""
    from linekeeper.cli.answers.events import RunAnswer
    from linekeeper.engine.opening import law_named
    from linekeeper.engine.summaries import RunSummary
    from linekeeper.journal.store import is_missing
    from linekeeper.kernel.calendar import calendar
    from linekeeper.policy.load import load_file

    # All that was given is read before the store is opened: to open an empty store begins it under the policy.
    checked, until_day, law = load_file(policy), day_number(until), law_named(jurisdiction, product)
    clock = clock_of(simulate)
    if until_day is not None:
        clock.demand_day(until_day, calendar(checked.time_zone))
    columns = columns_of_file(mapping, source)
    intake = read_file(events, checked, columns, json, clock)
    feed = _source_of(intake)
    batch = _batch_of(events, intake, feed, columns, contract)
    if batch is None and intake.rejected and not intake.table.num_rows and is_missing(store):
        summary = RunSummary.empty()  # no store is made for it
    else:
        engine = open_engine(store, checked, keys, brake, law, by, simulate)
        summary = _take_in(engine, intake, feed, batch, allow_other_source, until_day, json)
    aside = report(summary, intake, rejected, json)
    if json:
        over = summary.excess_draws or 0
        print_answer(RunAnswer(**figures(summary, intake, aside, rejected), excess_draws=over, source=feed))
    end_without_events(summary, intake, aside)


def replay(
    policy: PolicyFile,
    events: EventsFile,
    mapping: MappingFile = None,
    until: UntilLast = None,
    workers: Annotated[int | None, typer.Option(min=1, max=1_024, help="Threads (default: one a core).")] = None,
    output: Annotated[
        Path | None, to_write("--output", "-o", about="Write the decisions to this Parquet file.")
    ] = None,
    rejected: RejectedFile = None,
    eager: Annotated[
        bool, typer.Option("--eager", help="Review every account every day (same decisions, slower).")
    ] = False,
    simulate: Simulate = False,
    json: JsonOption = False,
) -> None:
    """Run a file of events through the kernel alone, on all cores; decisions and digest are those of `run`."""
    from linekeeper.cli.answers.events import ReplayAnswer
    from linekeeper.engine.run import evaluations_of, replay_table
    from linekeeper.kernel.kernel import kernel_of
    from linekeeper.lab.decision_table import write_decisions
    from linekeeper.policy.load import load_file

    kernel, clock = kernel_of(load_file(policy)), clock_of(simulate)
    intake = read_file(events, kernel.policy, columns_of_file(mapping), json, clock)
    kept: list[Decision] = []
    evaluations = evaluations_of(intake.table, not eager)
    compiled = kernel.is_worth_compiling(evaluations)
    with progress("events", intake.table.num_rows, json) as advance:
        keep = kept.append if output else None
        summary = replay_table(
            kernel, intake.table, day_number(until), workers, not eager, compiled, advance, keep, clock, intake.arrivals
        )
    if output:
        write_decisions(kept, output)
    aside = report(summary, intake, rejected, json)
    if json:
        written = None if output is None else str(output)
        print_answer(ReplayAnswer(**figures(summary, intake, aside, rejected), output=written))
    end_without_events(summary, intake, aside)


def review(
    store: StoreUrl,
    until: Until,
    keys: Keys,
    brake: BrakeOn = False,
    simulate: Simulate = False,
    json: JsonOption = False,
) -> None:
    """Review every account of a store that is due, at the start of each day up to and including a day."""
    from linekeeper.cli.answers.events import ReviewAnswer

    engine = open_engine(store, keys=keys, brake=brake, simulate=simulate)
    day = required_day(until)
    with progress("accounts", engine.due_count(day), json) as advance:
        summary = engine.review(day, advance)
    actions = dict(summary.actions)
    if json:
        print_answer(
            ReviewAnswer(
                until=date_of(day), decisions=actions, evaluations=summary.evaluations, pending=summary.pending
            )
        )
    else:
        print_line(f"{counted(summary.evaluations, 'evaluation', 'evaluations')}; decisions: {_counts(actions)}")
    warn_pending(summary.pending)


def verify(store: StoreUrl, keys: Keys, json: JsonOption = False) -> None:
    """Derive every decision and state again from the events, and with --keys the log (exit code 3: a difference)."""
    from linekeeper.cli.answers.events import VerifyAnswer
    from linekeeper.engine.verify import verify as verified
    from linekeeper.journal.keeper import open_keeper
    from linekeeper.journal.store import open_store

    opened, vault = open_store(store, made=True), None if keys is None else open_keeper(keys).vault
    with progress("accounts", 0, json) as advance:
        verdict = verified(opened, advance, vault)
    if json:
        print_answer(
            VerifyAnswer(
                same=verdict.same,
                accounts=verdict.accounts,
                events=verdict.events,
                decisions=verdict.decisions,
                first_difference=verdict.first_difference or None,
            )
        )
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
    account: AccountName,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="The draw asked for, in major units, like 250.00.")],
    store: StoreUrl,
    at: Annotated[str, typer.Option("--at", help="When, ISO 8601 with an offset, like 2024-05-02T09:00+08:00.")],
    json: JsonOption = False,
) -> None:
    """Say whether a draw may happen, and why not. It changes nothing."""
    from linekeeper.cli.answers.events import AuthoriseAnswer
    from linekeeper.face.times import instant_of

    engine = open_engine(store)
    instant, minor = instant_ms(at), minor_units(amount, engine.policy.exponent)
    answer = engine.authorise(account, instant, minor)
    if json:
        print_answer(
            AuthoriseAnswer(
                account=account,
                at=instant_of(instant, engine.policy.time_zone),
                currency=engine.policy.currency,
                amount_minor=minor,
                allowed=answer.allowed,
                reasons=list(answer.reasons),
                rules=list(answer.rules),
            )
        )
    else:
        reasons = data_text(", ".join(answer.reasons))
        print_line("[green]allowed[/]" if answer.allowed else f"[red]denied[/]: {reasons}")


# ------------------------------------------------------------------ pieces


def _source_of(intake: Intake) -> str | None:
    """The source of what was read; None where another store exported it, and each event has its own."""
    arrivals = intake.arrivals
    exported = arrivals is not None and bool(arrivals.sources) and intake.source is None
    return None if exported else source_of_feed(intake.source, source_named())


def _batch_of(
    path: Path, intake: Intake, source: str | None, columns: ColumnMapping, contract: Path | None
) -> ReadBatch | None:
    """What was read as a batch, where that file or else the mapping has a contract and the events are of one source."""
    from linekeeper.connect.batch_files import batch_of_file
    from linekeeper.connect.mapping_file import load_contract

    agreed = columns.contract if contract is None else load_contract(contract)
    return None if source is None or agreed is None else batch_of_file(path, intake, source, agreed)


def _take_in(
    engine: Engine,
    intake: Intake,
    source: str | None,
    batch: ReadBatch | None,
    allow_other_source: bool,
    until_day: int | None,
    quiet: bool,
) -> RunSummary:
    """The run of what was read. Where the store began for it and nothing came in, it is left as it was before.

    `batch`: the same, where its source has a contract. It is then held as a whole, or noted as taken.
    """
    from linekeeper.engine.feed_batches import admit_batch, demand_no_contract, note_taken
    from linekeeper.engine.opening import clear_empty_store
    from linekeeper.engine.run import run_arrivals, run_table

    named, arrivals = source_of_feed(source), intake.arrivals
    how = {"allow_other_source": allow_other_source}
    try:
        if batch is not None:
            admit_batch(engine, batch)
        elif source is not None:
            demand_no_contract(engine, source)
        with progress("events", intake.table.num_rows, quiet) as advance:
            if arrivals is not None and (source is None or not arrivals.sources):
                summary = run_arrivals(engine, intake.table, arrivals, named, until_day, advance, **how)
            else:
                summary = run_table(engine, intake.table, named, until_day, advance, **how)
        if batch is not None:
            note_taken(engine, batch)
    except Exception:  # not Ctrl-C, which may have left a transaction in its midst
        clear_empty_store(engine)
        raise
    clear_empty_store(engine)
    return summary


def report(summary: RunSummary, intake: Intake, rejected: Path | None, json: bool) -> list[Rejection]:
    """Write down the rejected rows, tell a person what `run` or `replay` did, and return the rejected rows."""
    aside = intake.rejected + summary.rejected
    if rejected:
        write_rejected(aside, rejected)
    warn_pending(summary.pending)
    if not json:
        events, accounts = counted(summary.events, "event", "events"), counted(summary.accounts, "account", "accounts")
        evaluations = counted(summary.evaluations, "evaluation", "evaluations")
        print_line(f"{events} of {accounts} in {summary.seconds:.1f} s, {evaluations}")
        print_line(f"decisions: {_counts(summary.decisions)}")
        if summary.excess_draws:
            draws = counted(summary.excess_draws, "draw was", "draws were")
            print_line(f"[yellow]{draws} of more than was available[/]; nothing is refused")
        print_repeats(intake.same + summary.same)
        print_rejected(aside, rejected)
        print_line(f"digest {summary.digest}")
    return aside


def figures(summary: RunSummary, intake: Intake, aside: list[Rejection], rejected: Path | None) -> dict[str, Any]:
    """What the answers of `run` and `replay` have in common."""
    counts = repeat_figures(intake.same + summary.same, aside)
    return {**summary.as_json(), **counts, "rejected_file": None if rejected is None else str(rejected)}


def end_without_events(summary: RunSummary, intake: Intake, aside: list[Rejection]) -> None:
    """End with exit code 1 where all rows of a file were rejected: that is no success."""
    if aside and not (summary.events or intake.same or summary.same):
        raise typer.Exit(1)


def _counts(actions: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {action}" for action, count in sorted(actions.items())) or "none"
