"""Writes policies whose rules turn by time alone, and lives in which little happens: for the day of the next look.

A kernel looks again only when something could differ (law 4). What could differ is found out from the rules: which
way a value drifts, which part of an `and` stands in the way, how far the score is from a cut. Here windows are
short, the rules hold values against each other, and days pass with no event, so that a look left out shows.
"""

from __future__ import annotations

from random import Random

from linekeeper.core.event import Event
from linekeeper.policy.model import Policy

NAME = "watched"
GRANTED_MINOR = 100_000
DAY_MS = 86_400_000
OPENED_MS = 1_706_745_600_000  # 1 February 2024
WINDOWS = ("30h", "2d", "3d", "5d", "9d", "1m")
MEASURES = {
    "count": ("count(draw, {w})", "count(repay, {w})", "count(due, {w})", "restrictions(6d)", "late_count(2, 7d)"),
    "money": ("sum(draw.amount, {w})", "sum(repay.amount, {w})", "sum(due.amount, {w})", "max(draw.amount, {w})"),
}
FACTS = {"count": ("on_time_streak",), "money": ("past_due", "balance", "granted", "available")}
ORDER = ("<", "<=", ">", ">=", "=", "!=")


class Writer:
    """One policy in the making."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.names = {unit: [f"{unit}_{number}" for number in range(rng.randint(2, 4))] for unit in MEASURES}
        self.names["share"] = [f"share_{number}" for number in range(rng.randint(1, 2))]
        self.scored = rng.random() < 0.7

    def text(self) -> str:
        """The policy file."""
        lines = [f"policy: {NAME}", "version: 1", "currency: CNY", "time_zone: Asia/Shanghai", "features:"]
        lines += [f"  {name}: '{self.value(name)}'" for names in self.names.values() for name in names]
        lines += self.score() if self.scored else []
        lines += ["triggers:", *(f"  t{number}: {{{self.trigger()}}}" for number in range(self.rng.randint(1, 4)))]
        first, every = self.rng.choice(("30%", "60%")), self.rng.randint(1, 6)
        lines.append(f"restoration: {{first: {first}, step: 25%, every: {every}d, while: '{self.condition()}'}}")
        if self.rng.random() < 0.4:
            lines += ["offer:", f"  when: '{self.condition()}'", "  increase: 10%", "  up_to: 2000 CNY"]
            lines += [f"  every: {self.rng.randint(2, 9)}d", "  valid: 3d"]
        return "\n".join(lines) + "\n"

    def value(self, name: str) -> str:
        rng, unit = self.rng, name.split("_")[0]
        if unit == "share":
            return f"percent({rng.choice(('past_due', *2 * (self.atom('money'),)))}, {self.atom('money')})"
        if rng.random() < 0.2:
            return f"if {self.condition(named=False)} then {self.atom(unit, False)} else {self.atom(unit, False)}"
        if rng.random() < 0.15:
            return f"{self.atom(unit, False)} {rng.choice('+-')} {self.atom(unit, False)}"
        return rng.choice(MEASURES[unit]).replace("{w}", rng.choice(WINDOWS))

    def atom(self, unit: str, named: bool = True) -> str:
        rng = self.rng
        if named and rng.random() < 0.7:
            return rng.choice(self.names[unit])
        if rng.random() < 0.3:
            return rng.choice(FACTS[unit])
        return rng.choice(MEASURES[unit]).replace("{w}", rng.choice(WINDOWS))

    def condition(self, depth: int = 0, named: bool = True) -> str:
        rng = self.rng
        if depth < 2 and rng.random() < 0.35:
            word = rng.choice((" and ", " or "))
            return word.join(f"({self.condition(depth + 1, named)})" for _ in range(rng.randint(2, 3)))
        if depth and rng.random() < 0.15:
            return f"not ({self.condition(2, named)})"
        compare = rng.choice(ORDER)
        shapes = [
            f"{self.atom('count', named)} {compare} {self.atom('count', named)}",
            f"{self.atom('money', named)} {compare} {self.atom('money', named)}",
            f"{self.atom('money', named)} {compare} part(granted, {rng.choice((5, 20, 40))}%)",
            f"part(granted, {rng.choice((5, 20))}%) {compare} {self.atom('money', named)}",
            f"{self.atom('count', named)} {compare} {rng.randint(0, 3)}",
            f"on_time_streak {compare} {self.atom('count', named)}",
            f"past_due {rng.choice(('=', '>'))} 0 CNY",
            f"days_past_due {compare} {rng.randint(0, 5)}d",
            f"days_since(draw) {compare} {rng.randint(1, 6)}d",
            f"days_since(draw) {compare} days_since(repay)",
            f"days_in_status {compare} days_past_due",
        ]
        if named:
            shapes += 2 * [f"{self.names['share'][0]} {compare} {rng.choice((10, 50, 100))}%"]
        if named and self.scored:
            shapes += 4 * [f"score {rng.choice(ORDER[:4])} {rng.randrange(470, 535, 5)}"]
        return rng.choice(shapes)

    def trigger(self) -> str:
        rng = self.rng
        parts = [f"when: '{self.condition()}'", f"hold: {rng.randint(0, 4)}d", "reason: arrears"]
        parts.append(rng.choice(("suspend: yes", "cap: 50%", "cap: 80%")))
        parts += [f"clear: '{self.condition()}'"] if rng.random() < 0.5 else []
        parts += [f"expires: {rng.randint(3, 12)}d"] if rng.random() < 0.2 else []
        return ", ".join(parts)

    def score(self) -> list[str]:
        rng = self.rng
        names = rng.sample([name for names in self.names.values() for name in names], rng.randint(2, 5))
        names += rng.sample(("days_past_due", "on_time_streak", "utilisation"), rng.randint(0, 2))
        bins = (f"    {name}: {{{self.bins(name)}}}" for name in names)
        return ["score:", "  base: 500", "  ability:", *bins, "  pd: {below 500: 10%, otherwise: 1%}"]

    def bins(self, name: str) -> str:
        cuts = {"count": ("1", "2"), "money": ("1 CNY", "300 CNY"), "share": ("10%", "80%"), "days": ("1d", "3d")}
        unit = {"on": "count", "utilisation": "share"}.get(name.split("_")[0], name.split("_")[0])
        points = [self.rng.randrange(-20, 25, 5) for _ in range(3)]
        pairs = [f"below {cut}: {value}" for cut, value in zip(cuts[unit], points, strict=False)]
        return ", ".join([*pairs, f"otherwise: {points[2]}", f"missing: {self.rng.choice((-5, 0, 10))}"])


def write_watched(rng: Random) -> str:
    """A policy as the text of its file."""
    return Writer(rng).text()


def watched_stream(policy: Policy, rng: Random) -> list[Event]:
    """One account's events over some weeks, in order of time, days apart."""
    assert policy.name == NAME
    at = OPENED_MS + rng.randrange(DAY_MS)
    events = [Event("e0", "A", "open", at, {"limit": GRANTED_MINOR})]
    for number in range(1, rng.randint(4, 16)):
        at += int(rng.expovariate(1 / 2.5) * DAY_MS) if rng.random() < 0.7 else rng.randrange(3_600_000)
        kind = rng.choice(("draw", "draw", "repay", "due", "due"))
        fields: dict[str, int | str] = {"amount": rng.choice((1, 5_000, 20_000, 40_000, 60_000))}
        if kind == "due":
            fields["due_on"] = at // DAY_MS + rng.randint(-1, 8)
        events.append(Event(f"e{number}", "A", kind, at, fields))
    return events
