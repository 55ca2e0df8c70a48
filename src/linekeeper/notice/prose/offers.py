"""Offers of a policy in words: the one without a name, or those that have one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from linekeeper.notice.prose.expression import ExpressionRenderer
from linekeeper.notice.prose.numbers import amount_words, money_words, number_words
from linekeeper.policy import model as m


def describe_offers(policy: m.Policy, renderer: ExpressionRenderer) -> Iterator[str]:
    """What may be offered, and when; nothing where the policy has no offers."""
    language = renderer.language
    if policy.offer:
        yield from _only_offer(policy.offer, renderer)
    if policy.named_offers:
        yield language.translate(
            "The first of these whose condition holds, and which would raise the granted line, is made; "
            "only one is open at a time, and none while a trigger restricts the line."
        )
    for offer in policy.named_offers:
        yield language.sentences(*_named_offer(offer, renderer))


def _only_offer(offer: m.Offer, renderer: ExpressionRenderer) -> Iterator[str]:
    language = renderer.language
    yield language.translate(
        "When {condition}, a granted line larger by {share} is offered, never above {top}.",
        condition=renderer.clause(offer.when),
        share=number_words(offer, "increase_bp", language.share, renderer),
        top=number_words(offer, "up_to_minor", partial(money_words, renderer), renderer),
    )
    yield language.translate(
        "At most one offer every {every}; it stays open for {valid}. Nothing changes unless the borrower accepts.",
        every=number_words(offer, "every_days", language.span, renderer),
        valid=number_words(offer, "valid_days", language.span, renderer),
    )


def _named_offer(offer: m.Offer, renderer: ExpressionRenderer) -> Iterator[str]:
    language, translate = renderer.language, renderer.language.translate
    words = {
        "name": language.quote(offer.name),
        "condition": renderer.clause(offer.when),
        "top": number_words(offer, "up_to_minor", partial(money_words, renderer), renderer),
    }
    if offer.to is not None:
        amount = amount_words(offer.to, renderer)
        yield translate(
            "{name}: when {condition}, a granted line of {amount}, never above {top}.", **words, amount=amount
        )
    else:
        more = _more(offer, renderer)
        yield translate(
            "{name}: when {condition}, a granted line larger by {more}, never above {top}.", **words, more=more
        )
    if offer.needs_consent:
        valid = number_words(offer, "valid_days", language.span, renderer)
        yield translate("It is open for {valid}, and nothing changes unless the borrower accepts.", valid=valid)
    else:
        yield translate("The borrower is not asked: the line is raised at once, and he is told.")
    yield from _waits(offer, renderer)
    if offer.channel:
        yield translate("Channel: {code}.", code=offer.channel)
    if offer.price:
        yield translate("Code of the price: {code}.", code=offer.price)


def _more(offer: m.Offer, renderer: ExpressionRenderer) -> str:
    if offer.add_minor:
        return number_words(offer, "add_minor", partial(money_words, renderer), renderer)
    return number_words(offer, "increase_bp", renderer.language.share, renderer)


def _waits(offer: m.Offer, renderer: ExpressionRenderer) -> Iterator[str]:
    """How long no other offer is made."""
    language = renderer.language
    every, declined, accepted = (
        number_words(offer, name, language.span, renderer) for name in ("every_days", "decline_days", "accept_days")
    )
    yield language.translate("No other offer comes within {every}.", every=every)
    differs = dict(offer.by_segment)
    if offer.decline_days or "decline_days" in differs:
        yield language.translate("After it was declined, none comes for {declined}.", declined=declined)
    if offer.accept_days or "accept_days" in differs:
        yield language.translate("After it was accepted, none comes for {accepted}.", accepted=accepted)
