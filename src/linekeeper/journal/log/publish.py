"""Publishing: new leaves become tiles, then a signed head, then the checkpoint that points at both.

Before anything is written, the store is compared with what is out already: a store that was put back from a backup and
has grown past the published size would else publish a second history behind the first.

The order makes a crash harmless. The tiles come first: nobody reads them before a checkpoint covers them. The signer
comes next: it stores what it signed before anybody sees it. The checkpoint comes last, in one rename. A run that was
interrupted is repeated as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select, update

from linekeeper.core.bounded import SETTINGS_BYTES_MAX, read_bounded
from linekeeper.journal.log import durable, read
from linekeeper.journal.log.checkpoint import Checkpoint, open_checkpoint
from linekeeper.journal.log.errors import ForkError, LogError, ProofError
from linekeeper.journal.log.note import Note, Signature, Verifier
from linekeeper.journal.log.signer import Signer
from linekeeper.journal.log.tables import LogTables, size_of
from linekeeper.journal.log.tiles import CHUNK, TILES_WAY_OUT, Tiles, TileWriter, on_disk
from linekeeper.journal.log.tree import Frontier, Nodes, consistency_proof, leaf_hash, root_at

CHECKPOINT, PUBLIC_KEY = "checkpoint", "log.vkey"

Cosign = Callable[[bytes, Nodes], Iterable[Signature]]  # (signed checkpoint, its tree) -> the cosignatures it lacks


@dataclass(frozen=True, slots=True)
class Published:
    """What anybody can read: the head, the signed note that contains it, and the tree below it."""

    checkpoint: Checkpoint
    data: bytes
    tiles: Tiles


def published(folder: Path, log: Verifier) -> Published | None:
    """The log as published in `folder`; None before the first checkpoint. Raises ProofError where it was altered."""
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    data = read_bounded(path, SETTINGS_BYTES_MAX)
    checkpoint = open_checkpoint(data, log).checkpoint
    return Published(checkpoint, data, Tiles(on_disk(folder), checkpoint.size))


def publish(
    engine: Engine,
    tables: LogTables,
    folder: Path,
    signer: Signer,
    cosign: Cosign | None = None,
    *,
    whole: bool = True,
) -> Published:
    """Publish every committed leaf and return the new head, or the old one where there are no new leaves.

    `cosign` is asked for both: a head that is out without a witness's cosignature gets it with the next publication.

    Only one process publishes at a time; a second one gets a LogError. Raises ForkError where the store has fewer
    leaves than were signed, or other ones than were published. `whole=False` compares only the last published leaf,
    which is enough for a process that has compared all of them before.
    """
    with durable.locked(folder / ".lock", f"`{folder}` is being published by another process; try again"):
        current = published(folder, signer.verifier)
        last = _agreed_last(engine, tables, signer, current)
        # Every leaf below this size is committed: appends queue up on the row that holds it.
        with engine.connect() as connection:
            size = size_of(connection, tables)
        if last and size < last.size:
            signer.sign(size, b"", ())  # refuses, and says why
        if current:
            _demand_published_leaves(engine, tables, current, whole)
        if current and last and current.checkpoint == last and current.checkpoint.size == size:
            return _cosigned(engine, tables, folder, current, cosign)
        tiles = _grow(engine, tables, folder, current, size)
        if current is None:  # the folder is made anew: whoever holds an earlier head asks for its tiles too
            with engine.connect() as connection:
                tiles.keep_earlier(folder, connection.execute(select(tables.heads.c.size)).scalars().all())
        root = root_at(size, tiles.node)
        proof = consistency_proof(last.size, size, tiles.node) if last and last.size else []
        data = signer.sign(size, root, proof)
        # Witnesses come before the checkpoint is public: a head that they refuse must not be out already.
        if cosign:
            data = Note.parse(data).with_signatures(cosign(data, tiles.node)).data
        checkpoint = Checkpoint(signer.key.name, size, root)
        _remember(engine, tables, checkpoint, data)
        durable.write(folder / CHECKPOINT, data)
        return Published(checkpoint, data, tiles)


def _cosigned(engine: Engine, tables: LogTables, folder: Path, current: Published, cosign: Cosign | None) -> Published:
    """The published head with the cosignatures that it lacked."""
    signatures = tuple(cosign(current.data, current.tiles.node)) if cosign else ()
    if not signatures:
        return current
    data = Note.parse(current.data).with_signatures(signatures).data
    _remember(engine, tables, current.checkpoint, data)
    durable.write(folder / CHECKPOINT, data)
    return Published(current.checkpoint, data, current.tiles)


def _agreed_last(engine: Engine, tables: LogTables, signer: Signer, current: Published | None) -> Checkpoint | None:
    """The signer's last head, after a check that it is not behind what was signed and that the tiles lead to that."""
    last = signer.last()
    if last is None:
        _demand_nothing_signed(engine, tables, signer, current)
    if current is None:
        return last
    if last is None or last.size < current.checkpoint.size:
        raise ForkError(
            f"the signer's last head `{signer.head}` is older than the published checkpoint of"
            f" {current.checkpoint.size} leaves",
            code="store-behind-log",
            way_out="if the checkpoint is right, copy it there",
        )
    if root_at(current.checkpoint.size, current.tiles.node) != current.checkpoint.root:
        raise ProofError(
            "the published tiles do not lead to the published root", code="tiles-do-not-fit", way_out=TILES_WAY_OUT
        )
    return last


