"""Accounts, decisions, roads back, notices: all that is only read, in the forms of the commands."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from litestar.params import QueryParameter

from linekeeper.cli.answers.accounts import (
    AccountsAnswer,
    DecisionsAnswer,
    ExplainAnswer,
    RoadAnswer,
    ShowAnswer,
    account_record,
    explain_answer,
    listed_decision,
    road_record,
    show_answer,
)
from linekeeper.cli.answers.events import PendingListAnswer, pending_record
from linekeeper.cli.answers.notices import (
    NoticeAnswer,
    NoticesListAnswer,
    NoticesSentAnswer,
    notice_answer,
    notice_record,
)
from linekeeper.core.decision import Decision
from linekeeper.engine.account import (
    AccountFilter,
    DecisionFilter,
    account_page,
    decision_page,
    find_decision,
    view,
)
from linekeeper.engine.engine import Engine
from linekeeper.engine.notices import build_notice
from linekeeper.engine.outbox import mark_sent, pending
from linekeeper.engine.pending_restrictions import pending_rows
from linekeeper.engine.point_in_time import state_after
from linekeeper.engine.roads import day_of_road, road_of_account
from linekeeper.face.times import day_of, instant_of
from linekeeper.notice.from_decision import read_lender_profile
from linekeeper.service.requests import (
    LISTED_UNLESS_ASKED,
    AccountInPath,
    AfterName,
    AfterPlace,
    Asked,
    DayText,
    NumberInPath,
    PageLimit,
    Word,
    name_in_path,
    service_of,
)
from linekeeper.service.roles import READS_ACCOUNTS, SENDS_NOTICES
from linekeeper.service.routing import reading, writing

NoticeLang = Annotated[Literal["zh", "en"], QueryParameter(description="The language of the notice.")]
DECISION_PATH = "/v1/accounts/{account:str}/decisions/{number:int}"


@reading("/v1/accounts", READS_ACCOUNTS)
def list_accounts(
    request: Asked,
    status: Word = None,
    trigger: Word = None,
    reason: Word = None,
    after: AfterName = "",
    limit: PageLimit = LISTED_UNLESS_ASKED,
) -> AccountsAnswer:
    """A page of accounts in order of their names; `next_after` begins the next one."""
    engine = service_of(request).engine
    page = account_page(engine, AccountFilter(status, trigger, reason), after, limit + 1)
    records = [account_record(one, engine.policy.time_zone) for one in page[:limit]]
    next_after = records[-1].account if len(page) > limit else None
    return AccountsAnswer(currency=engine.policy.currency, accounts=records, next_after=next_after)


@reading("/v1/accounts/{account:str}", READS_ACCOUNTS)
def show_account(request: Asked, account: AccountInPath) -> ShowAnswer:
    """One account: its line, its features, its decisions."""
    name = name_in_path(account)
    engine = service_of(request).engine.engine_of(name)
    return show_answer(engine.policy, view(engine, name))


@reading("/v1/accounts/{account:str}/recourse", READS_ACCOUNTS)
def show_recourse(request: Asked, account: AccountInPath, day: DayText = None) -> RoadAnswer:
    """The road back: what the borrower can do by when, and the limit on each date."""
    name = name_in_path(account)
    engine = service_of(request).engine.engine_of(name)
    asked = day_of_road(engine, name, None if day is None else day_of(day))
    record = road_record(road_of_account(engine, name, asked), asked, engine.policy.time_zone)
    return RoadAnswer(account=name, currency=engine.policy.currency, road_back=record)


@reading("/v1/decisions", READS_ACCOUNTS)
def list_decisions(
    request: Asked,
    account: Word = None,
    action: Word = None,
    trigger: Word = None,
    reason: Word = None,
    after: AfterPlace = 0,
    limit: PageLimit = LISTED_UNLESS_ASKED,
) -> DecisionsAnswer:
    """A page of decisions in the order in which they were made; `next_after` begins what comes next."""
    engine = service_of(request).engine
    page = decision_page(engine, DecisionFilter(account, action, trigger, reason), after, limit)
    records = [listed_decision(place, decision, engine.policy.time_zone) for place, decision in page]
    last = page[-1][0] if page else None
    return DecisionsAnswer(currency=engine.policy.currency, decisions=records, next_after=last)


@reading(DECISION_PATH, READS_ACCOUNTS)
def explain_decision(request: Asked, account: AccountInPath, number: NumberInPath) -> ExplainAnswer:
    """One decision taken apart: its triggers, each value against its threshold, the parts of its score."""
    engine, decision = _decision(request, account, number)
    return explain_answer(engine.engine_of_version(decision.policy).policy, decision)


@reading(f"{DECISION_PATH}/notice", READS_ACCOUNTS)
def show_notice(request: Asked, account: AccountInPath, number: NumberInPath, lang: NoticeLang = "en") -> NoticeAnswer:
    """The notice of a decision as the borrower reads it."""
    engine, decision = _decision(request, account, number)
    profile = read_lender_profile(service_of(request).lender)
    built = build_notice(engine, decision, profile, state_after(engine, decision))
    return notice_answer(built, profile.words, decision, lang, engine.policy.time_zone)


@writing(f"{DECISION_PATH}/notice/sent", SENDS_NOTICES, sync_to_thread=True)
def note_notice_sent(request: Asked, account: AccountInPath, number: NumberInPath) -> NoticesSentAnswer:
    """Write down that a notice went out, now; the first time stands."""
    service, name = service_of(request), name_in_path(account)
    now = service.engine.clock.now_ms()

    def mark(engine: Engine) -> None:
        mark_sent(engine.store, engine.keeper, name, number, now)

    service.write_alone(mark).result()
    return NoticesSentAnswer(account=name, number=number, state="sent")


@reading("/v1/notices", SENDS_NOTICES | READS_ACCOUNTS)
def list_notices(request: Asked) -> NoticesListAnswer:
    """Notices that have not gone out, the most urgent first."""
    engine = service_of(request).engine
    now, zone = engine.clock.now_ms(), engine.policy.time_zone
    with engine.store.reading() as connection:
        records = [notice_record(entry, now, zone) for entry in pending(connection)]
    return NoticesListAnswer(now=instant_of(now, zone), notices=records)


@reading("/v1/pending", READS_ACCOUNTS)
def list_pending(request: Asked) -> PendingListAnswer:
    """Restrictions that wait for a person, because the brake held them."""
    engine = service_of(request).engine
    with engine.store.reading() as connection:
        rows = pending_rows(connection)
    return PendingListAnswer(currency=engine.policy.currency, restrictions=[pending_record(row) for row in rows])


def _decision(request: Asked, account: str, number: int) -> tuple[Engine, Decision]:
    engine = service_of(request).engine
    return engine, find_decision(engine, f"{name_in_path(account)}#{number}")


ACCOUNTS_ROUTES: list[Any] = [
    list_accounts,
    show_account,
    show_recourse,
    list_decisions,
    explain_decision,
    show_notice,
    note_notice_sent,
    list_notices,
    list_pending,
]
