"""demo: two years of a seeded population under the consumer-loan policy, and a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli.output import print_json, progress, say
from linekeeper.cli.show_commands import STATUS_COLOUR, chart, decision_line, line_words, told

if TYPE_CHECKING:
    from linekeeper.engine.engine import Engine
    from linekeeper.engine.run import Summary
    from linekeeper.lab.report import Report

DEMO_STORE = "linekeeper-demo.db"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    store: Annotated[str, typer.Option("--store", help="Where the demo's store is kept.")] = DEMO_STORE,
    accounts: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many borrowers.")] = 3_000,
    days: Annotated[int, typer.Option(min=30, max=3_650, help="How long they are watched.")] = 730,
    seed: Annotated[int, typer.Option(help="Another seed, other people.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Make a population of borrowers, run the consumer-loan policy over their two years, and report."""
    from linekeeper.engine.engine import Engine
    from linekeeper.engine.run import run_table
    from linekeeper.journal.store import open_store
    from linekeeper.lab.population import population
    from linekeeper.lab.report import report
    from linekeeper.policy.load import load_file
    from linekeeper.policy.shelf import shelf

    path = shelf("consumer-loan.yaml")
    if not json:
        say(f"[bold]Linekeeper demo[/]: {accounts:,} borrowers, {days} days, policy {path.name}")
        say("[dim]making the borrowers, then deciding on every event ...[/]")
    events = population(accounts=accounts, days=days, seed=seed).events
    engine = Engine(open_store(store), load_file(path))
    with progress("events", events.num_rows, json) as tell:
        summary = run_table(engine, events, f"population-{seed}", None, tell)
    found = report(engine)
    if json:
        print_json({**summary.as_json(), "story": found.story, "store": store})
        return
    _print_report(engine, summary, found)
    say()
    _print_next(store, found)


def _print_report(engine: Engine, summary: Summary, found: Report) -> None:
    from rich.console import Console

    from linekeeper.engine.account import find_decision, view

    rate = summary.events / max(summary.seconds, 0.001)
    say(
        f"{summary.events:,} events in {summary.seconds:.1f} s ({rate:,.0f} a second, every batch durable); "
        f"{summary.evaluations:,} looks"
    )
    say()
    console = Console(highlight=False)
    console.print(_status_table(engine, found))
    console.print(_reason_table(found))
    share = 100 * found.restored_fully / max(found.restricted_ever, 1)
    say(
        f"{found.restricted_ever:,} of {found.accounts:,} borrowers were restricted at some time; "
        f"{found.restored_fully:,} of them ({share:.0f}%) are back in full"
        + (f", the median after {found.median_days_to_return} days" if found.median_days_to_return is not None else "")
    )
    if found.story is None:
        return
    story = view(engine, found.story)
    say()
    say(f"[bold]One borrower's story: {found.story}[/]")
    say(line_words(engine.policy, story))
    for text in chart(engine.policy, story):
        say(text)
    for decision in story.decisions:
        say(decision_line(engine.policy, decision))
    first = next((d for d in story.decisions if d.action in ("suspend", "close", "decrease")), None)
    if first:
        say()
        for text in told(engine.policy, find_decision(engine, f"{found.story}#{first.number}")):
            say(text)


def _status_table(engine: Engine, found: Report) -> object:
    from rich.table import Table

    def money(minor: int) -> str:
        return f"{minor // 10**engine.policy.exponent:,}"

    table = Table(title=f"Lines by status, {engine.policy.currency}", title_justify="left", title_style="bold")
    table.add_column("status")
    for name in ("lines", "granted", "limit", "balance", "still to draw"):
        table.add_column(name, justify="right")
    for row in found.statuses:
        amounts = (money(amount) for amount in (row.granted, row.limit, row.balance, row.undrawn))
        table.add_row(f"[{STATUS_COLOUR[row.status]}]{row.status}[/]", f"{row.lines:,}", *amounts)
    totals = (sum(getattr(row, name) for row in found.statuses) for name in ("granted", "limit", "balance", "undrawn"))
    table.add_section()
    table.add_row("all", f"{found.accounts:,}", *(money(amount) for amount in totals))
    return table


def _reason_table(found: Report) -> object:
    from rich.table import Table

    table = Table(title="Why lines were restricted", title_justify="left", title_style="bold")
    table.add_column("reason")
    for name in ("restrictions", "borrowers", "of them back in full"):
        table.add_column(name, justify="right")
    for row in found.reasons:
        table.add_row(row.code, f"{row.restrictions:,}", f"{row.accounts:,}", f"{row.back:,}")
    return table


def _print_next(store: str, found: Report) -> None:
    name = f"{Path(store).name if '://' not in store else store}"
    say("[bold]Look further[/]")
    if found.story:
        say(f"  linekeeper show {found.story} --store {name}")
        say(f"  linekeeper explain {found.story} --store {name}")
    say(f"  linekeeper verify --store {name}")
