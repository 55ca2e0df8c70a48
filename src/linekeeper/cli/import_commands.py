"""`linekeeper import`: files and public data sets to event tables."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linekeeper.cli.options import JsonOption, MappingFile, to_write
from linekeeper.cli.output import (
    counted,
    data_text,
    print_answer,
    print_line,
    print_rejected,
    progress,
    progress_of_share,
    write_rejected,
)
from linekeeper.cli.sections import ShownArguments
from linekeeper.core.errors import UsageError

if TYPE_CHECKING:
    from linekeeper.connect.files import Format
    from linekeeper.core.event import Rejection


class Source(StrEnum):
    """What is read."""

    taiwan = "taiwan"
    approval = "approval"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


EVENT_FORMATS: dict[Source, Format] = {Source.jsonl: "jsonl", Source.csv: "csv", Source.parquet: "parquet"}


def register(app: typer.Typer) -> None:
    """Adds the `import` command."""
    app.command("import", cls=ShownArguments)(import_events)


def import_events(
    source: Annotated[
        Source, typer.Argument(metavar="SOURCE", help="taiwan, approval (public data sets), jsonl, csv or parquet.")
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to read.")],
    former_policy: Annotated[Path | None, typer.Argument(hidden=True, metavar="POLICY")] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", help="Whose kinds the events are; not for data sets.")
    ] = None,
    output: Annotated[Path, to_write("--output", "-o", about="The event table to write.")] = Path("events.parquet"),
    mapping: MappingFile = None,
    rename: Annotated[list[str] | None, typer.Option("--map", help="old=new; `old=` ignores a column.")] = None,
    rejected: Annotated[
        Path | None, to_write("--rejected", about="Write the rows that were rejected here, not beside the event table.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Read FILE into an event table: each event once, in order of time; bad rows rejected with their reason."""
    from time import perf_counter

    began = perf_counter()
    policy = policy or former_policy  # a policy without its option is the former spelling
    if source not in EVENT_FORMATS and (policy or mapping or rename):
        raise UsageError(
            f"`{source.value}` has its own columns",
            code="arguments-do-not-go-together",
            way_out="leave out the policy and the mapping",
        )
    aside: list[Rejection] = []
    if source not in EVENT_FORMATS:
        summary = _import_data_set(source, file, output, json)
    elif policy is None:
        raise UsageError(
            f"a policy is needed: `linekeeper import {source.value} FILE --policy POLICY -o OUT`",
            code="argument-missing",
        )
    else:
        summary, aside = _import_rows(source, file, policy, output, mapping, rename or [], json)
    listed_in = _list_rejected(aside, output, rejected)
    summary |= _counts(output) | {"rejected": len(aside), "seconds": round(perf_counter() - began, 3)}
    _report(summary, aside, listed_in, json)
    if aside and not summary["events"]:  # to reject everything is no success
        raise typer.Exit(1)


def _import_data_set(source: Source, file: Path, out: Path, quiet: bool) -> dict[str, Any]:
    """A public data set; what is known of the people beside the events goes to a file of its own."""
    from linekeeper.connect.event_table import write_events
    from linekeeper.datasets.approval import read_approval
    from linekeeper.datasets.taiwan import read_taiwan

    summary = {"output": str(out), "repeats": 0, "labels": None}
    with progress(f"reading {source.value}", 2, quiet) as advance:
        if source is Source.approval:
            write_events(read_approval(file), out)
            return summary
        import pyarrow.parquet as pq

        events, labels = read_taiwan(file)
        advance(1)
        write_events(events, out)
        beside = out.with_suffix(".labels.parquet")
        pq.write_table(labels, beside)
    return summary | {"labels": str(beside)}


def _import_rows(
    source: Source, file: Path, policy: Path, out: Path, mapping: Path | None, rename: list[str], quiet: bool
) -> tuple[dict[str, Any], list[Rejection]]:
    from linekeeper.connect.large_files import import_file
    from linekeeper.connect.mapping import ColumnMapping, load_columns, with_options
    from linekeeper.policy.load import load_file

    columns = load_columns(mapping) if mapping else ColumnMapping()
    if rename:
        columns = with_options(columns, rename)
    with progress_of_share(f"reading {file.name}", quiet) as show_share:
        same, aside = import_file(file, load_file(policy), out, columns, EVENT_FORMATS[source], show_share)
    return {"output": str(out), "repeats": same, "labels": None}, aside


def _list_rejected(aside: list[Rejection], output: Path, named: Path | None) -> Path | None:
    """Write down the rejected rows: to the file that was named, else beside the event table where there are any."""
    beside = output.with_suffix(".rejected.jsonl")
    beside.unlink(missing_ok=True)  # that of an earlier import
    listed_in = named or (beside if aside else None)
    if listed_in:
        write_rejected(aside, listed_in)
    return listed_in


def _counts(out: Path) -> dict[str, Any]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(out, columns=["account", "kind"])
    kinds = {pair["values"]: pair["counts"] for pair in pc.value_counts(table["kind"]).to_pylist()}
    return {
        "accounts": pc.count_distinct(table["account"]).as_py(),
        "events": table.num_rows,
        "by_kind": dict(sorted(kinds.items())),
    }


def _report(summary: dict[str, Any], aside: list[Rejection], listed_in: Path | None, json: bool) -> None:
    if json:
        from linekeeper.cli.answers.events import ImportAnswer

        print_answer(ImportAnswer(**summary, rejected_file=None if listed_in is None else str(listed_in)))
        return
    events = counted(summary["events"], "event", "events")
    accounts = counted(summary["accounts"], "account", "accounts")
    print_line(f"{events} of {accounts} in {summary['seconds']:.1f} s")
    for kind, count in summary["by_kind"].items():
        print_line(data_text(f"  {kind:<24}{count:>12,}"))
    print_line(data_text(f"written to {summary['output']}"))
    if summary["labels"]:
        print_line(data_text(f"outcome and personal attributes, apart from the events: {summary['labels']}"))
    if summary["repeats"]:
        print_line(f"{counted(summary['repeats'], 'repeat', 'repeats')} of the same event dropped")
    print_rejected(aside, listed_in)
