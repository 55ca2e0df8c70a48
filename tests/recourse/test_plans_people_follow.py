"""Plans that a person can follow: within the borrower's own past, without needless conditions, whatever its kinds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from linekeeper.core.errors import LinekeeperError
from linekeeper.kernel.kernel import Kernel, kernel_of
from linekeeper.policy.load import load_text
from linekeeper.recourse import NoRoadBack, Plan, RoadBack, find_road_back
from linekeeper.recourse.acceptance import PlanFault, faults_of_plan
from linekeeper.recourse.meaning import Meaning, meanings_of
from linekeeper.recourse.model import PlannedEvent, Step, StepKind
from linekeeper.recourse.verify import verify_plan_daily
from tests.recourse.accounts import DAY, HEAD, RESTORATION, GivenEvent, small, state_after_events

OPEN: GivenEvent = (0, "open", {"limit": 1_000_000})


def road_of(kernel: Kernel, given: list[GivenEvent], until: int) -> RoadBack:
    """The road from DAY + `until` on; each of its plans comes true, and nobody would refuse one."""
    state = state_after_events(kernel, given, until)
    road = find_road_back(kernel, state, DAY + until, compiled=False)
    assert isinstance(road, RoadBack)
    for plan in road.plans:
        assert plan.verified
        assert verify_plan_daily(kernel, state, road.day, plan)
        assert list(faults_of_plan(kernel, state, road, plan)) == []
    return road


def steps_of(plan: Plan, action: StepKind) -> list[Step]:
    return [step for step in plan.steps if step.action == action]


def wealthy(income: str, statement: str, enquiry: str) -> Kernel:
    """A policy over three kinds of its own, by these names."""
    return kernel_of(
        load_text(
            f"""{HEAD}
events:
  {income}: {{amount: money}}
  {statement}: {{balance: money, paid: money}}
  {enquiry}: {{}}
features:
  burden: {{value: "percent(sum({statement}.balance, 90d), sum({income}.amount, 90d))", worse: higher}}
  asked: {{value: "count({enquiry}, 30d)", worse: higher}}
triggers:
  heavy: {{when: burden >= 200%, hold: 10d, cap: 50%, reason: burden}}
  many: {{when: asked >= 2, hold: 10d, cap: 70%, reason: seeking}}
{RESTORATION}"""
        )
    )


def test_renaming_a_kind_changes_no_road() -> None:
    roads = []
    for names in (("income", "statement", "enquiry"), ("wages", "monthly_bill", "question"), ("a", "b", "c")):
        kernel = wealthy(*names)
        given: list[GivenEvent] = [OPEN, (1, "draw", {"amount": 600_000})]
        given += [(day, names[0], {"amount": 200_000}) for day in (10, 41, 70)]
        given += [(day, names[1], {"balance": 600_000, "paid": 1}) for day in (13, 43, 74)]
        given += [(80, names[2], {}), (81, names[2], {})]
        plan = road_of(kernel, given, 82).fastest
        place = {name: str(number) for number, name in enumerate(names)}
        steps = [(replace(step, event_kind=place.get(step.event_kind or "")), dict(step.fields)) for step in plan.steps]
        events = [(event.at, place.get(event.kind, event.kind), dict(event.fields)) for event in plan.events]
        roads.append((steps, plan.assumptions, plan.path, events))
    assert roads[0] == roads[1] == roads[2]


def test_meaning_follows_unit_and_direction_unless_it_is_declared() -> None:
    kernel = wealthy("inflow", "sheet", "question")
    assert dict(meanings_of(kernel.policy)) == {
        "inflow": Meaning.INCOME,
        "sheet": Meaning.STATEMENT,
        "question": Meaning.NEUTRAL,
    }
    text = kernel.policy.source.replace("question: {}", "question: {means: lender}")
    assert meanings_of(load_text(text))["question"] is Meaning.LENDER


def test_a_meaning_that_there_is_not_is_refused() -> None:
    text = f"{HEAD}events:\n  wages: {{means: incom, amount: money}}\ntriggers:\n  late: {{when: days_past_due >= 3, "
    with pytest.raises(LinekeeperError, match="`incom` is nothing that the event kind `wages` can mean"):
        load_text(text + "suspend: yes, reason: a}\n")


def test_a_field_may_still_be_called_means() -> None:
    text = f"{HEAD}events:\n  wages: {{means: money}}\ntriggers:\n  late: {{when: days_past_due >= 3, "
    kind = load_text(text + "suspend: yes, reason: a}\n").kind("wages")
    assert ([field.name for field in kind.fields], kind.means) == (["means"], "")


def test_asking_for_help_is_never_a_condition() -> None:
    kernel = small(
        """late: {when: days_past_due >= 3, clear: past_due = 0 CNY, hold: 30d, cap: 50%, reason: arrears}
        pause: {when: "count(hardship, 90d) >= 1", suspend: yes, reason: hardship}
        disputed: {when: "count(dispute, 30d) >= 1", suspend: yes, reason: dispute}"""
    )
    bill: GivenEvent = (10, "due", {"amount": 30_000, "due_on": DAY + 20})
    plan = road_of(kernel, [OPEN, (1, "draw", {"amount": 90_000}), bill], 23).fastest
    assert {step.event_kind for step in plan.steps} == {None}
    assert all(not one.event_kinds for one in plan.assumptions)


GAMBLING = """events:
  purchase: {amount: money, category: [food, gambling]}
