"""What a shell completes: through the interface that shells use, against real stores and files."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from linekeeper.cli.completion import ACCOUNTS_OFFERED
from linekeeper.cli.main import build
from tests.brake.bank import everyone_late, openings
from tests.brake.commands import run_feed


def completed(line: str) -> list[str]:
    """What a shell offers for the last word of a command line."""
    place = len(line.split(" ")) - 1
    variables = {"_LINEKEEPER_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(place)}
    result = CliRunner().invoke(build(), [], prog_name="linekeeper", env=variables)
    assert (result.stderr, result.exit_code) == ("", 0)
    return result.stdout.split()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Sixty lines in a store of the working folder, beside other files."""
    monkeypatch.chdir(tmp_path)
    run_feed(tmp_path, "openings", openings(60))
    run_feed(tmp_path, "feed", everyone_late(3, 5))
    (tmp_path / "below").mkdir()
    (tmp_path / "notes.txt").write_text("")
    return "bank.db"


def test_commands_are_completed_by_their_present_names() -> None:
    assert completed("linekeeper acc") == ["accounts"]
    assert completed("linekeeper hel") == []
    assert completed("linekeeper pending re") == ["release", "refuse"]
    assert completed("linekeeper log export --fr") == ["--from"]


def test_a_store_is_a_file_that_looks_like_one_or_a_folder_on_the_way(store: str) -> None:
    assert completed("linekeeper show --store b") == ["bank.db", "below/"]
    assert completed("linekeeper show --store n") == []
    assert completed("linekeeper show --store nowhere/") == []


def test_accounts_come_from_the_store_that_is_named(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tens = [f"A01{digit}" for digit in range(10)]
    assert completed(f"linekeeper show --store {store} A01") == tens
    assert completed(f"linekeeper explain --store {store} A01") == tens
    assert len(completed(f"linekeeper show --store {store} A")) == ACCOUNTS_OFFERED
    monkeypatch.setenv("LINEKEEPER_STORE", store)
    assert completed("linekeeper show A01") == tens
    assert completed("linekeeper pending release A059") == ["A059"]
    Path("linekeeper.toml").write_text(f'store = "{store}"\n')
    monkeypatch.delenv("LINEKEEPER_STORE")
    assert completed("linekeeper show A059") == ["A059"]


def test_without_a_store_nothing_is_offered_and_none_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert completed("linekeeper show A") == []
    assert completed("linekeeper show --store none.db A") == []
    Path("linekeeper.toml").write_text("store =")
    assert completed("linekeeper show A") == []
    assert [path.name for path in tmp_path.iterdir()] == ["linekeeper.toml"]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("linekeeper accounts --status s", ["suspended"]),
        ("linekeeper decisions --action de", ["decrease", "deny"]),
        ("linekeeper notice A --lang ", ["en", "zh"]),
        ("linekeeper import par", ["parquet"]),
    ],
)
def test_the_words_of_a_choice(line: str, offered: list[str]) -> None:
    assert completed(line) == offered
