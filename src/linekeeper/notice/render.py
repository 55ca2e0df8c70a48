"""A notice in words: its sentences in one language, then as text, as HTML or as JSON.

`render_notice` puts each part of a notice into words, in the order in which it is read. The three forms are templates
over its result, so they cannot differ in what they say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape
from markupsafe import Markup

from linekeeper.core.errors import NoticeError
from linekeeper.core.line import Action, Status
from linekeeper.education.lessons import LoanElsewhere, RenderedLesson, example_loan, render_lesson, shipped_lessons
from linekeeper.notice.correction_notice import correction_cause, correction_heading
from linekeeper.notice.lender_words import LenderWords
from linekeeper.notice.model import Change, Notice
from linekeeper.notice.offer_notice import offer_lines, raised_lead
from linekeeper.notice.own_choice import granted_heading, own_choice_heading, own_choice_sentence
from linekeeper.notice.phrasebook import Phrasebook
from linekeeper.notice.pictures import plain_shapes, road_chart
from linekeeper.notice.reasons import RenderedReason, Wordings, render_reason
from linekeeper.notice.road_back import (
    RenderedPlan,
    render_assumptions,
    render_loans,
    render_path,
    render_plans,
    render_promise,
    road_values,
)
from linekeeper.policy.model import Policy
from linekeeper.recourse.model import NoRoadBack, PathPoint, RoadBack
from linekeeper.texts.language import Lang, language

TEMPLATES = Path(__file__).parent / "templates"
FORMER_KEY = "told"  # what `rendered` was called before, for one version more
HEADLINES = {
    Action.KEEP: "There are new reasons why your limit is held down",
    Action.DECREASE: "Your credit limit is now {after}",
    Action.SUSPEND: "You cannot borrow on this line for now",
    Action.CLOSE: "Your credit line is closed",
    Action.RESTORE: "Your credit limit is now {after}",
    Action.OFFER: "You may choose a higher limit",
    Action.INCREASE: "Your credit limit is now {after}",
    Action.DENY: "Your loan of {asked} was not paid out",
    Action.CORRECT: "We made a mistake and have put it right",
    Action.ANNOUNCE: "Your credit limit will be {coming} from {first}",
    Action.WITHDRAW: "What we announced does not come",
    Action.CONTACT: "A word about your credit line",
    Action.PRICE: "Your price is now that of {price}",
    Action.ASSIGN: "Your credit limit is {after}",
    Action.REFUSE: "We cannot give you a credit limit now",
}
LEADS = {
    Action.KEEP: "Your limit stays at {after}. The way back below takes the new reasons into account.",
    Action.DECREASE: "It was {before}. The new limit applies from {since}.",
    Action.SUSPEND: "New loans are paused from {since}.",
    Action.CLOSE: "From {since} you cannot borrow on it.",
    Action.RESTORE: "It was {before}. The new limit applies from {since}.",
    Action.OFFER: "We can raise your limit to {proposed}. Nothing changes unless you say yes by {until}. You need not.",
    Action.INCREASE: "It was {before}. You agreed to the new limit.",
    Action.DENY: "Your limit and what you owe stay as they are.",
    Action.CORRECT: "An earlier restriction should not have been made. We are sorry. Your limit is now {after}.",
    Action.ANNOUNCE: "Until then nothing changes. If the reason has gone before that day, the change does not come.",
    Action.WITHDRAW: "The reason for it has gone. Your limit stays at {after}.",
    Action.CONTACT: "Nothing changes on your line. Your limit is {after}.",
    Action.PRICE: "It applies from {since}. Your limit stays at {after}.",
    Action.ASSIGN: "Your line is open from {since}.",
    Action.REFUSE: "You asked on {since}. This costs you nothing, and you can ask again.",
}
# What leaves all that we allow as it is, or has no line before it.
WITHOUT_ROWS = (
    Action.OFFER,
    Action.DENY,
    Action.ANNOUNCE,
    Action.WITHDRAW,
    Action.CONTACT,
    Action.PRICE,
    Action.OWN_CHOICE,
    Action.ASSIGN,
    Action.REFUSE,
)
# Where more is announced than a lower limit.
COMING = {
    Status.SUSPENDED: "You cannot borrow on this line from {first}, for now",
    Status.CLOSED: "Your credit line will be closed on {first}",
}


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One line of the table of what changed."""

    label: str
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class RenderedNotice:
    """All sentences of a notice, in the order in which they are read. Empty parts are not shown."""

    tag: str
    example_note: str
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
    assumptions: tuple[str, ...]
    offer: tuple[str, ...]
    unaffected: str
    repay: tuple[str, ...]
    objection_title: str
    objection: str
    contact: str
    contact_url: str
    lesson: RenderedLesson | None
    receipt: str
    receipt_note: str
    receipt_url: str
    legal: tuple[str, ...]


