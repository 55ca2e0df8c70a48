"""Answers about accounts and their decisions: lists, one account, one decision, the road back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta

from linekeeper.cli.answers.style import AnswerPart, CommandAnswer, Currency, Day, Instant, Minor, Sha256, StatusWord
from linekeeper.core.dates import date_of
from linekeeper.core.decision import Decision, OwnChoice
from linekeeper.decide.canonical import canonical_json, digest_of
from linekeeper.decide.explain import ExplainedTrigger, explain_triggers, waterfall
from linekeeper.face.times import instant_of, review_date
from linekeeper.policy.model import Policy
from linekeeper.recourse import NoRoadBack, PathPoint, Plan, RoadBack
from linekeeper.recourse.model import Assumption, PlannedEvent, Step
from linekeeper.scorecard.points import ScorePart

if TYPE_CHECKING:
    from linekeeper.engine.account import AccountSummary, AccountView
    from linekeeper.engine.cut_over import CutOver

Values = Annotated[
    dict[str, int | None],
    Meta(description="Features as whole numbers in their `units`: money in minor units; null where missing."),
]
Units = Annotated[
    dict[str, str],
    Meta(description="The unit of each feature: money, count, days, share (basis points), flag, category, ..."),
]


class AccountRecord(AnswerPart, frozen=True):
    """An account and its line."""

    account: str
    status: StatusWord
    limit_minor: Minor
    granted_minor: Minor
    balance_minor: Minor
    opened_at: Instant
    next_review: Annotated[Day | None, Meta(description="Null where only an event can change something.")]
    version: Annotated[int, Meta(description="The version of the policy that it is under.")]
    triggers: Annotated[list[str], Meta(description="Those that are set.")]
    reasons: Annotated[list[str], Meta(description="The codes of these, and `person` where a person has capped it.")]


class AccountsAnswer(CommandAnswer, frozen=True, tag="linekeeper/accounts/1"):
    """A page of the accounts of a store, in order of their names."""

    currency: Currency
    accounts: list[AccountRecord]
    next_after: Annotated[str | None, Meta(description="`--after` of the next page; null where this is the last.")]


class DecisionRecord(AnswerPart, frozen=True):
    """One decision: what changed on a line, when and why."""

    account: str
    number: int
    at: Instant
    event: Annotated[str | None, Meta(description="The event that led to it; null for a review.")]
    action: str
    status_before: StatusWord
    status: StatusWord
    limit_before_minor: Minor
    limit_minor: Minor
    granted_minor: Minor
    triggers_set: list[str]
    triggers_released: list[str]
    triggers_in_force: list[str]
    reasons: Annotated[list[str], Meta(description="Reason codes, the most important one first.")]


class ListedDecision(DecisionRecord, frozen=True):
    """One decision of a list, with its place among all decisions of the store."""

    place: int


class DecisionsAnswer(CommandAnswer, frozen=True, tag="linekeeper/decisions/1"):
    """A page of the decisions of a store, in the order in which they were made."""

    currency: Currency
    decisions: list[ListedDecision]
    next_after: Annotated[int | None, Meta(description="`--after` of what comes next; null where nothing is listed.")]


class NoticeDue(AnswerPart, frozen=True):
    """By when the borrower must be notified of a decision, and by which rule."""

    due_at: Instant
    alarm_at: Instant
    rule: str
    rule_status: str


class ChangeRecord(AnswerPart, frozen=True):
    """One change of a store."""

    position: Annotated[int, Meta(description="Rises with each change, and is never given twice.")]
    kind: Literal["decision", "correction", "notice-sent"]
    account: str
    number: int
    decision: Annotated[DecisionRecord | None, Meta(description="Null where a notice went out.")]
    corrects: Annotated[list[int], Meta(description="The numbers of the decisions that a correction mends.")]
    notice: Annotated[NoticeDue | None, Meta(description="Null where nobody has to be notified of it.")]
    sent_at: Annotated[Instant | None, Meta(description="When the notice went out; null for a decision.")]


class ChangesAnswer(CommandAnswer, frozen=True, tag="linekeeper/changes/1"):
    """What changed in a store after a position, in the order in which it was committed."""

    currency: Currency
    changes: list[ChangeRecord]
    next_after: Annotated[int, Meta(description="`--after` of what comes next.")]


class FeaturesRecord(AnswerPart, frozen=True):
    """The features and scores of an account at the end of a day."""

    account: str
    day: Day
    version: Annotated[int, Meta(description="The version of the policy that it was under.")]
    score: int | None
    sub_scores: dict[str, int]
    pd_ppm: Annotated[int | None, Meta(description="Probability of default, in parts per million.")]
    values: Values


class FeaturesAnswer(CommandAnswer, frozen=True, tag="linekeeper/features/1"):
    """A page of the features of all accounts, in order of their names."""

    currency: Currency
    units: Units
    accounts: list[FeaturesRecord]
    next_after: Annotated[str | None, Meta(description="`--after` of the next page; null where this is the last.")]


class CutOverRecord(AnswerPart, frozen=True):
    """What an `opening` stated of a line that was taken over from a former system."""

    day: Day
    history_from: Annotated[Day, Meta(description="The first day of which all events are known.")]
    days_observed: Annotated[int, Meta(description="How many days ago that was.")]
    triggers: Annotated[list[str], Meta(description="Those that held the line.")]
    in_force: Annotated[list[str], Meta(description="Those of them that have held it ever since.")]
    since: Annotated[Day | None, Meta(description="From when on they held it, where that was stated.")]
    notified_on: Annotated[Day | None, Meta(description="When the borrower was notified; null: not, as far as stated.")]
    why: str | None


class OwnChoiceRecord(AnswerPart, frozen=True):
    """What the borrower himself wishes for his line; the limit beside it is what the lender allows."""

    wish: Annotated[Literal["lower", "freeze", "close"] | None, Meta(description="Null where he has lifted it.")]
    limit_minor: Annotated[int | None, Meta(description="The most that he wishes to use; 0 where frozen or closed.")]
    changes_on: Annotated[Day | None, Meta(description="The day on which a wish that waits takes its place.")]
    next_wish: Literal["lower", "freeze", "lift"] | None
    next_limit_minor: Annotated[int | None, Meta(description="The most that the wish which waits leaves.")]


class ShowAnswer(CommandAnswer, frozen=True, tag="linekeeper/show/1"):
    """One account as it stands in the store."""

    account: str
    policy: str
    version: int
    currency: Currency
    status: StatusWord
    limit_minor: Minor
    granted_minor: Minor
    balance_minor: Minor
    excess_minor: Annotated[int, Meta(description="What is owed beyond the limit, in minor units; else 0.")]
    unowed_dues_minor: Annotated[
        int,
        Meta(description="How far unpaid dues are above all that is owed: the lender's figures contradict each other."),
    ]
    opened_at: Instant
    now: Annotated[Instant, Meta(description="The latest that the account has seen.")]
    next_review: Annotated[Day | None, Meta(description="Null where only an event can change something.")]
    values: Values
    units: Units
    decisions: list[DecisionRecord]
    cut_over: Annotated[CutOverRecord | None, Meta(description="Null where the account was opened here.")]
    own_choice: Annotated[OwnChoiceRecord | None, Meta(description="Null where the borrower wishes for nothing.")]


class ScorePartRecord(AnswerPart, frozen=True):
    """What one part of the scorecard gave, and what it lost against its best bin; a feature of trees, against the mean.

    The points of all parts and the base add up to the score.
    """

    features: Annotated[list[str], Meta(description="None for the mean of the trees, which a card with trees has.")]
    group: str
    points: int
    best: int
    lost: int


class OfferedIncrease(AnswerPart, frozen=True):
    """A proposed increase."""

    number: Annotated[int, Meta(description="Its number for `consent`.")]
    limit_minor: Minor
    name: Annotated[str | None, Meta(description="Null where the policy's offer has no name.")]


class ExplainAnswer(CommandAnswer, frozen=True, tag="linekeeper/explain/1"):
    """One decision taken apart."""

    currency: Currency
    decision: DecisionRecord
    triggers: list[ExplainedTrigger]
    score: int | None
    sub_scores: dict[str, int]
    score_parts: list[ScorePartRecord]
    pd_ppm: Annotated[int | None, Meta(description="Probability of default, in parts per million.")]
    imposed_bp: Annotated[int | None, Meta(description="The cap that a person has imposed, in basis points.")]
    offer: OfferedIncrease | None
    corrects: Annotated[list[int], Meta(description="The numbers of the decisions that a correction mends.")]
    own_choice: Annotated[OwnChoiceRecord | None, Meta(description="Null where the borrower wishes for nothing.")]
    values: Values
    units: Units
    record: Annotated[str, Meta(description="The whole decision as it is hashed: canonical JSON (RFC 8785).")]
    digest: Annotated[str, Meta(description="SHA-256 of `record`, in hex.")]
    previous: Annotated[Sha256 | None, Meta(description="That of the account's decision before; null for the first.")]


# ------------------------------------------------------------------ the road back


class LimitFrom(AnswerPart, frozen=True):
    """The limit and the status of the line from a day on."""

    day: Day
    limit_minor: Minor
    status: StatusWord


class StepRecord(AnswerPart, frozen=True):
    """One dated step of a plan; what a kind of step does not have is null."""

    action: str
    day: Day
    until: Day | None
    amount_minor: Minor | None
    count: int | None
    event_kind: str | None
    fields: Annotated[dict[str, int | str], Meta(description="Of the event that is reported, as events have them.")]


class AssumptionRecord(AnswerPart, frozen=True):
    """One condition of a plan's promise; what a kind of assumption does not have is null."""

    kind: str
    day: Day
    amount_minor: Minor | None
    event_kinds: list[str]


