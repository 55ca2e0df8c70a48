"""Inclusion proofs as files: one text that proves offline that an entry stands in a signed log.

    c2sp.org/tlog-proof@v1
    extra <base64>                  (left out where there is none)
    index <index>
    <base64 hash>                   (one a line, leaf's sibling first)

    <the checkpoint, verbatim>

Source: c2sp.org/tlog-proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from linekeeper.journal.log.checkpoint import Seen, from_decimal, open_checkpoint
from linekeeper.journal.log.errors import ProofError
from linekeeper.journal.log.note import Verifier, from_base64, to_base64
from linekeeper.journal.log.tree import leaf_hash, verify_inclusion

_HEADER = "c2sp.org/tlog-proof@v1"
HASHES_MAX = 63


@dataclass(frozen=True, slots=True)
class Proof:
    """An inclusion proof with its checkpoint. `extra` is not covered by any signature.

    >>> proof = Proof(0, (), b"example.com/log\\n1\\n...", b"")
    >>> Proof.parse(proof.data) == proof
    True
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Proof:
        """The proof that a `.tlog-proof` file holds. Raises ProofError where it is malformed."""
        top, gap, checkpoint = data.partition(b"\n\n")
        try:
            lines = top.decode("ascii").split("\n")
        except UnicodeDecodeError:
            lines = []
        if not gap or len(lines) < 2 or lines.pop(0) != _HEADER:
            raise ProofError(f"the file is not a proof; its first line is `{_HEADER}`", code="proof-not-readable")
        extra = b""
        if lines[0].startswith("extra "):
            extra = from_base64(lines.pop(0).removeprefix("extra "))
            if not extra:
                raise ProofError(
                    "the proof has an empty `extra`", code="proof-not-readable", way_out="fetch the file anew"
                )
        if not lines or not lines[0].startswith("index "):
            raise ProofError("the proof does not say `index`", code="proof-not-readable", way_out="fetch the file anew")
        index = from_decimal(lines.pop(0).removeprefix("index "))
        if len(lines) > HASHES_MAX:
            raise ProofError(f"the proof has {len(lines)} hashes; at most {HASHES_MAX}", code="proof-not-readable")
        return cls(index, tuple(from_base64(line) for line in lines), checkpoint, extra)

    @property
    def data(self) -> bytes:
        extra = [f"extra {to_base64(self.extra)}"] if self.extra else []
        lines = [_HEADER, *extra, f"index {self.index}", *map(to_base64, self.hashes)]
        return "\n".join(lines).encode() + b"\n\n" + self.checkpoint

    def verify(self, entry: bytes, log: Verifier, witnesses: Sequence[Verifier] = ()) -> Seen:
        """The checkpoint under which `entry` is proven to stand at `index`; ProofError otherwise."""
        seen = open_checkpoint(self.checkpoint, log, witnesses)
        head = seen.checkpoint
        if not verify_inclusion(self.index, head.size, leaf_hash(entry), self.hashes, head.root):
            raise ProofError(
                f"the entry does not stand at {self.index} in the log of {head.size}; it was altered",
                code="entry-altered",
                details={"leaf": self.index, "leaves": head.size},
            )
        return seen
