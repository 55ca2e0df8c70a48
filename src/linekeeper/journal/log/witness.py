"""A witness cosigns a log's head once it has verified that the head continues the last one that it cosigned.

The rules are a function from request to response, `Witness.add_checkpoint`; `serve` puts them behind HTTP, on this
machine alone unless another host is given.

    POST /add-checkpoint
    old <size>
    <base64 hash>            (consistency proof, one a line)

    <signed checkpoint>

Source: c2sp.org/tlog-witness, c2sp.org/tlog-cosignature.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from linekeeper.core.bounded import SETTINGS_BYTES_MAX, read_bounded
from linekeeper.core.errors import port_error
from linekeeper.journal.log import durable
from linekeeper.journal.log.checkpoint import Checkpoint, from_decimal
from linekeeper.journal.log.errors import ProofError
from linekeeper.journal.log.note import Note, SigningKey, Verifier, from_base64, to_base64
from linekeeper.journal.log.proof import HASHES_MAX
from linekeeper.journal.log.tree import EMPTY_ROOT, verify_consistency

REQUEST_MAX_BYTES = 64 * 1024
PATH = "/add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status, a body, and the body's content type."""

    status: int
    body: str
    content_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """What a log asks: to go from `old` leaves to the head in `note`, by this consistency proof."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    @classmethod
    def parse(cls, body: bytes) -> Request:
        """The request in an HTTP body. Raises ProofError where it is malformed."""
        top, gap, note = body.partition(b"\n\n")
        first, *hashes = top.decode("ascii", "replace").split("\n")
        if not gap or not first.startswith("old ") or len(hashes) > HASHES_MAX:
            raise ProofError(
                "the request is not `old <size>`, proof lines, a blank line and a checkpoint",
                code="request-not-readable",
            )
        return cls(from_decimal(first.removeprefix("old ")), tuple(from_base64(line) for line in hashes), note)

    @property
    def body(self) -> bytes:
        return "\n".join([f"old {self.old}", *map(to_base64, self.proof)]).encode() + b"\n\n" + self.note


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness of some logs. `folder` keeps the last head of each; `logs` are the keys it trusts, by origin."""

    key: SigningKey
    folder: Path
    logs: Mapping[str, Verifier]
    now: Callable[[], int] = field(default=lambda: int(time.time()))  # seconds since 1970
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def last(self, origin: str) -> Checkpoint | None:
        """The head of that log that was cosigned last."""
        path = self._path(origin)
        return (
            Checkpoint.parse(read_bounded(path, SETTINGS_BYTES_MAX).decode("utf-8", "replace"))
            if path.exists()
            else None
        )

    def add_checkpoint(self, body: bytes) -> Answer:
        """The answer to one request; the new head is durable before its cosignature is given away."""
        try:
            request = Request.parse(body)
            note = Note.parse(request.note)
            asked = Checkpoint.parse(note.text)
        except ProofError as error:
            return Answer(400, f"{error}\n")
        log = self.logs.get(asked.origin)
        if log is None:
            return Answer(404, f"the log `{asked.origin}` is not witnessed here\n")
        try:
            signed = note.signed_by(log)
        except ProofError:
            signed = None
        if signed is None:
            return Answer(403, f"the checkpoint is not signed by `{log.name}`\n")
        with self._lock:  # reading the last head and replacing it are one step
            refusal = self._refusal(request, asked)
            if refusal is None:
                durable.write(self._path(asked.origin), asked.text.encode())
        return refusal or Answer(200, self.key.cosign(asked.text, self.now()).line)

    def _refusal(self, request: Request, asked: Checkpoint) -> Answer | None:
        last = self.last(asked.origin)
        size = last.size if last else 0
        if request.old > asked.size:
            return Answer(400, f"the old size {request.old} is above the new size {asked.size}\n")
        if request.old != size:
            return Answer(409, f"{size}\n", SIZE_TYPE)
        if asked.size == size and asked.root != (last.root if last else EMPTY_ROOT):
            return Answer(409, f"{size}\n", SIZE_TYPE)
        if not size:
            return Answer(422, "a proof from size 0 proves nothing; send none\n") if request.proof else None
        if last and not verify_consistency(size, asked.size, request.proof, last.root, asked.root):
            return Answer(422, f"the proof does not show that {asked.size} leaves continue the first {size}\n")
        return None

    def _path(self, origin: str) -> Path:
        return self.folder / sha256(origin.encode()).hexdigest()


def serve(witness: Witness, port: int = 0, host: str = "127.0.0.1") -> ThreadingHTTPServer:
    """A server for this witness, bound and not yet running: call its `serve_forever`. Port 0 picks a free one.

    Raises UsageError where the port cannot be listened on.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if self.path != PATH:
                answer = Answer(404, f"the one address here is {PATH}\n")
            elif not length.isdecimal() or int(length) > REQUEST_MAX_BYTES:
                answer = Answer(413, f"a request has at most {REQUEST_MAX_BYTES} bytes\n")
            else:
                answer = witness.add_checkpoint(self.rfile.read(int(length)))
            self._send(answer)

        def _send(self, answer: Answer) -> None:
            data = answer.body.encode()
            self.close_connection = answer.status == 413  # its body was not read
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Write no line for a request: the witness's folder holds all that matters of it."""

    try:
        return ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise port_error(error, port) from None
