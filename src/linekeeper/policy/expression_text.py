"""A policy's expressions and numbers as the policy language writes them, and names for code made of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from itertools import chain, count

from linekeeper.policy import expression as ex
from linekeeper.policy import model as m

_NAME_MAX = 40
_SPOKEN = (
    (" where ", " "),
    ("!=", " not "),
    (">=", " at least "),
    ("<=", " at most "),
    ("<", " below "),
    (">", " above "),
    ("%", " pct "),
    ("+", " plus "),
    ("-", " less "),
    ("*", " times "),
)


def slug(text: str) -> str:
    """A name for code, made of a text of the policy; two texts may have the same.

    >>> slug("count(draw where hour < 5, 30d)"), slug("90 %"), slug("赌博")
    ('count_draw_hour_below_5_30d', 'value_90_pct', 'value')
    """
    for sign, words in _SPOKEN:
        text = text.replace(sign, words)
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:_NAME_MAX].strip("_")
    return plain if plain[:1].isalpha() else f"value_{plain}".strip("_")


class Namespace:
    """Names that are taken. A name is given once: of two that would be alike the second is `name_2`, then `name_3`.

    >>> space = Namespace(["day"])
    >>> [space.take(name) for name in ("burden", "day", "burden", "burden")]
    ['burden', 'day_2', 'burden_2', 'burden_3']
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def take(self, wanted: str) -> str:
        """The wanted name, or the first like it that is free."""
        numbered = (f"{wanted}_{number}" for number in count(2))
        name = next(name for name in chain([wanted], numbered) if name not in self._taken)
        self._taken.add(name)
        return name


class ExpressionText:
    """Writes the expressions of one policy.

    >>> from linekeeper.policy.load import load_file
    >>> from linekeeper.texts.material import shipped
    >>> policy = load_file(shipped("consumer-loan.yaml"))
    >>> ExpressionText(policy).of(policy.triggers[2].clear)
    'past_due = 0 CNY and (on_time_streak >= 1 or balance <= 0 CNY)'
    >>> ExpressionText(policy).of(policy.feature("night_draws_30d").expr)
    'count(draw where hour < 5, 30d)'
    """

    def __init__(self, policy: m.Policy) -> None:
        self.policy = policy
        self.choices = {feature.name: feature.choices for feature in policy.features}

    def of(self, expr: ex.Expr, kind: str = "") -> str:
        """The expression; `kind` is the event kind whose fields a filter names."""
        match expr:
            case ex.Literal(value, unit):
                return self.number(value, "count" if unit == "days" else unit)
            case ex.Ref(name) | ex.ScoreRef(name) | ex.FieldRef(name) | ex.Fact(name):
                return name
            case ex.Arm(split):
                return split
            case ex.HourOfDay():
                return "hour"
            case ex.DayOfMonth():
                return "day_of_month"
            case ex.Weekday():
                return "weekday"
            case ex.Holiday():
                return "holiday"
            case ex.Listed(item, name):
                return f"{self.of(item, kind)} in {name}"
            case ex.LineBefore(name):
                return name
            case ex.Not(item):
                return f"not {self._within(item, kind)}"
            case ex.And(items):
                return " and ".join(self._within(item, kind) for item in items)
            case ex.Or(items):
                return " or ".join(self._within(item, kind) for item in items)
            case ex.Compare(op, left, right):
                return f"{self._side(left, right, kind)} {op} {self._side(right, left, kind)}"
            case ex.In(item, values):
                words = (self._side(ex.Literal(value, "category"), item, kind) for value in values)
                return f"{self._within(item, kind)} in ({', '.join(words)})"
            case ex.Arithmetic(op, left, right):
                return f"{self._within(left, kind)} {op} {self._within(right, kind)}"
            case ex.Call(name, args):
                return f"{name}({', '.join(self.of(arg, kind) for arg in args)})"
            case ex.If(test, yes, no):
                return f"if {self.of(test, kind)} then {self._within(yes, kind)} else {self._within(no, kind)}"
            case _:
                return self._measure(expr)

    def _measure(
        self, expr: ex.Windowed | ex.Last | ex.First | ex.DaysSince | ex.LateCount | ex.Restrictions | ex.Daily
    ) -> str:
        match expr:
            case ex.Windowed(how, chosen, field, window):
                ending = f", ending {expr.ending}{window.unit} ago" if expr.ending else ""
                return f"{how}({self.select(chosen, field)}, {window.length}{window.unit}{ending})"
            case ex.Last(chosen, field) | ex.First(chosen, field):
                return f"{expr.function}({self.select(chosen, field)})"
            case ex.DaysSince(chosen):
                return f"days_since({self.select(chosen)})"
            case ex.LateCount(days, window):
                return f"late_count({days}, {window.length}{window.unit})"
            case ex.Restrictions(window):
                return f"restrictions({window.length}{window.unit})"
            case ex.Daily(how, of, window):
                return f"{how}({self.of(of)}, {window.length}{window.unit})"

    def select(self, chosen: ex.Select, field: str | None = None) -> str:
        """Selected events, and the field of theirs that is read."""
        what = f"{chosen.kind}.{field}" if field else chosen.kind
        return f"{what} where {self.of(chosen.where, chosen.kind)}" if chosen.where is not None else what

    def _within(self, expr: ex.Expr, kind: str) -> str:
        text = self.of(expr, kind)
        return f"({text})" if isinstance(expr, ex.And | ex.Or | ex.Arithmetic | ex.If) else text

    def _side(self, side: ex.Expr, other: ex.Expr, kind: str) -> str:
        """One side of a comparison; the other says which words a category has."""
        if isinstance(side, ex.Literal) and side.unit == "category":
            return self.number(side.value, side.unit, self._choices_of(other, kind))
        return self._within(side, kind)

    def _choices_of(self, expr: ex.Expr, kind: str) -> tuple[str, ...]:
        match expr:
            case ex.Ref(name):
                return self.choices.get(name, ())
            case ex.Weekday():
                return expr.choices
            case ex.FieldRef(name) if kind:
                return next((field.choices for field in self.policy.kind(kind).fields if field.name == name), ())
            case _:
                return next(filter(None, (self._choices_of(child, kind) for child in ex.children(expr))), ())

    def number(self, value: int, unit: ex.Unit, choices: tuple[str, ...] = ()) -> str:
        """A number in its unit, as one writes it in a policy."""
        match unit:
            case "money":
                return f"{_plain(Decimal(value).scaleb(-self.policy.exponent))} {self.policy.currency}"
            case "share":
                return f"{_plain(Decimal(value) / 100)}%"
            case "pd":
                return f"{_plain(Decimal(value) / 10_000)}%"
            case "days":
                return f"{value}d"
            case "flag":
                return "true" if value else "false"
            case "category" if value < len(choices):
                return f'"{choices[value]}"'
            case _:
                return str(value)


def _plain(value: Decimal) -> str:
    """Digits in groups of three, without needless zeros."""
    whole = f"{value:,f}".replace(",", "_")
    return whole.rstrip("0").rstrip(".") if "." in whole else whole
