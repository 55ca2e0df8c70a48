"""Reasons in plain words: the wording of `policies/reasons`, filled with the borrower's own facts.

A code without wording is shown in the words of its own rule; a reason is never left out for want of words.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from linekeeper.core.errors import NoticeError
from linekeeper.notice.model import BorrowerFact, NoticeReason
from linekeeper.notice.phrasebook import Phrasebook
from linekeeper.texts.language import LANGS, PLACEHOLDER, Text, text_of
from linekeeper.texts.material import MaterialError, read_yaml, shipped


@dataclass(frozen=True, slots=True)
class Wording:
    """What is written for a reason code, or for a measurement.

    The first of the `texts` whose placeholders are all known is shown. The last text of a code has no placeholder, so
    that one always fits. `lessons` are the keys of the lessons that fit, the best one first.
    """

    title: Text
    texts: tuple[Text, ...]
    lessons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wordings:
    """Wording by reason code, and by what is measured.

    The key of a measurement is its rule in generated English words. A wording therefore serves every policy that
    measures the same, and stops fitting as soon as a policy changes its rule: text and rule cannot drift apart.
    """

    codes: Mapping[str, Wording]
    measures: Mapping[str, Wording]

    def find(self, reason: NoticeReason) -> Wording | None:
        """The wording of a reason; None where the words of its rule must serve."""
        if reason.feature is None:
            return self.codes.get(reason.code)
        return self.measures.get(reason.words.en) if reason.words else None


@dataclass(frozen=True, slots=True)
class RenderedReason:
    """A reason in one language: a short title, a sentence or two, and further facts of the borrower."""

    code: str
    title: str
    text: str
    details: tuple[str, ...]


def render_reason(reason: NoticeReason, phrases: Phrasebook, wordings: Wordings | None = None) -> RenderedReason:
    """The reason in words. Raises `NoticeError` where neither its code nor its rule has words."""
    wordings = wordings or shipped_wordings()
    wording, lang = wordings.find(reason), phrases.language.code
    if wording is None or not wording.title.in_(lang):  # a lender may have written it in its other language alone
        return _in_words_of_its_rule(reason, phrases, wordings)
    known = {name for name, fact in reason.facts.items() if fact.value is not None}
    templates = (text.in_(lang) for text in wording.texts)
    template = next((text for text in templates if set(PLACEHOLDER.findall(text)) <= known), None)
    if template is None:
        return RenderedReason(
            reason.code, wording.title.in_(lang), phrases.language.translate("We do not know this."), ()
        )
    used = PLACEHOLDER.findall(template)
    text = template.format(**{name: phrases.fact(reason.facts[name]) for name in used})
    return RenderedReason(reason.code, wording.title.in_(lang), text, _details(reason, phrases, used, wordings))


def _in_words_of_its_rule(reason: NoticeReason, phrases: Phrasebook, wordings: Wordings) -> RenderedReason:
    """A feature with its value, or the condition that holds, in the words that are generated from the rule."""
    if reason.words is None:
        way_out = "add it to `policies/reasons/triggers.yaml`"
        raise NoticeError(
            f"the reason `{reason.code}` has no wording and no rule to quote",
            code="reason-has-no-words",
            way_out=way_out,
            details={"reason": reason.code},
        )
    translate, rule = phrases.language.translate, reason.words.in_(phrases.language.code)
    if reason.feature is not None and "value" in reason.facts:
        value = phrases.fact(reason.facts["value"])
        return RenderedReason(reason.code, _capitalised(rule), translate("This stands at {value}.", value=value), ())
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
    return _capitalised(phrases.language.translate("{what}: {value}.", what=label.in_(lang), value=value))


def _capitalised(text: str) -> str:
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
    wording = _wording(f"the reason `{code}`", raw, lambda texts: tuple(map(text_of, texts)))
    for text in wording.texts:
        if len({frozenset(PLACEHOLDER.findall(text.in_(lang))) for lang in LANGS}) > 1:
            raise MaterialError(
                f"the languages of the reason `{code}` name different facts",
                code="material-not-complete",
                way_out="use the same placeholders",
                details={"reason": code},
            )
    if PLACEHOLDER.search(wording.texts[-1].en):
        raise MaterialError(
            f"the last text of the reason `{code}` needs facts",
            code="material-not-complete",
            way_out="add one without placeholders",
            details={"reason": code},
        )
    return wording


def _measured(of: str, raw: Mapping[str, Any]) -> Wording:
    wording = _wording(f"the measurement `{of}`", raw, lambda text: (text_of(text),))
    if any(PLACEHOLDER.findall(wording.texts[0].in_(lang)) != ["value"] for lang in LANGS):
        raise MaterialError(
            f"the text of the measurement `{of}` names `{{value}}`, once and alone", code="material-not-complete"
        )
    return wording


def _wording(what: str, raw: Mapping[str, Any], texts: Callable[[Any], tuple[Text, ...]]) -> Wording:
    try:
        return Wording(text_of(raw["title"]), texts(raw["text"]), tuple(raw["lessons"]))
    except (KeyError, TypeError) as fault:
        raise MaterialError(
            f"{what} needs `lessons`, `title` and `text`, the last two in `zh` and `en`", code="material-not-complete"
        ) from fault
