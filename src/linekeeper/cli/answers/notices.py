"""Answers about notices, lessons and the repayment of debts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from linekeeper.cli.answers.accounts import RoadRecord, reason_codes, road_record
from linekeeper.cli.answers.style import AnswerPart, CommandAnswer, Currency, Day, Instant, Minor, StatusWord
from linekeeper.core.dates import date_of
from linekeeper.face.times import instant_of
from linekeeper.notice.render import RenderedNotice, render_notice

if TYPE_CHECKING:
    from collections.abc import Iterable

    from linekeeper.core.decision import Decision
    from linekeeper.engine.outbox import Entry
    from linekeeper.notice.lender_words import LenderWords
    from linekeeper.notice.model import Notice
    from linekeeper.notice.preview import PreviewedNotice
    from linekeeper.texts.language import Lang


class NoticeAnswer(CommandAnswer, frozen=True, tag="linekeeper/notice/1"):
    """The notice of a decision: its facts, and its sentences in one language in the order in which they are read."""

    account: str
    number: int
    lang: str
    currency: Currency
    action: str
    status_before: StatusWord
    status: StatusWord
    limit_before_minor: Minor
    limit_minor: Minor
    since: Day
    reasons: Annotated[list[str], Meta(description="Reason codes, the most important one first.")]
    road_back: RoadRecord | None
    object_until: Annotated[Day | None, Meta(description="The last day for an objection.")]
    due_at: Annotated[Instant | None, Meta(description="The notice must be out before.")]
    rendered: RenderedNotice


class PreviewRecord(AnswerPart, frozen=True):
    """One letter that a policy can send, filled with a made-up account."""

    case: Annotated[str, Meta(description="The action, and the trigger, offer, rule or wish that leads to it.")]
    action: str
    reasons: Annotated[list[str], Meta(description="Reason codes, the most important one first.")]
    rendered: RenderedNotice


class NoticesPreviewAnswer(CommandAnswer, frozen=True, tag="linekeeper/notices-preview/1"):
    """Every letter that a policy can send, in one language."""

    lang: str
    notices: list[PreviewRecord]


class NoticeRecord(AnswerPart, frozen=True):
    """One notice that has not gone out."""

    account: str
    number: int
    action: str
    due_at: Instant
    alarm_at: Instant
    rule: str
    rule_status: str
    clock_state: Literal["running", "alarm", "late"]
    not_before: Annotated[Instant | None, Meta(description="Of a contact: quiet hours are over then.")]


class NoticesListAnswer(CommandAnswer, frozen=True, tag="linekeeper/notices-list/1"):
    """The notices that have not gone out, the most urgent first."""

    now: Instant
    notices: list[NoticeRecord]


class NoticesSentAnswer(CommandAnswer, frozen=True, tag="linekeeper/notices-sent/1"):
    """That a notice went out."""

    account: str
    number: int
    state: Literal["sent"]


class ClockAnswer(CommandAnswer, frozen=True, tag="linekeeper/clock/1"):
    """By when a notice must be out, and by which rule."""

    due_at: Instant
    alarm_at: Instant
    rule: str
    status: Annotated[str, Meta(description="Of the rule: how sure its source is.")]


class LessonTitle(AnswerPart, frozen=True):
    """One lesson by its name."""

    key: str
    title: str


class LessonsAnswer(CommandAnswer, frozen=True, tag="linekeeper/lessons/1"):
    """All lessons."""

    lang: str
    lessons: list[LessonTitle]


class LessonAnswer(CommandAnswer, frozen=True, tag="linekeeper/lesson/1"):
    """One lesson, with the borrower's own amounts in its text."""

    lang: str
    key: str
    title: str
    text: str


class DebtCleared(AnswerPart, frozen=True):
    """In which month of the plan a debt is paid off."""

    name: str
    month: int


class RepaymentRecord(AnswerPart, frozen=True):
    """How a plan ends."""

    order: Annotated[Literal["avalanche", "snowball"], Meta(description="Dearest first; smallest first.")]
    months: int
    interest_minor: Minor
    cleared: list[DebtCleared]


class RepayPlanAnswer(CommandAnswer, frozen=True, tag="linekeeper/repay-plan/1"):
    """The repayment of several debts, in two orders."""

    currency: Currency
    plans: list[RepaymentRecord]


# ------------------------------------------------------------------ from what the rooms below hold


def preview_answer(cases: Iterable[PreviewedNotice], words: LenderWords, lang: Lang) -> NoticesPreviewAnswer:
    """The letters of a preview, in that language."""
    records = [
        PreviewRecord(
            case=case.name,
            action=case.action,
            reasons=[reason.code for reason in case.notice.reasons],
            rendered=render_notice(case.notice, lang, words),
        )
        for case in cases
    ]
    return NoticesPreviewAnswer(lang=lang, notices=records)


def notice_answer(built: Notice, words: LenderWords, notified: Decision, lang: Lang, zone: str) -> NoticeAnswer:
    """The notice of a decision, in that language and time zone."""
    until = built.objection.until_day
    return NoticeAnswer(
        account=notified.account,
        number=notified.number,
        lang=lang,
        currency=built.currency,
        action=notified.action,
        status_before=notified.before.status,
        status=notified.after.status,
        limit_before_minor=notified.before.limit,
        limit_minor=notified.after.limit,
        since=date_of(built.change.since_day),
        reasons=reason_codes(notified),
        road_back=None if built.road is None else road_record(built.road, built.issued_day, zone),
        object_until=None if until is None else date_of(until),
        due_at=None if built.due is None else instant_of(built.due.due_at, zone),
        rendered=render_notice(built, lang, words),
    )


def notice_record(entry: Entry, now: int, zone: str) -> NoticeRecord:
    """A notice that has not gone out, as its clock stands at `now` (UTC ms)."""
    return NoticeRecord(
        account=entry.account,
        number=entry.number,
        action=entry.action,
        due_at=instant_of(entry.clock.due_at, zone),
        alarm_at=instant_of(entry.clock.alarm_at, zone),
        rule=entry.clock.rule,
        rule_status=entry.clock.status,
        clock_state=entry.clock.state_at(now),
        not_before=None if entry.not_before is None else instant_of(entry.not_before, zone),
    )
