"""`linekeeper import`, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from linekeeper.cli.import_commands import register
from linekeeper.connect.event_table import read_events
from linekeeper.core.errors import LinekeeperError

POLICY = """
policy: tiny
version: 1
currency: CNY
time_zone: Asia/Shanghai
triggers: {late: {when: days_past_due >= 30, suspend: yes, reason: arrears}}
"""
CSV = "nr,account,kind,at,amount\n1,A,draw,10,5.50\n2,B,draw,5,-1\n1,A,draw,10,5.50\n3,B,repay,7,2\n"


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return app


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("policy.yaml").write_text(POLICY)
    Path("mapping.yaml").write_text("money: major\n")
    Path("events.csv").write_text(CSV)
    return tmp_path


COMMAND = [
    "import",
    "csv",
    "events.csv",
    "policy.yaml",
    "-o",
    "out.parquet",
    "--map",
    "nr=id",
    "--mapping",
    "mapping.yaml",
]


def test_one_line_of_json_says_it_all(app: typer.Typer, folder: Path) -> None:
    result = CliRunner().invoke(app, [*COMMAND, "--json"], catch_exceptions=False)
    (line,) = result.stdout.splitlines()
    summary = json.loads(line)
    assert summary.pop("seconds") >= 0
    assert summary == {
        "schema": "linekeeper/import/1", "output": "out.parquet", "repeats": 1, "labels": None, "accounts": 2,
        "events": 2, "by_kind": {"draw": 1, "repay": 1}, "rejected": 1, "rejected_file": "out.rejected.jsonl",
        "skipped": 0, "notes": [],
        "source": None, "conflicts": 0, "rejected_by_code": {"not-valid": 1},
    }  # fmt: skip
    assert read_events(folder / "out.parquet")["amount"].to_pylist() == [200, 550]
    (aside,) = (folder / "out.rejected.jsonl").read_text().splitlines()
    assert json.loads(aside) == {
        "schema": "linekeeper/rejected-row/1",
        "place": "line 3",
        "reason": "`amount` is '-1', out of bounds; it may lie from 0 to 10^15",
        "code": "not-valid",
    }


def test_a_person_is_told_in_words(app: typer.Typer, folder: Path) -> None:
    result = CliRunner().invoke(app, COMMAND, catch_exceptions=False)
    assert "2 events of 2 accounts" in result.stdout
    assert "1 repeat of the same event dropped" in result.stdout
    assert "1 row was rejected, listed in out.rejected.jsonl:" in result.stdout
    assert "line 3: `amount` is '-1'" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["import", "csv", "events.csv"], "a policy is needed"),
        (["import", "csv", "none.csv", "policy.yaml"], "there is no file `none.csv`"),
        (["import", "csv", "events.csv", "policy.yaml", "-o", "no/where.parquet"], "there is no folder `no`"),
        (["import", "csv", "events.csv", "policy.yaml"], "has a column `nr` that no kind of the policy has"),
        (["import", "csv", "events.csv", "policy.yaml", "--map", "nr"], "`nr` is no mapping"),
        (["import", "taiwan", "events.csv"], "cannot be read as Parquet"),
        (["import", "taiwan", "events.csv", "policy.yaml"], "`taiwan` has its own columns"),
    ],
)
def test_what_cannot_be_done_leaves_nothing_behind(
    app: typer.Typer, folder: Path, arguments: list[str], reason: str
) -> None:
    before = sorted(folder.iterdir())
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, LinekeeperError)
    assert reason in str(result.exception)
    assert sorted(folder.iterdir()) == before


@pytest.mark.data
def test_taiwan_comes_with_its_labels_apart(app: typer.Typer, folder: Path, data_dir: Path) -> None:
    source = str(data_dir / "taiwan_credit_card/taiwan_credit_card.parquet")
    result = CliRunner().invoke(app, ["import", "taiwan", source, "-o", "t.parquet", "--json"], catch_exceptions=False)
    summary = json.loads(result.stdout)
    assert (summary["accounts"], summary["by_kind"]["repay"], summary["by_kind"]["draw"]) == (30_000, 143_103, 131_033)
    assert summary["labels"] == "t.labels.parquet"
    assert pq.read_table(folder / "t.labels.parquet").num_rows == 30_000
