"""The letter of an offer says how much, until when, at what price, why, how to say yes or no; nothing is "wrong"."""

from __future__ import annotations

from dataclasses import replace

from linekeeper.core.line import Action
from linekeeper.notice.lender_words import LenderWords
from linekeeper.notice.model import OpenOffer
from linekeeper.notice.prose.vocabulary import Vocabulary
from linekeeper.notice.render import as_html, as_text, render_notice
from linekeeper.texts.language import Text
from tests.notice import examples as made

WORDS = LenderWords(
    Vocabulary(
        {
            "prices": {"dearer": Text(zh="年利率（单利）15%", en="15 % a year")},
            "offers": {"prime": Text(zh="您连续六期按时还款", en="you paid six bills on time")},
        }
    )
)
OPEN = OpenOffer(3, 2_400_000, made.day(2026, 6, 4), "prime", "dearer")
OFFERED = replace(made.OFFERED, change=replace(made.OFFERED.change, offered=OPEN))


def test_an_offer_says_all_that_one_needs_to_decide() -> None:
    assert render_notice(OFFERED, "en", WORDS).offer == (
        "Your limit is CN¥20,000 now. It would be CN¥24,000.",
        "The offer is open until the end of 4 June.",
        "With it comes this price: 15 % a year.",
        "Why we offer it: you paid six bills on time.",
        "To accept: call or write to us, and name offer 3.",
        "To decline: tell us so, or do nothing. That does not count against you.",
    )


def test_without_a_price_and_own_words_it_says_what_holds_for_every_offer() -> None:
    plain = replace(OFFERED, change=replace(OFFERED.change, offered=replace(OPEN, name="", price="")))
    said = render_notice(plain, "zh").offer
    assert "除此之外，您的额度没有其他变化。" in said
    assert "我们参考了您使用和归还这笔额度的情况。" in said


def test_nobody_is_asked_to_object_to_an_offer() -> None:
    for lang, wrong, questions in (
        ("en", "If you think this is wrong", "If you have questions"),
        ("zh", "如果您认为", "如有疑问"),
    ):
        for written in (as_text(OFFERED, lang, WORDS), as_html(OFFERED, lang, WORDS)):
            assert wrong not in written
            assert questions in written


def test_an_increase_without_consent_does_not_claim_that_it_was_agreed_to() -> None:
    raised = replace(
        OFFERED,
        change=replace(
            OFFERED.change,
            action=Action.INCREASE,
            after=replace(made.ACTIVE, limit=2_400_000, granted=2_400_000),
            offered=replace(OPEN, needs_consent=False),
        ),
    )
    lead = render_notice(raised, "en", WORDS).lead
    assert "We have raised it." in lead
    assert "15 % a year" in lead
    assert "You agreed" not in lead
    assert "tell us" in lead
    own = replace(raised, change=replace(raised.change, cooling_days=7))
    assert "lower your limit yourself" in render_notice(own, "en", WORDS).lead
