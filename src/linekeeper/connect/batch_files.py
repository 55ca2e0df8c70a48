"""A file of a source as a batch: known by its content, so that its name and how often it is sent do not matter."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from linekeeper.connect.event_feeds import EventFeed
from linekeeper.connect.files import Intake, files_of
from linekeeper.engine.contract import Contract, Parts
from linekeeper.engine.feed_batches import ReadBatch


def batch_of_file(path: Path, tables: Parts, read: EventFeed | Intake, source: str, contract: Contract) -> ReadBatch:
    """What was read of a file or a folder as a batch of that source, which has to keep the contract.

    `tables` reads its events.
    """
    content, rest = content_digest([path]), (read.rejected, read.same, read.cut_short)
    return ReadBatch(contract, source, content, path.name, tables, *rest)


def content_digest(paths: Sequence[Path]) -> str:
    """The SHA-256 of a file in hex; of several, that of their hashes in order of hash, since names do not matter.

    >>> len(content_digest([Path("docs/examples/cash-line.jsonl")]))
    64
    """
    hashes = []
    for path in files_of(paths):
        with path.open("rb") as file:
            hashes.append(hashlib.file_digest(file, "sha256").hexdigest())
    if len(hashes) == 1:
        return hashes[0]
    return hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()
