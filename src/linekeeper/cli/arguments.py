"""What people type becomes what is meant: amounts, shares, days, instants."""

from __future__ import annotations

import datetime as dt

from linekeeper.core.dates import epoch_day
from linekeeper.core.errors import UsageError


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


def share_bp(text: str) -> int:
    """A share in percent as basis points. Raises UsageError where it is none.

    >>> share_bp("50%"), share_bp("12.5%")
    (5000, 1250)
    """
    from decimal import Decimal, InvalidOperation

    try:
        bp = Decimal(text.removesuffix("%")) * 100
    except InvalidOperation:
        bp = Decimal("NaN")
    if not text.endswith("%") or not bp.is_finite() or bp != bp.to_integral_value():
        raise UsageError(
            f"`{text[:40]}` is not a share",
            code="share-not-readable",
            way_out="write it like 50% or 12.5%",
            details={"given": text[:40]},
        )
    return int(bp)