"""


def test_what_the_trigger_counts_is_to_be_stopped_only_as_long_as_it_matters() -> None:
    rule = (
        'bets: {when: "count(purchase where category = \\"gambling\\", 30d) >= 3", hold: 10d, cap: 60%, reason: bets}'
    )
    kernel = small(rule, GAMBLING)
    bets: list[GivenEvent] = [(day, "purchase", {"amount": 5_000, "category": "gambling"}) for day in (1, 2, 3)]
    food: list[GivenEvent] = [(day, "purchase", {"amount": 5_000, "category": "food"}) for day in range(1, 9)]
    plan = road_of(kernel, [OPEN, *bets, *food], 9).fastest
    (stop,) = steps_of(plan, StepKind.STOP)
    assert (stop.event_kind, stop.fields) == ("purchase", {"category": "gambling"})
    assert stop.until_day is not None
    assert DAY + 9 < stop.until_day < plan.restored_day
    assert not steps_of(plan, StepKind.NO_DRAWS)  # new loans do not matter to this rule


def test_proof_of_income_stays_within_what_came_before() -> None:
    rule = 'poor: {when: "sum(inflow.amount, 90d) < 4_000 CNY", hold: 10d, cap: 60%, reason: burden}'
    kernel = small(rule, "events: {inflow: {amount: money}}\n")
    given: list[GivenEvent] = [OPEN, (2, "inflow", {"amount": 250_000})]
    road = road_of(kernel, given, 70)  # the inflow is stale, so that the plan takes none for granted
    asked = [step.fields["amount"] for plan in road.plans for step in steps_of(plan, StepKind.REPORT)]
    assert asked
    assert all(int(amount) <= 250_000 for amount in asked)


def test_small_loans_repaid_on_time_are_told_where_they_are_sooner() -> None:
    rule = 'late: {when: days_past_due >= 10, clear: "on_time_streak >= 2 or count(due, 12m) = 0", cap: 50%, reason: a}'
    kernel = small(rule)
    given: list[GivenEvent] = [
        OPEN,
        (1, "draw", {"amount": 30_000}),
        (2, "due", {"amount": 30_000, "due_on": DAY + 13}),
        (30, "repay", {"amount": 30_000}),
    ]
    road = road_of(kernel, given, 31)
    (loans,) = steps_of(road.fastest, StepKind.DRAW_AND_REPAY)
    assert (loans.count, loans.amount_minor) == (2, 100_000)  # a tenth of what was granted, for no draw is kept
    assert road.lightest is not None  # to draw nothing, and wait until the bill has left the year
    assert not steps_of(road.lightest, StepKind.DRAW_AND_REPAY)
    assert road.fastest.restored_day + 100 < road.lightest.restored_day


def test_a_lender_whose_core_sends_balances_reports_the_balance_down() -> None:
    kernel = small('full: {when: "last(balance.amount) >= 800_000 CNY", hold: 5d, cap: 60%, reason: use}')
    given: list[GivenEvent] = [OPEN, (1, "balance", {"amount": 90_000_000})]
    plan = road_of(kernel, [(0, "open", {"limit": 100_000_000}), *given[1:]], 2).fastest
    (down,) = steps_of(plan, StepKind.PAY_DOWN)
    assert down.amount_minor == 90_000_000 - 79_999_999
    assert next(event.fields["amount"] for event in plan.events if event.kind == "balance") == 79_999_999


def test_no_plan_leaves_anything_overdue() -> None:
    """The trigger looks at the age of the oldest due alone; a part would do for it, and leave the rest overdue."""
    kernel = small("late: {when: days_past_due >= 20, clear: days_past_due < 15, suspend: yes, reason: arrears}")
    given: list[GivenEvent] = [
        OPEN,
        (1, "draw", {"amount": 90_000}),
        (2, "due", {"amount": 30_000, "due_on": DAY + 10}),
        (20, "due", {"amount": 60_000, "due_on": DAY + 29}),
    ]
    road = road_of(kernel, given, 31)
    assert [step.amount_minor for step in steps_of(road.fastest, StepKind.PAY_OVERDUE)] == [90_000]
    assert road.lightest is None


def test_a_plan_that_leaves_arrears_is_a_fault() -> None:
    kernel = small("late: {when: days_past_due >= 3, suspend: yes, reason: arrears}")
    given: list[GivenEvent] = [OPEN, (1, "draw", {"amount": 500}), (1, "due", {"amount": 500, "due_on": DAY + 5})]
    state = state_after_events(kernel, given, 9)
    road = find_road_back(kernel, state, DAY + 9, compiled=False)
    assert isinstance(road, RoadBack)
    first = road.fastest.events[0]
    short = Plan(
        road.fastest.steps,
        (),
        road.fastest.path,
        (PlannedEvent(first.day, first.at, "repay", {"amount": 499}),),
        499,
        499,
        verified=True,
    )
    assert PlanFault.IN_ARREARS in set(faults_of_plan(kernel, state, road, short))


def test_what_the_borrower_never_had_is_not_asked_for() -> None:
    rule = 'poor: {when: "last(inflow.amount) < 50_000 CNY", hold: 10d, cap: 60%, reason: burden}'
    kernel = small(rule, "events: {inflow: {amount: money}}\n")
    state = state_after_events(kernel, [OPEN, (2, "inflow", {"amount": 250_000})], 4)
    road = find_road_back(kernel, state, DAY + 4, compiled=False)
    assert isinstance(road, NoRoadBack)
    assert road.why == "not_found"
