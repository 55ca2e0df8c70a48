"""Files that people and programs write by hand are read whole, and only up to a size: none of them is endless.

A device such as `/dev/zero` ends with an error once it has given more than such a file can hold. A pipe that nobody
writes to is given up after ten seconds.
"""

from __future__ import annotations

import errno
import os
import select
import shutil
import stat
from pathlib import Path

from linekeeper.core.errors import FileError, file_error

_KIB = 1024
SETTINGS_BYTES_MAX = 64 * _KIB  # keys, settings, signed heads
TEXT_BYTES_MAX = 1024 * _KIB  # plans, texts, receipts
CARD_BYTES_MAX = 16 * 1024 * _KIB  # a scorecard has a few hundred KiB
PIPE_WAIT_MS = 5_000
_PIECE = 256 * _KIB


def read_bounded(path: Path, bytes_max: int) -> bytes:
    """All of a file. Raises FileError where it cannot be read, or is larger than that.

    >>> read_bounded(Path("/dev/zero"), 4_096)
    Traceback (most recent call last):
    linekeeper.core.errors.FileError: `/dev/zero` is larger than such a file can be (4 KiB); name another file
    """
    data = read_start(path, bytes_max + 1)
    if len(data) > bytes_max:
        raise FileError(
            f"`{path}` is larger than such a file can be ({bytes_max // _KIB} KiB)",
            code="file-too-large",
            way_out="name another file",
            place=str(path),
        )
    return data


def read_start(path: Path, bytes_max: int) -> bytes:
    """The first bytes of a file, at most so many. Raises FileError where it cannot be read."""
    data = bytearray()
    try:
        # Opened so, a pipe is not waited for before anybody writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            while len(data) < bytes_max and (piece := _piece(descriptor, path, bytes_max - len(data))):
                data += piece
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise _not_readable(error, path) from None
    return bytes(data)


def _piece(descriptor: int, path: Path, bytes_max: int) -> bytes:
    waits = select.poll()
    waits.register(descriptor, select.POLLIN)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode) and not waits.poll(PIPE_WAIT_MS):
        raise FileError(
            f"nothing came from `{path}` within {PIPE_WAIT_MS // 1_000} seconds",
            code="file-not-usable",
            way_out="write to it, or name a file",
            place=str(path),
        )
    return os.read(descriptor, min(bytes_max, _PIECE))


def _not_readable(error: OSError | ValueError, path: Path) -> FileError:
    if isinstance(error, OSError):
        return file_error(error, path)
    return FileError(
        f"`{str(path)[:60]!r}` is no path of a file", code="file-not-usable", way_out="name a file", place=str(path)
    )


def put_in_place(written: Path, place: Path) -> None:
    """Let a whole file take its place. A device or a pipe that is there stays, and is given what is in the file.

    Else a program of root's would put a file in the place of `/dev/null`. Raises OSError where it cannot be written.
    """
    if place.exists() and not place.is_file():
        with written.open("rb") as whole, place.open("wb") as device:
            shutil.copyfileobj(whole, device)
    else:
        os.replace(written, place)


def path_behind(path: Path) -> Path:
    """Where a path leads, behind all links. Raises FileError where links lead in a circle."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # Python's own word for such a circle, before 3.13
        raise file_error(OSError(errno.ELOOP, os.strerror(errno.ELOOP)), path) from None


def demand_regular(path: Path) -> None:
    """Raises FileError where a path does not lead to a file that has an end: what is large is read more than once."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise _not_readable(error, path) from None
    if stat.S_ISDIR(mode):
        raise file_error(IsADirectoryError(), path)
    if not stat.S_ISREG(mode):
        raise FileError(
            f"`{path}` is a pipe or a device, which has no end",
            code="file-not-usable",
            way_out="write what it gives to a file, and name that",
            place=str(path),
        )
