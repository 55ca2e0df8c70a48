"""`linekeeper import`: files and public data sets to event tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from linekeeper.cli.arguments import to_write
from linekeeper.core.errors import UsageError

if TYPE_CHECKING:
    from linekeeper.connect.layout import Format
    from linekeeper.connect.mapping import ColumnMapping
    from linekeeper.core.event import Rejection

SHOWN = 10  # rejected rows that are shown at once; the file beside the table lists all of them


class Source(StrEnum):
    """What is read."""

    taiwan = "taiwan"
    approval = "approval"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"
    excel = "excel"
    fixed = "fixed"
    camt = "camt"
    files = "files"


DATA_SETS = (Source.taiwan, Source.approval)


def register(app: typer.Typer) -> None:
    """Adds the `import` command."""
    app.command("import")(import_events)


def import_events(
    source: Annotated[
        Source,
        typer.Argument(
            help="taiwan, approval (public data sets); csv, jsonl, parquet, excel, fixed, camt; "
            "or files, whose mapping or names say what they are."
        ),
    ],
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE... [POLICY]",
            help="Files and folders to read; last the policy whose kinds the events are, except for data sets.",
        ),
    ],
    out: Annotated[Path, to_write("--out", "-o", about="The event table to write.")] = Path("events.parquet"),
    mapping: Annotated[
        Path | None, typer.Option(help="A mapping file: how the files are written, and which events their rows are.")
    ] = None,
    rename: Annotated[list[str] | None, typer.Option("--map", help="old=new; `old=` ignores a column.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; show each field and what would be rejected.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> None:
    """Read files into an event table: each event once, in order of time; bad rows rejected with their reason."""
    from time import perf_counter

    began = perf_counter()
    if source in DATA_SETS:
        _only_file(source, [*paths[1:], mapping, *(rename or []), dry_run])
        summary = _import_data_set(source, paths[0], out)
        aside: list[Rejection] = []
    else:
        files, policy = _files_and_policy(source, paths)
        columns, form = _columns(mapping, rename or []), _format(source, mapping)
        if dry_run:
            _show_profile(files, policy, columns, form, as_json)
            return
        summary, aside = _import_rows(files, policy, out, columns, form)
    summary |= _counts(out) | {"rejected": len(aside), "seconds": round(perf_counter() - began, 3)}
    _report(summary, aside, as_json)


def _only_file(source: Source, others: list[Any]) -> None:
    if any(others):
        raise UsageError(
            f"`{source.value}` has its own columns",
            code="arguments-do-not-go-together",
            way_out="name one file; leave out the policy, the mapping and `--dry-run`",
        )


def _files_and_policy(source: Source, paths: list[Path]) -> tuple[list[Path], Path]:
    *files, policy = paths
    if not files:
        raise UsageError(
            f"a policy is needed: `linekeeper import {source.value} FILE POLICY -o OUT`", code="argument-missing"
        )
    return files, policy


def _columns(mapping: Path | None, rename: list[str]) -> ColumnMapping:
    from linekeeper.connect.mapping import ColumnMapping, with_options
    from linekeeper.connect.mapping_file import load_columns

    return with_options(load_columns(mapping) if mapping else ColumnMapping(), rename)


def _format(source: Source, mapping: Path | None) -> Format | None:
    """The format that the command names, if it names one; `fixed` needs a mapping, which places its fields."""
    if source is Source.fixed and mapping is None:
        raise UsageError(
            "text of fixed width needs a mapping, which says where the fields are",
            code="argument-missing",
            way_out="name one with `--mapping`",
        )
    return None if source is Source.files else cast("Format", source.value)


def _import_data_set(source: Source, file: Path, out: Path) -> dict[str, Any]:
    """A public data set; what is known of the people beside the events goes to a file of its own."""
    from linekeeper.connect.event_table import write_events
    from linekeeper.datasets.approval import read_approval
    from linekeeper.datasets.taiwan import read_taiwan

    with _progress(f"reading {source.value}") as advance:
        if source is Source.approval:
            write_events(read_approval(file), out)
            advance(1.0)
            return {"out": str(out), "same": 0}
        import pyarrow.parquet as pq

        events, labels = read_taiwan(file)
        advance(0.5)
        write_events(events, out)
        beside = out.with_suffix(".labels.parquet")
        pq.write_table(labels, beside)
        advance(1.0)
    return {"out": str(out), "labels": str(beside), "same": 0}


def _import_rows(
    files: list[Path], policy: Path, out: Path, columns: ColumnMapping, form: Format | None
) -> tuple[dict[str, Any], list[Rejection]]:
    import json

    from linekeeper.connect.large_files import import_file
    from linekeeper.policy.load import load_file

    with _progress(f"reading {files[0].name}") as advance:
        done = import_file(files, load_file(policy), out, columns, form, advance)
    summary: dict[str, Any] = {"out": str(out), "same": done.same, "skipped": done.skipped}
    summary["notes"] = list(done.notes)
    beside = out.with_suffix(".rejected.jsonl")
    beside.unlink(missing_ok=True)
    if done.rejected:
        lines = (json.dumps({"place": row.place, "reason": row.reason}, ensure_ascii=False) for row in done.rejected)
        beside.write_text("\n".join(lines) + "\n", encoding="utf-8")
        summary["rejected_file"] = str(beside)
    return summary, done.rejected


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


@contextmanager
def _progress(what: str) -> Iterator[Callable[[float], None]]:
    """A bar on standard error, gone when done; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def _report(summary: dict[str, Any], aside: list[Rejection], as_json: bool) -> None:
    import json

    if as_json:
        typer.echo(json.dumps(summary, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("", "events", box=None)
    for kind, count in summary["by_kind"].items():
        table.add_row(kind, f"{count:,}")
    console = Console()
    console.print(f"{summary['events']:,} events of {summary['accounts']:,} accounts in {summary['seconds']:.1f} s")
    console.print(table)
    console.print(f"written to {summary['out']}", highlight=False)
    if "labels" in summary:
        console.print(f"outcome and personal attributes, apart from the events: {summary['labels']}", highlight=False)
    for note in summary.get("notes", ()):
        console.print(f"note: {note}", highlight=False, markup=False)
    if summary.get("skipped"):
        console.print(f"{summary['skipped']:,} rows skipped, as the mapping says")
    if summary["same"]:
        console.print(f"{summary['same']:,} repeats of the same event dropped")
    if aside:
        console.print(f"{len(aside):,} rows rejected, all listed in {summary['rejected_file']}:", highlight=False)
        for row in aside[:SHOWN]:
            console.print(f"  {row.place}: {row.reason}", highlight=False, markup=False)


def _show_profile(
    files: list[Path], policy_file: Path, columns: ColumnMapping, form: Format | None, as_json: bool
) -> None:
    from linekeeper.cli.import_profiles import print_profile, profile_record
    from linekeeper.cli.output import print_json
    from linekeeper.connect.import_profile import profile_import
    from linekeeper.policy.load import load_file

    policy = load_file(policy_file)
    with _progress(f"reading {files[0].name}") as advance:
        profile = profile_import(files, policy, columns, form, advance)
    if as_json:
        print_json(profile_record(profile, policy))
    else:
        print_profile(profile, policy)
