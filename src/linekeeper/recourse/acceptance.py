"""Whether a person would accept a plan: the faults that make a plan unfit to be sent, though it comes true.

These are limits on what is asked of a person, not opinions on credit: a plan that asks for more than the borrower ever
had, that is too long to follow, or that rests on what others do, helps nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from linekeeper.kernel.arrears import arrears_of
from linekeeper.kernel.kernel import Kernel
from linekeeper.recourse.meaning import HELP_KINDS, Meaning, amount_field, meanings_of
from linekeeper.recourse.model import PROMISE_MAX_DAYS, Plan, RoadBack, Step, StepKind
from linekeeper.recourse.own_history import most_in_a_month

HISTORY_MULTIPLE = 3  # of the most that ever came in a month: what is beyond it, nobody believes
PLAN_STEPS_MAX = 7  # more steps than that are no plan


class PlanFault(StrEnum):
    """Why a plan is not fit to be sent."""

    AMOUNT = "amount"  # an amount above a multiple of the borrower's own past, or above what is owed
    STEPS = "steps"  # more steps than a person follows
    BEYOND_CONTROL = "beyond_control"  # a condition on what the lender or others do
    HELP = "help"  # asking for help would break it
    IN_ARREARS = "in_arrears"  # something that is overdue stays so
    BEYOND_PROMISE = "beyond_promise"  # it ends after the last day of the promise


def faults_of_plan(kernel: Kernel, state: Sequence[int], road: RoadBack, plan: Plan) -> Iterator[PlanFault]:
    """The faults of one plan of a road, each once. `state` is the account's, on the day of asking."""
    if any(_is_absurd(kernel, state, road.day, step) for step in plan.steps):
        yield PlanFault.AMOUNT
    if len(plan.steps) > PLAN_STEPS_MAX:
        yield PlanFault.STEPS
    meanings = meanings_of(kernel.policy)
    others = {kind for one in plan.assumptions for kind in one.event_kinds}
    others |= {step.event_kind or "" for step in plan.steps if step.action in (StepKind.STOP, StepKind.REPORT)}
    if any(meanings.get(kind) in (Meaning.LENDER, Meaning.STATEMENT) for kind in others):
        yield PlanFault.BEYOND_CONTROL
    if others & HELP_KINDS:
        yield PlanFault.HELP
    if arrears_left(kernel, state, road.day, plan) > kernel.policy.dues.tolerance_minor:
        yield PlanFault.IN_ARREARS
    # What lasts longer than any promise may is told as an outlook, which the road says of itself.
    if road.is_outlook(plan) and plan.restored_day <= road.day + PROMISE_MAX_DAYS:
        yield PlanFault.BEYOND_PROMISE


def arrears_left(kernel: Kernel, state: Sequence[int], day: int, plan: Plan) -> int:
    """What of the dues that are overdue on `day` the plan's own payments do not cover by its end, in minor units."""
    overdue = sum(amount for due_on, amount in arrears_of(kernel, list(state), day).dues if due_on < day)
    paid = sum(int(event.fields["amount"]) for event in plan.events if event.kind == "repay")
    return max(overdue - paid, 0)


def _is_absurd(kernel: Kernel, state: Sequence[int], day: int, step: Step) -> bool:
    slots = kernel.layout.slots
    if step.action == StepKind.REPORT:
        field = amount_field(kernel.policy.kind(step.event_kind or ""))
        asked = step.fields.get(field.name, 0) if field else 0
        own = most_in_a_month(kernel, state, step.event_kind or "", field.name) if field else None
        return int(asked) > HISTORY_MULTIPLE * (state[slots["GRANTED"]] if own is None else own)
    owed = max(state[slots["BALANCE"]], sum(amount for _, amount in arrears_of(kernel, list(state), day).dues), 0)
    return (step.amount_minor or 0) > max(owed, state[slots["GRANTED"]])
