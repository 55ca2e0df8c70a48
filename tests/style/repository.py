"""The repository as the rules of style read it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from linekeeper.core.errors import Fault

ROOT = Path(__file__).resolve().parents[2]


@cache
def repository_files() -> tuple[str, ...]:
    """Every file that is, or could be, committed: paths from the root. Where there is no git, all files."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode == 0:
        return tuple(sorted(file for file in listed.stdout.splitlines() if (ROOT / file).is_file()))
    paths = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return tuple(sorted(path.as_posix() for path in paths if not path.parts[0].startswith(".")))


def sources() -> list[tuple[str, str]]:
    """Our own modules under src, with their text."""
    return [(file, read(file)) for file in repository_files() if file.startswith("src/") and file.endswith(".py")]


def read(file: str) -> str:
    """The text of a file; its path is from the root."""
    return (ROOT / file).read_text(encoding="utf-8", errors="replace")


def assert_none(faults: Iterable[Fault]) -> None:
    """Fail with all faults, one a line."""
    lines = [str(fault) for fault in faults]
    if lines:
        pytest.fail("\n" + "\n".join(lines), pytrace=False)