def render_notice(notice: Notice, lang: Lang, words: LenderWords | None = None) -> RenderedNotice:
    """The notice in that language, in the lender's words; None: in those that come with the product.

    Raises `NoticeError` where an action or a reason has no words.
    """
    words = words or LenderWords()
    wordings, phrases = words.wordings, phrasebook_of(notice, lang, words)
    headline, lead = _heading(notice, phrases)
    receipt = notice.receipt
    return RenderedNotice(
        tag=phrases.language.tag,
        example_note=_example_note(notice, phrases),
        lender=notice.lender.name.in_(lang),
        number=notice.number,
        account=notice.account,
        issued=phrases.language.day(notice.issued_day),
        headline=headline,
        lead=lead,
        rows=tuple(_rows(notice.change, phrases)),
        reasons=tuple(render_reason(reason, phrases, wordings) for reason in notice.shown_reasons),
        further=_further(notice, phrases),
        plans=render_plans(notice.road, phrases) if isinstance(notice.road, RoadBack) else (),
        road=tuple(render_promise(notice.road, phrases)),
        assumptions=render_assumptions(notice.road, phrases),
        offer=tuple(offer_lines(notice.change, phrases)),
        unaffected=phrases.language.sentences(*_unaffected(notice, phrases)),
        repay=tuple(way.in_(lang) for way in notice.lender.repay),
        objection_title=_objection_title(notice, phrases),
        objection=phrases.language.sentences(*_objection(notice, phrases)),
        contact=_contact(notice, phrases),
        contact_url=notice.objection.url,
        lesson=_lesson(notice, wordings, lang),
        receipt=receipt.text if receipt else "",
        receipt_note=_receipt_note(notice, phrases),
        receipt_url=receipt.url if receipt else "",
        legal=tuple(sentence.in_(lang) for sentence in notice.legal),
    )


def phrasebook_of(notice: Notice, lang: Lang, words: LenderWords) -> Phrasebook:
    """The forms in which that notice writes its facts."""
    return Phrasebook(language(lang), notice.currency, notice.exponent, notice.issued_day, words.vocabulary)


# ------------------------------------------------------------------ text, HTML, JSON


def as_text(notice: Notice, lang: Lang, words: LenderWords | None = None) -> str:
    """The notice as plain text, for a message or a printer without a browser."""
    return _template("notice.txt").render(_context(notice, lang, words or LenderWords()))


def as_html(notice: Notice, lang: Lang, words: LenderWords | None = None) -> str:
    """The notice as one HTML page that needs nothing from elsewhere and prints on one sheet of A4."""
    words = words or LenderWords()
    chart = road_chart(notice.road, phrasebook_of(notice, lang, words)) if isinstance(notice.road, RoadBack) else ""
    qr = plain_shapes(notice.receipt.qr_svg) if notice.receipt and notice.receipt.qr_svg else ""
    return _template("notice.html").render(_context(notice, lang, words) | {"chart": Markup(chart), "qr": Markup(qr)})


def as_json(notice: Notice, lang: Lang, words: LenderWords | None = None) -> str:
    """The notice as JSON: `notice` holds its values (minor units, days since 1970-01-01), `rendered` its sentences."""
    rendered = asdict(render_notice(notice, lang, words))
    former = rendered | {"rests": rendered["assumptions"]}  # the names of before, for one version more
    values = asdict(notice) | {"road": road_values(notice.road)}
    forms = {"lang": lang, "notice": values, "rendered": rendered, FORMER_KEY: former}
    return json.dumps(_plain(forms), ensure_ascii=False, indent=2, sort_keys=True)


def road_as_text(road: RoadBack | NoRoadBack, policy: Policy, lang: Lang, day: int) -> str:
    """The section of a notice that shows a road back, as plain text, for whoever asks on local day `day`."""
    phrases = Phrasebook(language(lang), policy.currency, policy.exponent, day)
    return _template("road_back.txt").render(
        plans=render_plans(road, phrases) if isinstance(road, RoadBack) else (),
        promise=tuple(render_promise(road, phrases)),
        assumptions=render_assumptions(road, phrases),
        translate=phrases.language.translate,
    )


