"""Roads of policies with one or two rules, where the right answer can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from linekeeper.core.line import Status
from linekeeper.kernel.kernel import Kernel
from linekeeper.recourse import NoRoadBack, Plan, RoadBack, find_road_back
from linekeeper.recourse.model import AssumptionKind, StepKind
from linekeeper.recourse.verify import verify_plan, verify_plan_daily
from tests.recourse.accounts import DAY, GivenEvent, small, state_after_events

OPEN: GivenEvent = (0, "open", {"limit": 1_000_000})


def road_of(kernel: Kernel, given: list[GivenEvent], until: int) -> RoadBack:
    """The road from DAY + `until` on; each plan of it comes true."""
    state = state_after_events(kernel, given, until)
    road = find_road_back(kernel, state, DAY + until, compiled=False)
    assert isinstance(road, RoadBack)
    assert road.verified
    assert all(verify_plan_daily(kernel, state, road.day, plan) for plan in road.plans)
    return road


def asked_of(plan: Plan) -> dict[StepKind, tuple[int, int | None]]:
    """What the plan asks for: day counted from DAY, amount."""
    return {step.action: (step.day - DAY, step.amount_minor) for step in plan.steps}


def test_pay_what_is_overdue_and_the_line_is_back_today() -> None:
    kernel = small("late: {when: days_past_due >= 3, suspend: yes, reason: arrears}")
    bill: GivenEvent = (10, "due", {"amount": 30_000, "due_on": DAY + 20})
    plan = road_of(kernel, [OPEN, (1, "draw", {"amount": 90_000}), bill], 23).fastest
    assert asked_of(plan) == {StepKind.PAY_OVERDUE: (23, 30_000)}
    assert plan.restored_day == DAY + 23
    assert [point.status for point in plan.path] == [Status.SUSPENDED, Status.ACTIVE]


def test_a_hold_and_the_restoration_give_the_dates() -> None:
    kernel = small("late: {when: days_past_due >= 3, clear: past_due = 0 CNY, hold: 30d, cap: 50%, reason: arrears}")
    bill: GivenEvent = (10, "due", {"amount": 30_000, "due_on": DAY + 20})
    plan = road_of(kernel, [OPEN, (1, "draw", {"amount": 30_000}), bill], 23).fastest
    # Paid on day 23, so `when` last held on day 23: free 30 days later, half the line; then a fifth every 30 days.
    assert [(point.day - DAY, point.limit_minor) for point in plan.path] == [
        (23, 500_000),
        (53, 500_000),
        (83, 700_000),
        (113, 900_000),
        (143, 1_000_000),
    ]


def test_the_amount_to_pay_down_is_exact() -> None:
    used = "percent(balance, granted)"
    kernel = small(f'full: {{when: "{used} >= 80%", clear: "{used} < 50%", cap: 70%, reason: use}}')
    given = [OPEN, (1, "draw", {"amount": 850_001})]
    plan = road_of(kernel, given, 2).fastest
    # 50 % of granted is 500,000; the share is floored, so 499,999 is the most that is below it: 350,002 to pay.
    assert asked_of(plan)[StepKind.PAY_DOWN] == (2, 350_002)
    short = state_after_events(kernel, [*given, (2, "repay", {"amount": 350_001})], 300)
    enough = state_after_events(kernel, [*given, (2, "repay", {"amount": 350_002})], 300)
    slots = kernel.layout.slots
    assert (short[slots["STATUS"]], enough[slots["STATUS"]]) == (Status.REDUCED, Status.ACTIVE)


def test_bills_on_time_are_counted_and_their_size_is_named() -> None:
    kernel = small(
        "late: {when: days_past_due >= 10, clear: past_due = 0 CNY and on_time_streak >= 2, suspend: yes, reason: a}"
    )
    given: list[GivenEvent] = [
        OPEN,
        (1, "draw", {"amount": 90_000}),
        (10, "due", {"amount": 30_000, "due_on": DAY + 13}),
    ]
    plan = road_of(kernel, given, 23).fastest
    bills = next(step for step in plan.steps if step.action == StepKind.PAY_ON_TIME)
    assert bills.count == 2
    assert [(event.kind, event.fields["amount"]) for event in plan.events] == [
        ("repay", 30_000),
        ("due", 30_000),
        ("repay", 30_000),
        ("due", 30_000),
        ("repay", 30_000),
    ]
    assert next(one for one in plan.assumptions if one.kind == AssumptionKind.BILLS).amount_minor == 30_000


def test_waiting_is_a_road_and_costs_nothing() -> None:
    kernel = small('rapid: {when: "count(draw, 7d) >= 3", hold: 14d, cap: 60%, reason: rapid_borrowing}')
    plan = road_of(kernel, [OPEN, *((day, "draw", {"amount": 10_000}) for day in (1, 2, 3))], 3).fastest
    assert plan.total_minor == 0
    assert StepKind.NO_DRAWS in asked_of(plan)


def test_the_lightest_way_pays_in_parts_where_nothing_gets_worse() -> None:
    kernel = small("late: {when: days_past_due >= 3, clear: past_due = 0 CNY, hold: 40d, cap: 50%, reason: arrears}")
    given: list[GivenEvent] = [
        OPEN,
        (1, "draw", {"amount": 90_000}),
        (2, "due", {"amount": 30_000, "due_on": DAY + 10}),
        (2, "due", {"amount": 60_000, "due_on": DAY + 11}),
    ]
    road = road_of(kernel, given, 23)
    assert asked_of(road.fastest)[StepKind.PAY_OVERDUE] == (23, 90_000)
    assert road.lightest is not None
    assert road.lightest.early_minor == 30_000  # a third today, the rest a month later
    assert road.lightest.restored_day > road.fastest.restored_day


def test_a_lender_that_only_reports_has_to_report_current() -> None:
    kernel = small(
        "late: {when: days_past_due >= 60, clear: days_past_due < 30, hold: 30d, suspend: yes, reason: arrears}"
    )
    given: list[GivenEvent] = [OPEN, (30, "delinquency", {"days": 30}), (60, "delinquency", {"days": 60})]
    plan = road_of(kernel, given, 60).fastest
    reported = next(step for step in plan.steps if step.action == StepKind.BE_CURRENT)
    assert {event.kind for event in plan.events} == {"delinquency"}
    assert plan.events[0].fields == {"days": 0}
    assert plan.events[0].day == reported.day
    assert plan.restored_day == reported.day + 30
    assert next(one for one in plan.assumptions if one.kind == AssumptionKind.CURRENT).day == reported.day


STATEMENTS = 'events: {statement: {balance: signed money, previous: "money?", minimum: "money?", paid: money}}\n'


def test_statements_show_what_the_plan_pays() -> None:
    kernel = small(
        'full: {when: "percent(last(statement.balance), granted) >= 90%", cap: 80%, reason: use}', STATEMENTS
    )
    given: list[GivenEvent] = [
        OPEN,
        (1, "balance", {"amount": 950_000}),
        (2, "statement", {"balance": 950_000, "paid": 0}),
    ]
    plan = road_of(kernel, given, 2).fastest
    shown = [event for event in plan.events if event.kind == "statement"]
    assert (shown[0].fields["paid"], shown[0].fields["balance"]) == (50_001, 899_999)
    step = next(step for step in plan.steps if step.amount_minor)
    assert (step.action, step.amount_minor, step.count) == (StepKind.PAY_ON_TIME, 50_001, 1)
    assert all(int(event.fields["paid"]) >= 1 for event in shown)  # later statements are not missed either


INCOME = "events: {income: {amount: money}}\n"


def test_income_may_be_proven_instead_of_paying_down() -> None:
    rule = 'poor: {when: "percent(balance, sum(income.amount, 90d)) >= 200%", cap: 60%, reason: burden}'
    kernel = small(rule, INCOME)
    road = road_of(kernel, [OPEN, (1, "draw", {"amount": 500_000})], 2)
    # Without any income, only a line that owes nothing is below the threshold.
    assert asked_of(road.fastest)[StepKind.PAY_DOWN] == (2, 500_000)
    assert road.with_report is None or road.with_report.restored_day < road.fastest.restored_day


def test_a_report_is_asked_for_where_nothing_else_helps() -> None:
    cleared = '"count(advice, 90d) >= 1 and past_due = 0 CNY"'
    rule = f"late: {{when: days_past_due >= 3, clear: {cleared}, suspend: yes, reason: arrears}}"
    kernel = small(rule, "events: {advice: {}}\n")
    plan = road_of(kernel, [OPEN, (1, "due", {"amount": 500, "due_on": DAY + 5})], 9).fastest
    report = next(step for step in plan.steps if step.action == StepKind.REPORT)
    assert (report.event_kind, report.count) == ("advice", 1)


def test_terminal_says_so_and_when_to_ask_again() -> None:
    kernel = small("gone: {when: days_past_due >= 90, close: yes, terminal: yes, expires: 5y, reason: charge_off}")
    state = state_after_events(kernel, [OPEN, (1, "delinquency", {"days": 90})], 10)
    assert find_road_back(kernel, state, DAY + 10, compiled=False) == NoRoadBack(
        "terminal", ("gone",), DAY + 1 + 5 * 365
    )


def test_a_dead_end_is_reported_as_one() -> None:
    kernel = small("late: {when: days_past_due >= 90, clear: on_time_streak >= 3, close: yes, reason: arrears}")
    given: list[GivenEvent] = [OPEN, (1, "due", {"amount": 500, "due_on": DAY + 5}), (100, "repay", {"amount": 500})]
    state = state_after_events(kernel, given, 101)
    road = find_road_back(kernel, state, DAY + 101, compiled=False, sends_dues=True, reports_delinquency=False)
    assert road == NoRoadBack("not_found", ("late",), DAY + 101 + 90)


def test_a_cap_imposed_by_a_person_ends_by_itself() -> None:
    kernel = small("late: {when: days_past_due >= 90, suspend: yes, reason: arrears}")
    ruling: GivenEvent = (1, "override", {"cap": 5_000, "until": DAY + 40})
    plan = road_of(kernel, [OPEN, ruling], 2).fastest
    assert asked_of(plan).keys() == {StepKind.WAIT}  # new loans do not matter, so nothing is said of them
    forever: GivenEvent = (1, "override", {"cap": 5_000, "until": 60_000})
    road = find_road_back(kernel, state_after_events(kernel, [OPEN, forever], 2), DAY + 2, compiled=False)
    assert road == NoRoadBack("person", (), 60_001)


def test_a_line_that_is_not_held_down_has_no_road() -> None:
    kernel = small("late: {when: days_past_due >= 90, suspend: yes, reason: arrears}")
    assert find_road_back(kernel, state_after_events(kernel, [OPEN], 5), DAY + 5, compiled=False) is None


@pytest.mark.parametrize("hours_ms", [0, 11 * 3_600_000, 11 * 3_600_000 + 3_599_999])
def test_today_is_still_today_late_in_the_evening(hours_ms: int) -> None:
    kernel = small("late: {when: days_past_due >= 3, suspend: yes, reason: arrears}")
    state = state_after_events(kernel, [OPEN, (1, "due", {"amount": 500, "due_on": DAY + 5})], 9)
    at = kernel.calendar.day_start(DAY + 9) + 12 * 3_600_000 + hours_ms
    row = (at, kernel.calendar.hour(at), kernel.policy.kind("draw").number, [100])
    assert kernel.interpreted.step(state, kernel.new_row(), *row) == 0
    road = find_road_back(kernel, state, DAY + 9, compiled=False)
    assert isinstance(road, RoadBack)
    assert road.fastest.restored_day == DAY + 9
    assert road.fastest.events[0].at >= at
    assert verify_plan_daily(kernel, state, road.day, road.fastest)


def test_a_plan_that_pays_a_cent_less_is_not_verified() -> None:
    kernel = small("late: {when: days_past_due >= 3, suspend: yes, reason: arrears}")
    state = state_after_events(kernel, [OPEN, (1, "due", {"amount": 500, "due_on": DAY + 5})], 9)
    road = find_road_back(kernel, state, DAY + 9, compiled=False)
    assert isinstance(road, RoadBack)
    payment = road.fastest.events[0]
    short = replace(road.fastest, events=(replace(payment, fields={"amount": 499}),))
    for verify in (verify_plan, verify_plan_daily):
        assert verify(kernel, state, road.day, road.fastest)
        assert not verify(kernel, state, road.day, short)


def test_a_plan_that_names_another_day_is_not_verified() -> None:
    kernel = small('rapid: {when: "count(draw, 7d) >= 3", hold: 14d, cap: 60%, reason: rapid_borrowing}')
    draws: list[GivenEvent] = [(day, "draw", {"amount": 10_000}) for day in (1, 2, 3)]
    state = state_after_events(kernel, [OPEN, *draws], 3)
    plan = road_of(kernel, [OPEN, *draws], 3).fastest
    for days in (-1, 1):
        last = replace(plan.path[-1], day=plan.restored_day + days)
        moved = replace(plan, path=(*plan.path[:-1], last))
        assert not verify_plan(kernel, state, DAY + 3, moved)
        assert not verify_plan_daily(kernel, state, DAY + 3, moved)
