"""A damaged write-ahead log never drops silently what was acknowledged."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

import linekeeper as lk
from linekeeper.core.errors import StoreError
from linekeeper.engine.engine import Engine
from linekeeper.journal import write_ahead_log
from linekeeper.journal.store import open_store
from linekeeper.journal.write_ahead_log import HEADER_BYTES, READS, broken_frame
from linekeeper.policy.load import load_text
from tests.engine.test_excess_draws import TEXT

EVENTS = 40
UNTOLD = 2  # damage in the last of the transactions looks like a power cut in the middle of it


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store as a crash leaves it: each of its events was acknowledged, and stands in the write-ahead log alone."""
    folder = tmp_path_factory.mktemp("crashed")
    with closing(open_store(str(folder / "lines.db"))) as store:
        engine = lk.Engine(Engine(store, load_text(TEXT)))
        with closing(sqlite3.connect(folder / "lines.db")) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            for number in range(EVENTS):
                row = {"id": f"{number}", "account": f"a{number % 5}", "at": f"2024-05-{1 + number // 5:02}T00:00:00Z"}
                engine.receive(
                    [row | ({"kind": "open", "limit": 1_000} if number < 5 else {"kind": "draw", "amount": 1})]
                )
        (folder / "crashed").mkdir()
        for name in ("lines.db", "lines.db-wal"):
            shutil.copy(folder / name, folder / "crashed" / name)
    return folder / "crashed"


def events_in(crashed: Path, folder: Path, log: bytes) -> int:
    """How many events the store has with that write-ahead log."""
    shutil.copy(crashed / "lines.db", folder / "lines.db")
    (folder / "lines.db-wal").write_bytes(log)
    with closing(open_store(str(folder / "lines.db"))) as store, store.reading() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM events").scalar_one())


@pytest.mark.parametrize("seed", range(40))
def test_a_flipped_bit_is_found_or_costs_nothing(crashed: Path, tmp_path: Path, seed: int) -> None:
    log, rng = bytearray((crashed / "lines.db-wal").read_bytes()), Random(seed)
    log[rng.randrange(len(log))] ^= 1 << rng.randrange(8)
    try:
        kept = events_in(crashed, tmp_path, bytes(log))
    except StoreError as error:
        found = error.code
        kept = EVENTS if (tmp_path / "lines.db-wal").read_bytes() == log else 0  # nothing is lost by having asked
    else:
        found = "write-ahead-log-damaged"
    assert (found, kept >= EVENTS - UNTOLD) == ("write-ahead-log-damaged", True)


def test_a_damaged_header_is_found(crashed: Path, tmp_path: Path) -> None:
    log = (crashed / "lines.db-wal").read_bytes()
    for place in range(HEADER_BYTES):
        assert broken_frame(log[:place] + bytes([log[place] ^ 1]) + log[place + 1 :]) is not None
    assert broken_frame(bytes(len(log))) is None  # a power cut left zeros: nothing had been written yet


@pytest.mark.parametrize("seed", range(20))
def test_a_power_cut_is_no_damage(crashed: Path, tmp_path: Path, seed: int) -> None:
    """The log ends anywhere, and of the last transaction's pages some are not written: it was not acknowledged."""
    log, rng = (crashed / "lines.db-wal").read_bytes(), Random(seed)
    cut = rng.randrange(len(log))
    assert events_in(crashed, tmp_path, log[:cut]) <= EVENTS


def test_a_log_that_is_begun_anew_meanwhile_is_read_again(
    crashed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = (crashed / "lines.db-wal").read_bytes()
    given = [log[:100] + b"x" + log[101:], log]
    monkeypatch.setattr(write_ahead_log, "_bytes_in", lambda path: given.pop(0))
    shutil.copy(crashed / "lines.db", tmp_path / "lines.db")
    (tmp_path / "lines.db-wal").write_text("")
    open_store(str(tmp_path / "lines.db")).close()
    assert (given, READS > 1) == ([], True)
