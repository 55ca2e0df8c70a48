"""Files that survive a power cut: each is written whole or not at all, and is on the disk when the call returns."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from linekeeper.journal.log.errors import LogError

_WRITERS = 4  # side by side, file systems put many syncs into one


def write(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace one file: it holds either the old bytes or the new ones, whatever happens."""
    write_all({path: data}, mode)


def write_new(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Make a file that was not there. Raises FileExistsError where one is, even one that came just now.

    A process that is killed meanwhile may leave the file cut short; what is there is never replaced.
    """
    made = _make_folders({path.parent})
    _write_synced(path, data, os.O_EXCL, mode)
    for folder in made | {path.parent}:
        _sync_folder(folder)


def write_all(files: Mapping[Path, bytes], mode: int = 0o644) -> None:
    """Replace many files, each whole or not at all; all are durable when this returns."""
    made = _make_folders({path.parent for path in files})
    with ThreadPoolExecutor(min(_WRITERS, len(files) or 1)) as writers:
        staged = list(writers.map(lambda path: _stage(path, files[path], mode), files))
    for temporary, path in zip(staged, files, strict=True):
        os.replace(temporary, path)
    # A rename is an entry in a folder, and that entry has to reach the disk as well.
    for folder in made | {path.parent for path in files}:
        _sync_folder(folder)


def _stage(path: Path, data: bytes, mode: int) -> Path:
    """Write the bytes beside `path` and return where."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    _write_synced(temporary, data, os.O_TRUNC, mode)  # before the rename: else a power cut could leave an empty file
    return temporary


def _write_synced(path: Path, data: bytes, flag: int, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flag, mode)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _make_folders(folders: Iterable[Path]) -> set[Path]:
    """Make what is absent; the folders whose listing has changed."""
    changed = set()
    for folder in folders:
        missing = folder
        while not missing.exists():
            changed.add(missing.parent)
            missing = missing.parent
        folder.mkdir(parents=True, exist_ok=True)
    return changed


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, busy: str) -> Iterator[None]:
    """Hold the lock file `path` alone; LogError saying `busy` where another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            # The system releases this lock when the process ends, however it ends, so none is ever left behind.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LogError(busy, code="log-busy", place=str(path)) from None
        yield
    finally:
        os.close(descriptor)
