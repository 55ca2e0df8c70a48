"""backtest: what a policy would have done, by labels that have dates of their own."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linekeeper.cli.arguments import day_number, required_day, share_bp
from linekeeper.cli.opening import clock_of, columns_of_file, read_file
from linekeeper.cli.options import (
    EventsFile,
    JsonOption,
    LangOption,
    MappingFile,
    PolicyFile,
    Simulate,
    folder_to_write,
)
from linekeeper.cli.output import counted, data_text, print_answer, print_line, print_rejected, print_repeats, progress
from linekeeper.core.dates import date_of
from linekeeper.core.event import repeat_figures

if TYPE_CHECKING:
    from linekeeper.connect.files import Intake
    from linekeeper.lab.backtest.figures import LabelCounts
    from linekeeper.lab.backtest.run import Backtest

LabelsFile = Annotated[
    Path,
    typer.Option("--labels", help="Parquet: account, observed_on, outcome (good or bad), amount where it is known."),
]
Lgd = Annotated[str | None, typer.Option("--lgd", help="The part of an amount that is lost, as 45%: for losses.")]
Margin = Annotated[
    str | None, typer.Option("--margin", help="The yearly margin on a used line, as 12%: for income forgone.")
]
Resamples = Annotated[int, typer.Option("--resamples", min=0, max=100_000, help="Draws for the 95 % intervals.")]
UntilReviewed = Annotated[
    str | None, typer.Option("--until", help="Review up to this day, YYYY-MM-DD (default: the last event's).")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(backtest)


def backtest(
    policy: PolicyFile,
    events: EventsFile,
    labels: LabelsFile,
    lang: LangOption,
    mapping: MappingFile = None,
    segment: Annotated[
        list[str] | None, typer.Option("--segment", help="A column of the labels to tell figures apart by.")
    ] = None,
    day: Annotated[
        list[str] | None, typer.Option("--day", help="Confusion as this day began, YYYY-MM-DD; may be repeated.")
    ] = None,
    lgd: Lgd = None,
    margin: Margin = None,
    until: UntilReviewed = None,
    resamples: Resamples = 1_000,
    output: Annotated[
        Path | None, folder_to_write("--output", "-o", about="Write cases, figures, decisions and the page here.")
    ] = None,
    simulate: Simulate = False,
    json: JsonOption = False,
) -> None:
    """Say whom a policy would have restricted in time, by labels with dates of their own: rates, days ahead, money."""
    from linekeeper.lab.backtest.dated_labels import read_dated_labels
    from linekeeper.lab.backtest.label_cases import MoneyTerms
    from linekeeper.lab.backtest.page import write_backtest
    from linekeeper.lab.backtest.run import BacktestQuestion, run_backtest
    from linekeeper.policy.load import load_file
    from linekeeper.texts.language import language

    loaded, tongue = load_file(policy), language(lang)
    money = MoneyTerms(share_bp(lgd) if lgd else None, share_bp(margin) if margin else None)
    days = tuple(required_day(text) for text in day or ())
    dated = read_dated_labels(labels, segment or ())
    intake = read_file(events, loaded, columns_of_file(mapping), json, clock_of(simulate))
    question = BacktestQuestion(dated, str(labels), money, days, day_number(until), resamples)
    with progress("events", intake.table.num_rows, json) as advance:
        result = run_backtest(loaded, intake.table, intake.arrivals, question, advance, clock_of(simulate))
    if output:
        write_backtest(output, result, tongue)
    if json:
        _print_backtest(result, output, repeat_figures(intake.same, intake.rejected))
    else:
        _print_lines(result, output, intake)


# ------------------------------------------------------------------ how it is shown


def _print_lines(result: Backtest, output: Path | None, intake: Intake) -> None:
    figures, total = result.figures, result.figures.total
    policy = result.policy
    print_line(
        f"{counted(len(result.cases.labels), 'label', 'labels')} of {result.accounts:,} accounts: "
        f"{total.bad:,} bad, {total.good:,} good"
    )
    print_line(f"restricted when the label's day began: {_rates(total)}")
    if total.median_lead_days is not None:
        print_line(f"restricted for {total.median_lead_days:g} days by then (median of the bad)")
    if total.bad_amount is not None and total.bad_amount_hit is not None:
        print_line(
            f"amount of the bad {_money(total.bad_amount, policy)}, restricted {_money(total.bad_amount_hit, policy)}"
        )
    if total.avoided is not None and total.loss is not None:
        print_line(f"loss {_money(total.loss, policy)}, of which at most {_money(total.avoided, policy)} avoided")
    if total.forgone is not None:
        print_line(f"income forgone on the good: at most {_money(total.forgone, policy)}")
    for row in figures.by_trigger:
        if row.bad_hit or row.good_hit:
            print_line(data_text(f"  {row.group}: {_rates(row)}; alone {row.only_bad:,} bad, {row.only_good:,} good"))
    for point in figures.curve:
        print_line(f"  at least {point.lead_days} days ahead: {_percent(point.captured)} of the bad")
    for one in figures.confusion:
        print_line(
            f"  as {date_of(one.day)} began: restricted {one.bad_restricted:,} bad and {one.good_restricted:,} good, "
            f"not restricted {one.bad_open:,} bad and {one.good_open:,} good"
        )
    if result.labels_after_last_day:
        after = counted(result.labels_after_last_day, "label is", "labels are")
        print_line(f"{after} of a later day than {date_of(result.last_day)}, where the events end")
    print_repeats(intake.same)
    print_rejected(intake.rejected, None)
    if output:
        print_line(data_text(f"files: {output}"))


def _rates(row: LabelCounts) -> str:
    low_high = ("", "") if row.hit_interval is None else (_span(row.hit_interval), _span(row.false_interval))
    return f"{_percent(row.hit_rate)}{low_high[0]} of the bad, {_percent(row.false_rate)}{low_high[1]} of the good"


def _span(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f" ({interval[0]:.1%} to {interval[1]:.1%})"


def _percent(rate: float | None) -> str:
    return "none" if rate is None else f"{rate:.1%}"


def _money(minor: int, policy: Any) -> str:
    return f"{minor / 10**policy.exponent:,.0f} {policy.currency}"


def _print_backtest(result: Backtest, output: Path | None, repeats: dict[str, Any]) -> None:
    from linekeeper.cli.answers.backtesting import BacktestAnswer, ConfusionRecord, LeadRecord

    figures = result.figures
    answer: dict[str, Any] = {
        "policy": result.policy.name,
        "policy_sha256": result.policy.digest,
        "currency": result.policy.currency,
        "labels": len(result.cases.labels),
        "accounts": result.accounts,
        "labels_after_last_day": result.labels_after_last_day,
        "last_day": date_of(result.last_day),
        "lgd_bp": result.money.lgd_bp,
        "margin_bp": result.money.margin_bp,
        "resamples": result.resamples,
        "total": _counts_record(figures.total),
        "by_trigger": [_counts_record(row) for row in figures.by_trigger],
        "by_grade": [_counts_record(row) for row in figures.by_grade],
        "by_segment": [_counts_record(row) for row in figures.by_segment],
        "by_month": [_counts_record(row) for row in figures.by_month],
        "customers": None if figures.customers is None else _counts_record(figures.customers),
        "curve": [LeadRecord(**asdict(point)) for point in figures.curve],
        "confusion": [ConfusionRecord(**asdict(one) | {"day": date_of(one.day)}) for one in figures.confusion],
        "output": None if output is None else str(output),
    }
    print_answer(BacktestAnswer(**answer, **repeats))


def _counts_record(row: LabelCounts) -> Any:
    from linekeeper.cli.answers.backtesting import LabelCountsRecord
    from linekeeper.lab.backtest.figures import public_record

    return LabelCountsRecord(**public_record(row))
