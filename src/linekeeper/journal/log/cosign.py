"""Asking witnesses for their cosignatures on a new head."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from linekeeper.journal.log.checkpoint import Checkpoint, from_decimal
from linekeeper.journal.log.errors import LogError, ProofError
from linekeeper.journal.log.note import Note, Signature, Verifier
from linekeeper.journal.log.publish import Cosign
from linekeeper.journal.log.tree import Nodes, consistency_proof
from linekeeper.journal.log.witness import Answer, Request

_ANSWER_MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Remote:
    """A witness elsewhere: its key (a vkey of type 4), its address, and how long to wait for it."""

    verifier: Verifier
    url: str
    wait_s: float = 10.0

    def ask(self, request: Request) -> Answer:
        """Send one request. Raises LogError where the witness cannot be reached."""
        url = self.url.rstrip("/") + "/add-checkpoint"
        if not url.startswith(("http://", "https://")):
            raise LogError(
                f"`{self.url}` is no address of a witness",
                code="witness-address-not-usable",
                way_out="it starts with https://",
                details={"given": self.url},
            )
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=request.body), timeout=self.wait_s) as got:
                return Answer(got.status, got.read(_ANSWER_MAX_BYTES).decode("utf-8", "replace"))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read(_ANSWER_MAX_BYTES).decode("utf-8", "replace"))
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            raise LogError(
                f"the witness `{self.verifier.name}` cannot be reached: {error}",
                code="witness-not-reached",
                details={"witness": self.verifier.name},
            ) from error


def cosignature(witness: Remote, checkpoint: bytes, nodes: Nodes, old: int = 0) -> Signature:
    """The witness's signature on a signed checkpoint. LogError: it does not sign; ProofError: its signature is false.

    `old` is the size it cosigned last, if known; where it is another, the witness says so and is asked again.
    """
    text = Note.parse(checkpoint).text
    size = Checkpoint.parse(text).size
    for _ in range(2):
        proof = tuple(consistency_proof(old, size, nodes)) if 0 < old <= size else ()
        answer = witness.ask(Request(old, proof, checkpoint))
        if answer.status != 409:
            break
        old, before = from_decimal(answer.body.rstrip("\n")), old
        if old == before or old > size:
            raise ProofError(
                f"the witness `{witness.verifier.name}` holds another head of {old} leaves; the log has forked",
                code="log-forked",
                details={"witness": witness.verifier.name},
            )
    if answer.status != 200:
        raise LogError(
            f"the witness `{witness.verifier.name}` refused ({answer.status}): {answer.body.strip()}",
            code="witness-refused",
            details={"witness": witness.verifier.name, "status": answer.status},
        )
    for line in answer.body.splitlines():
        signature = Signature.parse(line)
        if signature.is_by(witness.verifier) and witness.verifier.verify(text, signature.blob):
            return signature
    raise ProofError(
        f"the witness `{witness.verifier.name}` answered without a valid cosignature",
        code="cosignature-wrong",
        way_out="check its key",
        details={"witness": witness.verifier.name},
    )


def quorum(witnesses: Sequence[Remote], least: int) -> Cosign:
    """Ask all of these witnesses. Raises LogError where fewer than `least` sign. For `publish`."""

    def cosign(checkpoint: bytes, nodes: Nodes) -> Iterable[Signature]:
        signatures, refusals = [], []
        for witness in witnesses:
            try:
                signatures.append(cosignature(witness, checkpoint, nodes))
            except LogError as error:
                refusals.append(str(error))
        if len(signatures) < least:
            raise LogError(
                f"{len(signatures)} of {least} witnesses have signed; " + "; ".join(refusals),
                code="witnesses-too-few",
                details={"signed": len(signatures), "needed": least},
            )
        return signatures

    return cosign
