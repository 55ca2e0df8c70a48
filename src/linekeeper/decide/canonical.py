"""Canonical JSON (RFC 8785) of decisions, and their hashes.

Keys are plain ASCII and numbers are whole and below 2^53, so sorted compact JSON is already the canonical form;
a test compares it with an RFC 8785 library.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from linekeeper.core.decision import Decision
from linekeeper.core.errors import StoreError

_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(Decision)


def canonical_json(decision: Decision) -> bytes:
    """The decision as canonical JSON, UTF-8."""
    record = _ENCODER.encode(decision)
    # Keys that came later stand in no record that has nothing to say there, so older records stay as they were. A quote
    # inside a text is written with a backslash, so these bytes are nothing but the key; and each of these keys comes
    # before those of `values`, so the first place is its own.
    if decision.announcements is None:
        record = record.replace(b'"announcements":null,', b"", 1)
    if decision.offer is not None and not decision.offer.name:
        record = record.replace(b',"name":""', b"", 1)
    if decision.own_choice is None:
        record = record.replace(b',"own_choice":null', b"", 1)
    return record if decision.treatments else record.replace(b'"treatments":[],', b"", 1)


def read_decision(record: bytes) -> Decision:
    """The decision of a canonical record. Raises StoreError where the record does not hold one."""
    try:
        return _DECODER.decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise StoreError(
            "the record of a decision cannot be read; it was altered or damaged",
            code="decision-not-readable",
            way_out="run `linekeeper verify`, and restore the store from a backup",
        ) from None


def digest_of(record: bytes) -> str:
    """SHA-256 of a record, in hex."""
    return hashlib.sha256(record).hexdigest()


def digest_all(records: Iterable[bytes]) -> str:
    """SHA-256 over all records, each ended by a line feed, in canonical order: by account, then number.

    >>> digest_all([])
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    """
    total = hashlib.sha256()
    for record in records:
        total.update(record)
        total.update(b"\n")
    return total.hexdigest()
