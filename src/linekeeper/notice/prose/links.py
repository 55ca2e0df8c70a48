"""What the accounts come to that share something with one, in words. No other person is named: only what is shared."""

from __future__ import annotations

import re
from collections.abc import Iterator

from linekeeper.policy.expression import DAYS
from linekeeper.policy.functions import FACTS
from linekeeper.policy.model import Links, Policy
from linekeeper.texts.language import Language

_MEASURE = re.compile(r'links\.(sum|max|count)\((\w+)(?: >= (.+?))?(?:, kind = "(\w+)")?\)')
THINGS = {
    "device": "a device",
    "contact": "a contact",
    "guarantor": "a guarantor",
    "employer": "an employer",
}


def is_of_linked(name: str) -> bool:
    """Whether a value that a policy has not named is one of tied accounts."""
    return _MEASURE.fullmatch(name) is not None


def of_linked(name: str, policy: Policy, language: Language) -> str | None:
    """The value as a noun; None where it is none of tied accounts."""
    parts = _MEASURE.fullmatch(name)
    if parts is None or policy.links is None:
        return None
    translate = language.translate
    fact = FACTS[dict(policy.links.publish)[parts[2]]]
    what, least = translate(fact.words), parts[3] or ""
    if fact.unit == DAYS and least.isdigit():
        least = language.span(int(least))
    thing = translate(THINGS[parts[4]]) if parts[4] else translate("something")
    if parts[1] == "sum":
        return translate("{what} on all other accounts that share {thing} with this one", what=what, thing=thing)
    if parts[1] == "max":
        return translate("{what} on the worst other account that shares {thing} with this one", what=what, thing=thing)
    return translate(
        "the number of other accounts that share {thing} with this one and on which {what} is at least {least}",
        what=what,
        least=least,
        thing=thing,
    )


def describe_links(links: Links, language: Language) -> Iterator[str]:
    """What accounts make known to those that they are tied to, and what ties them."""
    translate = language.translate
    listed = translate("; ").join(
        translate("{name}: {what}", name=language.quote(name), what=translate(FACTS[fact].words))
        for name, fact in links.publish
    )
    yield translate("At the start of each day accounts that are tied know of each other: {listed}.", listed=listed)
    for tie in links.ties:
        yield translate(
            "Accounts that share {thing} are tied, at most {number} by one, for {days} after it was last said.",
            thing=translate(THINGS[tie.name]),
            number=tie.at_most,
            days=language.span(tie.fades_days),
        )
