"""snapshot: training data from the kernel itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linekeeper.cli.arguments import required_day
from linekeeper.cli.opening import clock_of, columns_of_file, read_file
from linekeeper.cli.options import EventsFile, JsonOption, MappingFile, PolicyFile, Simulate, to_write
from linekeeper.cli.output import counted, data_text, print_answer, print_line, print_rejected, print_repeats
from linekeeper.core.errors import UsageError
from linekeeper.core.event import repeat_figures

if TYPE_CHECKING:
    from linekeeper.connect.files import Intake
    from linekeeper.lab.snapshot import Label, Snapshot


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(snapshot)


def snapshot(
    policy: PolicyFile,
    events: EventsFile,
    day: Annotated[
        list[str],
        typer.Option(
            "--day",
            help="As of this day, YYYY-MM-DD; several, or joined by commas; `2024-01-31..2024-06-30`: each month.",
        ),
    ],
    output: Annotated[Path, to_write("--output", "-o", about="The Parquet file to write.")],
    mapping: MappingFile = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--label", help="What counts as bad: `days_past_due >= 60 within 12m`. Without it, features alone."
        ),
    ] = None,
    indeterminate: Annotated[
        str | None,
        typer.Option("--indeterminate", help="Who is neither good nor bad: `days_past_due >= 30 within 12m`."),
    ] = None,
    history: Annotated[
        str | None, typer.Option("--history", help="Leave out accounts that had less history before the day: `6m`.")
    ] = None,
    simulate: Simulate = False,
    json: JsonOption = False,
) -> None:
    """Write features as of the start of each date, and labels from after it alone, for `linekeeper fit`."""
    from linekeeper.kernel.calendar import calendar
    from linekeeper.lab.parquet import write_parquet_table
    from linekeeper.lab.snapshot import read_span, take_snapshots
    from linekeeper.policy.load import load_file

    loaded = load_file(policy)
    (wanted, neither), span = _labels(label, indeterminate), read_span(history) if history else None
    days = [one for texts in day for text in texts.split(",") for one in _days(text.strip())]
    clock = clock_of(simulate)
    for named in days:
        clock.demand_day(named, calendar(loaded.time_zone))
    intake = read_file(events, loaded, columns_of_file(mapping), json, clock)
    snapshots = take_snapshots(loaded, intake.table, days, wanted, intake.arrivals, neither, span)
    write_parquet_table(snapshots.table, output)
    _report(snapshots, wanted is not None, output, intake, json)


def _labels(label: str | None, indeterminate: str | None) -> tuple[Label | None, Label | None]:
    """Who is bad, and who is neither good nor bad."""
    from linekeeper.lab.snapshot import read_label

    if indeterminate and not label:
        raise UsageError(
            "`--indeterminate` needs to know who is bad",
            code="argument-missing",
            way_out="add `--label 'days_past_due >= 60 within 12m'`",
        )
    return read_label(label) if label else None, read_label(indeterminate) if indeterminate else None


def _days(text: str) -> list[int]:
    """One day; or, of `FIRST..LAST`, the first and the same day of every month after it, up to the last."""
    from linekeeper.lab.snapshot import CalendarSpan

    first, dots, last = text.partition("..")
    begin = required_day(first)
    if not dots:
        return [begin]
    end = required_day(last)
    months = range((end - begin) // 28 + 1)
    days = [one for one in (CalendarSpan(number, "m").after(begin) for number in months) if one <= end]
    if not days:
        raise UsageError(
            f"`{text[:40]}` ends before it begins",
            code="day-not-readable",
            way_out="write the earlier day first, like 2024-01-31..2024-06-30",
            details={"given": text[:40]},
        )
    return days


def _report(taken: Snapshot, labelled: bool, output: Path, intake: Intake, json: bool) -> None:
    """How many rows there are and how many were left out, in a few lines or one line of JSON."""
    from linekeeper.cli.answers.measuring import SnapshotAnswer

    rows = taken.table.num_rows
    bad = sum(value in (1, "bad") for value in taken.table["label"].to_pylist()) if labelled else None
    if json:
        print_answer(
            SnapshotAnswer(
                output=str(output),
                rows=rows,
                bad=bad,
                already=taken.already,
                unseen=taken.unseen,
                short_history=taken.short_history,
                indeterminate=taken.indeterminate,
                **repeat_figures(intake.same, intake.rejected),
            )
        )
        return
    print_repeats(intake.same)
    print_rejected(intake.rejected, None)
    neither = f", {taken.indeterminate:,} neither good nor bad" if taken.indeterminate else ""
    labels = " without a label" if bad is None else f", {bad:,} of them bad{neither}"
    print_line(data_text(f"{counted(rows, 'snapshot', 'snapshots')}{labels}, in {output}"))
    if bad is not None:
        print_line(
            f"left out: {taken.already:,} that were bad at the date, {taken.unseen:,} whose events end too early"
        )
    if taken.short_history:
        print_line(f"left out: {taken.short_history:,} with too short a history")
