"""A whole policy in words, section by section."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from linekeeper.notice.prose.expression import ExpressionRenderer
from linekeeper.notice.prose.links import describe_links
from linekeeper.notice.prose.numbers import amount_words, number_words
from linekeeper.notice.prose.offers import describe_offers
from linekeeper.notice.prose.vocabulary import Vocabulary, shipped_vocabulary
from linekeeper.policy import model as m
from linekeeper.policy.functions import FACTS
from linekeeper.scorecard.card import Bins, PointsTable, Score
from linekeeper.scorecard.trees import TreeEnsemble, reach_of
from linekeeper.texts.language import Lang, Language
from linekeeper.texts.language import language as language_of


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
    renderer = ExpressionRenderer(policy, language_of(lang), vocabulary or shipped_vocabulary())
    translate = renderer.language.translate
    parts = (
        (translate("Ground"), _basis(policy, renderer.language)),
        (translate("Dues"), _dues(policy, renderer.language)),
        (translate("Customers"), _customer(policy, renderer)),
        (translate("Links"), describe_links(policy.links, renderer.language) if policy.links else ()),
        (translate("Moratorium"), _moratorium(policy.moratorium, renderer.language) if policy.moratorium else ()),
        (translate("Measurements"), (_feature(feature, renderer) for feature in policy.features if feature.named)),
        (translate("Splits"), (_split(split, renderer.language) for split in policy.splits)),
        (translate("Score"), _score(policy.score, renderer) if policy.score else ()),
        (translate("Triggers"), (_trigger(trigger, renderer) for trigger in policy.triggers)),
        (translate("Restoration"), _restorations(policy, renderer)),
        (translate("First limit"), _assign(policy.assign, renderer) if policy.assign else ()),
        (translate("New draws"), (*_authorise(policy.authorise, renderer), *_draws(policy, renderer.language))),
        (translate("Offers"), describe_offers(policy, renderer)),
        (translate("Own limits"), _own_limit(policy.own_limit, renderer.language) if policy.own_limit else ()),
        (translate("Grants"), _grants(renderer.language) if policy.takes_grants else ()),
        (translate("Brake"), _brake(policy.brake, renderer.language) if policy.brake else ()),
        (translate("Promises"), _promises(policy, renderer.language)),
    )
    title = translate("Policy {name}, version {version}", name=policy.name, version=policy.version)
    sections = ((heading, tuple(lines)) for heading, lines in parts)
    return Description(title, tuple(Section(heading, lines) for heading, lines in sections if lines))


def _basis(policy: m.Policy, language: Language) -> Iterator[str]:
    translate = language.translate
    yield translate(
        "Amounts are in {currency}. Days begin at midnight in {zone}.", currency=policy.currency, zone=policy.time_zone
    )
    yield translate("A stretch of hours, days or months includes the current one.")
    if policy.protected:
        yield translate("Never used: {fields}.", fields=", ".join(policy.protected))


def _moratorium(relief: m.Moratorium, language: Language) -> Iterator[str]:
    yield language.translate("A moratorium lets days stand still: no due becomes more overdue in it.")
    if relief.waits:
        triggers = language.all_of([language.quote(name) for name in relief.waits])
        yield language.translate("These triggers wait in a moratorium: {triggers}.", triggers=triggers)


def _split(split: m.Split, language: Language) -> str:
    """The arms of a split and their shares."""
    translate = language.translate
    arms = [
        translate("{segment}: {number}", segment=language.quote(arm.name), number=language.share(arm.share_bp))
        for arm in split.arms
    ]
    return translate(
        "{name}: accounts are parted by chance, and each stays in its group: {listed}.",
        name=language.quote(split.name),
        listed=translate("; ").join(arms),
    )


# ------------------------------------------------------------------ dues: when one is past due


def _dues(policy: m.Policy, language: Language) -> Iterator[str]:
    """What the section `dues` changes; nothing where the policy has none."""
    dues, translate = policy.dues, language.translate
    if dues.grace_days:
        yield translate(
            "What is paid within {span} after its due date is paid on time. "
            "Later than that, the time past due counts from the due date.",
            span=language.span(dues.grace_days),
        )
    if dues.tolerance_minor:
        yield translate(
            "A bill of which no more than {amount} is missing counts as paid in full; what is missing stays owed.",
            amount=language.money(dues.tolerance_minor, policy.currency, policy.exponent),
        )
    if dues.prepaid_settles:
        yield translate("Money paid ahead settles the next bills.")
    if dues.business_days:
        yield from _business_days(dues.business_days, language)


def _business_days(days: m.BusinessDays, language: Language) -> Iterator[str]:
    """The days to which a due date moves, and those from which it does."""
    translate, public = language.translate, days.calendar
    yield translate("A due date that is no business day moves to the next business day.")
    if days.weekend:
        yield translate("The weekend: {days}.", days=language.all_of([language.weekday(day) for day in days.weekend]))
    if public:
        yield translate(
            "No business days either: the public holidays of {country}, {first} to {last}; the working days of "
            "weekends that go with them are business days. The policy holds the list of these days.",
            country=language.country(public.name),
            first=public.first_year,
            last=public.last_year,
        )
    listed = (set(public.holidays), set(public.workdays)) if public else (set[int](), set[int]())
    own_off, own_working = (
        language.all_of([language.day(day) for day in sorted(set(own) - public_days)])
        for own, public_days in zip((days.off, days.working), listed, strict=True)
    )
    if own_off:
        yield translate("The lender's own days without business: {days}.", days=own_off)
    if own_working:
        yield translate("The lender's own business days: {days}.", days=own_working)


def _customer(policy: m.Policy, renderer: ExpressionRenderer) -> Iterator[str]:
    """What accounts make known to the others of their customer; nothing where the policy has no customers."""
    if policy.customer is None:
        return
    translate, quote = renderer.language.translate, renderer.language.quote
    facts = {name: translate(FACTS[fact].words) for name, fact in policy.customer.publish}
    listed = translate("; ").join(
        translate("{name}: {what}", name=quote(name), what=words) for name, words in facts.items()
    )
    yield translate(
        "At the start of each day the accounts of one customer know of each other: {listed}.", listed=listed
    )


def _feature(feature: m.Feature, renderer: ExpressionRenderer) -> str:
    translate = renderer.language.translate
    line = translate("{name}: {what}.", name=renderer.language.quote(feature.name), what=renderer.noun(feature.expr))
    worse = {
        "higher": translate("More of it means more risk."),
        "lower": translate("Less of it means more risk."),
        None: "",
    }
    return renderer.language.sentences(line, worse[feature.worse])


# ------------------------------------------------------------------ the scorecard: where points come from


def _score(score: Score, renderer: ExpressionRenderer) -> Iterator[str]:
    """One line for the base, one for each part, one for the table of chances."""
    translate = renderer.language.translate
    yield translate("The score begins at {points}; the points below are added.", points=_points(score.base, renderer))
    for part in score.bins:
        yield _part(part, renderer)
    for table in score.tables:
        yield from _table(table, renderer)
    for trees in score.trees:
        yield _trees(trees, renderer)
    if score.pd_below:
        yield _chances(score, renderer)


def _part(part: Bins, renderer: ExpressionRenderer) -> str:
    translate = renderer.language.translate
    group = renderer.vocabulary.of("groups", part.group).in_(renderer.language.code)
    bands_and_points = list(zip(_bands_of(part, renderer), part.by_choice or part.points, strict=True))
    if renderer.policy.feature(part.feature).maybe_missing:
        bands_and_points.append((translate("not known"), part.missing))
    what, bands = renderer.feature_noun(part.feature), _listed(bands_and_points, renderer)
    return translate("{what} ({group}): {bands}.", what=what, group=group, bands=bands)


def _bands_of(part: Bins, renderer: ExpressionRenderer) -> list[str]:
    if part.by_choice:
        return [renderer.constant(index, part.feature) for index in range(len(part.by_choice))]
    return _bands([renderer.constant(cut, part.feature) for cut in part.below], renderer)


def _bands(cuts: list[str], renderer: ExpressionRenderer) -> list[str]:
    """The bands between cuts in words: below the first, from each to the next, from the last on."""
    translate = renderer.language.translate
    if not cuts:
        return [translate("any value")]
    between = [translate("from {low} to below {high}", low=low, high=high) for low, high in pairwise(cuts)]
    return [translate("below {high}", high=cuts[0]), *between, translate("{low} or more", low=cuts[-1])]


def _table(table: PointsTable, renderer: ExpressionRenderer) -> Iterator[str]:
    """A line for each row: both features' bands, the last of each being "not known"."""
    translate, unknown = renderer.language.translate, renderer.language.translate("not known")
    rows = [*_bands([renderer.constant(cut, table.row) for cut in table.row_below], renderer), unknown]
    columns = [*_bands([renderer.constant(cut, table.column) for cut in table.column_below], renderer), unknown]
    group = renderer.vocabulary.of("groups", table.group).in_(renderer.language.code)
    row_noun, column_noun = renderer.feature_noun(table.row), renderer.feature_noun(table.column)
    for row, points in zip(rows, table.points, strict=True):
        bands = _listed(zip(columns, points, strict=True), renderer)
        given = {"row": row_noun, "band": row, "column": column_noun, "group": group, "bands": bands}
        yield translate("{row} {band}, by {column} ({group}): {bands}.", **given)


