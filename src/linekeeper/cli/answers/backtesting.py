"""Answers about what a policy would have done: back-tests, and one policy against another."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from linekeeper.cli.answers.measuring import Share
from linekeeper.cli.answers.style import AnswerPart, Currency, Day, Minor, RepeatFigures, Sha256

Rate = Annotated[Share | None, Meta(description="Null where there is nothing to divide by.")]
RateSpan = Annotated[
    tuple[float, float] | None, Meta(description="95 % interval: accounts drawn again, each with all its labels.")
]
KnownMinor = Annotated[Minor | None, Meta(description="Minor units; null where no label, or no option, gives it.")]


class LabelCountsRecord(AnswerPart, frozen=True):
    """Labels by what became of them, and by whether the line was restricted (hit) when their day began."""

    by: Annotated[str, Meta(description="total, trigger, grade, month, customer or segment:COLUMN.")]
    group: str
    bad: int
    good: int
    bad_hit: int
    good_hit: int
    hit_rate: Rate
    hit_interval: RateSpan
    false_rate: Rate
    false_interval: RateSpan
    bad_rate_of_hits: Rate
    median_lead_days: Annotated[float | None, Meta(description="Of the bad that were hit.")]
    bad_amount_minor: KnownMinor
    bad_amount_hit_minor: KnownMinor
    good_amount_hit_minor: KnownMinor
    withheld_minor: Annotated[Minor, Meta(description="What of the granted lines could not be used.")]
    loss_minor: Annotated[KnownMinor, Meta(description="Amounts of the bad by `--lgd`.")]
    loss_hit_minor: KnownMinor
    avoided_minor: Annotated[
        KnownMinor,
        Meta(description="The part of it above what the restricted lines allowed: at most so much is saved."),
    ]
    forgone_minor: Annotated[KnownMinor, Meta(description="`--margin` on what was withheld from the good: at most.")]
    only_bad: Annotated[int | None, Meta(description="Hits that no other trigger had a part in; of triggers alone.")]
    only_good: int | None


class LeadRecord(AnswerPart, frozen=True):
    """Labels whose line had been restricted for at least so many days without a break."""

    lead_days: int
    bad: int
    good: int
    captured: Rate
    false_rate: Rate


class ConfusionRecord(AnswerPart, frozen=True):
    """Lines as a day began, against the labels of that day and of later ones."""

    day: Day
    bad_restricted: int
    bad_open: int
    good_restricted: int
    good_open: int


class BacktestAnswer(RepeatFigures, frozen=True, tag="linekeeper/backtest/1"):
    """What a policy would have done, by labels that have dates of their own."""

    policy: str
    policy_sha256: Sha256
    currency: Currency
    labels: int
    accounts: Annotated[int, Meta(description="Accounts that have a label.")]
    labels_after_last_day: Annotated[int, Meta(description="Labels of later days than the replay was reviewed to.")]
    last_day: Annotated[Day, Meta(description="The day up to which the replay was reviewed.")]
    lgd_bp: int | None
    margin_bp: int | None
    resamples: int
    total: LabelCountsRecord
    by_trigger: list[LabelCountsRecord]
    by_grade: list[LabelCountsRecord]
    by_segment: list[LabelCountsRecord]
    by_month: list[LabelCountsRecord]
    customers: Annotated[LabelCountsRecord | None, Meta(description="Null where no opening names a customer.")]
    curve: list[LeadRecord]
    confusion: Annotated[list[ConfusionRecord], Meta(description="With `--day`; else empty.")]
    output: Annotated[str | None, Meta(description="The folder of the files; null without `--output`.")]


class ComparedPolicy(AnswerPart, frozen=True):
    """One of two policies that are compared."""

    version: int
    policy_sha256: Sha256
    decisions: int
    rejected: Annotated[int, Meta(description="Rows of the events that this policy does not take.")]


Cause = Annotated[
    str,
    Meta(
        description="trigger, or where no trigger parts the lines: way back, granted (another line is granted), other."
    ),
]
CauseTrigger = Annotated[str | None, Meta(description="The gravest trigger that the lower line alone has.")]
CauseSide = Annotated[
    str, Meta(description="champion or candidate: under which alone it was set; both: it does something else there.")
]
LoweredMinor = Annotated[Minor, Meta(description="How much less the candidate lets them owe in all.")]
RaisedMinor = Annotated[Minor, Meta(description="How much more the candidate lets them owe in all.")]


class RuleRecord(AnswerPart, frozen=True):
    """The accounts whose lines were first parted by one cause; each account is in one record."""

    cause: Cause
    trigger: CauseTrigger
    side: CauseSide
    accounts: int
    lowered_minor: LoweredMinor
    raised_minor: RaisedMinor
    bad: Annotated[int | None, Meta(description="Of them with a bad label; null without `--labels`.")]
    good: Annotated[int | None, Meta(description="Of them with good labels alone; null without `--labels`.")]


class FlowRecord(AnswerPart, frozen=True):
    """Accounts by their status under either policy, as a day began or at the end."""

    day: Annotated[Day | None, Meta(description="Null at the end, after all decisions.")]
    champion: str
    candidate: str
    accounts: int
    differ: Annotated[int, Meta(description="Of them with another line.")]
    lowered_minor: LoweredMinor
    raised_minor: RaisedMinor


class MeasureRecord(AnswerPart, frozen=True):
    """A figure of the labels, as in a back-test, under both policies."""

    measure: Annotated[
        str,
        Meta(
            description="hit_rate, false_rate (from 0 to 1); bad_amount_hit_minor, withheld_minor, "
            "avoided_minor, forgone_minor (minor units)."
        ),
    ]
    champion: Annotated[float | None, Meta(description="Null where no label, or no option, gives it.")]
    candidate: float | None
    difference: Annotated[float | None, Meta(description="The candidate's less the champion's.")]
    interval: Annotated[
        tuple[float, float] | None,
        Meta(description="95 % interval of the difference: accounts drawn again, each with all its labels."),
    ]


class MoverRecord(AnswerPart, frozen=True):
    """An account whose line differs."""

    account: str
    first_day: Annotated[Day, Meta(description="The first day at whose end the lines differ.")]
    cause: Cause
    trigger: CauseTrigger
    side: CauseSide
    champion_first_status: Annotated[str, Meta(description="At the end of the first day.")]
    champion_first_limit_minor: Minor
    candidate_first_status: str
    candidate_first_limit_minor: Minor
    champion_end_status: Annotated[str, Meta(description="After all decisions.")]
    champion_end_limit_minor: Minor
    candidate_end_status: str
    candidate_end_limit_minor: Minor
    moved_minor: Annotated[
        Minor, Meta(description="What the candidate lets it owe in all at the end, less what the champion does.")
    ]
    outcome: Annotated[str | None, Meta(description="bad where one of its labels is; null without one.")]


class CompareAnswer(RepeatFigures, frozen=True, tag="linekeeper/compare/1"):
    """What one policy does otherwise than another over the same events."""

    policy: str
    champion: ComparedPolicy
    candidate: ComparedPolicy
    currency: Currency
    last_day: Annotated[Day, Meta(description="The day up to which both were reviewed.")]
    accounts: int
    differ: Annotated[int, Meta(description="Accounts whose lines differ at the end of some day.")]
    same_at_end: Annotated[int, Meta(description="Of them with the same line again at the end.")]
    lowered: Annotated[int, Meta(description="Of them that may owe less under the candidate at the end.")]
    lowered_minor: LoweredMinor
    raised: Annotated[int, Meta(description="Of them that may owe more under the candidate at the end.")]
    raised_minor: RaisedMinor
    by_rule: list[RuleRecord]
    flow: list[FlowRecord]
    labels: Annotated[int | None, Meta(description="Null without `--labels`.")]
    measures: Annotated[list[MeasureRecord], Meta(description="Empty without `--labels`.")]
    lgd_bp: int | None
    margin_bp: int | None
    resamples: int
    movers: Annotated[list[MoverRecord], Meta(description="Those that moved most, as many as `--movers` says.")]
    output: Annotated[str | None, Meta(description="The folder of the files; null without `--output`.")]
