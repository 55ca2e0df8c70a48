"""The help: commands in sections, whole lines of at most 80 columns, nothing cut."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from linekeeper.cli.main import app, build
from linekeeper.cli.sections import SECTIONS

COLUMNS = 80
build()


def all_words(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of a command and of all below it, as far as the help shows them."""
    yield words
    for name, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield from all_words(below, (*words, name))


ROOT_COMMAND = get_command(app)
WORDS = list(all_words(ROOT_COMMAND))


@cache
def help_of(*words: str, option: str = "--help") -> str:
    """The help of a command on a terminal of 80 columns."""
    result = CliRunner().invoke(app, [*words, option], env={"COLUMNS": str(COLUMNS)})
    assert result.exit_code == 0, result.output
    return result.output


def one_line(text: str) -> str:
    """The text with its line breaks undone."""
    return " ".join(text.split())


def command_of(words: tuple[str, ...]) -> Any:
    """A command by its words."""
    command = ROOT_COMMAND
    for word in words:
        command = command.commands[word]
    return command


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_help_has_whole_lines(words: tuple[str, ...]) -> None:
    text, command = help_of(*words), command_of(words)
    assert max(map(len, text.splitlines())) <= COLUMNS
    whole = one_line(text)
    assert one_line(command.help) in whole
    for parameter in command.params:
        if not parameter.hidden and parameter.help:
            assert one_line(parameter.help) in whole, parameter.name
    for below in getattr(command, "commands", {}).values():
        assert below.hidden or one_line(below.help) in whole, below.name


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_an_option_and_an_argument_say_what_they_are(words: tuple[str, ...]) -> None:
    command = command_of(words)
    assert command.help
    assert [one.name for one in command.params if not one.help and not one.hidden] == []
    arguments = [one for one in command.params if not one.opts[0].startswith("-") and not one.hidden]
    assert [one.name for one in arguments if not re.fullmatch("[A-Z-]+", one.metavar or "")] == []


def test_three_dots_stand_for_repeated_words_only() -> None:
    for words in WORDS:
        text = re.sub(r"[\]}A-Z]\.\.\.|, \.\.\.", "", help_of(*words))
        assert "..." not in text, words


def test_each_command_stands_in_one_section() -> None:
    shown = [name for name, command in get_command(app).commands.items() if not command.hidden]
    listed = [name for _, names in SECTIONS for name in names]
    assert len(listed) == len(set(listed))
    assert set(shown) <= set(listed)
    titles = re.findall(r"(?m)^(\w.*):$", help_of())
    assert titles == ["Options", *(title for title, names in SECTIONS if set(names) & set(shown))]


def test_short_forms() -> None:
    assert help_of(option="-h") == help_of()
    assert help_of("log", "export", option="-h") == help_of("log", "export")
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"linekeeper {version('linekeeper')}\n")


SPELLINGS = {
    "store": ["--store"],
    "keys": ["--keys"],
    "lang": ["--lang"],
    "json": ["--json"],
    "output": ["--output", "-o"],
    "mapping": ["--mapping"],
    "rejected": ["--rejected"],
    "until": ["--until"],
    "day": ["--day"],
    "limit": ["--limit"],
    "at": ["--at"],
    "account": ["--account"],
}


def test_one_idea_has_one_spelling() -> None:
    leaves = [command_of(words) for words in WORDS if not hasattr(command_of(words), "commands")]
    options = [(leaf.name, one) for leaf in leaves for one in leaf.params if one.opts[0].startswith("-")]
    assert [(leaf, one.opts) for leaf, one in options if SPELLINGS.get(one.name, one.opts) != one.opts] == []
    short = {option: one.opts[0] for _, one in options for option in one.opts if re.fullmatch("-[a-z]", option)}
    assert short == {"-o": "--output"}
    assert [leaf.name for leaf in leaves if "--json" not in {name for one in leaf.params for name in one.opts}] == []


def test_an_account_comes_before_other_arguments() -> None:
    for words in WORDS:
        arguments = [one.name for one in command_of(words).params if not one.opts[0].startswith("-")]
        assert "account" not in arguments[1:], words
