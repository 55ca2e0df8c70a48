"""`linekeeper`: the entry point. Exit codes: 0 done, 1 something you can mend, 2 wrong usage, 3 verification failed."""

from __future__ import annotations

import importlib
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperCommand
from typer.models import CommandInfo

from linekeeper.cli.fault_report import program_fault
from linekeeper.cli.former import present_words
from linekeeper.cli.interruption import INTERRUPTED, what_is_kept
from linekeeper.cli.output import print_answer
from linekeeper.cli.sections import SECTIONS, EachOptionOnce, WholeLines
from linekeeper.core.characters import one_line
from linekeeper.core.errors import LinekeeperError, UsageError, demand_text, file_error

EXTRAS = {
    "anyio": "service",
    "lightgbm": "fit",
    "litestar": "service",
    "optbinning": "fit",
    "scipy": "fit",
    "sklearn": "fit",
    "uvicorn": "service",
}  # what is imported, by the extra that installs it

WORD_MAX = 4_096  # characters of an argument: more than any path, name or reason has


class Linekeeper(WholeLines):
    """All commands. A command line is read with its former words replaced."""

    sections = SECTIONS

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line."""
        return super().parse_args(ctx, present_words(args))

    def invoke(self, ctx: Any) -> Any:
        """Run the command; Ctrl-C ends it with one line that says what is kept."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interruption:
            so_far = "".join(f"{each}; " for each in interruption.args)
            sys.stderr.write(f"interrupted: {so_far}{what_is_kept(ctx.invoked_subcommand)}\n")
            raise typer.Exit(INTERRUPTED) from None


UsageFault: Any = typer.BadParameter.__base__  # what is wrong with a command line; Typer's own name for it is private

app = typer.Typer(
    name="linekeeper",
    cls=Linekeeper,
    help="Keep revolving credit lines in step with their risk.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

MODULES = (
    "policy",
    "import",
    "contract",
    "run",
    "accounts",
    "changes",
    "show",
    "road",
    "ruling",
    "relief",
    "version",
    "store",
    "serve",
    "pending",
    "notice",
    "lesson",
    "log",
    "receipt",
    "outcome",
    "backtest",
    "compare",
    "snapshot",
    "fit",
    "card",
    "demo",
    "settings",
)


@cache
def build() -> typer.Typer:
    """The app with all its commands, each registered once."""
    app.callback()(options_of_all)
    # Each module registers its commands itself; the help shows them in the order of `SECTIONS`.
    for name in MODULES:
        importlib.import_module(f"linekeeper.cli.{name}_commands").register(app)
    for command in _commands_of(app):
        if not issubclass(command.cls or TyperCommand, EachOptionOnce):
            command.cls = EachOptionOnce
    return app


def _commands_of(group: typer.Typer) -> Iterator[CommandInfo]:
    """Every command of a group and of the groups below it."""
    yield from group.registered_commands
    for below in group.registered_groups:
        if below.typer_instance:
            yield from _commands_of(below.typer_instance)


def _print_version(asked: bool) -> None:
    if asked:
        import linekeeper

        typer.echo(f"linekeeper {linekeeper.__version__}")
        raise typer.Exit


def options_of_all(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Keep revolving credit lines in step with their risk."""


def main() -> None:
    """Run one command; an error that a person can mend ends it with exit code 1, wrong usage with 2.

    The error is one message on standard error; with `--json` it is one line on standard output instead, where the
    caller awaits the answer.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a letter that a terminal cannot show ends no command
    warnings.showwarning = _show_warning
    # Of the allocators that Arrow has, this one gives back most of what reading a file has needed for a moment.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
    try:
        demand_readable(sys.argv[1:], os.environ)
        try:
            exit_code = build()(standalone_mode=False)
        finally:
            sys.stdout.flush()  # so that a full disk is an error of the command
    except KeyboardInterrupt:  # before any command has begun
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        _drop_output()
        sys.exit(1)
    except typer.Abort:  # a question was answered with no
        sys.exit(1)
    except UsageFault as fault:
        _print_error(usage_error(fault))
        sys.exit(fault.exit_code)
    except Exception as error:
        _print_error(as_error(error))
        sys.exit(1)
    sys.exit(exit_code or 0)


def as_error(error: Exception) -> LinekeeperError:
    """What ended a command, as an error with a code. What nobody foresaw is a fault of the program, with a report.

    >>> print(as_error(ModuleNotFoundError("No module named 'lightgbm'", name="lightgbm")))
    this needs the extra `fit`; install it: `pip install 'linekeeper[fit]'`
    """
    if isinstance(error, LinekeeperError):
        return error
    if isinstance(error, OSError):
        return file_error(error)
    if isinstance(error, ModuleNotFoundError) and (extra := EXTRAS.get((error.name or "").split(".")[0])):
        way_out = f"install it: `pip install 'linekeeper[{extra}]'`"
        return UsageError(f"this needs the extra `{extra}`", code="extra-missing", way_out=way_out)
    return program_fault(error, sys.argv[1:])


def usage_error(fault: Any) -> UsageError:
    """What is wrong with a command line, as an error with a code.

    >>> print(usage_error(typer.BadParameter("'x' is not a number.", param_hint="'--folds'")))
    invalid value for `--folds`: `x` is not a number; see `linekeeper --help`
    """
    text = " ".join(fault.format_message().replace("'", "`").split()).rstrip(".")
    text = re.sub(r"(?:^|: |[.] )[A-Z]", lambda begun: begun[0].lower(), text)
    message, _, near = re.sub(r"(?<=: )--?[a-z-]+", r"`\g<0>`", text).partition(". ")
    command = fault.ctx.command_path if fault.ctx else "linekeeper"
    # Typer keeps the classes of its faults private, so they are told apart by their names.
    lacks, unknown = (type(fault).__name__ == name for name in ("MissingParameter", "NoSuchOption"))
    return UsageError(
        message,
        code="argument-missing" if lacks else "option-not-known" if unknown else "command-line-not-readable",
        way_out=near or f"see `{command} --help`",
    )


def asks_for_json(words: Sequence[str]) -> bool:
    """Whether a command line holds the option `--json`; what follows `--` is no option.

    >>> asks_for_json(["show", "A", "--json"]), asks_for_json(["show", "--", "--json"])
    (True, False)
    """
    options = words[: words.index("--")] if "--" in words else words
    return "--json" in options


def demand_readable(words: Sequence[str], variables: Mapping[str, str]) -> None:
    """Raise UsageError where a word of the command line is not text, or longer than any: no store could hold it.

    So with the variables of the environment that stand for options.
    """
    settings = {f"the variable {name}": value for name, value in variables.items() if name.startswith("LINEKEEPER_")}
    for what, word in (*(("the argument", word) for word in words), *settings.items()):
        if len(word) > WORD_MAX:
            raise UsageError(
                f"{what} is longer than {WORD_MAX:,} characters: `{word[:40]}...`",
                code="argument-too-long",
                way_out="shorten it",
            )
        demand_text(what, word)


def _print_error(error: LinekeeperError) -> None:
    if asks_for_json(sys.argv[1:]):
        from linekeeper.cli.answers.style import ErrorAnswer

        try:
            print_answer(ErrorAnswer(**error.as_json()))
            return
        except OSError:  # what it would be printed on is full, which may be the error itself
            pass
    if error.code == "output-not-writable":
        _drop_output()
    sys.stderr.write(f"{error}\n")


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """One line for the person, without the place in the code that Python shows by itself."""
    sys.stderr.write(one_line(f"warning: {message}") + "\n")


def _drop_output() -> None:
    """Let what is left to print go nowhere: where nobody reads it, Python would complain at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
