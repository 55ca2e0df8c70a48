"""A notice in one language: plain sentences, ready for text, HTML and JSON alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from linekeeper.core.line import Action, Status
from linekeeper.decide.road.model import Road
from linekeeper.education.lessons import LoanElsewhere, RenderedLesson, example_loan, render_lesson, shipped_lessons
from linekeeper.notice.model import Change, Notice, NoticeError
from linekeeper.notice.reasons import Phrasebook, RenderedReason, Wordings, render_reason, shipped_wordings
from linekeeper.notice.way_back import RenderedPlan, loans_words, render_assumptions, render_plans, render_promise
from linekeeper.texts.language import Lang, language

HEADLINES = {
    Action.DECREASE: "Your credit limit is now {after}",
    Action.SUSPEND: "You cannot borrow on this line for now",
    Action.CLOSE: "Your credit line is closed",
    Action.RESTORE: "Your credit limit is now {after}",
    Action.OFFER: "You may choose a higher limit",
    Action.INCREASE: "Your credit limit is now {after}",
    Action.DENY: "Your loan of {asked} was not paid out",
    Action.CORRECT: "We made a mistake and have put it right",
}
LEADS = {
    Action.DECREASE: "It was {before}. The new limit applies from {since}.",
    Action.SUSPEND: "New loans are paused from {since}.",
    Action.CLOSE: "From {since} you cannot borrow on it.",
    Action.RESTORE: "It was {before}. The new limit applies from {since}.",
    Action.OFFER: "We can raise your limit to {proposed}. Nothing changes unless you say yes by {until}. You need not.",
    Action.INCREASE: "It was {before}. You agreed to the new limit.",
    Action.DENY: "Your limit and what you owe stay as they are.",
    Action.CORRECT: "The decision {corrects} should not have been made. We are sorry. Your limit is now {after}.",
}


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One line of the table of what changed."""

    label: str
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class RenderedNotice:
    """Everything a notice says, in the order in which it is read. Empty parts are not shown."""

    tag: str
    lender: str
    number: str
    account: str
    issued: str
    headline: str
    lead: str
    rows: tuple[ChangeRow, ...]
    reasons: tuple[RenderedReason, ...]
    further: str
    plans: tuple[RenderedPlan, ...]
    road: tuple[str, ...]
    rests: tuple[str, ...]
    unaffected: str
    repay: tuple[str, ...]
    objection: str
    contact: str
    contact_url: str
    lesson: RenderedLesson | None
    receipt: str
    receipt_note: str
    receipt_url: str
    legal: tuple[str, ...]


def render_notice(notice: Notice, lang: Lang, wordings: Wordings | None = None) -> RenderedNotice:
    """The notice in that language. Raises `NoticeError` where an action or a reason has no words."""
    chosen = wordings or shipped_wordings()
    phrases = Phrasebook(language(lang), notice.currency, notice.exponent, notice.issued_day)
    headline, lead = _heading(notice, phrases)
    lesson = _lesson(notice, chosen, lang)
    receipt = notice.receipt
    return RenderedNotice(
        tag=phrases.language.tag,
        lender=notice.lender.name.in_(lang),
        number=notice.number,
        account=notice.account,
        issued=phrases.language.day(notice.issued_day),
        headline=headline,
        lead=lead,
        rows=tuple(_rows(notice.change, phrases)),
        reasons=tuple(render_reason(reason, phrases, chosen) for reason in notice.told),
        further=_further(notice, phrases),
        plans=render_plans(notice.road, phrases) if isinstance(notice.road, Road) else (),
        road=tuple(render_promise(notice.road, phrases)),
        rests=render_assumptions(notice.road, phrases),
        unaffected=phrases.language.sentences(*_unaffected(notice, phrases)),
        repay=tuple(way.in_(lang) for way in notice.lender.repay),
        objection=phrases.language.sentences(*_objection(notice, phrases)),
        contact=_contact(notice, phrases),
        contact_url=notice.objection.url,
        lesson=lesson,
        receipt=receipt.text if receipt else "",
        receipt_note=_receipt_note(notice, phrases),
        receipt_url=receipt.url if receipt else "",
        legal=tuple(sentence.in_(lang) for sentence in notice.legal),
    )


# ------------------------------------------------------------------ what changed


