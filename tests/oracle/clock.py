"""Local hours, days and months of a time zone, from `datetime` and `zoneinfo`, as section 2 of the page words them.

>>> shanghai = clock("Asia/Shanghai")
>>> hour = shanghai.hour(1_700_000_000_000)  # 2023-11-14 22:13:20 UTC, 06:13 of the 15th in Shanghai
>>> day_of(hour), hour_of_day(hour), day_of(hour) == date_day(2023, 11, 15)
(19676, 6, True)
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_MS = -7 * DAY_MS  # a week before the first instant an event may have
LAST_MS = 47_483 * DAY_MS  # past 2100-01-01, where events end


def date_day(year: int, month: int, day: int) -> int:
    """A calendar date as days since 1970-01-01.

    >>> date_day(1970, 1, 31)
    30
    """
    return (date(year, month, day) - date(1970, 1, 1)).days


def day_of(hour: int) -> int:
    """The local day of a local hour."""
    return hour // 24


def hour_of_day(hour: int) -> int:
    """0 to 23."""
    return hour % 24


def month_of(day: int) -> int:
    """The local month of a local day: months since January 1970.

    >>> month_of(date_day(2024, 2, 29)) - month_of(date_day(2023, 12, 31))
    2
    """
    there = date(1970, 1, 1) + timedelta(days=day)
    return (there.year - 1970) * 12 + there.month - 1


class Clock:
    """The local time of one zone. `changes` are the instants (UTC ms) at which its offset changes, in order."""

    def __init__(self, time_zone: str) -> None:
        self.zone = ZoneInfo(time_zone)
        self.changes = self._changes()
        self._offsets = [self._offset_ms(at) for at in (FIRST_MS, *self.changes)]  # by the changes that came before
        self._starts: dict[int, int] = {}  # of hours that were asked for
        self._highest_before: list[int] = []  # by change: the highest hour shown before it
        for change in self.changes:
            earlier = self._highest_before[-1:]
            self._highest_before.append(max([self.shown(change - 1), *earlier]))

    def offset_ms(self, at: int) -> int:
        """What is added to UTC at the instant `at`."""
        if FIRST_MS <= at < LAST_MS - DAY_MS:
            return self._offsets[bisect_right(self.changes, at)]
        return self._offset_ms(at)

    def _offset_ms(self, at: int) -> int:
        offset = (EPOCH + timedelta(milliseconds=at)).astimezone(self.zone).utcoffset()
        assert offset is not None
        return offset // timedelta(milliseconds=1)

    def shown(self, at: int) -> int:
        """The hour that clocks on the wall show; it can run back."""
        return (at + self.offset_ms(at)) // HOUR_MS

    def hour(self, at: int) -> int:
        """The local hour of an instant, in hours since 1970-01-01; where clocks go back it stays."""
        past = bisect_right(self.changes, at)
        return max([self.shown(at), *self._highest_before[max(past - 1, 0) : past]])

    def start_of_hour(self, hour: int) -> int:
        """The first instant (UTC ms) whose local hour is `hour` or later, found by halving."""
        if hour not in self._starts:
            low, high = hour * HOUR_MS - 2 * DAY_MS, hour * HOUR_MS + 2 * DAY_MS
            while low < high:
                middle = (low + high) // 2
                low, high = (low, middle) if self.hour(middle) >= hour else (middle + 1, high)
            self._starts[hour] = low
        return self._starts[hour]

    def _changes(self) -> list[int]:
        """Look twice a day; where the offset has changed, halve down to the millisecond."""
        found = []
        before = self._offset_ms(FIRST_MS)
        for end in range(FIRST_MS + DAY_MS // 2, LAST_MS, DAY_MS // 2):
            after = self._offset_ms(end)
            if after == before:
                continue
            low, high = end - DAY_MS // 2, end
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if self._offset_ms(middle) == before else (low, middle)
            found.append(high)
            before = after
        return found


@lru_cache(maxsize=32)
def clock(time_zone: str) -> Clock:
    """The clock of a zone by its IANA name; made once."""
    return Clock(time_zone)
