"""What commands print: tables for people, JSON for programs, progress on what takes longer than a second."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    import pyarrow as pa

    from linekeeper.cli.answers.style import CommandAnswer
    from linekeeper.core.event import Rejection

REJECTED_SHOWN = 10


def print_answer(answer: CommandAnswer) -> None:
    """One line of JSON on standard output, in UTF-8 whatever the terminal's encoding is."""
    import msgspec

    typer.echo(msgspec.json.encode(answer))


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


def print_repeats(count: int) -> None:
    """Say how many events came before and changed nothing."""
    if count:
        print_line(f"{counted(count, 'repeat', 'repeats')} of events that came before")


def print_rejected(rows: list[Rejection], listed_in: Path | None) -> None:
    """Show the rows that were rejected, the first few with their reasons; `listed_in` lists all of them."""
    if rows:
        where = f", listed in {listed_in}" if listed_in else ""
        from linekeeper.core.event import repeat_figures

        conflicts = repeat_figures(0, rows)["conflicts"]
        of_these = f", {conflicts:,} of them for an id that came before for another event" if conflicts else ""
        rejected = counted(len(rows), "row was", "rows were")
        print_line(f"[yellow]{rejected} rejected[/]{of_these}{data_text(where)}:")
        for row in rows[:REJECTED_SHOWN]:
            print_line(data_text(f"  {row.place}: {row.reason}"))
        if len(rows) > REJECTED_SHOWN:
            where = "" if listed_in else " (all of them with --rejected FILE)"
            print_line(f"  ... and {len(rows) - REJECTED_SHOWN:,} more{where}")


def print_unreadable(accounts: Sequence[str], leaves: int) -> None:
    """Name those whose records in the log do not open, where there are any."""
    if leaves:
        from linekeeper.journal.log.keys import shown_accounts

        whose = shown_accounts(accounts) or "a borrower whose key is gone"
        print_line(f"[red]{counted(leaves, 'record does', 'records do')} not open[/], of {data_text(whose)}")


def counted(number: int, one: str, several: str) -> str:
    """A number with its noun.

    >>> counted(1, "row", "rows"), counted(1_200, "row", "rows")
    ('1 row', '1,200 rows')
    """
    return f"{number:,} {one if number == 1 else several}"


def warn_pending(begun: int) -> None:
    """Say on standard error that the brake has made restrictions wait."""
    if begun:
        waiting = counted(begun, "restriction waits", "restrictions wait")
        sys.stderr.write(f"BRAKE: {waiting} for a person; see `linekeeper pending list`\n")


def warn_passed_over(accounts: Sequence[str]) -> None:
    """Say on standard error whose lines were not reviewed, since their keys in the log do not open."""
    if accounts:
        from linekeeper.journal.log.keys import shown_accounts

        reason = "passed over by the review, since their keys in the log do not open"
        sys.stderr.write(f"KEYS: {reason}: {shown_accounts(accounts)}; see `linekeeper log status`\n")


def write_rejected(rows: list[Rejection], path: Path) -> None:
    """All rows that were rejected, one JSON object a line."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(
            json.dumps(
                {
                    "schema": "linekeeper/rejected-row/1",
                    "place": row.place,
                    "reason": row.reason,
                    "code": row.code,
                },
                ensure_ascii=False,
            )
            + "\n"
            for row in rows
        )


def write_extract(stream: pa.RecordBatchReader, path: Path, as_json: bool) -> None:
    """Write a table to a file, and say how many rows there were."""
    from linekeeper.cli.answers.events import ExtractAnswer
    from linekeeper.connect.table_output import write_table

    rows = write_table(path, stream)
    if as_json:
        print_answer(ExtractAnswer(output=str(path), rows=rows, columns=stream.schema.names))
    else:
        print_line(data_text(f"{counted(rows, 'row', 'rows')} in {path}"))


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


@contextmanager
def progress_of_share(title: str, quiet: bool = False) -> Iterator[Callable[[float], None]]:
    """The same for work that says which share of it is done, from 0 to 1."""
    with progress(title, 100, quiet) as advance:
        percent = 0

        def show_share(share: float) -> None:
            nonlocal percent
            advance(int(share * 100) - percent)
            percent = int(share * 100)

        yield show_share
