"""Sealing: each record is encrypted under its borrower's own key, so destroying one key erases one borrower's records.

    sealed = nonce (12) || AES-256-GCM(data key, salt (32) || record)

The log's entry commits to the record (see `entry`). Opening checks one against the other, so a record that was swapped
or altered does not open.
"""

from __future__ import annotations

import hmac
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from linekeeper.journal.log.entry import RECORD_MAX_BYTES, SALT_BYTES, Opened, Record, commit, kind_of
from linekeeper.journal.log.errors import LogError, ProofError
from linekeeper.journal.log.masters import KEY_BYTES, NONCE_BYTES, MasterKey

CIPHERS_MAX = 100_000  # unwrapped keys kept in memory, about 300 bytes each
_MARK_PURPOSE = b"linekeeper mark of an account"  # a key made of another key does the one thing that it is made for


class Vault:
    """Makes, opens and uses data keys. The first master wraps; all of them unwrap.

    Unwrapped keys are cached by their wrapped form. A key that was deleted from the database is therefore never used
    again, however long it stays in memory.

    >>> from linekeeper.journal.log.entry import RecordKind
    >>> from linekeeper.journal.log.masters import LocalMaster
    >>> vault = Vault([LocalMaster(bytes(32))])
    >>> cipher = vault.cipher(vault.master.name, vault.new_key())
    >>> [(entry, sealed)] = vault.seal([Record(RecordKind.DECISION, "A", b"{}")], [cipher])
    >>> vault.open(entry, sealed, cipher).data
    b'{}'
    """

    def __init__(self, masters: Sequence[MasterKey], ciphers_max: int = CIPHERS_MAX) -> None:
        if not masters:
            raise LogError(
                "there is no master key", code="master-key-missing", way_out="name one, such as `file:master.key`"
            )
        self.master = masters[0]
        self._masters = {master.name: master for master in masters}
        self._ciphers: OrderedDict[bytes, AESGCM] = OrderedDict()
        self._ciphers_max = ciphers_max
        self._lock = threading.Lock()

    def new_key(self) -> bytes:
        """A new data key, wrapped by the first master."""
        return self.master.wrap(os.urandom(KEY_BYTES))

    def cipher(self, master: str, wrapped: bytes) -> AESGCM:
        """The cipher of a wrapped data key. Raises LogError where its master is not at hand."""
        with self._lock:
            cipher = self._ciphers.get(wrapped)
            if cipher is not None:
                self._ciphers.move_to_end(wrapped)
                return cipher
        cipher = AESGCM(self._unwrap(master, wrapped))  # a key management service may take its time: others go on
        with self._lock:
            self._ciphers[wrapped] = cipher
            if len(self._ciphers) > self._ciphers_max:
                self._ciphers.popitem(last=False)
        return cipher

    def marks(self, master: str, wrapped: bytes, accounts: Sequence[str]) -> list[str]:
        """For each account a hash under a key made of that data key, in hex.

        Whoever has the database alone cannot tell whose it is, not even by trying all accounts; whoever has the master
        key too can ask of one account whether the hash is its own.
        """
        key = hmac.digest(self._unwrap(master, wrapped), _MARK_PURPOSE, "sha256")
        return [hmac.digest(key, account.encode(), "sha256").hex() for account in accounts]

    def has_master(self, name: str) -> bool:
        """Whether the master key of that name is at hand."""
        return name in self._masters

    def rewrap(self, master: str, wrapped: bytes) -> bytes:
        """The same data key under the first master."""
        return self.master.wrap(self._unwrap(master, wrapped))

    def _unwrap(self, master: str, wrapped: bytes) -> bytes:
        if master not in self._masters:
            raise LogError(
                f"the master key `{master}` is not at hand",
                code="master-key-missing",
                way_out="name it among the masters",
                details={"master": master},
            )
        return self._masters[master].unwrap(wrapped)

    def seal(self, records: Sequence[Record], ciphers: Sequence[AESGCM]) -> list[tuple[bytes, bytes]]:
        """(log entry, sealed record) of each record, under the cipher at its place."""
        # The salt is sealed together with the record. A borrower's record has few possible contents, so whoever knew
        # the salt could try them all against the public entry; once the key is destroyed, nobody can.
        chance = os.urandom((SALT_BYTES + NONCE_BYTES) * len(records))
        sealed = []
        for at, (record, cipher) in enumerate(zip(records, ciphers, strict=True)):
            if len(record.data) > RECORD_MAX_BYTES:
                raise LogError(
                    f"a record of `{record.account}` has {len(record.data)} bytes; at most 1 MiB",
                    code="entry-too-long",
                    details={"account": record.account},
                )
            start = at * (SALT_BYTES + NONCE_BYTES)
            salt = chance[start : start + SALT_BYTES]
            nonce = chance[start + SALT_BYTES : start + SALT_BYTES + NONCE_BYTES]
            entry = commit(record.kind, salt, record.data)
            sealed.append((entry, nonce + cipher.encrypt(nonce, salt + record.data, None)))
        return sealed

    def open(self, entry: bytes, sealed: bytes, cipher: AESGCM) -> Opened:
        """The record behind an entry. Raises ProofError where it is not the one that was committed to."""
        try:
            plain = cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
        except (InvalidTag, ValueError):
            raise ProofError(
                "a sealed record does not open; it was altered, or belongs to another key", code="record-altered"
            ) from None
        opened = Opened(kind_of(entry), plain[:SALT_BYTES], plain[SALT_BYTES:])
        if opened.entry != entry:
            raise ProofError(
                "a sealed record is not the one that its leaf commits to; it was exchanged", code="record-altered"
            )
        return opened
