"""Every command that a page shows is one that the command line has, with options that it has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from typer.main import get_command

from linekeeper.cli.former import present_words
from linekeeper.cli.main import build
from tests.style.repository import read, repository_files

PAGES = [file for file in repository_files() if file.endswith(".md") and (file.startswith("docs/") or "/" not in file)]
SHELL = re.compile(r"```(?:sh|bash|ini|text)[^\n]*\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"(?:^|[\s'/])linekeeper (.+)")
COMMENT = re.compile(r"\s#\s.*$")


def commands(text: str) -> Iterator[str]:
    """The commands of a page's code blocks, without comments; a line that goes on in the next is one."""
    for block in SHELL.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            if not line.lstrip().startswith("#") and (match := COMMAND.search(line)):
                yield COMMENT.sub("", match.group(1)).removesuffix("'")


@cache
def command_line() -> Any:
    """The whole command line; building it registers every command once more, so it is done once."""
    return get_command(build())


def faults(command: str) -> list[str]:
    """What the command line would not know of it."""
    known: Any = command_line()
    words = present_words(shlex.split(command.replace("$(", "").replace(")", "")))
    while hasattr(known, "commands") and words and not words[0].startswith("-"):
        name = words.pop(0)
        if name not in known.commands:
            return [f"no command `{name}`"]
        known = known.commands[name]
    options = {name for param in known.params for name in (*param.opts, *param.secondary_opts)} | {"--help"}
    return [
        f"no option `{word}`" for word in words if re.match(r"--?[a-z]", word) and word.split("=")[0] not in options
    ]


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_page_are_known(page: str) -> None:
    assert [(command, found) for command in commands(read(page)) for found in faults(command)] == []


def test_the_pages_show_commands() -> None:
    assert sum(len(list(commands(read(page)))) for page in PAGES) > 60


def test_what_is_not_known_is_seen() -> None:
    assert list(commands("```sh\nlinekeeper run a \\\n  --stor b # why\n# linekeeper no\n```")) == ["run a    --stor b"]
    assert faults("run a --stor b") == ["no option `--stor`"]
    assert faults("runs a") == ["no command `runs`"]
    assert faults("log publish --store a --every 60") == []
