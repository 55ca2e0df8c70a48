"""The road back in words: plans with dated steps, their conditions and the path of limits; or why there is none.

The one rendering of a road back: notices and the command line both show it, in either language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from linekeeper.core.line import Status
from linekeeper.notice.phrasebook import Phrasebook
from linekeeper.notice.prose.links import THINGS
from linekeeper.policy.model import CUSTOMER, LINKED
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
    with_former_plan_keys,
)

STEP_TEXTS = {
    StepKind.PAY_OVERDUE: "Pay {amount} of what is overdue.",
    StepKind.PAY_DOWN: "Pay back {amount} of what you owe.",
    StepKind.BE_CURRENT: "Have nothing overdue on this day.",
    StepKind.NO_DRAWS: "Do not borrow on this line until {until}.",
    StepKind.WAIT: "Wait until {until}. There is nothing else you need to do.",
}
ASSUMPTION_TEXTS = {
    AssumptionKind.BILLS: "No bill is above {amount}.",
    AssumptionKind.INCOME: "Income of at least {amount} comes in each month.",
    AssumptionKind.CURRENT: "Nothing is overdue from {day} on.",
    AssumptionKind.NO_CHARGES: "You pay interest and fees as they come.",
}
NO_ROAD_TEXTS = {
    "terminal": "Under our rules this decision is final. There are no steps that bring the limit back.",
    "person": "A person decided this. Ask us, and a person will tell you what is needed.",
    "granted": "No step of yours brings it back by itself. Ask us, and a person will look at your line again.",
    "not_found": "We have not found steps that bring the limit back yet. We look again when your account changes.",
}
NIGHT_ENDS_HOUR = 6
LOAN_WORDS = {Status.SUSPENDED: "paused", Status.CLOSED: "closed"}


@dataclass(frozen=True, slots=True)
class DatedText:
    """A sentence and the date it belongs to: a step, or the limit from that day on."""

    day: str
    text: str


@dataclass(frozen=True, slots=True)
class RenderedPlan:
    """One plan in words: its kind (fastest, lightest, with_report), name, goal, cost, steps and path of limits."""

    kind: str
    name: str
    goal: str
    cost: str
    steps: tuple[DatedText, ...]
    path: tuple[DatedText, ...]


def plans_by_kind(road: RoadBack) -> tuple[tuple[str, Plan], ...]:
    """The plans that there are, each with its kind: `fastest`, `lightest`, `with_report` (the one that needs proof)."""
    kinds = (("fastest", road.fastest), ("lightest", road.lightest), ("with_report", road.with_report))
    return tuple((kind, plan) for kind, plan in kinds if plan is not None)


def road_values(road: RoadBack | NoRoadBack | None) -> dict[str, Any] | None:
    """A road back as plain values for JSON, with the keys of the former format beside their own."""
    if road is None:
        return None
    values = asdict(road)
    if isinstance(road, RoadBack):
        values |= {kind: with_former_plan_keys(values[kind]) for kind, _ in plans_by_kind(road)}
    return values


def render_plans(road: RoadBack, phrases: Phrasebook) -> tuple[RenderedPlan, ...]:
    """The plans of a road back, in words."""
    translate = phrases.language.translate
    names = {
        "fastest": translate("The fastest way") if len(road.plans) > 1 else translate("What you can do"),
        "lightest": translate("The way with less to pay now"),
        "with_report": translate("A faster way, with proof"),
    }
    return tuple(_plan(kind, names[kind], plan, phrases) for kind, plan in plans_by_kind(road))


def render_promise(road: RoadBack | NoRoadBack | None, phrases: Phrasebook) -> Iterator[str]:
    """What the lender promises about a road back; or why there is none, and when to ask again.

    A road back that the second run did not confirm is no promise. No notice holds one, but the command line shows it.
    """
    translate = phrases.language.translate
    match road:
        case RoadBack(verified=False):
            yield translate("We could not confirm these steps: a second run led elsewhere. Do not rely on them.")
        case RoadBack(honour_until_day=until):
            yield translate("We have checked that these steps work. The later you do them, the later the dates.")
            yield from _how_far(road, until, phrases)
        case NoRoadBack(why, _, ask_again):
            yield translate(NO_ROAD_TEXTS[why])
            if ask_again is not None:
                yield translate("You can ask again from {day}.", day=phrases.day(ask_again))


def _how_far(road: RoadBack, until: int, phrases: Phrasebook) -> Iterator[str]:
    """Until when the promise is kept; and which dates, if any, are no promise but an outlook."""
    translate = phrases.language.translate
    if until <= road.day and any(map(road.is_outlook, road.plans)):
        yield translate("These dates are an outlook under our rules of today. They are not a promise.")
        return
    yield translate("We keep this promise until {day}, even if our rules change.", day=phrases.day(until))
    if any(map(road.is_outlook, road.plans)):
        yield translate(
            "Dates after {day} are an outlook under our rules of today. They are not a promise.", day=phrases.day(until)
        )


def render_assumptions(road: RoadBack | NoRoadBack | None, phrases: Phrasebook) -> tuple[str, ...]:
    """The conditions of a road back, each once for all its plans; where two differ in the amount, the stricter one."""
    conditions: dict[AssumptionKind, Assumption] = {}
    for plan in road.plans if isinstance(road, RoadBack) else ():
        for assumption in plan.assumptions:
            known = conditions.get(assumption.kind, assumption)
            conditions[assumption.kind] = _stricter(known, assumption)
    return tuple(_assumption(assumption, phrases) for assumption in conditions.values())


def render_path(path: Sequence[PathPoint], phrases: Phrasebook) -> tuple[DatedText, ...]:
    """A path of limits: the limit from each day on, and whether new loans are possible."""
    return tuple(DatedText(phrases.day(point.day), _point(point, phrases)) for point in path)


def render_loans(status: Status, phrases: Phrasebook) -> str:
    """Whether new loans are possible, in a word."""
    return phrases.language.translate(LOAN_WORDS.get(status, "possible"))


def _plan(kind: str, name: str, plan: Plan, phrases: Phrasebook) -> RenderedPlan:
    end = plan.path[-1]
    limit, day = phrases.money(end.limit_minor), phrases.day(end.day)
    steps = sorted(plan.steps, key=lambda step: step.day)
    return RenderedPlan(
        kind=kind,
        name=name,
        goal=phrases.language.translate("If you do this, your limit is {limit} from {day}.", limit=limit, day=day),
        cost=_cost(plan, phrases),
        steps=tuple(DatedText(phrases.day(step.day), _step(step, phrases, len(steps) == 1)) for step in steps),
        path=render_path(plan.path, phrases),
    )


def _cost(plan: Plan, phrases: Phrasebook) -> str:
    if not plan.total_minor:
        return ""
    early, total = phrases.money(plan.early_minor), phrases.money(plan.total_minor)
    # What a future statement will ask for is not known, so the total leaves it out and the sentence says so.
    return phrases.language.translate(
        "You pay {early} in the first {span}, {total} in all, and your monthly bills as they come."
        if plan.bills_unknown
        else "You pay {early} in the first {span}, {total} in all.",
        early=early,
        span=phrases.language.span(EARLY_DAYS),
        total=total,
    )


def _step(step: Step, phrases: Phrasebook, alone: bool) -> str:
    translate, sentences = phrases.language.translate, phrases.language.sentences
    until = phrases.day(step.until_day) if step.until_day is not None else ""
    amount = phrases.money(step.amount_minor) if step.amount_minor is not None else ""
    if step.action == StepKind.PAY_ON_TIME:
        bills = phrases.language.translate_count(
            "Pay the next bill on time. This takes until {until}.",
            "Pay the next {number} bills on time. This takes until {until}.",
            step.count or 1,
            until=until,
        )
        return sentences(bills, translate("Pay at least {amount} each time.", amount=amount) if amount else "")
    if step.action == StepKind.REPORT and step.event_kind == CUSTOMER:
        return translate("On your other accounts with us, see to this: {what}.", what=_elsewhere(step, phrases))
    if step.action == StepKind.REPORT and step.event_kind == LINKED:
        ties = dict.fromkeys(name.partition("_")[0] for name in step.fields)
        what = phrases.language.all_of([translate(THINGS.get(tie, "something")) for tie in ties])
        return translate("Tell us if you no longer share this with others, or never did: {what}.", what=what)
    if step.action == StepKind.DRAW_AND_REPAY:
        return phrases.language.translate_count(
            "Borrow {amount} once and pay it back by {until}, on its date.",
            "Borrow {amount} {number} times, and pay it back each time on its date. This takes until {until}.",
            step.count or 1,
            until=until,
            amount=amount,
        )
    if step.action == StepKind.STOP:
        return translate("{what} until {until}.", what=_stop(step, phrases), until=until)
    if step.action == StepKind.WAIT and alone:
        return translate("Wait until {until}. There is nothing you need to do.", until=until)
    if step.action == StepKind.REPORT:
        proof = translate("Send us proof of this: {what}.", what=_proof(step, phrases))
        return sentences(proof, translate("Do so each month until {until}.", until=until) if until else "")
    return translate(STEP_TEXTS[step.action], amount=amount, until=until)


def _elsewhere(step: Step, phrases: Phrasebook) -> str:
    """What the other accounts have to come to: by the names under which accounts publish it."""
    vocabulary, lang = phrases.vocabulary, phrases.language.code
    names = dict.fromkeys(re.sub(r"_(sum|max|at_least_\d+)$", "", name) for name in step.fields)
    words = [
        phrases.language.translate("{label}: {value}", label=vocabulary.of("fields", name).in_(lang), value="0")
        for name in names
    ]
    return phrases.language.translate(", ").join(words)


def _stop(step: Step, phrases: Phrasebook) -> str:
    """What to stop: in the words that the kind has for it, else the kind's name and what is counted of it."""
    vocabulary, lang, kind = phrases.vocabulary, phrases.language.code, step.event_kind or ""
    words = [value for value in step.fields.values() if isinstance(value, str)]
    for key in (*(f"{kind}.{word}" for word in words), kind if not words and "hour" not in step.fields else ""):
        if vocabulary.has("stops", key):
            return vocabulary.of("stops", key).in_(lang)
    what = vocabulary.events(kind).in_(lang)
    details = [_detail_of(name, value, phrases) for name, value in step.fields.items()]
    listed = phrases.language.translate(", ").join(details)
    translate = phrases.language.translate
    return (
        translate("Avoid {what} ({details})", what=what, details=listed)
        if details
        else translate("Avoid {what}", what=what)
    )


