"""Writes policies whose rules turn by time alone, and lives in which little happens: for the day of the next look.

A kernel looks again only when something could differ (law 4). What could differ is found out from the rules: which
way a value drifts, which part of an `and` stands in the way, how far the score is from a cut. Here windows are
short, the rules hold values against each other, and days pass with no event, so that a look left out shows.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import NamedTuple

from tests.oracle import tree as t
from tests.oracle.dues_section import write_dues
from tests.oracle.nouns import Event
from tests.oracle.phrases import (
    Said,
    calculated,
    called,
    choice,
    compare,
    fact,
    joined,
    named,
    negated,
    number,
    window_of,
)
from tests.oracle.policies import Written

NAME = "watched"
GRANTED_MINOR = 100_000
DAY_MS = 86_400_000
OPENED_MS = 1_706_745_600_000  # 1 February 2024
WINDOWS = ("30h", "2d", "3d", "5d", "9d", "1m")
FACTS_OF = {"count": ("on_time_streak",), "money": ("past_due", "balance", "granted", "available")}
UNITS = ("count", "money")
ORDER = ("<", "<=", ">", ">=", "=", "!=")
EDGES = {  # rising thresholds of the bins: as written, and as kept
    "count": (("1", 1), ("2", 2)),
    "money": (("1 CNY", 100), ("300 CNY", 30_000)),
    "share": (("10%", 1_000), ("80%", 8_000)),
    "days": (("1d", 1), ("3d", 3)),
}


class Measured(NamedTuple):
    """A measure as text, and its meaning."""

    text: str
    measure: t.Measure

    def inline(self) -> Said:
        """As a part of an expression."""
        return Said(self.text, t.Inline(self.text, self.measure))


def windowed(how: str, kind: str, window: str) -> Measured:
    """How often a kind comes, or the sum or the greatest of its amounts."""
    field = None if how == "count" else "amount"
    source = f"{kind}.{field}" if field else kind
    return Measured(f"{how}({source}, {window})", t.Windowed(how, t.Select(kind), field, window_of(window)))


def days_since(kind: str) -> Said:
    """Days since the latest event of a kind."""
    return Measured(f"days_since({kind})", t.DaysSince(t.Select(kind))).inline()


def measures(unit: str, window: str) -> tuple[Measured, ...]:
    """The measures of that unit over that window; two of the counts have windows of their own."""
    if unit == "money":
        sums = [windowed("sum", kind, window) for kind in ("draw", "repay", "due")]
        return (*sums, windowed("max", "draw", window))
    counts = [windowed("count", kind, window) for kind in ("draw", "repay", "due")]
    late = Measured("late_count(2, 7d)", t.LateCount(2, t.Window(7, "d")))
    return (*counts, Measured("restrictions(6d)", t.Restrictions(t.Window(6, "d"))), late)


def percent(value: int) -> Said:
    """A whole percentage."""
    return Said(f"{value}%", t.Literal(100 * value, "share"))


class Writer:
    """One policy in the making."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.names = {unit: [f"{unit}_{place}" for place in range(rng.randint(2, 4))] for unit in UNITS}
        self.names["share"] = [f"share_{place}" for place in range(rng.randint(1, 2))]
        self.scored = rng.random() < 0.7
        self.features: dict[str, t.Feature] = {}

    def written(self) -> Written:
        """The policy file, and what it means."""
        lines = [f"policy: {NAME}", "version: 1", "currency: CNY", "time_zone: Asia/Shanghai", "features:"]
        lines += [self.feature(name, unit) for unit, names in self.names.items() for name in names]
        score_lines, score = self.score() if self.scored else ([], None)
        triggers = [self.trigger(f"t{place}") for place in range(self.rng.randint(1, 4))]
        trigger_lines = [f"  {trigger.name}: {{{text}}}" for text, trigger in triggers]
        recovery_line, restoration = self.restoration()
        offer_lines, offer = self.offer() if self.rng.random() < 0.4 else ([], None)
        lines += [*score_lines, "triggers:", *trigger_lines, recovery_line, *offer_lines]
        policy = t.Policy(
            name=NAME,
            version=1,
            currency="CNY",
            digits=2,
            time_zone="Asia/Shanghai",
            kinds=t.built_in_kinds(trigger.name for _, trigger in triggers),
            features=tuple(self.features.values()),
            triggers=tuple(trigger for _, trigger in triggers),
            score=score,
            restoration=restoration,
            offer=offer,
        )
        if self.rng.random() < 0.5:
            section = write_dues(self.rng, policy, (100, 5_000), lambda minor: f"{minor // 100} CNY")
            lines += section.lines
            policy = replace(policy, dues=section.dues)
        return Written("\n".join(lines) + "\n", policy)

    def feature(self, name: str, unit: str) -> str:
        """The line of one feature."""
        said = self.value(name)
        missing = t.may_be_missing(said.tree, self.features)
        self.features[name] = t.Feature(name, said.tree, unit, missing)
        return f"  {name}: '{said.text}'"

    def restoration(self) -> tuple[str, t.Restoration]:
        """The line of the restoration, and what it means."""
        (first, first_bp), every = self.rng.choice((("30%", 3_000), ("60%", 6_000))), self.rng.randint(1, 6)
        condition = self.condition()
        line = f"restoration: {{first: {first}, step: 25%, every: {every}d, while: '{condition.text}'}}"
        return line, t.Restoration(first_bp, 2_500, every, condition.tree)

    def offer(self) -> tuple[list[str], t.Offer]:
        """The lines of the offer, and what they mean."""
        when, every = self.condition(), self.rng.randint(2, 9)
        lines = ["offer:", f"  when: '{when.text}'", "  increase: 10%", "  up_to: 2000 CNY"]
        return [*lines, f"  every: {every}d", "  valid: 3d"], t.Offer(when.tree, 1_000, 200_000, every, 3)

    def value(self, name: str) -> Said:
        """What the feature of that name is."""
        rng, unit = self.rng, name.split("_")[0]
        if unit == "share":
            some = 2 * (self.atom("money"),)
            return called("percent", rng.choice((fact("past_due"), *some)), self.atom("money"))
        if rng.random() < 0.2:
            return choice(self.condition(named_too=False), self.atom(unit, False), self.atom(unit, False))
        if rng.random() < 0.15:
            return calculated(self.atom(unit, False), rng.choice("+-"), self.atom(unit, False))
        return Said(*self.measure(unit))

    def measure(self, unit: str) -> Measured:
        """Which measure comes first by chance, its window second."""
        place = self.rng.choice(range(len(measures(unit, WINDOWS[0]))))
        return measures(unit, self.rng.choice(WINDOWS))[place]

    def atom(self, unit: str, named_too: bool = True) -> Said:
        """A feature, a fact or a measure of that unit."""
        rng = self.rng
        if named_too and rng.random() < 0.7:
            return named(rng.choice(self.names[unit]))
        if rng.random() < 0.3:
            return fact(rng.choice(FACTS_OF[unit]))
        return self.measure(unit).inline()

    def condition(self, depth: int = 0, named_too: bool = True) -> Said:
        """A condition that time alone may turn."""
        rng = self.rng
        if depth < 2 and rng.random() < 0.35:
            word = rng.choice((" and ", " or "))
            return joined(word, [self.condition(depth + 1, named_too) for _ in range(rng.randint(2, 3))])
        if depth and rng.random() < 0.15:
            return negated(self.condition(2, named_too))
        op = rng.choice(ORDER)

        def atom(unit: str) -> Said:
            return self.atom(unit, named_too)

        def granted(*shares: int) -> Said:
            return called("part", fact("granted"), percent(rng.choice(shares)))

        def days(value: int) -> Said:
            return Said(f"{value}d", t.Literal(value, "days"))

        nothing = Said("0 CNY", t.Literal(0, "money"))
        shapes = [
            compare(atom("count"), op, atom("count")),
            compare(atom("money"), op, atom("money")),
            compare(atom("money"), op, granted(5, 20, 40)),
            compare(granted(5, 20), op, atom("money")),
            compare(atom("count"), op, number(rng.randint(0, 3), "count")),
            compare(fact("on_time_streak"), op, atom("count")),
            compare(fact("past_due"), rng.choice(("=", ">")), nothing),
            compare(fact("days_past_due"), op, days(rng.randint(0, 5))),
            compare(days_since("draw"), op, days(rng.randint(1, 6))),
            compare(days_since("draw"), op, days_since("repay")),
            compare(fact("days_in_status"), op, fact("days_past_due")),
        ]
        if named_too:
            shapes += 2 * [compare(named(self.names["share"][0]), op, percent(rng.choice((10, 50, 100))))]
        if named_too and self.scored:
            score = Said("score", t.ScoreRef("score"))
            shapes += 4 * [compare(score, rng.choice(ORDER[:4]), number(rng.randrange(470, 535, 5), "points"))]
        return rng.choice(shapes)

    def trigger(self, name: str) -> tuple[str, t.Trigger]:
        """One trigger: what stands in its braces, and what it means."""
        rng = self.rng
        when, hold = self.condition(), rng.randint(0, 4)
        effect = rng.choice(("suspend: yes", "cap: 50%", "cap: 80%"))
        parts = [f"when: '{when.text}'", f"hold: {hold}d", "reason: arrears", effect]
        clear = self.condition() if rng.random() < 0.5 else None
        parts += [f"clear: '{clear.text}'"] if clear else []
        expires = rng.randint(3, 12) if rng.random() < 0.2 else None
        parts += [f"expires: {expires}d"] if expires else []
        trigger = t.Trigger(
            name=name,
            when=when.tree,
            reason="arrears",
            clear=clear.tree if clear else None,
            hold_days=hold,
            cap_bp={"cap: 50%": 5_000, "cap: 80%": 8_000}.get(effect, 10_000),
            suspend=effect == "suspend: yes",
            expires_days=expires,
        )
        return ", ".join(parts), trigger

    def score(self) -> tuple[list[str], t.Score]:
        """A card over some features and facts."""
        rng = self.rng
        names = rng.sample([name for names in self.names.values() for name in names], rng.randint(2, 5))
        names += rng.sample(("days_past_due", "on_time_streak", "utilisation"), rng.randint(0, 2))
        made = [self.bins(name) for name in names]
        lines = [f"    {bins.feature}: {{{text}}}" for text, bins in made]
        score = t.Score(500, tuple(bins for _, bins in made), (), (500,), (100_000, 10_000))
        return ["score:", "  base: 500", "  ability:", *lines, "  pd: {below 500: 10%, otherwise: 1%}"], score

    def bins(self, name: str) -> tuple[str, t.Bins]:
        """The bins of one of them."""
        unit = {"on": "count", "utilisation": "share"}.get(name.split("_")[0], name.split("_")[0])
        points = [self.rng.randrange(-20, 25, 5) for _ in range(3)]
        missing = self.missing()
        pairs = [f"below {text}: {value}" for (text, _), value in zip(EDGES[unit], points, strict=False)]
        text = ", ".join([*pairs, f"otherwise: {points[2]}", f"missing: {missing}"])
        return text, t.Bins(name, "ability", tuple(edge for _, edge in EDGES[unit]), tuple(points), missing)

    def missing(self) -> int:
        """The points of a value that is missing."""
        return self.rng.choice((-5, 0, 10))


def write_watched(rng: Random) -> Written:
    """A policy of this kind."""
    return Writer(rng).written()


def watched_stream(rng: Random) -> list[Event]:
    """One account's events over some weeks, in order of time, days apart."""
    at = OPENED_MS + rng.randrange(DAY_MS)
    events = [Event("e0", "A", "open", at, {"limit": GRANTED_MINOR})]
    for place in range(1, rng.randint(4, 16)):
        at += int(rng.expovariate(1 / 2.5) * DAY_MS) if rng.random() < 0.7 else rng.randrange(3_600_000)
        kind = rng.choice(("draw", "draw", "repay", "due", "due", *(("balance",) if rng.random() < 0.3 else ())))
        fields: dict[str, int | str] = {"amount": rng.choice((1, 5_000, 20_000, 40_000, 60_000))}
        if kind == "balance":
            fields = {"amount": rng.choice((0, 0, -5_000, 30_000))}
        if kind == "due":
            fields["due_on"] = at // DAY_MS + rng.randint(-1, 8)
        events.append(Event(f"e{place}", "A", kind, at, fields))
    return events
