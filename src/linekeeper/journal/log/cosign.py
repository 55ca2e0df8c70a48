"""Asking witnesses for their cosignatures on a new head."""

from __future__ import annotations

import http.client
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from linekeeper.journal.log.checkpoint import Checkpoint, from_decimal
from linekeeper.journal.log.errors import LogError, ProofError
from linekeeper.journal.log.note import Note, Signature, Verifier
from linekeeper.journal.log.publish import Cosign
from linekeeper.journal.log.tree import Nodes, consistency_proof
from linekeeper.journal.log.witness import PATH, Answer, Request

WAIT_S = 10.0  # for a witness's cosignature, where nothing else is said
_ANSWER_MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Remote:
    """A witness elsewhere: its key (a vkey of type 4), its address, and how long to wait for its cosignature."""

    verifier: Verifier
    url: str
    wait_s: float = WAIT_S

    def ask(self, request: Request, wait_s: float | None = None) -> Answer:
        """Send one request. Raises LogError where no answer is there in time (`wait_s`, else the witness's own)."""
        self.demand_address()
        url = self.url.rstrip("/").removesuffix(PATH) + PATH  # a witness prints its address with the path
        wait_s = max(self.wait_s if wait_s is None else wait_s, 0.001)
        try:
            return _within(wait_s, lambda: _exchange(url, request.body, wait_s))
        except OSError as error:  # of `urllib`, which wraps some of the system's errors, or the system's own
            if isinstance(getattr(error, "reason", error), TimeoutError):
                raise LogError(
                    f"the witness `{self.verifier.name}` has not answered within {self.wait_s:g} seconds",
                    code="witness-too-slow",
                    way_out="ask it again later, or wait for longer: `--witness-wait`",
                    details={"witness": self.verifier.name},
                ) from None
            raise LogError(
                f"the witness `{self.verifier.name}` cannot be reached at `{self.url}`: {_reason(error)}",
                code="witness-not-reached",
                way_out="see that it runs, or give its address anew: `--witness`",
                details={"witness": self.verifier.name},
            ) from error
        except (http.client.InvalidURL, ValueError):
            raise self._address_refused() from None
        except http.client.HTTPException as error:
            raise _answer_refused(self, f"no answer of HTTP ({type(error).__name__})") from error

    def demand_address(self) -> None:
        """Raises LogError where the address is none: it needs a scheme and a host, and has a port that can be."""
        try:
            parts = urllib.parse.urlsplit(self.url)
            fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            fits = False
        if not fits:
            raise self._address_refused()

    def _address_refused(self) -> LogError:
        return LogError(
            f"`{self.url}` is no address of a witness",
            code="witness-address-not-usable",
            way_out="write it like `--witness witness.vkey=https://witness.example`",
            details={"given": self.url},
        )


def _reason(error: OSError) -> str:
    """What the system says, in its own words alone."""
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason or "no answer").lower()


def _answer_refused(witness: Remote, what: str) -> LogError:
    return LogError(
        f"the witness `{witness.verifier.name}` sent {what}",
        code="witness-answer-not-readable",
        way_out="check its address, or tell its keeper",
        details={"witness": witness.verifier.name},
    )


def _exchange(url: str, body: bytes, wait_s: float) -> Answer:
    """One request and its answer; `wait_s` bounds each step of it, not the whole."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=wait_s) as got:
            return Answer(got.status, got.read(_ANSWER_MAX_BYTES).decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read(_ANSWER_MAX_BYTES).decode("utf-8", "replace"))


def _within(wait_s: float, work: Callable[[], Answer]) -> Answer:
    """What `work` returns or raises; TimeoutError once the time is over.

    The timeouts of sockets begin anew with each byte, so a witness that sends one now and then would hold a publication
    for hours. The work goes on in a thread that nobody waits for, which ends with the connection or the process.
    """
    done: Future[Answer] = Future()

    def go() -> None:
        try:
            done.set_result(work())
        except Exception as error:
            done.set_exception(error)

    threading.Thread(target=go, daemon=True).start()
    return done.result(wait_s)


def cosignature(witness: Remote, checkpoint: bytes, nodes: Nodes, old: int = 0) -> Signature:
    """The witness's signature on a signed checkpoint. LogError: it does not sign; ProofError: its signature is false.

    `old` is the size it cosigned last, if known; where it is another, the witness says so and is asked again. Both
    answers have to be there within the witness's `wait_s`.
    """
    until_s = time.monotonic() + witness.wait_s
    text = Note.parse(checkpoint).text
    size = Checkpoint.parse(text).size
    for _ in range(2):
        proof = tuple(consistency_proof(old, size, nodes)) if 0 < old <= size else ()
        answer = witness.ask(Request(old, proof, checkpoint), until_s - time.monotonic())
        if answer.status != 409:
            break
        try:
            old, before = from_decimal(answer.body.rstrip("\n")), old
        except ProofError:
            raise _answer_refused(witness, "a conflict (409) without the size of its last head") from None
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
        try:
            signature = Signature.parse(line)
        except ProofError:
            continue  # what cannot be read is no cosignature, which is said below
        if signature.is_by(witness.verifier) and witness.verifier.verify(text, signature.blob):
            return signature
    raise ProofError(
        f"the witness `{witness.verifier.name}` answered without a valid cosignature",
        code="cosignature-wrong",
        way_out="check its key",
        details={"witness": witness.verifier.name},
    )


def quorum(witnesses: Sequence[Remote], least: int) -> Cosign:
    """Ask those of these witnesses that have not cosigned yet. Raises LogError where fewer than `least` have then.

    For `publish`.
    """

    def cosign(checkpoint: bytes, nodes: Nodes) -> Iterable[Signature]:
        note = Note.parse(checkpoint)
        absent = [witness for witness in witnesses if note.signed_by(witness.verifier) is None]
        signatures, refusals = [], []
        for witness in absent:
            try:
                signatures.append(cosignature(witness, checkpoint, nodes))
            except LogError as error:
                refusals.append(str(error))
        signed = len(witnesses) - len(absent) + len(signatures)
        if signed < least:
            raise LogError(
                f"{signed} of {least} witnesses have signed; " + "; ".join(refusals),
                code="witnesses-too-few",
                details={"signed": signed, "needed": least},
            )
        return signatures

    return cosign
