"""Writes whole policies, with every construct of the language: the YAML text, and beside it the tree of what it means.

All chance comes from the `Random` that is handed in, so one seed is one policy. Thresholds are drawn from a
small ladder of amounts and counts, which the streams of `streams.py` then climb up and down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import NamedTuple

from tests.oracle import tree as t
from tests.oracle.dues_section import write_dues
from tests.oracle.phrases import NUMERIC, ORDER, FieldOf, Phrases, Said, and_then, compare, fact, number

ZONES = (
    "Asia/Shanghai",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "UTC",
)
CURRENCIES = (("CNY", 2), ("TWD", 2), ("JPY", 0), ("KWD", 3))
FIELD_TYPES = ("money", "signed money", "count", "days", "share", "flag", "list")
FIELD_NAMES = ("amount", "owed", "score", "loans", "term", "rate", "frozen", "category")
OWN_KINDS = ("income", "purchase", "enquiry", "bureau", "cash_advance")
GROWN_KINDS = ("device", "contact", "location", "gift")  # that a later version adds
GROWN_NAMES = ("worth", "ways", "spans", "reach", "grade")
FIELDS_MAX = 8
WORDS = ("food", "travel", "gambling", "rent", "other")
QUESTION = ', "?"'  # ends a list of words that may be absent
BUILT_IN = (
    FieldOf("draw", "amount", "money"),
    FieldOf("repay", "amount", "money"),
    FieldOf("charge", "amount", "money"),
    FieldOf("due", "amount", "money"),
    FieldOf("balance", "amount", "money", signed=True),
    FieldOf("delinquency", "days", "days"),
    FieldOf("override", "cap", "share"),
)
BARE_KINDS = ("draw", "repay", "charge", "due", "balance", "delinquency", "hardship", "dispute", "consent")


CAPS = {"0%": 0, "25%": 2_500, "33.33%": 3_333, "50%": 5_000, "80%": 8_000, "100%": 10_000}
SHARES = {"0.01%": 1, "5%": 500, "10%": 1_000, "20%": 2_000, "40%": 4_000, **CAPS}
STEPS = {  # rising thresholds of the bins
    "count": (("1", 1), ("2", 2), ("4", 4)),
    "days": (("1d", 1), ("30", 30), ("60", 60)),
    "share": (("10%", 1_000), ("30%", 3_000), ("80%", 8_000)),
}


class Written(NamedTuple):
    """The text of a policy file, and what it means; the file of its card, where it names one."""

    text: str
    policy: t.Policy
    card: bytes | None = None


def days_of(text: str) -> int:
    """The days that a duration or a bare number means."""
    return 365 * int(text[:-1]) if text[-1] == "y" else int(text.removesuffix("d"))


def written_field(field: t.Field) -> str:
    """A field as a policy file has it.

    >>> written_field(t.Field("owed", "money", (), True, signed=True))
    'owed: "signed money?"'
    """
    if field.choices:
        return f"{field.name}: [{', '.join(field.choices)}{QUESTION if field.optional else ''}]"
    return f'{field.name}: "{"signed " * field.signed}{field.unit}{"?" * field.optional}"'


class Writer(Phrases):
    """One policy in the making, section by section; each gives its lines of text and keeps what they mean."""

    own_kinds: list[t.Kind]
    trigger_trees: list[t.Trigger]
    score_tree: t.Score | None
    recovery_tree: t.Restoration
    rules: list[t.AuthoriseRule]
    offer_tree: t.Offer | None
    offers_wanted: bool = False  # with names

    def events(self) -> Iterator[str]:
        """The policy's own kinds, with fields of every type."""
        self.fields = list(BUILT_IN)
        self.kinds = list(BARE_KINDS)
        self.own_kinds = []
        for kind in self.rng.sample(OWN_KINDS, self.rng.randint(1, len(OWN_KINDS))):
            self.kinds.append(kind)
            names = self.rng.sample(FIELD_NAMES, self.rng.randint(0, 4))
            made = [self.field_type(kind, name) for name in names]
            parts = [f"{field.name}: {text}" for text, field in made]
            fields = [field for _, field in made]
            if self.chance(0.2):
                parts.append("age: count?")
                fields.append(t.Field("age", "count", optional=True))
            self.own_kinds.append(t.Kind(kind, tuple(fields)))
            yield f"  {kind}: {{{', '.join(parts)}}}"
        if self.chance(0.4):
            codes = ("illness", "job_loss")
            self.fields.append(FieldOf("hardship", "code", "category", codes))
            self.own_kinds.append(t.Kind("hardship", (t.Field("code", "category", codes),)))
            yield "  hardship: {code: [illness, job_loss]}"

    def grown_events(self) -> Iterator[str]:
        """The kinds of the version before, with further fields and kinds: of all that is new a policy may make use."""
        for place, kind in enumerate(self.own_kinds):
            taken = {field.name for field in kind.fields}
            names = [name for name in GROWN_NAMES if name not in taken]
            if (
                kind.name not in ("hardship", "moratorium", "decline")
                and len(kind.fields) < FIELDS_MAX - 1
                and self.chance(0.6)
            ):
                fields = [self.field_type(kind.name, self.rng.choice(names), optional=True)[1]]
                self.own_kinds[place] = t.Kind(kind.name, (*kind.fields, *fields))
        known = {kind.name for kind in self.own_kinds}
        for name in self.rng.sample(GROWN_KINDS, 2):
            if name not in known:
                self.kinds.append(name)
                fields = [self.field_type(name, one)[1] for one in self.rng.sample(GROWN_NAMES, self.rng.randint(0, 2))]
                self.own_kinds.append(t.Kind(name, tuple(fields)))
        for kind in self.own_kinds:
            fields = "" if kind.name in ("moratorium", "decline") else ", ".join(map(written_field, kind.fields))
            yield f"  {kind.name}: {{{fields}}}"

    def field_type(self, kind: str, name: str, optional: bool = False) -> tuple[str, t.Field]:
        word = self.rng.choice(FIELD_TYPES)
        optional = optional or self.chance(0.35)
        if word == "list":
            choices = tuple(self.rng.sample(WORDS, self.rng.randint(1, len(WORDS))))
            self.fields.append(FieldOf(kind, name, "category", choices))
            text = f"[{', '.join(choices)}{QUESTION if optional else ''}]"
            return text, t.Field(name, "category", choices, optional)
        unit = word.removeprefix("signed ")
        self.fields.append(FieldOf(kind, name, unit, signed=word != unit))
        return f'"{word}?"' if optional else word, t.Field(name, unit, (), optional, signed=word != unit)

    def features(self) -> Iterator[str]:
        """Named features, each from those before it; the file gives them in any order."""
        written = []
        for place in range(self.rng.randint(3, 14)):
            unit = self.rng.choice((*NUMERIC, *NUMERIC, "count", "money", "flag", "category"))
            choices: tuple[str, ...] = ()
            if unit == "category":
                lists = [item for item in self.fields if item.unit == "category"]
                if not lists:
                    continue
                item = self.rng.choice(lists)
                chosen, choices = self.select(f"{item.kind}.{item.name}"), item.choices
                said = Said(f"last({chosen.text})", t.Last(chosen.select, item.name))
            elif unit == "flag":
                said = self.condition()
            elif self.chance(0.6) and unit != "share":
                text, _, measure = self.measure(unit)
                said = Said(text, measure)
            else:
                said = self.derived(unit)
            written.append(self.feature(f"{unit}_{place}", unit, said, choices))
        self.rng.shuffle(written)
        yield from written

    def feature(self, name: str, unit: str, said: Said, choices: tuple[str, ...]) -> str:
        missing, worse = t.may_be_missing(said.tree, self.named), None
        if unit in NUMERIC and self.chance(0.15):
            worse = self.rng.choice(("higher", "lower"))
            name = f"{name}_{worse}"
        self.named[name] = t.Feature(name, said.tree, unit, missing, choices, worse)
        return f"  {name}: {{value: '{said.text}', worse: {worse}}}" if worse else f"  {name}: '{said.text}'"

    def score(self) -> Iterator[str]:
        """A scorecard over some of the features."""
        rng = self.rng
        names = rng.sample(sorted(self.named), min(len(self.named), rng.randint(2, 6)))
        names = sorted({*names, *rng.sample(("utilisation", "days_past_due", "on_time_streak"), rng.randint(0, 2))})
        base, written = rng.choice((0, 480, 600)), [self.bins(name) for name in names]
        points = [points for _, points, _ in written]
        reach = sorted({base + rng.choice(some) + rng.choice(more) for some in points for more in points})
        self.scored = tuple(edge + step for edge in reach for step in (0, 1))
        cut = rng.randint(0, len(written))
        yield f"  base: {base}"
        kept = []
        for group, part in (("ability", written[:cut]), ("willingness", written[cut:])):
            if part:
                yield f"  {group}:"
                yield from (f"    {bins.feature}: {{{text}}}" for text, _, bins in part)
            kept += [replace(bins, group=group) for _, _, bins in part]
        low, high = sorted(rng.sample(sorted({base - 30, *self.scored}), 2))
        self.score_tree = t.Score(base, tuple(kept), (), (low, high), (180_000, 60_000, 12_000))
        yield f"  pd: {{below {low}: 18%, below {high}: 6%, otherwise: 1.2%}}"

    def bins(self, name: str) -> tuple[str, list[int], t.Bins]:
        """The bins of one feature: the text, the points they can give, and the tree (in no group yet)."""
        rng = self.rng
        feature = self.named.get(name)
        unit, choices = (feature.unit, feature.choices) if feature else (t.FACTS[name], ())
        points = [rng.randrange(-60, 80, 5) for _ in range(4)]
        missing = rng.choice((0, -10, 15))
        if unit in ("category", "flag"):
            word = rng.sample(choices or ("true", "false"), 1)[0]
            keys = [f"'is \"{word}\"'" if choices else f"is {word}"]
            by_choice = tuple(points[one != word] for one in choices or ("false", "true"))
            tree = t.Bins(name, "", (), (), missing, by_choice)
        else:
            edges = self.rising(unit)
            keys = [f"below {text}" for text, _ in edges]
            if name.endswith(("_higher", "_lower")):
                points.sort(reverse=name.endswith("_higher"))
            tree = t.Bins(name, "", tuple(edge for _, edge in edges), tuple(points[: len(keys) + 1]), missing)
        parts = [f"{key}: {value}" for key, value in zip(keys, points, strict=False)]
        parts.extend([f"otherwise: {points[len(keys)]}", f"missing: {missing}"])
        return ", ".join(parts), [*points[: len(keys) + 1], missing], tree

    def rising(self, unit: str) -> list[tuple[str, int]]:
        """One to three thresholds, each above the one before: as written, and as kept."""
        if unit == "money":
            amounts = sorted(self.rng.sample(self.ladder, self.rng.randint(1, 3)))
            return [(self.money(minor).text, minor) for minor in amounts]
        return list(STEPS[unit][: self.rng.randint(1, 3)])

    def triggers(self, least: int = 1) -> Iterator[str]:
        """Up to eight triggers; the first looks at lateness more often than not."""
        self.trigger_trees = []
        late_30, late_1 = (compare(fact("days_past_due"), ">=", number(days, "days")) for days in (30, 1))
        for place in range(self.rng.randint(least, 8)):
            overdue = compare(fact("past_due"), ">", self.constant("money"))
            late = self.rng.choice((late_30, late_1, overdue))
            when = late if self.chance(0.6 if place == 0 else 0.1) else self.trigger_test()
            trigger = t.Trigger(f"trigger_{place}", when.tree, "")
            parts, trigger = self.effects([f"when: '{when.text}'"], trigger)
            trigger = replace(trigger, reason=self.rng.choice(("arrears", "burden", "rapid")))
            parts.append(f"reason: {trigger.reason}")
            if self.chance(0.4):
                clear = self.rng.choice((self.settled(), self.trigger_test()))
                trigger = replace(trigger, clear=clear.tree)
                parts.append(f"clear: '{clear.text}'")
            if self.chance(0.5):
                hold = self.rng.choice(("0", "1d", "2d", "7d", "30d", "90"))
                trigger = replace(trigger, hold_days=days_of(hold))
                parts.append(f"hold: {hold}")
            if self.chance(0.25):
                expires = self.rng.choice(("1d", "2d", "30d", "60", "1y"))
                trigger = replace(trigger, expires_days=days_of(expires))
                parts.append(f"expires: {expires}")
            if self.chance(0.07):
                trigger = replace(trigger, terminal=True)
                parts.append("terminal: yes")
            self.rng.shuffle(parts)
            self.trigger_trees.append(trigger)
            yield f"  {trigger.name}: {{{', '.join(parts)}}}"

    def settled(self) -> Said:
        """Nothing is past due, and one due was paid on time."""
        nothing = Said(f"0 {self.currency}", t.Literal(0, "money"))
        on_time = compare(fact("on_time_streak"), ">=", number(1, "count"))
        return and_then(compare(fact("past_due"), "=", nothing), on_time)

    def trigger_test(self) -> Said:
        return self.condition(units=(*NUMERIC, "points", "points", "pd") if self.scored else NUMERIC)

    def effects(self, parts: list[str], trigger: t.Trigger) -> tuple[list[str], t.Trigger]:
        """At least one of cap, suspend, close; closing is rare."""
        if capped := self.chance(0.7):
            cap = self.rng.choice(tuple(CAPS))
            parts.append(f"cap: {cap}")
            trigger = replace(trigger, cap_bp=CAPS[cap])
        if not capped or self.chance(0.2):
            parts.append("suspend: yes")
            trigger = replace(trigger, suspend=True)
        if self.chance(0.12):
            parts.append("close: yes")
            trigger = replace(trigger, close=True)
        return parts, trigger

    def restoration(self) -> str:
        rng = self.rng
        first, step = rng.choice(("0%", "10%", "40%", "100%")), rng.choice(("0.01%", "10%", "20%", "33.33%", "100%"))
        condition = rng.choice((self.current(), self.condition()))
        conditional = self.chance(0.5)
        every = rng.choice(("1d", "2d", "7d", "30d"))
        tree = condition.tree if conditional else None
        self.recovery_tree = t.Restoration(SHARES[first], SHARES[step], days_of(every), tree)
        last = f", while: '{condition.text}'" if conditional else ""
        return f"restoration: {{first: {first}, step: {step}, every: {every}{last}}}"

    def current(self) -> Said:
        """Nothing is past due."""
        return compare(fact("days_past_due"), "=", number(0, "days"))

    def authorise(self) -> Iterator[str]:
        self.rules = []
        for place in range(self.rng.randint(1, 3)):
            asked = compare(Said("amount", t.FieldRef("amount")), self.rng.choice(ORDER), self.constant("money"))
            if self.chance(0.6):
                deny = and_then(asked, self.trigger_test())
            else:
                test = self.trigger_test()
                deny = Said(f"{asked.text} or ({test.text})", t.Or((asked.tree, test.tree)))
            self.rules.append(t.AuthoriseRule(f"rule_{place}", deny.tree, "rapid"))
            yield f"  rule_{place}: {{deny: '{deny.text}', reason: rapid}}"

    def offer(self) -> str:
        rng = self.rng
        tenured = compare(fact("months_on_book"), ">=", number(1, "count"))
        when = rng.choice((self.current(), tenured, self.trigger_test()))
        increase, every = rng.choice(("5%", "20%", "100%", "0.01%")), rng.choice(("1d", "7d", "30d", "90d", "90d"))
        most = self.ladder[-1] * rng.choice((5, 20, 1000))
        valid = rng.choice(("0d", "1d", "7d", "30d", "30d", "60d"))
        self.offer_tree = t.Offer(when.tree, SHARES[increase], most, days_of(every), days_of(valid))
        up_to = self.money(most).text
        return f"offer: {{when: '{when.text}', increase: {increase}, up_to: {up_to}, every: {every}, valid: {valid}}}"

    # -------------------------------------------------------------- the whole

    def head(self) -> Iterator[str]:
        """What all versions of a policy share, but for the number of the version."""
        rng = self.rng
        self.currency, self.digits = rng.choice(CURRENCIES)
        name, version, zone = f"generated-{rng.randrange(10**6)}", rng.randint(1, 9), rng.choice(ZONES)
        yield from (f"policy: {name}", f"version: {version}")
        yield from (f"currency: {self.currency}", f"time_zone: {zone}")
        if self.chance(0.1):
            self.digits = rng.randrange(4)
            yield f"minor_digits: {self.digits}"
        scale = 10 ** rng.randrange(6)
        self.ladder = tuple(scale * step for step in (1, 2, 5, 10, 20, 50))
        yield from ("events:", *self.events())
        self.policy = t.Policy(name, version, self.currency, self.digits, zone, (), (), ())

    def body(self, least: int = 1) -> Iterator[str]:
        """Everything after the events; at least so many triggers."""
        self.score_tree, self.rules, self.offer_tree = None, [], None
        protected: tuple[str, ...] = ()
        brake = None
        yield from ("features:", *self.features())
        if self.chance(0.3):
            protected = ("age", "sex")
            yield "protected: [age, sex]"
        if self.named and self.chance(0.7):
            yield from ("score:", *self.score())
        yield from ("triggers:", *self.triggers(least), self.restoration())
        if self.chance(0.5):
            yield from ("authorise:", *self.authorise())
        if self.chance(0.6) or self.offers_wanted:
            yield self.offer()
        if self.chance(0.2):
            brake = t.Brake(200, 300)
            yield from ("brake: {lines: 2%, exposure: 3%}", "honour: 90d")
        self.policy = replace(
            self.policy,
            kinds=t.with_own_kinds(t.built_in_kinds(one.name for one in self.trigger_trees), self.own_kinds),
            features=tuple(self.named.values()),
            triggers=tuple(self.trigger_trees),
            score=self.score_tree,
            restoration=self.recovery_tree,
            authorise=tuple(self.rules),
            offer=self.offer_tree,
            brake=brake,
            honour_days=90,
            protected=protected,
            dues=t.Dues(),
        )
        if self.chance(0.6):
            section = write_dues(self.rng, self.policy, self.ladder[:3], lambda minor: self.money(minor).text)
            self.policy = replace(self.policy, dues=section.dues)
            yield from section.lines


