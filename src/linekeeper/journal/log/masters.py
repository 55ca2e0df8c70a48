"""Master keys: they wrap the borrowers' data keys and are kept apart from the database.

Three places: a file, an environment variable, or a key management service behind the `MasterKey` protocol
(its `wrap` and `unwrap` are then one network call each).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from linekeeper.core.bounded import SETTINGS_BYTES_MAX, read_bounded
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.key_files import demand_private, write_new_key

KEY_BYTES = 32
NONCE_BYTES = 12
_PURPOSE = b"linekeeper data key"  # authenticated with each key: what was wrapped for another purpose does not open


class MasterKey(Protocol):
    """Wraps data keys. `name` is written beside each wrapped key, so that rotation finds what is left."""

    @property
    def name(self) -> str: ...

    def wrap(self, key: bytes) -> bytes:
        """32 bytes of data key -> what may lie in the database."""

    def unwrap(self, wrapped: bytes) -> bytes:
        """The data key again. Raises LogError where `wrapped` is not this master's."""


@dataclass(frozen=True, slots=True, repr=False)
class LocalMaster:
    """A master key held in this process: AES-256-GCM. Its name is a hash of the key.

    >>> master = LocalMaster(bytes(32))
    >>> master.unwrap(master.wrap(b"k" * 32)) == b"k" * 32
    True
    """

    key: bytes

    @property
    def name(self) -> str:
        return "local:" + sha256(b"linekeeper master\n" + self.key).hexdigest()[:16]

    def wrap(self, key: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self.key).encrypt(nonce, key, _PURPOSE)

    def unwrap(self, wrapped: bytes) -> bytes:
        try:
            return AESGCM(self.key).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _PURPOSE)
        except (InvalidTag, TypeError, ValueError):  # SQLite may hold text where bytes belong
            raise LogError(
                f"a data key does not open with the master key `{self.name}`; it was altered",
                code="master-key-wrong",
                details={"master": self.name},
            ) from None


def load_master(where: str) -> LocalMaster:
    """The master key at `file:PATH` or `env:NAME`, 64 hex digits. Raises LogError where there is none.

    >>> load_master("paper:top")
    Traceback (most recent call last):
    ...
    linekeeper.core.errors.LogError: `paper:top` is no place for a master key; write `file:PATH` or `env:NAME`
    """
    scheme, _, rest = where.partition(":")
    if scheme == "file":
        path = Path(rest)
        if not path.exists():
            raise LogError(
                f"there is no master key at `{rest}`",
                code="master-key-missing",
                way_out="put it back, or make one before the first record",
                place=rest,
            )
        demand_private(path)
        text = read_bounded(path, SETTINGS_BYTES_MAX).decode("ascii", "replace")
    elif scheme == "env":
        text = os.environ.get(rest, "")
    else:
        raise LogError(
            f"`{where}` is no place for a master key",
            code="master-key-not-usable",
            way_out="write `file:PATH` or `env:NAME`",
        )
    written = text.strip()
    try:
        key = bytes.fromhex(written)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES or written != key.hex():  # as it was written, and in no other letters
        raise LogError(
            f"`{where}` does not hold a master key, which has {2 * KEY_BYTES} hex digits in small letters",
            code="master-key-not-usable",
            way_out="put it back from its safe copy",
            place=where,
        )
    return LocalMaster(key)


def new_master(path: Path) -> LocalMaster:
    """Make a master key and keep it at `path`, readable by its owner alone; never replaces a file."""
    key = os.urandom(KEY_BYTES)
    write_new_key(path, f"{key.hex()}\n")
    return LocalMaster(key)
