"""A few random changes of each kind, and the faults that many of them once showed."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from linekeeper.journal.keeper import open_keeper
from linekeeper.journal.store import open_store
from tests.faults.changes import FAULTS, KINDS, contents, endings, restore
from tests.faults.proven import Proven, proven_store
from tests.kernel.conftest import _kernel_cache as _kernel_cache

FEW = 12


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Proven:
    return proven_store(tmp_path_factory.mktemp("changes"))


@pytest.fixture
def proven(made: Proven) -> Iterator[Proven]:
    """The store, whose folders are put back as they were after the test."""
    home = made.file.parent
    whole = contents(home)
    yield made
    restore(home, whole)


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_changes(proven: Proven, kind: str) -> None:
    assert [one for one in endings(proven, [kind], FEW, seed=0) if one.verdict in FAULTS] == []


def found(proven: Proven) -> str:
    return proven.found(proven.file) or ""


def test_a_public_key_that_is_not_the_logs_is_found(proven: Proven) -> None:
    """Whoever fetched it would take forged receipts for true ones."""
    key = proven.file.parent / "public" / "log.vkey"
    key.write_bytes(key.read_bytes().replace(b"example", b"exomple"))
    assert "the public key in" in found(proven)
    key.unlink()
    assert "the public key in" in found(proven)


@pytest.mark.parametrize("level", ["0", "entries"])
def test_a_tile_of_an_earlier_head_that_is_gone_is_found_and_made_anew(
    proven: Proven, tmp_path: Path, level: str
) -> None:
    """Until the full tile is there, whoever holds that head asks for this one and no other."""
    public = proven.file.parent / "public"
    earlier = min((public / "tile" / level).glob("*.p/*"), key=lambda path: int(path.name))
    data = earlier.read_bytes()
    earlier.unlink()
    assert "of an earlier head, is absent from the log" in found(proven)
    (public / "checkpoint").unlink()
    copy = tmp_path / "copy.db"
    shutil.copy(proven.file, copy)
    with closing(open_store(str(copy))) as store:
        open_keeper(proven.keys).publish(store)
    assert earlier.read_bytes() == data
    assert proven.found(copy) is None


def test_a_master_key_in_other_letters_is_refused(proven: Proven) -> None:
    master = proven.keys / "master.key"
    master.write_text(master.read_text("ascii").upper(), "ascii")
    assert "hex digits in small letters" in found(proven)


@pytest.mark.parametrize("level", ["0", "entries"])
def test_an_altered_tile_of_an_earlier_head_is_found(proven: Proven, level: str) -> None:
    """Whoever holds that head still asks for it."""
    earlier = min((proven.file.parent / "public" / "tile" / level).glob("*.p/*"), key=lambda path: int(path.name))
    data = bytearray(earlier.read_bytes())
    data[40] ^= 1
    earlier.write_bytes(data)
    assert "of an earlier head, is not how the tile began" in found(proven)


def test_settings_that_name_another_public_folder_are_found(proven: Proven) -> None:
    """An empty folder agrees with everything."""
    settings = proven.keys / "log.json"
    settings.write_bytes(settings.read_bytes().replace(b"public", b"publik"))
    assert "none is published where the settings of its keys say" in found(proven)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "UPDATE log_entries SET sealed = x'00' WHERE key IS NULL",
            "has only one of two: a sealed record, and",
        ),
        ("UPDATE log_entries SET sealed = NULL WHERE position = 5", "leaf 5 of the log has only one of two"),
        ("DELETE FROM log_heads WHERE size = (SELECT max(size) FROM log_heads)", "does not know the published head of"),
        ("UPDATE version_migrations SET day = -86363720", "that has not come, or never was"),
        ("UPDATE log_heads SET root = 'x' WHERE size = (SELECT max(size) FROM log_heads)", "is not the published one"),
        ("UPDATE reviews SET until_day = 1000047326 WHERE seq = 5", "day 1000047326, which is not in the calendar"),
        ("UPDATE utc_offsets SET from_at = 1 << 62 WHERE from_at = 733906800000", "`utc_offsets` are not those that"),
    ],
)
def test_a_change_by_sql_that_was_once_missed_is_found(
    proven: Proven, tmp_path: Path, statement: str, message: str
) -> None:
    copy = tmp_path / "copy.db"
    shutil.copy(proven.file, copy)
    with closing(sqlite3.connect(copy)) as store, store:
        store.execute(statement)
    assert message in (proven.found(copy) or "")


def test_a_schema_that_is_no_text_is_found(proven: Proven, tmp_path: Path) -> None:
    """SQLite quotes it in its message, which then is no text either."""
    copy = tmp_path / "copy.db"
    data = proven.file.read_bytes()
    place = data.index(b"CREATE INDEX events_account")
    copy.write_bytes(data[: place + 3] + b"\xeb" + data[place + 4 :])
    assert "cannot be opened: its schema is malformed" in (proven.found(copy) or "")


def test_a_file_that_is_no_tile_harms_nothing(proven: Proven) -> None:
    stray = Path(proven.file.parent / "public" / "tile" / "0" / "notes.p" / "todo")
    stray.parent.mkdir()
    stray.write_text("tidy up")
    assert proven.found(proven.file) is None
    shutil.rmtree(stray.parent)
