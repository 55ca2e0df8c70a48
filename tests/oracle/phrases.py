"""Writes expressions of the policy language: constants, filters, measures, derived values, conditions.

Each is a `Said`: the text, and beside it the tree of what the text means, built by hand and never read from the text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from tests.oracle.tree import (
    FACTS,
    And,
    Arithmetic,
    Call,
    Compare,
    DaysSince,
    Expr,
    Fact,
    Feature,
    FieldRef,
    HourOfDay,
    If,
    In,
    Inline,
    Last,
    LateCount,
    Literal,
    Measure,
    Not,
    Or,
    Ref,
    Restrictions,
    ScoreRef,
    Select,
    Window,
    Windowed,
)

WINDOWS = ("1h", "24h", "72h", "168h", "1d", "2d", "7d", "30d", "90d", "400d", "1m", "2m", "12m", "60m")
DAY_TILES = tuple(window for window in WINDOWS if window[-1] != "h")
ORDER = ("<", "<=", ">", ">=")
NUMERIC = ("money", "count", "days", "share")
LATER_FACTS = ("days_on_book",)  # `tests.oracle.measured` writes them: so one seed stays one policy
FACTS_OF = {
    unit: tuple(name for name, has in FACTS.items() if has == unit and name not in LATER_FACTS) for unit in NUMERIC
}
CONSTANTS = {  # as written, and what it is kept as
    "days": (("0", 0), ("1d", 1), ("3", 3), ("7d", 7), ("30", 30), ("30d", 30), ("60d", 60), ("1y", 365)),
    "share": (
        ("0%", 0),
        ("2.5%", 250),
        ("30%", 3_000),
        ("50%", 5_000),
        ("80%", 8_000),
        ("100%", 10_000),
        ("0.01%", 1),
        ("10000%", 1_000_000),
    ),
    "flag": (("true", 1), ("false", 0)),
    "pd": (("1.2%", 12_000), ("6%", 60_000), ("18%", 180_000), ("0.0001%", 1)),
}


class Said(NamedTuple):
    """A text of the language and its meaning."""

    text: str
    tree: Expr


class Chosen(NamedTuple):
    """What a measure selects: the text in the file, its canonical text, and its meaning."""

    text: str
    name: str
    select: Select


@dataclass(frozen=True)
class FieldOf:
    """A field that a measure may read: `kind.name`."""

    kind: str
    name: str
    unit: str
    choices: tuple[str, ...] = ()
    signed: bool = False


def number(value: int, unit: str) -> Said:
    """A bare number."""
    return Said(str(value), Literal(value, unit))


def compare(left: Said, op: str, right: Said) -> Said:
    """A comparison."""
    return Said(f"{left.text} {op} {right.text}", Compare(op, left.tree, right.tree))


def calculated(left: Said, op: str, right: Said) -> Said:
    """A sum or a difference; or a product with a constant on the right."""
    return Said(f"{left.text} {op} {right.text}", Arithmetic(op, left.tree, right.tree))


def called(name: str, *args: Said) -> Said:
    """A function of its arguments."""
    return Said(f"{name}({', '.join(arg.text for arg in args)})", Call(name, tuple(arg.tree for arg in args)))


def choice(test: Said, yes: Said, no: Said) -> Said:
    """if, then, else."""
    return Said(f"if {test.text} then {yes.text} else {no.text}", If(test.tree, yes.tree, no.tree))


def joined(word: str, parts: Sequence[Said]) -> Said:
    """Conditions, each in parentheses, all of which or one of which must hold."""
    node = And if word.strip() == "and" else Or
    return Said(word.join(f"({part.text})" for part in parts), node(tuple(part.tree for part in parts)))


def and_then(left: Said, right: Said) -> Said:
    """`left and right`, with no parentheses: `and` binds more tightly than an `or` on the right."""
    text = f"{left.text} and {right.text}"
    if right.text.isidentifier():  # a definition: what it means stays together
        return Said(text, And((left.tree, right.tree)))
    match right.tree:
        case And(items):
            return Said(text, And((left.tree, *items)))
        case Or((first, *rest)):
            return Said(text, Or((And((left.tree, first)), *rest)))
    return Said(text, And((left.tree, right.tree)))


def negated(item: Said) -> Said:
    """`not`, with parentheses around what is denied."""
    return Said(f"not ({item.text})", Not(item.tree))


def fact(name: str) -> Said:
    """A fact of the account."""
    return Said(name, Fact(name))


def named(name: str) -> Said:
    """A feature."""
    return Said(name, Ref(name))


def window_of(text: str) -> Window:
    """The window that a text means."""
    return Window(int(text[:-1]), text[-1])


@dataclass
class Phrases:
    """The expressions of one policy in the making. `named` are its features so far."""

    rng: Random
    currency: str = ""
    digits: int = 0
    ladder: tuple[int, ...] = ()
    fields: list[FieldOf] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    named: dict[str, Feature] = field(default_factory=dict)
    scored: tuple[int, ...] = ()  # scores that can come about

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    # -------------------------------------------------------------- constants

    def money(self, minor: int) -> Said:
        """An amount as the language writes it.

        >>> Phrases(Random(1), "CNY", 2).money(-123450).text
        '-1234.50 CNY'
        """
        whole, rest = divmod(abs(minor), 10**self.digits)
        point = f".{rest:0{self.digits}d}" if rest else ""
        return Said(f"{'-' * (minor < 0)}{whole}{point} {self.currency}", Literal(minor, "money"))

    def constant(self, unit: str) -> Said:
        """A threshold of that unit, near what the streams make."""
        rng = self.rng
        match unit:
            case "money":
                return self.money(rng.choice((0, 1, *self.ladder, *self.ladder)))
            case "count":
                return number(rng.choice((0, 1, 1, 2, 2, 3, 5)), unit)
            case "points":
                return number(rng.choice(self.scored), unit)
        text, value = rng.choice(CONSTANTS[unit])
        return Said(text, Literal(value, unit))

    # -------------------------------------------------------------- atoms: what a name or measure is worth

    def select(self, kind: str) -> Chosen:
        """`kind` or `kind.field`, perhaps with a filter."""
        name = kind.partition(".")[0]
        if self.chance(0.55):
            return Chosen(kind, kind, Select(name))
        where = self.filter(name)
        return Chosen(f"{kind} where {where.text}", f"{kind} where {canonical(where)}", Select(name, where.tree))

    def filter(self, kind: str) -> Said:
        """A condition over the event's own fields and its hour."""
        rng, hour = self.rng, Said("hour", HourOfDay())
        tests = [compare(hour, rng.choice(ORDER), number(rng.choice((1, 6, 12, 22, 23)), "count"))]
        some = (rng.randrange(24), 0, 23)
        tests.append(Said(f"hour in ({some[0]}, 0, 23)", In(hour.tree, tuple(sorted(set(some))))))
        for item in self.fields:
            if item.kind == kind:
                tests.extend(2 * [self.field_test(item)])
        first = rng.choice(tests)
        if self.chance(0.3):
            word, other = rng.choice(("and", "or")), rng.choice(tests)
            node = And if word == "and" else Or
            return Said(f"{first.text} {word} {other.text}", node((first.tree, other.tree)))
        return negated(first) if self.chance(0.1) else first

    def field_test(self, item: FieldOf) -> Said:
        rng, read = self.rng, Said(item.name, FieldRef(item.name))
        if self.chance(0.1):
            return called("known", read)
        if item.unit == "category":
            words = rng.sample(item.choices, min(2, len(item.choices)))
            word = Said(f'"{words[0]}"', Literal(item.choices.index(words[0]), "category"))
            plain = compare(read, rng.choice(("=", "!=")), word)
            return rng.choice((plain, self.within(read, words, item.choices)))
        if item.unit == "flag":
            true = Said("true", Literal(1, "flag"))
            return rng.choice((read, Said(f"not {item.name}", Not(read.tree)), compare(read, "=", true)))
        return compare(read, rng.choice(ORDER), self.constant(item.unit))

    def within(self, item: Said, words: Sequence[str], choices: Sequence[str]) -> Said:
        quoted = [f'"{word}"' for word in words]
        places = sorted(choices.index(word) for word in words)
        return Said(f"{item.text} in ({', '.join(quoted)})", In(item.tree, tuple(places)))

    def measure(self, unit: str) -> tuple[str, str, Measure]:
        """A measure of that unit: the text in the file, its canonical text, and its meaning."""
        rng = self.rng
        window = rng.choice(WINDOWS)
        fields = [item for item in self.fields if item.unit == unit]
        if unit == "count" and (not fields or self.chance(0.7)):
            return self.counted(window)
        if unit == "days" and (not fields or self.chance(0.6)):
            chosen = self.select(rng.choice(self.kinds))
            return (*(f"days_since({text})" for text in chosen[:2]), DaysSince(chosen.select))  # type: ignore[return-value]
        item = rng.choice(fields)
        chosen = self.select(f"{item.kind}.{item.name}")
        if unit not in NUMERIC or self.chance(0.3):
            return f"last({chosen.text})", f"last({chosen.name})", Last(chosen.select, item.name)
        how = "max" if item.signed or self.chance(0.3) else "sum"
        measure = Windowed(how, chosen.select, item.name, window_of(window))
        return f"{how}({chosen.text}, {window})", f"{how}({chosen.name}, {window})", measure

    def counted(self, window: str) -> tuple[str, str, Measure]:
        """Events, times late, or restrictions."""
        rng = self.rng
        days, late_window = rng.choice((1, 3, 30, 60)), rng.choice(DAY_TILES)
        late = f"late_count({days}, {late_window})"
        chosen = self.select(rng.choice(self.kinds))
        count = Windowed("count", chosen.select, None, window_of(window))
        counts = (f"count({chosen.text}, {window})", f"count({chosen.name}, {window})", count)
        span = rng.choice(DAY_TILES)
        restrictions = f"restrictions({span})"
        lates = (late, late, LateCount(days, window_of(late_window)))
        return rng.choice((lates, (restrictions, restrictions, Restrictions(window_of(span))), counts, counts, counts))

    def atom(self, unit: str) -> Said:
        """A named feature, a fact or a measure of that unit."""
        names = [name for name, feature in self.named.items() if feature.unit == unit]
        if names and self.chance(0.5):
            return named(self.rng.choice(names))
        if unit in FACTS_OF and (self.chance(0.45) or not any(item.unit == unit for item in self.fields)):
            return fact(self.rng.choice(FACTS_OF[unit]))
        text, name, measure = self.measure(unit)
        return Said(text, Inline(name, measure))

    # -------------------------------------------------------------- derived values and conditions

    def derived(self, unit: str) -> Said:
        """An expression of that unit that uses the functions of section 4.2."""
        rng, atom = self.rng, self.atom
        if unit == "flag":
            return self.condition()
        shapes: list[Callable[[], Said]] = [
            lambda: calculated(atom(unit), rng.choice("+-"), atom(unit)),
            lambda: calculated(atom(unit), "*", number(rng.choice((2, 3, -1, 1000)), "count")),
            lambda: self.doubled(unit),
            lambda: called("per", atom(unit), atom("count")),
            lambda: called("part", atom(unit), self.share_of()),
            lambda: called("smallest", atom(unit), atom(unit), self.constant(unit)),
            lambda: called("largest", atom(unit), atom(unit)),
            lambda: called("fallback", atom(unit), self.constant(unit)),
            lambda: choice(self.condition(), atom(unit), atom(unit)),
        ]
        if unit == "share":
            whole = rng.choice(("money", "money", "count", "days"))
            shapes.extend(4 * [lambda: called("percent", atom(whole), atom(whole))])
        return rng.choice(shapes)()

    def doubled(self, unit: str) -> Said:
        """A product with the constant in front."""
        factor = self.rng.choice((2, 7))
        inner = calculated(self.atom(unit), "-", self.constant(unit))
        return Said(f"{factor} * ({inner.text})", Arithmetic("*", inner.tree, Literal(factor, "count")))

    def share_of(self) -> Said:
        """A share to take a part by."""
        shares = {"30%": 3_000, "2.5%": 250, "100%": 10_000}
        text = self.rng.choice((*shares, "utilisation"))
        return Said(text, Literal(shares[text], "share")) if text in shares else fact(text)

    def condition(self, depth: int = 0, units: Sequence[str] = NUMERIC) -> Said:
        """A flag expression; `units` may also hold points and pd, where there is a score."""
        rng = self.rng
        if depth < 2 and self.chance(0.25):
            word = rng.choice((" and ", " or "))
            return joined(word, [self.condition(depth + 1, units) for _ in range(2)])
        flags = [name for name, feature in self.named.items() if feature.unit == "flag"]
        words = [feature for feature in self.named.values() if feature.unit == "category"]
        if flags and self.chance(0.15):
            denied, flag = rng.choice(("", "not ")), named(rng.choice(flags))
            return Said(f"{denied}{flag.text}", Not(flag.tree) if denied else flag.tree)
        if words and self.chance(0.15):
            feature = rng.choice(words)
            some = rng.sample(feature.choices, 1 + (len(feature.choices) > 2))
            return self.within(named(feature.name), some, feature.choices)
        if self.chance(0.05):
            return called("known", self.atom(rng.choice(NUMERIC)))
        unit = rng.choice(units)
        scores = {"points": "score", "pd": "pd"}
        left = Said(scores[unit], ScoreRef(scores[unit])) if unit in scores else self.atom(unit)
        if unit == "points" and self.chance(0.3):
            group = rng.choice(("ability", "willingness"))
            return compare(
                Said(group, ScoreRef(group)), rng.choice(ORDER), number(rng.choice((-20, 0, 10, 40)), "points")
            )
        return compare(left, rng.choice((*ORDER, *ORDER, "=", "!=")), self.constant(unit))


def canonical(where: Said) -> str:
    """The canonical text of a filter: without parentheses around a single word or call."""
    match where.tree:
        case Not(FieldRef(name)):
            return f"not {name}"
        case Not(Call("known", (FieldRef(name),))):
            return f"not known({name})"
    return where.text
