"""A stranger's path: from `pip install .` and a pandas table to lines, a reason, a road and a plot, then in a shell."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.style.repository import ROOT, read

SCRIPT, SHELL = ROOT / "examples" / "stranger.py", ROOT / "examples" / "stranger.sh"
PAGE = "docs/start/twenty-lines.md"
STATEMENT_LINES_MAX = 20


def walk(folder: Path, programs: Path) -> tuple[str, str]:
    """Run the script, then the shell commands, with the programs of that folder; what each prints."""
    (folder / "docs").symlink_to(ROOT / "docs")
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    printed = []
    for command in (["python", str(SCRIPT)], ["sh", str(SHELL)]):
        done = subprocess.run(
            command, cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True, encoding="utf-8"
        )
        assert (done.returncode, done.stderr) == (0, "")
        printed.append(done.stdout)
    return printed[0], printed[1]


def check_what_came_of_it(folder: Path, python: str, shell: str) -> None:
    """Lines, a reason, a road and a plot; and the shell says of them what Python says."""
    assert "decrease       500000 reduced" in python
    assert "reason arrears" in python
    road = python[python.index("  What you can do") :]
    assert "18 August: CN¥10,000" in road
    assert shell.endswith(road.rstrip() + "\n")
    chart = (folder / "lines.html").read_text("utf-8")
    assert "2025-05-13: reduced, limit 5,000.00 CNY" in chart


def test_the_path_of_a_stranger(tmp_path: Path) -> None:
    python, shell = walk(tmp_path, Path(sys.executable).parent)
    check_what_came_of_it(tmp_path, python, shell)
    shown = re.findall(r"```text\n(.*?)```", read(PAGE), re.DOTALL)
    assert shown[0] == python.rstrip() + "\n"


def test_it_takes_twenty_lines() -> None:
    body = ast.parse(SCRIPT.read_text("utf-8")).body[1:]  # what follows the docstring
    lines = SCRIPT.read_text("utf-8").splitlines()[body[0].lineno - 1 :]
    assert len([line for line in lines if line.strip()]) <= STATEMENT_LINES_MAX


def test_the_page_shows_the_files() -> None:
    python, shell = re.findall(r"```(?:python|sh) title=\"[^\"]+\"\n(.*?)```", read(PAGE), re.DOTALL)
    assert python == SCRIPT.read_text("utf-8").partition("\n\n")[2]
    assert shell == SHELL.read_text("utf-8").partition("set -e\n")[2]


@pytest.mark.nightly
def test_the_path_from_a_fresh_environment(tmp_path: Path) -> None:
    """From `pip install .` on: needs the network, or whatever else pip is set up to install from."""
    venv.create(tmp_path / "venv", with_pip=True)
    programs = tmp_path / "venv" / "bin"
    constraints = str(ROOT / "constraints.txt")
    subprocess.run([programs / "pip", "install", "--quiet", "-c", constraints, str(ROOT), "pandas"], check=True)
    work = tmp_path / "work"
    work.mkdir()
    check_what_came_of_it(work, *walk(work, programs))
