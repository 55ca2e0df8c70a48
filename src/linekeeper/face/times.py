"""Days and instants as Python has them, and as the rooms below keep them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from linekeeper.connect.values import AT, EPOCH, FieldRejected, read_value
from linekeeper.core.bounds import DAY_MAX
from linekeeper.core.dates import date_of, epoch_day
from linekeeper.core.errors import UsageError


def instant_of(at_ms: int, zone: str) -> datetime:
    """The instant that is so many UTC milliseconds after 1970-01-01, in that time zone.

    >>> instant_of(1_740_967_200_000, "Asia/Shanghai").isoformat()
    '2025-03-03T10:00:00+08:00'
    """
    return (EPOCH + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(zone))


def ms_of(at: datetime | str) -> int:
    """UTC milliseconds of an aware `datetime`, or of ISO 8601 with an offset. Raises UsageError for any other.

    >>> ms_of("2025-03-03T10:00:00+08:00")
    1740967200000
    >>> ms_of(datetime(2025, 3, 3))
    Traceback (most recent call last):
    linekeeper.core.errors.UsageError: `at` is 2025-03-03 00:00:00, which is not a time with its UTC offset; ...
    """
    try:
        return int(read_value(AT, at))
    except FieldRejected as refused:
        raise UsageError(str(refused), code="instant-not-readable") from None


def day_of(day: date | str) -> int:
    """Days since 1970-01-01 of a `date`, or of one in ISO 8601. Raises UsageError for any other.

    >>> day_of(date(2025, 3, 3)) == day_of("2025-03-03") == 20150
    True
    >>> day_of("3 March")
    Traceback (most recent call last):
    linekeeper.core.errors.UsageError: `3 March` is not a day; give a `datetime.date`, or write it like 2024-05-31
    """
    try:
        asked = date.fromisoformat(day) if isinstance(day, str) else day
    except ValueError:
        asked = None
    if not isinstance(asked, date) or isinstance(asked, datetime):
        raise UsageError(
            f"`{str(day)[:40]}` is not a day",
            code="day-not-readable",
            way_out="give a `datetime.date`, or write it like 2024-05-31",
        )
    return epoch_day(asked)


def review_date(day: int) -> date | None:
    """The date of a day since 1970-01-01; None where it lies so far away that it stands for "never"."""
    return date_of(day) if 0 <= day <= DAY_MAX else None
