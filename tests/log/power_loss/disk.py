"""A disk that forgets what was not synced: a recorded trace, and the images that a power cut could leave.

The model. What was written to a file before its last sync is there. Of what was written since, any part may
be: each write whole, lost, or torn into sectors of which some are there. A file's length follows from what is
there. Changes of names (create, rename, unlink) reach the disk in their order, a prefix of those since the
last sync of a folder; syncing a file also brings its own name, as ext4, XFS and btrfs do.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
CREATE, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, OPEN = range(1, 8)
_HEAD = struct.Struct("<IIQQ")


@dataclass(frozen=True)
class Operation:
    """One record of the trace; see `record.c`."""

    kind: int
    inode: int
    offset: int
    data: bytes


def read_trace(path: Path) -> Iterator[Operation]:
    """The operations of a trace, in order."""
    trace = path.read_bytes()
    at = 0
    while at < len(trace):
        kind, length, inode, offset = _HEAD.unpack_from(trace, at)
        at += _HEAD.size
        yield Operation(kind, inode, offset, trace[at : at + length])
        at += length


@dataclass
class File:
    """What is on the disk for certain, and what was done since the last sync."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Operation] = field(default_factory=list)

    def sync(self) -> None:
        for operation in self.pending:
            apply(self.durable, operation)
        self.pending.clear()

    def image(self, chance: random.Random) -> bytes:
        """The contents that a power cut could leave."""
        content = bytearray(self.durable)
        fate = chance.random()  # of all pending writes: mostly there, mostly lost, or each by itself
        for operation in self.pending:
            kept = chance.random()
            if kept < fate:
                apply(content, operation)
            elif operation.kind == WRITE and kept > 0.7:
                tear(content, operation, chance)
        return bytes(content)


def apply(content: bytearray, operation: Operation) -> None:
    """Do one write or truncation."""
    start, end = operation.offset, operation.offset + len(operation.data)
    if operation.kind == TRUNCATE:
        del content[start:]
        content.extend(bytes(start - len(content)))
    else:
        content.extend(bytes(max(0, start - len(content))))
        content[start:end] = operation.data


def tear(content: bytearray, operation: Operation, chance: random.Random) -> None:
    """Do a write in part: each sector of it is there or not."""
    at = 0
    while at < len(operation.data):
        to = at + SECTOR - (operation.offset + at) % SECTOR
        if chance.random() < 0.5:
            apply(content, Operation(WRITE, operation.inode, operation.offset + at, operation.data[at:to]))
        at = to


class Disk:
    """Replays a trace of one folder; `image` writes what a power cut at this moment could leave."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._files: list[File] = []
        self._by_inode: dict[int, int] = {}  # inodes are used again, places in the list are not
        self._names: dict[str, int] = {}  # as the process sees them
        self._durable_names: dict[str, int] = {}
        self._pending_names: list[tuple[str, str, int]] = []  # (old name or "", new name or "", file)

    def do(self, operation: Operation) -> None:
        """Take one operation of the trace."""
        text = operation.data.decode() if operation.kind in (CREATE, SYNC, RENAME, UNLINK) else ""
        if operation.kind == CREATE:
            self._by_inode[operation.inode] = len(self._files)
            self._files.append(File())
            self._rename("", text, self._by_inode[operation.inode])
        elif operation.kind in (WRITE, TRUNCATE):
            self._files[self._by_inode[operation.inode]].pending.append(operation)
        elif operation.kind == SYNC:
            self._sync(self._names.get(text))
        elif operation.kind == RENAME:
            old, _, new = text.partition("\0")
            self._rename(old, new, self._names[old])
        elif operation.kind == UNLINK:
            self._rename(text, "", self._names[text])

    def acks(self) -> str:
        """The acknowledgements given so far. They are the client's knowledge, not the disk's."""
        file = self._names.get(f"{self._folder}/acks")
        return "" if file is None else b"".join(each.data for each in self._files[file].pending).decode()

    def image(self, target: Path, chance: random.Random) -> None:
        """Write one possible disk into the folder `target`."""
        names = dict(self._durable_names)
        for change in self._pending_names[: chance.randint(0, len(self._pending_names))]:
            self._settle(names, *change)
        for name, file in names.items():
            relative = name.removeprefix(f"{self._folder}/")
            if relative == "acks" or relative.endswith("-shm"):
                continue
            path = target / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._files[file].image(chance))

    def _sync(self, file: int | None) -> None:
        if file is None:  # a folder: all names up to here
            self._commit_names(lambda change: True)
        else:
            self._files[file].sync()
            self._commit_names(lambda change: change[2] == file and not change[0])

    def _commit_names(self, wanted: Callable[[tuple[str, str, int]], bool]) -> None:
        later = []
        for change in self._pending_names:
            if wanted(change):
                self._settle(self._durable_names, *change)
            else:
                later.append(change)
        self._pending_names = later

    def _rename(self, old: str, new: str, file: int) -> None:
        self._settle(self._names, old, new, file)
        self._pending_names.append((old, new, file))

    @staticmethod
    def _settle(names: dict[str, int], old: str, new: str, file: int) -> None:
        if old and names.get(old) == file:
            del names[old]
        if new:
            names[new] = file
