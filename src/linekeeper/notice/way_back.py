"""The road back in words: its plans with dated steps, what they rest on, the path of limits; or why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from linekeeper.core.line import Status
from linekeeper.decide.road.model import EARLY_DAYS, Assumption, Do, NoRoad, Plan, Point, Rests, Road, Step
from linekeeper.notice.prose.vocabulary import shipped_vocabulary
from linekeeper.notice.reasons import Speech

STEPS = {
    Do.PAY_OVERDUE: "Pay {amount} of what is overdue.",
    Do.PAY_DOWN: "Pay back {amount} of what you owe.",
    Do.BE_CURRENT: "Have nothing overdue on this day.",
    Do.NO_DRAWS: "Do not borrow on this line until {until}.",
    Do.NO_ENQUIRIES: "Do not ask anyone for new credit until {until}.",
    Do.WAIT: "Wait until {until}. There is nothing you need to do.",
}
RESTS = {
    Rests.BILLS: "No bill is above {amount}.",
    Rests.INCOME: "Income of at least {amount} comes in each month.",
    Rests.CURRENT: "Nothing is overdue from {day} on.",
    Rests.STATEMENTS: "Your monthly bills show what you owe and what you paid.",
    Rests.NO_CHARGES: "You pay interest and fees as they come.",
    Rests.NO_EVENTS: "None of this comes up: {kinds}.",
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
class ToldPlan:
    """One way back: its kind (fastest, lightest, with_report), name, goal, cost, steps and path of limits."""

    kind: str
    name: str
    goal: str
    cost: str
    steps: tuple[Dated, ...]
    path: tuple[Dated, ...]


def plans_by_kind(road: Road) -> tuple[tuple[str, Plan], ...]:
    """The plans of a road with their kinds: the fastest, the lightest, the one that needs proof; each that there is."""
    kinds = (("fastest", road.fastest), ("lightest", road.lightest), ("with_report", road.with_report))
    return tuple((kind, plan) for kind, plan in kinds if plan is not None)


def tell_plans(road: Road, speech: Speech) -> tuple[ToldPlan, ...]:
    """The plans of a road, in words."""
    say = speech.language.say
    names = {
        "fastest": say("The fastest way") if len(road.plans) > 1 else say("What you can do"),
        "lightest": say("The way with less to pay now"),
        "with_report": say("A faster way, with proof"),
    }
    return tuple(_plan(kind, names[kind], plan, speech) for kind, plan in plans_by_kind(road))


def tell_promise(road: Road | NoRoad | None, speech: Speech) -> Iterator[str]:
    """What we promise about a road; or why there is none, and when to ask again."""
    say = speech.language.say
    match road:
        case Road(honour_until_day=until):
            yield say("We have checked that these steps work. The later you do them, the later the dates.")
            yield say("We keep this promise until {day}, even if our rules change.", day=speech.day(until))
        case NoRoad(why, _, ask_again):
            yield say(NO_ROAD[why])
            if ask_again is not None:
                yield say("You can ask again from {day}.", day=speech.day(ask_again))


def tell_rests(road: Road | NoRoad | None, speech: Speech) -> tuple[str, ...]:
    """What the plans of a road take for granted, each once: of things that differ in the amount, the stricter one."""
    found: dict[Rests, Assumption] = {}
    for plan in road.plans if isinstance(road, Road) else ():
        for one in plan.assumptions:
            found[one.rests] = _stricter(found.get(one.rests, one), one)
    return tuple(_rests(assumption, speech) for assumption in found.values())


def loans_words(status: Status, speech: Speech) -> str:
    """Whether new loans are possible, in a word."""
    return speech.language.say(LOANS.get(status, "possible"))


def _plan(kind: str, name: str, plan: Plan, speech: Speech) -> ToldPlan:
    end = plan.path[-1]
    limit, day = speech.money(end.limit_minor), speech.day(end.day)
    return ToldPlan(
        kind=kind,
        name=name,
        goal=speech.language.say("If you do this, your limit is {limit} from {day}.", limit=limit, day=day),
        cost=_cost(plan, speech),
        steps=tuple(Dated(speech.day(one.day), _step(one, speech)) for one in sorted(plan.steps, key=_day)),
        path=tuple(Dated(speech.day(point.day), _point(point, speech)) for point in plan.path),
    )


def _day(step: Step) -> int:
    return step.day


def _cost(plan: Plan, speech: Speech) -> str:
    if not plan.total_minor:
        return ""
    early, total = speech.money(plan.early_minor), speech.money(plan.total_minor)
    bills_come = any(one.rests == Rests.STATEMENTS for one in plan.assumptions)
    return speech.language.say(
        "You pay {early} in the first {span}, {total} in all, and your monthly bills as they come."
        if bills_come
        else "You pay {early} in the first {span}, {total} in all.",
        early=early,
        span=speech.language.span(EARLY_DAYS),
        total=total,
    )


def _step(step: Step, speech: Speech) -> str:
    say = speech.language.say
    until = speech.day(step.until_day) if step.until_day is not None else ""
    amount = speech.money(step.amount_minor) if step.amount_minor is not None else ""
    if step.do == Do.PAY_ON_TIME:
        told = speech.language.say_many(
            "Pay the next bill on time. This takes until {until}.",
            "Pay the next {number} bills on time. This takes until {until}.",
            step.count or 1,
            until=until,
        )
        return speech.language.sentences(told, say("Pay at least {amount} each time.", amount=amount) if amount else "")
    if step.do == Do.REPORT:
        told = say("Send us proof of this: {what}.", what=_report(step, speech))
        return speech.language.sentences(told, say("Do so each month until {until}.", until=until) if until else "")
    return say(STEPS[step.do], amount=amount, until=until)


def _report(step: Step, speech: Speech) -> str:
    """What has to be shown: the kind of event, and its values."""
    words, lang = shipped_vocabulary(), speech.language.code
    values = []
    for name, value in step.fields.items():
        told = speech.money(value) if name == "amount" and isinstance(value, int) else str(value)
        told = words.of("choices", value).in_(lang) if isinstance(value, str) else told
        field = words.of("fields", name).in_(lang)
        values.append(speech.language.say("{label}: {value}", label=field, value=told))
    return speech.language.say(", ").join([words.of("kinds", step.kind or "").in_(lang), *values])


def _stricter(one: Assumption, other: Assumption) -> Assumption:
    """Of two plans' conditions one that covers both: smaller bills, more income, from the earlier day, all kinds."""
    amounts = [amount for amount in (one.amount_minor, other.amount_minor) if amount is not None]
    chosen = (max if one.rests == Rests.INCOME else min)(amounts, default=None)
    kinds = tuple(dict.fromkeys((*one.kinds, *other.kinds)))
    return Assumption(one.rests, min(one.day, other.day), chosen, kinds)


def _rests(assumption: Assumption, speech: Speech) -> str:
    words, lang = shipped_vocabulary(), speech.language.code
    amount = speech.money(assumption.amount_minor) if assumption.amount_minor is not None else ""
    kinds = speech.language.one_of([words.plain(kind).in_(lang) for kind in assumption.kinds])
    return speech.language.say(RESTS[assumption.rests], amount=amount, kinds=kinds, day=speech.day(assumption.day))


def _point(point: Point, speech: Speech) -> str:
    limit = speech.money(point.limit_minor)
    if point.status >= Status.SUSPENDED:
        state = loans_words(point.status, speech)
        return speech.language.say("{limit}, new loans still {state}", limit=limit, state=state)
    return limit
