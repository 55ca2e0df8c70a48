"""From a recorded decision to what a notice needs of it: what changed, and why, with the account's own facts.

The words of a reason come from the policy's rules, its facts from the values that the decision recorded; nothing
is told that the record does not hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from linekeeper.core import decision as core
from linekeeper.core.line import Action, Line, Status
from linekeeper.notice.model import BorrowerFact, Change, NoticeReason, OpenOffer
from linekeeper.notice.prose import feature_words, trigger_words
from linekeeper.policy import model as m
from linekeeper.texts.language import Text

JOINED = " and "  # how a recorded reason names the two features of a table


def change_of(decision: core.Decision, since_day: int, valid_days: int = 0) -> Change:
    """What a decision changed. `since_day` is its local day; an offer stays open for `valid_days` after it."""
    offer = decision.offer
    return Change(
        action=Action[decision.action.upper()],
        before=_line(decision.before),
        after=_line(decision.after),
        since_day=since_day,
        offered=OpenOffer(offer.number, offer.limit, since_day + valid_days) if offer else None,
    )


def reasons_of(
    policy: m.Policy, decision: core.Decision, day: int, more: Mapping[str, BorrowerFact] | None = None
) -> tuple[NoticeReason, ...]:
    """The grounds of a decision as reasons, most important first, each code or feature once.

    `day` is the decision's local day. `more` are facts beyond the recorded values, known by name to the reason
    texts: `due_on` (a `date`: when the oldest unpaid due was due), for example.
    """
    known = {**account_facts(policy, decision, day), **(more or {})}
    found: dict[tuple[str, str | None], NoticeReason] = {}
    for ground in decision.reasons:
        reason = _reason(policy, decision, ground, known)
        key = (reason.code if reason.feature is None else "", reason.feature)
        before = found.get(key)
        found[key] = (
            NoticeReason(before.code, {**reason.facts, **before.facts}, before.words, before.feature)
            if before
            else reason
        )
    return tuple(found.values())


def denial_reason(
    policy: m.Policy, rule: m.AuthoriseRule, values: Mapping[str, int | None], asked_minor: int
) -> NoticeReason:
    """The reason of an authorise rule that denied a draw, from the features as they were then."""
    facts = {**_labelled(policy, m.walk(rule.deny), values), "amount": BorrowerFact(asked_minor, "money")}
    return NoticeReason(rule.reason, facts, trigger_words(policy, rule))


def account_facts(policy: m.Policy, decision: core.Decision, day: int) -> dict[str, BorrowerFact]:
    """Facts that texts may name: the recorded built-in ones, the score, and the day of the latest event of a kind."""
    facts = {} if decision.score is None else {"score": BorrowerFact(decision.score, "points")}
    for feature in policy.features:
        value = decision.values[feature.name]
        match feature.expr:
            case m.Fact(name):
                facts[name] = BorrowerFact(value, feature.unit)
            case m.DaysSince(m.Select(kind, None)) if value is not None:
                facts[f"{kind}_on"] = BorrowerFact(day - value, "date")
    return facts


def _reason(
    policy: m.Policy, decision: core.Decision, ground: core.Reason, known: Mapping[str, BorrowerFact]
) -> NoticeReason:
    names = ground.feature.split(JOINED) if ground.feature else []
    if len(names) == 1:
        value = _fact(policy.feature(names[0]), decision.values[names[0]])
        return NoticeReason(ground.code, {"value": value}, feature_words(policy, names[0]), names[0])
    trigger = next((trigger for trigger in policy.triggers if trigger.name == ground.trigger), None)
    if trigger is None:
        return NoticeReason(ground.code, known)
    asked = (m.Ref(name) for name in names) if names else m.walk(trigger.when)
    measured = _labelled(policy, asked, decision.values)
    others = {name: fact for name, fact in known.items() if name not in measured}
    return NoticeReason(ground.code, measured | others, trigger_words(policy, trigger))


def _labelled(policy: m.Policy, nodes: Iterable[m.Expr], values: Mapping[str, int | None]) -> dict[str, BorrowerFact]:
    """The features that a rule names, with the words of what they measure. Days since an event are told as its day."""
    facts: dict[str, BorrowerFact] = {}
    for node in nodes:
        if not isinstance(node, m.Ref):
            continue
        feature = policy.feature(node.name)
        if not isinstance(feature.expr, m.DaysSince):
            facts[_name(policy, feature)] = _fact(feature, values[feature.name], feature_words(policy, feature.name))
    return facts


def _name(policy: m.Policy, feature: m.Feature) -> str:
    """What a text calls a feature: a built-in fact by its own name, whatever the policy calls it."""
    plain = feature
    while isinstance(plain.expr, m.Ref):
        plain = policy.feature(plain.expr.name)
    return plain.expr.name if isinstance(plain.expr, m.Fact) else feature.name


def _fact(feature: m.Feature, value: int | None, label: Text | None = None) -> BorrowerFact:
    word = feature.choices[value] if feature.unit == "category" and value is not None else ""
    return BorrowerFact(value, feature.unit, word, label)


def _line(record: core.LineRecord) -> Line:
    return Line(record.limit, record.granted, Status[record.status.upper()])
