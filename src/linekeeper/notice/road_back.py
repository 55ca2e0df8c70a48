"""The road back in words: its plans with dated steps, what they rest on, the path of limits; or why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from linekeeper.core.line import Status
from linekeeper.notice.phrasebook import Phrasebook
from linekeeper.notice.prose.vocabulary import shipped_vocabulary
from linekeeper.recourse.model import (
    EARLY_DAYS,
    Assumption,
    AssumptionKind,
    NoRoadBack,
    PathPoint,
    Plan,
    RoadBack,
    Step,
    StepKind,
)

STEPS = {
    StepKind.PAY_OVERDUE: "Pay {amount} of what is overdue.",
    StepKind.PAY_DOWN: "Pay back {amount} of what you owe.",
    StepKind.BE_CURRENT: "Have nothing overdue on this day.",
    StepKind.NO_DRAWS: "Do not borrow on this line until {until}.",
    StepKind.NO_ENQUIRIES: "Do not ask anyone for new credit until {until}.",
    StepKind.WAIT: "Wait until {until}. There is nothing you need to do.",
}
ASSUMPTIONS = {
    AssumptionKind.BILLS: "No bill is above {amount}.",
    AssumptionKind.INCOME: "Income of at least {amount} comes in each month.",
    AssumptionKind.CURRENT: "Nothing is overdue from {day} on.",
    AssumptionKind.STATEMENTS: "Your monthly bills show what you owe and what you paid.",
    AssumptionKind.NO_CHARGES: "You pay interest and fees as they come.",
    AssumptionKind.NO_EVENTS: "None of this comes up: {kinds}.",
}
NO_ROAD = {
    "terminal": "Under our rules this decision is final. There are no steps that bring the limit back.",
    "person": "A person decided this. Ask us, and a person will tell you what is needed.",
    "not_found": "We have not found steps that bring the limit back yet. We look again when your account changes.",
}
LOANS = {Status.SUSPENDED: "paused", Status.CLOSED: "closed"}


@dataclass(frozen=True, slots=True)
class Dated:
    """Something on a date: a step, or the limit from then on."""

    day: str
    text: str


@dataclass(frozen=True, slots=True)
class RenderedPlan:
    """One way back: its kind (fastest, lightest, with_report), name, goal, cost, steps and path of limits."""

    kind: str
    name: str
    goal: str
    cost: str
    steps: tuple[Dated, ...]
    path: tuple[Dated, ...]


def plans_by_kind(road: RoadBack) -> tuple[tuple[str, Plan], ...]:
    """The plans of a road with their kinds: the fastest, the lightest, the one that needs proof; each that there is."""
    kinds = (("fastest", road.fastest), ("lightest", road.lightest), ("with_report", road.with_report))
    return tuple((kind, plan) for kind, plan in kinds if plan is not None)


def render_plans(road: RoadBack, phrases: Phrasebook) -> tuple[RenderedPlan, ...]:
    """The plans of a road, in words."""
    translate = phrases.language.translate
    names = {
        "fastest": translate("The fastest way") if len(road.plans) > 1 else translate("What you can do"),
        "lightest": translate("The way with less to pay now"),
        "with_report": translate("A faster way, with proof"),
    }
    return tuple(_plan(kind, names[kind], plan, phrases) for kind, plan in plans_by_kind(road))


def render_promise(road: RoadBack | NoRoadBack | None, phrases: Phrasebook) -> Iterator[str]:
    """What we promise about a road; or why there is none, and when to ask again."""
    translate = phrases.language.translate
    match road:
        case RoadBack(honour_until_day=until):
            yield translate("We have checked that these steps work. The later you do them, the later the dates.")
            yield translate("We keep this promise until {day}, even if our rules change.", day=phrases.day(until))
        case NoRoadBack(why, _, ask_again):
            yield translate(NO_ROAD[why])
            if ask_again is not None:
                yield translate("You can ask again from {day}.", day=phrases.day(ask_again))


def render_assumptions(road: RoadBack | NoRoadBack | None, phrases: Phrasebook) -> tuple[str, ...]:
    """What the plans of a road take for granted, each once: of things that differ in the amount, the stricter one."""
    found: dict[AssumptionKind, Assumption] = {}
    for plan in road.plans if isinstance(road, RoadBack) else ():
        for one in plan.assumptions:
            found[one.kind] = _stricter(found.get(one.kind, one), one)
    return tuple(_rests(assumption, phrases) for assumption in found.values())


def render_loans(status: Status, phrases: Phrasebook) -> str:
    """Whether new loans are possible, in a word."""
    return phrases.language.translate(LOANS.get(status, "possible"))


def _plan(kind: str, name: str, plan: Plan, phrases: Phrasebook) -> RenderedPlan:
    end = plan.path[-1]
    limit, day = phrases.money(end.limit_minor), phrases.day(end.day)
    return RenderedPlan(
        kind=kind,
        name=name,
        goal=phrases.language.translate("If you do this, your limit is {limit} from {day}.", limit=limit, day=day),
        cost=_cost(plan, phrases),
        steps=tuple(Dated(phrases.day(one.day), _step(one, phrases)) for one in sorted(plan.steps, key=_day)),
        path=tuple(Dated(phrases.day(point.day), _point(point, phrases)) for point in plan.path),
    )


def _day(step: Step) -> int:
    return step.day


def _cost(plan: Plan, phrases: Phrasebook) -> str:
    if not plan.total_minor:
        return ""
    early, total = phrases.money(plan.early_minor), phrases.money(plan.total_minor)
    bills_come = any(one.kind == AssumptionKind.STATEMENTS for one in plan.assumptions)
    return phrases.language.translate(
        "You pay {early} in the first {span}, {total} in all, and your monthly bills as they come."
        if bills_come
        else "You pay {early} in the first {span}, {total} in all.",
        early=early,
        span=phrases.language.span(EARLY_DAYS),
        total=total,
    )


def _step(step: Step, phrases: Phrasebook) -> str:
    translate = phrases.language.translate
    until = phrases.day(step.until_day) if step.until_day is not None else ""
    amount = phrases.money(step.amount_minor) if step.amount_minor is not None else ""
    if step.action == StepKind.PAY_ON_TIME:
        told = phrases.language.translate_count(
            "Pay the next bill on time. This takes until {until}.",
            "Pay the next {number} bills on time. This takes until {until}.",
            step.count or 1,
            until=until,
        )
        return phrases.language.sentences(
            told, translate("Pay at least {amount} each time.", amount=amount) if amount else ""
        )
    if step.action == StepKind.REPORT:
        told = translate("Send us proof of this: {what}.", what=_report(step, phrases))
        return phrases.language.sentences(
            told, translate("Do so each month until {until}.", until=until) if until else ""
        )
    return translate(STEPS[step.action], amount=amount, until=until)


def _report(step: Step, phrases: Phrasebook) -> str:
    """What has to be shown: the kind of event, and its values."""
    words, lang = shipped_vocabulary(), phrases.language.code
    values = []
    for name, value in step.fields.items():
        told = phrases.money(value) if name == "amount" and isinstance(value, int) else str(value)
        told = words.of("choices", value).in_(lang) if isinstance(value, str) else told
        field = words.of("fields", name).in_(lang)
        values.append(phrases.language.translate("{label}: {value}", label=field, value=told))
    return phrases.language.translate(", ").join([words.of("kinds", step.kind or "").in_(lang), *values])


def _stricter(one: Assumption, other: Assumption) -> Assumption:
    """Of two plans' conditions one that covers both: smaller bills, more income, from the earlier day, all kinds."""
    amounts = [amount for amount in (one.amount_minor, other.amount_minor) if amount is not None]
    chosen = (max if one.kind == AssumptionKind.INCOME else min)(amounts, default=None)
    kinds = tuple(dict.fromkeys((*one.kinds, *other.kinds)))
    return Assumption(one.kind, min(one.day, other.day), chosen, kinds)


def _rests(assumption: Assumption, phrases: Phrasebook) -> str:
    words, lang = shipped_vocabulary(), phrases.language.code
    amount = phrases.money(assumption.amount_minor) if assumption.amount_minor is not None else ""
    kinds = phrases.language.one_of([words.plain(kind).in_(lang) for kind in assumption.kinds])
    return phrases.language.translate(
        ASSUMPTIONS[assumption.kind], amount=amount, kinds=kinds, day=phrases.day(assumption.day)
    )


def _point(point: PathPoint, phrases: Phrasebook) -> str:
    limit = phrases.money(point.limit_minor)
    if point.status >= Status.SUSPENDED:
        state = render_loans(point.status, phrases)
        return phrases.language.translate("{limit}, new loans still {state}", limit=limit, state=state)
    return limit
