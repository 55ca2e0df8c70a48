"""Answers about events that come in, and what they lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from linekeeper.cli.answers.accounts import DecisionRecord, reason_codes
from linekeeper.cli.answers.style import (
    AnswerPart,
    CommandAnswer,
    Currency,
    Day,
    Instant,
    Minor,
    RepeatFigures,
    Sha256,
    StatusWord,
    UnreadableAccounts,
)
from linekeeper.connect.import_profile import FieldProfile, ReasonProfile
from linekeeper.core.dates import date_of
from linekeeper.core.event import RejectionCode
from linekeeper.engine.feed_batches import BATCH_STATES

if TYPE_CHECKING:
    from linekeeper.engine.pending_restrictions import PendingRecord

ByAction = Annotated[dict[str, int], Meta(description="How many decisions there were, by action.")]
Seconds = Annotated[float, Meta(description="How long it took.")]
RejectedPath = Annotated[str | None, Meta(description="The file that lists the rejected rows.")]


class RejectedRow(CommandAnswer, frozen=True, tag="linekeeper/rejected-row/1"):
    """One line of a file of rejected rows (JSON Lines)."""

    place: str
    reason: str
    code: Annotated[RejectionCode, Meta(description="The reason, for programs.")]


class ImportAnswer(RepeatFigures, frozen=True, tag="linekeeper/import/1"):
    """A file as an event table."""

    output: str
    source: Annotated[str | None, Meta(description="Of the events, where the mapping, an option or a file says it.")]
    accounts: int
    events: int
    by_kind: dict[str, int]
    skipped: Annotated[int, Meta(description="Rows left out, as the mapping says.")]
    notes: Annotated[list[str], Meta(description="What to look at.")]
    rejected_file: RejectedPath
    labels: Annotated[str | None, Meta(description="What is known of the people beside the events.")]
    seconds: Seconds


class ImportProfileAnswer(RepeatFigures, frozen=True, tag="linekeeper/import-dry-run/1"):
    """What an import would give: its fields in their units, and why rows would be rejected."""

    currency: Currency
    minor_digits: Annotated[int, Meta(description="Digits of the currency after the point.")]
    events: int
    accounts: int
    by_kind: dict[str, int]
    skipped: int
    fields: list[FieldProfile]
    reasons: list[ReasonProfile]
    unused_columns: list[str]
    notes: list[str]
    broken: Annotated[list[str], Meta(description="Terms of the mapping's contract that the files break.")]


class RunFigures(RepeatFigures, frozen=True):
    """What events led to. The same events under the same policy give the same `digest`."""

    accounts: int
    events: int
    decisions: ByAction
    evaluations: int
    pending: Annotated[int, Meta(description="Restrictions that the brake made wait for a person.")]
    digest: Annotated[str, Meta(description="SHA-256 over all decisions in canonical form and order, in hex.")]
    seconds: Seconds


class FileFigures(RunFigures, frozen=True):
    """What a file of events led to."""

    rejected_file: RejectedPath


class RunAnswer(FileFigures, frozen=True, tag="linekeeper/run/1"):
    """What a file of events led to, in a store."""

    excess_draws: Annotated[int, Meta(description="Draws of more than was available; they count like any other.")]
    flagged_draws: Annotated[list[str], Meta(description="The ids of these, where the policy flags them.")]
    unowed_dues: Annotated[int, Meta(description="Accounts with events whose unpaid dues are above all that they owe.")]
    unreadable_accounts: UnreadableAccounts
    source: Annotated[str | None, Meta(description="Of the events; null where the file names one for each of them.")]


class ReplayAnswer(FileFigures, frozen=True, tag="linekeeper/replay/1"):
    """What a file of events leads to, without a store."""

    output: Annotated[str | None, Meta(description="The Parquet file of the decisions.")]


class DemoAnswer(RunFigures, frozen=True, tag="linekeeper/demo/1"):
    """What the demo made, and where it lies."""

    made_before: Annotated[bool, Meta(description="Whether the folder held this demo already; then it is shown again.")]
    example_account: Annotated[str | None, Meta(description="A borrower who came back in full.")]
    open_road_account: Annotated[str | None, Meta(description="A borrower who can come back.")]
    store: str
    pages: Annotated[str, Meta(description="The folder of the pages.")]


class ReviewAnswer(CommandAnswer, frozen=True, tag="linekeeper/review/1"):
    """What the reviews of a store led to."""

    until: Day
    decisions: ByAction
    evaluations: int
    pending: int
    unreadable_accounts: UnreadableAccounts


class VerifyAnswer(CommandAnswer, frozen=True, tag="linekeeper/verify/1"):
    """Whether all decisions and states of a store follow from its events."""

    same: bool
    accounts: int
    events: int
    decisions: int
    first_difference: str | None
    unreadable_accounts: UnreadableAccounts
    unreadable_leaves: int


class AuthoriseAnswer(CommandAnswer, frozen=True, tag="linekeeper/authorise/1"):
    """Whether a draw may happen, and why not."""

    account: str
    at: Instant
    currency: Currency
    amount_minor: Minor
    allowed: bool
    reasons: list[str]
    rules: Annotated[list[str], Meta(description="The policy's rules that deny the draw.")]


class RulingFigures(CommandAnswer, frozen=True):
    """The event that a ruling became, and the decisions that it led to."""

    event: Annotated[str, Meta(description="Its id; the same id again changes nothing.")]
    currency: Currency
    decisions: list[DecisionRecord]


class OverrideAnswer(RulingFigures, frozen=True, tag="linekeeper/override/1"):
    """What an override led to."""


class ConsentAnswer(RulingFigures, frozen=True, tag="linekeeper/consent/1"):
    """What a borrower's consent led to."""


