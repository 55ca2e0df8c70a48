"""Object code kept on disk between runs, in a folder that only its owner can write to.

What a file holds is run as code, so a folder or a file that another user could have written to is refused. A file is
its own SHA-256 and the bytes that it is of; one that is damaged counts as absent, and is made again.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from linekeeper.core.errors import FileError, LinekeeperError

ONLY_THE_OWNER = 0o700
OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
DIGEST_BYTES = 32
WAY_OUT = "name another folder in LINEKEEPER_CACHE"


def cache_folder() -> Path:
    """Where compiled kernels are kept: `LINEKEEPER_CACHE`, else `~/.cache/linekeeper`; made where absent.

    Raises `FileError` where it cannot be made, belongs to another user, or is open to the writing of others.
    """
    folder = Path(os.environ.get("LINEKEEPER_CACHE") or Path.home() / ".cache" / "linekeeper")
    try:
        folder.mkdir(mode=ONLY_THE_OWNER, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise _not_kept(folder, error) from None
    if status.st_uid != os.geteuid():
        raise FileError(
            f"compiled policies are not kept in `{folder}`: it belongs to another user",
            code="kernel-cache-not-usable",
            way_out=WAY_OUT,
            place=str(folder),
        )
    if status.st_mode & OTHERS_MAY_WRITE:
        raise FileError(
            f"compiled policies are not kept in `{folder}`: others can write to it",
            code="kernel-cache-not-usable",
            way_out=f"`chmod go-w` it, or {WAY_OUT}",
            place=str(folder),
        )
    return folder


def read_kept(name: str) -> bytes | None:
    """What was kept under a name; None where it is absent or damaged, or where another user may have written it."""
    path = cache_folder() / name
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            whole = file.read()
    except OSError:
        return None
    if status.st_uid != os.geteuid() or status.st_mode & OTHERS_MAY_WRITE:
        return None
    content = whole[DIGEST_BYTES:]
    return content if hashlib.sha256(content).digest() == whole[:DIGEST_BYTES] else None


def keep(name: str, content: bytes) -> None:
    """Keep content under a name, whole or not at all; of two processes that do so at once, the later stays."""
    folder = cache_folder()
    try:
        handle, part = tempfile.mkstemp(dir=folder, suffix=".part")  # only its owner may read and write it
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(content).digest() + content)
        os.replace(part, folder / name)
    except OSError as error:
        raise _not_kept(folder, error) from None


def is_kept(name: str) -> bool:
    """Whether something lies under a name."""
    return (cache_folder() / name).exists()


def _not_kept(folder: Path, error: OSError) -> LinekeeperError:
    cause = str(error.strerror).lower()
    return FileError(
        f"compiled policies cannot be kept in `{folder}`: {cause}",
        code="kernel-cache-not-usable",
        way_out=WAY_OUT,
        place=str(folder),
    )
