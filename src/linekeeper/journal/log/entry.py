"""What stands in the log for a record: its kind and a salted commitment to its bytes, 34 bytes in all.

    version (01) || kind || HMAC-SHA256(salt, record)

The salt is 32 random bytes, new for each record. Whoever does not have it learns nothing from the commitment, even
where only a few records are possible; whoever has it can show this one record for the entry and no other.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import IntEnum

from linekeeper.journal.log.errors import ProofError

VERSION = 1
SALT_BYTES = 32
ENTRY_BYTES = 34
RECORD_MAX_BYTES = 1 << 20


class RecordKind(IntEnum):
    """What kind of record a leaf commits to."""

    DECISION = 1
    POLICY = 2  # a policy was published
    MODEL = 3  # a scorecard was published
    RULING = 4  # an appeal was ruled on
    CORRECTION = 5
    ERASURE = 6  # the key of one borrower's records was destroyed
    EVENTS = 7  # events of one borrower arrived
    NOTICE = 8  # a borrower is to be notified, or was
    LAW = 9  # borrowers are notified under a law from now on
    BATCH = 10  # a batch of a feed came, or was taken in
    ACCESS = 11  # a key of the service was made, or revoked


# A correction is numbered among the decisions, so the n-th of these leaves is the account's decision n.
DECISIONS = (RecordKind.DECISION, RecordKind.CORRECTION)


@dataclass(frozen=True, slots=True)
class Record:
    """One thing to be logged. `account` is whose key seals it; empty for what is about no borrower.

    `data` is the canonical record (RFC 8785 JSON), at most 1 MiB.

    >>> Record(RecordKind.POLICY, "", b'{"policy":"retail"}').kind.name
    'POLICY'
    """

    kind: RecordKind
    account: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """A record with the salt that opens its entry."""

    kind: RecordKind
    salt: bytes
    data: bytes

    @property
    def entry(self) -> bytes:
        return commit(self.kind, self.salt, self.data)


def commit(kind: RecordKind, salt: bytes, data: bytes) -> bytes:
    """The log entry of a record.

    >>> len(commit(RecordKind.DECISION, bytes(32), b"{}"))
    34
    """
    return bytes((VERSION, kind)) + hmac.digest(salt, data, "sha256")


def kind_of(entry: bytes) -> RecordKind:
    """The kind of record behind an entry. Raises ProofError where it is not an entry of this log."""
    if len(entry) != ENTRY_BYTES or entry[0] != VERSION or entry[1] not in RecordKind.__members__.values():
        raise ProofError(
            "the entry is not one of this log; its version or length is another", code="entry-not-readable"
        )
    return RecordKind(entry[1])
