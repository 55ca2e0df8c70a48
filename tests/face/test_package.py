"""What `import linekeeper` shows, what it costs, and the types that it gives."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import linekeeper as lk
from linekeeper.core.errors import Fault
from tests.face.examples import ROOT

PAGE = ROOT / "docs" / "reference" / "python.md"
SCREEN_LINES, SCREEN_COLUMNS = 30, 120
USER_CODE = """
from datetime import date
from typing import assert_type

import linekeeper as lk

policy = lk.load_policy("policy.yaml")
assert_type(policy.describe("zh"), str)
policy.describe("fr")  # type: ignore[arg-type]
result = lk.replay(policy, [{"id": "1"}], until=date(2025, 1, 1))
assert_type(result.decisions[0], lk.Decision)
assert_type([point.limit_minor for line in result.timelines for point in line.points], list[int])
lk.replay(policy, 7)  # type: ignore[arg-type]
with lk.open("lines.db") as engine:
    assert_type(engine, lk.Engine)
    for decision in engine.receive("events.csv"):
        assert_type(decision.reasons, tuple[str, ...])
    road = engine.recourse("A")
    road.restored_on  # type: ignore[union-attr]
    assert_type(engine.accounts("active")[0].limit_minor, int)
assert_type(lk.fit(lk.snapshots(policy, "events.csv", ["2025-01-01"]), policy).card, bytes)
assert_type(lk.__version__, str)
"""


def run(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, encoding="utf-8", cwd=cwd)


def test_the_docstring_fits_one_screen_and_leads_to_every_name() -> None:
    lines = (lk.__doc__ or "").splitlines()
    assert len(lines) <= SCREEN_LINES
    assert max(map(len, lines)) <= SCREEN_COLUMNS
    assert len(lk.__all__) == 11
    assert [name for name in lk.__all__ if f"`{name}`" not in (lk.__doc__ or "")] == []


def test_names_are_listed_and_the_version_is_that_of_the_package() -> None:
    assert {*lk.__all__, "__version__"} <= set(dir(lk))
    assert lk.__version__ == version("linekeeper")
    with pytest.raises(AttributeError, match="has no attribute `relay`"):
        lk.relay  # type: ignore[attr-defined]  # noqa: B018


def test_every_function_and_method_has_an_example_that_runs() -> None:
    functions = {name: getattr(lk, name) for name in lk.__all__ if inspect.isfunction(getattr(lk, name))}
    for holder in (lk.Engine, lk.Policy):
        members = inspect.getmembers(holder, inspect.isfunction)
        functions |= {name: member for name, member in members if not name.startswith("_")}
    assert [name for name, function in functions.items() if ">>>" not in (function.__doc__ or "")] == ["close"]


def test_the_import_alone_loads_nothing() -> None:
    code = "import sys, linekeeper; print([name for name in sys.modules if name.startswith('linekeeper.')])"
    assert run("-c", code).stdout == "[]\n"


def test_the_python_page_shows_what_its_code_prints(tmp_path: Path) -> None:
    code, printed, *_ = re.findall(r"```(?:python|text)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    code = code.replace("docs/examples", str(ROOT / "docs" / "examples"))
    assert len([line for line in code.splitlines() if line]) <= 22
    (tmp_path / "path.py").write_text(code, encoding="utf-8")
    done = run("path.py", cwd=tmp_path)
    assert (done.stderr, done.stdout.strip()) == ("", printed.strip())


def test_code_that_uses_the_package_gets_types(tmp_path: Path) -> None:
    (tmp_path / "user_code.py").write_text(USER_CODE, encoding="utf-8")
    assert (ROOT / "src" / "linekeeper" / "py.typed").exists()
    config = ("--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache"))
    done = run("-m", "mypy", *config, str(tmp_path / "user_code.py"))
    assert done.stdout.startswith("Success"), done.stdout


def test_a_policy_with_a_dead_end_says_so() -> None:
    text = (ROOT / "docs" / "examples" / "cash-line.yaml").read_text(encoding="utf-8")
    sound = lk.load_policy(text)
    assert (sound.name, sound.check()) == ("cash-line", ())
    unsound = lk.load_policy(text.replace("clear: past_due = 0 CNY", "clear: 'count(draw, 7d) >= 9'"))
    (fault, *_) = unsound.check()
    assert isinstance(fault, Fault)
    assert "`late_3` can hold a line for good" in str(fault)
