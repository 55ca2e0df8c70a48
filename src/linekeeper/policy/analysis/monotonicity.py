"""Which way a value moves by time alone, with no event and no evaluation: windows only empty, days only pass."""

from __future__ import annotations

from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.functions import FUNCTIONS, MeasureFunction, by_itself, record_of
from linekeeper.policy.trends import Trend


class Trends:
    """The trend of any expression over the features of a policy.

    `missing` are the features that may be missing, `fading` those that may come to be so by time alone: all that stands
    on a measure that fades.
    """

    def __init__(self, policy: m.Policy) -> None:
        self.exprs = {feature.name: feature.expr for feature in policy.features}
        self.missing = {feature.name for feature in policy.features if feature.maybe_missing}
        self.fading: set[str] = set()
        self._trends: dict[str, Trend] = {}
        self._made_of: dict[str, frozenset[str]] = {}  # the measures that a feature stands on
        for feature in policy.features:  # each after all that it is made of
            measured = isinstance(feature.expr, ex.Measure)
            made_of = frozenset({feature.name}) if measured else self._measures(feature.expr)
            self._made_of[feature.name] = made_of
            self._trends[feature.name] = self.of(feature.expr)
            if feature.name in self.missing and any(_fades(self.exprs[name]) for name in made_of):
                self.fading.add(feature.name)

    def of_feature(self, name: str) -> Trend:
        """Which way the value of the feature moves."""
        return self._trends[name]

    def of(self, expr: ex.Expr) -> Trend:
        """Which way the value of the expression moves."""
        match expr:
            case ex.Literal():
                return Trend.STILL
            case ex.Ref(name):
                return self._trends[name]
            case ex.Arithmetic(op, left, right):
                return self.of_difference(left, right) if op == "-" else self._of_sum(op, left, right)
            case ex.Call(name, args):
                return FUNCTIONS[name].trend(args, [self.of(arg) for arg in args])
            case ex.ScoreRef():
                return Trend.ANY
            case _ if isinstance(expr, ex.Measure):
                return record_of(expr).trend
            case _:
                still = all(self.of(child) == Trend.STILL for child in ex.children(expr))
                return Trend.STILL if still else Trend.ANY

    def of_difference(self, left: ex.Expr, right: ex.Expr) -> Trend:
        """Which way `left - right` moves."""
        return self.of(left) + -self.of(right)

    def _of_sum(self, op: str, left: ex.Expr, right: ex.Expr) -> Trend:
        if op == "+":
            return self.of(left) + self.of(right)
        assert isinstance(right, ex.Literal)
        return self.of(left) if right.value >= 0 else -self.of(left)

    def may_miss(self, expr: ex.Expr) -> bool:
        """Whether anything in the expression may be missing."""
        for node in ex.nodes_of(expr):
            if isinstance(node, ex.Ref) and node.name in self.missing:
                return True
            if isinstance(node, ex.Call) and FUNCTIONS[node.name].missing is by_itself:
                return True
        return False

    def parts(self, expr: ex.Expr) -> tuple[int, int]:
        """How many moving measures the expression stands on, and how many measures at all."""
        names = self._measures(expr)
        return sum(self._trends[name] != Trend.STILL for name in names), len(names)

    def _measures(self, expr: ex.Expr) -> frozenset[str]:
        parts = (self._made_of[node.name] for node in ex.nodes_of(expr) if isinstance(node, ex.Ref))
        return frozenset[str]().union(*parts)


def _fades(expr: ex.Expr) -> bool:
    if not isinstance(expr, ex.Measure):
        return False
    record = record_of(expr)
    return isinstance(record, MeasureFunction) and record.fades
