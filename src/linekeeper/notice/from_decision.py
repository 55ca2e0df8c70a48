"""From a recorded decision to its notice: what changed, why, and the way back.

A notice says nothing that the record does not hold or confirm: the words of a reason come from the rules of the policy,
its facts from the values that the decision recorded. `render` puts the notice into words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from linekeeper.core import decision as core
from linekeeper.core.decision import ADVERSE_ACTIONS, OWN_CHOICE, REFUSE, Decision
from linekeeper.core.line import Action, Line, Status
from linekeeper.decide.canonical import canonical_json, digest_of
from linekeeper.decide.explain import comparisons
from linekeeper.decide.reasons import GRANT, PERSON, severity
from linekeeper.kernel.calendar import calendar
from linekeeper.notice.chosen_rows import chooses, with_chosen_rows
from linekeeper.notice.lender_words import LenderWords, read_lender_words
from linekeeper.notice.model import (
    DEFAULT_JURISDICTION,
    BorrowerFact,
    Change,
    ComingChange,
    CorrectionCause,
    Lender,
    Notice,
    NoticeReason,
    NoticeReceipt,
    Objection,
    OpenOffer,
)
from linekeeper.notice.prose import feature_words, trigger_words
from linekeeper.notice.prose.vocabulary import Vocabulary
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.recourse.model import NoRoadBack, RoadBack
from linekeeper.regulation.clock import NoticeClock
from linekeeper.texts.language import Text, text_of
from linekeeper.texts.material import MaterialError, read_yaml, shipped

# `keep` changes nothing for the borrower; `allow` and `deny` are the answer to a draw, which is given at once.
NOTIFIED_ACTIONS = (
    *sorted(ADVERSE_ACTIONS),
    "restore",
    "offer",
    "increase",
    "correct",
    "announce",
    "withdraw",
    "contact",
    "price",
    "own_choice",
    "assign",
    "refuse",
)
OBJECTION_DAYS_MAX = 3_650
KEEP, WHOLE_LINE = "keep", "active"
SHOWN_DIGITS = 4  # of the account's name, where it is masked


@dataclass(frozen=True, slots=True)
class LenderProfile:
    """The lender of a notice, where and for how many days an objection is taken, and the words of its letters."""

    lender: Lender
    objection_url: str
    objection_days: int | None = None
    words: LenderWords = field(default_factory=LenderWords)


@dataclass(frozen=True, slots=True)
class DecisionContext:
    """What the journal knows of a decision beside its recorded values.

    `due_on` is the local day of the oldest unpaid due; it is shown only where the decision's own days past due confirm
    it. `by_person`: the ruling of a person led to the decision. `by_grant`: a `grant` of the lender did. `owed_minor`
    is what the account owes right after it. `corrected`: the decisions that a correction mends. `too_long`: those that
    were right, and whose restriction lasted too long. `cause`: what showed it.
    """

    due_on: int | None = None
    by_person: bool = False
    by_grant: bool = False
    owed_minor: int | None = None
    corrected: tuple[int, ...] = ()
    too_long: tuple[int, ...] = ()
    cause: CorrectionCause | None = None


def notice_of(
    decision: Decision,
    policy: m.Policy,
    profile: LenderProfile,
    *,
    context: DecisionContext | None = None,
    road: RoadBack | NoRoadBack | None = None,
    receipt: NoticeReceipt | None = None,
    jurisdiction: str = DEFAULT_JURISDICTION,
    due: NoticeClock | None = None,
) -> Notice:
    """The notice of a decision, made by the `policy` that decided.

    Without a `road`, the notice says why there is none; without a `receipt`, the hash of the record is the receipt.
    Raises `NoticeError` where the notice would leave out something that it owes the borrower.
    """
    context = context or DecisionContext()
    day = calendar(policy.time_zone).day(decision.at)
    # Whoever is restricted is owed reasons and a way back (law 9): when it begins, when a reason is added, and when a
    # line comes back in part. Whoever is refused a line is owed the reasons.
    partly = is_partly_back(decision)
    shown = decision.action in ADVERSE_ACTIONS or adds_reasons(decision) or partly
    grave = shown or bool(decision.announces) or decision.action in ("contact", "price", REFUSE)
    shown_for = replace(decision, reasons=reasons_in_force(decision, policy)) if partly else decision
    words, beside = profile.words.vocabulary, _facts_beside_the_record(shown_for, day, context)
    reasons = reasons_of(policy, shown_for, day, beside, words) if grave else ()
    reasons = _without_repeated_measures(_with_bearing_facts(reasons, policy, shown_for, words))
    by_person = context.by_person or any(reason.code == PERSON for reason in reasons)
    own_choice = decision.action == OWN_CHOICE and not shown
    objection_until = None if profile.objection_days is None else day + profile.objection_days
    return Notice(
        number=reference(decision.account, decision.number),
        account=masked(decision.account),
        issued_day=day,
        currency=policy.currency,
        exponent=policy.exponent,
        change=_whole_change(decision, policy, day, context),
        reasons=reasons,
        road=(road or why_no_road(decision, policy)) if shown else None,
        lender=profile.lender,
        objection=Objection(profile.objection_url, objection_until, automated=not (by_person or own_choice)),
        receipt=receipt or NoticeReceipt(digest_of(canonical_json(decision))),
        jurisdiction=jurisdiction,
        corrects=tuple(reference(decision.account, one) for one in decision.corrects or context.corrected),
        too_long=tuple(reference(decision.account, one) for one in context.too_long),
        owed_minor=context.owed_minor,
        cause=context.cause,
        due=due,
    )


def is_notified(decision: Decision) -> bool:
    """Whether the borrower is told of a decision: each that moves the line, and new grounds on a restricted one."""
    return decision.action in NOTIFIED_ACTIONS or adds_reasons(decision)


def adds_reasons(decision: Decision) -> bool:
    """Whether a decision leaves a restricted line as it is and adds a trigger that restricts it: a longer road."""
    return decision.action in (KEEP, OWN_CHOICE) and decision.after.status != WHOLE_LINE and bool(decision.triggers_set)


def is_partly_back(decision: Decision) -> bool:
    """Whether a decision gives back a part of the line, and something still holds it down."""
    return decision.action in ("restore", "correct") and decision.after.status != WHOLE_LINE


def reasons_in_force(decision: Decision, policy: m.Policy) -> tuple[core.Reason, ...]:
    """The triggers that still hold the line down, the most severe one first; a person's cap before them."""
    held = [trigger for trigger in policy.triggers if trigger.name in decision.triggers_in_force]
    restricting = sorted((one for one in held if one.suspend or one.caps_limit), key=severity)
    listed = [] if decision.imposed_bp is None else [core.Reason(PERSON, "")]
    return (*listed, *(core.Reason(trigger.reason, trigger.name) for trigger in restricting))


