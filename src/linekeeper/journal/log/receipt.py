"""Receipts: one file that proves, offline and to anybody with the log's public key, what was recorded.

A receipt is a C2SP `.tlog-proof` whose `extra` opens the entry:

    version (01) || kind || salt (32) || record

A receipt verifies where the record and the salt give the entry, the entry and the hashes give the root, and the log has
signed the root. With any one bit altered it does not verify.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from linekeeper.journal.log.checkpoint import Seen
from linekeeper.journal.log.entry import SALT_BYTES, VERSION, Opened, RecordKind
from linekeeper.journal.log.errors import LogError, ProofError
from linekeeper.journal.log.note import Verifier
from linekeeper.journal.log.proof import Proof
from linekeeper.journal.log.publish import Published
from linekeeper.journal.log.tree import inclusion_proof


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt has proven: the record, where it stands, and under which head."""

    opened: Opened
    index: int
    seen: Seen


def make_receipt(head: Published, position: int, opened: Opened) -> bytes:
    """The receipt of the record at `position`; LogError while it is not published yet."""
    size = head.checkpoint.size
    if position >= size:
        raise LogError(
            f"leaf {position} is not published yet, only {size} are",
            code="leaf-not-published",
            way_out="publish, then ask again",
            details={"leaf": position, "published": size},
        )
    hashes = tuple(inclusion_proof(position, size, head.tiles.node))
    return Proof(position, hashes, head.data, _pack(opened)).data


def verify_receipt(data: bytes, log: Verifier, witnesses: Sequence[Verifier] = ()) -> Receipt:
    """What the receipt proves; ProofError names what does not hold. Each of `witnesses` must have cosigned."""
    proof = Proof.parse(data)
    opened = _unpack(proof.extra)
    return Receipt(opened, proof.index, proof.verify(opened.entry, log, witnesses))


def _pack(opened: Opened) -> bytes:
    return bytes((VERSION, opened.kind)) + opened.salt + opened.data


def _unpack(extra: bytes) -> Opened:
    if len(extra) < 2 + SALT_BYTES or extra[0] != VERSION or extra[1] not in RecordKind.__members__.values():
        raise ProofError(
            "the receipt does not hold a record of this log", code="receipt-not-readable", way_out="fetch the file anew"
        )
    return Opened(RecordKind(extra[1]), extra[2 : 2 + SALT_BYTES], extra[2 + SALT_BYTES :])