def _trees(trees: TreeEnsemble, renderer: ExpressionRenderer) -> str:
    """How many trees there are, what they read, and how far their points reach; the file of the card has the rest."""
    translate = renderer.language.translate
    low, high = reach_of(trees)
    return translate(
        "{trees} of the card ({group}) read {features} together. They give {low} at the least and {high} at the most.",
        trees=renderer.language.translate_count("{number} tree", "{number} trees", len(trees.roots)),
        group=renderer.vocabulary.of("groups", trees.group).in_(renderer.language.code),
        features=renderer.language.all_of([renderer.feature_noun(name) for name in trees.features]),
        low=_points(low, renderer),
        high=_points(high, renderer),
    )


def _chances(score: Score, renderer: ExpressionRenderer) -> str:
    cuts = [_points(cut, renderer) for cut in score.pd_below]
    pairs = zip(_bands(cuts, renderer), score.pd_ppm, strict=True)
    translate, chance = renderer.language.translate, renderer.language.chance
    listed = translate("; ").join(translate("{band}: {points}", band=band, points=chance(ppm)) for band, ppm in pairs)
    return translate("The estimated chance of not repaying, by score: {bands}.", bands=listed)


def _listed(bands_and_points: Iterable[tuple[str, int]], renderer: ExpressionRenderer) -> str:
    translate = renderer.language.translate
    cells = (
        translate("{band}: {points}", band=band, points=_points(value, renderer)) for band, value in bands_and_points
    )
    return translate("; ").join(cells)


