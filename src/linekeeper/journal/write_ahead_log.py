"""SQLite's write-ahead log, looked at before SQLite reads it: a damaged page must not drop what was acknowledged.

After a crash SQLite takes the log up to the first frame whose checksum is wrong, and forgets what follows. That is
right where a power cut tore the last transaction, which was not acknowledged. Where whole transactions follow the
broken frame, they had been acknowledged, and the file was damaged afterwards.
Format: https://www.sqlite.org/fileformat2.html#walformat
"""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from linekeeper.core.errors import StoreError
from linekeeper.journal.read_only import write_ahead_log

HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
_MAGIC = 0x377F0682  # its last bit says whether checksums are of big-endian words
FRAMES_AT_ONCE = 4_096
READS = 3  # a writer may begin the log anew while it is read
_PAUSE_S = 0.05


class _Frames(NamedTuple):
    """The log's first words, its frames (a row of bytes each), their first words, and the order of bytes in a sum."""

    header: np.ndarray
    rows: np.ndarray
    frames: np.ndarray
    order: str


def demand_whole_log(store: Path) -> None:
    """Raises StoreError where transactions follow a frame of `STORE-wal` that is damaged.

    Damage in the last transaction cannot be told from a power cut in the middle of it, nor can a cut after it.
    """
    path = write_ahead_log(store)
    for attempt in range(READS):
        broken = broken_frame(_bytes_in(path))
        if broken is None:
            return
        if attempt < READS - 1:
            time.sleep(_PAUSE_S)
    raise StoreError(
        f"the write-ahead log `{path}` is damaged at frame {broken}, and transactions follow that would be lost",
        code="write-ahead-log-damaged",
        way_out="keep a copy of the store's files, restore the newest backup, and give again what came since",
        place=str(path),
        details={"frame": broken},
    )


def _bytes_in(path: Path) -> np.ndarray | bytes:
    """What stands in the log; nothing where it is absent, or SQLite itself will say what is wrong with the path."""
    try:
        return np.fromfile(path, np.uint8)
    except OSError:
        return b""


def broken_frame(log: np.ndarray | bytes) -> int | None:
    """The first frame (from 1; 0: the header) that is broken although later transactions follow; None where none is.

    >>> broken_frame(b"") is None
    True
    """
    if len(log) <= HEADER_BYTES or not any(log[:HEADER_BYTES]):
        return None
    read = _read(log)
    if read is None:
        return 0
    frames = read.frames
    current = (frames[:, 2:4] == read.header[4:6]).all(axis=1)
    valid = _valid_frames(read, current)
    # The transaction of the broken frame may be the one that a power cut tore. It ends with the next commit.
    ends = np.flatnonzero(current & (frames[:, 1] != 0))
    ends = ends[ends >= valid]
    if len(ends) and current[ends[0] + 1 :].any():
        return valid + 1
    return None


def _read(log: np.ndarray | bytes) -> _Frames | None:
    """None where the header is none of SQLite's."""
    header = np.frombuffer(log, ">u4", HEADER_BYTES // 4).astype(np.uint32)
    page_bytes = int(header[2])
    if header[0] & ~np.uint32(1) != _MAGIC or not 512 <= page_bytes <= 65_536:
        return None
    order = ">u4" if header[0] & 1 else "<u4"
    first = np.frombuffer(log, order, 6).astype(np.uint32)
    if tuple(_sums(first[None, :], np.zeros((1, 2), np.uint32))[0]) != tuple(header[6:8]):
        return None
    frame_bytes = FRAME_HEADER_BYTES + page_bytes
    count = (len(log) - HEADER_BYTES) // frame_bytes
    rows = np.frombuffer(log, np.uint8, count * frame_bytes, HEADER_BYTES).reshape(count, frame_bytes)
    return _Frames(header, rows, rows[:, :FRAME_HEADER_BYTES].copy().view(">u4").astype(np.uint32), order)


def _valid_frames(read: _Frames, current: np.ndarray) -> int:
    """How many frames are valid from the first on: each is of this log, and its checksum goes on from that before."""
    header, rows, frames, order = read
    before = np.concatenate([header[6:8][None, :], frames[:-1, 4:6]])
    for start in range(0, len(rows), FRAMES_AT_ONCE):
        some = slice(start, start + FRAMES_AT_ONCE)
        summed = np.concatenate([rows[some, :8], rows[some, FRAME_HEADER_BYTES:]], axis=1).view(order)
        sums = _sums(summed.astype(np.uint32), before[some])
        broken = ~current[some] | (sums != frames[some, 4:6]).any(axis=1)
        if broken.any():
            return start + int(np.argmax(broken))
    return len(rows)


def _sums(data: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The two checksums after each row of words, from those before it.

    For each two words SQLite takes a += x + b, then b += y + a (all modulo 2^32). That is linear, so all rows are done
    at once.
    """
    weights, power = _weights(data.shape[1] // 2)
    sums: np.ndarray = data @ weights + before @ power.T
    return sums


@lru_cache(maxsize=8)
def _weights(steps: int) -> tuple[np.ndarray, np.ndarray]:
    """How much each of so many pairs of words weighs in both sums, and how much the sums before: powers of a matrix."""
    power, weights = np.eye(2, dtype=np.uint32), np.empty((steps, 2, 2), np.uint32)
    step, enter = np.array([[1, 1], [1, 2]], np.uint32), np.array([[1, 0], [1, 1]], np.uint32)
    for place in reversed(range(steps)):
        weights[place] = power @ enter
        power = power @ step
    return weights.transpose(0, 2, 1).reshape(2 * steps, 2), power
