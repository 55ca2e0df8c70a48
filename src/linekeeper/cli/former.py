"""Former words of commands and their JSON, read and written beside the present ones for one version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from typer.core import TyperGroup

FORMER_COMMANDS = {"held": "pending"}
FORMER_OPTIONS = {"--set-aside": "--rejected"}
FORMER_KEYS = {
    "pending": "held",
    "rejected": "set_aside",
    "rejected_file": "set_aside_file",
    "example_account": "story",
    "confirmed": "came_true",
    "next_review_day": "next_look_day",
}  # the present key: the former one


class PresentAndFormer(TyperGroup):
    """The commands by their present names, and by their former ones, which the help no longer shows."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line with its former words replaced."""
        return super().parse_args(ctx, present_words(args))


def present_words(args: Sequence[str]) -> list[str]:
    """A command line in present words: the command itself, and options wherever they stand.

    >>> present_words(["held", "list", "--set-aside=FILE", "held"])
    ['pending', 'list', '--rejected=FILE', 'held']
    """
    words = [*args]
    if words:
        words[0] = FORMER_COMMANDS.get(words[0], words[0])
    for place, word in enumerate(words):
        option, equals, value = word.partition("=")
        words[place] = FORMER_OPTIONS.get(option, option) + equals + value
    return words


def with_former_keys(record: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object with its former keys beside the present ones.

    >>> with_former_keys({"rejected": 2})
    {'rejected': 2, 'set_aside': 2}
    """
    return {**record, **{former: record[present] for present, former in FORMER_KEYS.items() if present in record}}
