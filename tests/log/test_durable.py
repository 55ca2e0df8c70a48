"""Files that are written whole or not at all: what a process that was killed leaves beside them does not stay."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from linekeeper.journal.log import durable

OF_ANOTHER = ".other.1234.new"  # as a process names what it writes beside `other`


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_process_left_is_cleared_by_the_next_that_writes_there(tmp_path: Path) -> None:
    (tmp_path / OF_ANOTHER).write_bytes(b"cut sh")
    (tmp_path / ".other.new").write_bytes(b"somebody's own")
    durable.write(tmp_path / "file", b"whole")
    assert names(tmp_path) == [".other.new", "file"]
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_what_another_process_is_writing_stays(tmp_path: Path) -> None:
    with (tmp_path / OF_ANOTHER).open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        durable.write(tmp_path / "file", b"whole")
        assert names(tmp_path) == [OF_ANOTHER, "file"]


def test_a_write_that_fails_leaves_nothing_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            durable.write(tmp_path / "file", b"whole")
    durable.write(tmp_path / "other", b"whole")
    assert names(tmp_path) == ["other"]


def test_a_file_that_is_cleared_before_it_is_held_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, cleared = fcntl.flock, list[Path]()

    def late(descriptor: int, how: int) -> None:
        if not cleared:
            cleared.extend(tmp_path.glob(".file.*.new"))
            cleared[0].unlink()
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    durable.write(tmp_path / "file", b"whole")
    assert len(cleared) == 1
    assert (tmp_path / "file").read_bytes() == b"whole"
