"""A whole policy in words, section by section."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from linekeeper.notice.prose.expression import Teller
from linekeeper.notice.prose.scorecard import tell_score
from linekeeper.notice.prose.vocabulary import Vocabulary, shipped_vocabulary
from linekeeper.policy import model as m
from linekeeper.texts.language import Lang, Language, language


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a policy: a title and its sentences."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Description:
    """A policy in words. `str()` gives it as plain text."""

    title: str
    sections: tuple[Section, ...]

    def __str__(self) -> str:
        blocks = [self.title]
        for section in self.sections:
            blocks.append("\n".join([section.title, *(f"- {line}" for line in section.lines)]))
        return "\n\n".join(blocks)


def describe(policy: m.Policy, lang: Lang, vocabulary: Vocabulary | None = None) -> Description:
    """The policy in that language; empty parts are left out. The example stands in `linekeeper.notice.prose`."""
    teller = Teller(policy, language(lang), vocabulary or shipped_vocabulary())
    translate = teller.language.translate
    parts = (
        (translate("Ground"), _ground(policy, teller.language)),
        (translate("Measurements"), (_feature(feature, teller) for feature in policy.features if feature.named)),
        (translate("Score"), tell_score(policy.score, teller) if policy.score else ()),
        (translate("Triggers"), (_trigger(trigger, teller) for trigger in policy.triggers)),
        (translate("Restoration"), _restoration(policy.restoration, teller) if policy.restoration else ()),
        (translate("New draws"), _authorise(policy.authorise, teller)),
        (translate("Offers"), _offer(policy.offer, teller) if policy.offer else ()),
        (translate("Brake"), _brake(policy.brake, teller.language) if policy.brake else ()),
        (translate("Promises"), _promises(policy, teller.language)),
    )
    title = translate("Policy {name}, version {version}", name=policy.name, version=policy.version)
    sections = ((heading, tuple(lines)) for heading, lines in parts)
    return Description(title, tuple(Section(heading, lines) for heading, lines in sections if lines))


def _ground(policy: m.Policy, spoken: Language) -> Iterator[str]:
    translate = spoken.translate
    yield translate(
        "Amounts are in {currency}. Days begin at midnight in {zone}.", currency=policy.currency, zone=policy.time_zone
    )
    yield translate("A stretch of hours, days or months includes the current one.")
    if policy.protected:
        yield translate("Never used: {fields}.", fields=", ".join(policy.protected))


def _feature(feature: m.Feature, teller: Teller) -> str:
    translate = teller.language.translate
    line = translate("{name}: {what}.", name=teller.language.quote(feature.name), what=teller.noun(feature.expr))
    worse = {
        "higher": translate("More of it means more risk."),
        "lower": translate("Less of it means more risk."),
        None: "",
    }
    return teller.language.sentences(line, worse[feature.worse])


# ------------------------------------------------------------------ triggers and the line


def _trigger(trigger: m.Trigger, teller: Teller) -> str:
    translate = teller.language.translate
    effect = translate(" and ").join(_effects(trigger, teller.language))
    name = teller.language.quote(trigger.name)
    sets = translate(
        "{name}: when {condition}, {effect}.", name=name, condition=teller.clause(trigger.when), effect=effect
    )
    reason = translate("Reason code: {code}.", code=trigger.reason)
    return teller.language.sentences(sets, _release(trigger, teller), _expiry(trigger, teller.language), reason)


def _effects(trigger: m.Trigger, spoken: Language) -> Iterator[str]:
    if trigger.close:
        yield spoken.translate("the line is closed")
    if trigger.suspend:
        yield spoken.translate("new draws are stopped")
    if trigger.cap_bp < 10_000:
        yield spoken.translate("the limit is at most {share} of the granted line", share=spoken.share(trigger.cap_bp))
    if not trigger.close and not trigger.suspend and trigger.cap_bp == 10_000:
        yield spoken.translate("nothing changes")


def _release(trigger: m.Trigger, teller: Teller) -> str:
    translate = teller.language.translate
    if trigger.terminal:
        return translate("There is no way back from it but a person's ruling.")
    ends = translate("that is no longer so")
    if trigger.clear is not None:
        ends = translate("that is no longer so and also {condition}", condition=teller.grouped(trigger.clear))
    if trigger.hold_days:
        span = teller.language.span(trigger.hold_days)
        return translate(
            "It ends when {condition}, at the earliest {span} after it was last so.", condition=ends, span=span
        )
    return translate("It ends when {condition}.", condition=ends)


def _expiry(trigger: m.Trigger, spoken: Language) -> str:
    if trigger.expires_days is None:
        return ""
    return spoken.translate("It ends {span} after it began, whatever else.", span=spoken.span(trigger.expires_days))


def _restoration(restoration: m.Restoration, teller: Teller) -> Iterator[str]:
    spoken = teller.language
    yield spoken.translate(
        "Once no trigger holds the limit down, it rises at once to {first} of the granted line, "
        "then by {step} of it every {span}, up to what the triggers allow.",
        first=spoken.share(restoration.first_bp),
        step=spoken.share(restoration.step_bp),
        span=spoken.span(restoration.every_days),
    )
    yield spoken.translate("It does not rise while new draws are stopped.")
    if restoration.condition is not None:
        yield spoken.translate("It rises only while {condition}.", condition=teller.clause(restoration.condition))


# ------------------------------------------------------------------ draws, offers, brake, promises


def _authorise(rules: tuple[m.AuthoriseRule, ...], teller: Teller) -> Iterator[str]:
    translate = teller.language.translate
    yield translate(
        "A draw is refused where the line is suspended or closed, or where it is larger than what is still available."
    )
    for rule in rules:
        name = teller.language.quote(rule.name)
        refused = translate(
            "{name}: a draw is refused when {condition}.", name=name, condition=teller.clause(rule.deny)
        )
        yield teller.language.sentences(refused, translate("Reason code: {code}.", code=rule.reason))


def _offer(offer: m.Offer, teller: Teller) -> Iterator[str]:
    spoken = teller.language
    yield spoken.translate(
        "When {condition}, a granted line larger by {share} is offered, never above {top}.",
        condition=teller.clause(offer.when),
        share=spoken.share(offer.increase_bp),
        top=spoken.money(offer.up_to_minor, teller.policy.currency, teller.policy.exponent),
    )
    yield spoken.translate(
        "At most one offer every {every}; it stays open for {valid}. Nothing changes unless the borrower accepts.",
        every=spoken.span(offer.every_days),
        valid=spoken.span(offer.valid_days),
    )


def _brake(brake: m.Brake, spoken: Language) -> Iterator[str]:
    yield spoken.translate(
        "Where automatic restrictions on one day would hit more than {lines} of the lines or {exposure} of the money "
        "granted, the rest wait for a person.",
        lines=spoken.share(brake.lines_bp),
        exposure=spoken.share(brake.exposure_bp),
    )


def _promises(policy: m.Policy, spoken: Language) -> Iterator[str]:
    yield spoken.translate(
        "A road back that was told is kept for {span} under the version that told it.",
        span=spoken.span(policy.honour_days),
    )