def _points(value: int, renderer: ExpressionRenderer) -> str:
    return renderer.language.translate_count("{number} point", "{number} points", value)


# ------------------------------------------------------------------ triggers and the line


def _trigger(trigger: m.Trigger, renderer: ExpressionRenderer) -> str:
    translate = renderer.language.translate
    effect = translate(" and ").join(_effects(trigger, renderer))
    name = renderer.language.quote(trigger.name)
    sets = translate(
        "{name}: when {condition}, {effect}.", name=name, condition=renderer.clause(trigger.when), effect=effect
    )
    reason = translate("Reason code: {code}.", code=trigger.reason)
    waits = _effective(trigger, renderer)
    return renderer.language.sentences(sets, waits, _release(trigger, renderer), _expiry(trigger, renderer), reason)


def _effective(trigger: m.Trigger, renderer: ExpressionRenderer) -> str:
    """From when on it restricts, where that is later than it is set."""
    if not trigger.announced:
        return ""
    span = number_words(trigger, "effective_days", renderer.language.span, renderer)
    return renderer.language.translate(
        "The borrower is told at once; it is in effect {span} later, unless it has ended before.", span=span
    )


def _effects(trigger: m.Trigger, renderer: ExpressionRenderer) -> Iterator[str]:
    language = renderer.language
    if trigger.close:
        yield language.translate("the line is closed")
    if trigger.suspend:
        yield language.translate("new draws are stopped")
    if trigger.cap_bp < 10_000:
        yield language.translate(
            "the limit is at most {share} of the granted line",
            share=number_words(trigger, "cap_bp", language.share, renderer),
        )
    if trigger.limit is not None:
        yield _limit_amount(trigger.limit, renderer)
    if trigger.treatments is not None:
        yield from _treatments(trigger.treatments, language)
    if not trigger.restricts and trigger.treatments is None:
        yield language.translate("nothing changes")


