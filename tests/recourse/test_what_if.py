"""The borrower's own plan leads exactly where the kernel says."""

from __future__ import annotations

from random import Random

import pytest

from linekeeper.core.line import Status
from linekeeper.kernel.kernel import Kernel
from linekeeper.recourse.model import PathPoint
from linekeeper.recourse.what_if import Payment, what_if
from tests.recourse.accounts import DAY, GivenEvent, small, state_after_events

GIVEN: list[GivenEvent] = [
    (0, "open", {"limit": 1_000_000}),
    (1, "draw", {"amount": 300_000}),
    (2, "due", {"amount": 100_000, "due_on": DAY + 10}),
    (2, "due", {"amount": 100_000, "due_on": DAY + 40}),
]


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return small(
        """late_3: {when: days_past_due >= 3, clear: past_due = 0 CNY, hold: 20d, cap: 50%, reason: arrears}
        late_30: {when: days_past_due >= 30, clear: past_due = 0 CNY, suspend: yes, reason: arrears}"""
    )


def day_by_day(kernel: Kernel, state: list[int], payments: list[Payment], until: int) -> list[PathPoint]:
    """The line at the end of each day, looked at every day, payments at noon."""
    own, out, slots, path = list(state), kernel.new_row(), kernel.layout.slots, []
    for day in range(DAY + 13, until + 1):
        kernel.interpreted.review(own, out, day)
        for payment in payments:
            if payment.day == day:
                at = kernel.calendar.day_start(day) + 12 * 3_600_000
                kind = kernel.policy.kind("repay").number
                kernel.interpreted.step(own, out, at, kernel.calendar.hour(at), kind, [payment.amount_minor])
        path.append(PathPoint(day, own[slots["LIMIT"]], Status(own[slots["STATUS"]])))
    return path


@pytest.mark.parametrize("seed", range(20))
def test_what_if_is_the_kernel(kernel: Kernel, seed: int) -> None:
    rng = Random(seed)
    days = sorted(rng.sample(range(DAY + 13, DAY + 120), 4))
    payments = [Payment(day, rng.choice((1, 99_999, 100_000, 200_000))) for day in days]
    state = state_after_events(kernel, GIVEN, 13)
    until = DAY + 300
    result = what_if(kernel, state, DAY + 13, payments, until)
    moves = {point.day: point for point in result.path}
    now = result.path[0]
    for evening in day_by_day(kernel, state, payments, until):
        now = moves.get(evening.day, now)
        assert (now.limit_minor, now.status) == (evening.limit_minor, evening.status), evening.day


def test_nothing_else_happens_unless_asked_for(kernel: Kernel) -> None:
    state = state_after_events(kernel, GIVEN, 13)
    alone = what_if(kernel, state, DAY + 13, [Payment(DAY + 13, 100_000)], DAY + 100)
    assert [event.kind for event in alone.events] == ["repay"]
    assert alone.path[-1].status == Status.SUSPENDED  # the second due is left unpaid
    along = what_if(kernel, state, DAY + 13, [Payment(DAY + 13, 100_000)], DAY + 100, goes_on=True)
    assert {event.kind for event in along.events} == {"repay", "due"}
    assert along.path[-1].status == Status.RESTORING


def test_days_outside_the_calendar_are_refused(kernel: Kernel) -> None:
    state = state_after_events(kernel, GIVEN, 13)
    with pytest.raises(ValueError, match="before day"):
        what_if(kernel, state, DAY + 13, [], DAY + 12)
    with pytest.raises(ValueError, match="after the year 2099"):
        what_if(kernel, state, DAY + 13, [], 60_000)
