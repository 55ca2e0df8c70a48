"""demo: two years of a seeded population under the consumer-loan policy, and a report."""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli.options import JsonOption
from linekeeper.cli.output import print_answer, progress
from linekeeper.cli.show_commands import STATUS_COLOUR, chart, decision_line, decision_lines, line_words

if TYPE_CHECKING:
    from rich.console import Console

    from linekeeper.core.decision import Decision
    from linekeeper.engine.engine import Engine
    from linekeeper.engine.summaries import RunSummary
    from linekeeper.lab.portfolio import PortfolioReport

POLICY = "consumer-loan.yaml"
FOLDER = "linekeeper-demo"
EVENTS = "events.parquet"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    store: Annotated[str | None, typer.Option("--store", help="Another place for the store; no log then.")] = None,
    folder: Annotated[Path, typer.Option(help="Folder for store, log, events, notices and report.")] = Path(FOLDER),
    accounts: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many borrowers.")] = 3_000,
    days: Annotated[int, typer.Option(min=30, max=3_650, help="How long they are watched.")] = 730,
    seed: Annotated[int, typer.Option(help="Another seed, other people.")] = 1,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Do not serve the pages at the end.")] = False,
    port: Annotated[int, typer.Option(help="Port for the pages, on this machine alone.")] = 8321,
    json: JsonOption = False,
) -> None:
    """Make a population of borrowers, run the consumer-loan policy over their two years, and report."""
    from rich.console import Console

    from linekeeper.cli.answers.events import DemoAnswer, run_figures
    from linekeeper.cli.demo_pages import serve_pages, write_pages
    from linekeeper.connect.event_table import write_events
    from linekeeper.engine.run import run_table
    from linekeeper.lab.population import population
    from linekeeper.lab.portfolio import portfolio_report

    width = None if sys.stdout.isatty() else 120
    unseen = StringIO() if json else None  # the report's page records it all the same
    console = Console(record=True, highlight=False, soft_wrap=True, file=unseen, width=width)
    console.print(f"[bold]Linekeeper demo[/]: {accounts:,} borrowers, {days} days, policies/{POLICY}")
    console.print("[dim]making the borrowers, then deciding on every event ...[/]")
    events = population(accounts=accounts, days=days, seed=seed).events
    engine = _engine(store, folder)
    with progress("events", events.num_rows, json) as advance:
        summary = run_table(engine, events, f"population-{seed}", None, advance)
    if engine.keeper:
        engine.keeper.publish(engine.store)
    write_events(events, folder / EVENTS)
    portfolio = portfolio_report(engine.store)
    shown_decision = _restriction_to_show(engine, portfolio)
    words = _print_report(console, engine, summary, portfolio, shown_decision)
    write_pages(folder, engine, console, shown_decision, words)
    where = store or str(folder / "lines.db")
    if json:
        figures = run_figures(summary)
        pages = str(folder / "pages")
        print_answer(DemoAnswer(**figures, example_account=portfolio.example_account, store=where, pages=pages))
        return
    _print_next(console, where, portfolio, folder)
    if sys.stdout.isatty() and not no_serve:
        serve_pages(folder / "pages", port)


def _engine(store: str | None, folder: Path) -> Engine:
    """The engine over the demo's store; with a log of its own, unless the store lies elsewhere."""
    from linekeeper.engine.engine import Engine
    from linekeeper.journal.keeper import SETTINGS, new_keeper, open_keeper
    from linekeeper.journal.store import open_store
    from linekeeper.policy.load import load_file
    from linekeeper.texts.material import shipped

    policy = load_file(shipped(POLICY))
    folder.mkdir(parents=True, exist_ok=True)
    if store is not None:
        return Engine(open_store(store), policy)
    keys = folder / "keys"
    made = (keys / SETTINGS).exists()
    keeper = open_keeper(keys) if made else new_keeper(keys, folder / "log", "linekeeper.example/demo")
    return Engine(open_store(str(folder / "lines.db")), policy, keeper)