def _whole_change(decision: Decision, policy: m.Policy, day: int, context: DecisionContext) -> Change:
    """What a decision changed, announces and follows from."""
    return replace(
        change_of(decision, day),
        offered=_offered(decision, policy, day),
        coming=_coming(decision, policy),
        by_grant=context.by_grant,
        cooling_days=policy.own_limit.cooling_days if policy.own_limit else None,
    )


def _offered(decision: Decision, policy: m.Policy, day: int) -> OpenOffer | None:
    """The offer of a decision, with what the policy says of it for the account's segment."""
    made = decision.offer
    terms = policy.offer_named(made.name) if made else None
    if made is None or terms is None:
        return None
    own = m.in_segment(terms, policy.segment_in(decision.values))
    until_day = day + own.valid_days
    return OpenOffer(made.number, made.limit, until_day, own.name, own.price, own.needs_consent)


def masked(account: str) -> str:
    """The account as a notice may show it.

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


def change_of(decision: Decision, since_day: int, valid_days: int = 0) -> Change:
    """What a decision changed. `since_day` is its local day; an offer stays open for `valid_days` after it."""
    offer = decision.offer
    return Change(
        action=Action[decision.action.upper()],
        before=_line(decision.before),
        after=_line(decision.after),
        since_day=since_day,
        offered=OpenOffer(offer.number, offer.limit, since_day + valid_days) if offer else None,
        withdrawn=bool(decision.announcements and decision.announcements.withdrawn),
        price=", ".join(one.code for one in decision.treatments if one.kind == "price"),
        own_choice=decision.own_choice,
    )


def _coming(decision: Decision, policy: m.Policy) -> ComingChange | None:
    """What the decision announces, as the line will stand when all that is announced is in effect."""
    announcements, new = decision.announcements, decision.announces
    if announcements is None or not new:
        return None
    names = {one.trigger for one in announcements.pending}
    pending = [trigger for trigger in policy.triggers if trigger.name in names]
    status = Status[decision.after.status.upper()]
    if any(trigger.suspend for trigger in pending):
        status = max(status, Status.SUSPENDED)
    if any(trigger.close for trigger in pending):
        status = Status.CLOSED
    limit = min(decision.after.limit, decision.after.limit if announcements.limit is None else announcements.limit)
    days = [one.effect_day for one in announcements.pending]
    return ComingChange(min(days), max(days), Line(limit, decision.after.granted, status))


def _line(record: core.LineRecord) -> Line:
    return Line(record.limit, record.granted, Status[record.status.upper()])


def why_no_road(decision: Decision, policy: m.Policy) -> NoRoadBack:
    """Why a notice shows no road back: a trigger that is final, a person's cap, or none found."""
    in_force = [one for one in policy.triggers if one.name in decision.triggers_in_force]
    in_force = [one for one in in_force if one.restricts or one.treatments is None]
    final = tuple(trigger.name for trigger in in_force if trigger.terminal)
    if final:
        return NoRoadBack("terminal", final)
    names = tuple(trigger.name for trigger in in_force)
    if not names and any(reason.code == GRANT for reason in decision.reasons):
        return NoRoadBack("granted", ())
    return NoRoadBack("not_found", names) if decision.imposed_bp is None else NoRoadBack("person", names)


