"""Why, in plain words: the wording of reason codes (`policies/reasons`), filled with the borrower's own facts.

A code without wording is told in the words of its own rule, never as nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from linekeeper.core.bounds import SHARE_CEILING_BP
from linekeeper.notice.model import BorrowerFact, NoticeError, NoticeReason
from linekeeper.notice.prose.vocabulary import shipped_vocabulary
from linekeeper.texts.language import LANGS, Language, Text
from linekeeper.texts.material import MaterialError, read_yaml, shipped

PLACEHOLDER = re.compile(r"\{(\w+)\}")
NEAR_DAYS = 300  # a date closer than this is told without its year


@dataclass(frozen=True, slots=True)
class Wording:
    """What is told for a code, or for a measurement.

    Of the `texts`, the first whose placeholders are all known is told; the last of a code has none.
    """

    title: Text
    texts: tuple[Text, ...]
    lessons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wordings:
    """Wording by reason code, and by what is measured: the rule in generated English words.

    Keyed so, a wording holds for any policy that measures the same, and for none that has changed its rule.
    """

    codes: Mapping[str, Wording]
    measures: Mapping[str, Wording]

    def find(self, reason: NoticeReason) -> Wording | None:
        """The wording that fits; None where the rule's own words must do."""
        if reason.feature is None:
            return self.codes.get(reason.code)
        return self.measures.get(reason.words.en) if reason.words else None


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """How facts are written: the language, the currency, and the day on which the letter is read."""

    language: Language
    currency: str
    exponent: int
    today: int

    def money(self, minor: int) -> str:
        return self.language.money(minor, self.currency, self.exponent)

    def day(self, day: int) -> str:
        """A date, without its year where that is clear."""
        near = abs(day - self.today) < NEAR_DAYS
        return self.language.short_day(day) if near else self.language.day(day)

    def fact(self, fact: BorrowerFact) -> str:
        """A fact in the form of its unit."""
        if fact.value is None:
            return self.language.translate("not known")
        if fact.unit == "share" and fact.value >= SHARE_CEILING_BP:
            return self.language.translate("{share} or more", share=self.language.share(SHARE_CEILING_BP))
        if fact.unit == "category":
            return shipped_vocabulary().of("choices", fact.word).in_(self.language.code)
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


@dataclass(frozen=True, slots=True)
class RenderedReason:
    """A reason in one language: a short title, a sentence or two, and further facts of the borrower's own."""

    code: str
    title: str
    text: str
    details: tuple[str, ...]


def render_reason(reason: NoticeReason, phrases: Phrasebook, wordings: Wordings | None = None) -> RenderedReason:
    """The reason in words. Raises `NoticeError` where neither its code nor its rule has any."""
    chosen = wordings or shipped_wordings()
    wording, lang = chosen.find(reason), phrases.language.code
    if wording is None:
        return _by_rule(reason, phrases, chosen)
    known = {name for name, fact in reason.facts.items() if fact.value is not None}
    templates = (text.in_(lang) for text in wording.texts)
    template = next((text for text in templates if set(PLACEHOLDER.findall(text)) <= known), None)
    if template is None:
        return RenderedReason(
            reason.code, wording.title.in_(lang), phrases.language.translate("We do not know this."), ()
        )
    used = PLACEHOLDER.findall(template)
    text = template.format(**{name: phrases.fact(reason.facts[name]) for name in used})
    return RenderedReason(reason.code, wording.title.in_(lang), text, _details(reason, phrases, used, chosen))


def _by_rule(reason: NoticeReason, phrases: Phrasebook, wordings: Wordings) -> RenderedReason:
    """The rule's own words: a feature with its value, or the condition that holds."""
    if reason.words is None:
        way_out = "add it to `policies/reasons/triggers.yaml`"
        raise NoticeError(f"the reason `{reason.code}` has no wording and no rule to quote; {way_out}")
    translate, rule = phrases.language.translate, reason.words.in_(phrases.language.code)
    if reason.feature is not None and "value" in reason.facts:
        value = phrases.fact(reason.facts["value"])
        return RenderedReason(reason.code, _opening(rule), translate("This stands at {value}.", value=value), ())
    title = translate("A rule of your line")
    return RenderedReason(
        reason.code, title, translate("This rule applied: {rule}.", rule=rule), _details(reason, phrases, (), wordings)
    )


def _details(reason: NoticeReason, phrases: Phrasebook, used: Collection[str], wordings: Wordings) -> tuple[str, ...]:
    """The labelled facts that the text did not use, each a sentence."""
    facts = ((fact.label, fact) for name, fact in reason.facts.items() if name not in used)
    return tuple(_detail(label, fact, phrases, wordings) for label, fact in facts if label is not None)


def _detail(label: Text, fact: BorrowerFact, phrases: Phrasebook, wordings: Wordings) -> str:
    value, lang = phrases.fact(fact), phrases.language.code
    wording = wordings.measures.get(label.en)
    if wording is not None and fact.value is not None:
        return wording.texts[0].in_(lang).format(value=value)
    return _opening(phrases.language.translate("{what}: {value}.", what=label.in_(lang), value=value))


def _opening(text: str) -> str:
    return text[:1].upper() + text[1:]


# ------------------------------------------------------------------ reading


@cache
def shipped_wordings() -> Wordings:
    """The wording that comes with the product."""
    return read_wordings(shipped("reasons"))


def read_wordings(folder: Path) -> Wordings:
    """The wording of `triggers.yaml` and `features.yaml` in a folder. `MaterialError` names a faulty entry."""
    codes, measures = read_yaml(folder / "triggers.yaml"), read_yaml(folder / "features.yaml")
    return Wordings(
        {code: _coded(code, raw) for code, raw in codes.items()},
        {raw["of"]: _measured(raw["of"], raw) for raw in measures},
    )


def _coded(code: str, raw: Mapping[str, Any]) -> Wording:
    wording = _wording(f"the reason `{code}`", raw, lambda texts: tuple(map(_text, texts)))
    for text in wording.texts:
        if len({frozenset(PLACEHOLDER.findall(text.in_(lang))) for lang in LANGS}) > 1:
            raise MaterialError(f"the languages of the reason `{code}` name different facts; use the same placeholders")
    if PLACEHOLDER.search(wording.texts[-1].en):
        raise MaterialError(f"the last text of the reason `{code}` needs facts; add one without placeholders")
    return wording


def _measured(of: str, raw: Mapping[str, Any]) -> Wording:
    wording = _wording(f"the measurement `{of}`", raw, lambda text: (_text(text),))
    if any(PLACEHOLDER.findall(wording.texts[0].in_(lang)) != ["value"] for lang in LANGS):
        raise MaterialError(f"the text of the measurement `{of}` names `{{value}}`, once and alone")
    return wording


def _wording(what: str, raw: Mapping[str, Any], texts: Callable[[Any], tuple[Text, ...]]) -> Wording:
    try:
        return Wording(_text(raw["title"]), texts(raw["text"]), tuple(raw["lessons"]))
    except (KeyError, TypeError) as fault:
        raise MaterialError(f"{what} needs `lessons`, `title` and `text`, the last two in `zh` and `en`") from fault


def _text(raw: Mapping[str, Any]) -> Text:
    return Text(zh=raw["zh"], en=raw["en"])
