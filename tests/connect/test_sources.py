"""A source is a property of the feed: the same event counts once whatever its file is called, and two feeds are two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import linekeeper as lk
from linekeeper.cli.main import build
from linekeeper.connect.files import read_event_file
from linekeeper.connect.large_files import import_file
from linekeeper.connect.mapping_file import columns_of, load_columns
from linekeeper.core.errors import FileError, UsageError
from linekeeper.core.event import RejectionCode
from linekeeper.policy.load import load_file

POLICY = Path(__file__).parents[2] / "docs" / "examples" / "cash-line.yaml"
AT = "2025-03-0{day}T10:00:00+08:00"


def event(name: str, kind: str, day: int = 3, account: str = "A", **fields: Any) -> dict[str, Any]:
    return {"id": name, "account": account, "kind": kind, "at": AT.format(day=day), **fields}


OPEN = event("e1", "open", 2, limit=1_000_000)
DRAW = event("e2", "draw", amount=5_000)


def file_of(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


class Shell:
    """The command line over one store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, file: str, rows: list[dict[str, Any]], *options: str) -> dict[str, Any]:
        """What `run` says, as JSON, of a file of that name."""
        path = file_of(self.folder / file, rows)
        result = self.invoke("run", str(POLICY), str(path), "--store", str(self.folder / "s.db"), *options, "--json")
        answer: dict[str, Any] = json.loads(result)
        return answer

    def invoke(self, *words: str) -> str:
        result = CliRunner().invoke(build(), list(words), catch_exceptions=False)
        return result.stdout


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LINEKEEPER_SOURCE", raising=False)
    return Shell(tmp_path)


# ------------------------------------------------------------------ one source, many files


def test_the_same_events_under_another_name_count_once(shell: Shell) -> None:
    first = shell.run("may.jsonl", [OPEN, DRAW])
    again = shell.run("export (1).jsonl", [OPEN, DRAW, event("e3", "draw", amount=1)])
    assert (first["source"], first["events"], first["repeats"]) == ("main", 2, 0)
    assert (again["source"], again["events"], again["repeats"], again["rejected"]) == ("main", 1, 2, 0)


def test_another_event_under_a_known_id_is_a_conflict_whatever_its_file_is_called(shell: Shell) -> None:
    shell.run("may/events.jsonl".replace("/", "-"), [OPEN, DRAW])
    answer = shell.run("june-events.jsonl", [DRAW | {"amount": 7_000}, event("e3", "draw", amount=1)])
    assert (answer["conflicts"], answer["rejected"], answer["rejected_by_code"]) == (1, 1, {"id-conflict": 1})
    assert answer["events"] == 1


def test_a_reversal_finds_its_event_across_files_and_names_the_source_of_another(shell: Shell) -> None:
    shell.run("may.jsonl", [OPEN, DRAW])
    elsewhere = shell.run("june.jsonl", [event("r1", "reversal", 4, of="e2")], "--source", "branch", "--rejected", "r")
    assert elsewhere["rejected_by_code"] == {"refused-by-account": 1}
    assert json.loads(Path("r").read_text())["reason"] == (
        "`of` names an event of the source `main`, and this comes from `branch`; send it under `main`"
    )
    assert shell.run("june.jsonl", [event("r1", "reversal", 4, of="e2")])["events"] == 1


def test_a_person_reads_the_counts(shell: Shell) -> None:
    shell.run("may.jsonl", [OPEN, DRAW])
    path = file_of(Path("again.jsonl"), [OPEN, DRAW | {"amount": 1}])
    said = shell.invoke("run", str(POLICY), str(path), "--store", "s.db")
    assert "1 repeat of events that came before" in said
    assert "1 row was rejected, 1 of them for an id that came before for another event" in said


# ------------------------------------------------------------------ several sources


def test_the_same_event_of_another_source_is_refused_unless_told(shell: Shell) -> None:
    """The other system writes another hour of the day, and another source's own numbers mean other events."""
    shell.run("core.jsonl", [OPEN, DRAW], "--source", "core-banking")
    same = DRAW | {"at": "2025-03-03T23:59:00+08:00"}
    other = event("e1", "draw", amount=77)
    answer = shell.run("app.jsonl", [same, other], "--source", "app", "--rejected", "r")
    assert (answer["source"], answer["events"], answer["rejected_by_code"]) == (
        "app",
        1,
        {"event-of-another-source": 1},
    )
    (row,) = map(json.loads, Path("r").read_text().splitlines())
    assert row["code"] == "event-of-another-source"
    assert row["reason"] == (
        "the source `core-banking` gave this event before; if these are two, allow it (`--allow-other-source`)"
    )
    told = shell.run("app.jsonl", [same, other], "--source", "app", "--allow-other-source")
    assert (told["events"], told["repeats"], told["rejected"]) == (1, 1, 0)