# ------------------------------------------------------------------ grounds as reasons, with their facts


def reasons_of(
    policy: m.Policy,
    decision: Decision,
    day: int,
    beside: Mapping[str, BorrowerFact] | None = None,
    vocabulary: Vocabulary | None = None,
) -> tuple[NoticeReason, ...]:
    """The grounds of a decision as reasons, most important first, each code or feature once, with all their facts.

    `day` is the local day of the decision. `beside` are facts beyond the recorded values that reason texts may name:
    `due_on` (a `date`: when the oldest unpaid due was due), for example. `vocabulary`: the lender's; None: shipped.
    """
    known = {**_account_facts(policy, decision, day), **(beside or {})}
    reasons: dict[tuple[str, str | None], NoticeReason] = {}
    for recorded in decision.reasons:
        reason = _reason(policy, decision, recorded, known, vocabulary)
        key = (reason.code if reason.feature is None else "", reason.feature)
        first = reasons.get(key)
        reasons[key] = replace(first, facts={**reason.facts, **first.facts}) if first else reason
    return tuple(reasons.values())


def denial_reason(
    policy: m.Policy, rule: m.AuthoriseRule, values: Mapping[str, int | None], asked_minor: int
) -> NoticeReason:
    """The reason of an authorise rule that denied a draw, from the features as they stood at the time."""
    rule = replace(rule, deny=ex.expression_in_segment(rule.deny, policy.segment_in(values)))
    facts = {**_measured(policy, _named_features(rule.deny), values), "amount": BorrowerFact(asked_minor, "money")}
    worded = replace(rule, deny=with_chosen_rows(policy, rule.deny, values))
    return NoticeReason(rule.reason, facts, trigger_words(policy, worded))