class PlannedEventRecord(AnswerPart, frozen=True):
    """One event of a plan, as it would reach the lender."""

    at: Instant
    kind: str
    fields: Annotated[dict[str, int | str], Meta(description="As events have them: money in minor units, days in ISO.")]


class PlanRecord(AnswerPart, frozen=True):
    """One plan that restores the line."""

    restored_on: Day
    early_minor: Annotated[Minor, Meta(description="What the borrower pays in the first 30 days, in minor units.")]
    total_minor: Minor
    verified: Annotated[bool, Meta(description="Whether a second run of the events led to this path.")]
    steps: list[StepRecord]
    assumptions: list[AssumptionRecord]
    path: list[LimitFrom]
    events: list[PlannedEventRecord]


class RoadRecord(AnswerPart, frozen=True):
    """The road back of an account: its plans, or why there is none."""

    road: Annotated[bool, Meta(description="Whether there is a plan that restores the line.")]
    day: Annotated[Day, Meta(description="The day as of which it was asked for.")]
    why: Annotated[
        Literal["not_restricted", "terminal", "person", "granted", "not_found"] | None,
        Meta(description="Why there is no plan; null where there is one."),
    ]
    triggers: Annotated[list[str], Meta(description="The triggers that stay set where there is no plan.")]
    ask_again_on: Day | None
    policy: Annotated[Sha256 | None, Meta(description="The version of the policy that made the plans.")]
    honoured_until: Annotated[Day | None, Meta(description="The last day on which the plans are promised.")]
    verified: bool | None
    fastest: PlanRecord | None
    lightest: Annotated[PlanRecord | None, Meta(description="Null where the fastest is the lightest too.")]
    with_report: Annotated[PlanRecord | None, Meta(description="An earlier plan that needs proof, such as of income.")]


