"""The private folder of a log's keys: what its settings name, and which master keys lie in it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from linekeeper.journal.log import durable
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.key_files import demand_own
from linekeeper.journal.log.masters import LocalMaster, load_master, new_master

SETTINGS = "log.json"
_MASTER_FILE = re.compile(r"master(?:-([1-9][0-9]{0,8}))?\.key")  # master.key is the first


@dataclass(frozen=True, slots=True)
class KeySettings:
    """The public folder, and the places of the master keys: the first one wraps the first key of a store."""

    folder: str
    masters: tuple[str, ...]

    def write(self, keys: Path) -> None:
        """Keep them in that folder, in place of what was there."""
        body = {"folder": self.folder, "masters": list(self.masters)}
        durable.write(keys / SETTINGS, json.dumps(body, indent=2).encode() + b"\n", mode=0o600)


def read_key_settings(keys: Path) -> KeySettings:
    """The settings in that folder. Raises LogError where it holds no keys of a log, or others may write there."""
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
    body = json.loads(path.read_bytes())
    return KeySettings(body["folder"], tuple(body["masters"]))


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
