"""run, review, replay, verify, authorise: events in, decisions out."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linekeeper.cli.arguments import day_number, instant_ms, minor_units, required_day
from linekeeper.cli.opening import clock_of, columns_of_file, events_of_file, open_engine
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
    print_unreadable,
    progress,
    warn_passed_over,
    warn_pending,
    write_rejected,
)
from linekeeper.cli.settings import source_named
from linekeeper.core.dates import date_of
from linekeeper.core.event import repeat_figures, source_of_feed

if TYPE_CHECKING:
    from linekeeper.connect.event_feeds import EventFeed
    from linekeeper.core.event import Rejection
    from linekeeper.engine.engine import Engine
    from linekeeper.engine.feed_batches import ReadBatch
    from linekeeper.engine.summaries import RunSummary

UntilLast = Annotated[
    str | None,
    typer.Option("--until", help="Review up to and including this day, YYYY-MM-DD (default: the last event's)."),
]

SHOWN_DRAWS = 20  # flagged draws that are named to a person; `--json` has all


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
    from linekeeper.connect.event_feeds import FeedOrder
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
    with events_of_file(events, checked, columns_of_file(mapping, source), json, clock, FeedOrder.ARRIVAL) as feed:
        # In a file that was exported from a store, the source is each event's own.
        named = None if feed.exported else source_of_feed(feed.source, source_named())
        batch = _batch_of(events, feed, named, mapping, contract)
        if batch is None and feed.rejected and not feed.events and is_missing(store):
            summary = RunSummary.empty()  # no store is made for it
        else:
            engine = open_engine(store, checked, keys, brake, law, by, simulate)
            summary = _take_in(engine, events, feed, named, batch, allow_other_source, until_day, json)
    aside = report(summary, feed, rejected, json)
    if json:
        print_answer(RunAnswer(**run_figures(summary, feed, aside, rejected), source=named))
    end_without_events(summary, feed, aside)


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
    from linekeeper.connect.event_feeds import FeedOrder
    from linekeeper.engine.run import replay_parts
    from linekeeper.kernel.kernel import kernel_of
    from linekeeper.lab.decision_table import DecisionWriter
    from linekeeper.policy.load import load_file

    kernel, clock, until_day = kernel_of(load_file(policy)), clock_of(simulate), day_number(until)
    columns = columns_of_file(mapping)
    if until_day is not None:
        clock.demand_day(until_day, kernel.calendar)
    with ExitStack() as stack:
        feed = stack.enter_context(events_of_file(events, kernel.policy, columns, json, clock, FeedOrder.ACCOUNT))
        keep = stack.enter_context(DecisionWriter(output)).add if output else None
        advance = stack.enter_context(progress("events", feed.events, json))
        last = feed.day_to_review(clock, kernel.calendar, until_day)
        summary = replay_parts(kernel, feed.parts(), last, workers, not eager, None, advance, keep)
    aside = report(summary, feed, rejected, json)
    if json:
        written = None if output is None else str(output)
        print_answer(ReplayAnswer(**figures(summary, feed, aside, rejected), output=written))
    end_without_events(summary, feed, aside)


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
                until=date_of(day),
                decisions=actions,
                evaluations=summary.evaluations,
                pending=summary.pending,
                unreadable_accounts=sorted(summary.unreadable_accounts),
            )
        )
    else:
        print_line(f"{counted(summary.evaluations, 'evaluation', 'evaluations')}; decisions: {_counts(actions)}")
    warn_pending(summary.pending)
    warn_passed_over(sorted(summary.unreadable_accounts))


def verify(store: StoreUrl, keys: Keys, json: JsonOption = False) -> None:
    """Derive every decision and state again from the events, and with --keys the log (exit code 3: a difference)."""
    from linekeeper.cli.answers.events import VerifyAnswer
    from linekeeper.engine.verify import verify as verified
    from linekeeper.journal.keeper import open_keeper
    from linekeeper.journal.store import open_store

    opened, keeper = open_store(store, made=True), None if keys is None else open_keeper(keys)
    if keeper is not None:
        with opened.reading() as connection:
            keeper.demand_log_of(connection)
    with progress("accounts", 0, json) as advance:
        verdict = verified(opened, advance, None if keeper is None else keeper.vault)
    if json:
        print_answer(
            VerifyAnswer(
                same=verdict.same,
                accounts=verdict.accounts,
                events=verdict.events,
                decisions=verdict.decisions,
                first_difference=verdict.first_difference or None,
                unreadable_accounts=list(verdict.unreadable_accounts),
                unreadable_leaves=verdict.unreadable_leaves,
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
        print_unreadable(verdict.unreadable_accounts, verdict.unreadable_leaves)
    if not verdict.same:
        raise typer.Exit(3)


def authorise(
    account: AccountName,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="The draw asked for, in major units, like 250.00.")],
    store: StoreUrl,
    at: Annotated[str, typer.Option("--at", help="When, ISO 8601 with an offset, like 2024-05-02T09:00+08:00.")],
    simulate: Simulate = False,
    json: JsonOption = False,
) -> None:
    """Say whether a draw may happen, and why not. It changes nothing."""
    from linekeeper.cli.answers.events import AuthoriseAnswer
    from linekeeper.face.times import instant_of

    engine = open_engine(store, simulate=simulate)
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


def _batch_of(
    path: Path, feed: EventFeed, source: str | None, mapping: Path | None, contract: Path | None
) -> ReadBatch | None:
    """What was read as a batch, where that file or else the mapping has a contract and the events are of one source."""
    from linekeeper.connect.batch_files import batch_of_file
    from linekeeper.connect.mapping_file import load_contract

    agreed = columns_of_file(mapping).contract if contract is None else load_contract(contract)
    return None if source is None or agreed is None else batch_of_file(path, feed.tables, feed, source, agreed)


def _take_in(
    engine: Engine,
    path: Path,
    feed: EventFeed,
    source: str | None,
    batch: ReadBatch | None,
    allow_other_source: bool,
    until_day: int | None,
    quiet: bool,
) -> RunSummary:
    """The run of what was read. Where the store began for it and nothing came in, it is left as it was before.

    `batch`: the same, where its source has a contract.
    """
    from linekeeper.connect.batch_files import content_digest
    from linekeeper.engine.feed_batches import taking_in
    from linekeeper.engine.opening import clear_empty_store
    from linekeeper.engine.run import run_parts

    until = feed.last_review if until_day is None else until_day
    how = {"allow_other_source": allow_other_source}
    done = 0
    try:
        content = cache(partial(content_digest, [path]))
        with taking_in(engine, source, batch, content), progress("events", feed.events, quiet) as show:

            def advance(events: int) -> None:
                nonlocal done
                done += events
                show(events)

            named = source_of_feed(source)
            summary = run_parts(engine, feed.parts(), feed.events, named, until, advance, **how, content=content())
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{done:,} of {feed.events:,} events at least are in the store") from None
    except Exception:
        clear_empty_store(engine)
        raise
    clear_empty_store(engine)
    return summary


def report(summary: RunSummary, feed: EventFeed, rejected: Path | None, json: bool) -> list[Rejection]:
    """Write down the rejected rows, tell a person what `run` or `replay` did, and return the rejected rows."""
    aside = feed.rejected + summary.rejected
    if rejected:
        write_rejected(aside, rejected)
    warn_pending(summary.pending)
    warn_passed_over(summary.unreadable_accounts)
    if not json:
        events, accounts = counted(summary.events, "event", "events"), counted(summary.accounts, "account", "accounts")
        evaluations = counted(summary.evaluations, "evaluation", "evaluations")
        print_line(f"{events} of {accounts} in {summary.seconds:.1f} s, {evaluations}")
        print_line(f"decisions: {_counts(summary.decisions)}")
        for note in feed.notes:
            print_line(data_text(f"note: {note}"))
        if summary.excess_draws:
            draws = counted(summary.excess_draws, "draw was", "draws were")
            print_line(f"[yellow]{draws} of more than was available[/]; nothing is refused")
        for event_id in summary.flagged_draws[:SHOWN_DRAWS]:
            print_line(data_text(f"  flagged: draw {event_id}"))
        if summary.unowed_dues:
            some = counted(summary.unowed_dues, "account has", "accounts have")
            print_line(f"[yellow]{some} unpaid dues above all that is owed[/]; what is above counts as no arrears")
        print_repeats(feed.same + summary.same)
        print_rejected(aside, rejected)
        print_line(f"digest {summary.digest}")
    return aside


def figures(summary: RunSummary, feed: EventFeed, aside: list[Rejection], rejected: Path | None) -> dict[str, Any]:
    """What the answers of `run` and `replay` have in common."""
    counts = repeat_figures(feed.same + summary.same, aside)
    return {**summary.as_json(), **counts, "rejected_file": None if rejected is None else str(rejected)}


def run_figures(summary: RunSummary, feed: EventFeed, aside: list[Rejection], rejected: Path | None) -> dict[str, Any]:
    """What the answer of `run` has beside the source."""
    draws, dues = summary.excess_draws or 0, summary.unowed_dues or 0
    counts = {"excess_draws": draws, "flagged_draws": list(summary.flagged_draws), "unowed_dues": dues}
    names = {"unreadable_accounts": list(summary.unreadable_accounts)}
    return figures(summary, feed, aside, rejected) | counts | names


def end_without_events(summary: RunSummary, feed: EventFeed, aside: list[Rejection]) -> None:
    """End with exit code 1 where all rows of a file were rejected: that is no success."""
    if aside and not (summary.events or feed.same or summary.same):
        raise typer.Exit(1)


def _counts(actions: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {action}" for action, count in sorted(actions.items())) or "none"
