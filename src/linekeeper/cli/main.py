"""`linekeeper`: the entry point. Exit codes: 0 done, 1 something you can mend, 2 wrong usage, 3 verification failed."""

from __future__ import annotations

import importlib
import sys

import typer

from linekeeper.cli.former import PresentAndFormer
from linekeeper.core.errors import LinekeeperError

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
    """Run one command; errors that a person can mend are one message on standard error."""
    try:
        build()()
    except LinekeeperError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:  # a file that is not there, a disk that is full: nothing that a trace would explain
        if error.filename is None:
            raise
        sys.stderr.write(f"`{error.filename}` cannot be used: {str(error.strerror).lower()}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
