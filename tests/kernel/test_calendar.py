"""Local hours and days against `zoneinfo`, by the definition of section 2 of the language reference."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from linekeeper.core.bounds import AT_END_MS, DAY_MAX, DAY_MS, HOUR_MS
from linekeeper.kernel.calendar import Calendar, calendar
from linekeeper.kernel.prelude import month_of, month_start

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = (
    "Asia/Shanghai",
    "Asia/Taipei",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Africa/Casablanca",
    "Africa/Monrovia",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Caracas",
    "Antarctica/Troll",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Kwajalein",
    "UTC",
)
MINUTE_MS = 60_000
INSTANTS = st.integers(0, AT_END_MS - 1)


def shown(zone: ZoneInfo, at: int) -> int:
    """The hour on the wall: it can run back."""
    offset = (EPOCH + timedelta(milliseconds=at)).astimezone(zone).utcoffset()
    assert offset is not None
    return (at + offset // timedelta(milliseconds=1)) // HOUR_MS


def hour(zone: ZoneInfo, at: int) -> int:
    """The highest hour shown at any minute of the last 26 hours: no clock goes back further than a day."""
    return max(shown(zone, at - back * MINUTE_MS) for back in range(26 * 60))


def ms(text: str) -> int:
    """UTC milliseconds of an ISO time."""
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)


@given(st.sampled_from(ZONES), INSTANTS)
@example("America/New_York", ms("2024-11-03T06:30"))  # 01:30 for the second time
@example("America/New_York", ms("2024-03-10T07:00"))  # 03:00, an hour left out
@example("America/St_Johns", ms("2007-11-04T02:45"))  # 23:15 again, on the day before
@example("Australia/Lord_Howe", ms("2024-04-06T15:15"))  # half an hour back
@example("Pacific/Apia", ms("2011-12-30T10:00"))  # a day left out
@example("Pacific/Kwajalein", ms("1993-08-21T12:00"))  # another
@example("Africa/Monrovia", ms("1972-01-07T00:44"))  # 44 minutes and 30 seconds
@example("Asia/Shanghai", 0)
@example("UTC", AT_END_MS - 1)
def test_the_hour_is_the_highest_shown_so_far(name: str, at: int) -> None:
    assert calendar(name).hour(at) == hour(ZoneInfo(name), at)


@given(st.sampled_from(ZONES), st.lists(INSTANTS, min_size=2))
def test_many_at_once_and_never_back(name: str, instants: list[int]) -> None:
    hours = calendar(name).hours(np.array(sorted(instants), dtype=np.int64))
    assert hours.tolist() == [calendar(name).hour(at) for at in sorted(instants)]
    assert (np.diff(hours) >= 0).all()


@given(st.sampled_from(ZONES), st.integers(1, AT_END_MS // DAY_MS - 2))
def test_a_day_starts_where_its_first_hour_is_reached(name: str, day: int) -> None:
    start = calendar(name).day_start(day)
    assert calendar(name).day(start) >= day > calendar(name).day(start - 1)
    left_out = (name, day) in {
        ("Pacific/Apia", (date(2011, 12, 30) - date(1970, 1, 1)).days),
        ("Pacific/Kwajalein", (date(1993, 8, 21) - date(1970, 1, 1)).days),
        ("Pacific/Kiritimati", (date(1994, 12, 31) - date(1970, 1, 1)).days),
    }
    assert (calendar(name).day(start) == day) != left_out


def test_months_of_all_days() -> None:
    """Every day that a due may have, leap days among them, against `datetime`."""
    first = date(1970, 1, 1)
    for day in range(DAY_MAX + 1):
        there = first + timedelta(days=day)
        month = (there.year - 1970) * 12 + there.month - 1
        assert month_of(day) == month
        if there.day == 1:
            assert month_start(month) == day


@given(st.integers(-1_200, 12 * 2_000))
def test_a_month_starts_on_its_first_day(month: int) -> None:
    assert month_of(month_start(month)) == month
    assert month_of(month_start(month) - 1) == month - 1


@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted(available_timezones() - {"localtime"}))
def test_every_zone_by_the_hour(name: str) -> None:
    """From 1970 to 2040: the running maximum of what the wall shows."""
    zone = ZoneInfo(name)
    at = np.arange(-DAY_MS, ms("2040-01-01"), HOUR_MS, dtype=np.int64)
    walls = np.array([shown(zone, int(one)) for one in at])
    highest = np.maximum.accumulate(walls)
    assert np.array_equal(Calendar(name).hours(at)[24:], highest[24:])
