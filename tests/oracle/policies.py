"""Writes whole policies, as the YAML text of the language, with every construct that it has.

All chance comes from the `Random` that is handed in, so one seed is one policy. Thresholds are drawn from a
small ladder of amounts and counts, which the streams of `streams.py` then climb up and down.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tests.oracle.phrases import FACTS, NUMERIC, ORDER, FieldOf, Phrases

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


class Writer(Phrases):
    """One policy in the making, section by section."""

    def events(self) -> Iterator[str]:
        """The policy's own kinds, with fields of every type."""
        self.fields = list(BUILT_IN)
        self.kinds = list(BARE_KINDS)
        for kind in self.rng.sample(OWN_KINDS, self.rng.randint(1, len(OWN_KINDS))):
            self.kinds.append(kind)
            names = self.rng.sample(FIELD_NAMES, self.rng.randint(0, 4))
            parts = [f"{name}: {self.field_type(kind, name)}" for name in names]
            if self.chance(0.2):
                parts.append("age: count?")
            yield f"  {kind}: {{{', '.join(parts)}}}"
        if self.chance(0.4):
            self.fields.append(FieldOf("hardship", "code", "category", ("illness", "job_loss")))
            yield "  hardship: {code: [illness, job_loss]}"

    def field_type(self, kind: str, name: str) -> str:
        word = self.rng.choice(FIELD_TYPES)
        optional = self.chance(0.35)
        if word == "list":
            choices = tuple(self.rng.sample(WORDS, self.rng.randint(1, len(WORDS))))
            self.fields.append(FieldOf(kind, name, "category", choices))
            return f"[{', '.join(choices)}{QUESTION if optional else ''}]"
        unit = word.removeprefix("signed ")
        self.fields.append(FieldOf(kind, name, unit, signed=word != unit))
        return f'"{word}?"' if optional else word

    def features(self) -> Iterator[str]:
        """Named features, each from those before it; the file gives them in any order."""
        written = []
        for number in range(self.rng.randint(3, 14)):
            unit = self.rng.choice((*NUMERIC, *NUMERIC, "count", "money", "flag", "category"))
            choices: tuple[str, ...] = ()
            if unit == "category":
                lists = [item for item in self.fields if item.unit == "category"]
                if not lists:
                    continue
                item = self.rng.choice(lists)
                text, choices = f"last({self.select(f'{item.kind}.{item.name}')})", item.choices
            elif unit == "flag":
                text = self.condition()
            else:
                text = self.measure(unit) if self.chance(0.6) and unit != "share" else self.derived(unit)
            name = f"{unit}_{number}"
            self.named[name] = (unit, choices)
            written.append(self.feature(name, unit, text))
        self.rng.shuffle(written)
        yield from written

    def feature(self, name: str, unit: str, text: str) -> str:
        if unit in NUMERIC and self.chance(0.15):
            worse = self.rng.choice(("higher", "lower"))
            self.named[f"{name}_{worse}"] = self.named.pop(name)
            return f"  {name}_{worse}: {{value: '{text}', worse: {worse}}}"
        return f"  {name}: '{text}'"

    def score(self) -> Iterator[str]:
        """A scorecard over some of the features."""
        rng = self.rng
        names = rng.sample(sorted(self.named), min(len(self.named), rng.randint(2, 6)))
        names = sorted({*names, *rng.sample(("utilisation", "days_past_due", "on_time_streak"), rng.randint(0, 2))})
        base, bins = rng.choice((0, 480, 600)), [(name, self.bins(name)) for name in names]
        points = [points for _, (_, points) in bins]
        reach = sorted({base + rng.choice(some) + rng.choice(more) for some in points for more in points})
        self.scored = tuple(edge + step for edge in reach for step in (0, 1))
        cut = rng.randint(0, len(bins))
        yield f"  base: {base}"
        for group, part in (("ability", bins[:cut]), ("willingness", bins[cut:])):
            if part:
                yield f"  {group}:"
                yield from (f"    {name}: {{{text}}}" for name, (text, _) in part)
        cuts = sorted(rng.sample(sorted({base - 30, *self.scored}), 2))
        yield f"  pd: {{below {cuts[0]}: 18%, below {cuts[1]}: 6%, otherwise: 1.2%}}"

    def bins(self, name: str) -> tuple[str, list[int]]:
        """The bins of one feature, and the points they can give."""
        rng = self.rng
        unit, choices = self.named.get(name) or (next(unit for unit, names in FACTS.items() if name in names), ())
        points = [rng.randrange(-60, 80, 5) for _ in range(4)]
        missing = rng.choice((0, -10, 15))
        if unit in ("category", "flag"):
            words = rng.sample(choices or ("true", "false"), 1)
            keys = [f"'is \"{word}\"'" if choices else f"is {word}" for word in words]
        else:
            keys = [f"below {text}" for text in self.rising(unit)]
        if name.endswith(("_higher", "_lower")):
            points.sort(reverse=name.endswith("_higher"))
        parts = [f"{key}: {value}" for key, value in zip(keys, points, strict=False)]
        parts.extend([f"otherwise: {points[len(keys)]}", f"missing: {missing}"])
        return ", ".join(parts), [*points[: len(keys) + 1], missing]

    def rising(self, unit: str) -> list[str]:
        """One to three thresholds, each above the one before."""
        if unit == "money":
            return [self.money(minor) for minor in sorted(self.rng.sample(self.ladder, self.rng.randint(1, 3)))]
        steps = {"count": ("1", "2", "4"), "days": ("1d", "30", "60"), "share": ("10%", "30%", "80%")}[unit]
        return list(steps[: self.rng.randint(1, 3)])

    def triggers(self, least: int = 1) -> Iterator[str]:
        """Up to eight triggers; the first looks at lateness more often than not."""
        for number in range(self.rng.randint(least, 8)):
            overdue = f"past_due > {self.constant('money')}"
            late = self.rng.choice(("days_past_due >= 30", "days_past_due >= 1", overdue))
            when = late if self.chance(0.6 if number == 0 else 0.1) else self.trigger_test()
            parts = [f"when: '{when}'", *self.effects(), f"reason: {self.rng.choice(('arrears', 'burden', 'rapid'))}"]
            if self.chance(0.4):
                clear = self.rng.choice((f"past_due = 0 {self.currency} and on_time_streak >= 1", self.trigger_test()))
                parts.append(f"clear: '{clear}'")
            if self.chance(0.5):
                parts.append(f"hold: {self.rng.choice(('0', '1d', '2d', '7d', '30d', '90'))}")
            if self.chance(0.25):
                parts.append(f"expires: {self.rng.choice(('1d', '2d', '30d', '60', '1y'))}")
            if self.chance(0.07):
                parts.append("terminal: yes")
            self.rng.shuffle(parts)
            yield f"  trigger_{number}: {{{', '.join(parts)}}}"

    def trigger_test(self) -> str:
        return self.condition(units=(*NUMERIC, "points", "points", "pd") if self.scored else NUMERIC)

    def effects(self) -> list[str]:
        """At least one of cap, suspend, close; closing is rare."""
        found = [f"cap: {self.rng.choice(('0%', '25%', '33.33%', '50%', '80%', '100%'))}"] if self.chance(0.7) else []
        if not found or self.chance(0.2):
            found.append("suspend: yes")
        return [*found, "close: yes"] if self.chance(0.12) else found

    def restoration(self) -> str:
        rng = self.rng
        first, step = rng.choice(("0%", "10%", "40%", "100%")), rng.choice(("0.01%", "10%", "20%", "33.33%", "100%"))
        condition = rng.choice(("days_past_due = 0", self.condition()))
        last = f", while: '{condition}'" if self.chance(0.5) else ""
        return f"restoration: {{first: {first}, step: {step}, every: {rng.choice(('1d', '2d', '7d', '30d'))}{last}}}"

    def authorise(self) -> Iterator[str]:
        for number in range(self.rng.randint(1, 3)):
            asked = f"amount {self.rng.choice(ORDER)} {self.constant('money')}"
            deny = f"{asked} and {self.trigger_test()}" if self.chance(0.6) else f"{asked} or ({self.trigger_test()})"
            yield f"  rule_{number}: {{deny: '{deny}', reason: rapid}}"

    def offer(self) -> str:
        rng = self.rng
        when = rng.choice(("days_past_due = 0", "months_on_book >= 1", self.trigger_test()))
        increase, every = rng.choice(("5%", "20%", "100%", "0.01%")), rng.choice(("1d", "7d", "30d", "90d", "90d"))
        up_to = self.money(self.ladder[-1] * rng.choice((5, 20, 1000)))
        valid = rng.choice(("0d", "1d", "7d", "30d", "30d", "60d"))
        return f"offer: {{when: '{when}', increase: {increase}, up_to: {up_to}, every: {every}, valid: {valid}}}"

    # -------------------------------------------------------------- the whole

    def head(self) -> Iterator[str]:
        """What all versions of a policy share, but for the number of the version."""
        rng = self.rng
        self.currency, self.digits = rng.choice(CURRENCIES)
        yield from (f"policy: generated-{rng.randrange(10**6)}", f"version: {rng.randint(1, 9)}")
        yield from (f"currency: {self.currency}", f"time_zone: {rng.choice(ZONES)}")
        if self.chance(0.1):
            self.digits = rng.randrange(4)
            yield f"minor_digits: {self.digits}"
        scale = 10 ** rng.randrange(6)
        self.ladder = tuple(scale * step for step in (1, 2, 5, 10, 20, 50))
        yield from ("events:", *self.events())

    def body(self, least: int = 1) -> Iterator[str]:
        """Everything after the events; at least so many triggers."""
        yield from ("features:", *self.features())
        if self.chance(0.3):
            yield "protected: [age, sex]"
        if self.named and self.chance(0.7):
            yield from ("score:", *self.score())
        yield from ("triggers:", *self.triggers(least), self.restoration())
        if self.chance(0.5):
            yield from ("authorise:", *self.authorise())
        if self.chance(0.6):
            yield self.offer()
        if self.chance(0.2):
            yield from ("brake: {lines: 2%, exposure: 3%}", "honour: 90d")


def write_policy(rng: Random) -> str:
    """A whole policy as text, from the chances of `rng`.

    >>> write_policy(Random(7)) == write_policy(Random(7))
    True
    """
    writer = Writer(rng)
    return "\n".join([*writer.head(), *writer.body()]) + "\n"


def write_versions(rng: Random, count: int) -> list[str]:
    """Policies that may follow each other: the same events, and each trigger in its place, but nothing else alike."""
    writer, texts, least = Writer(rng), [], 1
    head = [line for line in writer.head() if not line.startswith("version:")]
    for number in range(1, count + 1):
        writer.named, writer.scored = {}, ()
        body = [line for line in writer.body(least) if not line.startswith("honour:")]
        least = sum(line.startswith("  trigger_") for line in body)
        honour = f"honour: {rng.choice(('0d', '5d', '20d', '60d'))}"
        texts.append("\n".join([head[0], f"version: {number}", *head[1:], *body, honour]) + "\n")
    return texts
