"""What the demo tells: lines by status, why they were restricted, one borrower who came back, one who still can."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Any

from linekeeper.cli.show_commands import STATUS_COLOUR, chart, decision_line, decision_lines, line_words

if TYPE_CHECKING:
    from rich.console import Console

    from linekeeper.core.decision import Decision
    from linekeeper.engine.engine import Engine
    from linekeeper.lab.portfolio import PortfolioReport
    from linekeeper.recourse import RoadBack
    from linekeeper.recourse.model import Step

ROAD_COLUMNS = 96
ROADS_MAX = 40  # accounts whose road is looked for, until one asks for a payment


@dataclass(frozen=True, slots=True)
class OpenRoad:
    """A borrower whose line is held down and who can come back, as of a day since 1970-01-01."""

    account: str
    day: int
    road: RoadBack

    @property
    def payment(self) -> Step | None:
        """The payment that the fastest plan begins with; None where it asks for none."""
        from linekeeper.recourse.model import StepKind

        return next((step for step in self.road.fastest.steps if step.action is StepKind.PAY_OVERDUE), None)


def find_open_road(engine: Engine, portfolio: PortfolioReport) -> OpenRoad | None:
    """The first borrower who is held down and comes back by paying; else the first whose road is open at all."""
    from linekeeper.engine.roads import day_of_road, road_of_account
    from linekeeper.recourse import RoadBack

    first: OpenRoad | None = None
    for account in portfolio.held_down[:ROADS_MAX]:
        day = day_of_road(engine, account, None)
        road = road_of_account(engine, account, day)
        if isinstance(road, RoadBack):
            candidate = OpenRoad(account, day, road)
            if candidate.payment and len(road.fastest.path) > 2:
                return candidate
            first = first or candidate
    return first


def adverse_decision(engine: Engine, account: str | None) -> Decision | None:
    """The account's decision that is shown in full: the first that lowered the limit, else the first restriction."""
    from linekeeper.core.decision import ADVERSE_ACTIONS
    from linekeeper.engine.account import decisions_of

    if account is None:
        return None
    adverse = [one for one in decisions_of(engine, account) if one.action in ADVERSE_ACTIONS]
    return next((one for one in adverse if one.action == "decrease"), adverse[0] if adverse else None)


def print_report(
    console: Console,
    engine: Engine,
    figures: Mapping[str, Any],
    portfolio: PortfolioReport,
    open_road: OpenRoad | None,
) -> str:
    """Print the report and return the sentence that sums it up."""
    console.print(_rate(figures))
    console.print()
    console.print(_status_table(engine, portfolio))
    console.print()
    console.print(_reason_table(portfolio))
    console.print()
    median = portfolio.median_days_to_return
    share = 100 * portfolio.restored_fully / max(portfolio.restricted_ever, 1)
    words = (
        f"{portfolio.restricted_ever:,} of {portfolio.accounts:,} borrowers were restricted at some time; "
        f"{portfolio.restored_fully:,} of them ({share:.0f}%) are back in full"
        + ("" if median is None else f", the median after {median} days")
    )
    console.print(words)
    if portfolio.example_account is not None:
        _print_history(console, engine, portfolio.example_account)
    if open_road is not None:
        _print_road(console, engine, open_road)
    return words


def _rate(figures: Mapping[str, Any]) -> str:
    if not figures["events"]:
        return "every event was in the store already"  # of a run into another place that did not end
    rate = figures["events"] / max(figures["seconds"], 0.001)
    return (
        f"{figures['events']:,} events in {figures['seconds']:.1f} s ({rate:,.0f} a second, every batch durable), "
        f"{figures['evaluations']:,} evaluations"
    )


def _print_history(console: Console, engine: Engine, account: str) -> None:
    from linekeeper.engine.account import view

    example, one = view(engine, account), adverse_decision(engine, account)
    console.print(f"\n[bold]One borrower who is back: {account}[/]")
    console.print(line_words(engine.policy, example))
    lines = [*chart(engine.policy, example), *(decision_line(engine.policy, each) for each in example.decisions)]
    for text in [*lines, "", *(decision_lines(engine.policy, one) if one else [])]:
        console.print(text)


def _print_road(console: Console, engine: Engine, open_road: OpenRoad) -> None:
    from linekeeper.engine.account import view
    from linekeeper.notice.render import road_as_text

    console.print(f"\n[bold]One borrower who can come back: {open_road.account}[/]")
    console.print(line_words(engine.policy, view(engine, open_road.account)))
    for line in road_as_text(open_road.road, engine.policy, "en", open_road.day).splitlines():
        console.print(fill(line, ROAD_COLUMNS, subsequent_indent="    "), markup=False)


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
