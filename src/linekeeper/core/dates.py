"""Dates as whole days since 1970-01-01: the form in which decisions, plans and notices keep them."""

from __future__ import annotations

from datetime import date, timedelta

EPOCH_DATE = date(1970, 1, 1)


def epoch_day(day: date) -> int:
    """Days since 1970-01-01.

    >>> epoch_day(date(2026, 5, 2))
    20575
    """
    return (day - EPOCH_DATE).days


def date_of(epoch_day: int) -> date:
    """The date that is so many days after 1970-01-01.

    >>> date_of(20_575)
    datetime.date(2026, 5, 2)
    """
    return EPOCH_DATE + timedelta(epoch_day)
