"""snapshot: training data from the kernel itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from linekeeper.cli.arguments import day_number, to_write
from linekeeper.cli.opening import read_file
from linekeeper.cli.output import JsonOption, print_json, print_line


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(snapshot)


def snapshot(
    policy: Path,
    events: Path,
    at: Annotated[str, typer.Option(help="Dates, joined by commas: 2023-06-30,2023-12-31.")],
    output: Annotated[Path, to_write("-o", "--output", about="The Parquet file to write.")],
    label: Annotated[
        str | None,
        typer.Option(help="What counts as bad: `days_past_due >= 60 within 12m`. Without it, features alone."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write features as of the start of each date, and labels from after it alone, for `linekeeper fit`."""
    import pyarrow.parquet as pq

    from linekeeper.lab.snapshot import read_label, take_snapshots
    from linekeeper.policy.load import load_file

    loaded = load_file(policy)
    wanted = read_label(label) if label else None
    days = [day for day in (day_number(text.strip()) for text in at.split(",")) if day is not None]
    snapshots = take_snapshots(loaded, read_file(events, loaded, None, json).table, days, wanted)
    pq.write_table(snapshots.table, output, compression="zstd")
    rows, already, unseen = snapshots.table.num_rows, snapshots.already, snapshots.unseen
    bad = sum(snapshots.table["label"].to_pylist()) if wanted else None
    if json:
        print_json({"rows": rows, "bad": bad, "already": already, "unseen": unseen, "out": str(output)})
    elif bad is None:
        print_line(f"{rows:,} snapshots without a label, in {output}")
    else:
        print_line(f"{rows:,} snapshots, {bad:,} of them bad, in {output}")
        print_line(f"left out: {already:,} that were bad at the date, {unseen:,} whose events end too early")
