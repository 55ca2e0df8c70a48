"""What the functions of the face are given, looked at before anything is done with it."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from linekeeper.core.errors import UsageError, file_error

SHOWN_LENGTH = 40


def given_text(name: str, value: object) -> str:
    """The text that was given for an argument. Raises UsageError for anything else.

    >>> given_text("account", None)
    Traceback (most recent call last):
    linekeeper.core.errors.UsageError: `account` cannot be None; give a text
    """
    if not isinstance(value, str):
        raise refused_argument(name, value, "give a text")
    try:
        value.encode()
    except UnicodeEncodeError:  # half a character, which no store could hold
        raise refused_argument(name, value, "give a text that can be written in UTF-8") from None
    return value


def optional_text(name: str, value: object) -> str | None:
    """The same of an argument that may be left out."""
    return None if value is None else given_text(name, value)


def given_count(name: str, value: object, least: int, most: int) -> int:
    """The whole number that was given for an argument. Raises UsageError for anything else, or out of its range.

    >>> given_count("page_size", -1, 1, 100)
    Traceback (most recent call last):
    linekeeper.core.errors.UsageError: `page_size` cannot be -1; give a whole number from 1 to 100
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise refused_argument(name, value, f"give a whole number from {least} to {most:,}")
    return value


def given_path(name: str, value: object) -> Path:
    """The path that was given for an argument. Raises UsageError for anything else, FileError for no possible path."""
    if not isinstance(value, str | PathLike):
        raise refused_argument(name, value, "give a path")
    path = Path(given_text(name, str(value)))
    try:
        path.exists()
    except (OSError, ValueError) as error:  # a name that is too long, or has a zero byte in it
        raise file_error(error if isinstance(error, OSError) else OSError(str(error)), path) from None
    return path


def refused_argument(name: str, value: object, way_out: str) -> UsageError:
    """The error of an argument that cannot be used."""
    shown = repr(value)
    if len(shown) > SHOWN_LENGTH:
        shown = f"{shown[: SHOWN_LENGTH - 3]}..."
    return UsageError(
        f"`{name}` cannot be {shown}", code="argument-not-usable", way_out=way_out, details={"argument": name}
    )
