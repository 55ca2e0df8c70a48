"""From an action plan that restores the line to the plan that a borrower is shown: steps, assumptions, events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from linekeeper.core.bounds import MISSING
from linekeeper.evaluate.event_batch import EventRow
from linekeeper.recourse.actions import ActionPlan, kernel_rows, least_monthly
from linekeeper.recourse.baseline import MONTH_DAYS, Baseline
from linekeeper.recourse.candidates import Candidate
from linekeeper.recourse.dependencies import dependencies_of_releasable
from linekeeper.recourse.model import Assumption, AssumptionKind, Plan, PlannedEvent, Step, StepKind

# Kinds that the condition "nothing more of this comes up" leaves out: steps or other assumptions speak of them, or
# they are rulings of people.
COVERED_KINDS = frozenset(
    (
        "open",
        "consent",
        "override",
        "own_limit",
        "grant",
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


def build_plan(baseline: Baseline, candidate: Candidate) -> Plan:
    """The plan of a candidate that restores the line, not verified yet.

    Only events up to the day on which the line is restored belong to it: the promise ends there.
    """
    actions, end = candidate.actions, candidate.simulation.day
    rows = kernel_rows(baseline, actions, end)
    events = tuple(planned_event(baseline, row) for row in rows if row.hour // 24 <= end)
    placeholder = least_monthly(baseline.kernel.policy)  # stands for a minimum that nobody knows yet: not counted
    payments = (int(event.fields["amount"]) for event in events if event.kind == "repay")
    return Plan(
        steps=tuple(sorted(_steps(baseline, actions, events, end), key=lambda step: step.day)),
        assumptions=tuple(_assumptions(baseline, actions, events, end)),
        path=candidate.simulation.path,
        events=events,
        early_minor=candidate.early_minor,
        total_minor=sum(amount for amount in payments if amount > placeholder),
        verified=False,
    )


def planned_event(baseline: Baseline, row: EventRow) -> PlannedEvent:
    """An event as the kernel reads it, as it would reach the lender: fields by name, words as words."""
    kind = baseline.kernel.policy.kinds[row.kind]
    present = ((item, value) for item, value in zip(kind.fields, row.x, strict=False) if value != MISSING)
    fields = {item.name: item.choices[value] if item.choices else value for item, value in present}
    return PlannedEvent(row.hour // 24, row.at, kind.name, fields)


# ------------------------------------------------------------------ steps


def _steps(baseline: Baseline, actions: ActionPlan, events: Sequence[PlannedEvent], end: int) -> Iterator[Step]:
    """The steps in words a borrower can act on. Arrears come first, as a repayment settles the oldest dues first."""
    day, overdue = baseline.day, baseline.overdue_minor
    today = min(actions.today_minor, baseline.owed_minor)
    if overdue:
        yield Step(StepKind.PAY_OVERDUE, day, amount_minor=min(today, overdue))
    if today > overdue:
        yield Step(StepKind.PAY_DOWN, day, amount_minor=today - overdue)
    if actions.later_minor and day + MONTH_DAYS <= end:
        yield Step(StepKind.PAY_OVERDUE, day + MONTH_DAYS, amount_minor=actions.later_minor)
    report_days = [event.day for event in events if event.kind == "delinquency"]
    if baseline.slot("REPORTED") > 0 and report_days:
        yield Step(StepKind.BE_CURRENT, report_days[0])
    yield from _payment_steps(baseline, actions, events)
    yield from _confirmation_steps(baseline, actions, events)
    if end > day:
        yield Step(StepKind.NO_DRAWS, day, until_day=end)
        if "enquiry" in baseline.dependencies.kinds:
            yield Step(StepKind.NO_ENQUIRIES, day, until_day=end)
        other_steps = actions.confirmations or actions.income_minor or baseline.slot("REPORTED")
        if not other_steps and not any(event.kind == "repay" for event in events):
            yield Step(StepKind.WAIT, day, until_day=end)


def _payment_steps(baseline: Baseline, actions: ActionPlan, events: Sequence[PlannedEvent]) -> Iterator[Step]:
    """The payments that have no step of their own yet: bills, and monthly payments.

    Today's payment and the rest of the arrears have their steps. Monthly payments come first, with their amount; what
    remains are bills (or minimum payments), whose amounts the lender names.
    """
    own_steps = [
        (baseline.day, min(actions.today_minor, baseline.owed_minor)),
        (baseline.day + MONTH_DAYS, actions.later_minor),
    ]
    payments = []
    for event in events:
        if event.kind == "repay":
            payment = (event.day, int(event.fields["amount"]))
            if payment in own_steps:
                own_steps.remove(payment)
            else:
                payments.append(payment)
    if not payments:
        return
    placeholder = least_monthly(baseline.kernel.policy)
    pays_monthly = actions.monthly_minor > placeholder
    monthly = [one for one in payments if pays_monthly and one[1] > placeholder][: actions.months]
    if monthly:
        least_minor = min(actions.monthly_minor, max(amount for _, amount in monthly))
        yield Step(StepKind.PAY_ON_TIME, monthly[0][0], monthly[-1][0], least_minor, len(monthly))
    bills = [one for one in payments if one not in monthly]
    if bills:
        yield Step(StepKind.PAY_ON_TIME, bills[0][0], until_day=bills[-1][0], count=len(bills))


def _confirmation_steps(baseline: Baseline, actions: ActionPlan, events: Sequence[PlannedEvent]) -> Iterator[Step]:
    """What others have to confirm, a step for each kind of event."""
    kinds = {baseline.kernel.policy.kinds[confirmed.kind].name for confirmed in actions.confirmations}
    if actions.income_minor is not None:
        kinds.add("income")
    for kind in sorted(kinds):
        confirmed_events = [event for event in events if event.kind == kind]
        if confirmed_events:
            first, count = confirmed_events[0], len(confirmed_events)
            until_day = confirmed_events[-1].day if count > 1 else None
            yield Step(StepKind.REPORT, first.day, until_day, None, count, kind, first.fields)


# ------------------------------------------------------------------ assumptions


def _assumptions(
    baseline: Baseline, actions: ActionPlan, events: Sequence[PlannedEvent], end: int
) -> Iterator[Assumption]:
    """The conditions of the promise: what the plan's events take for granted about the lender and the borrower's life.

    A plan without them would promise what nobody can promise: a bill above the last one, or a lost income, leads
    elsewhere. A condition is named only where the plan rests on it.
    """
    first_of_kind = {event.kind: event for event in reversed(events)}
    if "due" in first_of_kind:
        yield Assumption(AssumptionKind.BILLS, first_of_kind["due"].day, baseline.routine.bill_minor)
    if "income" in first_of_kind and actions.income_minor is None:
        yield Assumption(AssumptionKind.INCOME, first_of_kind["income"].day, baseline.routine.income_minor)
    if "delinquency" in first_of_kind:
        yield Assumption(AssumptionKind.CURRENT, first_of_kind["delinquency"].day)
    if "statement" in first_of_kind:
        yield Assumption(AssumptionKind.STATEMENTS, first_of_kind["statement"].day)
    if end > baseline.day:
        if baseline.balance_minor > 0:
            yield Assumption(AssumptionKind.NO_CHARGES, baseline.day)
        releasable = dependencies_of_releasable(baseline.kernel.policy)
        others = releasable.kinds - first_of_kind.keys() - COVERED_KINDS
        if others:
            yield Assumption(AssumptionKind.NO_EVENTS, baseline.day, event_kinds=tuple(sorted(others)))