def write_policy(rng: Random) -> Written:
    """A whole policy from the chances of `rng`.

    >>> write_policy(Random(7)) == write_policy(Random(7))
    True
    """
    writer = Writer(rng)
    text = "\n".join([*writer.head(), *writer.body()]) + "\n"
    return Written(text, writer.policy)


def write_versions(
    rng: Random, count: int, grows: bool = False, make: Callable[[Random], Writer] = Writer
) -> list[Written]:
    """Policies that may follow each other: the same events, and each trigger in its place, but nothing else alike.

    Where the feed `grows`, each adds kinds of events, and fields of those that there were.
    """
    writer, written, least = make(rng), [], 1
    head = [line for line in writer.head() if not line.startswith("version:")]
    for version in range(1, count + 1):
        if grows and version > 1:
            head = [*head[: head.index("events:") + 1], *writer.grown_events()]
        writer.named, writer.scored = {}, ()
        body = [line for line in writer.body(least) if not line.startswith("honour:")]
        least = len(writer.trigger_trees)
        honour = rng.choice(("0d", "5d", "20d", "60d"))
        text = "\n".join([head[0], f"version: {version}", *head[1:], *body, f"honour: {honour}"]) + "\n"
        written.append(Written(text, replace(writer.policy, version=version, honour_days=days_of(honour))))
    return written