def _restriction_to_show(engine: Engine, portfolio: PortfolioReport) -> Decision | None:
    """The decision that is shown in full: the first that lowered the limit, else the first restriction."""
    from linekeeper.core.decision import ADVERSE_ACTIONS
    from linekeeper.engine.account import decisions_of

    if portfolio.example_account is None:
        return None
    adverse = [one for one in decisions_of(engine, portfolio.example_account) if one.action in ADVERSE_ACTIONS]
    return next((one for one in adverse if one.action == "decrease"), adverse[0] if adverse else None)


def _print_report(
    console: Console, engine: Engine, summary: RunSummary, portfolio: PortfolioReport, one: Decision | None
) -> str:
    """Print the report and return the sentence that sums it up."""
    from linekeeper.engine.account import view

    rate = summary.events / max(summary.seconds, 0.001)
    console.print(
        f"{summary.events:,} events in {summary.seconds:.1f} s ({rate:,.0f} a second, every batch durable), "
        f"{summary.evaluations:,} evaluations"
    )
    console.print()
    console.print(_status_table(engine, portfolio))
    console.print(_reason_table(portfolio))
    median = portfolio.median_days_to_return
    share = 100 * portfolio.restored_fully / max(portfolio.restricted_ever, 1)
    words = (
        f"{portfolio.restricted_ever:,} of {portfolio.accounts:,} borrowers were restricted at some time; "
        f"{portfolio.restored_fully:,} of them ({share:.0f}%) are back in full"
        + ("" if median is None else f", the median after {median} days")
    )
    console.print(words)
    if portfolio.example_account is None:
        return words
    example = view(engine, portfolio.example_account)
    console.print(f"\n[bold]One borrower's history: {portfolio.example_account}[/]")
    console.print(line_words(engine.policy, example))
    lines = [*chart(engine.policy, example), *(decision_line(engine.policy, each) for each in example.decisions)]
    for text in [*lines, "", *(decision_lines(engine.policy, one) if one else [])]:
        console.print(text)
    return words


def _status_table(engine: Engine, portfolio: PortfolioReport) -> object:
    from rich.table import Table

    def money(minor: int) -> str:
        return f"{minor // 10**engine.policy.exponent:,}"

    table = Table(title=f"Lines by status, {engine.policy.currency}", title_justify="left", title_style="bold")
    table.add_column("status")
    for name in ("lines", "granted", "limit", "balance", "still to draw"):
        table.add_column(name, justify="right")
    for row in portfolio.statuses:
        amounts = (money(amount) for amount in (row.granted, row.limit, row.balance, row.undrawn))
        table.add_row(f"[{STATUS_COLOUR[row.status]}]{row.status}[/]", f"{row.lines:,}", *amounts)
    totals = (
        sum(getattr(row, name) for row in portfolio.statuses) for name in ("granted", "limit", "balance", "undrawn")
    )
    table.add_section()
    table.add_row("all", f"{portfolio.accounts:,}", *(money(amount) for amount in totals))
    return table


def _reason_table(portfolio: PortfolioReport) -> object:
    from rich.table import Table

    table = Table(title="Why lines were restricted", title_justify="left", title_style="bold")
    table.add_column("reason")
    for name in ("restrictions", "borrowers", "of them back in full"):
        table.add_column(name, justify="right")
    for row in portfolio.reasons:
        table.add_row(row.code, f"{row.restrictions:,}", f"{row.accounts:,}", f"{row.back:,}")
    return table


def _print_next(console: Console, store: str, portfolio: PortfolioReport, folder: Path) -> None:
    console.print("\n[bold]Next[/]")
    if portfolio.example_account:
        console.print(f"  linekeeper show {portfolio.example_account} --store {store}")
        console.print(f"  linekeeper road {portfolio.example_account} --store {store}")
        console.print(f"  linekeeper notice {portfolio.example_account} --lang zh --store {store}")
    console.print(f"  linekeeper verify --store {store}")
    console.print(f"  linekeeper replay policies/{POLICY} {folder / EVENTS}")
    console.print(f"  report, notices and receipt: {folder / 'pages' / 'index.html'}")
