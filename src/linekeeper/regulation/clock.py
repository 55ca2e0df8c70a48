"""Notice clocks: by when a notice must be out, and from when on somebody should look. Pure functions of given times."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal as OneOf

from linekeeper.core.bounds import HOUR_MS
from linekeeper.core.dates import date_of, epoch_day
from linekeeper.core.errors import NotFound
from linekeeper.kernel.calendar import Calendar, calendar
from linekeeper.regulation.records import NoticePeriod, PeriodUnit, RegulationRecord, in_force

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class NoticeCase:
    """What a clock is asked for: where, which product, which action (`decrease`, `objection`, ...), the local zone."""

    jurisdiction: str
    product: str
    action: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class NoticeClock:
    """A notice must be out before `due_at`; from `alarm_at` on somebody should look. Both in UTC milliseconds.

    `rule` and `status` are those of the regulation record that sets the time.
    """

    due_at: int
    alarm_at: int
    rule: str
    status: str

    def state_at(self, now: int) -> OneOf["running", "alarm", "late"]:
        """The state of the clock at a time.

        >>> clock = NoticeClock(due_at=1000, alarm_at=600, rule="r", status="published")
        >>> [clock.state_at(now) for now in (599, 600, 999, 1000)]
        ['running', 'alarm', 'alarm', 'late']
        """
        return "running" if now < self.alarm_at else "alarm" if now < self.due_at else "late"


def notice_clock(
    records: Iterable[RegulationRecord],
    case: NoticeCase,
    decided_at: int,
    effect_at: int | None = None,
    holidays: Set[date] = frozenset(),
) -> NoticeClock:
    """The earliest of all clocks that bind the case.

    `decided_at` and `effect_at` (default: the time of the decision) are UTC milliseconds. A period runs from the day of
    the decision (`when: after`), or backwards from the day on which it takes effect (`when: before`). Raises
    `NotFound` where no record has a clock for the action.

    >>> from linekeeper.regulation.records import shipped_records
    >>> law = [record for record in shipped_records() if record.status != "house"]
    >>> decided = 1_777_680_000_000  # 2 May 2026, 00:00 UTC
    >>> clock = notice_clock(law, NoticeCase("US", "credit_card", "decrease", "America/New_York"), decided)
    >>> clock.rule, (clock.due_at - decided) // 86_400_000
    ('us-regb-adverse-action-notice', 30)
    """
    zone = calendar(case.time_zone)
    decided_day = zone.day(decided_at)
    effect_day = decided_day if effect_at is None else zone.day(effect_at)
    # Records that are still unverified bind too: a notice that is out too early harms nobody.
    clocks = [
        _clock(record, period, decided_day if period.when == "after" else effect_day, zone, holidays)
        for record in in_force(records, case.jurisdiction, case.product, decided_day)
        if (period := record.clock) and case.action in period.actions
    ]
    if not clocks:
        place = f"`{case.jurisdiction}`, `{case.product}`"
        raise NotFound(
            f"no clock is known for `{case.action}` in {place}",
            code="clock-not-known",
            way_out="add a record to `policies/regulation`",
            details={"action": str(case.action), "place": place},
        )
    return min(clocks, key=lambda clock: (clock.due_at, clock.rule))


def _clock(
    record: RegulationRecord, period: NoticePeriod, first_day: int, zone: Calendar, holidays: Set[date]
) -> NoticeClock:
    signed_length = period.length if period.when == "after" else -period.length
    last_day = _day_after(first_day, signed_length, period.unit, holidays)
    # Laws count in whole days of the borrower's calendar, whatever the hour of the decision: the last local day is in
    # time to its end. So all decisions of one local day share one due time, also where clocks change in between.
    due_at = zone.day_start(last_day + 1)
    return NoticeClock(due_at, due_at - period.alarm_hours * HOUR_MS, record.id, record.status)


def notice_day(from_day: int, period: NoticePeriod) -> int:
    """The first local day on which what is told on `from_day` may be in effect, where it is to be told before."""
    return _day_after(from_day, period.length, period.unit, frozenset())


def _day_after(first_day: int, count: int, unit: PeriodUnit, holidays: Set[date]) -> int:
    """The day that lies `count` days, business days or calendar months after `first_day`; before it where negative."""
    if unit == "days":
        return first_day + count
    day = date_of(first_day)
    if unit == "months":
        month_index = day.year * 12 + day.month - 1 + count
        year, month = month_index // 12, month_index % 12 + 1
        # A month later than 31 January is the last day of February, as laws that count in months have it.
        return epoch_day(date(year, month, min(day.day, monthrange(year, month)[1])))
    left, step = abs(count), timedelta(1 if count > 0 else -1)
    while left:
        day += step
        left -= day.weekday() < SATURDAY and day not in holidays
    return epoch_day(day)
