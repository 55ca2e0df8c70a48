"""A road in plain English lines, for the command line. Notices tell roads in their own words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping

from linekeeper.decide.explain import money, shown
from linekeeper.policy import model as m
from linekeeper.recourse.model import Assumption, AssumptionKind, NoRoadBack, PathPoint, Plan, RoadBack, Step, StepKind


def date(day: int) -> str:
    """A day since 1970-01-01 as an ISO date.

    >>> date(19_845)
    '2024-05-02'
    """
    return (dt.date(1970, 1, 1) + dt.timedelta(days=day)).isoformat()


def step_words(policy: m.Policy, step: Step) -> str:
    """One step as a sentence."""
    amount = money(policy, step.amount_minor) if step.amount_minor is not None else ""
    until = date(step.until_day) if step.until_day is not None else ""
    match step.action:
        case StepKind.PAY_OVERDUE:
            return f"pay {amount} that is overdue"
        case StepKind.PAY_DOWN:
            return f"pay {amount} off what you owe"
        case StepKind.PAY_ON_TIME:
            bills = "the next bill" if step.count == 1 else f"the next {step.count} bills"
            return f"pay {bills} on time, until {until}" + (f": at least {amount} each" if amount else "")
        case StepKind.BE_CURRENT:
            return "have nothing overdue when the lender reports"
        case StepKind.REPORT:
            times = "" if step.count == 1 else f", and every month until {until}"
            return f"have `{step.kind}` confirmed{_fields(policy, step.kind or '', step.fields)}{times}"
        case StepKind.NO_DRAWS:
            return f"draw nothing until {until}"
        case StepKind.NO_ENQUIRIES:
            return f"ask no other lender for credit until {until}"
        case StepKind.WAIT:
            return f"wait until {until}; there is nothing to do"


def _fields(policy: m.Policy, kind: str, fields: Mapping[str, int | str]) -> str:
    units = {item.name: item.unit for item in policy.kind(kind).fields}
    said = [
        f"`{name}` {value if isinstance(value, str) else shown(policy, value, units[name])}"
        for name, value in fields.items()
    ]
    return f" with {', '.join(said)}" if said else ""


def assumption_words(policy: m.Policy, assumption: Assumption) -> str:
    """One assumption as a sentence."""
    amount = money(policy, assumption.amount_minor) if assumption.amount_minor is not None else ""
    match assumption.kind:
        case AssumptionKind.BILLS:
            return f"no bill is above {amount}"
        case AssumptionKind.INCOME:
            return f"income of {amount} a month goes on, next on {date(assumption.day)}"
        case AssumptionKind.CURRENT:
            return f"the lender reports you current from {date(assumption.day)} on"
        case AssumptionKind.STATEMENTS:
            return f"statements go on from {date(assumption.day)}, and you pay at least the minimum of each"
        case AssumptionKind.NO_CHARGES:
            return "interest and fees are paid as they come"
        case AssumptionKind.NO_EVENTS:
            return f"nothing new comes up that counts against you: {', '.join(assumption.kinds)}"


def point_words(policy: m.Policy, point: PathPoint) -> str:
    """One point of a path."""
    return f"{date(point.day)}  {point.status.name.lower():<10} {money(policy, point.limit_minor)}"


def road_lines(policy: m.Policy, road: RoadBack) -> Iterator[str]:
    """A whole road, plan by plan."""
    named = {"the fastest way": road.fastest, "the lightest way": road.lightest, "sooner, with proof": road.with_report}
    for name, plan in named.items():
        if plan is not None:
            yield f"{name}: back on {date(plan.restored_day)}, {money(policy, plan.early_minor)} in the first 30 days"
            yield from plan_lines(policy, plan)
            yield ""
    proof = "run a second time, and led there" if road.verified else "NOT confirmed by the second run"
    yield f"promised until {date(road.honour_until_day)}; {proof}"


def plan_lines(policy: m.Policy, plan: Plan) -> Iterator[str]:
    """One plan: steps, what it rests on, the path."""
    for step in plan.steps:
        yield f"  {date(step.day)}  {step_words(policy, step)}"
    for assumption in plan.assumptions:
        yield f"  as long as {assumption_words(policy, assumption)}"
    for point in plan.path:
        yield f"    {point_words(policy, point)}"


def no_road_words(policy: m.Policy, found: NoRoadBack) -> str:
    """Why there is none, and when to ask again."""
    named = ", ".join(f"`{name}`" for name in found.triggers)
    why = {
        "terminal": f"there is no road back: {named} is final under this policy",
        "person": "there is no road back yet: a person has capped this line",
        "not_found": f"no road back was found: nothing that was tried releases {named or 'the line'}",
    }[found.why]
    again = "ask a person" if found.ask_again_day is None else f"ask again on {date(found.ask_again_day)}"
    return f"{why}; {again}"