def path_as_text(path: Sequence[PathPoint], policy: Policy, lang: Lang, day: int) -> str:
    """A path of limits as plain text, a line for each day on which the line moves, as a notice shows it."""
    phrases = Phrasebook(language(lang), policy.currency, policy.exponent, day)
    points, translate = render_path(path, phrases), phrases.language.translate
    return "".join(translate("{label}: {value}", label=one.day, value=one.text) + "\n" for one in points)


def _context(notice: Notice, lang: Lang, words: LenderWords) -> dict[str, Any]:
    return {"notice": render_notice(notice, lang, words), "translate": language(lang).translate}


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _plain(value: Any) -> Any:
    """Enumerations by their names, tuples as lists."""
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


# ------------------------------------------------------------------ what changed


def _values(notice: Notice, phrases: Phrasebook) -> dict[str, str]:
    """What headlines and leads may name."""
    change = notice.change
    return {
        "before": phrases.money(change.before.limit),
        "after": phrases.money(change.after.limit),
        "since": phrases.day(change.since_day),
        "asked": phrases.money(change.asked_minor or 0),
        "proposed": phrases.money(change.offered.proposed_minor) if change.offered else "",
        "until": phrases.day(change.offered.until_day) if change.offered else "",
        "price": phrases.price(change.price) if change.price else "",
        "coming": phrases.money(change.coming.after.limit) if change.coming else "",
        "first": phrases.day(change.coming.first_day) if change.coming else "",
        "last": phrases.day(change.coming.last_day) if change.coming else "",
    }


def _heading(notice: Notice, phrases: Phrasebook) -> tuple[str, str]:
    change, translate = notice.change, phrases.language.translate
    # A line that stays as it is concerns the borrower only where new reasons hold it down.
    worded = change.action in HEADLINES or change.action == Action.OWN_CHOICE
    if not worded or (change.action == Action.KEEP and not notice.reasons):
        raise NoticeError(
            f"the action `{change.action.name.lower()}` is no matter for a notice",
            code="action-has-no-notice",
            way_out="send none for it",
            details={"action": change.action.name.lower()},
        )
    values = _values(notice, phrases)
    if change.action == Action.OWN_CHOICE:
        headline, lead = own_choice_heading(change, phrases)
        return headline, phrases.language.sentences(lead, *_announced(change, phrases, values))
    headline, lead = translate(HEADLINES[change.action], **values), translate(LEADS[change.action], **values)
    if change.by_grant and change.action == Action.INCREASE:
        headline, lead = granted_heading(change, phrases)
    if change.action == Action.INCREASE and change.offered and not change.offered.needs_consent:
        lead = raised_lead(change, phrases)
    stopped, open_now = change.before.status >= Status.SUSPENDED, change.after.status < Status.SUSPENDED
    if change.action == Action.CORRECT and (notice.corrects or notice.too_long):
        headline, lead = correction_heading(notice, phrases)
    if change.action == Action.RESTORE and stopped and open_now:
        # To borrow again matters more to the borrower than by how much the limit rose; but only where that is so.
        blocked = _nothing_free(notice) or (change.own_choice is not None and change.own_choice.limit == 0)
        headline = headline if blocked else translate("You can borrow on this line again")
        lead = translate("Your limit is {after} from {since}.", **values)
    if change.action == Action.ANNOUNCE and change.coming and change.coming.after.status in COMING:
        headline = translate(COMING[change.coming.after.status], **values)
    return headline, phrases.language.sentences(
        lead,
        *correction_cause(notice, phrases),
        *_what_remains(notice, phrases),
        *_announced(change, phrases, values),
        own_choice_sentence(change, phrases),
    )


def _announced(change: Change, phrases: Phrasebook, values: Mapping[str, str]) -> Iterator[str]:
    """What the lead says of announcements beside the change itself."""
    translate = phrases.language.translate
    if change.coming and change.coming.first_day < change.coming.last_day:
        yield translate("Not all of it comes on one day; the last part comes on {last}.", **values)
    if change.coming and change.action != Action.ANNOUNCE:
        yield translate("We announce a further change: from {first} your limit will be {coming}.", **values)
        if change.coming.after.status in COMING:
            yield translate("From then on you cannot borrow on this line.")
    if change.price and change.action != Action.PRICE:
        yield translate("Your price is now that of {price}.", **values)
    if change.withdrawn and change.action != Action.WITHDRAW:
        yield translate("What we announced before does not come.")


