"""The commands in sections, as the help shows them: in whole lines, nothing cut."""

from __future__ import annotations

from collections import Counter
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Start", ("demo", "settings")),
    ("Policies", ("check", "fmt", "schema", "describe", "kernel", "adopt", "versions")),
    (
        "Events and decisions",
        (
            *("import", "contract", "run", "review", "replay", "verify", "authorise", "pending"),
            *("override", "consent", "relief"),
        ),
    ),
    (
        "Accounts",
        (
            "accounts",
            "decisions",
            "events",
            "features",
            "changes",
            "show",
            "explain",
            "road",
            "what-if",
            "lesson",
            "repay-plan",
        ),
    ),
    ("Notices", ("notice", "notices", "clock")),
    ("Proof", ("log", "receipt", "witness", "erase")),
    ("Scores and measuring", ("snapshot", "fit", "card", "forecast", "outcome", "backtest", "compare")),
    ("Store", ("store", "serve", "key")),
)


class WholeLines(TyperGroup):
    """A group whose help has the first paragraph of each command's help, whole."""

    sections: tuple[tuple[str, tuple[str, ...]], ...] | None = None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands section by section; without sections, all under one head."""
        for title, names in self.sections or (("Commands", tuple(self.commands)),):
            rows = [(name, _summary(self.commands[name])) for name in names if self._is_shown(name)]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def _is_shown(self, name: str) -> bool:
        return name in self.commands and not self.commands[name].hidden


class EachOptionOnce(TyperCommand):
    """A command that refuses an option given twice where it takes one value: nothing says which of two is meant."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line."""
        if not ctx.resilient_parsing:  # a shell that completes a word has not got the whole line yet
            _, _, given = self.make_parser(ctx).parse_args(args=[*args])
            of_one_value = (one for one in given if not one.multiple and not getattr(one, "is_flag", one.nargs == -1))
            for option, times in Counter[Any](of_one_value).items():
                if times > 1:
                    raise typer.BadParameter(f"given {times} times, and may be given once.", ctx=ctx, param=option)
        return super().parse_args(ctx, args)


class ShownArguments(EachOptionOnce):
    """A command whose usage leaves out an argument that is a former spelling."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The pieces of the usage line."""
        shown = [parameter for parameter in self.get_params(ctx) if not getattr(parameter, "hidden", False)]
        return ["[OPTIONS]", *(piece for parameter in shown for piece in parameter.get_usage_pieces(ctx))]


def _summary(command: Any) -> str:
    """The first paragraph of a command's help; for a group, with the names of its commands."""
    summary = " ".join((command.help or "").split("\n\n")[0].split())
    below = ", ".join(getattr(command, "commands", {}))
    return f"{summary} Commands: {below}." if below else summary
