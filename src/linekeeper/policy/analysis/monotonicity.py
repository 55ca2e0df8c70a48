"""Which way a value moves by time alone, with no event and no look: windows only empty, days only pass."""

from __future__ import annotations

from enum import Enum
from functools import reduce

from linekeeper.policy import expression as ex
from linekeeper.policy import model as m


class Trend(Enum):
    """The direction. What counts as down may end in missing (the greatest value of an empty window)."""

    STILL = "still"
    DOWN = "down"
    UP = "up"
    ANY = "any"

    def __neg__(self) -> Trend:
        """
        >>> -Trend.UP, -Trend.STILL
        (<Trend.DOWN: 'down'>, <Trend.STILL: 'still'>)
        """
        return {Trend.DOWN: Trend.UP, Trend.UP: Trend.DOWN}.get(self, self)

    def __add__(self, other: Trend) -> Trend:
        """
        >>> Trend.UP + Trend.STILL, Trend.UP + Trend.DOWN
        (<Trend.UP: 'up'>, <Trend.ANY: 'any'>)
        """
        if Trend.STILL in (self, other) or self == other:
            return other if self == Trend.STILL else self
        return Trend.ANY


FACTS = {
    **dict.fromkeys(("balance", "limit", "granted", "available", "utilisation"), Trend.STILL),
    **dict.fromkeys(("past_due", "days_past_due", "months_on_book", "days_in_status"), Trend.UP),
    "on_time_streak": Trend.DOWN,
}


class Trends:
    """The drift of any expression over the features of a policy.

    `missing` are the features that may be missing, `fading` those that may come to be by time alone: what stands on the
    greatest value of a window.
    """

    def __init__(self, policy: m.Policy) -> None:
        self.exprs = {feature.name: feature.expr for feature in policy.features}
        self.missing = {feature.name for feature in policy.features if feature.maybe_missing}
        self.fading: set[str] = set()
        self._drift: dict[str, Trend] = {}
        self._made_of: dict[str, frozenset[str]] = {}  # the measures that a feature stands on
        for feature in policy.features:  # each after all that it is made of
            own = isinstance(feature.expr, ex.Measure)
            made_of = frozenset({feature.name}) if own else self._measures(feature.expr)
            self._made_of[feature.name] = made_of
            self._drift[feature.name] = self.of(feature.expr)
            if feature.name in self.missing and any(_fades(self.exprs[name]) for name in made_of):
                self.fading.add(feature.name)

    def of(self, expr: ex.Expr) -> Trend:
        """Which way the value of the expression moves."""
        match expr:
            case ex.Literal() | ex.Last():
                return Trend.STILL
            case ex.Ref(name):
                return self._drift[name]
            case ex.Windowed() | ex.LateCount() | ex.Restrictions():  # a rise is a look of its own
                return Trend.DOWN
            case ex.DaysSince():
                return Trend.UP
            case ex.Fact(name):
                return FACTS[name]
            case ex.Arith("*", ex.Literal(value), other) | ex.Arith("*", other, ex.Literal(value)):
                return self.of(other) if value >= 0 else -self.of(other)
            case ex.Arith("-", left, right) | ex.Call("percent", (left, right)):
                return self.of(left) + -self.of(right)
            case ex.Arith("+", left, right):
                return self.of(left) + self.of(right)
            case ex.Call("part", (value, ex.Literal(share))):
                return self.of(value) if share >= 0 else -self.of(value)
            case ex.Call("smallest" | "largest", args):
                return reduce(Trend.__add__, map(self.of, args))
            case ex.ScoreRef():
                return Trend.ANY
            case _:
                still = all(self.of(child) == Trend.STILL for child in ex.children(expr))
                return Trend.STILL if still else Trend.ANY

    def may_miss(self, expr: ex.Expr) -> bool:
        """Whether anything in the expression may be missing."""
        nodes = list(ex.walk(expr))
        return any(isinstance(node, ex.Ref) and node.name in self.missing for node in nodes) or any(
            isinstance(node, ex.Call) and node.name == "per" for node in nodes
        )

    def parts(self, expr: ex.Expr) -> tuple[int, int]:
        """How many moving measures the expression stands on, and how many measures at all."""
        names = self._measures(expr)
        return sum(self._drift[name] != Trend.STILL for name in names), len(names)

    def _measures(self, expr: ex.Expr) -> frozenset[str]:
        found = (self._made_of[node.name] for node in ex.walk(expr) if isinstance(node, ex.Ref))
        return frozenset[str]().union(*found)


def _fades(expr: ex.Expr) -> bool:
    return isinstance(expr, ex.Windowed) and expr.how == "max"
