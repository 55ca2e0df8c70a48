"""Signed notes: a text and the signatures under it, each by a named Ed25519 key.

    text, ending in a newline
    (blank line)
    — <key name> base64(key ID || signature)

Public keys are written as *vkeys*, `<name>+<8 hex of key ID>+base64(type || public key)`, private keys as Go's *skeys*,
`PRIVATE+KEY+<name>+<key ID>+base64(type || seed)`. Type 1 signs the text as it stands; type 4 is a witness's
cosignature of a checkpoint, with the time at which the witness saw it.

Parsing is stricter than the specification asks: what it accepts has exactly one spelling, so a note with any
one bit flipped never reads as the same note.

Source: c2sp.org/signed-note, c2sp.org/tlog-cosignature; golang.org/x/mod/sumdb/note.
"""

from __future__ import annotations

import binascii
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from linekeeper.journal.log.errors import ProofError

ED25519: Final = 1
COSIGNATURE: Final = 4  # type byte of a witness's timestamped signature, cosignature/v1
SIGNATURES_MAX = 100
NOTE_MAX_BYTES = 1 << 20
_DASH = "— "
_SKEY = "PRIVATE+KEY+"
_ED25519_BYTES = 64
_NOT_IN_NAMES = re.compile(r"[\s+\x00-\x1f]")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
# A public key is a point of the curve Ed25519: its y, and in the last bit the sign of its x.
_FIELD = 2**255 - 19
_ORDER_8_Y = int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little")
_SMALL_ORDER_Y = frozenset((0, 1, _FIELD - 1, _ORDER_8_Y, _FIELD - _ORDER_8_Y))


def to_base64(data: bytes) -> str:
    """Standard base64 (RFC 4648 section 4), padded."""
    return binascii.b2a_base64(data, newline=False).decode()


def from_base64(text: str) -> bytes:
    """The bytes of a base64 text; ProofError unless it is the one right spelling of them."""
    try:
        data = binascii.a2b_base64(text)
    except (binascii.Error, ValueError):
        data = None
    if data is None or to_base64(data) != text:
        raise ProofError(
            f"`{text[:60]}` is not base64; the file has been altered or cut short", code="note-not-readable"
        )
    return data


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """The four bytes that stand for a key in a signature line."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def check_name(name: str) -> str:
    """The name, if a key may bear it: not empty, no spaces, no `+`, no control characters."""
    if not name or _NOT_IN_NAMES.search(name):
        raise ProofError(
            f"`{name}` cannot name a key",
            code="key-name-not-usable",
            way_out="use letters without spaces or `+`, such as `example.com/log`",
            details={"given": name},
        )
    return name


# ------------------------------------------------------------------ keys


def _is_weak(public: bytes) -> bool:
    """Whether a public key is a point of small order, or written in another way than the one right spelling.

    Under a point of small order one signature fits many texts, so it is made without any private key. No key pair has
    one. Source: RFC 8032 section 5.1.3 for the spelling.

    >>> _is_weak(bytes(32)), _is_weak(SigningKey("a", bytes(32)).verifier.public)
    (True, False)
    """
    y = int.from_bytes(public, "little") & (1 << 255) - 1
    return y >= _FIELD or y in _SMALL_ORDER_Y


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with its name: what a reader must have to believe a note.

    >>> vkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    >>> Verifier.parse(vkey).name
    'example.com/foo'
    """

    name: str
    public: bytes
    kind: int = ED25519

    def __post_init__(self) -> None:
        if _is_weak(self.public):
            raise ProofError(
                f"the public key of `{self.name}` is weak: anybody can sign under it without a private key",
                code="verifier-key-weak",
                way_out="believe nothing signed under it, and ask its owner for a new key",
                details={"key": self.name},
            )

    @classmethod
    def parse(cls, vkey: str) -> Verifier:
        """The key that a vkey contains. Raises ProofError where it is none or weak, or its key ID is not its own."""
        name, _, rest = vkey.strip().partition("+")
        stated_id, _, encoded = rest.partition("+")
        material = from_base64(encoded)
        kind, public = material[:1], material[1:]
        if kind not in (bytes([ED25519]), bytes([COSIGNATURE])) or len(public) != 32:
            raise ProofError(
                f"`{vkey[:80]}` is not an Ed25519 verifier key; expected `name+id+key` as published",
                code="verifier-key-not-readable",
            )
        verifier = cls(check_name(name), public, kind[0])
        if verifier.id.hex() != stated_id:
            raise ProofError(
                f"the key ID `{stated_id}` does not belong to this key of `{name}`",
                code="verifier-key-not-readable",
                way_out="copy the key anew",
                details={"key": name},
            )
        return verifier

    @property
    def id(self) -> bytes:
        return key_id(self.name, self.kind, self.public)

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.id.hex()}+{to_base64(bytes([self.kind]) + self.public)}"

    def verify(self, text: str, signature: bytes) -> bool:
        """Whether `signature` (without key ID) is this key's over `text`."""
        message = text.encode()
        if self.kind == COSIGNATURE:
            if len(signature) != 8 + _ED25519_BYTES:
                return False
            message = cosigned_message(int.from_bytes(signature[:8], "big"), text)
            signature = signature[8:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


def cosigned_message(time_s: int, text: str) -> bytes:
    """What a witness signs: that at `time_s` (seconds since 1970) it saw this checkpoint text."""
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A private key with its name. Its `skey` is the text kept in the key file."""

    name: str
    seed: bytes
    kind: int = ED25519

    @classmethod
    def generate(cls, name: str, kind: int = ED25519) -> SigningKey:
        """A new key from the system's randomness."""
        return cls(check_name(name), os.urandom(32), kind)

    @classmethod
    def parse(cls, skey: str) -> SigningKey:
        """The key that an skey contains. Raises ProofError, which never repeats the text, where it is none."""
        parts = skey.strip().removeprefix(_SKEY).split("+", 2)
        if not skey.startswith(_SKEY) or len(parts) != 3:
            raise ProofError(
                "it is no signing key, which starts with `PRIVATE+KEY+`",
                code="signing-key-not-readable",
                way_out="restore the key file from its safe copy",
            )
        try:
            material = from_base64(parts[2])
        except ProofError:
            material = b""
        key = cls(check_name(parts[0]), material[1:], material[0] if material else 0)
        if len(material) != 33 or key.kind not in (ED25519, COSIGNATURE) or key.verifier.id.hex() != parts[1]:
            raise ProofError(
                f"the signing key of `{parts[0]}` is damaged",
                code="signing-key-not-readable",
                way_out="restore the key file from its safe copy",
                details={"key": parts[0]},
            )
        return key

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.name, self._private.public_key().public_bytes_raw(), self.kind)

    @property
    def skey(self) -> str:
        return f"{_SKEY}{self.name}+{self.verifier.id.hex()}+{to_base64(bytes([self.kind]) + self.seed)}"

    @property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def sign(self, text: str) -> Signature:
        """This key's signature over a note text."""
        return Signature(self.name, self.verifier.id, self._private.sign(text.encode()))

    def cosign(self, text: str, time_s: int) -> Signature:
        """A witness's signature: that it saw this checkpoint text at `time_s`."""
        blob = time_s.to_bytes(8, "big") + self._private.sign(cosigned_message(time_s, text))
        return Signature(self.name, self.verifier.id, blob)


