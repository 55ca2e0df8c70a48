"""Statutory clocks: by when a notice must be out, and when to raise the alarm before. Pure functions of given times."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal as OneOf
from zoneinfo import ZoneInfo

from linekeeper.core.bounds import HOUR_MS
from linekeeper.core.errors import LinekeeperError
from linekeeper.regulation.records import NoticePeriod, RegulationRecord, in_force
from linekeeper.texts.language import EPOCH_DATE

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
    """A notice must be out before `due_at`; from `alarm_at` on somebody should look. UTC milliseconds."""

    due_at: int
    alarm_at: int
    rule: str
    status: str

    def state_at(self, now: int) -> OneOf["running", "alarm", "late"]:
        """How it stands at a time.

        >>> clock = Clock(due_at=1000, alarm_at=600, rule="r", status="found")
        >>> [clock.stands(now) for now in (599, 600, 999, 1000)]
        ['running', 'alarm', 'alarm', 'late']
        """
        return "running" if now < self.alarm_at else "alarm" if now < self.due_at else "late"


def notice_clock(
    rules: Iterable[RegulationRecord],
    case: NoticeCase,
    decided_at: int,
    effect_at: int | None = None,
    holidays: Set[date] = frozenset(),
) -> NoticeClock:
    """The earliest of all clocks that bind the case; unverified records bind too, since early harms nobody.

    `decided_at` and `effect_at` (default: the decision's own time) are UTC milliseconds. The clock runs out with the
    last local day on which the notice is still in time: so many days after the decision, or so many before the effect.
    `LinekeeperError` where no record has a clock for the action.

    >>> from linekeeper.regulation.records import shipped_records
    >>> rules = [rule for rule in shipped_records() if rule.status != "house"]
    >>> decided = 1_777_680_000_000  # 2 May 2026, 00:00 UTC
    >>> clock = notice_clock(rules, Case("US", "credit_card", "decrease", "America/New_York"), decided)
    >>> clock.rule, (clock.due_at - decided) // 86_400_000
    ('us-regb-adverse-action-notice', 30)
    """
    zone = ZoneInfo(case.time_zone)
    decided = _local_day(decided_at, zone)
    bound = in_force(rules, case.jurisdiction, case.product, (decided - EPOCH_DATE).days)
    effect = decided if effect_at is None else _local_day(effect_at, zone)
    clocks = [
        _clock(rule, period, decided if period.when == "after" else effect, zone, holidays)
        for rule in bound
        if (period := rule.clock) and case.action in period.actions
    ]
    if not clocks:
        place = f"`{case.jurisdiction}`, `{case.product}`"
        raise LinekeeperError(
            f"no clock is known for `{case.action}` in {place}; add a record to `policies/regulation`"
        )
    return min(clocks, key=lambda clock: (clock.due_at, clock.rule))


def _clock(
    rule: RegulationRecord, period: NoticePeriod, start: date, zone: ZoneInfo, holidays: Set[date]
) -> NoticeClock:
    sign = 1 if period.when == "after" else -1
    last = _moved(start, sign * period.length, period.unit, holidays)
    due_at = _midnight(last + timedelta(1), zone)
    return NoticeClock(due_at, due_at - period.alarm_hours * HOUR_MS, rule.id, rule.status)


def _moved(start: date, count: int, unit: str, holidays: Set[date]) -> date:
    """That many days, business days or calendar months on (or back)."""
    if unit == "days":
        return start + timedelta(count)
    if unit == "months":
        index = start.year * 12 + start.month - 1 + count
        year, month = index // 12, index % 12 + 1
        return date(year, month, min(start.day, monthrange(year, month)[1]))
    day, left, step = start, abs(count), timedelta(1 if count > 0 else -1)
    while left:
        day += step
        left -= day.weekday() < SATURDAY and day not in holidays
    return day


def _local_day(at: int, zone: ZoneInfo) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).astimezone(zone).date()


def _midnight(day: date, zone: ZoneInfo) -> int:
    """The first instant of a local day, in UTC milliseconds."""
    begin = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    return (begin - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
