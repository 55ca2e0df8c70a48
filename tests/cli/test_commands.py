"""The commands as a person gives them: real files, real stores, exit codes, JSON lines."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from linekeeper.cli.main import MODULES, app, build
from linekeeper.core.errors import LinekeeperError
from linekeeper.journal.store import open_store
from linekeeper.lab.outcome import outcome_by_grade, restriction_grade
from linekeeper.texts.material import shipped

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
POLICY, EVENTS = str(EXAMPLES / "cash-line.yaml"), str(EXAMPLES / "cash-line.jsonl")
RUNNER = CliRunner()
build()


def linekeeper(*arguments: str, code: int = 0) -> str:
    """What a command prints on standard output."""
    result = RUNNER.invoke(app, list(arguments))
    if isinstance(result.exception, LinekeeperError):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def read(*arguments: str, code: int = 0) -> Any:
    """The JSON line of a command."""
    return json.loads(linekeeper(*arguments, "--json", code=code).splitlines()[-1])


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A store with the tutorial's borrower, reviewed to the end of the year."""
    url = str(tmp_path / "lines.db")
    linekeeper("run", POLICY, EVENTS, "--store", url)
    linekeeper("review", "--store", url, "--until", "2025-12-31")
    return url


def test_the_tutorial_from_run_to_verify(store: str) -> None:
    shown = read("show", "A-1001", "--store", store)
    assert [d["action"] for d in shown["decisions"]] == ["decrease", "restore", "restore", "restore"]
    assert shown["limit_minor"] == shown["granted_minor"] == 1_000_000
    told = read("explain", "A-1001#1", "--store", store)
    assert told["decision"]["triggers_set"] == ["late_3"]
    assert told["triggers"][0]["comparisons"][0]["value"] == "3d"
    assert read("verify", "--store", store)["same"] is True
    assert "restore" in linekeeper("explain", "A-1001", "--store", store)
    assert "█" in linekeeper("show", "A-1001", "--store", store)


def test_text_of_data_is_printed_as_it_stands(tmp_path: Path) -> None:
    """An account and a kind that look like markup: the account keeps its name, the kind is rejected by its name."""
    url, events = str(tmp_path / "lines.db"), tmp_path / "events.jsonl"
    event = json.loads(Path(EVENTS).read_text("utf-8").splitlines()[0]) | {"account": "[bold]C"}
    rows = (event, event | {"id": "of-no-kind", "kind": "[/b]"})
    events.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert "[/b]" in linekeeper("run", POLICY, str(events), "--store", url)
    assert linekeeper("show", "[bold]C", "--store", url).startswith("[bold]C ")
    assert "line of [bold]C is not held down" in linekeeper("road", "[bold]C", "--store", url)
    assert read("verify", "--store", url)["same"] is True


def test_run_and_replay_say_the_same(tmp_path: Path) -> None:
    url = str(tmp_path / "lines.db")
    ran = read("run", POLICY, EVENTS, "--store", url, "--until", "2025-12-31")
    output = str(tmp_path / "decisions.parquet")
    replayed = read("replay", POLICY, EVENTS, "--until", "2025-12-31", "-o", output)
    for name in ("accounts", "events", "rejected", "decisions", "digest", "evaluations"):
        assert ran[name] == replayed[name], name
    assert read("run", POLICY, EVENTS, "--store", url)["events"] == 0
    assert Path(output).stat().st_size > 1_000


def test_a_changed_record_is_found_with_exit_code_3(store: str) -> None:
    opened = open_store(store)
    with opened.writing() as connection:
        connection.exec_driver_sql("UPDATE decisions SET hash = '00' WHERE number = 2")
    opened.close()
    verdict = read("verify", "--store", store, code=3)
    assert verdict["same"] is False
    assert "decision 2 of `A-1001`" in verdict["first_difference"]


def test_check_tells_all_faults_with_exit_code_1() -> None:
    verdict = read("check", str(EXAMPLES / "faulty.yaml"), code=1)
    assert [(fault["line"], fault["column"]) for fault in verdict["faults"]] == [(6, 51), (7, 56), (8, 19)]
    assert read("check", POLICY)["ok"] is True