class RoadAnswer(CommandAnswer, frozen=True, tag="linekeeper/road/1"):
    """The road back of one account."""

    account: str
    currency: Currency
    road_back: RoadRecord


class RoadCheckAnswer(CommandAnswer, frozen=True, tag="linekeeper/road-check/1"):
    """Whether every adverse decision of a store has a road back that comes true and that a person would accept."""

    holds: bool
    adverse: int
    terminal: int
    with_road: int
    followed: int
    confirmed: int
    underived: Annotated[int, Meta(description="Decisions that do not follow from the account's events.")]
    plans: Annotated[int, Meta(description="The plans of all roads.")]
    to_the_day: Annotated[int, Meta(description="Plans that came true to the day.")]
    absurd: Annotated[int, Meta(description="Plans that ask for what the borrower never had, or rest on others.")]
    in_arrears: Annotated[int, Meta(description="Plans that leave something overdue.")]
    beyond_promise: Annotated[int, Meta(description="Plans that end after the last day of their promise.")]
    outlooks: Annotated[int, Meta(description="Plans that end later than any promise lasts, and say so.")]
    identifiers: Annotated[int, Meta(description="Roads in whose words a name of the policy stands as it is written.")]
    help_conditions: Annotated[int, Meta(description="Plans that a report of hardship or a dispute would break.")]
    faults: list[str]