def _demand_nothing_signed(engine: Engine, tables: LogTables, signer: Signer, current: Published | None) -> None:
    """Raises ForkError where the signer remembers nothing, and a head was signed: it could sign a second history."""
    with engine.connect() as connection:
        stored = connection.execute(select(func.max(tables.heads.c.size))).scalar_one()
    if current is None and stored is None:
        return
    leaves = max(current.checkpoint.size if current else 0, stored or 0)
    raise ForkError(
        f"the signer's last head `{signer.head}` is lost, and a head of {leaves} leaves was signed before",
        code="signer-head-lost",
        way_out="copy the newest published `checkpoint` to that place, once nobody holds a newer one",
        place=str(signer.head),
        details={"leaves": leaves},
    )


def _demand_published_leaves(engine: Engine, tables: LogTables, current: Published, whole: bool) -> None:
    """Raises ForkError where the store's leaves up to the published size are others, LogError where a tile is absent.

    Each leaf has a salt of its own. So a store that lost its last leaves and has grown again never has the same last
    published leaf, and comparing that one leaf finds it out.
    """
    head = current.checkpoint
    if whole:
        current.tiles.demand_all()
    with engine.connect() as connection:
        if whole:
            same = _root_of(connection, tables, head.size) == head.root
        else:
            last = range(max(head.size - 1, 0), head.size)
            same = list(read.entries(connection, tables, last.start, last.stop)) == list(map(current.tiles.entry, last))
    if not same:
        raise ForkError(
            f"the first {head.size} leaves of the store are not those that were published under `{head.origin}`; it was"
            " put back from an older backup and has grown since, or entries were altered",
            code="store-not-as-published",
            way_out="put its newest state back, or start a new log under another name and say so publicly",
            details={"leaves": head.size},
        )


def _root_of(connection: Connection, tables: LogTables, size: int) -> bytes:
    """The root over the store's first `size` leaves."""
    frontier, stream = Frontier(), read.entries(connection, tables, 0, size)
    while chunk := list(islice(stream, CHUNK)):
        frontier = frontier.extend(map(leaf_hash, chunk))
    return frontier.root()


def _grow(engine: Engine, tables: LogTables, folder: Path, current: Published | None, size: int) -> Tiles:
    old = current.checkpoint.size if current else 0
    with engine.connect() as connection:
        TileWriter(folder, old).add(read.entries(connection, tables, old, size))
    return Tiles(on_disk(folder), size)


def _remember(engine: Engine, tables: LogTables, checkpoint: Checkpoint, data: bytes) -> None:
    """Keep the head in the database too. Raises LogError where another root stands there for the same size."""
    heads = tables.heads
    with engine.begin() as connection:
        root = connection.execute(select(heads.c.root).where(heads.c.size == checkpoint.size)).scalar_one_or_none()
        if root is None:
            row = {"size": checkpoint.size, "root": checkpoint.root, "checkpoint": data}
            connection.execute(heads.insert(), row)
        elif root != checkpoint.root:
            raise LogError(
                f"the store knows another head of {checkpoint.size} leaves",
                code="log-forked",
                way_out="find out which is true",
                details={"leaves": checkpoint.size},
            )
        else:
            connection.execute(update(heads).where(heads.c.size == checkpoint.size).values(checkpoint=data))