def _treatments(given: m.Treatments, language: Language) -> Iterator[str]:
    """What is done beside restricting."""
    translate = language.translate
    if given.watch:
        yield translate("this is noted as {code}, and told to nobody", code=language.quote(given.watch))
    if given.price:
        yield translate("the price is that of {code}", code=language.quote(given.price))
    if (contact := given.contact) is None:
        return
    words = translate("the borrower is contacted ({code})", code=language.quote(contact.code))
    if contact.count:
        words = translate(
            "{contacted} at most {times} in {span}",
            contacted=words,
            times=language.translate_count("{number} time", "{number} times", contact.count),
            span=language.span(contact.days),
        )
    if contact.quiet:
        hours = [f"{hour:02}:00" for hour in contact.quiet]
        words = translate(
            "{contacted}, not between {begins} and {ends}", contacted=words, begins=hours[0], ends=hours[1]
        )
    yield words


def _limit_amount(limit: m.LimitAmount, renderer: ExpressionRenderer) -> str:
    """The amount that is left, and when it is taken."""
    translate, amount = renderer.language.translate, amount_words(limit, renderer)
    if limit.follows:
        return translate("the limit is at most {amount}, as it is then", amount=amount)
    return translate("the limit is at most {amount}, as it was at the start", amount=amount)


def _release(trigger: m.Trigger, renderer: ExpressionRenderer) -> str:
    translate = renderer.language.translate
    if trigger.terminal:
        return translate("There is no way back from it but a person's ruling.")
    ends = translate("that is no longer so")
    if trigger.clear is not None:
        ends = translate("that is no longer so and also {condition}", condition=renderer.grouped(trigger.clear))
    if trigger.hold_days:
        span = number_words(trigger, "hold_days", renderer.language.span, renderer)
        return translate(
            "It ends when {condition}, at the earliest {span} after it was last so.", condition=ends, span=span
        )
    return translate("It ends when {condition}.", condition=ends)


def _expiry(trigger: m.Trigger, renderer: ExpressionRenderer) -> str:
    language = renderer.language
    if trigger.expires_days is None:
        return ""
    span = number_words(trigger, "expires_days", language.span, renderer)
    return language.translate("It ends {span} after it began, whatever else.", span=span)


def _restorations(policy: m.Policy, renderer: ExpressionRenderer) -> Iterator[str]:
    """The one schedule, or each of several with the triggers that name it."""
    if not policy.further_restorations:
        for restoration in policy.restorations:
            yield from _restoration(restoration, renderer)
        return
    translate = renderer.language.translate
    yield translate("There are several schedules. The limit is the lowest of what each of them leaves.")
    for place, restoration in enumerate(policy.restorations):
        named = [one.name for one in policy.triggers if one.restore == place and one.caps_limit]
        yield _schedule(restoration, named, renderer)
    yield translate("It does not rise while new draws are stopped.")


