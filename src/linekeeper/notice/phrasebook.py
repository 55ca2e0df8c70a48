"""How a notice writes facts: amounts, dates, shares and counts, in one language and one currency."""

from __future__ import annotations

from dataclasses import dataclass, field

from linekeeper.core.dates import date_of
from linekeeper.notice.model import BorrowerFact
from linekeeper.notice.prose.vocabulary import Vocabulary, shipped_vocabulary
from linekeeper.texts.language import Language

SHARE_SHOWN_MAX_BP = 100_000  # beyond it a share says no more than that it is very large


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """The forms of one notice: its language, its currency, the local day on which it is issued, and its words."""

    language: Language
    currency: str
    exponent: int
    issued_day: int
    vocabulary: Vocabulary = field(default_factory=shipped_vocabulary)

    def money(self, minor: int) -> str:
        """An amount, from minor units."""
        return self.language.money(minor, self.currency, self.exponent)

    def day(self, day: int) -> str:
        """A date, with its year where that is not the year in which the notice is issued."""
        same_year = date_of(day).year == date_of(self.issued_day).year
        return self.language.short_day(day) if same_year else self.language.day(day)

    def price(self, codes: str) -> str:
        """The words for the codes of one price or several."""
        lang = self.language.code
        return ", ".join(self.vocabulary.of("prices", code).in_(lang) for code in codes.split(", "))

    def fact(self, fact: BorrowerFact) -> str:
        """A fact in the form of its unit."""
        if fact.value is None:
            return self.language.translate("not known")
        if fact.unit == "share" and fact.value > SHARE_SHOWN_MAX_BP:
            return self.language.translate("more than ten times as much")
        if fact.unit == "category":
            return self.vocabulary.of("choices", fact.word).in_(self.language.code)
        if fact.unit == "flag":
            return self.language.translate("yes") if fact.value else self.language.translate("no")
        if fact.unit == "points":
            return self.language.translate_count("{number} point", "{number} points", fact.value)
        forms = {
            "money": self.money,
            "date": self.day,
            "days": self.language.span,
            "share": self.language.share,
            "pd": self.language.chance,
            "times": self.language.times,
            "count": self.language.number,
        }
        return forms[fact.unit](fact.value)
