"""Former words of commands and of JSON go on working for one version, and stand in no help."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from linekeeper.cli.former import FORMER_COMMANDS, FORMER_KEYS, FORMER_OPTIONS
from linekeeper.cli.main import build


def test_a_former_command_is_the_present_one() -> None:
    runner, app = CliRunner(), build()
    for former, present in FORMER_COMMANDS.items():
        assert runner.invoke(app, [former, "--help"]).output == runner.invoke(app, [present, "--help"]).output


def test_the_help_shows_present_words_only() -> None:
    text = CliRunner().invoke(build(), ["--help"]).output + CliRunner().invoke(build(), ["replay", "--help"]).output
    assert not [former for former in (*FORMER_COMMANDS, *FORMER_OPTIONS) if f" {former} " in text]


def test_a_former_option_and_a_former_key(tmp_path: Path) -> None:
    policy, events = "docs/examples/cash-line.yaml", "docs/examples/cash-line.jsonl"
    listed = tmp_path / "rejected.jsonl"
    result = CliRunner().invoke(build(), ["replay", policy, events, "--set-aside", str(listed), "--json"])
    record = json.loads(result.stdout)
    assert listed.read_text() == ""
    assert record["set_aside"] == record["rejected"] == 0
    assert "set_aside" in FORMER_KEYS.values()