def _reason(
    policy: m.Policy,
    decision: Decision,
    recorded: core.Reason,
    known: Mapping[str, BorrowerFact],
    vocabulary: Vocabulary | None,
) -> NoticeReason:
    if len(recorded.features) == 1:
        (name,) = recorded.features
        value = _fact(policy.feature(name), decision.values[name])
        return NoticeReason(recorded.code, {"value": value}, feature_words(policy, name, vocabulary), name)
    trigger = next((rule for rule in policy.rules_with_reasons if rule.name == recorded.trigger), None)
    if trigger is None:
        return NoticeReason(recorded.code, known)
    trigger = replace(trigger, when=ex.expression_in_segment(trigger.when, policy.segment_in(decision.values)))
    names = recorded.features or _named_features(trigger.when)
    measured = _measured(policy, names, decision.values, vocabulary)
    others = {name: fact for name, fact in known.items() if name not in measured}
    worded = replace(trigger, when=with_chosen_rows(policy, trigger.when, decision.values))
    return NoticeReason(recorded.code, measured | others, trigger_words(policy, worded, vocabulary))


def _account_facts(policy: m.Policy, decision: Decision, day: int) -> dict[str, BorrowerFact]:
    """Recorded facts that a text may name: built-in ones, the score, and the day of the latest event of a kind."""
    facts = {} if decision.score is None else {"score": BorrowerFact(decision.score, "points")}
    for feature in policy.features:
        value = decision.values[feature.name]
        match feature.expr:
            case ex.Fact(name):
                facts[name] = BorrowerFact(value, feature.unit)
            case ex.DaysSince(ex.Select(kind, None)) if value is not None:
                facts[f"{kind}_on"] = BorrowerFact(day - value, "date")
    return facts


def _facts_beside_the_record(decision: Decision, day: int, context: DecisionContext) -> dict[str, BorrowerFact]:
    """The day of the oldest unpaid due, and the day of a person's ruling."""
    facts = {}
    # A core system may report more days past due than the dues give; the date would contradict the reason then.
    if context.due_on is not None and decision.values.get("days_past_due") == day - context.due_on:
        facts["due_on"] = BorrowerFact(context.due_on, "date")
    if decision.event is not None:
        facts["override_on"] = BorrowerFact(day, "date")  # only the text of a person's ruling names it
    return facts


def _named_features(rule: ex.Expr) -> list[str]:
    return [node.name for node in ex.nodes_of(rule) if isinstance(node, ex.Ref)]


def _measured(
    policy: m.Policy, names: Iterable[str], values: Mapping[str, int | None], vocabulary: Vocabulary | None = None
) -> dict[str, BorrowerFact]:
    """The facts of the named features, each with the words of what it measures.

    Days since an event are left out: `_account_facts` gives the day of the event, which a person knows better.
    """
    facts: dict[str, BorrowerFact] = {}
    for feature in map(policy.feature, names):
        if not isinstance(feature.expr, ex.DaysSince):
            # What chooses among constants is named by its value, in the rule itself: a table is no label.
            label = None if chooses(policy, feature.name) else feature_words(policy, feature.name, vocabulary)
            facts[_text_name(policy, feature)] = _fact(feature, values[feature.name], label)
    return facts


def _text_name(policy: m.Policy, feature: m.Feature) -> str:
    """What a text calls a feature: a built-in fact by its own name, whatever name the policy gave it."""
    origin = feature
    while isinstance(origin.expr, ex.Ref):
        origin = policy.feature(origin.expr.name)
    return origin.expr.name if isinstance(origin.expr, ex.Fact) else feature.name


def _fact(feature: m.Feature, value: int | None, label: Text | None = None) -> BorrowerFact:
    word = feature.choices[value] if feature.unit == "category" and value is not None else ""
    return BorrowerFact(value, feature.unit, word, label)