def _nothing_free(notice: Notice) -> bool:
    """Whether the account owes as much as its limit, or more, so that nothing can be borrowed."""
    return notice.owed_minor is not None and notice.owed_minor >= notice.change.after.limit


def _what_remains(notice: Notice, phrases: Phrasebook) -> Iterator[str]:
    """What a line that came back in part still lacks; why, and the way back, stand below."""
    change, translate = notice.change, phrases.language.translate
    if change.action not in (Action.RESTORE, Action.CORRECT):
        return
    after = phrases.money(change.after.limit)
    if change.after.status >= Status.SUSPENDED:
        yield translate("New loans stay paused.")
    elif _nothing_free(notice) and change.after.limit < change.after.granted:
        owed = phrases.money(notice.owed_minor or 0)
        yield translate(
            "You owe {owed}, so you can borrow again once you owe less than {after}.", owed=owed, after=after
        )
    if change.after.limit < change.after.granted:
        yield translate("This is not yet the whole of {granted}.", granted=phrases.money(change.after.granted))
        if not notice.reasons:
            yield translate("The rest comes back step by step, as shown below.")


def _rows(change: Change, phrases: Phrasebook) -> Iterator[ChangeRow]:
    """What differs before and after. An offer or a refused draw leaves the line as it is, so it has no rows.

    What is announced, or withdrawn, has none either: nothing differs yet. The borrower's own wish leaves what we allow.
    """
    if change.action in WITHOUT_ROWS:
        return
    translate, before, after = phrases.language.translate, change.before, change.after
    if before.limit != after.limit:
        yield ChangeRow(translate("Limit"), phrases.money(before.limit), phrases.money(after.limit))
    loans_before, loans_after = render_loans(before.status, phrases), render_loans(after.status, phrases)
    if loans_before != loans_after:
        yield ChangeRow(translate("New loans"), loans_before, loans_after)


def _further(notice: Notice, phrases: Phrasebook) -> str:
    """How many reasons are recorded but not shown; empty where all are shown. A borrower may ask for all of them."""
    more = len(notice.reasons) - len(notice.shown_reasons)
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


def _objection_title(notice: Notice, phrases: Phrasebook) -> str:
    """An offer takes nothing away, so there is nothing to object to: whoever has questions may ask."""
    if notice.change.action == Action.OFFER:
        return phrases.language.translate("If you have questions")
    return phrases.language.translate("If you think this is wrong")


def _objection(notice: Notice, phrases: Phrasebook) -> Iterator[str]:
    translate = phrases.language.translate
    if notice.change.action == Action.OFFER:
        return
    if notice.objection.automated:
        yield translate("This was decided automatically. You may ask for a person to decide instead.")
    if notice.objection.until_day is not None:
        yield translate("Please tell us what is wrong by {day}.", day=phrases.day(notice.objection.until_day))
    yield translate("It costs nothing, and it does not count against you.")


def _example_note(notice: Notice, phrases: Phrasebook) -> str:
    """What stands above a letter that has no lender; nothing where it has one."""
    if not notice.lender.is_example:
        return ""
    return phrases.language.translate("Specimen: this lender is made up, and the letter is not to be sent.")


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
    """The lesson that the notice names, else the best one of the first shown reason that has any.

    One lesson, and the one of the most important reason: a page of advice on top of bad news is not read.
    """
    by_reason = (wording.lessons for reason in notice.shown_reasons if (wording := wordings.find(reason)))
    keys = notice.lessons or next((keys for keys in by_reason if keys), ())
    if not keys:
        return None
    if keys[0] not in shipped_lessons(lang):
        raise NoticeError(
            f"the lesson `{keys[0]}` does not exist",
            code="lesson-not-known",
            way_out="see `policies/lessons`",
            details={"lesson": keys[0]},
        )
    return render_lesson(shipped_lessons(lang)[keys[0]], _loan_elsewhere(notice), notice.jurisdiction)


def _loan_elsewhere(notice: Notice) -> LoanElsewhere:
    """What a lesson prices: as much as the line lost, until the end of the fastest road; else the shipped example."""
    lost = notice.change.before.limit - notice.change.after.limit
    if isinstance(notice.road, RoadBack):
        days = notice.road.fastest.restored_day - notice.issued_day
        if lost > 0 and days > 0:
            return LoanElsewhere(lost, days, notice.currency, notice.exponent)
    return example_loan(notice.currency, notice.exponent)
