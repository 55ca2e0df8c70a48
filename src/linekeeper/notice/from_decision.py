"""From a recorded decision to its notice: whatever the borrower is told, the decision holds or confirms.

notice_of(decision, policy, desk, own=OwnFacts(due_on), road=road)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from linekeeper.core.decision import ADVERSE_ACTIONS, Decision, LineRecord
from linekeeper.core.decision import Reason as Ground
from linekeeper.core.line import Action, Line, Status
from linekeeper.decide.canonical import canonical, digest_of
from linekeeper.decide.explain import comparisons
from linekeeper.decide.reasons import PERSON
from linekeeper.decide.road.model import NoRoad, Road
from linekeeper.kernel.calendar import calendar
from linekeeper.notice.clock import Clock
from linekeeper.notice.language import Text
from linekeeper.notice.material import MaterialError, read_yaml, shipped
from linekeeper.notice.model import Change, Fact, Lender, Notice, Objection, Offered, Reason, Receipt
from linekeeper.notice.prose import feature_words, trigger_words
from linekeeper.policy import model as m

TOLD_ACTIONS = (*sorted(ADVERSE_ACTIONS), "restore", "offer", "increase", "correct")
SHOWN_DIGITS = 4  # of the account's name, where it is masked


@dataclass(frozen=True, slots=True)
class Desk:
    """Who speaks to the borrower, and where and for how many days an objection is taken."""

    lender: Lender
    objection_url: str
    objection_days: int | None = None


@dataclass(frozen=True, slots=True)
class OwnFacts:
    """What the account knows beside the decision's values.

    `due_on`: the local day of the oldest due that is unpaid; told only where the decision's own days past due confirm
    it. `by_person`: a person's ruling led to the decision.
    """

    due_on: int | None = None
    by_person: bool = False


def notice_of(
    decision: Decision,
    policy: m.Policy,
    desk: Desk,
    *,
    own: OwnFacts | None = None,
    road: Road | NoRoad | None = None,
    receipt: Receipt | None = None,
    jurisdiction: str = "CN",
    due: Clock | None = None,
) -> Notice:
    """The notice of a decision. Without a `road`, says why none is told; without a `receipt`, the record's hash is it.

    Raises `NoticeError` where the notice would tell too little.
    """
    day = calendar(policy.time_zone).day(decision.at)
    adverse = decision.action in ADVERSE_ACTIONS
    facts = own or OwnFacts()
    reasons = tuple(_reasons(decision, policy, day, facts)) if adverse else ()
    until = None if desk.objection_days is None else day + desk.objection_days
    return Notice(
        number=reference(decision.account, decision.number),
        account=masked(decision.account),
        issued_day=day,
        currency=policy.currency,
        exponent=policy.exponent,
        change=_change(decision, policy, day),
        reasons=reasons,
        road=(road or no_road(decision, policy)) if adverse else None,
        lender=desk.lender,
        objection=Objection(desk.objection_url, until, automated=not _by_person(facts, reasons)),
        receipt=receipt or Receipt(digest_of(canonical(decision))),
        jurisdiction=jurisdiction,
        corrects=", ".join(reference(decision.account, number) for number in decision.corrects) or None,
        due=due,
    )


def _by_person(own: OwnFacts, reasons: tuple[Reason, ...]) -> bool:
    return own.by_person or any(reason.code == PERSON for reason in reasons)


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


def no_road(decision: Decision, policy: m.Policy) -> NoRoad:
    """Why no road is told, where none was found or looked for."""
    holding = [trigger for trigger in policy.triggers if trigger.name in decision.triggers_in_force]
    final = tuple(trigger.name for trigger in holding if trigger.terminal)
    if final:
        return NoRoad("terminal", final)
    names = tuple(trigger.name for trigger in holding)
    return NoRoad("not_found", names) if decision.imposed_bp is None else NoRoad("person", names)


def _change(decision: Decision, policy: m.Policy, day: int) -> Change:
    offered = None
    if decision.offer and policy.offer:
        offered = Offered(decision.offer.number, decision.offer.limit, day + policy.offer.valid_days)
    before, after = _line(decision.before), _line(decision.after)
    return Change(Action[decision.action.upper()], before, after, day, offered=offered)


def _line(record: LineRecord) -> Line:
    return Line(record.limit, record.granted, Status[record.status.upper()])


# ------------------------------------------------------------------ reasons


def _reasons(decision: Decision, policy: m.Policy, day: int, own: OwnFacts) -> Iterator[Reason]:
    """The grounds in their order; what would be told twice is told once.

    Triggers with one code are one reason, with the facts of all; a measurement of the score that a trigger has told
    already, or another trigger on the score, is left out.
    """
    found: dict[str, Reason] = {}
    measured: set[str] = set()
    for ground in decision.reasons:
        reason = _reason(ground, decision, policy, day, own)
        if reason.feature is not None and reason.words is not None:
            if reason.words.en not in measured:
                found[f"the feature {reason.feature}"] = reason
            measured.add(reason.words.en)
        else:
            before = found.get(reason.code)
            found[reason.code] = replace(before, facts={**before.facts, **reason.facts}) if before else reason
            measured |= {fact.label.en for fact in reason.facts.values() if fact.label}
    yield from found.values()


def _reason(ground: Ground, decision: Decision, policy: m.Policy, day: int, own: OwnFacts) -> Reason:
    trigger = next((one for one in policy.triggers if one.name == ground.trigger), None)
    if trigger is None:
        return Reason(ground.code, {"override_on": Fact(day, "date")} if decision.event else {})
    if ground.feature is not None and ground.feature in decision.values:
        value = _fact(policy.feature(ground.feature), decision)
        return Reason(ground.code, {"value": value}, feature_words(policy, ground.feature), ground.feature)
    names = ground.feature.split(" and ") if ground.feature else tuple(_named(trigger.when, policy, decision))
    told = {_key(policy, policy.feature(name)): _labelled(policy, name, decision) for name in names}
    facts = {**_account_facts(policy, decision, day, own), **told}
    return Reason(
        ground.code,
        {name: fact for name, fact in facts.items() if fact.value is not None},
        trigger_words(policy, trigger),
    )


def _named(expr: m.Expr, policy: m.Policy, decision: Decision) -> Iterator[str]:
    """The features a condition holds by; of alternatives, only those that hold."""
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


def _key(policy: m.Policy, feature: m.Feature) -> str:
    """What wordings call it: account facts by their own name, whatever the policy calls them."""
    plain = feature
    while isinstance(plain.expr, m.Ref):
        plain = policy.feature(plain.expr.name)
    return plain.expr.name if isinstance(plain.expr, m.Fact) else feature.name


def _labelled(policy: m.Policy, name: str, decision: Decision) -> Fact:
    return replace(_fact(policy.feature(name), decision), label=feature_words(policy, name))


def _fact(feature: m.Feature, decision: Decision) -> Fact:
    value = decision.values[feature.name]
    word = feature.choices[value] if feature.choices and value is not None else ""
    return Fact(value, feature.unit, word)


def _account_facts(policy: m.Policy, decision: Decision, day: int, own: OwnFacts) -> dict[str, Fact]:
    """Facts that a wording may name: the account's own, the score, days of events; not told of themselves."""
    known = {one.expr.name: _fact(one, decision) for one in policy.features if isinstance(one.expr, m.Fact)}
    if decision.score is not None:
        known["score"] = Fact(decision.score, "points")
    for feature in policy.features:
        since = decision.values[feature.name]
        match feature.expr:
            case m.DaysSince(m.Select(kind, None)) if since is not None:
                known[f"{kind}_on"] = Fact(day - since, "date")
    late = known.get("days_past_due")
    if own.due_on is not None and late is not None and late.value == day - own.due_on:
        known["due_on"] = Fact(own.due_on, "date")
    return known


# ------------------------------------------------------------------ the desk


def read_desk(path: Path | None = None) -> Desk:
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
        return Desk(lender, raw["objection"]["url"], raw["objection"].get("days"))
    except (KeyError, TypeError, AttributeError) as fault:
        needed = "`name`, `phone`, `url`, `repay` and `objection: {url: ...}`"
        raise MaterialError(f"`{file.name}` does not say who the lender is; it needs {needed}") from fault


def _text(raw: Mapping[str, str]) -> Text:
    return Text(zh=raw["zh"], en=raw["en"])