@pytest.mark.parametrize(
    "change", [{"amount": 5_001}, {"account": "B"}, {"kind": "repay"}, {"at": "2025-03-04T00:00:00+08:00"}]
)
def test_what_differs_in_account_kind_day_or_amount_is_another_event(tmp_path: Path, change: dict[str, Any]) -> None:
    with lk.open(":memory:", POLICY) as engine:
        engine.receive([OPEN, event("B", "open", 2, "B", limit=1_000_000), DRAW], source="core")
        assert engine.receive([DRAW | change], source="app").rejected == ()
        assert engine.receive([DRAW], source="third").rejected_by_code == {"event-of-another-source": 1}


def test_python_counts_as_the_command_does() -> None:
    with lk.open(":memory:", POLICY) as engine:
        engine.receive([OPEN, DRAW])
        received = engine.receive([OPEN, DRAW | {"amount": 1}, event("e3", "draw", amount=1)])
        assert (received.repeats, received.conflicts, received.rejected_by_code) == (1, 1, {"id-conflict": 1})
        assert received.rejected[0].code is RejectionCode.CONFLICT
        assert engine.receive([DRAW], source="app").conflicts == 0
        assert engine.receive([DRAW], source="app", allow_other_source=True).rejected == ()


def test_the_page_lists_every_code_of_a_rejected_row() -> None:
    page = (POLICY.parents[1] / "reference" / "mapping.md").read_text("utf-8")
    listed = page.split("### What a rejected row is told by")[1].split("\n## ")[0]
    assert [line.split("`")[1] for line in listed.splitlines() if line.startswith("| `")] == list(RejectionCode)


# ------------------------------------------------------------------ who says the source


