"""`linekeeper import`: files and public data sets to event tables."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from linekeeper.cli.opening import clock_of, columns_of_file
from linekeeper.cli.options import JsonOption, Simulate, SourceName, to_write
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
from linekeeper.core.errors import UsageError
from linekeeper.core.event import repeat_figures

if TYPE_CHECKING:
    from linekeeper.connect.layout import Format
    from linekeeper.connect.mapping import ColumnMapping
    from linekeeper.core.event import Rejection
    from linekeeper.engine.clock import Clock


class ImportForm(StrEnum):
    """What is read: a public data set, or files of a format."""

    taiwan = "taiwan"
    approval = "approval"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"
    excel = "excel"
    fixed = "fixed"
    camt = "camt"
    files = "files"


FormName = Annotated[
    ImportForm,
    typer.Argument(
        metavar="FORM",
        help="taiwan, approval (public data sets); csv, jsonl, parquet, excel, fixed, camt; "
        "or files, whose mapping or names say what they are.",
    ),
]
DATA_SETS = (ImportForm.taiwan, ImportForm.approval)


def register(app: typer.Typer) -> None:
    """Adds the `import` command."""
    app.command("import")(import_events)


def import_events(
    form: FormName,
    paths: Annotated[list[Path], typer.Argument(metavar="FILES", help="Files and folders to read.")],
    policy: Annotated[Path | None, typer.Option(help="Whose kinds the events are; not for data sets.")] = None,
    output: Annotated[Path, to_write("--output", "-o", about="The event table to write.")] = Path("events.parquet"),
    mapping: Annotated[
        Path | None, typer.Option(help="A mapping file: how the files are written, and which events their rows are.")
    ] = None,
    rename: Annotated[list[str] | None, typer.Option("--map", help="old=new; `old=` ignores a column.")] = None,
    source: SourceName = None,
    rejected: Annotated[
        Path | None, to_write("--rejected", about="Write the rows that were rejected here, not beside the event table.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; show each field and what would be rejected.")
    ] = False,
    simulate: Simulate = False,
    json: JsonOption = False,
) -> None:
    """Read files into an event table: each event once, in order of time; bad rows rejected with their reason."""
    from time import perf_counter

    from linekeeper.connect.large_files import counts_of

    began = perf_counter()
    if form in DATA_SETS:
        _only_file(form, [policy, *paths[1:], mapping, *(rename or []), source, dry_run])
        summary = _import_data_set(form, paths[0], output, json)
        aside: list[Rejection] = []
    else:
        files, policy = _files_and_policy(form, paths, policy)
        columns, layout = _columns(mapping, rename or [], source), _format(form, mapping)
        if dry_run:
            _show_profile(files, policy, columns, layout, clock_of(simulate), json)
            return
        summary, aside = _import_rows(files, policy, output, columns, layout, clock_of(simulate), json)
    summary |= counts_of(output) | repeat_figures(summary.pop("repeats"), aside)
    summary["seconds"] = round(perf_counter() - began, 3)
    _report(summary, aside, _list_rejected(aside, output, rejected), json)
    if aside and not summary["events"]:  # to reject everything is no success
        raise typer.Exit(1)


def _only_file(form: ImportForm, others: list[Any]) -> None:
    if any(others):
        raise UsageError(
            f"`{form.value}` has its own columns",
            code="arguments-do-not-go-together",
            way_out="name one file; leave out the policy, the mapping, the source and `--dry-run`",
        )


def _files_and_policy(form: ImportForm, paths: list[Path], policy: Path | None) -> tuple[list[Path], Path]:
    """The files, and the policy: the option, or else the last of the paths, which is the former spelling."""
    if policy is not None:
        return paths, policy
    *files, last = paths
    if not files:
        raise UsageError(
            f"a policy is needed: `linekeeper import {form.value} FILE --policy POLICY -o OUT`",
            code="argument-missing",
        )
    return files, last


def _columns(mapping: Path | None, rename: list[str], source: str | None) -> ColumnMapping:
    from linekeeper.connect.mapping import with_options

    return with_options(columns_of_file(mapping, source), rename)


def _format(form: ImportForm, mapping: Path | None) -> Format | None:
    """The format that the command names, if it names one; `fixed` needs a mapping, which places its fields."""
    if form is ImportForm.fixed and mapping is None:
        raise UsageError(
            "text of fixed width needs a mapping, which says where the fields are",
            code="argument-missing",
            way_out="name one with `--mapping`",
        )
    return None if form is ImportForm.files else cast("Format", form.value)


def _import_data_set(form: ImportForm, file: Path, out: Path, quiet: bool) -> dict[str, Any]:
    """A public data set; what is known of the people beside the events goes to a file of its own."""
    from linekeeper.connect.event_table import write_events
    from linekeeper.datasets.approval import read_approval
    from linekeeper.datasets.taiwan import read_taiwan

    summary: dict[str, Any] = {"output": str(out), "repeats": 0, "skipped": 0, "notes": [], "labels": None}
    summary["source"] = None
    with progress(f"reading {form.value}", 2, quiet) as advance:
        if form is ImportForm.approval:
            write_events(read_approval(file), out)
            return summary
        from linekeeper.lab.parquet import write_parquet_table

        events, labels = read_taiwan(file)
        advance(1)
        write_events(events, out)
        beside = out.with_suffix(".labels.parquet")
        write_parquet_table(labels, beside)
    return summary | {"labels": str(beside)}


def _import_rows(
    files: list[Path],
    policy: Path,
    out: Path,
    columns: ColumnMapping,
    form: Format | None,
    clock: Clock,
    quiet: bool,
) -> tuple[dict[str, Any], list[Rejection]]:
    from linekeeper.connect.large_files import import_file
    from linekeeper.policy.load import load_file

    with progress_of_share(f"reading {files[0].name}", quiet) as show_share:
        done = import_file(files, load_file(policy), out, columns, form, show_share, clock)
    counts = {"repeats": done.same, "skipped": done.skipped, "notes": list(done.notes)}
    return {"output": str(out), "source": done.source, **counts, "labels": None}, done.rejected


def _list_rejected(aside: list[Rejection], output: Path, named: Path | None) -> Path | None:
    """Write down the rejected rows: to the file that was named, else beside the event table where there are any."""
    beside = output.with_suffix(".rejected.jsonl")
    beside.unlink(missing_ok=True)  # that of an earlier import
    listed_in = named or (beside if aside else None)
    if listed_in:
        write_rejected(aside, listed_in)
    return listed_in


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
    for note in summary["notes"]:
        print_line(data_text(f"note: {note}"))
    if summary["skipped"]:
        print_line(f"{counted(summary['skipped'], 'row', 'rows')} skipped, as the mapping says")
    if summary["repeats"]:
        print_line(f"{counted(summary['repeats'], 'repeat', 'repeats')} of the same event dropped")
    print_rejected(aside, listed_in)


def _show_profile(
    files: list[Path], policy_file: Path, columns: ColumnMapping, form: Format | None, clock: Clock, json: bool
) -> None:
    from linekeeper.cli.import_profiles import print_profile, profile_answer
    from linekeeper.connect.import_profile import profile_import
    from linekeeper.policy.load import load_file

    policy = load_file(policy_file)
    with progress_of_share(f"reading {files[0].name}", json) as show_share:
        profile = profile_import(files, policy, columns, form, show_share, clock)
    if json:
        print_answer(profile_answer(profile, policy))
    else:
        print_profile(profile, policy)