def _detail_of(name: str, value: int | str, phrases: Phrasebook) -> str:
    """Which of a kind's events are meant: a word, an amount, the time of day."""
    vocabulary, lang, translate = phrases.vocabulary, phrases.language.code, phrases.language.translate
    if name == "hour":
        return translate("at night") if int(value) < NIGHT_ENDS_HOUR else translate("at {hour}:00", hour=value)
    label = vocabulary.of("fields", name).in_(lang)
    if isinstance(value, str):
        return vocabulary.of("choices", value).in_(lang)
    return translate("{label}: {value}", label=label, value=phrases.money(value) if name == "amount" else str(value))


def _proof(step: Step, phrases: Phrasebook) -> str:
    """What has to be shown: the kind of event, and its values."""
    vocabulary, lang = phrases.vocabulary, phrases.language.code
    values = []
    for name, value in step.fields.items():
        if isinstance(value, str):
            shown = vocabulary.of("choices", value).in_(lang)
        else:
            shown = phrases.money(value) if name == "amount" else str(value)
        label = vocabulary.of("fields", name).in_(lang)
        values.append(phrases.language.translate("{label}: {value}", label=label, value=shown))
    return phrases.language.translate(", ").join([vocabulary.of("kinds", step.event_kind or "").in_(lang), *values])


def _stricter(one: Assumption, other: Assumption) -> Assumption:
    """Of two plans' conditions one that covers both: smaller bills, more income, from the earlier day, all kinds."""
    amounts = [amount for amount in (one.amount_minor, other.amount_minor) if amount is not None]
    stricter = max if one.kind == AssumptionKind.INCOME else min
    event_kinds = tuple(dict.fromkeys((*one.event_kinds, *other.event_kinds)))
    return Assumption(one.kind, min(one.day, other.day), stricter(amounts, default=None), event_kinds)


def _assumption(assumption: Assumption, phrases: Phrasebook) -> str:
    amount = phrases.money(assumption.amount_minor) if assumption.amount_minor is not None else ""
    return phrases.language.translate(ASSUMPTION_TEXTS[assumption.kind], amount=amount, day=phrases.day(assumption.day))


def _point(point: PathPoint, phrases: Phrasebook) -> str:
    limit = phrases.money(point.limit_minor)
    if point.status >= Status.SUSPENDED:
        state = render_loans(point.status, phrases)
        return phrases.language.translate("{limit}, new loans still {state}", limit=limit, state=state)
    return limit