def _schedule(restoration: m.Restoration, triggers: list[str], renderer: ExpressionRenderer) -> str:
    language = renderer.language
    name = language.quote(restoration.name)
    if not triggers:
        return language.translate("{name}: no trigger that lowers the limit names it.", name=name)
    names = language.all_of([language.quote(one) for one in triggers])
    if restoration.first_bp == 10_000:
        rises = language.translate(
            "{name}, for {triggers}: when such a restriction ends, what it took away comes back at once.",
            name=name,
            triggers=names,
        )
    else:
        rises = language.translate(
            "{name}, for {triggers}: when such a restriction ends, the limit rises at once to {first} of the granted "
            "line, then by {step} of it every {span}.",
            name=name,
            triggers=names,
            first=number_words(restoration, "first_bp", language.share, renderer),
            step=number_words(restoration, "step_bp", language.share, renderer),
            span=number_words(restoration, "every_days", language.span, renderer),
        )
    if restoration.condition is None:
        return rises
    only = language.translate("It rises only while {condition}.", condition=renderer.clause(restoration.condition))
    return language.sentences(rises, only)


def _restoration(restoration: m.Restoration, renderer: ExpressionRenderer) -> Iterator[str]:
    language = renderer.language
    yield language.translate(
        "Once no trigger holds the limit down, it rises at once to {first} of the granted line, "
        "then by {step} of it every {span}, up to what the triggers allow.",
        first=number_words(restoration, "first_bp", language.share, renderer),
        step=number_words(restoration, "step_bp", language.share, renderer),
        span=number_words(restoration, "every_days", language.span, renderer),
    )
    yield language.translate("It does not rise while new draws are stopped.")
    if restoration.condition is not None:
        yield language.translate("It rises only while {condition}.", condition=renderer.clause(restoration.condition))


# ------------------------------------------------------------------ draws, offers, brake, promises


def _authorise(rules: tuple[m.AuthoriseRule, ...], renderer: ExpressionRenderer) -> Iterator[str]:
    translate = renderer.language.translate
    yield translate(
        "A draw is refused where the line is suspended or closed, or where it is larger than what is still available."
    )
    for rule in rules:
        name = renderer.language.quote(rule.name)
        refused = translate(
            "{name}: a draw is refused when {condition}.", name=name, condition=renderer.clause(rule.deny)
        )
        yield renderer.language.sentences(refused, translate("Reason code: {code}.", code=rule.reason))


def _draws(policy: m.Policy, language: Language) -> Iterator[str]:
    """What becomes of a draw that has happened, of more than was available; nothing where it counts like any other."""
    if policy.over_limit == "flag":
        yield language.translate("A draw that has happened all the same counts like any other, and is flagged.")
    elif policy.over_limit == "reject":
        yield language.translate("A draw that is sent all the same is rejected, and changes nothing.")


def _assign(assign: m.Assign, renderer: ExpressionRenderer) -> Iterator[str]:
    translate = renderer.language.translate
    yield translate(
        "A line that is opened gets {amount}, and no more than was asked for.",
        amount=amount_words(assign.limit, renderer),
    )
    for rule in assign.refuse:
        name = renderer.language.quote(rule.name)
        refused = translate("{name}: it is refused when {condition}.", name=name, condition=renderer.clause(rule.when))
        yield renderer.language.sentences(refused, translate("Reason code: {code}.", code=rule.reason))


def _own_limit(own_limit: m.OwnLimit, language: Language) -> Iterator[str]:
    yield language.translate(
        "A borrower may lower, freeze or close the line by a wish of their own: at once, and without any disadvantage."
    )
    yield language.translate(
        "A wish that loosens an earlier one, or lifts it, waits for {span}.", span=language.span(own_limit.cooling_days)
    )


def _grants(language: Language) -> Iterator[str]:
    yield language.translate(
        "The lender may grant another amount. A line that is not restricted follows at once; a lower one is adverse."
    )


def _brake(brake: m.Brake, language: Language) -> Iterator[str]:
    yield language.translate(
        "Where automatic restrictions on one day would hit more than {lines} of the lines or {exposure} of the money "
        "granted, the rest wait for a person.",
        lines=language.share(brake.lines_bp),
        exposure=language.share(brake.exposure_bp),
    )


def _promises(policy: m.Policy, language: Language) -> Iterator[str]:
    yield language.translate(
        "A road back that was shown is kept for {span} under the version that showed it.",
        span=language.span(policy.honour_days),
    )