# ------------------------------------------------------------------ what bore on the decision


def _with_bearing_facts(
    reasons: Iterable[NoticeReason], policy: m.Policy, decision: Decision, vocabulary: Vocabulary | None = None
) -> Iterator[NoticeReason]:
    """The reasons, with only those labelled facts by which a condition of theirs holds, and none that is not known."""
    for reason in reasons:
        names = _bearing_features(decision, policy, reason.code)
        bearing = {feature_words(policy, name, vocabulary).en for name in names}
        facts = {
            name: fact
            for name, fact in reason.facts.items()
            if fact.value is not None and (fact.label is None or fact.label.en in bearing)
        }
        yield replace(reason, facts=facts)


def _without_repeated_measures(reasons: Iterable[NoticeReason]) -> tuple[NoticeReason, ...]:
    """The reasons less those that are a feature of the score which an earlier reason shows already.

    One measurement that counts twice, in a trigger and in the score, would look like two complaints.
    """
    shown: set[str] = set()
    kept: list[NoticeReason] = []
    for reason in reasons:
        if reason.feature is not None and reason.words is not None:
            if reason.words.en in shown:
                continue
            shown.add(reason.words.en)
        shown |= {fact.label.en for fact in reason.facts.values() if fact.label}
        kept.append(reason)
    return tuple(kept)


def _bearing_features(decision: Decision, policy: m.Policy, code: str) -> Iterator[str]:
    """The features by which the conditions stated under that code hold."""
    for recorded in decision.reasons:
        if recorded.code != code:
            continue
        if recorded.features:
            yield from recorded.features
            continue
        for trigger in policy.rules_with_reasons:
            if trigger.name == recorded.trigger:
                when = ex.expression_in_segment(trigger.when, policy.segment_in(decision.values))
                yield from _features_that_hold(when, policy, decision)


def _features_that_hold(expr: ex.Expr, policy: m.Policy, decision: Decision) -> Iterator[str]:
    """The features that a condition names. Of alternatives, only those that hold: the others restricted nobody."""
    match expr:
        case ex.Or(items):
            holding = [item for item in items if all(one.holds for one in comparisons(policy, item, decision))]
            for item in holding or items:
                yield from _features_that_hold(item, policy, decision)
        case ex.Ref(name):
            yield name
        case _:
            for child in ex.children(expr):
                yield from _features_that_hold(child, policy, decision)


# ------------------------------------------------------------------ the lender


def read_lender_profile(path: Path | None = None) -> LenderProfile:
    """The lender of a YAML file; by default that of the shipped example, whose letters say that they are specimens.

    `wording` names a folder beside the file, with the lender's own words. Raises `MaterialError` where the file is
    incomplete, or the folder is.
    """
    file = path or shipped("lender") / "example.yaml"
    raw = read_yaml(file)
    try:
        hours = raw.get("hours")
        lender = Lender(
            name=text_of(raw["name"]),
            phone=str(raw["phone"]),
            url=str(raw["url"]),
            hours=text_of(hours) if hours else None,
            repay=tuple(map(text_of, raw["repay"])),
            is_example=path is None,
        )
        words = read_lender_words(file.parent / str(raw["wording"])) if raw.get("wording") else LenderWords()
        days = raw["objection"].get("days")
        if days is not None and not (type(days) is int and 1 <= days <= OBJECTION_DAYS_MAX):
            raise ValueError(days)
        return LenderProfile(lender, str(raw["objection"]["url"]), days, words)
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        needed = f"`name`, `phone`, `url`, `repay` and `objection: {{url: ..., days: 1 to {OBJECTION_DAYS_MAX}}}`"
        raise MaterialError(
            f"`{file.name}` does not say who the lender is",
            code="material-not-complete",
            way_out=f"it needs {needed}",
            place=str(file),
        ) from fault
