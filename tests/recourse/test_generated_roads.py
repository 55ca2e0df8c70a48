"""Roads under generated policies: each road that is found leads where it says, to the day and the minor unit."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from linekeeper.core.line import Status
from linekeeper.kernel.kernel import kernel_of
from linekeeper.policy.load import load_text
from linekeeper.recourse import NoRoadBack, RoadBack, find_road_back
from linekeeper.recourse.verify import verify_plan_daily
from tests.oracle.generate import policy_text, stream
from tests.recourse.accounts import restrictions


@given(st.integers(0, 100_000))
@settings(max_examples=25)
def test_every_road_found_comes_true(seed: int) -> None:
    policy = load_text(policy_text(seed))
    kernel = kernel_of(policy)
    slots = kernel.layout.slots
    for state, day in list(restrictions(kernel, stream(policy, seed)))[-2:]:
        before = list(state)
        road = find_road_back(kernel, state, day, compiled=False)
        assert state == before
        if isinstance(road, NoRoadBack):
            terminal = {trigger.name for trigger in policy.triggers if trigger.terminal}
            assert (road.why == "terminal") == bool(terminal & set(road.triggers))
            continue
        assert isinstance(road, RoadBack)  # a decision that restricts leaves a line that is held down
        for plan in road.plans:
            assert plan.verified
            assert verify_plan_daily(kernel, state, day, plan)
            assert plan.path[0].day == day
            assert (plan.path[-1].status, plan.path[-1].limit_minor) == (Status.ACTIVE, state[slots["GRANTED"]])
            assert [point.day for point in plan.path[1:]] == sorted({point.day for point in plan.path[1:]})
            assert plan.early_minor <= plan.total_minor
            if state[slots["OWED_KNOWN"]]:  # no road asks for more than is owed
                assert plan.total_minor <= max(state[slots["BALANCE"]], 0)
        if road.lightest is not None:
            assert road.lightest.early_minor <= road.fastest.early_minor
            assert road.lightest.restored_day >= road.fastest.restored_day


@given(st.integers(0, 100_000))
@settings(max_examples=10)
def test_the_same_question_has_the_same_answer(seed: int) -> None:
    policy = load_text(policy_text(seed))
    kernel = kernel_of(policy)
    for state, day in list(restrictions(kernel, stream(policy, seed)))[:1]:
        assert find_road_back(kernel, state, day, compiled=False) == find_road_back(
            kernel, tuple(state), day, compiled=False
        )
