"""What a notice says of an offer: how much, until when, at what price, why, and how to say yes or no."""

from __future__ import annotations

from collections.abc import Iterator

from linekeeper.core.line import Action
from linekeeper.notice.model import Change
from linekeeper.notice.phrasebook import Phrasebook


def offer_lines(change: Change, phrases: Phrasebook) -> Iterator[str]:
    """The sentences of the section about an offer; none in a notice of anything else."""
    offer, translate = change.offered, phrases.language.translate
    if offer is None or change.action != Action.OFFER:
        return
    yield translate(
        "Your limit is {after} now. It would be {proposed}.",
        after=phrases.money(change.after.limit),
        proposed=phrases.money(offer.proposed_minor),
    )
    yield translate("The offer is open until the end of {until}.", until=phrases.day(offer.until_day))
    yield _price(offer.price, phrases)
    yield _why(offer.name, phrases)
    number = phrases.language.number(offer.number)
    yield translate("To accept: call or write to us, and name offer {number}.", number=number)
    yield translate("To decline: tell us so, or do nothing. That does not count against you.")


def _price(code: str, phrases: Phrasebook) -> str:
    if not code:
        return phrases.language.translate("Nothing else about your line changes.")
    return phrases.language.translate("With it comes this price: {price}.", price=phrases.price(code))


def _why(name: str, phrases: Phrasebook) -> str:
    """The lender's own words for why; else what holds for every offer."""
    if phrases.vocabulary.has("offers", name):
        own = phrases.vocabulary.of("offers", name).in_(phrases.language.code)
        return phrases.language.translate("Why we offer it: {why}.", why=own)
    return phrases.language.translate("We looked at how you have used and repaid this line.")


def raised_lead(change: Change, phrases: Phrasebook) -> str:
    """The lead of a notice that tells of an increase for which the borrower was not asked."""
    translate = phrases.language.translate
    lead = translate("It was {before}. We have raised it.", before=phrases.money(change.before.limit))
    price = [_price(change.offered.price, phrases)] if change.offered and change.offered.price else []
    way = translate("If you do not want that, tell us.")
    if change.cooling_days is not None:
        way = translate("If you would rather have less, you can lower your limit yourself at any time.")
    return phrases.language.sentences(lead, *price, way)
