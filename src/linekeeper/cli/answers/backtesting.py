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
