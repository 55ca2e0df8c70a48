"""The page "Cut-over": its files are those of the repository, and its commands decide what it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.style.repository import ROOT, read

PAGE = read("docs/guides/cut-over.md")
TITLED = re.compile(r"```\w+ title=\"([^\"]+)\"\n(.*?)```", re.DOTALL)
COMMANDS = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def test_the_page_shows_the_files() -> None:
    shown = dict(TITLED.findall(PAGE))
    assert len(shown) == 3
    for file, text in shown.items():
        assert text == read(file)


def test_the_commands_decide_what_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")

    def run(*words: str) -> str:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(words, cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True)
        assert done.returncode == 0, done
        return done.stdout

    commands = [line for block in COMMANDS.findall(PAGE) for line in block.replace("\\\n", " ").strip().splitlines()]
    answers: list[dict[str, Any]] = [json.loads(run(*shlex.split(command), "--json")) for command in commands]
    imported, taken_over, history, shown, july, verified = answers
    assert (imported["events"], imported["rejected"]) == (5, 2)
    assert (taken_over["events"], taken_over["decisions"]) == (5, {})
    assert (history["events"], history["decisions"]) == (6, {})
    for row in (tmp_path / "book.rejected.jsonl").read_text("utf-8").splitlines():
        assert f"| {json.loads(row)['place']} | {json.loads(row)['reason']} |" in PAGE
    assert shown["cut_over"] == {
        "day": "2026-06-30",
        "history_from": "2026-06-01",
        "days_observed": 29,
        "triggers": ["late_3"],
        "in_force": ["late_3"],
        "since": "2026-06-08",
        "notified_on": "2026-06-09",
        "why": "instalment of 5 June not paid",
    }
    assert (july["events"], verified["same"]) == (2, True)
    decided = json.loads(run("linekeeper", "decisions", "--store", "lines.db", "--json"))["decisions"]
    assert sorted(map(in_words, decided)) == sorted(line for line in PAGE.splitlines() if line.startswith("| B-"))
    later = json.loads(run("linekeeper", "show", "B-2", "--store", "lines.db", "--json"))
    assert (later["cut_over"]["in_force"], later["cut_over"]["days_observed"]) == ([], 123)
    assert "held then by late_3 since 2026-06-08, the borrower notified on 2026-06-09" in run(
        "linekeeper", "show", "B-2", "--store", "lines.db"
    )


def in_words(one: dict[str, Any]) -> str:
    """A decision as a row of the page."""
    limits = f"{one['limit_before_minor'] // 100:,} → {one['limit_minor'] // 100:,}"
    return f"| {one['account']} | {one['at'][:10]} | {one['action']} | {limits} | {one['status']} |"
