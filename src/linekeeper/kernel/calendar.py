"""Local time of a policy: hours and days of its time zone, as integers, one instant or many.

The local hour never runs back: where clocks are set back it stays at the highest hour shown before.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from linekeeper.core.bounds import AT_END_MS, HOUR_MS

Ints = NDArray[np.int64]
FEW_DAYS = 4  # up to so many days, one search after the other costs less than one over an array


Offsets = tuple[tuple[int, int], ...]  # from an instant (UTC ms) on, how many ms the local clock is ahead of UTC


class Calendar:
    """The clock of one IANA time zone from 1970 to 2100: as this machine has its rules, or as `offsets` say.

    >>> shanghai = calendar("Asia/Shanghai")
    >>> shanghai.hour(0), shanghai.day(57_600_000), shanghai.day_start(1)
    (8, 1, 57600000)
    """

    def __init__(self, zone: str, offsets: Offsets | None = None) -> None:
        self.zone = zone
        self._from: Ints
        self._offset: Ints
        self._from, self._offset = _segments(ZoneInfo(zone)) if offsets is None else np.array(offsets, np.int64).T
        raw_ends = (self._from[1:] - 1 + self._offset[:-1]) // HOUR_MS
        self._floor = (
            np.concatenate([np.array([-(2**40)]), np.maximum.accumulate(raw_ends)])
            if len(raw_ends)
            else np.array([-(2**40)])
        )
        # One instant is looked up in lists: an operation on an array costs more than the whole search there.
        self._from_one, self._offset_one = self._from.tolist(), self._offset.tolist()
        self._floor_one: list[int] = self._floor.tolist()

    def utc_offsets(self) -> Offsets:
        """From which instant (UTC ms) on the local clock is how many milliseconds ahead of UTC."""
        return tuple(zip(self._from_one, self._offset_one, strict=True))

    def offsets(self, at: Ints) -> Ints:
        """How many milliseconds the local clock is ahead of UTC at those instants (UTC ms), shape kept."""
        ahead: Ints = self._offset[np.searchsorted(self._from, at, side="right") - 1]
        return ahead

    def hours(self, at: Ints) -> Ints:
        """Local hours since 1970-01-01 of UTC milliseconds, shape kept."""
        segment = np.searchsorted(self._from, at, side="right") - 1
        local: Ints = np.maximum((at + self._offset[segment]) // HOUR_MS, self._floor[segment])
        return local

    def hour(self, at: int) -> int:
        """Local hours since 1970-01-01 of one instant."""
        segment = bisect_right(self._from_one, at) - 1
        return int(max((at + self._offset_one[segment]) // HOUR_MS, self._floor_one[segment]))

    def day(self, at: int) -> int:
        """Local days since 1970-01-01 of one instant."""
        return self.hour(at) // 24

    def day_starts(self, days: Ints) -> Ints:
        """The first instant (UTC ms) of each local day; shape kept."""
        if days.size <= FEW_DAYS:
            return np.array([self.day_start(day) for day in days.ravel().tolist()], dtype=np.int64).reshape(days.shape)
        low, high = days * 24 * HOUR_MS - 30 * HOUR_MS, days * 24 * HOUR_MS + 30 * HOUR_MS
        while bool(np.any(low < high)):  # smallest instant whose local day is reached
            middle = (low + high) // 2
            reached = self.hours(middle) // 24 >= days
            low, high = np.where(reached, low, middle + 1), np.where(reached, middle, high)
        return low

    def day_start(self, day: int) -> int:
        """The first instant (UTC ms) of a local day."""
        low, high = day * 24 * HOUR_MS - 30 * HOUR_MS, day * 24 * HOUR_MS + 30 * HOUR_MS
        return low + bisect_left(range(low, high), day, key=self.day)


@lru_cache(maxsize=64)
def calendar(zone: str, offsets: Offsets | None = None) -> Calendar:
    """The calendar of that zone, made once; with `offsets` by these, whatever rules this machine has."""
    return Calendar(zone, offsets)


def _segments(zone: ZoneInfo) -> tuple[Ints, Ints]:
    """Instants (UTC ms) from which an offset holds, and the offsets; found by bisection of 12-hour steps."""

    def offset(second: int) -> dt.timedelta | None:
        return dt.datetime.fromtimestamp(second, zone).utcoffset()

    step, second = 43_200, -86_400 * 2
    begins, offsets = [-(2**50)], [offset(second)]
    while second < AT_END_MS // 1000 + 86_400 * 2:
        after = offset(second + step)
        if after != offsets[-1]:
            low, high = second, second + step
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == offsets[-1] else (low, middle)
            begins.append(high * 1000)
            offsets.append(offset(high))
        second += step
    offsets_ms = [round(one.total_seconds() * 1000) for one in offsets if one is not None]
    return np.array(begins, dtype=np.int64), np.array(offsets_ms, dtype=np.int64)
