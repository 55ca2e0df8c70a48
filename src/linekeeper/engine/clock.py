"""Until when events may be dated and accounts reviewed: not beyond the clock, unless somebody simulates.

One event dated 2052 would carry the review of the whole book to that day: windows run empty, triggers that look at
what was paid or earned lately find nothing, and every true event after it comes late. So an event is rejected where it
lies further ahead of the clock than clocks differ, or so far back that its unit must be wrong; and nobody reviews a day
that has not begun.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from linekeeper.core.bounds import AT_END_MS, AT_MIN_MS, DAY_MAX, DAY_MS, HOUR_MS
from linekeeper.core.dates import date_of
from linekeeper.core.errors import Conflict, UsageError

if TYPE_CHECKING:
    from linekeeper.kernel.calendar import Calendar, Ints

# No revolving line of today has events from before this. Seconds that are read as milliseconds lie in January 1970.
FIRST_EVENT_MS = 315_532_800_000  # 1980-01-01T00:00:00Z


def machine_clock_ms() -> int:
    """Now, in UTC milliseconds, as this machine's clock has it."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock that an engine goes by. `tolerance_ms`: how far ahead of it an event may be dated.

    `simulated`: any time of the calendar is taken, for what-if runs on made events.

    >>> clock = Clock(lambda: 1_700_000_000_000)
    >>> clock.refusal(1_700_000_000)
    '`at` is 1970-01-20, before 1980; where seconds are meant, the mapping says `dates: seconds`'
    """

    now_ms: Callable[[], int] = machine_clock_ms
    tolerance_ms: int = DAY_MS
    simulated: bool = False

    def refusal(self, at: int) -> str | None:
        """Why an event of that instant (UTC ms) cannot have happened by now; None where it can."""
        earliest, latest = self._bounds()
        if earliest <= at <= latest:
            return None
        named = f"`at` is {date_of(at // DAY_MS)}"
        if at < earliest:
            return f"{named}, before 1980; where seconds are meant, the mapping says `dates: seconds`"
        return f"{named}, {self._ahead()}"

    def refusal_of_arrival(self, at: int, arrived: int) -> str | None:
        """Why an event of that instant cannot have arrived when it is said to have (UTC ms); None where it can."""
        if arrived > self._bounds()[1]:
            return f"`arrived` is {date_of(arrived // DAY_MS)}, {self._ahead()}"
        if at - arrived > self.tolerance_ms:
            hours = self.tolerance_ms // HOUR_MS
            return f"`at` is {date_of(at // DAY_MS)}, more than {hours} h after it arrived; mend one of the two"
        return None

    def untimely(self, at: Sequence[int] | Ints, arrived: Sequence[int] | Ints) -> list[int]:
        """The rows of events that `refusal` or `refusal_of_arrival` refuses, in their order."""
        instants, known = np.asarray(at, dtype=np.int64), np.asarray(arrived, dtype=np.int64)
        earliest, latest = self._bounds()
        untimely = (instants < earliest) | (np.maximum(instants, known) > latest)
        rows: list[int] = np.flatnonzero(untimely | (instants - known > self.tolerance_ms)).tolist()
        return rows

    def ahead(self, at: Sequence[int] | Ints) -> list[int]:
        """The rows of events that lie ahead of the clock, in their order: they alone touch other accounts."""
        rows: list[int] = np.flatnonzero(np.asarray(at, dtype=np.int64) > self._bounds()[1]).tolist()
        return rows

    def last_day(self, calendar: Calendar, at: Ints) -> int:
        """The local day of the last of these events that can be, and never a day that has not begun; 0 for none."""
        timely = at[at <= self._bounds()[1]]
        return min(calendar.day(int(timely.max())), self._today(calendar)) if len(timely) else 0

    def demand_day(self, day: int, calendar: Calendar) -> None:
        """Raises UsageError where a local day lies outside the calendar, or has not begun by this clock."""
        if not 0 <= day <= DAY_MAX:
            raise UsageError(
                f"the day `{date_of(day)}` lies outside the calendar",
                code="day-out-of-calendar",
                way_out=f"name one from {date_of(0)} to {date_of(DAY_MAX)}",
                details={"day": str(date_of(day))},
            )
        today = self._today(calendar)
        if day > today and not self.simulated:
            raise UsageError(
                f"the day `{date_of(day)}` has not begun; by this machine's clock it is {date_of(today)}",
                code="day-not-begun",
                way_out="name a day up to today, or simulate: `--simulate` (in Python `simulate=True`)",
                details={"day": str(date_of(day)), "today": str(date_of(today))},
            )

    def demand_instant(self, at: int) -> None:
        """Raises UsageError where an event of that instant (UTC ms) cannot have happened by now."""
        refusal = self.refusal(at)
        if refusal is not None:
            message, _, way_out = refusal.partition("; ")
            raise UsageError(message, code="instant-not-begun", way_out=way_out, details={"at": str(at)})

    def demand_not_behind(self, newest: int | None) -> None:
        """Raises Conflict where the store knows an instant (UTC ms) that this clock has not nearly reached.

        A clock that was set back would date a ruling before what it answers, and a proof of it would say so for good.
        """
        now = self.now_ms()
        if newest is None or self.simulated or newest - now <= self.tolerance_ms:
            return
        raise Conflict(
            f"this machine's clock is behind the store: here it is {date_of(now // DAY_MS)}, and the store knows of "
            f"{date_of(newest // DAY_MS)}",
            code="clock-behind-store",
            way_out="set the clock; where the store's times are made up, simulate: `--simulate`",
            details={"now": str(date_of(now // DAY_MS)), "newest": str(date_of(newest // DAY_MS))},
        )

    def _bounds(self) -> tuple[int, int]:
        """The earliest and the latest `at` that are taken."""
        if self.simulated:
            return AT_MIN_MS, AT_END_MS - 1
        return FIRST_EVENT_MS, self.now_ms() + self.tolerance_ms

    def _ahead(self) -> str:
        ahead = f"more than {self.tolerance_ms // HOUR_MS} h ahead of this machine's clock"
        return f"{ahead}; mend the date, or simulate: `--simulate`"

    def _today(self, calendar: Calendar) -> int:
        return calendar.day(AT_END_MS - 1 if self.simulated else self.now_ms())
