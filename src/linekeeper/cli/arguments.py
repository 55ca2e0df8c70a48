"""What people type becomes what is meant: amounts, days, instants, and files to write."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import typer

from linekeeper.core.errors import FileError, UsageError


def _writable(path: Path | None) -> Path | None:
    """The path, where a file can be written there; this is checked before any work is done."""

    if path is not None and not path.parent.is_dir():
        raise FileError(
            f"there is no folder `{path.parent}` to write to", code="folder-missing", place=str(path.parent)
        )
    if path is not None and path.is_dir():
        raise FileError(f"`{path}` is a folder", code="file-is-folder", way_out="name a file in it", place=str(path))
    return path


def to_write(*names: str, about: str) -> Any:
    """An option that names a file to write."""
    return typer.Option(*names, help=about, callback=_writable)


def iso_date(day: int) -> str:
    """A day since 1970-01-01 as people type it.

    >>> iso_date(19_845)
    '2024-05-02'
    """
    return (dt.date(1970, 1, 1) + dt.timedelta(days=day)).isoformat()


def minor_units(text: str, exponent: int) -> int:
    """An amount in major units as minor units. Raises UsageError where it is none.

    >>> minor_units("250.50", 2)
    25050
    >>> minor_units("9e999999", 2)
    Traceback (most recent call last):
    linekeeper.core.errors.UsageError: `9e999999` is not an amount; write it like 250 or 250.50
    """
    from decimal import Decimal, DecimalException

    from linekeeper.core.bounds import MONEY_MAX

    try:
        minor = Decimal(text.replace(",", "").replace("_", "")).scaleb(exponent)
    except DecimalException:
        minor = Decimal("NaN")
    if not minor.is_finite() or minor != minor.to_integral_value() or not 0 <= minor <= MONEY_MAX:
        raise UsageError(
            f"`{text[:40]}` is not an amount",
            code="amount-not-readable",
            way_out="write it like 250 or 250.50",
            details={"given": text[:40]},
        )
    return int(minor)


def day_number(text: str | None) -> int | None:
    """Days since 1970-01-01 of an ISO date. Raises UsageError where it is none."""

    if text is None:
        return None
    try:
        return (dt.date.fromisoformat(text) - dt.date(1970, 1, 1)).days
    except ValueError:
        raise UsageError(
            f"`{text[:40]}` is not a day",
            code="day-not-readable",
            way_out="write it like 2024-05-31",
            details={"given": text[:40]},
        ) from None


def instant_ms(text: str) -> int:
    """UTC milliseconds of ISO 8601 with an offset, or of milliseconds. Raises UsageError where it is neither."""
    from linekeeper.connect.values import AT, FieldRejected, read_value

    try:
        return int(read_value(AT, text, True))
    except FieldRejected as refused:
        raise UsageError(str(refused), code="instant-not-readable") from None
