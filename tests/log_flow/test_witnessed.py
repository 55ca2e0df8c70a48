"""A log with witnesses, by its commands: their word is demanded, and what comes back from a backup is refused."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from linekeeper.core.errors import LinekeeperError
from linekeeper.journal.log.note import COSIGNATURE, SigningKey, Verifier
from linekeeper.journal.log.witness import Witness, serve
from tests.cli.test_commands import EVENTS, POLICY, linekeeper, read


@pytest.fixture
def log(tmp_path: Path) -> tuple[str, ...]:
    """The options for a store with a log that is not published yet."""
    at = ("--store", str(tmp_path / "lines.db"), "--keys", str(tmp_path / "keys"))
    linekeeper("log", "init", *at[2:], "--folder", str(tmp_path / "public"), "--name", "example.com/lines")
    linekeeper("run", POLICY, EVENTS, *at)
    return at


@pytest.fixture
def witness(log: tuple[str, ...], tmp_path: Path) -> Iterator[str]:
    """A running witness of the log, as `--witness` of `log publish` names it."""
    key = SigningKey("witness.example/w", b"w" * 32, COSIGNATURE)
    vkey = Verifier.parse((tmp_path / "public" / "log.vkey").read_text())
    keep(tmp_path / "w.vkey", key.verifier)
    with serve(Witness(key, tmp_path / "heads", {vkey.name: vkey})) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"{tmp_path / 'w.vkey'}=http://127.0.0.1:{server.server_port}/add-checkpoint"
        server.shutdown()
        thread.join()


def keep(path: Path, verifier: Verifier) -> None:
    """A public key in a file that nobody else may write to."""
    path.write_text(f"{verifier.vkey}\n")
    path.chmod(0o644)


def test_a_receipt_can_demand_witnesses(log: tuple[str, ...], witness: str, tmp_path: Path) -> None:
    linekeeper("log", "publish", *log)
    receipt, vkey = str(tmp_path / "r.tlog-proof"), ("--vkey", str(tmp_path / "public" / "log.vkey"))
    named = ("--witness", witness.partition("=")[0])
    make = ("receipt", "make", "A-1001#1", "--output", receipt, *log)
    linekeeper(*make)
    assert read("receipt", "verify", receipt, *vkey)["holds"] is True
    assert read("receipt", "verify", receipt, *vkey, *named, code=3)["error"] == "cosignature-missing"
    linekeeper("log", "publish", "--witness", witness, *log)  # no new leaf, and yet the head is cosigned
    linekeeper(*make)
    assert read("receipt", "verify", receipt, *vkey, *named)["holds"] is True
    assert "cosigned by witness.example/w at 20" in linekeeper("receipt", "verify", receipt, *vkey, *named)
    keep(tmp_path / "other.vkey", SigningKey("other.example", b"o" * 32, COSIGNATURE).verifier)
    both = (*named, "--witness", str(tmp_path / "other.vkey"))
    refused = read("receipt", "verify", receipt, *vkey, *both, code=3)
    assert (refused["error"], "`other.example`" in refused["why"]) == ("cosignature-missing", True)
    for demanded in ((), named):
        checked = read("receipt", "check-all", "--flip", *demanded, *log)
        assert checked["receipts"] == checked["accepted"] == checked["flipped"] == checked["flipped_refused"] > 0
    assert read("receipt", "check-all", *both, *log, code=3)["accepted"] == 0


def remove(store: Path) -> None:
    """Remove a store with the files that SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{store}{suffix}").unlink(missing_ok=True)


def test_the_log_of_a_store_that_was_put_back_is_not_published(log: tuple[str, ...], tmp_path: Path) -> None:
    """It grew to more leaves than were published, and they are others."""
    store, backup, half = tmp_path / "lines.db", tmp_path / "backup.db", tmp_path / "half.jsonl"
    lines = Path(EVENTS).read_text("utf-8").splitlines(keepends=True)
    half.write_text("".join(lines[: len(lines) // 2]), "utf-8")
    remove(store)
    linekeeper("run", POLICY, str(half), *log)
    with sqlite3.connect(store) as connection:
        connection.execute("VACUUM INTO ?", [str(backup)])
    connection.close()
    linekeeper("run", POLICY, EVENTS, *log)
    linekeeper("log", "publish", *log)
    remove(store)
    shutil.copy(backup, store)
    linekeeper("run", POLICY, EVENTS, *log)
    with pytest.raises(LinekeeperError) as refused:
        linekeeper("log", "publish", *log)
    assert refused.value.code == "store-not-as-published"
    assert read("log", "status", *log, code=3)["error"] == "entry-altered"


def test_a_missing_tile_is_a_difference(log: tuple[str, ...], tmp_path: Path) -> None:
    linekeeper("log", "publish", *log)
    [tile] = (tmp_path / "public" / "tile" / "0" / "000.p").iterdir()
    tile.unlink()
    assert read("log", "status", *log, code=3)["error"] == "tile-missing"
    with pytest.raises(LinekeeperError) as refused:
        linekeeper("log", "publish", *log)
    assert refused.value.code == "tile-missing"
