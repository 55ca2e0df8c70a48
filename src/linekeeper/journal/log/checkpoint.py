"""Checkpoints: a signed note that says how large a log is and what its root hash is.

    origin
    size
    base64(root)

Source: c2sp.org/tlog-checkpoint, c2sp.org/tlog-cosignature.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from linekeeper.journal.log.errors import ProofError
from linekeeper.journal.log.note import COSIGNATURE, Note, Verifier, from_base64, to_base64
from linekeeper.journal.log.tree import HASH_BYTES

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
SIZE_MAX = (1 << 63) - 1


def from_decimal(text: str) -> int:
    """A size or index, 0 to 2^63 - 1, ASCII digits without leading zeroes; ProofError otherwise.

    >>> from_decimal("109482")
    109482
    """
    if not _DECIMAL.fullmatch(text) or int(text) > SIZE_MAX:
        raise ProofError(
            f"`{text[:40]}` is not a size or index; expected digits without leading zeroes",
            code="number-not-readable",
            details={"given": text[:40]},
        )
    return int(text)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: its origin, its size in leaves, its root hash (32 bytes).

    >>> print(Checkpoint("example.com/log", 0, bytes(32)).text, end="")
    example.com/log
    0
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
    """

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """The checkpoint that a note text says. Extension lines are refused: no monitor could audit them."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0]:
            raise ProofError(
                "the checkpoint is not three lines (origin, size, root hash)",
                code="checkpoint-not-readable",
                way_out="fetch the file anew",
            )
        root = from_base64(lines[2])
        if len(root) != HASH_BYTES:
            raise ProofError(
                f"the root hash has {len(root)} bytes, not {HASH_BYTES}",
                code="checkpoint-not-readable",
                way_out="fetch the file anew",
            )
        return cls(lines[0], from_decimal(lines[1]), root)

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class Seen:
    """A checkpoint whose signatures hold. `cosigned_at_s`: by witness name, seconds since 1970.

    `unknown`: names on signature lines of keys that were not given; they prove nothing.
    """

    checkpoint: Checkpoint
    cosigned_at_s: Mapping[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


def open_checkpoint(data: bytes, log: Verifier, witnesses: Sequence[Verifier] = ()) -> Seen:
    """The checkpoint in `data`, signed by `log` and cosigned by every one of `witnesses`; ProofError otherwise."""
    note = Note.parse(data)
    if note.signed_by(log) is None:
        raise ProofError(
            f"the checkpoint is not signed by `{log.name}`",
            code="signature-missing",
            way_out="check that you hold the right public key",
            details={"signer": log.name},
        )
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != log.name:
        raise ProofError(
            f"the checkpoint is of `{checkpoint.origin}`, the key of `{log.name}`",
            code="checkpoint-of-another-log",
            way_out="use the log's own key",
            details={"origin": checkpoint.origin, "log": log.name},
        )
    cosigned_at_s = {}
    for witness in witnesses:
        signature = note.signed_by(witness)
        if signature is None or witness.kind != COSIGNATURE:
            raise ProofError(
                f"the witness `{witness.name}` has not cosigned",
                code="cosignature-missing",
                way_out="ask for a newer checkpoint",
                details={"witness": witness.name},
            )
        cosigned_at_s[witness.name] = int.from_bytes(signature.blob[:8], "big")
    known = (log, *witnesses)
    unknown = tuple(each.name for each in note.signatures if not any(each.is_by(key) for key in known))
    return Seen(checkpoint, cosigned_at_s, unknown)
