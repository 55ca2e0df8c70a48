"""Object code kept on disk between runs, in a folder that only its owner can write to.

What a file holds is run as code, so a folder or a file that another user could have written to is refused. A file is
its own SHA-256 and the bytes that it is of; one that is damaged counts as absent, and is made again.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import warnings
from pathlib import Path

ONLY_THE_OWNER = 0o700
OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
DIGEST_BYTES = 32


class KernelCacheWarning(UserWarning):
    """Compiled policies are not kept, or not used as kept: making them again takes longer and changes nothing."""


def cache_folder() -> Path | None:
    """Where compiled kernels are kept: `LINEKEEPER_CACHE`, else `~/.cache/linekeeper`; made where absent.

    None, with a warning, where it cannot be made, belongs to another user, or is open to the writing of others.
    """
    named, where = os.environ.get("LINEKEEPER_CACHE"), "~/.cache/linekeeper"
    try:
        folder = Path(named) if named else Path(where).expanduser()
        folder.mkdir(mode=ONLY_THE_OWNER, parents=True, exist_ok=True)
        status = folder.stat()
    except (OSError, RuntimeError) as error:
        _warn(named or where, _cause(error))
        return None
    if status.st_uid != os.geteuid():
        _warn(folder, "it belongs to another user")
        return None
    if status.st_mode & OTHERS_MAY_WRITE:
        _warn(folder, "others can write to it", "`chmod go-w` it, or ")
        return None
    return folder


def read_kept(name: str) -> bytes | None:
    """What was kept under a name; None where it is absent or damaged, or where another user may have written it."""
    folder = cache_folder()
    if folder is None:
        return None
    try:
        with (folder / name).open("rb") as file:
            status = os.fstat(file.fileno())
            whole = file.read()
    except OSError:
        return None
    if status.st_uid != os.geteuid() or status.st_mode & OTHERS_MAY_WRITE:
        text = f"`{folder / name}` is not used: another user may have written it; it is made again in its place"
        warnings.warn(text, KernelCacheWarning, stacklevel=2)
        return None
    content = whole[DIGEST_BYTES:]
    return content if hashlib.sha256(content).digest() == whole[:DIGEST_BYTES] else None


def keep(name: str, content: bytes) -> None:
    """Keep content under a name, whole or not at all; of two processes that do so at once, the later stays."""
    folder = cache_folder()
    if folder is None:
        return
    try:
        handle, part = tempfile.mkstemp(dir=folder, suffix=".part")  # only its owner may read and write it
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(content).digest() + content)
        os.replace(part, folder / name)
    except OSError as error:
        _warn(folder, _cause(error))


def is_kept(name: str) -> bool:
    """Whether something lies under a name."""
    folder = cache_folder()
    return folder is not None and (folder / name).exists()


def _cause(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()


def _warn(folder: Path | str, cause: str, way_out: str = "") -> None:
    text = f"compiled policies are not kept in `{folder}`: {cause}; {way_out}name another folder in LINEKEEPER_CACHE"
    warnings.warn(text, KernelCacheWarning, stacklevel=1)
