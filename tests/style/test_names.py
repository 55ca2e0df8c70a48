"""The rules of names, held against the whole repository; and each rule against a sample that breaks it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from linekeeper.cli.main import build
from linekeeper.core.errors import Fault
from tests.style import names
from tests.style.random_files import pick
from tests.style.repository import ROOT, assert_none, read, sources

GLOSSARY = "docs/start/glossary.md"
PLAIN_WORDS = "tests/style/plain_words.txt"
SHARED_NAMES = "tests/style/shared_names.txt"
KNOWN = {"event", "table", "read"}


def known_words() -> set[str]:
    """The words that names are made of: the glossary's and the plain ones."""
    return names.glossary_words(read(GLOSSARY)) | names.listed_words(read(PLAIN_WORDS))


def test_the_words_of_public_names_are_the_glossarys_or_plain() -> None:
    known = known_words()
    public = ((file, list(names.public_names(file, text))) for file, text in sources())
    assert_none(fault for file, own in public for fault in names.unknown_words(file, own, known))


def test_the_words_of_commands_are_the_glossarys_or_plain() -> None:
    known = known_words()
    commands = ((command, names_of(command)) for command in all_commands(get_command(build())))
    assert_none(fault for command, own in commands for fault in names.unknown_words(*place(command, own), known))


def all_commands(command: Any) -> Iterator[Any]:
    """A command and all below it."""
    yield command
    for each in getattr(command, "commands", {}).values():
        yield from all_commands(each)


def names_of(command: Any) -> list[str]:
    """The command's name, its arguments' and its options'."""
    return [command.name, *(name for each in command.params for name in [*each.opts, *each.secondary_opts])]


def place(command: Any, own: list[str]) -> tuple[str, list[names.Named]]:
    """The file in which a command stands, and its names with the line of its function."""
    if command.callback is None:
        return "src/linekeeper/cli", [(name, 1) for name in own]
    function = inspect.unwrap(command.callback)
    file = Path(function.__code__.co_filename)
    shown = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else str(file)
    return shown, [(name, function.__code__.co_firstlineno) for name in own]


def test_no_name_is_a_word_of_mood() -> None:
    assert_none(fault for file, text in sources() for fault in names.moods(file, text))


def test_no_name_means_one_thing_in_one_module_and_another_elsewhere() -> None:
    modules, reasons = dict(sources()), names.reasons_by_name(read(SHARED_NAMES))
    assert_none([*names.shared_names(modules, reasons), *names.needless_reasons(SHARED_NAMES, modules, reasons)])


def test_every_package_says_what_it_holds() -> None:
    packages = [(file, text) for file, text in sources() if file.endswith("/__init__.py")]
    assert_none(fault for file, text in packages for fault in names.unplain_package(file, text))


def test_plain_words_are_sorted() -> None:
    assert_none(names.unsorted_words(PLAIN_WORDS, read(PLAIN_WORDS)))


def test_files_are_picked_by_a_seed() -> None:
    assert pick(["a.py", "b.py", "c.py"], seed=1, count=2) == ["a.py", "c.py"]


def unknown(text: str) -> Iterable[Fault]:
    return names.unknown_words("src/event.py", list(names.public_names("src/event.py", text)), KNOWN)


def moods(text: str) -> Iterable[Fault]:
    return names.moods("src/event.py", text)


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (unknown("def read_gadget(): ..."), "src/event.py:1:1: `gadget` in `read_gadget` is no word of this house"),
        (unknown("\nclass Gadget: ..."), "src/event.py:2:1: `gadget` in `Gadget`"),
        (unknown("GADGETS = 1"), "`gadgets` in `GADGETS`"),
        (unknown("class Event:\n    gadget: int"), "src/event.py:2:1: `gadget` in `gadget`"),
        (unknown("class Event:\n    def gadget(self): ..."), "src/event.py:2:1: `gadget` in `gadget`"),
        (unknown("print_json({'gadget': 1})"), "`gadget` in `gadget`"),
        (unknown("class Table:\n    def _as_json(self):\n        return {'gadget': 1}"), "src/event.py:3:1: `gadget`"),
        (names.unknown_words("src/gadget.py", list(names.public_names("src/gadget.py", "")), KNOWN), "src/gadget.py:1"),
        (moods("found = 1"), "src/event.py:1:1: `found` has the word of mood `found`; name it for"),
        (moods("def f(told): ..."), "`told` has the word of mood `told`"),
        (moods("def f():\n    self.last_story = 1"), "src/event.py:2:1: `last_story` has the word of mood `story`"),
        (moods("class Walker: ..."), "`Walker` has the word of mood `walker`"),
        (moods("from a import b as looked"), "`looked` has the word of mood `looked`"),
        (moods("match a:\n    case [tally]: ..."), "src/event.py:2:1: `tally` has"),
        (names.moods("src/desk.py", ""), "src/desk.py:1:1: `desk` has"),
        (names.shared_names({"a.py": "X = 1", "b.py": "\ndef X(): ..."}, ()), "b.py:2:1: `X` is also defined in"),
        (names.needless_reasons("s.txt", {"a.py": "X = 1", "b.py": ""}, ["X"]), "s.txt:1:1: `X` is not"),
        (names.unsorted_words("a.txt", "# B\nb\na"), "a.txt:3:1: `a` stands after `b`; sort"),
        (names.unplain_package("a/__init__.py", ""), "a/__init__.py:1:1: the package does not say what it holds; open"),
        (names.unplain_package("a/__init__.py", '"""Nouns."""'), "the package does not say"),
        (names.unplain_package("a/__init__.py", '"""Nouns of the domain,\nand more of them."""'), "does not say"),
    ],
)  # fmt: skip
def test_each_rule_catches_what_breaks_it(faults: Iterable[Fault], expected: str) -> None:
    assert [expected in str(fault) for fault in faults] == [True]


@pytest.mark.parametrize(
    "faults",
    [
        unknown("from gadget import Gadget\n_gadget = 1\nTABLES = 1\ndef reader(): ..."),
        unknown("class _Gadget:\n    gadget = 1"),
        unknown("class Event:\n    def read(self):\n        return {'gadget': 1}"),
        moods("file.tell()\nast.walk(tree)\nraise FileNotFoundError"),
        names.shared_names({"a.py": "X = 1\n_y = 1", "b.py": "_y = 1\nfrom a import X"}, ()),
        names.shared_names({"a.py": "def run(): ...", "run_commands.py": "def run(): ..."}, ()),
        names.needless_reasons("s.txt", {"a.py": "X = 1", "b.py": "X = 1"}, ["X"]),
        names.shared_names({"a.py": "X = 1", "b.py": "X = 1"}, {"X"}),
        names.unsorted_words("a.txt", "# B\nb\n\n# A\na"),
        names.unplain_package("a/__init__.py", '"""Nouns of the domain: money, time, lines.\n\nMore of them."""'),
    ],
)
def test_each_rule_lets_pass_what_keeps_it(faults: Iterable[Fault]) -> None:
    assert not list(faults)


def test_a_name_in_several_modules_is_allowed_with_a_reason() -> None:
    assert names.reasons_by_name("register: adds the commands\n") == {"register": "adds the commands"}
    with pytest.raises(ValueError, match="`register` is listed without a reason"):
        names.reasons_by_name("register:\n")