# ------------------------------------------------------------------ notes


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who says to have signed, with which key, and the bytes."""

    name: str
    key_id: bytes
    blob: bytes

    @classmethod
    def parse(cls, line: str) -> Signature:
        """A signature line without its newline."""
        name, space, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not space:
            raise ProofError(
                f"`{line[:60]}` is not a signature line; it reads `— name base64`", code="note-not-readable"
            )
        data = from_base64(encoded)
        if len(data) < 5:
            raise ProofError(
                f"the signature of `{name}` is cut short", code="note-not-readable", way_out="fetch the file anew"
            )
        return cls(check_name(name), data[:4], data[4:])

    @property
    def line(self) -> str:
        return f"{_DASH}{self.name} {to_base64(self.key_id + self.blob)}\n"

    def is_by(self, verifier: Verifier) -> bool:
        """Whether it claims to be by this key; `Verifier.verify` says whether it is."""
        return (self.name, self.key_id) == (verifier.name, verifier.id)


@dataclass(frozen=True, slots=True)
class Note:
    """A text (ending in a newline) and its signatures, not yet verified.

    >>> Note("hello\\n", ()).text
    'hello\\n'
    """

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, data: bytes) -> Note:
        """The note that `data` holds. Raises ProofError where it is malformed."""
        if len(data) > NOTE_MAX_BYTES:
            raise ProofError(
                f"a signed note of {len(data)} bytes is too long; at most {NOTE_MAX_BYTES}", code="note-not-readable"
            )
        try:
            whole = data.decode()
        except UnicodeDecodeError:
            raise ProofError(
                "the signed note is not UTF-8 text", code="note-not-readable", way_out="fetch the file anew"
            ) from None
        if _CONTROL.search(whole):
            raise ProofError(
                "the signed note has control characters", code="note-not-readable", way_out="fetch the file anew"
            )
        text, gap, below = whole.rpartition("\n\n")
        if not gap or not below.endswith("\n"):
            raise ProofError(
                "the signed note has no signatures below a blank line",
                code="note-not-readable",
                way_out="fetch the file anew",
            )
        lines = below[:-1].split("\n")
        if len(lines) > SIGNATURES_MAX:
            raise ProofError(
                f"the signed note has {len(lines)} signatures; at most {SIGNATURES_MAX}", code="note-not-readable"
            )
        return cls(text + "\n", tuple(Signature.parse(line) for line in lines))

    @property
    def data(self) -> bytes:
        return (self.text + "\n" + "".join(signature.line for signature in self.signatures)).encode()

    def signed_by(self, verifier: Verifier) -> Signature | None:
        """This key's valid signature, or None. Raises ProofError where a signature names this key and is not valid."""
        own = [signature for signature in self.signatures if signature.is_by(verifier)]
        if any(not verifier.verify(self.text, signature.blob) for signature in own):
            raise ProofError(
                f"the signature of `{verifier.name}` does not fit the text; it was altered or forged",
                code="signature-wrong",
                details={"signer": verifier.name},
            )
        return own[0] if own else None

    def with_signatures(self, signatures: Iterable[Signature]) -> Note:
        """The note with further signatures below those it has."""
        return Note(self.text, (*self.signatures, *signatures))


def open_note(data: bytes, verifiers: Sequence[Verifier]) -> str:
    """The text of a note that at least one of these keys has signed, and none of them falsely.

    >>> key = SigningKey("example.com/log", bytes(32))
    >>> open_note(Note("hello\\n", (key.sign("hello\\n"),)).data, [key.verifier])
    'hello\\n'
    """
    note = Note.parse(data)
    if not [verifier for verifier in verifiers if note.signed_by(verifier)]:
        names = ", ".join(f"`{verifier.name}`" for verifier in verifiers)
        raise ProofError(
            f"the note is not signed by {names}",
            code="signature-missing",
            way_out="check that you hold the right public key",
        )
    return note.text