def test_the_shipped_policies_are_sound_and_formatted() -> None:
    paths = [str(shipped("consumer-loan.yaml")), str(shipped("credit-card.yaml"))]
    linekeeper("fmt", "--check", *paths)
    assert json.loads(linekeeper("schema"))["title"] == "Linekeeper policy"


def test_a_store_keeps_to_its_policy(store: str) -> None:
    with pytest.raises(LinekeeperError, match="use another `--store`"):
        linekeeper("run", str(shipped("credit-card.yaml")), EVENTS, "--store", store)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "nobody"), "the account `nobody` is not known"),
        (("explain", "A-1001#99"), "there is no decision `A-1001#99`"),
        (("authorise", "A-1001", "lots", "--at", "2025-12-01T00:00+08:00"), "`lots` is not an amount"),
        (("review", "--until", "tomorrow"), "`tomorrow` is not a day"),
    ],
)
def test_what_cannot_be_done_says_why(store: str, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(LinekeeperError, match=message):
        linekeeper(*arguments, "--store", store)


def test_a_draw_is_answered(store: str) -> None:
    at = ("--at", "2025-12-30T00:00+08:00", "--store", store)
    assert read("authorise", "A-1001", "10", *at)["allowed"] is True
    denied = read("authorise", "A-1001", "1000000", *at)
    assert (denied["allowed"], denied["reasons"], denied["rules"]) == (False, ["over_limit"], [])
    assert (denied["amount_minor"], denied["currency"]) == (100_000_000, "CNY")


def test_bad_rows_are_set_aside_and_the_rest_goes_on(tmp_path: Path) -> None:
    lines = Path(EVENTS).read_text("utf-8").splitlines()
    lines[2:2] = [
        '{"id": "x", "account": "A-1001", "kind": "draw", "at": "9999-01-01T00:00:00Z", "amount": 1}',
        "{nonsense",
    ]
    mixed, aside = tmp_path / "mixed.jsonl", tmp_path / "aside.jsonl"
    mixed.write_text("\n".join(lines), "utf-8")
    ran = read("run", POLICY, str(mixed), "--store", str(tmp_path / "a.db"), "--rejected", str(aside))
    assert (ran["rejected"], ran["events"]) == (2, len(lines) - 2)
    assert [json.loads(line)["place"] for line in aside.read_text("utf-8").splitlines()] == ["line 3", "line 4"]


def test_the_command_line_imports_nothing_heavy() -> None:
    """Commands load what they need when they run; the help must not wait for llvmlite or pyarrow."""
    script = "import sys, linekeeper.cli.main as main; main.build(); print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    for heavy in ("llvmlite", "pyarrow", "sqlalchemy", "duckdb", "lark", "alembic", "lightgbm", "numpy"):
        assert f"'{heavy}'" not in loaded
    assert len(MODULES) == len(set(MODULES))


def test_grades_of_an_outcome() -> None:
    assert restriction_grade("suspended", 100, 100) == "suspended"
    found = outcome_by_grade([], {"A": (100, True), "B": (50, False)})
    assert (found.rows[0].bad, found.rows[0].good, found.rows[0].bad_granted) == (1, 1, 100)
    assert found.restricted("bad") == 0


def test_a_policy_with_a_dead_end_is_refused_with_a_witness(tmp_path: Path) -> None:
    """Cleared only by on-time payments, which a closed line that owes nothing can never make."""
    path = tmp_path / "trap.yaml"
    path.write_text(
        """
policy: trap
version: 1
currency: CNY
time_zone: UTC
triggers:
  late: {when: days_past_due >= 90, clear: on_time_streak >= 3, close: yes, reason: arrears}
restoration: {first: 50%, step: 25%, every: 30d}
""",
        "utf-8",
    )
    verdict = read("check", str(path), code=1)
    assert verdict["faults"] == []
    assert "`late`" in verdict["dead_ends"][str(path)][0]
    assert read("check", str(path), "--quick")["ok"] is True