class ReliefAnswer(CommandAnswer, frozen=True, tag="linekeeper/relief/1"):
    """A moratorium for a list of accounts."""

    accounts: Annotated[int, Meta(description="How many accounts have it now that did not have it before.")]
    same: Annotated[int, Meta(description="How many had this very moratorium before.")]
    corrected: Annotated[int, Meta(description="Lines restored that days which now stand still had restricted.")]
    rejected: Annotated[dict[str, str], Meta(description="Accounts left out, each with the reason.")]


class PendingRestrictionRecord(AnswerPart, frozen=True):
    """A restriction that waits for a person, or waited."""

    account: str
    since: Day
    action: str
    limit_before_minor: Minor
    limit_minor: Minor
    status: StatusWord
    triggers: list[str]
    reasons: list[str]
    ended: Annotated[str | None, Meta(description="How it ended; null while it waits.")]


class PendingListAnswer(CommandAnswer, frozen=True, tag="linekeeper/pending-list/1"):
    """The restrictions that wait for a person."""

    currency: Currency
    restrictions: list[PendingRestrictionRecord]


class PendingReleaseAnswer(CommandAnswer, frozen=True, tag="linekeeper/pending-release/1"):
    """How many restrictions were released to act."""

    released: int
    still_waiting: Annotated[list[str], Meta(description="Accounts with a restriction that waits for something new.")]
    decisions: int


class PendingRefuseAnswer(CommandAnswer, frozen=True, tag="linekeeper/pending-refuse/1"):
    """How many restrictions were refused."""

    refused: int
    still_waiting: list[str]
    decisions: int


class FeedBatchRecord(AnswerPart, frozen=True):
    """A batch of a source that has a contract: it waits for a person, or waited. Instants are in UTC."""

    source: str
    content: Annotated[Sha256, Meta(description="Of the file; the same content is the same batch.")]
    name: Annotated[str, Meta(description="What the file was called.")]
    events: int
    state: Annotated[str, Meta(description="Whether it may come in.", extra_json_schema={"enum": BATCH_STATES})]
    arrived_at: Instant
    broken: Annotated[list[str], Meta(description="The terms that it breaks: measured, and what the contract says.")]
    ruling: Annotated[str | None, Meta(description="release or reject; null where nobody ruled on it.")]
    by: str | None
    why: str | None
    ruled_at: Instant | None


class PendingBatchesAnswer(CommandAnswer, frozen=True, tag="linekeeper/pending-batches-list/1"):
    """The batches that are not taken in yet: those that wait, and those to be given again."""

    batches: list[FeedBatchRecord]


class BatchReleaseAnswer(CommandAnswer, frozen=True, tag="linekeeper/pending-batches-release/1"):
    """A batch that may be taken in when its file is given again."""

    batch: FeedBatchRecord


class BatchRejectAnswer(CommandAnswer, frozen=True, tag="linekeeper/pending-batches-reject/1"):
    """A batch that is never taken in."""

    batch: FeedBatchRecord


class FirstContractAnswer(CommandAnswer, frozen=True, tag="linekeeper/contract-propose/1"):
    """A first contract, made of files that are known to be good."""

    files: int
    contract: Annotated[dict[str, Any], Meta(description="As the key `contract` of a mapping file has it.")]
    output: Annotated[str | None, Meta(description="The file that it was written to.")]


class EventRecord(AnswerPart, frozen=True):
    """One event, and how it arrived."""

    number: Annotated[int, Meta(description="Its place in the order in which events arrived.")]
    source: str
    arrived_at: Annotated[
        Instant | None, Meta(description="When the lender knew of it; null where an earlier Linekeeper wrote it.")
    ]
    reviewed_until: Annotated[Day | None, Meta(description="Up to where all had been reviewed when it arrived.")]
    id: str
    account: str
    kind: str
    at: Instant
    fields: Annotated[dict[str, int | str], Meta(description="As files have them: money in minor units, days in ISO.")]


class EventsAnswer(CommandAnswer, frozen=True, tag="linekeeper/events/1"):
    """The events of some accounts, each account's in the order in which they arrived."""

    currency: Currency
    events: list[EventRecord]
    next_after: Annotated[str | None, Meta(description="`--after` of the next page; null where this is the last.")]


class ExtractAnswer(CommandAnswer, frozen=True, tag="linekeeper/extract/1"):
    """What was written to a file."""

    output: str
    rows: int
    columns: list[str]


def pending_record(row: PendingRecord) -> PendingRestrictionRecord:
    """A restriction that waits, or waited."""
    decision = row.decision
    return PendingRestrictionRecord(
        account=row.account,
        since=date_of(row.since),
        action=decision.action,
        limit_before_minor=decision.before.limit,
        limit_minor=decision.after.limit,
        status=decision.after.status,
        triggers=list(decision.triggers_set),
        reasons=reason_codes(decision),
        ended=row.ended,
    )