class WhatIfAnswer(CommandAnswer, frozen=True, tag="linekeeper/what-if/1"):
    """The limits to which the borrower's own plan would lead."""

    account: str
    currency: Currency
    day: Day
    until: Day
    path: list[LimitFrom]


DATE_FIELDS = {"due_on"}  # of the events that a plan stands for: days since 1970-01-01 in the rooms below


# ------------------------------------------------------------------ from what the rooms below hold


def own_choice_record(choice: OwnChoice | None) -> OwnChoiceRecord | None:
    """The borrower's own wish as an answer has it."""
    if choice is None:
        return None
    return OwnChoiceRecord(
        wish=choice.wish,  # type: ignore[arg-type]
        limit_minor=choice.limit,
        changes_on=None if choice.next_on is None else date_of(choice.next_on),
        next_wish=choice.next_wish,  # type: ignore[arg-type]
        next_limit_minor=choice.next_limit,
    )


def decision_record(decision: Decision, zone: str) -> DecisionRecord:
    """A decision as answers show it, in that time zone."""
    return DecisionRecord(**_decision_keys(decision, zone))


def listed_decision(place: int, decision: Decision, zone: str) -> ListedDecision:
    """A decision of a list."""
    return ListedDecision(place=place, **_decision_keys(decision, zone))


def _decision_keys(decision: Decision, zone: str) -> dict[str, Any]:
    return {
        "account": decision.account,
        "number": decision.number,
        "at": instant_of(decision.at, zone),
        "event": decision.event,
        "action": decision.action,
        "status_before": decision.before.status,
        "status": decision.after.status,
        "limit_before_minor": decision.before.limit,
        "limit_minor": decision.after.limit,
        "granted_minor": decision.after.granted,
        "triggers_set": list(decision.triggers_set),
        "triggers_released": list(decision.triggers_released),
        "triggers_in_force": list(decision.triggers_in_force),
        "reasons": reason_codes(decision),
    }


def reason_codes(decision: Decision) -> list[str]:
    """The reason codes of a decision, each once, the most important one first."""
    return list(dict.fromkeys(reason.code for reason in decision.reasons))


def account_record(one: AccountSummary, zone: str) -> AccountRecord:
    """An account as lists have it, in that time zone."""
    return AccountRecord(
        account=one.account,
        status=one.line.status,
        limit_minor=one.line.limit,
        granted_minor=one.line.granted,
        balance_minor=one.balance,
        opened_at=instant_of(one.opened_at, zone),
        next_review=review_date(one.next_review),
        version=one.version,
        triggers=list(one.triggers),
        reasons=list(one.reasons),
    )


def show_answer(policy: Policy, seen: AccountView) -> ShowAnswer:
    """One account as it stands, under the version that it is under."""
    return ShowAnswer(
        account=seen.account,
        policy=policy.name,
        version=policy.version,
        currency=policy.currency,
        status=seen.line.status,
        limit_minor=seen.line.limit,
        granted_minor=seen.line.granted,
        balance_minor=seen.balance,
        excess_minor=max(seen.balance - seen.line.limit, 0),
        unowed_dues_minor=seen.unowed_dues,
        opened_at=instant_of(seen.opened_at, policy.time_zone),
        now=instant_of(seen.now, policy.time_zone),
        next_review=review_date(seen.next_review),
        values=seen.values,
        units=units_of(policy),
        decisions=[decision_record(decision, policy.time_zone) for decision in seen.decisions],
        cut_over=None if seen.cut_over is None else _cut_over_record(seen.cut_over),
        own_choice=own_choice_record(seen.own_choice),
    )


def _cut_over_record(cut_over: CutOver) -> CutOverRecord:
    return CutOverRecord(
        day=date_of(cut_over.day),
        history_from=date_of(cut_over.observed_day),
        days_observed=cut_over.days_observed,
        triggers=list(cut_over.triggers),
        in_force=list(cut_over.in_force),
        since=None if cut_over.since_day is None else date_of(cut_over.since_day),
        notified_on=None if cut_over.notified_day is None else date_of(cut_over.notified_day),
        why=cut_over.why,
    )


