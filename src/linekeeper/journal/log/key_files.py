"""Files of keys and their folders: refused, as ssh does, where somebody else could have put another key there.

A file that holds a key is never replaced.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from linekeeper.core.bounded import SETTINGS_BYTES_MAX, demand_regular, read_bounded
from linekeeper.journal.log import durable
from linekeeper.journal.log.errors import LogError, ProofError
from linekeeper.journal.log.note import COSIGNATURE, ED25519, Verifier

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OTHERS_MAY_ACT = stat.S_IRWXG | stat.S_IRWXO


def demand_own(path: Path) -> None:
    """Raises LogError where a file or folder is another user's than root's or one's own, or others may write to it."""
    status = path.stat()
    if status.st_uid not in (0, os.geteuid()):
        raise LogError(
            f"`{path}` belongs to another user, who may put another key there",
            code="key-of-another-user",
            way_out=f"check what it holds, then take it over: chown {os.geteuid()} {path}; or use a copy of your own",
            place=str(path),
            details={"owner": status.st_uid},
        )
    if status.st_mode & _OTHERS_MAY_WRITE:
        raise LogError(
            f"others may write to `{path}`, and put another key there",
            code="key-open-to-others",
            way_out=f"check what it holds, then take that away: chmod go-w {path}",
            place=str(path),
        )


def demand_private(path: Path) -> None:
    """Raises LogError where others can read or write the file of a secret, or where it is another user's.

    FileError where it is no file, but a folder, a pipe or a device.
    """
    demand_regular(path)
    if path.stat().st_mode & _OTHERS_MAY_ACT:
        raise LogError(
            f"others may read `{path}`",
            code="key-not-private",
            way_out=f"take that away: chmod 600 {path}",
            place=str(path),
        )
    demand_own(path)


def write_new_key(path: Path, text: str) -> None:
    """Keep a secret in a new file that its owner alone may read. Raises LogError where a file is: none is replaced."""
    try:
        durable.write_new(path, text.encode(), mode=0o600)
    except FileExistsError:
        raise LogError(
            f"`{path}` already holds a key", code="key-already-there", way_out="choose another place", place=str(path)
        ) from None


def read_verifier(path: Path, kind: int = ED25519) -> Verifier:
    """The public key in a file: a log's, or with `COSIGNATURE` a witness's.

    Raises FileError where there is no file, LogError where others could have put another key there, ProofError where
    it holds no key of that kind.
    """
    demand_regular(path)
    demand_own(path)
    try:
        verifier = Verifier.parse(read_bounded(path, SETTINGS_BYTES_MAX).decode("utf-8", "replace").strip())
    except ProofError as error:
        raise error.of_file(path, f"`{path}` holds no public key that can be used: {error.message}") from None
    if verifier.kind != kind:
        wanted = "a witness" if kind == COSIGNATURE else "a log"
        raise ProofError(
            f"the key of `{verifier.name}` is not that of {wanted}",
            code="verifier-key-not-readable",
            way_out="name the file of the right key",
            place=str(path),
            details={"key": verifier.name},
        )
    return verifier
