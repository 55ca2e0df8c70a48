"""What commands print: tables for people, JSON for programs, progress on what takes longer than a second."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linekeeper.cli.former import with_former_keys

if TYPE_CHECKING:
    from linekeeper.core.event import Rejection

JsonOption = Annotated[bool, typer.Option("--json", help="Print one line of JSON.")]
StoreUrl = Annotated[
    str, typer.Option("--store", help="Database URL, or the path of an SQLite file.", envvar="LINEKEEPER_STORE")
]
Keys = Annotated[
    Path | None,
    typer.Option("--keys", help="Folder of the log's keys, where the store keeps a log.", envvar="LINEKEEPER_KEYS"),
]

LangOption = Annotated[str, typer.Option("--lang", help="zh or en.")]
SignedBy = Annotated[
    str | None, typer.Option("--by", help="Who signs off the policy and its card, where it comes into force with this.")
]
BrakeOn = Annotated[
    bool, typer.Option("--brake", help="Let a burst of restrictions wait for a person, as the policy's brake says.")
]
REJECTED_SHOWN = 10


def print_json(value: Any) -> None:
    """One line of JSON on standard output; an object keeps its former keys for one version."""
    value = with_former_keys(value) if isinstance(value, dict) else value
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def print_line(text: str = "") -> None:
    """Print a line for people on standard output."""
    from rich.console import Console

    Console(highlight=False, soft_wrap=True).print(text)


def data_text(data: object) -> str:
    """Text from data for `print_line`, as it stands: nothing in it is read as markup.

    >>> print_line(f"[bold]{data_text('[bold]C')}[/]")
    [bold]C
    """
    from rich.markup import escape

    return escape(str(data))


def own_name() -> str:
    """How the shell that ran this command names it again: by its name where it is found so, else by its path."""
    program = Path(sys.argv[0])
    if program.name != "linekeeper" or not program.exists():
        return "linekeeper"
    on_path = shutil.which("linekeeper")
    if on_path and Path(on_path).resolve() == program.resolve():
        return "linekeeper"
    return shorter_path(program)


def shorter_path(path: Path) -> str:
    """A path as it stands, or from the working folder, whichever is shorter to read."""
    return min(os.path.relpath(path), str(path), key=len)


def print_rejected(rows: list[Rejection]) -> None:
    """Show the rows that were rejected, the first few with their reasons."""
    if rows:
        print_line(f"[yellow]{len(rows):,} rows were rejected:[/]")
        for row in rows[:REJECTED_SHOWN]:
            print_line(data_text(f"  {row.place}: {row.reason}"))
        if len(rows) > REJECTED_SHOWN:
            print_line(f"  ... and {len(rows) - REJECTED_SHOWN:,} more (all of them with --rejected FILE)")


def warn_pending(begun: int) -> None:
    """Say on standard error that the brake has made restrictions wait."""
    if begun:
        word = "restriction waits" if begun == 1 else "restrictions wait"
        sys.stderr.write(f"BRAKE: {begun:,} {word} for a person; see `linekeeper pending list`\n")


def write_rejected(rows: list[Rejection], path: Path | None) -> None:
    """All rows that were rejected, one JSON object a line."""
    if path:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(
                json.dumps({"place": row.place, "reason": row.reason}, ensure_ascii=False) + "\n" for row in rows
            )


@contextmanager
def progress(title: str, total: int, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error that shows itself only where the work takes a while."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.advance(task, done)
