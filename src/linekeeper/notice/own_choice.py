"""What a borrower chose for his own line, and what the lender grants, in the words of a notice."""

from __future__ import annotations

from linekeeper.core.line import Action
from linekeeper.notice.model import Change
from linekeeper.notice.phrasebook import Phrasebook
from linekeeper.policy.kinds import LIFT

IN_FORCE = {
    "lower": "By your own choice, your limit is now {own}",
    "freeze": "By your own choice, new loans are paused",
    "close": "By your own choice, your credit line is closed",
}
SENTENCES = {
    "lower": "By your own choice, you use no more than {own} of it.",
    "freeze": "By your own choice, new loans are paused.",
    "close": "By your own choice, your credit line is closed.",
}


def own_choice_heading(change: Change, phrases: Phrasebook) -> tuple[str, str]:
    """Headline and lead of a notice that confirms what the borrower asked for."""
    choice, translate = change.own_choice, phrases.language.translate
    if choice is None or (choice.wish is None and choice.next_on is None):
        return translate("Your own limit has ended"), translate(
            "You asked us to lift it. What we allow is {limit} again.", limit=phrases.money(change.after.limit)
        )
    if choice.next_on is not None:
        day = phrases.day(choice.next_on)
        if choice.next_wish == LIFT:
            return translate("Your own limit ends on {day}", day=day), translate(
                "You asked us to lift it. Until then it stays as you chose."
            )
        return translate("Your own limit changes on {day}", day=day), translate(
            "You asked us to loosen it. Until then it stays as you chose."
        )
    assert choice.wish is not None
    headline = translate(IN_FORCE[choice.wish], own=phrases.money(choice.limit or 0))
    lead = translate("It applies from {since} and does not count against you.", since=phrases.day(change.since_day))
    lift = translate("You can lift it whenever you like.")
    if change.cooling_days:
        lift = translate("You can lift it: it then ends after {span}.", span=phrases.language.span(change.cooling_days))
    return headline, phrases.language.sentences(lead, lift)


def own_choice_sentence(change: Change, phrases: Phrasebook) -> str:
    """The borrower's own choice, in a notice of another decision; empty where there is none."""
    choice = change.own_choice
    if choice is None or change.action == Action.OWN_CHOICE:
        return ""
    translate = phrases.language.translate
    if choice.wish is None:
        return translate("Your own limit has ended.")
    return translate(SENTENCES[choice.wish], own=phrases.money(choice.limit or 0))


def granted_heading(change: Change, phrases: Phrasebook) -> tuple[str, str]:
    """Headline and lead where the lender grants more."""
    translate = phrases.language.translate
    if change.after.limit > change.before.limit:
        values = {"before": phrases.money(change.before.limit), "after": phrases.money(change.after.limit)}
        return translate("Your credit limit is now {after}", **values), translate(
            "It was {before}. We have raised it.", **values
        )
    return translate("We now grant you {granted}", granted=phrases.money(change.after.granted)), translate(
        "Your limit stays at {after} for now: the line is still restricted, or still coming back.",
        after=phrases.money(change.after.limit),
    )
