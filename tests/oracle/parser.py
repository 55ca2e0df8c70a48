"""Reads expressions of the policy language by recursive descent, one function for each rule of section 4.2.

It is the oracle's own and reads valid policies only: what the page refuses may pass here or end in an error.

>>> part = Parser("days_past_due >= 30 and not balance = 0.50 CNY", Names((), "CNY", 2)).whole()
>>> part.expr.items[0]
Compare(op='>=', left=Fact(name='days_past_due'), right=Literal(value=30, unit='days'))
>>> part.expr.items[1].item.right
Literal(value=50, unit='money')
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from tests.oracle import tree as t

TOKEN = re.compile(
    r"""\s*(?:
      (?P<money>\d[\d_]*(?:\.\d+)?\ ?[A-Z]{3}\b) | (?P<percent>\d[\d_]*(?:\.\d+)?%) | (?P<span>\d[\d_]*[hdmy]\b)
    | (?P<number>\d[\d_]*) | (?P<param>\$[a-z_][a-z0-9_]*) | (?P<text>"[^"]*"|'[^']*') | (?P<word>[a-z_][a-z0-9_]*)
    | (?P<sign>[!<>=]=|[-+*<>=(),.])
    )""",
    re.VERBOSE,
)
COMPARISONS = ("=", "==", "!=", "<", "<=", ">", ">=")
SCORES = {"score": "points", "ability": "points", "willingness": "points", "pd": "pd"}
PERCENT_STEPS = {"share": 100, "pd": 10_000}  # basis points and ppm in one percent


@dataclass(frozen=True)
class Names:
    """What words mean: kinds of event, the currency, features and definitions by name, the event inside `where`."""

    kinds: Sequence[t.Kind]
    currency: str
    digits: int
    feature: Callable[[str], t.Feature | None] = lambda _: None
    event: t.Kind | None = None
    meaning: Callable[[str], Phrase | None] = lambda _: None
    param: Callable[[str], list[Phrase]] = lambda _: []
    axes: tuple[tuple[str, int], ...] = ()  # by what a parameter may differ, and in how many ways
    publish: Mapping[str, str] = field(default_factory=dict)
    tied_publish: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Phrase:
    """A part that has been read, with its unit and its text as the language writes it.

    A bare number, a percentage, a quoted word and a duration have a unit only once the other side is known; until
    then `unit` is number, percent, text or span, and `loose` is what stands there.
    """

    expr: t.Expr
    unit: str
    text: str
    choices: tuple[str, ...] = ()
    loose: Decimal | str = ""
    whole: bool = True  # nothing around it could tear it apart: a name, a call, a constant
    by_segment: tuple[Phrase, ...] = ()  # what a parameter is in each, and by what it differs
    axes: tuple[tuple[str, int], ...] = ()

    def settled(self, unit: str, choices: Sequence[str] = ()) -> Phrase:
        """With the unit of the other side, where it has none of its own."""
        if self.by_segment:
            return in_segments([one.settled(unit, choices) for one in self.by_segment], self.text, self.axes)
        match self.unit, unit:
            case "number", "count" | "days" | "points":
                return replace(self, expr=t.Literal(int(self.loose), unit), unit=unit)
            case "percent", "share" | "pd":
                return replace(self, expr=t.Literal(int(self.loose * PERCENT_STEPS[unit]), unit), unit=unit)
            case "text", "category":
                return replace(self, expr=t.Literal(list(choices).index(str(self.loose)), unit), unit=unit)
        return self

    def firm(self) -> Phrase:
        """With its own unit: bare numbers are counts, percentages shares."""
        return self.settled("count" if self.unit == "number" else "share" if self.unit == "percent" else self.unit)


def in_segments(values: Sequence[Phrase], text: str, axes: tuple[tuple[str, int], ...]) -> Phrase:
    """A value for each segment, or for each in each combination of arms, as one."""
    expr = t.in_cell([value.expr for value in values], axes)
    return Phrase(expr, values[0].unit, text, by_segment=tuple(values), axes=axes)


def pair(left: Phrase, right: Phrase) -> tuple[Phrase, Phrase]:
    """Two sides of one unit."""
    left = left.settled(right.unit, right.choices)
    left, right = left.firm(), right.settled(left.unit, left.choices).firm()
    assert left.unit == right.unit, f"{left.text} is {left.unit}, {right.text} is {right.unit}"
    return left, right


@dataclass
class Parser:
    """One expression. Each method reads as far as its rule goes."""

    text: str
    names: Names
    tokens: list[tuple[str, str]] = field(default_factory=list)  # (kind, word)
    place: int = 0

    def __post_init__(self) -> None:
        end = 0
        while self.text[end:].strip():
            found = TOKEN.match(self.text, end)
            assert found, f"`{self.text[end:]}` cannot be read"
            self.tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            end = found.end()

    # -------------------------------------------------------------- words

    def next(self) -> str:
        """The word that comes next; nothing at the end."""
        return self.tokens[self.place][1] if self.place < len(self.tokens) else ""

    def accept(self, *words: str) -> str:
        """The next word, taken if it is one of these; else nothing."""
        word = self.next()
        if word not in words or not word:
            return ""
        self.place += 1
        return word

    def take(self, word: str) -> None:
        """That word must come."""
        assert self.accept(word), f"`{word}` is expected in `{self.text}` where `{self.next()}` stands"

    # -------------------------------------------------------------- rules, loosest first

    def whole(self) -> Phrase:
        """The whole text as one expression."""
        phrase = self.expression()
        assert self.place == len(self.tokens), f"`{self.text}` goes on after it has ended"
        return phrase

    def feature(self) -> Phrase:
        """The same; a measure that is the whole of a feature is the feature, and has no other name."""
        phrase = self.whole().firm()
        bare = isinstance(phrase.expr, t.Inline) and self.tokens[0][1] not in ("(", "customer", "links")
        return replace(phrase, expr=phrase.expr.measure) if bare else phrase  # type: ignore[union-attr]

    def expression(self) -> Phrase:
        if not self.accept("if"):
            return self.disjunction()
        test = self.expression()
        self.take("then")
        yes = self.expression()
        self.take("else")
        yes, no = pair(yes, self.expression())
        text = f"if {test.text} then {yes.text} else {no.text}"
        return Phrase(t.If(test.expr, yes.expr, no.expr), yes.unit, text, yes.choices, whole=False)

    def disjunction(self) -> Phrase:
        return self.joined("or", self.conjunction, t.Or)

    def conjunction(self) -> Phrase:
        return self.joined("and", self.negation, t.And)

    def joined(self, word: str, part: Callable[[], Phrase], node: Callable[[tuple[t.Expr, ...]], t.Expr]) -> Phrase:
        parts = [part()]
        while self.accept(word):
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        text = f" {word} ".join(one.text for one in parts)
        return Phrase(node(tuple(one.expr for one in parts)), "flag", text, whole=False)

    def negation(self) -> Phrase:
        if not self.accept("not"):
            return self.comparison()
        item = self.negation()
        text = f"({item.text})" if isinstance(item.expr, t.Compare) and not item.whole else item.text
        return Phrase(t.Not(item.expr), "flag", f"not {text}", whole=False)

    def comparison(self) -> Phrase:
        left = self.sum()
        if self.accept("in"):
            if not self.accept("("):
                assert isinstance(left.expr, t.FieldRef)
                name = self.next()
                self.place += 1
                return Phrase(t.Listed(left.expr.name, name), "flag", f"{left.text} in {name}", whole=False)
            words = [word.settled(left.firm().unit, left.choices) for word in self.listed(self.sum)]
            values = {word.expr.value for word in words}  # type: ignore[union-attr]
            text = f"{left.text} in ({', '.join(word.text for word in words)})"
            return Phrase(t.In(left.firm().expr, tuple(sorted(values))), "flag", text, whole=False)
        op = self.accept(*COMPARISONS).replace("==", "=")
        if not op:
            return left
        left, right = pair(left, self.sum())
        return Phrase(t.Compare(op, left.expr, right.expr), "flag", f"{left.text} {op} {right.text}", whole=False)

    def sum(self) -> Phrase:
        left = self.product()
        while op := self.accept("+", "-"):
            left, right = pair(left, self.product())
            left = Phrase(
                t.Arithmetic(op, left.expr, right.expr), left.unit, f"{left.text} {op} {right.text}", whole=False
            )
        return left

    def product(self) -> Phrase:
        left = self.atom()
        while self.accept("*"):
            right = self.atom()
            text = f"{left.text} * {right.text}"
            value, factor = (right, left) if left.unit == "number" else (left, right)
            value = value.firm()
            left = Phrase(
                t.Arithmetic("*", value.expr, factor.settled("count").expr),
                value.unit,
                text,
                value.choices,
                whole=False,
            )
        return left

    def atom(self) -> Phrase:
        if self.accept("("):
            inner = self.expression()
            self.take(")")
            return inner if inner.whole else replace(inner, text=f"({inner.text})", whole=True)
        if self.accept("-"):
            return negative(self.atom())
        kind, word = self.tokens[self.place]
        self.place += 1
        if kind == "param":
            values = self.names.param(word[1:])
            return replace(values[0], text=word) if len(values) == 1 else in_segments(values, word, self.names.axes)
        if word == "customer" and self.accept("."):
            return self.of_customer()
        if word == "links" and self.accept("."):
            return self.of_linked()
        if kind == "word":
            return self.call(word) if self.accept("(") else self.named(word)
        return self.constant(kind, word)

    def listed(self, part: Callable[[], Phrase]) -> list[Phrase]:
        """Parts between commas, up to the closing parenthesis."""
        parts = [part()]
        while self.accept(","):
            parts.append(part())
        self.take(")")
        return parts

    # -------------------------------------------------------------- constants and names

    def constant(self, kind: str, word: str) -> Phrase:
        digits = word.replace("_", "")
        match kind:
            case "money":
                assert word.endswith(self.names.currency)
                amount = Decimal(digits[:-3].strip()).scaleb(self.names.digits)
                return Phrase(t.Literal(int(amount), "money"), "money", f"{word[:-3].rstrip()} {word[-3:]}")
            case "span":
                if digits[-1] in "hm":
                    return Phrase(t.Literal(0, "days"), "span", word, loose=digits)
                days = int(digits[:-1]) * (365 if digits[-1] == "y" else 1)
                return Phrase(t.Literal(days, "days"), "days", word, loose=digits)
            case "percent":
                return Phrase(t.Literal(0, "share"), "percent", word, loose=Decimal(digits[:-1]))
            case "text":
                return Phrase(t.Literal(0, "category"), "text", f'"{word[1:-1]}"', loose=word[1:-1])
        return Phrase(t.Literal(int(digits), "count"), "number", word, loose=Decimal(digits))

    def named(self, word: str) -> Phrase:
        if word in ("true", "false"):
            return Phrase(t.Literal(int(word == "true"), "flag"), "flag", word)
        if self.names.event is not None:
            if word == "hour":
                return Phrase(t.HourOfDay(), "count", word)
            if word not in [field.name for field in self.names.event.fields]:
                if word == "weekday":
                    return Phrase(t.Weekday(), "category", word, t.WEEKDAYS)
                if word in ("limit", "granted"):
                    return Phrase(t.LineBefore(word), "money", word)
                if word == "holiday":
                    return Phrase(t.Holiday(), "flag", word)
                if word == "day_of_month":
                    return Phrase(t.DayOfMonth(), "count", word)
            own = self.names.event.field(word)
            return Phrase(t.FieldRef(word), own.unit, word, own.choices)
        feature = self.names.feature(word)
        if feature is not None:
            return Phrase(t.Ref(word), feature.unit, word, feature.choices)
        meant = self.names.meaning(word)
        if meant is not None:
            return replace(meant, text=word, whole=True)
        if word in t.FACTS:
            return Phrase(t.Fact(word), t.FACTS[word], word)
        if word in SCORES:
            return Phrase(t.ScoreRef(word), SCORES[word], word)
        assert word == "amount", f"`{word}` is not known"
        return Phrase(t.FieldRef(word), "money", word)

    # -------------------------------------------------------------- functions and measures

    def call(self, word: str) -> Phrase:
        if word in MEASURES:
            measure, text = MEASURES[word](self, word)
            unit, choices = t.unit_of(measure, self.names.kinds)
            return Phrase(t.Inline(f"{word}({text})", measure), unit, f"{word}({text})", choices)
        args = self.listed(self.expression)
        match word:
            case "percent" | "fallback":
                args = list(pair(*args))
            case "part":
                args = [args[0].firm(), args[1].settled("share")]
            case "smallest" | "largest":
                unit = next((one.unit for one in args if one.unit not in ("number", "percent")), args[0].firm().unit)
                args = [one.settled(unit) for one in args]
            case _:
                args = [one.firm() for one in args]
        unit = {"percent": "share", "known": "flag"}.get(word, args[0].unit)
        text = f"{word}({', '.join(one.text for one in args)})"
        return Phrase(t.Call(word, tuple(one.expr for one in args)), unit, text, args[0].choices)

    def of_customer(self) -> Phrase:
        """`sum(owed)`, `max(late)` or `count(late >= 30)`, after `customer.`."""
        how, _, name = (self.tokens[self.place + ahead][1] for ahead in range(3))
        self.place += 3
        fact, least, text = self.names.publish[name], 0, name
        if how == "count":
            self.take(">=")
            right = self.sum().settled(t.FACTS[fact])
            assert isinstance(right.expr, t.Literal)
            least, text = right.expr.value, f"{name} >= {right.text}"
        self.take(")")
        measure = t.OfCustomer(how, name, fact, least)
        text = f"customer.{how}({text})"
        return Phrase(t.Inline(text, measure), t.unit_of(measure, ())[0], text)

    def of_linked(self) -> Phrase:
        """`sum(owed)` or `count(late >= 30, kind = "device")`, after `links.`."""
        how, _, name = (self.tokens[self.place + ahead][1] for ahead in range(3))
        self.place += 3
        fact, least, tie, text = self.names.tied_publish[name], 0, "any", name
        if how == "count":
            self.take(">=")
            right = self.sum().settled(t.FACTS[fact])
            assert isinstance(right.expr, t.Literal)
            least, text = right.expr.value, f"{name} >= {right.text}"
        if self.accept(","):
            tie = self.tokens[self.place + 2][1].strip("\"'")
            self.place += 3
            text = f'{text}, kind = "{tie}"'
        self.take(")")
        measure = t.OfLinked(how, name, fact, tie, least)
        text = f"links.{how}({text})"
        return Phrase(t.Inline(text, measure), t.unit_of(measure, ())[0], text)

    def window(self) -> tuple[t.Window, str]:
        """The window before the closing parenthesis, and its text."""
        word = self.tokens[self.place][1]
        self.place += 1
        self.take(")")
        return t.Window(int(word[:-1].replace("_", "")), word[-1]), word

    def select(self) -> tuple[t.Select, str | None, str]:
        """`kind` or `kind.field`, perhaps with a filter: the selector, the field, the text."""
        source = [self.tokens[self.place][1]]
        self.place += 1
        if self.accept("."):
            source.append(self.tokens[self.place][1])
            self.place += 1
        name, text = source[1] if len(source) > 1 else None, ".".join(source)
        if not self.accept("where"):
            return t.Select(source[0]), name, text
        kind = next(kind for kind in self.names.kinds if kind.name == source[0])
        outside, self.names = self.names, replace(self.names, event=kind)
        where = self.expression()
        self.names = outside
        return t.Select(source[0], where.expr), name, f"{text} where {where.text}"

    def daily(self, word: str) -> tuple[t.Measure, str]:
        """`worst(days_past_due, 12m)`, `days_where(balance > limit, 90d)`."""
        value = self.expression()
        self.take(",")
        window, span = self.window()
        return t.Daily("max" if word == "worst" else word, value.expr, window), f"{value.text}, {span}"

    def windowed(self, how: str) -> tuple[t.Measure, str]:
        if how in ("max", "min", "average") and self.next() in t.DAILY_FACTS and self.tokens[self.place + 1][1] == ",":
            return self.daily(how)
        select, name, text = self.select()
        self.take(",")
        word = self.next()
        if self.tokens[self.place + 1][1] != ",":
            window, span = self.window()
            return t.Windowed(how, select, name, window), f"{text}, {span}"
        self.place += 1
        for sign in (",", "ending"):
            self.take(sign)
        ago = self.next()
        self.place += 1
        self.take("ago")
        self.take(")")
        window = t.Window(int(word[:-1].replace("_", "")), word[-1])
        ending = int(ago[:-1].replace("_", ""))
        return t.Windowed(how, select, name, window, ending), f"{text}, {word}, ending {ago} ago"

    def first(self, _word: str) -> tuple[t.Measure, str]:
        select, name, text = self.select()
        self.take(")")
        assert name is not None
        return t.First(select, name), text

    def last(self, _word: str) -> tuple[t.Measure, str]:
        select, name, text = self.select()
        self.take(")")
        assert name is not None
        return t.Last(select, name), text

    def days_since(self, _word: str) -> tuple[t.Measure, str]:
        select, _, text = self.select()
        self.take(")")
        return t.DaysSince(select), text

    def late_count(self, _word: str) -> tuple[t.Measure, str]:
        days = self.expression().settled("days")
        self.take(",")
        window, span = self.window()
        assert isinstance(days.expr, t.Literal)
        return t.LateCount(days.expr.value, window), f"{days.text}, {span}"

    def restrictions(self, _word: str) -> tuple[t.Measure, str]:
        window, span = self.window()
        return t.Restrictions(window), span


MEASURES: Mapping[str, Callable[[Parser, str], tuple[t.Measure, str]]] = {
    "count": Parser.windowed,
    "sum": Parser.windowed,
    "max": Parser.windowed,
    **dict.fromkeys(("min", "average", "spread", "active", "in_a_row", "distinct"), Parser.windowed),
    **dict.fromkeys(("worst", "days_where"), Parser.daily),
    "first": Parser.first,
    "last": Parser.last,
    "days_since": Parser.days_since,
    "late_count": Parser.late_count,
    "restrictions": Parser.restrictions,
}


def negative(phrase: Phrase) -> Phrase:
    """A minus sign before a number."""
    assert isinstance(phrase.expr, t.Literal)
    loose = -phrase.loose if isinstance(phrase.loose, Decimal) else phrase.loose
    expr = replace(phrase.expr, value=-phrase.expr.value)
    return replace(phrase, expr=expr, text=f"-{phrase.text}", loose=loose)
