"""What an option is where it is not given: a variable of the environment, then `linekeeper.toml`, then a default.

The file is the nearest one in the working folder or a folder above it. What it names by a path is relative to its own
folder, so that a command means the same store wherever in that folder it is given.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from linekeeper.core.bounded import SETTINGS_BYTES_MAX, read_bounded
from linekeeper.core.errors import FileError, StoreError, UsageError
from linekeeper.core.event import DEFAULT_SOURCE

FILE = "linekeeper.toml"
DEFAULT_STORE = "linekeeper.db"
DEFAULTS: dict[str, str | None] = {
    "store": DEFAULT_STORE,
    "keys": None,
    "lang": "en",
    "lender": None,
    "jurisdiction": None,
    "product": None,
    "source": DEFAULT_SOURCE,
    "tolerance": "24h",
}  # every setting, with its default
_PATHS = ("store", "keys", "lender")
_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting: its value, if it has one, and the variable or the file that gives it (None: its default)."""

    name: str
    value: str | None
    origin: str | None


def setting(name: str) -> Setting:
    """The value of a setting where no option is given. Raises FileError where the file cannot be read."""
    if given := os.environ.get(variable(name)):
        return Setting(name, given, variable(name))
    file = settings_file(Path.cwd())
    try:
        values = read_settings(file) if file else {}
    except FileError:
        if not is_completing():
            raise
        values = {}
    return Setting(name, values[name], str(file)) if name in values else Setting(name, DEFAULTS[name], None)


def is_completing() -> bool:
    """Whether a shell asks how to complete a word: it has no place to show an error, and awaits words in any case."""
    return "_LINEKEEPER_COMPLETE" in os.environ


def variable(name: str) -> str:
    """The variable of the environment for a setting.

    >>> variable("store")
    'LINEKEEPER_STORE'
    """
    return f"LINEKEEPER_{name.upper()}"


def settings_file(folder: Path) -> Path | None:
    """The nearest file of settings in a folder or above it."""
    candidates = (above / FILE for above in (folder, *folder.parents))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def read_settings(file: Path) -> dict[str, str]:
    """The settings of a file. Raises FileError, with the line, where it is no TOML, or holds what is no setting."""
    try:
        text = read_bounded(file, SETTINGS_BYTES_MAX).decode("utf-8")
        values = tomllib.loads(text)
    except RecursionError:
        raise _not_readable(str(file), "it is nested too deeply") from None
    except UnicodeDecodeError:
        raise _not_readable(str(file), "it is not in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))  # else it is the end of the file
        place = f"{file}:{at[1] if at else len(text.splitlines())}"
        reason = str(error).split(" (at ")[0].replace("'", "`")
        raise _not_readable(place, reason[:1].lower() + reason[1:]) from None
    for name, value in values.items():
        if name not in DEFAULTS:
            raise _fault(file, text, name, f"`{name}` is no setting", f"use {', '.join(DEFAULTS)}")
        if not isinstance(value, str) or not value:
            raise _fault(file, text, name, f"the setting `{name}` is not a text", f'write it like `{name} = "..."`')
    return {name: _from_folder(file.parent, value) if name in _PATHS else value for name, value in values.items()}


def _not_readable(place: str, reason: str) -> FileError:
    message = f"`{place}` is not readable as TOML: {reason}"
    return FileError(
        message, code="settings-not-readable", way_out='write lines like `store = "lines.db"`', place=place
    )


def _fault(file: Path, text: str, name: str, message: str, way_out: str) -> FileError:
    lines = (
        number for number, line in enumerate(text.splitlines(), 1) if re.match(rf"[\s\[\"']*{re.escape(name)}\b", line)
    )
    place = f"{file}:{next(lines, 1)}"
    return FileError(f"{place}: {message}", code="setting-not-usable", way_out=way_out, place=place)


def _from_folder(folder: Path, value: str) -> str:
    """A path as seen from a folder; a database URL as it stands, but for the path of an SQLite file.

    >>> [_from_folder(Path("/f"), text) for text in ("a.db", "sqlite:///a.db", "sqlite:////b/a.db", "postgresql://h/d")]
    ['/f/a.db', 'sqlite:////f/a.db', 'sqlite:////b/a.db', 'postgresql://h/d']
    """
    if value.startswith(_SQLITE):
        return _SQLITE + str(folder / value.removeprefix(_SQLITE))
    return value if "://" in value else str(folder / value)


# ------------------------------------------------------------------ options that a setting stands for


def store_to_write() -> str:
    """The store where none is named, which need not exist yet."""
    return str(setting("store").value)


def store_to_read() -> str:
    """The store where none is named. Raises StoreError where nothing names one and there is none by the usual name."""
    named = setting("store")
    if named.origin is None and not Path(DEFAULT_STORE).exists() and not is_completing():
        raise StoreError(
            f"there is no store `{DEFAULT_STORE}` here, and neither `--store`, `{variable('store')}` nor `{FILE}` "
            "names another",
            code="store-missing",
            way_out="name one with `--store`; `linekeeper run` makes one",
            place=DEFAULT_STORE,
        )
    return str(named.value)


def keys_named() -> Path | None:
    """The folder of the log's keys, if a setting names one."""
    return _path("keys")


def keys_required() -> Path:
    """The same for a command that works on the log. Raises UsageError where no setting names one."""
    keys = keys_named()
    if keys is None and is_completing():
        return Path()
    if keys is None:
        raise UsageError(
            "this works on the log of a store", code="log-keys-needed", way_out="name the folder of its keys: `--keys`"
        )
    return keys


def lender_named() -> Path | None:
    """The lender's profile, if a setting names one."""
    return _path("lender")


def _path(name: str) -> Path | None:
    value = setting(name).value
    return None if value is None else Path(value)


def lang_named() -> str:
    """The language of what people read."""
    return str(setting("lang").value)


def jurisdiction_named() -> str | None:
    """The law under which notices are noted, if a setting names one."""
    return setting("jurisdiction").value


def tolerance_hours() -> int:
    """How far ahead of the clock an event may be dated. Raises FileError where it is no number of hours or days."""
    named = setting("tolerance")
    read = re.fullmatch(r"([0-9]{1,3})([hd])", str(named.value))
    if not read:
        raise FileError(
            f"the setting `tolerance` is `{str(named.value)[:40]}`, which is no span of time",
            code="setting-not-usable",
            way_out="write at most 999 hours or days, like 24h or 2d",
            place=named.origin,
        )
    return int(read[1]) * (24 if read[2] == "d" else 1)


def product_named() -> str | None:
    """The product, as the regulation records name it, if a setting names one."""
    return setting("product").value


def source_named() -> str:
    """The source of feeds that name none."""
    return str(setting("source").value)
