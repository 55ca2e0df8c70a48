"""`linekeeper`: the entry point. Exit codes: 0 done, 1 something you can mend, 2 wrong usage, 3 verification failed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import typer

from linekeeper.cli.former import PresentAndFormer
from linekeeper.cli.output import print_json
from linekeeper.core.errors import FileError, LinekeeperError

app = typer.Typer(
    name="linekeeper",
    cls=PresentAndFormer,
    help="Keep revolving credit lines in step with their risk.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

MODULES = (
    "policy",
    "import",
    "run",
    "show",
    "road",
    "ruling",
    "version",
    "store",
    "pending",
    "notice",
    "log",
    "outcome",
    "snapshot",
    "fit",
    "demo",
)


def build() -> typer.Typer:
    """The app with all its commands."""
    # Each module registers its commands itself; naming them here keeps the order of the help.
    for name in MODULES:
        importlib.import_module(f"linekeeper.cli.{name}_commands").register(app)
    return app


def main() -> None:
    """Run one command; an error that a person can mend ends it with exit code 1.

    The error is one message on standard error; with `--json` it is one line on standard output instead, where the
    caller awaits the answer.
    """
    try:
        build()()
    except LinekeeperError as error:
        _print_error(error)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:  # a file that is not there, a disk that is full: nothing that a trace would explain
        if error.filename is None:
            raise
        _print_error(file_error(error))
        sys.exit(1)


def file_error(error: OSError) -> FileError:
    """What the system says about a file, as an error with a code.

    >>> print(file_error(FileNotFoundError(2, "No such file or directory", "p.yaml")))
    `p.yaml` cannot be used: no such file or directory
    """
    message = f"`{error.filename}` cannot be used: {str(error.strerror).lower()}"
    return FileError(message, code="file-not-usable", place=str(error.filename))


def asks_for_json(words: Sequence[str]) -> bool:
    """Whether a command line holds the option `--json`; what follows `--` is no option.

    >>> asks_for_json(["show", "A", "--json"]), asks_for_json(["show", "--", "--json"])
    (True, False)
    """
    options = words[: words.index("--")] if "--" in words else words
    return "--json" in options


def _print_error(error: LinekeeperError) -> None:
    if asks_for_json(sys.argv[1:]):
        print_json(error.as_json())
    else:
        sys.stderr.write(f"{error}\n")


if __name__ == "__main__":
    main()
