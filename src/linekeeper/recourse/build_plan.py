"""From an action plan that restores the line to the plan that a borrower is shown: steps, assumptions, events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from linekeeper.core.bounds import MISSING
from linekeeper.evaluate.event_batch import EventRow
from linekeeper.policy import model as m
from linekeeper.recourse.actions import ActionPlan, kernel_rows, least_monthly
from linekeeper.recourse.baseline import (
    SHORTEST_MONTH_DAYS,
    Baseline,
    IncomeStream,
    statement_kind,
)
from linekeeper.recourse.candidates import Candidate, CandidateSearch
from linekeeper.recourse.life_goes_on import LifeGoesOn, merged_stops
from linekeeper.recourse.model import Assumption, AssumptionKind, Plan, PlannedEvent, Step, StepKind
from linekeeper.recourse.own_history import MONTH_DAYS


def build_plan(search: CandidateSearch, candidate: Candidate) -> Plan:
    """The plan of a candidate that restores the line, not verified yet.

    Only events up to the day on which the line is restored belong to it: the promise ends there.
    """
    baseline, actions, end = search.baseline, candidate.actions, candidate.simulation.day
    rows = kernel_rows(baseline, actions, end)
    events = tuple(planned_event(baseline, row) for row in rows if row.hour // 24 <= end)
    placeholder = least_monthly(baseline.kernel.policy)  # stands for a minimum that nobody knows yet: not counted
    payments = (int(event.fields["amount"]) for event in events if event.kind == "repay")
    life = LifeGoesOn(search, candidate)
    statement = statement_kind(baseline.kernel.policy)
    return Plan(
        steps=tuple(sorted(_steps(life, events), key=lambda step: step.day)),
        assumptions=tuple(_assumptions(life, events)),
        path=candidate.simulation.path,
        events=events,
        early_minor=candidate.early_minor,
        total_minor=sum(amount for amount in payments if amount > placeholder),
        verified=False,
        bills_unknown=statement is not None and any(event.kind == statement.name for event in events),
    )


def planned_event(baseline: Baseline, row: EventRow) -> PlannedEvent:
    """An event as the kernel reads it, as it would reach the lender: fields by name, words as words."""
    kind = baseline.kernel.policy.kinds[row.kind]
    present = ((item, value) for item, value in zip(kind.fields, row.x, strict=False) if value != MISSING)
    fields = {item.name: item.choices[value] if item.choices else value for item, value in present}
    return PlannedEvent(row.hour // 24, row.at, kind.name, fields)


# ------------------------------------------------------------------ steps


def _steps(life: LifeGoesOn, events: Sequence[PlannedEvent]) -> Iterator[Step]:
    """The steps in words a borrower can act on. Arrears come first, as a repayment settles the oldest dues first."""
    baseline, actions, end = life.baseline, life.candidate.actions, life.end
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
        yield from _conduct_steps(life, events)
        other_steps = actions.confirmations or actions.income_minor or baseline.slot("REPORTED")
        if not other_steps and not any(event.kind == "repay" for event in events):
            yield Step(StepKind.WAIT, day, until_day=end)


def _conduct_steps(life: LifeGoesOn, events: Sequence[PlannedEvent]) -> Iterator[Step]:
    """What to borrow, and what to leave, where it matters and for as long as it does."""
    actions, day = life.candidate.actions, life.baseline.day
    drawn = [event.day for event in events if event.kind == "draw"]
    if drawn:
        repaid = [event.day for event in events if event.kind == "repay" and event.day > drawn[-1]]
        until = repaid[0] if repaid else life.end
        yield Step(StepKind.DRAW_AND_REPAY, drawn[0], until, actions.loan_minor, len(drawn))
    no_draws_until = None if drawn else life.no_draws_until()
    if no_draws_until is not None:
        yield Step(StepKind.NO_DRAWS, day, until_day=no_draws_until)
    for stop in merged_stops(life.stops()):
        fields = {name: _worded(stop.kind, name, value) for name, value in stop.fields.items()}
        yield Step(StepKind.STOP, day, stop.until_day, None, None, stop.kind.name, fields)


def _worded(kind: m.Kind, name: str, value: int) -> int | str:
    """A field's value as an event has it: words as words."""
    choices = next((item.choices for item in kind.fields if item.name == name), ())
    return choices[value] if 0 <= value < len(choices) else value


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
    numbers = [confirmed.kind for confirmed in actions.confirmations]
    if actions.income_minor is not None and actions.income_kind is not None:
        numbers.append(actions.income_kind)
    for kind in sorted(baseline.kernel.policy.kinds[number].name for number in numbers):
        confirmed_events = [event for event in events if event.kind == kind]
        if confirmed_events:
            first, count = confirmed_events[0], len(confirmed_events)
            until_day = confirmed_events[-1].day if count > 1 else None
            yield Step(StepKind.REPORT, first.day, until_day, None, count, kind, first.fields)


# ------------------------------------------------------------------ assumptions


def _assumptions(life: LifeGoesOn, events: Sequence[PlannedEvent]) -> Iterator[Assumption]:
    """The conditions of the promise: what the plan's events take for granted, and where it leads elsewhere without.

    A plan without them would promise what nobody can promise. Asking for help is never one, nor what others do.
    """
    baseline, actions = life.baseline, life.candidate.actions
    first_of_kind = {event.kind: event for event in reversed(events)}
    if "due" in first_of_kind and life.rests_on_bills():
        yield Assumption(AssumptionKind.BILLS, first_of_kind["due"].day, baseline.routine.bill_minor)
    came = [first_of_kind[one.kind.name].day for one in baseline.routine.incomes if one.kind.name in first_of_kind]
    if came and actions.income_minor is None and life.rests_on_income():
        amount = sum(monthly_amount(stream) for stream in baseline.routine.incomes)
        yield Assumption(AssumptionKind.INCOME, min(came), amount)
    if "delinquency" in first_of_kind and life.rests_on_reports():
        yield Assumption(AssumptionKind.CURRENT, first_of_kind["delinquency"].day)
    if life.end > baseline.day and baseline.balance_minor > 0 and life.rests_on_charges():
        yield Assumption(AssumptionKind.NO_CHARGES, baseline.day)


def monthly_amount(stream: IncomeStream) -> int:
    """What an income brings in a short month, in minor units."""
    every = stream.rhythm.every_days
    return stream.amount_minor * (SHORTEST_MONTH_DAYS // every if every else 1)
