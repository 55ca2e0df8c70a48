"""The private folder of a log's keys: what its settings name, and which master keys lie in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import msgspec

from linekeeper.core.bounded import SETTINGS_BYTES_MAX, read_bounded
from linekeeper.journal.log import durable
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.key_files import demand_own
from linekeeper.journal.log.masters import LocalMaster, load_master, new_master

SETTINGS = "log.json"
MASTERS_MAX = 1_000
_Place = Annotated[str, msgspec.Meta(min_length=1, max_length=4_096)]
_MASTER_FILE = re.compile(r"master(?:-([1-9][0-9]{0,8}))?\.key")  # master.key is the first


class KeySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The public folder, and the places of the master keys: the first one wraps the first key of a store.

    A `folder` that is not absolute is named from the key folder.
    """

    folder: _Place
    masters: Annotated[tuple[_Place, ...], msgspec.Meta(min_length=1, max_length=MASTERS_MAX)]

    def write(self, keys: Path) -> None:
        """Keep them in that folder, in place of what was there."""
        text = msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"
        durable.write(keys / SETTINGS, text, mode=0o600)


def place_of_folder(keys: Path, folder: Path) -> str:
    """How the settings name the public folder: from the key folder where it lies beside that, else by its whole path.

    So both can be moved together, and keys on a disk of their own can be moved alone.
    """
    keys, folder = keys.resolve(), folder.resolve()
    return f"../{folder.name}" if folder.parent == keys.parent else str(folder)


def read_key_settings(keys: Path) -> KeySettings:
    """The settings in that folder. Raises LogError where they are absent or damaged, or others may write there."""
    path = keys / SETTINGS
    if not path.exists():
        raise LogError(
            f"`{keys}` holds no keys of a log",
            code="keys-missing",
            way_out=f"make them: `linekeeper log init --keys {keys}`",
            place=str(keys),
        )
    for each in (keys, path):  # the settings name the public folder and the masters
        demand_own(each)
    try:
        return msgspec.json.decode(read_bounded(path, SETTINGS_BYTES_MAX), type=KeySettings)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200].lower()
        raise LogError(
            f"the settings of the log in `{path}` are damaged: {reason}",
            code="log-settings-not-readable",
            way_out="put the file back from its safe copy",
            place=str(path),
        ) from None


def masters_by_place(keys: Path) -> dict[str, LocalMaster]:
    """The master keys at hand: those that the settings name, in that order, then every other one in the folder.

    One that the settings name may be gone, since a former master is destroyed at some time. One that they do not name
    may be the one that is needed, where the settings came back from a backup. Raises LogError where there is none.
    """
    named = read_key_settings(keys).masters
    masters: dict[str, LocalMaster] = {}
    refused: LogError | None = None
    for place in dict.fromkeys([*named, *places_of_files(keys)]):
        try:
            masters[place] = load_master(_beside(keys, place))
        except LogError as error:
            # Passed over: a file that is gone, and one that a killed rotation began, and that holds no key yet.
            if error.code != ("master-key-missing" if place in named else "master-key-not-usable"):
                raise
            refused = refused or error
    if refused and not masters:
        raise refused
    return masters


def places_of_files(keys: Path) -> list[str]:
    """The places of the files that a master key of this folder has, or had, or was to have."""
    return [f"file:{name}" for name in sorted(_numbers_of_masters(keys))]


def add_master(keys: Path) -> tuple[str, LocalMaster]:
    """Make a master key in a file of its own; its place, and the key as it can be read there."""
    file = f"master-{max(_numbers_of_masters(keys).values(), default=1) + 1}.key"
    new_master(keys / file)
    return f"file:{file}", load_master(_beside(keys, f"file:{file}"))


def _numbers_of_masters(keys: Path) -> dict[str, int]:
    """The files of master keys in the folder, each with its number."""
    named = ((path.name, _MASTER_FILE.fullmatch(path.name)) for path in keys.iterdir())
    return {name: int(match[1] or 1) for name, match in named if match}


def _beside(keys: Path, place: str) -> str:
    """`file:NAME` means a file in the key folder; an absolute path, and any other place, stays as it is."""
    scheme, _, rest = place.partition(":")
    return f"file:{keys / rest}" if scheme == "file" and not Path(rest).is_absolute() else place
