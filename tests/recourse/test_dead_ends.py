"""Law 8: a policy that can lock a borrower out for good is found out, with a state that anyone can reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from linekeeper.core.line import Status
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.load import load_file
from linekeeper.recourse.dead_ends import DeadEnd, describe_dead_end, find_dead_ends, survey_dead_ends
from linekeeper.recourse.verify import encoded_fields
from tests.recourse.accounts import small

ROOT = Path(__file__).resolve().parents[2]
LATE = "late: {when: days_past_due >= 90, close: yes, reason: arrears, clear: on_time_streak >= 3"
CATCH = {
    "bills that a closed line never gets": LATE + "}",
    "a count that never falls": "x: {when: days_past_due >= 30, clear: months_on_book < 0, cap: 50%, reason: a}",
    "a use of the limit that was cut": 'full: {when: "granted > limit or days_past_due >= 30", cap: 50%, reason: u}',
}
FAIR = {
    "bills, or nothing owed": LATE + " or balance <= 0 CNY}",
    "by waiting": 'often: {when: "late_count(30, 12m) >= 1", hold: 30d, cap: 50%, reason: arrears}',
    "by expiry": LATE.replace("3", "99") + ", expires: 1y}",
    "terminal, and says so": LATE + ", terminal: yes}",
}


@pytest.mark.parametrize("name", CATCH)
def test_a_dead_end_is_found(name: str) -> None:
    kernel = small(CATCH[name])
    (dead_end,) = find_dead_ends(kernel.policy)
    assert dead_end.triggers == (kernel.policy.triggers[0].name,)
    assert dead_end.triggers[0] in describe_dead_end(kernel.policy, dead_end)
    assert _replayed(kernel, dead_end) == (
        dead_end.limit_minor,
        dead_end.granted_minor,
        dead_end.balance_minor,
        dead_end.status,
    )


@pytest.mark.parametrize("name", FAIR)
def test_a_way_out_is_not_called_a_dead_end(name: str) -> None:
    assert find_dead_ends(small(FAIR[name]).policy) == []


def test_the_witness_of_the_closed_line_owes_nothing() -> None:
    kernel = small(CATCH["bills that a closed line never gets"])
    (dead_end,) = find_dead_ends(kernel.policy)
    assert (dead_end.status, dead_end.balance_minor, dead_end.sends_dues) == (Status.CLOSED, 0, True)


def test_the_two_sides_of_a_trigger_that_only_a_lender_with_dues_can_set() -> None:
    kernel = small("late: {when: past_due > 0 CNY, suspend: yes, reason: a}")
    survey = survey_dead_ends(kernel.policy)
    assert survey.reached == {"late"}
    assert survey.dead_ends == []


@pytest.mark.parametrize("name", ["consumer-loan", "credit-card"])
def test_the_example_policies_have_no_dead_end(name: str) -> None:
    survey = survey_dead_ends(load_file(ROOT / "policies" / f"{name}.yaml"))
    assert survey.dead_ends == []
    assert survey.unreached == set()
    assert survey.states > 30


def _replayed(kernel: Kernel, dead_end: DeadEnd) -> tuple[int, int, int, Status]:
    """The line that the witness's events lead to, by the kernel's own doors."""
    run, slots = kernel.interpreted, kernel.layout.slots
    state, out = kernel.new_state(), kernel.new_row()
    for event in dead_end.events:
        hour, kind = kernel.calendar.hour(event.at), kernel.policy.kind(event.kind)
        while state[slots["OPENED"]] and state[slots["NEXT_REVIEW"]] <= hour // 24:
            run.review(state, out, state[slots["NEXT_REVIEW"]])
        run.step(state, out, event.at, hour, kind.number, encoded_fields(kind, event))
    while state[slots["NEXT_REVIEW"]] <= dead_end.day:
        run.review(state, out, state[slots["NEXT_REVIEW"]])
    return state[slots["LIMIT"]], state[slots["GRANTED"]], state[slots["BALANCE"]], Status(state[slots["STATUS"]])
