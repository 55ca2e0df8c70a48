"""Answers about notices, lessons and the repayment of debts."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from linekeeper.cli.answers.accounts import RoadRecord
from linekeeper.cli.answers.style import AnswerPart, CommandAnswer, Currency, Day, Instant, Minor, StatusWord
from linekeeper.notice.render import RenderedNotice


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
