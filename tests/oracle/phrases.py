"""Writes expressions of the policy language: constants, filters, measures, derived values, conditions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

WINDOWS = ("1h", "24h", "72h", "168h", "1d", "2d", "7d", "30d", "90d", "400d", "1m", "2m", "12m", "60m")
DAY_TILES = tuple(window for window in WINDOWS if window[-1] != "h")
ORDER = ("<", "<=", ">", ">=")
NUMERIC = ("money", "count", "days", "share")


@dataclass(frozen=True)
class FieldOf:
    """A field that a measure may read: `kind.name`."""

    kind: str
    name: str
    unit: str
    choices: tuple[str, ...] = ()
    signed: bool = False


FACTS = {
    "money": ("balance", "limit", "granted", "available", "past_due"),
    "count": ("on_time_streak", "months_on_book"),
    "days": ("days_past_due", "days_in_status"),
    "share": ("utilisation",),
}


@dataclass
class Phrases:
    """The expressions of one policy in the making. `named` are its features so far: name -> (unit, choices)."""

    rng: Random
    currency: str = ""
    digits: int = 0
    ladder: tuple[int, ...] = ()
    fields: list[FieldOf] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    named: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    scored: tuple[int, ...] = ()  # scores that can come about

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    # -------------------------------------------------------------- constants

    def money(self, minor: int) -> str:
        """An amount as the language writes it.

        >>> Phrases(Random(1), "CNY", 2).money(-123450)
        '-1234.50 CNY'
        """
        whole, rest = divmod(abs(minor), 10**self.digits)
        point = f".{rest:0{self.digits}d}" if rest else ""
        return f"{'-' * (minor < 0)}{whole}{point} {self.currency}"

    def constant(self, unit: str) -> str:
        """A threshold of that unit, near what the streams make."""
        rng = self.rng
        match unit:
            case "money":
                return self.money(rng.choice((0, 1, *self.ladder, *self.ladder)))
            case "count":
                return str(rng.choice((0, 1, 1, 2, 2, 3, 5)))
            case "days":
                return rng.choice(("0", "1d", "3", "7d", "30", "30d", "60d", "1y"))
            case "share":
                return rng.choice(("0%", "2.5%", "30%", "50%", "80%", "100%", "0.01%", "10000%"))
            case "flag":
                return rng.choice(("true", "false"))
            case "points":
                return str(rng.choice(self.scored))
        return rng.choice(("1.2%", "6%", "18%", "0.0001%"))

    # -------------------------------------------------------------- atoms: what a name or measure is worth

    def select(self, kind: str) -> str:
        """`kind` or `kind.field`, perhaps with a filter."""
        if self.chance(0.55):
            return kind
        return f"{kind} where {self.filter(kind.partition('.')[0])}"

    def filter(self, kind: str) -> str:
        """A condition over the event's own fields and its hour."""
        rng = self.rng
        tests = [f"hour {rng.choice(ORDER)} {rng.choice((1, 6, 12, 22, 23))}", f"hour in ({rng.randrange(24)}, 0, 23)"]
        for item in self.fields:
            if item.kind == kind:
                tests.extend(2 * [self.field_test(item)])
        first = rng.choice(tests)
        if self.chance(0.3):
            return f"{first} {rng.choice(('and', 'or'))} {rng.choice(tests)}"
        return f"not ({first})" if self.chance(0.1) else first

    def field_test(self, item: FieldOf) -> str:
        rng = self.rng
        if self.chance(0.1):
            return f"known({item.name})"
        if item.unit == "category":
            words = rng.sample(item.choices, min(2, len(item.choices)))
            plain = f'{item.name} {rng.choice(("=", "!="))} "{words[0]}"'
            return rng.choice((plain, self.within(item.name, words)))
        if item.unit == "flag":
            return rng.choice((item.name, f"not {item.name}", f"{item.name} = true"))
        return f"{item.name} {rng.choice(ORDER)} {self.constant(item.unit)}"

    def within(self, name: str, words: Sequence[str]) -> str:
        quoted = [f'"{word}"' for word in words]
        return f"{name} in ({', '.join(quoted)})"

    def measure(self, unit: str) -> str:
        """A measure of that unit."""
        rng = self.rng
        window = rng.choice(WINDOWS)
        fields = [item for item in self.fields if item.unit == unit]
        if unit == "count" and (not fields or self.chance(0.7)):
            late = f"late_count({rng.choice((1, 3, 30, 60))}, {rng.choice(DAY_TILES)})"
            count = f"count({self.select(rng.choice(self.kinds))}, {window})"
            return rng.choice((late, f"restrictions({rng.choice(DAY_TILES)})", count, count, count))
        if unit == "days" and (not fields or self.chance(0.6)):
            return f"days_since({self.select(rng.choice(self.kinds))})"
        item = rng.choice(fields)
        source = self.select(f"{item.kind}.{item.name}")
        if unit not in NUMERIC or self.chance(0.3):
            return f"last({source})"
        how = "max" if item.signed or self.chance(0.3) else "sum"
        return f"{how}({source}, {window})"

    def atom(self, unit: str) -> str:
        """A named feature, a fact or a measure of that unit."""
        names = [name for name, (has, _) in self.named.items() if has == unit]
        if names and self.chance(0.5):
            return self.rng.choice(names)
        if unit in FACTS and (self.chance(0.45) or not any(item.unit == unit for item in self.fields)):
            return self.rng.choice(FACTS[unit])
        return self.measure(unit)

    # -------------------------------------------------------------- derived values and conditions

    def derived(self, unit: str) -> str:
        """An expression of that unit that uses the functions of section 4.2."""
        rng, atom = self.rng, self.atom
        if unit == "flag":
            return self.condition()
        shapes: list[Callable[[], str]] = [
            lambda: f"{atom(unit)} {rng.choice('+-')} {atom(unit)}",
            lambda: f"{atom(unit)} * {rng.choice((2, 3, -1, 1000))}",
            lambda: f"{rng.choice((2, 7))} * ({atom(unit)} - {self.constant(unit)})",
            lambda: f"per({atom(unit)}, {atom('count')})",
            lambda: f"part({atom(unit)}, {rng.choice(('30%', '2.5%', '100%', 'utilisation'))})",
            lambda: f"smallest({atom(unit)}, {atom(unit)}, {self.constant(unit)})",
            lambda: f"largest({atom(unit)}, {atom(unit)})",
            lambda: f"fallback({atom(unit)}, {self.constant(unit)})",
            lambda: f"if {self.condition()} then {atom(unit)} else {atom(unit)}",
        ]
        if unit == "share":
            whole = rng.choice(("money", "money", "count", "days"))
            shapes.extend(4 * [lambda: f"percent({atom(whole)}, {atom(whole)})"])
        return rng.choice(shapes)()

    def condition(self, depth: int = 0, units: Sequence[str] = NUMERIC) -> str:
        """A flag expression; `units` may also hold points and pd, where there is a score."""
        rng = self.rng
        if depth < 2 and self.chance(0.25):
            word = rng.choice((" and ", " or "))
            return word.join(f"({self.condition(depth + 1, units)})" for _ in range(2))
        flags = [name for name, (unit, _) in self.named.items() if unit == "flag"]
        words = [(name, choices) for name, (unit, choices) in self.named.items() if unit == "category"]
        if flags and self.chance(0.15):
            return rng.choice(("", "not ")) + rng.choice(flags)
        if words and self.chance(0.15):
            name, choices = rng.choice(words)
            return self.within(name, rng.sample(choices, 1 + (len(choices) > 2)))
        if self.chance(0.05):
            return f"known({self.atom(rng.choice(NUMERIC))})"
        unit = rng.choice(units)
        left = {"points": "score", "pd": "pd"}.get(unit) or self.atom(unit)
        if unit == "points" and self.chance(0.3):
            return f"{rng.choice(('ability', 'willingness'))} {rng.choice(ORDER)} {rng.choice((-20, 0, 10, 40))}"
        return f"{left} {rng.choice((*ORDER, *ORDER, '=', '!='))} {self.constant(unit)}"
