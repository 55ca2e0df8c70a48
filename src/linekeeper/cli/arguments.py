"""What people type becomes what is meant: amounts, days, instants, and files to write."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import typer


def _writable(path: Path | None) -> Path | None:
    """The path, where a file can be written there; this is checked before any work is done."""
    from linekeeper.core.errors import LinekeeperError

    if path is not None and not path.parent.is_dir():
        raise LinekeeperError(f"there is no folder `{path.parent}` to write to")
    if path is not None and path.is_dir():
        raise LinekeeperError(f"`{path}` is a folder; name a file in it")
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
    """An amount in major units as minor units; Raises LinekeeperError where it is none.

    >>> minor_units("250.50", 2)
    25050
    >>> minor_units("9e999999", 2)
    Traceback (most recent call last):
    linekeeper.core.errors.LinekeeperError: `9e999999` is not an amount; write it like 250 or 250.50
    """
    from decimal import Decimal, DecimalException

    from linekeeper.core.bounds import MONEY_MAX
    from linekeeper.core.errors import LinekeeperError

    try:
        minor = Decimal(text.replace(",", "").replace("_", "")).scaleb(exponent)
    except DecimalException:
        minor = Decimal("NaN")
    if not minor.is_finite() or minor != minor.to_integral_value() or not 0 <= minor <= MONEY_MAX:
        raise LinekeeperError(f"`{text[:40]}` is not an amount; write it like 250 or 250.50")
    return int(minor)


def day_number(text: str | None) -> int | None:
    """Days since 1970-01-01 of an ISO date; Raises LinekeeperError where it is none."""
    from linekeeper.core.errors import LinekeeperError

    if text is None:
        return None
    try:
        return (dt.date.fromisoformat(text) - dt.date(1970, 1, 1)).days
    except ValueError:
        raise LinekeeperError(f"`{text[:40]}` is not a day; write it like 2024-05-31") from None


def instant_ms(text: str) -> int:
    """UTC milliseconds of ISO 8601 with an offset, or of milliseconds; Raises LinekeeperError where it is neither."""
    from linekeeper.connect.values import AT, Refused, read_value
    from linekeeper.core.errors import LinekeeperError

    try:
        return int(read_value(AT, text, True))
    except Refused as refused:
        raise LinekeeperError(str(refused)) from None
