"""snapshot: training data from the kernel itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from linekeeper.cli.arguments import required_day
from linekeeper.cli.opening import clock_of, columns_of_file, read_file
from linekeeper.cli.options import EventsFile, JsonOption, MappingFile, PolicyFile, Simulate, to_write
from linekeeper.cli.output import counted, data_text, print_answer, print_line, print_rejected, print_repeats
from linekeeper.core.event import repeat_figures


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(snapshot)


def snapshot(
    policy: PolicyFile,
    events: EventsFile,
    day: Annotated[
        list[str], typer.Option("--day", help="As of this day, YYYY-MM-DD; several times, or several joined by commas.")
    ],
    output: Annotated[Path, to_write("--output", "-o", about="The Parquet file to write.")],
    mapping: MappingFile = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--label", help="What counts as bad: `days_past_due >= 60 within 12m`. Without it, features alone."
        ),
    ] = None,
    simulate: Simulate = False,
    json: JsonOption = False,
) -> None:
    """Write features as of the start of each date, and labels from after it alone, for `linekeeper fit`."""
    from linekeeper.cli.answers.measuring import SnapshotAnswer
    from linekeeper.kernel.calendar import calendar
    from linekeeper.lab.parquet import write_parquet_table
    from linekeeper.lab.snapshot import read_label, take_snapshots
    from linekeeper.policy.load import load_file

    loaded = load_file(policy)
    wanted = read_label(label) if label else None
    days = [required_day(text.strip()) for texts in day for text in texts.split(",")]
    clock = clock_of(simulate)
    for named in days:
        clock.demand_day(named, calendar(loaded.time_zone))
    intake = read_file(events, loaded, columns_of_file(mapping), json, clock)
    snapshots = take_snapshots(loaded, intake.table, days, wanted, intake.arrivals)
    write_parquet_table(snapshots.table, output)
    rows, already, unseen = snapshots.table.num_rows, snapshots.already, snapshots.unseen
    bad = sum(snapshots.table["label"].to_pylist()) if wanted else None
    if json:
        repeats = repeat_figures(intake.same, intake.rejected)
        print_answer(SnapshotAnswer(output=str(output), rows=rows, bad=bad, already=already, unseen=unseen, **repeats))
        return
    print_repeats(intake.same)
    print_rejected(intake.rejected, None)
    labels = " without a label" if bad is None else f", {bad:,} of them bad"
    print_line(data_text(f"{counted(rows, 'snapshot', 'snapshots')}{labels}, in {output}"))
    if bad is not None:
        print_line(f"left out: {already:,} that were bad at the date, {unseen:,} whose events end too early")
