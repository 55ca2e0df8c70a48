"""A value of another type than its column's, which SQLite lets in: whatever command meets it says where it stands."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pytest

from linekeeper.cli.main import as_error
from linekeeper.journal import store as journal
from tests.cli.test_commands import linekeeper, read
from tests.log_flow.logged import Logged

# Where another hand writes what, and a command that meets it.
ALTERED: list[tuple[str, str, object, tuple[str, ...]]] = [
    ("accounts", "account", b"\xff\xfe", ("accounts",)),
    ("accounts", "policy", b"\xff\xfe", ("accounts",)),
    ("events", "at", "x", ("features", "--day", "2025-05-20")),
    ("events", "arrived", "x", ("events",)),
    ("log_entries", "entry", 5, ("log", "status")),
    ("log_tail", "size", "x", ("show", "A")),
    ("policies", "digest", b"\xff\xfe", ("versions",)),
    ("policies", "text", b"\xff\xfe", ("show", "A")),
    ("reviews", "until_day", "x", ("notice", "A#1")),
    ("utc_offsets", "offset_ms", "x", ("authorise", "A", "10", "--at", "2025-12-31T09:00+08:00")),
]


@pytest.fixture
def logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Logged:
    """A store with a log, in a process that has opened no other."""
    monkeypatch.setattr(journal, "_OPENED", WeakSet())
    made = Logged.make(f"sqlite:///{tmp_path / 'lines.db'}", tmp_path, ("A",))
    made.store.close()
    return made


def alter(logged: Logged, table: str, column: str, value: object) -> int:
    """Write the value into the last row of the table; its number."""
    with closing(sqlite3.connect(logged.url.removeprefix("sqlite:///"))) as file, file:
        row = int(file.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0])
        file.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, row))
    return row


@pytest.mark.parametrize(("table", "column", "value", "command"), ALTERED)
def test_a_command_names_the_table_and_the_row(
    logged: Logged, table: str, column: str, value: object, command: tuple[str, ...]
) -> None:
    row = alter(logged, table, column, value)
    takes_keys = command[0] in ("log", "notice")
    at: Any = logged.at if takes_keys else ("--store", logged.url)
    with pytest.raises(Exception) as ended:  # noqa: PT011 (what it is of, nobody foresees)
        linekeeper(*command, *at)
    error = as_error(ended.value)
    assert error.code == "stored-value-not-readable"
    assert f"`{column}` in row {row} of `{table}` is of another type than its column" in error.message
    assert error.details == {"table": table, "column": column, "row": row}
    found = read("verify", "--store", logged.url, code=3)["first_difference"]
    assert f"`{column}` in row {row} of `{table}`" in found


def test_a_fault_of_the_program_stays_one(logged: Logged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is open, and sound, explains nothing."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    linekeeper("show", "A", "--store", logged.url)
    assert as_error(KeyError("x")).code == "program-failed"
