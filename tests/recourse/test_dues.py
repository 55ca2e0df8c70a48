"""Roads back follow the section `dues`, and ask for nothing that is not owed."""

from __future__ import annotations

import pytest

from linekeeper.recourse import RoadBack, find_road_back
from linekeeper.recourse.model import StepKind
from tests.recourse.accounts import DAY, small, state_after_events

LATE = "late: {when: days_past_due >= 5, cap: 50%, reason: arrears}"
IN_A_ROW = "late: {when: days_past_due >= 5, clear: on_time_streak >= 1, suspend: yes, reason: arrears}"
AT_ONCE = "restoration: {first: 100%, step: 20%, every: 30d}\n"


def road_of(triggers: str, more: str, *events: tuple[int, str, dict[str, int | str]], until: int) -> RoadBack:
    """The road back of an account of 1,000.00 after those events."""
    kernel = small(triggers, more, AT_ONCE)
    opening: tuple[int, str, dict[str, int | str]] = (0, "open", {"limit": 100_000})
    state = state_after_events(kernel, [opening, *events], until)
    road = find_road_back(kernel, state, DAY + until, compiled=False)
    assert isinstance(road, RoadBack)
    return road


def due(day: int, amount: int, due_on: int) -> tuple[int, str, dict[str, int | str]]:
    """A due, by days counted from `DAY`."""
    return day, "due", {"amount": amount, "due_on": DAY + due_on}


@pytest.mark.parametrize(("balance", "asked"), [(30_000, 20_000), (20_000, 20_000), (15_000, 15_000), (1, 1)])
def test_a_road_asks_for_no_more_than_is_owed(balance: int, asked: int) -> None:
    """Two bills of 100.00 are past due. The core system says what is owed: it is what the road asks for at most."""
    road = road_of(
        LATE,
        "",
        (1, "draw", {"amount": 30_000}),
        due(1, 10_000, 10),
        due(1, 10_000, 12),
        (20, "balance", {"amount": balance}),
        until=21,
    )
    paid = [event.fields["amount"] for event in road.fastest.events if event.kind == "repay" and event.day == DAY + 21]
    assert paid == [asked]
    steps = {step.action: step.amount_minor for step in road.fastest.steps}
    assert steps[StepKind.PAY_OVERDUE] == asked


def test_a_bill_in_its_grace_is_paid_first_and_counts_as_on_time() -> None:
    """The bill of day 10 is late and was paid on day 20; that of day 24 is in its grace on day 26. Paid within it, it
    is the one bill on time that the policy asks for."""
    road = road_of(
        IN_A_ROW,
        "dues: {grace: 3d}\n",
        (1, "draw", {"amount": 30_000}),
        due(1, 10_000, 10),
        due(20, 10_000, 24),
        (20, "repay", {"amount": 10_000}),
        until=26,
    )
    assert road.fastest.restored_day == DAY + 26
    assert road.fastest.verified


def test_a_credit_of_the_borrower_leaves_nothing_to_ask_for() -> None:
    """A cap by an old lateness; the borrower has paid too much, and an unpaid bill stands. The road is to wait."""
    road = road_of(
        "late: {when: days_past_due >= 5, hold: 30d, cap: 50%, reason: arrears}",
        "",
        (1, "draw", {"amount": 10_000}),
        due(1, 10_000, 10),
        (20, "repay", {"amount": 20_000}),
        due(21, 5_000, 22),
        until=30,
    )
    assert road.fastest.total_minor == 0
    assert {step.action for step in road.fastest.steps} <= {StepKind.NO_DRAWS, StepKind.WAIT}


def test_a_road_asks_for_all_that_is_past_due_whatever_is_tolerated() -> None:
    """490.00 of 500.00 would cure under a tolerance of 10.00. What is tolerated is still owed, so 500.00 is asked."""
    road = road_of(
        LATE,
        "dues: {tolerance: 10 CNY}\n",
        (1, "draw", {"amount": 80_000}),
        due(1, 50_000, 10),
        until=20,
    )
    steps = {step.action: step.amount_minor for step in road.fastest.steps}
    assert steps[StepKind.PAY_OVERDUE] == 50_000