def explain_answer(policy: Policy, decision: Decision) -> ExplainAnswer:
    """One decision taken apart, by the version of the policy that made it."""
    record, offer = canonical_json(decision), decision.offer
    return ExplainAnswer(
        currency=policy.currency,
        decision=decision_record(decision, policy.time_zone),
        triggers=explain_triggers(policy, decision),
        score=decision.score,
        sub_scores=dict(decision.sub_scores),
        score_parts=[_score_part(part) for part in waterfall(policy, decision)],
        pd_ppm=decision.pd_ppm,
        imposed_bp=decision.imposed_bp,
        offer=None
        if offer is None
        else OfferedIncrease(number=offer.number, limit_minor=offer.limit, name=offer.name or None),
        corrects=list(decision.corrects),
        own_choice=own_choice_record(decision.own_choice),
        values=dict(decision.values),
        units=units_of(policy),
        record=record.decode(),
        digest=digest_of(record),
        previous=decision.previous,
    )


def _score_part(part: ScorePart) -> ScorePartRecord:
    return ScorePartRecord(
        features=list(part.features), group=part.group, points=part.points, best=part.best, lost=part.lost
    )


def units_of(policy: Policy) -> dict[str, str]:
    """The unit of each feature."""
    return {feature.name: str(feature.unit) for feature in policy.features}


def road_record(road: RoadBack | NoRoadBack | None, day: int, zone: str) -> RoadRecord:
    """The road back that was asked for on that day; None where nothing holds the line down."""
    if isinstance(road, RoadBack):
        return RoadRecord(
            road=True,
            day=date_of(road.day),
            why=None,
            triggers=[],
            ask_again_on=None,
            policy=road.policy,
            honoured_until=date_of(road.honour_until_day),
            verified=road.verified,
            fastest=_plan_record(road.fastest, zone),
            lightest=None if road.lightest is None else _plan_record(road.lightest, zone),
            with_report=None if road.with_report is None else _plan_record(road.with_report, zone),
        )
    again = None if road is None or road.ask_again_day is None else date_of(road.ask_again_day)
    return RoadRecord(
        road=False,
        day=date_of(day),
        why="not_restricted" if road is None else road.why,
        triggers=[] if road is None else list(road.triggers),
        ask_again_on=again,
        policy=None,
        honoured_until=None,
        verified=None,
        fastest=None,
        lightest=None,
        with_report=None,
    )


def _plan_record(plan: Plan, zone: str) -> PlanRecord:
    return PlanRecord(
        restored_on=date_of(plan.restored_day),
        early_minor=plan.early_minor,
        total_minor=plan.total_minor,
        verified=plan.verified,
        steps=[_step_record(step) for step in plan.steps],
        assumptions=[_assumption_record(assumption) for assumption in plan.assumptions],
        path=[limit_from(point) for point in plan.path],
        events=[_planned_event(event, zone) for event in plan.events],
    )


def limit_from(point: PathPoint) -> LimitFrom:
    """One point of a path of limits."""
    return LimitFrom(day=date_of(point.day), limit_minor=point.limit_minor, status=point.status.name.lower())


def _step_record(step: Step) -> StepRecord:
    return StepRecord(
        action=step.action.value,
        day=date_of(step.day),
        until=None if step.until_day is None else date_of(step.until_day),
        amount_minor=step.amount_minor,
        count=step.count,
        event_kind=step.event_kind,
        fields=_fields(step.fields),
    )


def _assumption_record(one: Assumption) -> AssumptionRecord:
    kinds = list(one.event_kinds)
    return AssumptionRecord(kind=one.kind.value, day=date_of(one.day), amount_minor=one.amount_minor, event_kinds=kinds)


def _planned_event(event: PlannedEvent, zone: str) -> PlannedEventRecord:
    return PlannedEventRecord(at=instant_of(event.at, zone), kind=event.kind, fields=_fields(event.fields))


def _fields(fields: Mapping[str, int | str]) -> dict[str, int | str]:
    return {
        name: date_of(value).isoformat() if name in DATE_FIELDS and isinstance(value, int) else value
        for name, value in fields.items()
    }
