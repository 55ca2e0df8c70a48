"""demo: two years of a seeded population under the consumer-loan policy, and a report."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linekeeper.cli.demo_folder import (
    EVENTS,
    KEY_FOLDER,
    LOG_FOLDER,
    PAGE_FOLDER,
    STORE,
    DemoPopulation,
    clear_folder,
    figures_of_last_run,
    keep_record,
)
from linekeeper.cli.options import JsonOption
from linekeeper.cli.output import own_name, print_answer, progress, shorter_path

if TYPE_CHECKING:
    from rich.console import Console

    from linekeeper.cli.demo_report import OpenRoad
    from linekeeper.engine.engine import Engine

POLICY = "consumer-loan.yaml"
FOLDER = "linekeeper-demo"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    store: Annotated[str | None, typer.Option("--store", help="Another place for the store; no log then.")] = None,
    folder: Annotated[Path, typer.Option(help="Folder for store, log, events, notices and report.")] = Path(FOLDER),
    accounts: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many borrowers.")] = 3_000,
    days: Annotated[int, typer.Option(min=30, max=3_650, help="How long they are watched.")] = 730,
    seed: Annotated[int, typer.Option(help="Another seed, other people.")] = 1,
    again: Annotated[bool, typer.Option("--again", help="Delete what an earlier demo left in the folder.")] = False,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Do not serve the pages at the end.")] = False,
    port: Annotated[int, typer.Option(help="Port for the pages, on this machine alone.")] = 8321,
    json: JsonOption = False,
) -> None:
    """Make a population of borrowers, run the consumer-loan policy over their two years, and report."""
    from linekeeper.cli.demo_pages import serve_pages, write_pages
    from linekeeper.cli.demo_report import adverse_decision, find_open_road, print_report
    from linekeeper.lab.portfolio import portfolio_report

    if again:
        clear_folder(folder)
    where = store or str(folder / STORE)
    population = DemoPopulation(accounts, days, seed, where)
    earlier = figures_of_last_run(folder, population)
    console = _console(json)
    console.print(f"[bold]Linekeeper demo[/]: {population.words}, policies/{POLICY}")
    if earlier is None:
        console.print("[dim]making the borrowers, then deciding on every event ...[/]")
    else:
        console.print(f"[dim]this is the demo that `{folder}` holds already; --again makes it once more[/]")
    engine = _engine(store, folder)
    figures = earlier or _decide(engine, folder, population, json)
    portfolio = portfolio_report(engine.store)
    open_road = find_open_road(engine, portfolio)
    words = print_report(console, engine, figures, portfolio, open_road)
    examples = [name for name in (portfolio.example_account, open_road and open_road.account) if name]
    shown_decision = adverse_decision(engine, examples[-1] if examples else None)
    write_pages(folder, engine, console, examples, shown_decision, words)
    if json:
        accounts_shown = {
            "example_account": portfolio.example_account,
            "open_road_account": open_road and open_road.account,
        }
        _print_answer({**figures, "made_before": earlier is not None, **accounts_shown}, where, folder)
        return
    _print_next(console, engine, where, open_road, folder)
    if sys.stdout.isatty() and not no_serve:
        serve_pages(folder / PAGE_FOLDER, port)


def _print_answer(figures: dict[str, Any], store: str, folder: Path) -> None:
    from linekeeper.cli.answers.events import DemoAnswer

    print_answer(DemoAnswer(**figures, store=store, pages=str(folder / PAGE_FOLDER)))


def _console(json: bool) -> Console:
    """Where the report is printed, and recorded for its page; with JSON it is recorded alone."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 120
    return Console(record=True, highlight=False, soft_wrap=True, file=StringIO() if json else None, width=width)


def _engine(store: str | None, folder: Path) -> Engine:
    """The engine over the demo's store; with a log of its own, unless the store lies elsewhere."""
    from linekeeper.engine.engine import Engine
    from linekeeper.journal.keeper import new_keeper, open_keeper
    from linekeeper.journal.key_folder import SETTINGS
    from linekeeper.journal.store import open_store
    from linekeeper.policy.load import load_file
    from linekeeper.texts.material import shipped

    policy = load_file(shipped(POLICY))
    folder.mkdir(parents=True, exist_ok=True)
    if store is not None:
        return Engine(open_store(store), policy)
    keys = folder / KEY_FOLDER
    made = (keys / SETTINGS).exists()
    keeper = open_keeper(keys) if made else new_keeper(keys, folder / LOG_FOLDER, "linekeeper.example/demo")
    return Engine(open_store(str(folder / STORE)), policy, keeper)


def _decide(engine: Engine, folder: Path, population: DemoPopulation, quiet: bool) -> dict[str, Any]:
    """Make the borrowers, decide on all that they do, publish the log; the figures of it."""
    from linekeeper.connect.event_table import write_events
    from linekeeper.engine.run import run_table
    from linekeeper.lab import population as lab

    keep_record(folder, population, None)  # from here on the folder is this population's, however the run ends
    events = lab.population(accounts=population.accounts, days=population.days, seed=population.seed).events
    with progress("events", events.num_rows, quiet) as advance:
        summary = run_table(engine, events, f"population-{population.seed}", None, advance)
    if engine.keeper:
        engine.keeper.publish(engine.store)
    write_events(events, folder / EVENTS)
    figures = summary.as_json()
    keep_record(folder, population, figures)
    return figures


def _print_next(console: Console, engine: Engine, store: str, open_road: OpenRoad | None, folder: Path) -> None:
    """The commands that lead on, as they can be pasted into the shell that ran the demo."""
    console.print("\n[bold]Next[/]")
    for command in next_commands(engine, store, open_road, folder):
        console.print(f"  {command}", markup=False)
    console.print(f"  report, notice and receipt: {folder / PAGE_FOLDER / 'index.html'}", markup=False)


def next_commands(engine: Engine, store: str, open_road: OpenRoad | None, folder: Path) -> Iterator[str]:
    """First about the borrower whose road is open: what holds the line, what to do, what a payment does, the notice."""
    from linekeeper.core.dates import date_of
    from linekeeper.texts.material import shipped

    program, at_store = own_name(), ["--store", store]
    if open_road:
        account = open_road.account
        yield join([program, "show", account, *at_store])
        yield join([program, "road", account, *at_store])
        if payment := open_road.payment:
            amount = Decimal(payment.amount_minor or 0).scaleb(-engine.policy.exponent)
            yield join([program, "what-if", account, "--pay", f"{amount}@{date_of(payment.day)}", *at_store])
        yield join([program, "notice", account, "--lang", "zh", *at_store])
    yield join([program, "verify", *at_store])
    yield join([program, "replay", shorter_path(shipped(POLICY)), str(folder / EVENTS)])
