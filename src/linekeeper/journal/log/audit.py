"""The audit of a whole log: store, tiles, heads and receipts are compared with each other, entry by entry."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from linekeeper.core.bounded import SETTINGS_BYTES_MAX, read_bounded
from linekeeper.journal.log import read
from linekeeper.journal.log.entry import Opened
from linekeeper.journal.log.errors import ProofError
from linekeeper.journal.log.note import Note, Verifier
from linekeeper.journal.log.proof import Proof
from linekeeper.journal.log.publish import PUBLIC_KEY, Published
from linekeeper.journal.log.receipt import make_receipt, verify_receipt
from linekeeper.journal.log.tables import LogTables, as_bytes, size_of
from linekeeper.journal.log.tiles import TILE_WIDTH
from linekeeper.journal.log.tree import Frontier, leaf_hash
from linekeeper.journal.log.vault import Vault


@dataclass(frozen=True, slots=True)
class Audit:
    """`leaves` in the store, `published` of them under the checkpoint, `heads` re-derived. All agree."""

    leaves: int
    published: int
    heads: int


def audit(connection: Connection, tables: LogTables, head: Published | None) -> Audit:
    """Re-derive the log from the store's entries; ProofError or LogError names the first one that differs.

    Each entry is compared with its bundle and with its hash in the tiles. Each head, those in the store and the
    published one, is compared with the root over the entries before it. Every tile is derived from those below it.
    """
    size = size_of(connection, tables)
    stored = {row.size: as_bytes(row.root) for row in connection.execute(select(tables.heads))}
    known = _agreed_heads(stored, head, size)
    # One pass from the first leaf on: the frontier gives the root at each size, so old heads cost no second reading.
    frontier = Frontier()
    stream = read.entries(connection, tables, 0, size)
    for end in [*sorted(known), size]:
        while frontier.size < end:
            step = min(end, (frontier.size // TILE_WIDTH + 1) * TILE_WIDTH) - frontier.size
            entries = [next(stream) for _ in range(step)]
            hashes = [leaf_hash(entry) for entry in entries]
            if head:
                _compare_with_tiles(head, frontier.size, entries, hashes)
            frontier = frontier.extend(hashes)
        if end in known and frontier.root() != known[end]:
            raise ProofError(
                f"the first {end} leaves of the store do not give the head of that size; one was altered",
                code="entry-altered",
                details={"leaves": end},
            )
    if head:
        head.tiles.demand_root(head.checkpoint.root)
        if head.checkpoint.size not in stored:  # after all else, which says more of what was done to the store
            raise ProofError(
                f"the store does not know the published head of {head.checkpoint.size} leaves",
                code="head-not-published-one",
                way_out="put the store's newest state back",
            )
    return Audit(size, head.checkpoint.size if head else 0, len(known))


def _agreed_heads(stored: Mapping[int, bytes], head: Published | None, size: int) -> dict[int, bytes]:
    """The heads of the store and the published one, which have to agree: roots by size."""
    known = dict(stored)
    if head:
        if known.setdefault(head.checkpoint.size, head.checkpoint.root) != head.checkpoint.root:
            raise ProofError(
                f"the store's head of {head.checkpoint.size} leaves is not the published one",
                code="head-not-published-one",
            )
    elif known:
        raise ProofError(
            f"the store has a head of {max(known)} leaves, but none is published where the settings of its keys say",
            code="nothing-published",
            way_out="put the folder or the settings back; where it has moved for good, run `linekeeper log publish`",
            details={"leaves": max(known)},
        )
    if known and max(known) > size:
        raise ProofError(
            f"the store has {size} leaves, but a head of {max(known)} was published; leaves were removed",
            code="leaves-removed",
            details={"leaves": size, "published": max(known)},
        )
    return known


def audit_folder(connection: Connection, tables: LogTables, folder: Path, log: Verifier, head: Published) -> None:
    """What readers of the folder rely on beside the newest tiles: the public key, and partial tiles of earlier heads.

    Raises LogError where one was altered or is absent.
    """
    path = folder / PUBLIC_KEY
    if not path.exists() or read_bounded(path, SETTINGS_BYTES_MAX).decode(errors="replace").strip() != log.vkey:
        raise ProofError(
            f"the public key in `{path}` is not the log's",
            code="public-key-altered",
            way_out=f"write this into it, and find out who read the other: {log.vkey}",
            place=str(path),
        )
    head.tiles.demand_earlier(folder, connection.execute(select(tables.heads.c.size)).scalars())


def _compare_with_tiles(head: Published, start: int, entries: list[bytes], hashes: list[bytes]) -> None:
    """Compare entries of one tile with what is published of them."""
    tile, at = divmod(start, TILE_WIDTH)
    if start >= head.checkpoint.size:
        return
    bundle, tile_hashes = head.tiles.bundle(tile)[at:], head.tiles.hashes(0, tile)[at:]
    for offset, row in enumerate(zip(entries, hashes, bundle, tile_hashes, strict=False)):
        entry, entry_hash, published_entry, published_hash = row
        if entry != published_entry or entry_hash != published_hash:
            raise ProofError(
                f"leaf {start + offset} of the store is not the one in the tiles; one of them was altered",
                code="entry-altered",
                details={"leaf": start + offset},
            )


# ------------------------------------------------------------------ receipts


@dataclass(frozen=True, slots=True)
class ReceiptCheck:
    """How many receipts were made and accepted, how many were flipped in one bit, how many of these were refused.

    Of a record that does not open no receipt can be made; `unreadable` are these.
    """

    receipts: int
    accepted: int
    flipped: int
    flipped_refused: int
    unreadable: tuple[read.UnreadableRecord, ...] = ()


def check_receipts(
    connection: Connection,
    tables: LogTables,
    vault: Vault,
    head: Published,
    log: Verifier,
    positions: Sequence[int],
    seed: int | None = None,
    witnesses: Sequence[Verifier] = (),
) -> ReceiptCheck:
    """Make and verify the receipt of each of these leaves (erased ones have none).

    Each of `witnesses` must have cosigned. With a `seed`, each receipt is verified once more with one bit flipped,
    anywhere but in the signatures of keys that were not given: these prove nothing, so nothing is refused for them.
    Raises ProofError or LogError where a published tile is gone or altered: each receipt needs a few of them only.
    """
    head.tiles.demand_root(head.checkpoint.root)
    chance = random.Random(seed)
    made = accepted = flipped = refused = 0
    unreadable: list[read.UnreadableRecord] = []
    for position, opened in read.opened(connection, tables, vault, positions):
        if isinstance(opened, read.UnreadableRecord):
            unreadable.append(opened)
        if not isinstance(opened, Opened):
            continue
        data = make_receipt(head, position, opened)
        made += 1
        accepted += accepts(data, log, witnesses)
        if seed is not None:
            flipped += 1
            proven = _proven_bytes(data, (log, *witnesses))
            bit = chance.randrange(8 * len(proven))
            refused += not accepts(flip(data, 8 * proven[bit // 8] + bit % 8), log, witnesses)
    return ReceiptCheck(made, accepted, flipped, refused, tuple(unreadable))


def _proven_bytes(data: bytes, keys: Sequence[Verifier]) -> list[int]:
    """Where the bytes of a receipt stand that these keys vouch for: all but the signature lines of other keys."""
    signatures = Note.parse(Proof.parse(data).checkpoint).signatures
    start = len(data) - sum(len(each.line.encode()) for each in signatures)
    proven = list(range(start))
    for signature in signatures:
        end = start + len(signature.line.encode())
        if any(signature.is_by(key) for key in keys):
            proven += range(start, end)
        start = end
    return proven


def accepts(data: bytes, log: Verifier, witnesses: Sequence[Verifier] = ()) -> bool:
    """Whether a receipt verifies."""
    try:
        verify_receipt(data, log, witnesses)
    except ProofError:
        return False
    return True


def flip(data: bytes, bit: int) -> bytes:
    """The bytes with one bit altered, counted from the first byte's highest.

    >>> flip(b"a", 7)
    b'`'
    """
    altered = bytearray(data)
    altered[bit // 8] ^= 0x80 >> bit % 8
    return bytes(altered)
