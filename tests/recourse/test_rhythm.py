"""Dates are the borrower's own rhythm: a lender that goes on as before, and a plan followed, come true to the day."""

from __future__ import annotations

from datetime import date

import pytest

from linekeeper.core.dates import epoch_day
from linekeeper.kernel.kernel import kernel_of
from linekeeper.policy.load import load_text
from linekeeper.recourse import RoadBack, find_road_back
from linekeeper.recourse.baseline import baseline_of
from linekeeper.recourse.model import StepKind
from linekeeper.recourse.rhythm import Rhythm, day_in_month, rhythm_of
from tests.recourse.accounts import DAY, HEAD, GivenEvent, state_after_events

# Bills are kept for half a year, so that the state shows their rhythm; a bill on time ends the restriction.
POLICY = f"""{HEAD}
features: {{billed: "sum(due.amount, 180d)"}}
triggers:
  late: {{when: days_past_due >= 5, clear: on_time_streak >= 2, suspend: yes, reason: arrears}}
"""
LEAD_DAYS = 12


def days_of_month(day_of_month: int, first: date, months: int) -> list[int]:
    """That day of so many months, the last one of a month that is too short."""
    month = (first.year - 1970) * 12 + first.month - 1
    return [day_in_month(month + number, day_of_month) for number in range(months)]


def road_and_dues(due_days: list[int], today: int) -> tuple[RoadBack, list[int]]:
    """The road as of a day of an account that was billed on those days and missed the last that had passed."""
    kernel = kernel_of(load_text(POLICY))
    passed = [day for day in due_days if day < today - 4]
    known = [day for day in due_days if day - LEAD_DAYS <= today]
    events: list[GivenEvent] = [(0, "open", {"limit": 1_000_000}), (1, "draw", {"amount": 500_000})]
    for day in known:
        events.append((day - LEAD_DAYS - DAY, "due", {"amount": 10_000, "due_on": day}))
        if day != passed[-1] and day < today:
            events.append((day - DAY, "repay", {"amount": 10_000}))
    ordered = sorted(events, key=lambda event: event[0])
    state = state_after_events(kernel, ordered, today - DAY)
    road = find_road_back(kernel, state, today, compiled=False)
    assert isinstance(road, RoadBack)
    return road, [day for day in due_days if day >= today]


@pytest.mark.parametrize("day_of_month", [1, 15, 28, 29, 30, 31])
@pytest.mark.parametrize("month", range(1, 13))
def test_bills_of_each_day_in_each_month(day_of_month: int, month: int) -> None:
    """Asked ten days after a bill of that month was missed; the next two bills lie where the lender will send them."""
    due_days = days_of_month(day_of_month, date(2024, 6, 1), 30)
    missed = next(day for day in due_days if day >= epoch_day(date(2025, month, 1)))
    road, to_come = road_and_dues(due_days, missed + 10)
    bills = next(step for step in road.fastest.steps if step.action == StepKind.PAY_ON_TIME)
    assert (bills.day, bills.until_day, bills.count) == (to_come[0], to_come[1], 2)
    assert road.fastest.restored_day == to_come[1]


def test_weekly_bills() -> None:
    """Four bills on time are asked for, and two are out: the others come a week apart, as those before."""
    kernel = kernel_of(load_text(POLICY.replace("on_time_streak >= 2", "on_time_streak >= 4")))
    due_days = [DAY + 30 + 7 * number for number in range(30)]
    today = due_days[12] + 5
    events: list[GivenEvent] = [(0, "open", {"limit": 1_000_000}), (1, "draw", {"amount": 500_000})]
    for day in (day for day in due_days if day - LEAD_DAYS <= today):
        events.append((day - LEAD_DAYS - DAY, "due", {"amount": 10_000, "due_on": day}))
        if day < due_days[12]:
            events.append((day - DAY, "repay", {"amount": 10_000}))
    ordered = sorted(events, key=lambda event: event[0])
    road = find_road_back(kernel, state_after_events(kernel, ordered, today - DAY), today, compiled=False)
    assert isinstance(road, RoadBack)
    dues = [event.fields["due_on"] for event in road.fastest.events if event.kind == "due"]
    assert dues == due_days[15 : 15 + len(dues)]
    assert road.fastest.restored_day in due_days


def test_bills_that_holidays_move() -> None:
    """The 5th of each month; in October the 5th lies in the long holiday, so the bill falls due on the 9th."""
    holidays = ", ".join(f"2024-10-0{day}" for day in (1, 2, 3, 4, 7, 8))
    moved = f"dues:\n  holidays: {{weekend: [saturday, sunday], also: [{holidays}]}}\n"
    kernel = kernel_of(load_text(POLICY + moved))
    days = [epoch_day(date(2024, month, 5)) for month in (5, 6, 7, 8, 9)]
    events: list[GivenEvent] = [(0, "open", {"limit": 1_000_000}), (1, "draw", {"amount": 500_000})]
    for day in days:
        events.append((day - LEAD_DAYS - DAY, "due", {"amount": 10_000, "due_on": day}))
        if day != days[-1]:
            events.append((day + 2 - DAY, "repay", {"amount": 10_000}))
    state = state_after_events(kernel, sorted(events, key=lambda event: event[0]), epoch_day(date(2024, 9, 12)) - DAY)
    road = find_road_back(kernel, state, epoch_day(date(2024, 9, 12)), compiled=False)
    assert isinstance(road, RoadBack)
    bills = next(step for step in road.fastest.steps if step.action == StepKind.PAY_ON_TIME)
    assert bills.day == epoch_day(date(2024, 10, 9))
    assert bills.until_day == epoch_day(date(2024, 11, 5))


def test_one_bill_on_the_last_of_february_is_read_by_the_bills_before_it() -> None:
    kernel = kernel_of(load_text(POLICY))
    for day_of_month in (28, 31):
        due_days = days_of_month(day_of_month, date(2024, 9, 1), 6)
        events: list[GivenEvent] = [(0, "open", {"limit": 1_000_000}), (1, "draw", {"amount": 500_000})]
        for day in due_days:
            events.append((day - LEAD_DAYS - DAY, "due", {"amount": 10_000, "due_on": day}))
            if day != due_days[-1]:
                events.append((day - DAY, "repay", {"amount": 10_000}))
        asked = epoch_day(date(2025, 2, 20))
        ordered = sorted((event for event in events if event[0] <= asked - DAY), key=lambda event: event[0])
        baseline = baseline_of(kernel, state_after_events(kernel, ordered, asked - DAY), asked)
        assert baseline.routine.cycle.day_of_month == day_of_month


def test_days_that_fit_no_rhythm_go_by_the_last() -> None:
    days = [epoch_day(date(2024, 1, 3)), epoch_day(date(2024, 2, 20)), epoch_day(date(2024, 4, 11))]
    assert rhythm_of(days) == Rhythm(0, days[-1], 11)
