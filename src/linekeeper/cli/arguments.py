"""What people type becomes what is meant: amounts, shares, days, instants."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from linekeeper.core.dates import epoch_day
from linekeeper.core.errors import UsageError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def minor_units(text: str, exponent: int) -> int:
    """An amount in major units as minor units. Raises UsageError where it is none.

    A comma is refused: it stands before the cents in one country, and between thousands in another.

    >>> minor_units("250.50", 2)
    25050
    >>> minor_units("250,50", 2)
    Traceback (most recent call last):
    linekeeper.core.errors.UsageError: `250,50` is not an amount; write it like 250 or 250.50, without a comma
    """
    from linekeeper.core.bounds import MONEY_MAX

    minor = scaled(text, exponent)
    if minor is None or minor > MONEY_MAX:
        raise UsageError(
            f"`{text[:40]}` is not an amount",
            code="amount-not-readable",
            way_out="write it like 250 or 250.50" + (", without a comma" if "," in text else ""),
            details={"given": text[:40]},
        )
    return minor


def share_bp(text: str) -> int:
    """A share in percent as basis points. Raises UsageError where it is none.

    >>> share_bp("50%"), share_bp("12.5%")
    (5000, 1250)
    """
    bp = scaled(text[:-1], 2) if text.endswith("%") else None
    if bp is None:
        raise UsageError(
            f"`{text[:40]}` is not a share",
            code="share-not-readable",
            way_out="write it like 50% or 12.5%" + (", without a comma" if "," in text else ""),
            details={"given": text[:40]},
        )
    return bp


def currency_code(text: str) -> str:
    """An ISO 4217 code. Raises UsageError where the text is not of the form of one.

    >>> currency_code("CNY")
    'CNY'
    """
    if not (len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()):
        raise UsageError(
            f"`{text[:40]}` is not a currency",
            code="currency-not-readable",
            way_out="write three capital letters, like CNY",
            details={"given": text[:40]},
        )
    return text


def zone_of(text: str) -> ZoneInfo:
    """The time zone of that IANA name. Raises UsageError where there is none.

    >>> zone_of("Asia/Shanghai").key
    'Asia/Shanghai'
    """
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(text or "-")
    except (KeyError, ValueError, OSError):
        raise UsageError(
            f"the time zone `{text[:40]}` is not known",
            code="time-zone-not-known",
            way_out="write an IANA name, like Asia/Shanghai",
            details={"given": text[:40]},
        ) from None


def scaled(text: str, digits: int) -> int | None:
    """A decimal of plain digits, moved by so many digits to a whole number; None where it is none or does not fit.

    More decimals than that do not fit, not even zeros: half the world writes a thousand as `1.000`.

    >>> scaled("18.5", 2), scaled("18,5", 2), scaled("1.000", 2), scaled("1_000", 0)
    (1850, None, None, 1000)
    """
    import re
    from decimal import Decimal

    decimals = rf"(\.[0-9]{{1,{digits}}})?" if digits else ""
    if not re.fullmatch(rf"[0-9][0-9_]{{0,20}}{decimals}", text):
        return None
    return int(Decimal(text.replace("_", "")).scaleb(digits))


def required_day(text: str) -> int:
    """Days since 1970-01-01 of an ISO date. Raises UsageError where it is none.

    >>> required_day("2024-05-02")
    19845
    """
    try:
        return epoch_day(dt.date.fromisoformat(text))
    except ValueError:
        raise UsageError(
            f"`{text[:40]}` is not a day",
            code="day-not-readable",
            way_out="write it like 2024-05-31",
            details={"given": text[:40]},
        ) from None


def day_number(text: str | None) -> int | None:
    """The same of a day that may be left out."""
    return None if text is None else required_day(text)


def instant_ms(text: str) -> int:
    """UTC milliseconds of ISO 8601 with an offset, or of milliseconds. Raises UsageError where it is neither."""
    from linekeeper.connect.values import AT, FieldRejected, read_value

    try:
        return int(read_value(AT, text, True))
    except FieldRejected as refused:
        raise UsageError(str(refused), code="instant-not-readable") from None
