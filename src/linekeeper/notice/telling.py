"""A notice in one language: plain sentences, ready for text, HTML and JSON alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from linekeeper.core.line import Action, Status
from linekeeper.decide.road.model import Road
from linekeeper.notice.language import Lang, language
from linekeeper.notice.lessons import ToldLesson, Waiting, example, shipped_lessons, tell_lesson
from linekeeper.notice.model import Change, Notice, NoticeError
from linekeeper.notice.reasons import Speech, ToldReason, Wordings, shipped_wordings, tell_reason
from linekeeper.notice.way_back import ToldPlan, loans_words, tell_plans, tell_promise, tell_rests

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
class Row:
    """One line of the table of what changed."""

    label: str
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class Telling:
    """Everything a notice says, in the order in which it is read. Empty parts are not shown."""

    tag: str
    lender: str
    number: str
    account: str
    issued: str
    headline: str
    lead: str
    rows: tuple[Row, ...]
    reasons: tuple[ToldReason, ...]
    further: str
    plans: tuple[ToldPlan, ...]
    road: tuple[str, ...]
    rests: tuple[str, ...]
    unaffected: str
    repay: tuple[str, ...]
    objection: str
    contact: str
    contact_url: str
    lesson: ToldLesson | None
    receipt: str
    receipt_note: str
    receipt_url: str
    legal: tuple[str, ...]


def tell(notice: Notice, lang: Lang, wordings: Wordings | None = None) -> Telling:
    """The notice in that language. Raises `NoticeError` where an action or a reason has no words."""
    chosen = wordings or shipped_wordings()
    speech = Speech(language(lang), notice.currency, notice.exponent, notice.issued_day)
    headline, lead = _heading(notice, speech)
    lesson = _lesson(notice, chosen, lang)
    receipt = notice.receipt
    return Telling(
        tag=speech.language.tag,
        lender=notice.lender.name.in_(lang),
        number=notice.number,
        account=notice.account,
        issued=speech.language.day(notice.issued_day),
        headline=headline,
        lead=lead,
        rows=tuple(_rows(notice.change, speech)),
        reasons=tuple(tell_reason(reason, speech, chosen) for reason in notice.told),
        further=_further(notice, speech),
        plans=tell_plans(notice.road, speech) if isinstance(notice.road, Road) else (),
        road=tuple(tell_promise(notice.road, speech)),
        rests=tell_rests(notice.road, speech),
        unaffected=speech.language.sentences(*_unaffected(notice, speech)),
        repay=tuple(way.in_(lang) for way in notice.lender.repay),
        objection=speech.language.sentences(*_objection(notice, speech)),
        contact=_contact(notice, speech),
        contact_url=notice.objection.url,
        lesson=lesson,
        receipt=receipt.text if receipt else "",
        receipt_note=_receipt_note(notice, speech),
        receipt_url=receipt.url if receipt else "",
        legal=tuple(sentence.in_(lang) for sentence in notice.legal),
    )


# ------------------------------------------------------------------ what changed


def _heading(notice: Notice, speech: Speech) -> tuple[str, str]:
    change, say = notice.change, speech.language.say
    if change.action not in HEADLINES:
        raise NoticeError(
            f"the action `{change.action.name.lower()}` is not told to the borrower; send no notice for it"
        )
    given = {
        "before": speech.money(change.before.limit),
        "after": speech.money(change.after.limit),
        "since": speech.day(change.since_day),
        "asked": speech.money(change.asked_minor or 0),
        "proposed": speech.money(change.offered.proposed_minor) if change.offered else "",
        "until": speech.day(change.offered.until_day) if change.offered else "",
        "corrects": notice.corrects or "",
    }
    headline, lead = say(HEADLINES[change.action], **given), say(LEADS[change.action], **given)
    stopped, open_now = change.before.status >= Status.SUSPENDED, change.after.status < Status.SUSPENDED
    if change.action == Action.RESTORE and stopped and open_now:
        headline = say("You can borrow on this line again")
        lead = say("Your limit is {after} from {since}.", **given)
    return headline, lead


def _rows(change: Change, speech: Speech) -> Iterator[Row]:
    say = speech.language.say
    if change.action not in (Action.OFFER, Action.DENY):
        before, after = change.before, change.after
        if before.limit != after.limit:
            yield Row(say("Limit"), speech.money(before.limit), speech.money(after.limit))
        loans = tuple(loans_words(line.status, speech) for line in (before, after))
        if loans[0] != loans[1]:
            yield Row(say("New loans"), *loans)


def _further(notice: Notice, speech: Speech) -> str:
    """How many reasons are kept but not told: a borrower may ask for all of them."""
    more = len(notice.reasons) - len(notice.told)
    if not more:
        return ""
    return speech.language.say_many(
        "{number} smaller reason is not listed. You can ask us for it.",
        "{number} smaller reasons are not listed. You can ask us for them.",
        more,
    )


# ------------------------------------------------------------------ what stays, where to object, what helps


def _unaffected(notice: Notice, speech: Speech) -> Iterator[str]:
    yield speech.language.say("This decision does not change what you owe, or when it is due.")
    if notice.lender.repay:
        yield speech.language.say("You can still repay at any time:")


def _objection(notice: Notice, speech: Speech) -> Iterator[str]:
    say = speech.language.say
    if notice.objection.automated:
        yield say("This was decided automatically. You may ask for a person to decide instead.")
    if notice.objection.until_day is not None:
        yield say("Please tell us what is wrong by {day}.", day=speech.day(notice.objection.until_day))
    yield say("It costs nothing, and it does not count against you.")


def _contact(notice: Notice, speech: Speech) -> str:
    say, lender = speech.language.say, notice.lender
    if lender.hours is None:
        return say("Call {phone}, or write to us at:", phone=lender.phone)
    return say(
        "Call {phone} ({hours}), or write to us at:", phone=lender.phone, hours=lender.hours.in_(speech.language.code)
    )


def _receipt_note(notice: Notice, speech: Speech) -> str:
    say = speech.language.say
    check = say("Check it at:") if notice.receipt and notice.receipt.url else ""
    return speech.language.sentences(say("This proves that our record of the decision has not been changed."), check)


def _lesson(notice: Notice, wordings: Wordings, lang: Lang) -> ToldLesson | None:
    """The lesson named by the notice, else the best one of the first reason that has any."""
    found = (wording.lessons for reason in notice.told if (wording := wordings.find(reason)) and wording.lessons)
    keys = notice.lessons or next(found, ())
    if not keys:
        return None
    if keys[0] not in shipped_lessons(lang):
        raise NoticeError(f"the lesson `{keys[0]}` does not exist; see `policies/lessons`")
    return tell_lesson(shipped_lessons(lang)[keys[0]], _waiting(notice), notice.jurisdiction)


def _waiting(notice: Notice) -> Waiting:
    """The borrower's own amounts for a lesson: what the line lost, and the days until the fastest road ends."""
    lost = notice.change.before.limit - notice.change.after.limit
    if isinstance(notice.road, Road):
        days = notice.road.fastest.restored_day - notice.issued_day
        if lost > 0 and days > 0:
            return Waiting(lost, days, notice.currency, notice.exponent)
    return example(notice.currency, notice.exponent)
