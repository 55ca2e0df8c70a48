"""From a recorded decision to its notice: whatever the borrower is told, the decision holds or confirms.

notice_of(decision, policy, desk, own=DecisionContext(due_on), road=road)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from linekeeper.core.decision import ADVERSE_ACTIONS, Decision
from linekeeper.decide.canonical import canonical, digest_of
from linekeeper.decide.explain import comparisons
from linekeeper.decide.reasons import PERSON
from linekeeper.decide.road.model import NoRoad, Road
from linekeeper.kernel.calendar import calendar
from linekeeper.notice.filling import JOINED, change_of, reasons_of
from linekeeper.notice.model import BorrowerFact, Lender, Notice, NoticeReason, NoticeReceipt, Objection
from linekeeper.notice.prose import feature_words
from linekeeper.policy import model as m
from linekeeper.regulation.clock import NoticeClock
from linekeeper.texts.language import Text
from linekeeper.texts.material import MaterialError, read_yaml, shipped

NOTIFIED_ACTIONS = (*sorted(ADVERSE_ACTIONS), "restore", "offer", "increase", "correct")
SHOWN_DIGITS = 4  # of the account's name, where it is masked


@dataclass(frozen=True, slots=True)
class LenderProfile:
    """Who speaks to the borrower, and where and for how many days an objection is taken."""

    lender: Lender
    objection_url: str
    objection_days: int | None = None


@dataclass(frozen=True, slots=True)
class DecisionContext:
    """What the account knows beside the decision's values.

    `due_on`: the local day of the oldest due that is unpaid; told only where the decision's own days past due confirm
    it. `by_person`: a person's ruling led to the decision.
    """

    due_on: int | None = None
    by_person: bool = False


def notice_of(
    decision: Decision,
    policy: m.Policy,
    profile: LenderProfile,
    *,
    context: DecisionContext | None = None,
    road: Road | NoRoad | None = None,
    receipt: NoticeReceipt | None = None,
    jurisdiction: str = "CN",
    due: NoticeClock | None = None,
) -> Notice:
    """The notice of a decision. Without a `road`, says why none is told; without a `receipt`, the record's hash is it.

    Raises `NoticeError` where the notice would tell too little.
    """
    day = calendar(policy.time_zone).day(decision.at)
    adverse = decision.action in ADVERSE_ACTIONS
    facts = context or DecisionContext()
    reasons = _reasons(decision, policy, day, facts) if adverse else ()
    until = None if profile.objection_days is None else day + profile.objection_days
    return Notice(
        number=reference(decision.account, decision.number),
        account=masked(decision.account),
        issued_day=day,
        currency=policy.currency,
        exponent=policy.exponent,
        change=change_of(decision, day, policy.offer.valid_days if policy.offer else 0),
        reasons=reasons,
        road=(road or why_no_road(decision, policy)) if adverse else None,
        lender=profile.lender,
        objection=Objection(profile.objection_url, until, automated=not _by_person(facts, reasons)),
        receipt=receipt or NoticeReceipt(digest_of(canonical(decision))),
        jurisdiction=jurisdiction,
        corrects=", ".join(reference(decision.account, number) for number in decision.corrects) or None,
        due=due,
    )


def _by_person(context: DecisionContext, reasons: tuple[NoticeReason, ...]) -> bool:
    return context.by_person or any(reason.code == PERSON for reason in reasons)


def masked(account: str) -> str:
    """The account as it may stand in a letter.

    >>> masked("card-0042-8821"), masked("A7")
    ('•••• 8821', '•••• A7')
    """
    return f"•••• {account[-SHOWN_DIGITS:]}"


def reference(account: str, number: int) -> str:
    """What a borrower quotes when asking about a decision.

    >>> reference("card-0042-8821", 3)
    '8821-3'
    """
    return f"{account[-SHOWN_DIGITS:]}-{number}"


def why_no_road(decision: Decision, policy: m.Policy) -> NoRoad:
    """Why no road is told, where none was found or looked for."""
    holding = [trigger for trigger in policy.triggers if trigger.name in decision.triggers_in_force]
    final = tuple(trigger.name for trigger in holding if trigger.terminal)
    if final:
        return NoRoad("terminal", final)
    names = tuple(trigger.name for trigger in holding)
    return NoRoad("not_found", names) if decision.imposed_bp is None else NoRoad("person", names)


# ------------------------------------------------------------------ reasons


def _reasons(decision: Decision, policy: m.Policy, day: int, context: DecisionContext) -> tuple[NoticeReason, ...]:
    """The grounds as reasons: only what bore on the decision, and no measurement twice."""
    told: set[str] = set()
    found: list[NoticeReason] = []
    for reason in reasons_of(policy, decision, day, _more(decision, day, context)):
        if reason.feature is not None and reason.words is not None:
            if reason.words.en in told:
                continue
            told.add(reason.words.en)
        bearing = {feature_words(policy, name).en for name in _bearing(decision, policy, reason.code)}
        facts = {
            name: fact
            for name, fact in reason.facts.items()
            if fact.value is not None and (fact.label is None or fact.label.en in bearing)
        }
        told |= {fact.label.en for fact in facts.values() if fact.label}
        found.append(replace(reason, facts=facts))
    return tuple(found)


def _more(decision: Decision, day: int, context: DecisionContext) -> dict[str, BorrowerFact]:
    """Facts beside the recorded values: the day of the oldest bill, of a person's ruling."""
    more = {}
    if context.due_on is not None and decision.values.get("days_past_due") == day - context.due_on:
        more["due_on"] = BorrowerFact(context.due_on, "date")
    if decision.event is not None:
        more["override_on"] = BorrowerFact(day, "date")  # only the text of a person's ruling names it
    return more


def _bearing(decision: Decision, policy: m.Policy, code: str) -> Iterator[str]:
    """The features by which the conditions stated under that code hold."""
    for ground in decision.reasons:
        if ground.code != code:
            continue
        if ground.feature is not None:
            yield from ground.feature.split(JOINED)
            continue
        for trigger in policy.triggers:
            if trigger.name == ground.trigger:
                yield from _named(trigger.when, policy, decision)


def _named(expr: m.Expr, policy: m.Policy, decision: Decision) -> Iterator[str]:
    """The features that a condition names; of alternatives, only those that hold."""
    match expr:
        case m.Or(items):
            holding = [item for item in items if all(one.holds for one in comparisons(policy, item, decision))]
            for item in holding or items:
                yield from _named(item, policy, decision)
        case m.Ref(name):
            yield name
        case _:
            for child in m.children(expr):
                yield from _named(child, policy, decision)


# ------------------------------------------------------------------ the desk


def read_lender_profile(path: Path | None = None) -> LenderProfile:
    """The desk of a YAML file; the example that is shipped, where none is named."""
    file = path or shipped("lender") / "example.yaml"
    raw = read_yaml(file)
    try:
        hours = raw.get("hours")
        lender = Lender(
            _text(raw["name"]),
            str(raw["phone"]),
            raw["url"],
            _text(hours) if hours else None,
            tuple(_text(way) for way in raw["repay"]),
        )
        return LenderProfile(lender, raw["objection"]["url"], raw["objection"].get("days"))
    except (KeyError, TypeError, AttributeError) as fault:
        needed = "`name`, `phone`, `url`, `repay` and `objection: {url: ...}`"
        raise MaterialError(f"`{file.name}` does not say who the lender is; it needs {needed}") from fault


def _text(raw: Mapping[str, str]) -> Text:
    return Text(zh=raw["zh"], en=raw["en"])
