"""Former words of commands go on working for one version, and stand in no help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from linekeeper.cli.former import FORMER_COMMANDS, FORMER_OPTIONS, present_words
from linekeeper.cli.main import build
from tests.cli.test_commands import EVENTS, POLICY, linekeeper, read

OPTIONS = [(command, former) for command, options in FORMER_OPTIONS.items() for former in options]


def command_named(words: str) -> Any:
    """A command by its words."""
    command = get_command(build())
    for word in words.split():
        command = command.commands[word]
    return command


def options_of(words: str) -> set[str]:
    """The options of a command."""
    return {name for parameter in command_named(words).params for name in parameter.opts}


@pytest.mark.parametrize("former", FORMER_COMMANDS)
def test_a_former_command_is_the_present_one(former: str) -> None:
    runner, app = CliRunner(), build()
    present = FORMER_COMMANDS[former]
    assert runner.invoke(app, [former, "--help"]).output == runner.invoke(app, [present, "--help"]).output


@pytest.mark.parametrize(("command", "former"), OPTIONS)
def test_a_former_option_is_one_of_its_command(command: str, former: str) -> None:
    present = FORMER_OPTIONS[command][former]
    assert present in options_of(command)
    assert former not in options_of(command)
    assert present_words([*command.split(), former, "x"])[-2:] == [present, "x"]
    assert present_words([*command.split(), "--", former])[-1] == former


def test_the_help_shows_present_words_only() -> None:
    text = CliRunner().invoke(build(), ["--help"]).output + CliRunner().invoke(build(), ["replay", "--help"]).output
    assert not [former for former in (*FORMER_COMMANDS, "--set-aside", "--columns") if f" {former} " in text]
    for words in (["import", "--help"], ["log", "export", "--help"]):
        assert "FORMER" not in CliRunner().invoke(build(), words).output


def test_rejected_rows_and_a_mapping_by_their_former_names(tmp_path: Path) -> None:
    mapping, listed = tmp_path / "mapping.yaml", tmp_path / "rejected.jsonl"
    mapping.write_text("money: minor\n")
    record = read("replay", POLICY, EVENTS, "--columns", str(mapping), "--set-aside", str(listed))
    assert listed.read_text() == ""
    assert (record["rejected"], record["rejected_file"]) == (0, str(listed))


def test_an_import_with_its_former_option_and_a_policy_without_one(tmp_path: Path) -> None:
    first, second = str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")
    former = read("import", "jsonl", EVENTS, POLICY, "--out", first)
    present = read("import", "jsonl", EVENTS, "--policy", POLICY, "--output", second)
    assert (former["output"], present["output"]) == (first, second)
    assert former["by_kind"] == present["by_kind"]
    assert Path(first).read_bytes() == Path(second).read_bytes()


def test_a_day_by_its_former_names(tmp_path: Path) -> None:
    case = ("clock", "CN", "consumer_loan", "close")
    assert linekeeper(*case, "--on", "2026-05-02") == linekeeper(*case, "--day", "2026-05-02")
    output = str(tmp_path / "s.parquet")
    former = read("snapshot", POLICY, EVENTS, "--at", "2025-05-15,2025-06-15", "-o", output)
    present = read("snapshot", POLICY, EVENTS, "--day", "2025-05-15", "--day", "2025-06-15", "-o", output)
    assert former == present
    assert former["rows"] == 2


def test_an_export_to_a_folder_without_its_option(tmp_path: Path) -> None:
    keys, store = str(tmp_path / "keys"), str(tmp_path / "lines.db")
    linekeeper("log", "init", "--keys", keys, "--folder", str(tmp_path / "public"), "--name", "example.com/lines")
    linekeeper("run", POLICY, EVENTS, "--store", store, "--keys", keys)
    linekeeper("log", "publish", "--store", store, "--keys", keys)
    log = ("--store", store, "--keys", keys)
    former = read("log", "export", str(tmp_path / "a"), *log, "--since", "1970-01-01", "--until", "2099-12-31")
    present = read("log", "export", "--output", str(tmp_path / "b"), *log, "--from", "1970-01-01")
    assert former | {"output": present["output"]} == present