def _heading(notice: Notice, phrases: Phrasebook) -> tuple[str, str]:
    change, translate = notice.change, phrases.language.translate
    if change.action not in HEADLINES:
        raise NoticeError(
            f"the action `{change.action.name.lower()}` is not told to the borrower; send no notice for it"
        )
    given = {
        "before": phrases.money(change.before.limit),
        "after": phrases.money(change.after.limit),
        "since": phrases.day(change.since_day),
        "asked": phrases.money(change.asked_minor or 0),
        "proposed": phrases.money(change.offered.proposed_minor) if change.offered else "",
        "until": phrases.day(change.offered.until_day) if change.offered else "",
        "corrects": notice.corrects or "",
    }
    headline, lead = translate(HEADLINES[change.action], **given), translate(LEADS[change.action], **given)
    stopped, open_now = change.before.status >= Status.SUSPENDED, change.after.status < Status.SUSPENDED
    if change.action == Action.RESTORE and stopped and open_now:
        headline = translate("You can borrow on this line again")
        lead = translate("Your limit is {after} from {since}.", **given)
    return headline, lead


def _rows(change: Change, phrases: Phrasebook) -> Iterator[ChangeRow]:
    translate = phrases.language.translate
    if change.action not in (Action.OFFER, Action.DENY):
        before, after = change.before, change.after
        if before.limit != after.limit:
            yield ChangeRow(translate("Limit"), phrases.money(before.limit), phrases.money(after.limit))
        loans = tuple(loans_words(line.status, phrases) for line in (before, after))
        if loans[0] != loans[1]:
            yield ChangeRow(translate("New loans"), *loans)


def _further(notice: Notice, phrases: Phrasebook) -> str:
    """How many reasons are kept but not told: a borrower may ask for all of them."""
    more = len(notice.reasons) - len(notice.told)
    if not more:
        return ""
    return phrases.language.translate_count(
        "{number} smaller reason is not listed. You can ask us for it.",
        "{number} smaller reasons are not listed. You can ask us for them.",
        more,
    )


# ------------------------------------------------------------------ what stays, where to object, what helps


def _unaffected(notice: Notice, phrases: Phrasebook) -> Iterator[str]:
    yield phrases.language.translate("This decision does not change what you owe, or when it is due.")
    if notice.lender.repay:
        yield phrases.language.translate("You can still repay at any time:")


def _objection(notice: Notice, phrases: Phrasebook) -> Iterator[str]:
    translate = phrases.language.translate
    if notice.objection.automated:
        yield translate("This was decided automatically. You may ask for a person to decide instead.")
    if notice.objection.until_day is not None:
        yield translate("Please tell us what is wrong by {day}.", day=phrases.day(notice.objection.until_day))
    yield translate("It costs nothing, and it does not count against you.")


def _contact(notice: Notice, phrases: Phrasebook) -> str:
    translate, lender = phrases.language.translate, notice.lender
    if lender.hours is None:
        return translate("Call {phone}, or write to us at:", phone=lender.phone)
    return translate(
        "Call {phone} ({hours}), or write to us at:", phone=lender.phone, hours=lender.hours.in_(phrases.language.code)
    )


def _receipt_note(notice: Notice, phrases: Phrasebook) -> str:
    translate = phrases.language.translate
    check = translate("Check it at:") if notice.receipt and notice.receipt.url else ""
    return phrases.language.sentences(
        translate("This proves that our record of the decision has not been changed."), check
    )


def _lesson(notice: Notice, wordings: Wordings, lang: Lang) -> RenderedLesson | None:
    """The lesson named by the notice, else the best one of the first reason that has any."""
    found = (wording.lessons for reason in notice.told if (wording := wordings.find(reason)) and wording.lessons)
    keys = notice.lessons or next(found, ())
    if not keys:
        return None
    if keys[0] not in shipped_lessons(lang):
        raise NoticeError(f"the lesson `{keys[0]}` does not exist; see `policies/lessons`")
    return render_lesson(shipped_lessons(lang)[keys[0]], _waiting(notice), notice.jurisdiction)


def _waiting(notice: Notice) -> LoanElsewhere:
    """The borrower's own amounts for a lesson: what the line lost, and the days until the fastest road ends."""
    lost = notice.change.before.limit - notice.change.after.limit
    if isinstance(notice.road, Road):
        days = notice.road.fastest.restored_day - notice.issued_day
        if lost > 0 and days > 0:
            return LoanElsewhere(lost, days, notice.currency, notice.exponent)
    return example_loan(notice.currency, notice.exponent)
