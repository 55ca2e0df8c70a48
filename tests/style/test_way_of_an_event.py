"""The paragraph "The way of an event" in docs/architecture/index.md names the functions that it meets, in order."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, reduce
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from typer.testing import CliRunner

import linekeeper
from linekeeper.cli.main import build
from linekeeper.journal.keeper import new_keeper
from linekeeper.kernel.kernel import _kernel_of

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(linekeeper.__file__).parent
GENERATED = "<kernel>"  # functions of a kernel's generated source, which is no file
NAME = re.compile(r"`((?:[a-z_]+|<kernel>)(?:\.\w+)+)`")


def paragraph() -> str:
    """The first paragraph under the heading."""
    page = (ROOT / "docs" / "architecture" / "index.md").read_text(encoding="utf-8")
    return page.split("## The way of an event\n\n")[1].split("\n\n")[0]


def named_functions() -> list[str]:
    """The functions that the paragraph names, as `room.module.function`, in its order."""
    return NAME.findall(paragraph())


def room_of(function: str) -> str:
    """The room in which a function stands; generated code belongs to `kernel`."""
    return function.partition(".")[0].strip("<>")


@cache
def full_name(file: str, name: str) -> str | None:
    """A function of the package, or of generated code, as `room.module.function`; None for other code."""
    if file.startswith("<kernel "):
        return f"{GENERATED}.{name}"
    path = Path(file)
    return ".".join((*path.relative_to(PACKAGE).with_suffix("").parts, name)) if path.is_relative_to(PACKAGE) else None


@contextmanager
def recorded_calls() -> Iterator[list[str]]:
    """The functions of the package that are called meanwhile, in any thread, in the order of their calls."""
    calls: list[str] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        is_function = code.co_flags & inspect.CO_OPTIMIZED  # and not the body of a module or of a class
        if event == "call" and is_function and (name := full_name(code.co_filename, code.co_qualname)):
            calls.append(name)

    before = sys.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(before)
        threading.setprofile(before)


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The calls of `linekeeper run` on the example, with log and law, from the first named function to the last.

    The opening of the store is no part of an event's way; it too seals a leaf, that of the policy.
    """
    folder = tmp_path_factory.mktemp("way")
    new_keeper(folder / "keys", folder / "public", "example.com/way")
    _kernel_of.cache_clear()  # an earlier test may have compiled this policy, and machine code shows no calls
    policy, events = "docs/examples/cash-line.yaml", "docs/examples/cash-line.jsonl"
    command = ["run", str(ROOT / policy), str(ROOT / events), "--store", str(folder / "lines.db"), "--json", "--brake"]
    command += ["--keys", str(folder / "keys"), "--jurisdiction", "CN", "--product", "credit_card"]
    with recorded_calls() as calls:
        result = CliRunner().invoke(build(), command)
    assert result.exit_code == 0, result.output
    named = named_functions()
    opening, run = calls.index("cli.opening.open_engine"), calls.index("engine.run.run_parts")
    calls = calls[calls.index(named[0]) : opening] + calls[run:]
    return calls[: calls.index(named[-1]) + 1]


def test_each_named_function_exists() -> None:
    for function in named_functions():
        room, module, *names = function.split(".")
        if room != GENERATED:
            assert callable(reduce(getattr, names, importlib.import_module(f"linekeeper.{room}.{module}"))), function


def test_an_event_meets_the_named_functions_in_the_order_of_the_paragraph(way: list[str]) -> None:
    named = named_functions()
    assert len(named) == len(set(named)) >= 20
    first_calls = [function for function in dict.fromkeys(way) if function in named]
    assert first_calls == named


def test_the_paragraph_names_a_function_in_every_room_that_an_event_enters(way: list[str]) -> None:
    assert {room_of(function) for function in way} == {room_of(function) for function in named_functions()}
