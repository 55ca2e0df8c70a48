"""The options that commands share: one spelling for one idea."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from linekeeper.cli import completion, settings
from linekeeper.core.errors import FileError, UsageError

JsonOption = Annotated[bool, typer.Option("--json", help="Print one line of JSON.")]
PolicyFile = Annotated[Path, typer.Argument(metavar="POLICY", help="The policy (YAML).")]
PolicyFiles = Annotated[list[Path], typer.Argument(metavar="POLICIES", help="Policies (YAML).")]
EventsFile = Annotated[
    Path, typer.Argument(metavar="EVENTS", help="An event table, or JSON Lines, CSV or Parquet of the policy's kinds.")
]


def _with_name(store: str) -> str:
    """The store, which has a name: an empty one, as of a variable that is not set, would be a store in memory."""
    if not store.strip():
        raise UsageError(
            "the name of the store is empty", code="argument-missing", way_out="name one, or leave `--store` out"
        )
    return store


def of_setting(name: str, about: str, default: Callable[[], Any], complete: Any = None, callback: Any = None) -> Any:
    """An option that a variable of the environment, then `linekeeper.toml`, stands for where it is not given."""
    return typer.Option(
        f"--{name}",
        help=about,
        envvar=settings.variable(name),
        default_factory=default,
        show_default=False,
        autocompletion=complete,
        callback=callback,
    )


def _of_store(default: Callable[[], str]) -> Any:
    about = "Database URL, or path of an SQLite file (default: linekeeper.db, or as linekeeper.toml says)."
    return of_setting("store", about, default, completion.complete_store, _with_name)


StoreUrl = Annotated[str, _of_store(settings.store_to_read)]
StoreToWrite = Annotated[str, _of_store(settings.store_to_write)]
Keys = Annotated[
    Path | None,
    of_setting("keys", "Folder of the log's keys, where the store keeps a log.", settings.keys_named),
]
LogKeys = Annotated[Path, of_setting("keys", "Folder of the log's keys.", settings.keys_required)]
LangOption = Annotated[
    str, of_setting("lang", "zh or en (default: en).", settings.lang_named, completion.complete_lang)
]
LenderOption = Annotated[
    Path | None, of_setting("lender", "Who the lender is (YAML; default: an example).", settings.lender_named)
]
Jurisdiction = Annotated[
    str | None,
    of_setting("jurisdiction", "Note notices under this law: CN, US, EU, UK.", settings.jurisdiction_named),
]
Product = Annotated[
    str | None, of_setting("product", "The product, as `policies/regulation` names it.", settings.product_named)
]
AccountName = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="The account.", autocompletion=completion.complete_account)
]
DecisionName = Annotated[
    str,
    typer.Argument(
        metavar="DECISION",
        help="ACCOUNT#NUMBER, or an account for its latest decision.",
        autocompletion=completion.complete_account,
    ),
]
SignedBy = Annotated[
    str | None, typer.Option("--by", help="Who signs off the policy and its card, where it comes into force with this.")
]
BrakeOn = Annotated[
    bool, typer.Option("--brake", help="Let a burst of restrictions wait for a person, as the policy's brake says.")
]
By = Annotated[str, typer.Option("--by", help="Who decides this.")]
Why = Annotated[str, typer.Option("--why", help="Why, in a sentence.")]
At = Annotated[
    str | None, typer.Option("--at", help="When, ISO 8601 with an offset, like 2024-05-02T09:00+08:00 (default: now).")
]
AsOf = Annotated[
    str | None, typer.Option("--day", help="Ask as of this day, YYYY-MM-DD (default: the latest of the account).")
]
Until = Annotated[str, typer.Option("--until", help="Review up to and including this day, YYYY-MM-DD.")]
SourceName = Annotated[
    str | None,
    typer.Option(
        "--source", help="The source that the events are of (default: what the mapping or the file says, else `main`)."
    ),
]
AllowOtherSource = Annotated[
    bool,
    typer.Option("--allow-other-source", help="Count an event though another source gave the same one before."),
]
Simulate = Annotated[
    bool, typer.Option("--simulate", help="Take times that have not come by this machine's clock, for what-if runs.")
]
ContractFile = Annotated[
    Path | None,
    typer.Option("--contract", help="A file with the contract of the feed, where the mapping has none (YAML or JSON)."),
]
MappingFile = Annotated[Path | None, typer.Option("--mapping", help="A mapping of the file's columns (YAML or JSON).")]


def _writable(path: Path | None) -> Path | None:
    """The path, where a file can be written there; this is checked before any work is done."""
    if path is not None and not path.parent.is_dir():
        raise FileError(
            f"there is no folder `{path.parent}` to write to", code="folder-missing", place=str(path.parent)
        )
    if path is not None and path.is_fifo():
        _demand_reader(path)
    if path is not None and path.is_dir():
        raise FileError(f"`{path}` is a folder", code="file-is-folder", way_out="name a file in it", place=str(path))
    return path


def _demand_reader(pipe: Path) -> None:
    """Raises FileError where nobody reads from a pipe: to write to it would wait without end."""
    try:
        os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)  # left open: the reader would take it for the end, and go away
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        raise FileError(
            f"nobody reads from the pipe `{pipe}`",
            code="file-not-usable",
            way_out="begin to read from it first, or name a file",
            place=str(pipe),
        ) from None


def _table_file(path: Path | None) -> Path | None:
    """The same for a table, whose name has to say what it is."""
    if path is not None and _writable(path):
        from linekeeper.connect.table_output import demand_table_file

        demand_table_file(path)
    return path


def to_write(*names: str, about: str) -> Any:
    """An option that names a file to write."""
    return typer.Option(*names, help=about, callback=_writable)


def _folder(path: Path | None) -> Path | None:
    """The path, where a folder can be there; this is checked before any work is done."""
    nearest = next((one for one in (path, *path.parents) if one.exists()), None) if path is not None else None
    if nearest is not None and not nearest.is_dir():
        raise FileError(f"`{nearest}` is a file", code="folder-is-file", way_out="name a folder", place=str(nearest))
    return path


def folder_to_write(*names: str, about: str) -> Any:
    """An option that names a folder to write files into; it is made where it is absent."""
    return typer.Option(*names, help=about, callback=_folder)


RejectedFile = Annotated[Path | None, to_write("--rejected", about="Write the rows that were rejected to this file.")]
TableFile = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Write all of it to this .parquet, .csv or .jsonl instead.", callback=_table_file
    ),
]
