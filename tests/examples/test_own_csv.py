"""The page "Your own CSV": its files are those of the repository, and its commands do what it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import linekeeper as lk
from tests.style.repository import ROOT, read

PAGE = read("docs/start/your-own-csv.md")
TITLED = re.compile(r"```\w+ title=\"([^\"]+)\"\n(.*?)```", re.DOTALL)
COMMANDS = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def test_the_page_shows_the_files() -> None:
    shown = dict(TITLED.findall(PAGE))
    assert len(shown) == 2
    for file, text in shown.items():
        assert text == read(file)


def test_the_commands_do_what_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    told = []
    for block in COMMANDS.findall(PAGE):
        for command in block.replace("\\\n", " ").strip().splitlines():
            done = subprocess.run(
                [*shlex.split(command), "--json"], cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True
            )
            assert done.returncode == 0, done
            told.append(json.loads(done.stdout))
    imported, ran, _, again = told
    assert (imported["events"], imported["repeats"], imported["rejected"]) == (5, 1, 2)
    rows = [json.loads(line) for line in (tmp_path / "events.rejected.jsonl").read_text("utf-8").splitlines()]
    for row in rows:
        assert f"| {row['place']} | {row['reason']} |" in PAGE
    assert (ran["events"], again["events"]) == (5, 0)
    assert ran["digest"] == again["digest"]


def test_the_table_of_the_page_is_what_is_decided(tmp_path: Path) -> None:
    columns: dict[str, str | None] = {"branch": None, "ref": "id", "contract": "account", "booked": "at"}
    columns |= {"type": "kind", "credit_line": "limit", "due_date": "due_on"}
    lines = read("docs/examples/own-csv/ledger.csv").splitlines()
    minor = [re.sub(r"(\d+)\.(\d\d)\b", r"\1\2", line) for line in lines]  # in minor units, as Python takes them
    (tmp_path / "ledger.csv").write_text("\n".join(minor) + "\n", "utf-8")
    result = lk.replay("docs/examples/cash-line.yaml", tmp_path / "ledger.csv", until="2025-12-31", columns=columns)
    told = [line for line in PAGE.splitlines() if re.match(r"\| \d{4}-", line)]
    decided = [
        f"| {one.at:%Y-%m-%d} | {one.action} | {one.limit_before_minor // 100:,} → {one.limit_minor // 100:,} "
        f"| {one.status} |"
        for one in result.decisions
    ]
    assert [" |".join(line.split(" |")[:4]) + " |" for line in told] == decided
