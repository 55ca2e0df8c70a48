"""A store in an SQLite file that this process may not write to, or in a folder where it may not: it is only read."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from linekeeper.core.errors import StoreError

FileState = tuple[int, int, int]


def has_file(file: Path) -> bool:
    """Whether there is a file of that name; a name that cannot be one is no error here, SQLite says what is wrong."""
    return os.access(file, os.F_OK)


def is_read_only(file: Path) -> bool:
    """Whether a file that exists cannot be written to; SQLite also needs to write in its folder."""
    return has_file(file) and not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK))


def write_ahead_log(file: Path) -> Path:
    """Where SQLite keeps what was committed and is not in the file yet."""
    return Path(f"{file}-wal")  # also of `/`, which has no name


def opener_for_reading(file: Path, busy_seconds: float) -> Callable[[], sqlite3.Connection]:
    """What opens connections to that file, which write nothing at all."""
    address = f"file:{quote(str(file.absolute()))}?mode=ro"
    log = write_ahead_log(file)
    if not (log.exists() and log.stat().st_size):
        # SQLite would make files of its own beside this one, even to read. With nothing in the write-ahead log all
        # is in the file, which can be read as one that nobody changes; `demand_unchanged` sees to it that nobody did.
        address += "&immutable=1"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(address, uri=True, timeout=busy_seconds, check_same_thread=False)

    return connect


def file_state(file: Path) -> FileState:
    """What changes where somebody writes to the store."""
    status, log = file.stat(), write_ahead_log(file)
    return status.st_size, status.st_mtime_ns, log.stat().st_size if log.exists() else 0


def demand_unchanged(file: Path, before: FileState) -> None:
    """Raises StoreError where the store was written to since then: what was read may be of two states."""
    if file_state(file) != before:
        raise StoreError(
            f"the store `{file}` was written to while it was read",
            code="store-busy",
            way_out="do it again, or read a copy of it",
            place=str(file),
        )
