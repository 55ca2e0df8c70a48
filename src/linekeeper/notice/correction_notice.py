"""The words of a correction: which decision, what was wrong with it, and what showed it."""

from __future__ import annotations

from collections.abc import Iterator

from linekeeper.core.line import Action
from linekeeper.notice.model import Notice
from linekeeper.notice.phrasebook import Phrasebook


def correction_heading(notice: Notice, phrases: Phrasebook) -> tuple[str, str]:
    """Headline and lead: a decision that should not have been made, or one whose restriction lasted too long."""
    change, language = notice.change, phrases.language
    translate, after = language.translate, phrases.money(change.after.limit)
    numbers = language.all_of(notice.corrects or notice.too_long)
    if not notice.corrects:
        headline = translate("Your line is back sooner than you were told")
        what = translate("The restriction of decision {numbers} has lasted too long. We are sorry.", numbers=numbers)
    elif len(notice.corrects) == 1:
        headline = translate("We made a mistake and have put it right")
        what = translate("The decision {numbers} should not have been made. We are sorry.", numbers=numbers)
    else:
        headline = translate("We made a mistake and have put it right")
        what = translate("The decisions {numbers} should not have been made. We are sorry.", numbers=numbers)
    if change.before.limit == change.after.limit:
        return headline, language.sentences(what, translate("Your limit is {after}.", after=after))
    return headline, language.sentences(what, translate("Your limit is now {after}.", after=after))


def correction_cause(notice: Notice, phrases: Phrasebook) -> Iterator[str]:
    """What showed it: a record that was wrong then, or a fact that was known late."""
    cause, translate = notice.cause, phrases.language.translate
    if notice.change.action != Action.CORRECT or cause is None:
        return
    if cause.wrong:
        yield translate("It rested on a record of ours that was wrong. We have taken that record back.")
    elif cause.on_day is not None:
        what = phrases.vocabulary.of("kinds", cause.event_kind).in_(phrases.language.code)
        day = phrases.day(cause.on_day)
        yield translate("We did not know of this in time: {what}, on {day}.", what=what, day=day)