def test_an_option_goes_before_the_mapping_the_file_and_the_settings(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("m.yaml").write_text("source: core-banking\nmoney: minor\n")
    rows = [event(f"x{number}", "draw", amount=1) for number in range(6)]
    assert shell.run("a.jsonl", [OPEN])["source"] == "main"
    monkeypatch.setenv("LINEKEEPER_SOURCE", "ledger")
    assert shell.run("b.jsonl", rows[:1])["source"] == "ledger"
    assert shell.run("c.jsonl", rows[1:2], "--mapping", "m.yaml")["source"] == "core-banking"
    assert shell.run("d.jsonl", rows[2:3], "--mapping", "m.yaml", "--source", "app")["source"] == "app"
    monkeypatch.delenv("LINEKEEPER_SOURCE")
    Path("linekeeper.toml").write_text('source = "of-the-file"\n')
    assert shell.run("e.jsonl", rows[3:4])["source"] == "of-the-file"


def test_an_event_table_says_of_which_source_it_is(shell: Shell) -> None:
    file_of(Path("may.jsonl"), [OPEN, DRAW])
    Path("m.yaml").write_text("source: it's core\nmoney: minor\n")
    words = ("import", "jsonl", "may.jsonl", "--policy", str(POLICY), "-o", "may.parquet", "--json")
    assert json.loads(shell.invoke(*words, "--mapping", "m.yaml"))["source"] == "it's core"
    run = ("run", str(POLICY), "may.parquet", "--json", "--store")
    assert json.loads(shell.invoke(*run, "s1.db"))["source"] == "it's core"
    with lk.open(":memory:", POLICY) as engine:
        engine.receive(pq.read_table("may.parquet"))
        assert engine.receive([DRAW], source="it's core").repeats == 1
    assert json.loads(shell.invoke(*words, "--source", "app"))["source"] == "app"
    assert json.loads(shell.invoke(*run, "s2.db"))["source"] == "app"
    assert json.loads(shell.invoke(*words))["source"] is None
    assert json.loads(shell.invoke(*run, "s3.db"))["source"] == "main"


def test_files_of_different_sources_are_not_read_as_one(tmp_path: Path) -> None:
    policy, tables = load_file(POLICY), []
    for name in ("core", "app"):
        rows = file_of(tmp_path / f"{name}.jsonl", [OPEN])
        import_file(rows, policy, tmp_path / f"{name}.parquet", columns_of({"source": name}, "m.yaml"))
        tables.append(tmp_path / f"{name}.parquet")
    with pytest.raises(FileError, match="of different sources: `core` and `app`") as caught:
        import_file(tables, policy, tmp_path / "both.parquet")
    assert caught.value.code == "sources-differ"
    assert not (tmp_path / "both.parquet").exists()
    assert read_event_file(tables, policy, columns_of({"source": "all"}, "m.yaml")).source == "all"


@pytest.mark.parametrize("name", ["", " ", "person", "a\nb", "x" * 201, " core"])
def test_what_cannot_be_a_source(name: str, tmp_path: Path) -> None:
    with lk.open(":memory:", POLICY) as engine, pytest.raises(UsageError, match="cannot be the source") as caught:
        engine.receive([OPEN], source=name)
    assert caught.value.code == "source-not-usable"
    with pytest.raises(FileError, match="is the name of the source"):
        columns_of({"source": name}, "m.yaml")


# ------------------------------------------------------------------ files without ids


CSV = """account,at,kind,limit,amount
A,2025-03-02T10:00:00+08:00,open,1000000,
A,2025-03-03T10:00:00+08:00,draw,,5000
A,2025-03-03T10:00:00+08:00,draw,,5000
"""
TEMPLATES = """ids: made
money: minor
events:
  - {kind: open, when: kind = "open", account: account, at: at, limit: limit}
  - {kind: draw, when: kind = "draw", account: account, at: at, amount: amount}
"""


@pytest.mark.parametrize("mapping", ["ids: made\n", TEMPLATES], ids=["columns", "events"])
def test_made_ids_count_two_equal_rows_twice_and_a_file_once(shell: Shell, mapping: str) -> None:
    Path("m.yaml").write_text(mapping)
    Path("may.csv").write_text(CSV)
    run = ("run", str(POLICY), "--mapping", "m.yaml", "--store", "s.db", "--json")
    first = json.loads(shell.invoke(*run, "may.csv"))
    assert (first["events"], first["repeats"], first["rejected"]) == (3, 0, 0)
    Path("copy of may.csv").write_text(CSV)
    assert json.loads(shell.invoke(*run, "copy of may.csv"))["repeats"] == 3
    later = "A,2025-03-04T10:00:00+08:00,draw,,5000\n"
    Path("june.csv").write_text(CSV.splitlines()[0] + "\n" + later + "\n".join(CSV.splitlines()[1:]) + "\n")
    longer = json.loads(shell.invoke(*run, "june.csv"))
    assert (longer["events"], longer["repeats"], longer["rejected"]) == (1, 3, 0)


def test_made_ids_are_counted_in_each_file_by_itself(tmp_path: Path) -> None:
    """Two files that are read together, one a copy of the other: each event counts once, and equal rows as often."""
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(CSV)
    (tmp_path / "m.yaml").write_text("ids: made\n")
    columns, policy = load_columns(tmp_path / "m.yaml"), load_file(POLICY)
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    intake = read_event_file(files, policy, columns)
    assert (intake.table.num_rows, intake.same) == (3, 3)
    summary = import_file(files, policy, tmp_path / "out.parquet", columns)
    assert summary.same == 3
    assert sorted(pq.read_table(tmp_path / "out.parquet")["id"].to_pylist()) == sorted(intake.table["id"].to_pylist())


def test_a_file_without_ids_says_what_can_be_done(tmp_path: Path) -> None:
    (tmp_path / "may.csv").write_text(CSV)
    with pytest.raises(FileError, match=r"has no column `id`.*a mapping can say `ids: made`"):
        read_event_file(tmp_path / "may.csv", load_file(POLICY))


@pytest.mark.parametrize(
    ("mapping", "fault"),
    [
        ({"ids": "rows"}, "`ids` of `m.yaml` is `made`"),
        ({"ids": "made", "constant": {"id": "x"}}, "and `constant` has an `id`"),
        ({"ids": "made", "events": [{"kind": "draw", "id": "ref", "account": "a"}]}, "and `draw` has an `id`"),
        (
            {"events": [{"kind": "draw", "id": 'file() & "-" & row()'}]},
            "names the file, so the same file under another",
        ),
        ({"events": [{"kind": "draw", "id": "part(lower(file()), 1, 4)"}]}, "names the file"),
    ],
)
def test_ids_that_would_not_hold_are_refused(mapping: dict[str, Any], fault: str) -> None:
    with pytest.raises(FileError) as caught:
        columns_of(mapping, "m.yaml")
    assert fault in str(caught.value)
