"""compare: what one policy does otherwise than another over the same events."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linekeeper.cli.arguments import day_number, required_day, share_bp
from linekeeper.cli.backtest_commands import Lgd, Margin, Resamples, UntilReviewed
from linekeeper.cli.opening import clock_of, columns_of_file, read_file
from linekeeper.cli.options import EventsFile, JsonOption, LangOption, MappingFile, Simulate, folder_to_write
from linekeeper.cli.output import counted, data_text, print_answer, print_line, print_rejected, print_repeats, progress
from linekeeper.core.dates import date_of
from linekeeper.core.event import repeat_figures

if TYPE_CHECKING:
    from linekeeper.connect.files import Intake
    from linekeeper.connect.mapping import ColumnMapping
    from linekeeper.core.decision import Decision
    from linekeeper.engine.clock import Clock
    from linekeeper.lab.backtest.comparison import PolicyComparison, PolicyRun
    from linekeeper.lab.backtest.dated_labels import DatedLabels
    from linekeeper.policy.model import Policy

_CAUSES_SHOWN = 12


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(compare)


def compare(
    champion: Annotated[Path, typer.Argument(metavar="CHAMPION", help="The policy that is in force (YAML).")],
    candidate: Annotated[Path, typer.Argument(metavar="CANDIDATE", help="The policy that may take its place (YAML).")],
    events: EventsFile,
    lang: LangOption,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", help="Parquet: account, observed_on, outcome (good or bad), amount where known."),
    ] = None,
    mapping: MappingFile = None,
    day: Annotated[
        list[str] | None, typer.Option("--day", help="Flow as this day began too, YYYY-MM-DD; may be repeated.")
    ] = None,
    lgd: Lgd = None,
    margin: Margin = None,
    until: UntilReviewed = None,
    resamples: Resamples = 1_000,
    movers: Annotated[int, typer.Option("--movers", min=0, max=1_000, help="How many movers to list.")] = 20,
    output: Annotated[
        Path | None, folder_to_write("--output", "-o", about="Write movers, flow, decisions and the page here.")
    ] = None,
    simulate: Simulate = False,
    json: JsonOption = False,
) -> None:
    """Say whose line another policy would change: since when, by which rule, how much of it, and what labels say."""
    from linekeeper.lab.backtest.comparison import ComparisonQuestion, compare_runs, demand_one_product
    from linekeeper.lab.backtest.comparison_page import write_comparison
    from linekeeper.lab.backtest.dated_labels import read_dated_labels
    from linekeeper.lab.backtest.label_cases import MoneyTerms
    from linekeeper.policy.load import load_file
    from linekeeper.texts.language import language

    policies, tongue = (load_file(champion), load_file(candidate)), language(lang)
    demand_one_product(*policies)
    money = MoneyTerms(share_bp(lgd) if lgd else None, share_bp(margin) if margin else None)
    days = tuple(sorted({required_day(text) for text in day or ()}))
    dated = read_dated_labels(labels) if labels else None
    feed = _Feed(events, columns_of_file(mapping), clock_of(simulate), day_number(until), dated, str(labels), json)
    runs, intakes = _run_both(policies, feed, output)
    result = compare_runs(runs[0], runs[1], ComparisonQuestion(dated, money, days, resamples))
    if output:
        write_comparison(output, result, tongue)
    if json:
        _print_comparison(result, intakes, movers, output)
    else:
        _print_lines(result, intakes, movers, output)


@dataclass(frozen=True)
class _Feed:
    """The events as each policy takes them, and what is asked of them; `place` names the labels."""

    events: Path
    columns: ColumnMapping
    clock: Clock
    until_day: int | None
    labels: DatedLabels | None
    place: str
    quiet: bool


def _run_both(
    policies: tuple[Policy, Policy], feed: _Feed, output: Path | None
) -> tuple[list[PolicyRun], list[Intake]]:
    """One policy after the other, each over the events that it takes: the memory holds those of one at a time."""
    runs: list[PolicyRun] = []
    intakes: list[Intake] = []
    for policy, name in zip(policies, ("champion", "candidate"), strict=True):
        intake = read_file(feed.events, policy, feed.columns, feed.quiet, feed.clock)
        if feed.labels is not None:
            feed.labels.demand_accounts(set(intake.table["account"].unique().to_pylist()), feed.place)
        if output:
            output.mkdir(parents=True, exist_ok=True)
        decisions = output / f"{name}.parquet" if output else None
        until_day = runs[0].last_day if runs else feed.until_day
        runs.append(_run(policy, intake, until_day, feed.clock, decisions, feed.quiet))
        intakes.append(replace(intake, table=intake.table.schema.empty_table(), arrivals=None))
        del intake  # before the next one is read
    return runs, intakes


def _run(
    policy: Policy, intake: Intake, until_day: int | None, clock: Clock, decisions: Path | None, quiet: bool
) -> PolicyRun:
    """One policy over its events, its decisions written as they are made where a file is named."""
    from linekeeper.lab.backtest.comparison import run_policy
    from linekeeper.lab.decision_table import DecisionWriter

    table, arrivals = intake.table, intake.arrivals
    with ExitStack() as stack:
        keep: Callable[[Decision], object] | None = None
        if decisions:
            keep = stack.enter_context(DecisionWriter(decisions)).add
        advance = stack.enter_context(progress("events", table.num_rows, quiet))
        return run_policy(policy, table, arrivals, until_day, advance, clock, keep)


# ------------------------------------------------------------------ how it is shown


def _print_lines(result: PolicyComparison, intakes: list[Intake], shown: int, output: Path | None) -> None:
    from linekeeper.lab.backtest.comparison_words import cause_words, mover_words
    from linekeeper.texts.language import language

    tongue, policy = language("en"), result.policy
    if not result.movers:
        print_line(f"no line of {counted(result.accounts, 'account', 'accounts')} differs on any day")
    else:
        print_line(f"the lines of {len(result.movers):,} of {counted(result.accounts, 'account', 'accounts')} differ")
        print_line(
            f"at the end: {len(result.lowered):,} may owe less by {_money(-_moved(result.lowered), policy)}, "
            f"{len(result.raised):,} more by {_money(_moved(result.raised), policy)}, "
            f"{result.same_at_end:,} have the same line again"
        )
    for row in result.rules[:_CAUSES_SHOWN]:
        outcomes = f"; {row.bad:,} bad, {row.good:,} good" if result.question.labels is not None else ""
        print_line(data_text(f"  {cause_words(row, tongue)}: {counted(row.accounts, 'account', 'accounts')}{outcomes}"))
    for cell in result.flow:
        if cell.differ:
            when = "at the end" if cell.day is None else f"as {date_of(cell.day)} began"
            print_line(f"  {when}, {cell.champion} -> {cell.candidate}: {cell.differ:,} that differ")
    for one in result.measures:
        if one.difference is not None:
            print_line(f"  {_measure_line(one, policy)}")
    for mover in result.movers[:shown]:
        print_line(data_text(f"  {mover_words(mover, policy, tongue)}"))
    print_repeats(intakes[0].same)
    for intake in intakes[: 1 if intakes[0].rejected == intakes[1].rejected else 2]:
        print_rejected(intake.rejected, None)
    if output:
        print_line(data_text(f"files: {output}"))


def _moved(movers: list[Any]) -> int:
    return sum(one.moved for one in movers)


def _measure_line(one: Any, policy: Policy) -> str:
    from linekeeper.lab.backtest.comparison import RATES

    def shown(value: float) -> str:
        return f"{value:.1%}" if one.measure in RATES else _money(round(value), policy)

    span = "" if one.interval is None else f" ({shown(one.interval[0])} to {shown(one.interval[1])})"
    name = one.measure.replace("_", " ")
    return f"{name}: {shown(one.champion)} -> {shown(one.candidate)}, difference {shown(one.difference)}{span}"


def _money(minor: int, policy: Policy) -> str:
    return f"{minor / 10**policy.exponent:,.0f} {policy.currency}"


def _print_comparison(result: PolicyComparison, intakes: list[Intake], shown: int, output: Path | None) -> None:
    from linekeeper.cli.answers.backtesting import (
        CompareAnswer,
        ComparedPolicy,
        FlowRecord,
        MeasureRecord,
        MoverRecord,
        RuleRecord,
    )
    from linekeeper.lab.backtest.comparison_words import public_flow, public_measure, public_mover, public_rule

    policies = [
        ComparedPolicy(
            version=run.lines.policy.version,
            policy_sha256=run.lines.policy.digest,
            decisions=run.decisions,
            rejected=len(intake.rejected),
        )
        for run, intake in zip((result.champion, result.candidate), intakes, strict=True)
    ]
    labels, money = result.question.labels, result.question.money
    answer: dict[str, Any] = {
        "policy": result.policy.name,
        "champion": policies[0],
        "candidate": policies[1],
        "currency": result.policy.currency,
        "last_day": date_of(result.champion.last_day),
        "accounts": result.accounts,
        "differ": len(result.movers),
        "same_at_end": result.same_at_end,
        "lowered": len(result.lowered),
        "lowered_minor": -_moved(result.lowered),
        "raised": len(result.raised),
        "raised_minor": _moved(result.raised),
        "by_rule": [RuleRecord(**public_rule(row, labels is not None)) for row in result.rules],
        "flow": [FlowRecord(**public_flow(cell)) for cell in result.flow],
        "labels": None if labels is None else len(labels),
        "measures": [MeasureRecord(**public_measure(one)) for one in result.measures],
        "lgd_bp": money.lgd_bp,
        "margin_bp": money.margin_bp,
        "resamples": result.question.resamples,
        "movers": [MoverRecord(**public_mover(one)) for one in result.movers[:shown]],
        "output": None if output is None else str(output),
    }
    print_answer(CompareAnswer(**answer, **repeat_figures(intakes[0].same, intakes[0].rejected)))
