"""The demo: its report, its pages, where it leads, and what a second run does."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from linekeeper.cli.demo_folder import RECORD, clear_folder
from linekeeper.core.errors import UsageError
from tests.cli.test_commands import linekeeper, read

PROGRAM = str(Path(sys.executable).with_name("linekeeper"))
SMALL = ("--accounts", "60", "--days", "300", "--no-serve")
PAGES = {"index.html", "report.html", "notice.zh.html", "notice.en.html", "receipt.tlog-proof", "verify.html"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small demo."""
    folder = tmp_path_factory.mktemp("demo") / "first run"  # a space, which commands to paste must quote
    read("demo", *SMALL, "--folder", str(folder))
    return folder


def recorded(folder: Path) -> Any:
    return json.loads((folder / RECORD).read_text("utf-8"))["figures"]


def test_the_demo_tells_of_two_borrowers_and_leaves_pages(folder: Path) -> None:
    told = read("demo", *SMALL, "--folder", str(folder))
    assert {path.name for path in (folder / "pages").iterdir()} == PAGES
    report = (folder / "pages" / "report.html").read_text("utf-8")
    assert f"One borrower who is back: {told['example_account']}" in report
    assert f"One borrower who can come back: {told['open_road_account']}" in report
    assert "Your limit on the way back" in report
    index = (folder / "pages" / "index.html").read_text("utf-8")
    assert "The limit of 2 lines over time" in index
    assert all(told[name] in index for name in ("example_account", "open_road_account"))
    receipt = ("receipt", "verify", f"{folder}/pages/receipt.tlog-proof", "--vkey", f"{folder}/log/log.vkey")
    assert read(*receipt)["holds"] is True
    replayed = read("replay", "policies/consumer-loan.yaml", f"{folder}/events.parquet", "--workers", "1")
    assert (replayed["digest"], replayed["events"]) == (told["digest"], told["events"])


def test_the_last_lines_can_be_pasted_and_lead_to_a_road_that_is_open(folder: Path) -> None:
    demo = subprocess.run(
        [PROGRAM, "demo", *SMALL, "--folder", str(folder)], capture_output=True, text=True, check=True
    )
    *commands, pages = demo.stdout.split("\nNext\n")[1].splitlines()
    assert Path(pages.split(": ")[1]).is_file()
    printed = {}
    for command in commands:
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
        printed[shlex.split(command)[1]] = done.stdout
    assert list(printed) == ["show", "road", "what-if", "notice", "verify", "replay"]
    assert "What you can do" in printed["road"]
    assert "您" in printed["notice"]
    assert "█" not in printed["show"].splitlines()[1]
    road = read("road", shlex.split(commands[1])[2], "--store", f"{folder}/lines.db")["road_back"]
    assert road["road"] is True


def test_a_second_run_shows_the_first(folder: Path) -> None:
    before = recorded(folder)
    assert before["events"] > 0
    printed = linekeeper("demo", *SMALL, "--folder", str(folder))
    assert f"{before['events']:,} events in" in printed
    assert "--again makes it once more" in printed
    told = read("demo", *SMALL, "--folder", str(folder))
    assert told["made_before"] is True
    assert {name: told[name] for name in before} == before


def test_other_borrowers_are_never_mixed_in(folder: Path, tmp_path: Path) -> None:
    before = recorded(folder)
    with pytest.raises(UsageError, match=r"holds the demo of 60 borrowers, 300 days, seed 1, .*; name another folder"):
        linekeeper("demo", *SMALL, "--seed", "2", "--folder", str(folder))
    assert recorded(folder) == before
    other = tmp_path / "other"
    read("demo", "--accounts", "5", "--days", "60", "--no-serve", "--folder", str(other))
    (other / "own.txt").write_text("mine")
    told = read("demo", "--accounts", "6", "--days", "60", "--no-serve", "--folder", str(other), "--again")
    assert (told["accounts"], told["made_before"]) == (6, False)
    assert (other / "own.txt").read_text() == "mine"


def test_a_demo_that_was_interrupted_or_lost_its_store_is_made_again(tmp_path: Path) -> None:
    tiny = ("--accounts", "5", "--days", "60", "--no-serve", "--folder", str(tmp_path / "demo"))
    whole = read("demo", *tiny)
    record = tmp_path / "demo" / RECORD
    record.write_text(json.dumps(json.loads(record.read_text()) | {"figures": None}))
    again = read("demo", *tiny)
    assert (again["events"], again["digest"]) == (whole["events"], whole["digest"])
    (tmp_path / "demo" / "lines.db").unlink()
    again = read("demo", *tiny)
    assert (again["events"], again["digest"]) == (whole["events"], whole["digest"])


def test_a_run_into_another_place_goes_on(tmp_path: Path) -> None:
    """Its store is not the demo's to delete: what is in it already counts once, and no rate is made of nothing."""
    tiny = ("--accounts", "5", "--days", "60", "--no-serve", "--folder", str(tmp_path / "demo"))
    elsewhere = ("--store", str(tmp_path / "elsewhere.db"))
    whole = read("demo", *tiny, *elsewhere)
    record = tmp_path / "demo" / RECORD
    record.write_text(json.dumps(json.loads(record.read_text()) | {"figures": None}))
    printed = linekeeper("demo", *tiny, *elsewhere)
    assert "every event was in the store already" in printed
    assert "\n0 events" not in printed
    assert read("demo", *tiny, *elsewhere)["digest"] == whole["digest"]


def test_nothing_is_deleted_in_a_folder_that_holds_no_demo(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    clear_folder(tmp_path)
    assert (tmp_path / "log").is_dir()
