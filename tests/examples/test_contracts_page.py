"""The page on contracts: its files are those of the repository, and its commands do what it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

from tests.style.repository import ROOT, read

PAGE = read("docs/guides/contracts.md")
TITLED = re.compile(r"```\w+ title=\"([^\"]+)\"\n(.*?)```", re.DOTALL)
COMMANDS = re.compile(r"```sh\n(linekeeper .*?)```", re.DOTALL)
SHOWN = re.compile(r"```text\n(.*?)```", re.DOTALL)


def given(command: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """What a command of the page says."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    words = [*shlex.split(command, comments=True), *more]
    return subprocess.run(
        words, cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )


def test_the_page_shows_the_mapping() -> None:
    assert dict(TITLED.findall(PAGE)) == {"docs/examples/contract/core.yaml": read("docs/examples/contract/core.yaml")}


def test_the_commands_do_what_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    lines = [line for block in COMMANDS.findall(PAGE) for line in block.replace("\\\n", " ").strip().splitlines()]
    propose, monday, tuesday, wednesday, listed, reject = lines
    assert given(propose, tmp_path).returncode == 0
    assert "contract" in YAML(typ="safe", pure=True).load((tmp_path / "proposed.yaml").read_text("utf-8"))
    for command, events in ((monday, 6), (tuesday, 4)):
        assert json.loads(given(command, tmp_path, "--json").stdout)["events"] == events
    for _ in range(2):  # given again, it is the same batch
        held = given(wednesday, tmp_path)
        assert (held.returncode, held.stdout, held.stderr) == (1, "", SHOWN.findall(PAGE)[0])
    (waiting,) = json.loads(given(listed, tmp_path, "--json").stdout)["batches"]
    assert (waiting["name"], waiting["state"], waiting["events"]) == ("wednesday.csv", "waiting", 4)
    assert "1 batch waiting for a person" in given(listed, tmp_path).stdout
    assert given(reject, tmp_path).stdout == "rejected for good: wednesday.csv\n"
    assert json.loads(given(wednesday, tmp_path, "--json").stdout)["error"] == "batch-rejected"
    assert "0 batches waiting for a person" in given(listed, tmp_path).stdout
    assert "rejected by m.chen: amounts divided by 100" in given(listed, tmp_path, "--ended").stdout
    assert json.loads(given("linekeeper verify --store lines.db", tmp_path, "--json").stdout)["events"] == 10
