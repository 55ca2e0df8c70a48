"""The words of the console: decisions, statuses and events by name, and how a page writes what it shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from linekeeper.cli.answers.accounts import ExplainAnswer
from linekeeper.core.decision import Decision
from linekeeper.core.errors import NoticeError
from linekeeper.decide.explain import format_value
from linekeeper.engine.engine import Engine
from linekeeper.face.times import instant_of
from linekeeper.notice.from_decision import reasons_of
from linekeeper.notice.phrasebook import Phrasebook
from linekeeper.notice.prose.expression import feature_words, trigger_words
from linekeeper.notice.prose.vocabulary import shipped_vocabulary
from linekeeper.notice.reasons import render_reason
from linekeeper.policy.model import Policy
from linekeeper.texts.language import Lang, Language, language

STATUS_NAMES = {
    "active": "active",
    "restoring": "restoring",
    "reduced": "reduced",
    "suspended": "suspended",
    "closed": "closed",
}
ACTION_NAMES = {
    "keep": "keep",
    "decrease": "decrease",
    "suspend": "suspend",
    "close": "close",
    "restore": "restore",
    "offer": "offer",
    "increase": "increase",
    "correct": "correct",
    "announce": "announce",
    "withdraw": "withdraw",
    "contact": "contact",
    "price": "new price",
    "watch": "watch",
    "own_choice": "own choice",
    "assign": "first limit",
    "refuse": "refuse",
}
RULE_STATES = {
    "set": "set by this decision",
    "released": "released by this decision",
    "in force": "was set before",
    "announced": "announced",
    "refused": "the reason for refusing",
}
FULL_SHARE_BP = 10_000
_DAYS, _AMOUNT = re.compile(r"(?P<number>[0-9]{1,6})d"), re.compile(r"-?[0-9,]+(\.[0-9]+)?")
# A decision is shown as the status that it leads towards; what leads nowhere is plain.
STATUS_OF_ACTION = {
    "decrease": "reduced",
    "suspend": "suspended",
    "close": "closed",
    "restore": "restoring",
    "offer": "active",
    "increase": "active",
    "assign": "active",
    "correct": "restoring",
}


@dataclass(frozen=True, slots=True)
class PageWriter:
    """How a page writes in one language. Money comes in minor units, instants in UTC ms."""

    language: Language
    engine: Engine

    @property
    def policy(self) -> Policy:
        """The policy whose currency and time zone are written."""
        return self.engine.policy

    def money(self, minor: int) -> str:
        """An amount."""
        return self.language.money(minor, self.policy.currency, self.policy.exponent)

    def day_of(self, at: int) -> int:
        """The local day of an instant."""
        return self.engine.kernel.calendar.day(at)

    def date(self, at: int) -> str:
        """The local date of an instant, with its year."""
        return self.language.day(self.day_of(at))

    def short_date(self, at: int) -> str:
        """The local date of an instant as a picture has it: 2026-05-02."""
        return instant_of(at, self.policy.time_zone).date().isoformat()

    def minute(self, at: int) -> str:
        """A local instant to the minute."""
        return instant_of(at, self.policy.time_zone).strftime("%Y-%m-%d %H:%M")

    def status(self, status: str) -> str:
        """A status in words."""
        return self.language.translate(STATUS_NAMES[status])

    def action(self, action: str) -> str:
        """What a decision does, in a word or two."""
        return self.language.translate(ACTION_NAMES[action])

    def met(self, holds: bool) -> str:
        """Whether a comparison holds, for whoever cannot see its mark."""
        return self.language.translate("is met") if holds else self.language.translate("is not met")

    def rule_state(self, state: str) -> str:
        """What a decision did to a trigger."""
        return self.language.translate(RULE_STATES[state])

    def shown_values(self, explained: ExplainAnswer) -> list[tuple[str, str]]:
        """Each feature in words with its value in its unit."""
        return [
            (self.feature(one.name), format_value(self.policy, value, one.unit, one.choices) or "–")
            for one in self.policy.features
            if one.name in explained.values
            for value in [explained.values[one.name]]
        ]

    def group(self, name: str) -> str:
        """A group of a score in words."""
        return shipped_vocabulary().of("groups", name).in_(self.language.code)

    def relation(self, op: str) -> str:
        """How two values are compared, as people write it."""
        return {">=": "≥", "<=": "≤", "!=": "≠", "in": "∈"}.get(op, op)

    def value(self, text: str | None) -> str:
        """A value that an explanation has written in the form of the command line, in the form of this language."""
        if text is None:
            return "–"
        if days := _DAYS.fullmatch(text):
            return self.language.span(int(days["number"]))
        if text in ("yes", "no"):
            return self.language.translate("yes") if text == "yes" else self.language.translate("no")
        amount, _, currency = text.rpartition(" ")
        if currency == self.policy.currency and _AMOUNT.fullmatch(amount):
            return self.money(int(Decimal(amount.replace(",", "")).scaleb(self.policy.exponent)))
        return text

    def does(self, name: str) -> str:
        """What a set trigger does to a line; empty where it is no trigger of lines."""
        trigger = next((one for one in self.policy.triggers if one.name == name), None)
        if trigger is None:
            return ""
        translate = self.language.translate
        words = [translate("closes the line")] if trigger.close else []
        words += [translate("pauses draws")] if trigger.suspend else []
        if trigger.cap_bp < FULL_SHARE_BP:
            words.append(translate("at most {share} of what is granted", share=self.language.share(trigger.cap_bp)))
        return self.language.all_of(words) if words else ""

    def event(self, kind: str) -> str:
        """A kind of event in words."""
        return shipped_vocabulary().of("kinds", kind).in_(self.language.code)

    def rule(self, name: str) -> str:
        """What sets a trigger, as a clause of the policy's own words."""
        rule = next((one for one in self.policy.rules_with_reasons if one.name == name), None)
        return name if rule is None else trigger_words(self.policy, rule).in_(self.language.code)

    def feature(self, name: str) -> str:
        """What a feature measures; the name itself for a score."""
        if all(one.name != name for one in self.policy.features):
            return name
        return feature_words(self.policy, name).in_(self.language.code)

    def phrases(self, day: int) -> Phrasebook:
        """The forms in which a road back is written for whoever asks on that local day."""
        return Phrasebook(self.language, self.policy.currency, self.policy.exponent, day)

    def because(self, decision: Decision) -> tuple[str, ...]:
        """The titles of the reasons of a decision, the most important one first; codes where there are no words."""
        day = self.day_of(decision.at)
        try:
            given = reasons_of(self.engine.engine_of_version(decision.policy).policy, decision, day)
            rendered = [render_reason(one, self.phrases(day)) for one in given]
        except NoticeError:
            return tuple(dict.fromkeys(reason.code for reason in decision.reasons))
        return tuple(dict.fromkeys(one.title for one in rendered))


def page_writer(engine: Engine, lang: Lang) -> PageWriter:
    """How pages write in that language, under that engine's policy."""
    return PageWriter(language(lang), engine)
