"""Files that survive a power cut: each is written whole or not at all, and is on the disk when the call returns."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from linekeeper.core.bounded import put_in_place
from linekeeper.journal.log.errors import LogError

_WRITERS = 4  # side by side, file systems put many syncs into one
_BESIDE = re.compile(r"\..+\.\d+\.new")  # what is written beside a file, until it takes its place


def write(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace one file: it holds either the old bytes or the new ones, whatever happens."""
    write_all({path: data}, mode)


def write_new(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Make a file that was not there. Raises FileExistsError where one is, even one that came just now.

    A process that is killed meanwhile may leave the file cut short; what is there is never replaced.
    """
    made = _make_folders({path.parent})
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        _write_synced(file, data)
    for folder in made | {path.parent}:
        _sync_folder(folder)


def write_all(files: Mapping[Path, bytes], mode: int = 0o644) -> None:
    """Replace many files, each whole or not at all; all are durable when this returns."""
    folders = {path.parent for path in files}
    made = _make_folders(folders)
    for folder in folders:
        _clear_left(folder)
    with ExitStack() as stack, ThreadPoolExecutor(min(_WRITERS, len(files) or 1)) as writers:
        staged = {path: stack.enter_context(_beside(path, mode)) for path in files}
        # Before the rename: else a power cut could leave an empty file.
        list(writers.map(lambda path: _write_synced(staged[path][1], files[path]), files))
        for path, (temporary, _) in staged.items():
            put_in_place(temporary, path)
    # A rename is an entry in a folder, and that entry has to reach the disk as well.
    for folder in made | folders:
        _sync_folder(folder)


@contextmanager
def _beside(path: Path, mode: int) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file beside `path`, and where it is; it is held until it has taken that place."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    while True:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            break
        os.close(descriptor)  # between those two calls, it was taken for one that was left
    with open(descriptor, "wb") as file:
        yield temporary, file


def _clear_left(folder: Path) -> None:
    """Remove what a process left that was killed while it wrote there; the system took its hold on them with it."""
    for left in [path for path in folder.iterdir() if _BESIDE.fullmatch(path.name)]:
        with suppress(OSError):  # somebody is at it, or it has taken its place, or it is nobody's that we may touch
            descriptor = os.open(left, os.O_WRONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
            finally:
                os.close(descriptor)


def _write_synced(file: BinaryIO, data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


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
