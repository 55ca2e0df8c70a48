"""The auditor's folder: everything that is needed to check the log with other people's tools."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path, PurePosixPath

from sqlalchemy import Connection

from linekeeper.journal.log import read
from linekeeper.journal.log.entry import Opened
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.note import Verifier
from linekeeper.journal.log.page import page
from linekeeper.journal.log.publish import CHECKPOINT, PUBLIC_KEY, Published
from linekeeper.journal.log.receipt import make_receipt
from linekeeper.journal.log.tables import LogTables
from linekeeper.journal.log.tiles import Tiles, every_tile, pack, tile_path
from linekeeper.journal.log.vault import Vault


@dataclass(frozen=True, slots=True)
class Export:
    """How many records were opened, how many of the leaves are erased, and how many files were written.

    `unreadable` are the records that should open and do not: the folder has nothing of them but their leaves.
    """

    records: int
    erased: int
    files: int
    unreadable: tuple[read.UnreadableRecord, ...] = ()


def export(
    connection: Connection,
    tables: LogTables,
    vault: Vault,
    head: Published,
    log: Verifier,
    folder: Path,
    positions: Iterable[int],
    sources: Mapping[str, bytes],
) -> Export:
    """Write the auditor's folder for the records at `positions` (of one account, of a period).

    `sources` are further files by relative path, such as `policies/retail.yaml` and `kernel/retail.py`.
    Raises LogError where `folder` is not empty or a name leads out of it.
    """
    if folder.exists() and any(folder.iterdir()):
        raise LogError(
            f"`{folder}` is not empty", code="export-folder-not-empty", way_out="name a new folder", place=str(folder)
        )
    written = {CHECKPOINT: head.data, PUBLIC_KEY: f"{log.vkey}\n".encode(), "verify.html": page(log)}
    written |= {_inside(name): data for name, data in sources.items()}
    sums = [_write(folder, name, data) for name, data in written.items()]
    sums += [_write(folder, path, data) for path, data in _tiles(head.tiles)]
    records = erased = 0
    unreadable: list[read.UnreadableRecord] = []
    for position, opened in read.opened(connection, tables, vault, positions):
        if opened is None:
            erased += 1
            continue
        if isinstance(opened, read.UnreadableRecord):
            unreadable.append(opened)
            continue
        records += 1
        sums.append(_write(folder, f"receipts/{position}.tlog-proof", make_receipt(head, position, opened)))
        sums.append(_write(folder, f"records/{position}.json", opened.data))
    for language, name in (("en", "README.md"), ("zh", "README.zh.md")):
        template = files("linekeeper.journal.log").joinpath(f"auditor.{language}.md").read_text("utf-8")
        text = template.format(origin=head.checkpoint.origin, size=head.checkpoint.size, receipts=records)
        sums.append(_write(folder, name, text.encode()))
    _write(folder, "SHA256SUMS", "".join(sorted(sums)).encode())
    return Export(records, erased, len(sums) + 1, tuple(unreadable))


def in_period(
    connection: Connection, tables: LogTables, vault: Vault, head: Published, start_ms: int, end_ms: int
) -> Iterator[int]:
    """Positions of the published records whose `at` lies in [start_ms, end_ms), UTC milliseconds.

    A record that does not open is among them, since nobody can say when it was.
    """
    for position, opened in read.opened(connection, tables, vault, range(head.checkpoint.size)):
        if opened is None:
            continue
        if isinstance(opened, read.UnreadableRecord) or start_ms <= _at(opened) < end_ms:
            yield position


def _at(opened: Opened) -> int:
    record = json.loads(opened.data)
    at = record.get("at") if isinstance(record, dict) else None
    return at if isinstance(at, int) else -1


def _tiles(tiles: Tiles) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of every tile and entry bundle of a log of this size."""
    for level, tile in every_tile(tiles.size):
        parts = tiles.hashes(level, tile) if isinstance(level, int) else tiles.bundle(tile)
        yield tile_path(level, tile, len(parts)), b"".join(parts) if isinstance(level, int) else pack(parts)


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise LogError(
            f"`{name}` does not name a file inside the folder",
            code="export-name-not-usable",
            way_out="give a relative path",
            details={"given": name},
        )
    return str(path)


def _write(folder: Path, name: str, data: bytes) -> str:
    """Write one file; its line for `sha256sum --check`."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return f"{sha256(data).hexdigest()}  {name}\n"
