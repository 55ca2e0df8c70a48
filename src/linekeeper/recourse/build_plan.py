"""From an effort that leads back to the plan that is told: steps, what it rests on, events, and its proof."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from linekeeper.core.bounds import MISSING
from linekeeper.evaluate.late_events import Row
from linekeeper.recourse.actions import ActionPlan, least_monthly
from linekeeper.recourse.baseline import MONTH_DAYS, Baseline
from linekeeper.recourse.dependencies import reads_of_passing
from linekeeper.recourse.model import Assumption, AssumptionKind, Plan, PlannedEvent, Step, StepKind
from linekeeper.recourse.simulate import Simulation
from linekeeper.recourse.verify import verify_plan

# Kinds that no assumption of "nothing further" names: steps and other assumptions speak of them, or people's rulings.
SAID_ELSEWHERE = frozenset(
    (
        "open",
        "consent",
        "override",
        "reversal",
        "draw",
        "due",
        "repay",
        "charge",
        "balance",
        "delinquency",
        "enquiry",
        "income",
    )
)


def plan_of(baseline: Baseline, effort: ActionPlan, walk: Simulation, rows: Sequence[Row], early_minor: int) -> Plan:
    """The plan, followed a second time by other code; `verified` says whether it led where the search said."""
    end = walk.day
    events = tuple(planned(baseline, row) for row in rows if row.hour // 24 <= end)
    unknown = least_monthly(baseline.kernel.policy)  # what stands for the minimum of a statement
    paid = (int(event.fields["amount"]) for event in events if event.kind == "repay")
    total = sum(amount for amount in paid if amount > unknown)
    steps = tuple(sorted(_steps(baseline, effort, events, end), key=lambda step: step.day))
    rests = tuple(_assumptions(baseline, effort, events, end))
    told = Plan(steps, rests, walk.path, events, early_minor, total, verified=False)
    if not verify_plan(baseline.kernel, baseline.state, baseline.day, told):
        return told
    return Plan(steps, rests, walk.path, events, early_minor, total, verified=True)


def planned(baseline: Baseline, row: Row) -> PlannedEvent:
    """A kernel's row as an event outside of it."""
    kind = baseline.kernel.policy.kinds[row.kind]
    known = ((item, value) for item, value in zip(kind.fields, row.x, strict=False) if value != MISSING)
    fields = {item.name: item.choices[value] if item.choices else value for item, value in known}
    return PlannedEvent(row.hour // 24, row.at, kind.name, fields)


# ------------------------------------------------------------------ steps


def _steps(baseline: Baseline, effort: ActionPlan, events: Sequence[PlannedEvent], end: int) -> Iterator[Step]:
    day, overdue = baseline.day, baseline.overdue
    today = min(effort.today_minor, baseline.owed)
    if overdue:
        yield Step(StepKind.PAY_OVERDUE, day, amount_minor=min(today, overdue))
    if today > overdue:
        yield Step(StepKind.PAY_DOWN, day, amount_minor=today - overdue)
    if effort.later_minor and day + MONTH_DAYS <= end:
        yield Step(StepKind.PAY_OVERDUE, day + MONTH_DAYS, amount_minor=effort.later_minor)
    if baseline.slot("REPORTED") > 0 and (reported := [e.day for e in events if e.kind == "delinquency"]):
        yield Step(StepKind.BE_CURRENT, reported[0])
    yield from _bills(baseline, effort, events)
    yield from _reports(baseline, effort, events)
    if end > day:
        yield Step(StepKind.NO_DRAWS, day, until_day=end)
        if "enquiry" in baseline.reads.kinds:
            yield Step(StepKind.NO_ENQUIRIES, day, until_day=end)
        asked = effort.reports or effort.income_minor or baseline.slot("REPORTED")
        if not asked and not any(event.kind == "repay" for event in events):
            yield Step(StepKind.WAIT, day, until_day=end)


def _bills(baseline: Baseline, effort: ActionPlan, events: Sequence[PlannedEvent]) -> Iterator[Step]:
    """The payments that are neither today's nor the rest of what was overdue: bills, or monthly payments."""
    apart = [(baseline.day, min(effort.today_minor, baseline.owed)), (baseline.day + MONTH_DAYS, effort.later_minor)]
    paid = []
    for event in events:
        if event.kind == "repay":
            one = (event.day, int(event.fields["amount"]))
            if one in apart:
                apart.remove(one)
            else:
                paid.append(one)
    if not paid:
        return
    floor = least_monthly(baseline.kernel.policy)
    larger = [one for one in paid if effort.monthly_minor > floor and one[1] > floor][: effort.months]
    if larger:
        least = min(effort.monthly_minor, max(amount for _, amount in larger))
        yield Step(StepKind.PAY_ON_TIME, larger[0][0], larger[-1][0], least, len(larger))
    rest = [one for one in paid if one not in larger]
    if rest:
        yield Step(StepKind.PAY_ON_TIME, rest[0][0], until_day=rest[-1][0], count=len(rest))


def _reports(baseline: Baseline, effort: ActionPlan, events: Sequence[PlannedEvent]) -> Iterator[Step]:
    kinds = {baseline.kernel.policy.kinds[report.kind].name for report in effort.reports}
    if effort.income_minor is not None:
        kinds.add("income")
    for kind in sorted(kinds):
        found = [event for event in events if event.kind == kind]
        if found:
            until = found[-1].day if len(found) > 1 else None
            yield Step(StepKind.REPORT, found[0].day, until, None, len(found), kind, found[0].fields)


# ------------------------------------------------------------------ what it rests on


def _assumptions(
    baseline: Baseline, effort: ActionPlan, events: Sequence[PlannedEvent], end: int
) -> Iterator[Assumption]:
    kinds = {event.kind: event for event in reversed(events)}  # the first of each
    if "due" in kinds:
        yield Assumption(AssumptionKind.BILLS, kinds["due"].day, baseline.habits.bill_minor)
    if "income" in kinds and effort.income_minor is None:
        yield Assumption(AssumptionKind.INCOME, kinds["income"].day, baseline.habits.income_minor)
    if "delinquency" in kinds:
        yield Assumption(AssumptionKind.CURRENT, kinds["delinquency"].day)
    if "statement" in kinds:
        yield Assumption(AssumptionKind.STATEMENTS, kinds["statement"].day)
    if end > baseline.day:
        if baseline.balance > 0:
            yield Assumption(AssumptionKind.NO_CHARGES, baseline.day)
        others = reads_of_passing(baseline.kernel.policy).kinds - kinds.keys() - SAID_ELSEWHERE
        if others:
            yield Assumption(AssumptionKind.NO_EVENTS, baseline.day, kinds=tuple(sorted(others)))
