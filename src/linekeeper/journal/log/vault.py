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
from collections.abc import Callable, Iterable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from linekeeper.journal.log.entry import RECORD_MAX_BYTES, SALT_BYTES, Opened, Record, commit, kind_of
from linekeeper.journal.log.errors import LogError, ProofError
from linekeeper.journal.log.masters import KEY_BYTES, NONCE_BYTES, MasterKey

CIPHERS_MAX = 100_000  # unwrapped keys kept in memory, about 300 bytes each
_MARK_PURPOSE = b"linekeeper mark of an account"  # a key made of another key does the one thing that it is made for


class Vault:
    """Makes, opens and uses data keys. The first master wraps, unless another one is named; all of them unwrap.

    A master that is not among them is looked for by `find`: since the vault was made, a rotation may have made one.
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

    def __init__(
        self,
        masters: Sequence[MasterKey],
        ciphers_max: int = CIPHERS_MAX,
        find: Callable[[], Iterable[MasterKey]] = tuple,
    ) -> None:
        if not masters:
            raise LogError(
                "there is no master key", code="master-key-missing", way_out="name one, such as `file:master.key`"
            )
        self.master = masters[0]
        self._masters = {master.name: master for master in masters}
        self._find = find
        self._ciphers: OrderedDict[bytes, AESGCM] = OrderedDict()
        self._ciphers_max = ciphers_max
        self._lock = threading.Lock()

    def new_key(self, master: str | None = None) -> bytes:
        """A new data key, wrapped by the master of that name, or by the first one."""
        wrapping = self.master if master is None else self._master(master)
        return wrapping.wrap(os.urandom(KEY_BYTES))

    def cipher(self, master: str, wrapped: bytes) -> AESGCM:
        """The cipher of a wrapped data key. Raises LogError where its master is not at hand, or does not open it."""
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
        if name not in self._masters:
            self._masters |= {master.name: master for master in self._find()}
        return name in self._masters

    def demand_opens(self, master: str, wrapped: bytes) -> None:
        """Raises LogError where a data key does not open. Nothing is kept in memory of it."""
        self._unwrap(master, wrapped)

    def rewrap(self, master: str, wrapped: bytes) -> bytes:
        """The same data key under the first master."""
        return self.master.wrap(self._unwrap(master, wrapped))

    def _unwrap(self, master: str, wrapped: bytes) -> bytes:
        return self._master(master).unwrap(wrapped)

    def _master(self, name: str) -> MasterKey:
        if not self.has_master(name):
            raise LogError(
                f"the master key `{name}` is not at hand",
                code="master-key-missing",
                way_out="put its file back into the folder of the keys",
                details={"master": name},
            )
        return self._masters[name]

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
        except (InvalidTag, TypeError, ValueError):  # SQLite may hold text, or nothing, where bytes belong
            raise ProofError(
                "a sealed record does not open; it was altered, or belongs to another key", code="record-altered"
            ) from None
        opened = Opened(kind_of(entry), plain[:SALT_BYTES], plain[SALT_BYTES:])
        if opened.entry != entry:
            raise ProofError(
                "a sealed record is not the one that its leaf commits to; it was exchanged", code="record-altered"
            )
        return opened
