"""What each of a policy's own kinds of events means to a road back: declared (`means`), else by unit and direction.

No name decides. A kind with money that only ever helps the line is income, for a rule that more of it meets is no
reproach; other kinds with money that the rules look at are spending; a kind with the money fields `balance` and `paid`
is a statement; the rest is neutral.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache

from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.functions import FUNCTIONS
from linekeeper.policy.trends import Trend
from linekeeper.scorecard.card import Score

STATEMENT_FIELDS = frozenset(("balance", "paid"))
RAISED_BY_EVENTS = frozenset(("count", "sum", "max", "active", "in_a_row", "distinct"))  # measures
HELP_KINDS = frozenset(("hardship", "dispute"))  # what a borrower may always do, and what no plan asks to leave


class Meaning(StrEnum):
    """What a kind of event means to the search for a road back."""

    INCOME = "income"  # money that comes in: goes on as it was, may be proven within the borrower's own past
    SPENDING = "spending"  # what the borrower does with money: may be stopped, is never asked for
    NEUTRAL = "neutral"  # what the borrower does else: may be stopped, or confirmed where nothing else helps
    LENDER = "lender"  # what the lender or others do: neither asked for nor a condition
    STATEMENT = "statement"  # the lender's monthly report of what is owed and what was paid


@lru_cache(maxsize=64)
def meanings_of(policy: m.Policy) -> Mapping[str, Meaning]:
    """By name, what each kind that is not built in means."""
    return {kind.name: _meaning(policy, kind) for kind in policy.kinds if not kind.built_in}


def kinds_meaning(policy: m.Policy, meaning: Meaning) -> tuple[m.Kind, ...]:
    """The policy's own kinds of that meaning, in its order."""
    meanings = meanings_of(policy)
    return tuple(kind for kind in policy.kinds if meanings.get(kind.name) == meaning)


def amount_field(kind: m.Kind) -> m.Field | None:
    """The first money field of a kind that is always there: what it brings or costs."""
    money = [field for field in kind.fields if field.unit == ex.MONEY]
    return next((field for field in money if not field.optional), money[0] if money else None)


def _meaning(policy: m.Policy, kind: m.Kind) -> Meaning:
    if kind.means:
        return Meaning(kind.means)
    if {field.name for field in kind.fields if field.unit == ex.MONEY} >= STATEMENT_FIELDS:
        return Meaning.STATEMENT
    if amount_field(kind) is None:
        return Meaning.NEUTRAL
    helps = effect_of_more(policy, kind.name)
    if helps == Trend.STILL:
        return Meaning.NEUTRAL
    return Meaning.INCOME if helps == Trend.UP else Meaning.SPENDING


# ------------------------------------------------------------------ direction


def effect_of_more(policy: m.Policy, kind: str) -> Trend:
    """What more events of a kind do to the line: UP where they only ever help it, DOWN where they only ever hurt it."""
    direction = Direction(policy, kind)
    effect = Trend.STILL
    for one in _effects(policy, direction):
        effect = effect + one
    return effect


def _effects(policy: m.Policy, direction: Direction) -> Iterator[Trend]:
    for feature in policy.features:
        if feature.worse is not None:
            moves = direction.of(feature.expr)
            yield moves if feature.worse == "lower" else -moves
    for trigger in policy.triggers:
        yield -direction.of(trigger.when)
        if trigger.clear is not None:
            yield direction.of(trigger.clear)
        if trigger.limit is not None:
            yield direction.of(trigger.limit.value)
    if policy.restoration is not None and policy.restoration.condition is not None:
        yield direction.of(policy.restoration.condition)
    if policy.score is not None:
        yield from _effects_on_score(policy, policy.score, direction)


def _effects_on_score(policy: m.Policy, score: Score, direction: Direction) -> Iterator[Trend]:
    for bins in score.bins:
        moves = direction.of(policy.feature(bins.feature).expr)
        yield _order_of(bins.points) * moves if bins.points else (Trend.ANY * moves)
    for table in score.tables:
        for name in (table.row, table.column):
            yield Trend.ANY * direction.of(policy.feature(name).expr)


def _order_of(points: tuple[int, ...]) -> Trend:
    if list(points) == sorted(points):
        return Trend.UP
    return Trend.DOWN if list(points) == sorted(points, reverse=True) else Trend.ANY


class Direction:
    """Which way expressions move as more events of one kind come."""

    def __init__(self, policy: m.Policy, kind: str) -> None:
        self.kind = kind
        self.signed = {field.name for field in policy.kind(kind).fields if field.signed}
        self.features: dict[str, Trend] = {}
        for feature in policy.features:  # each after all that it is made of
            self.features[feature.name] = self.of(feature.expr)

    def of(self, expr: ex.Expr) -> Trend:
        """The direction of an expression: UP where it rises, or comes to be true."""
        match expr:
            case ex.Ref(name):
                return self.features.get(name, Trend.STILL)
            case ex.Windowed(how, select, field):
                return self._of_measure(select, how in RAISED_BY_EVENTS and field not in self.signed)
            case ex.Last(select, _):
                return self._of_measure(select, expr.unit in (ex.MONEY, ex.COUNT))
            case ex.DaysSince(select):
                return -self._of_measure(select, rises=True)
            case ex.Compare(op, left, right):
                return self._of_comparison(op, self.of(left), self.of(right))
            case ex.Not(item):
                return -self.of(item)
            case ex.Arithmetic(op, left, right):
                return self._of_arithmetic(op, left, right)
            case ex.Call("known", (item,)):
                # Of an amount, `known` guards a comparison; whether any event of a kind came is a fact by itself.
                return Trend.STILL if item.unit == ex.MONEY or self.of(item) == Trend.STILL else Trend.UP
            case ex.If(test, yes, no) if self.of(test) == Trend.STILL:
                return self.of(yes) + self.of(no)
            case ex.Call("fallback", (value, ex.Literal())):
                return self.of(value)
            case ex.Call(name, args):
                return FUNCTIONS[name].trend(args, [self.of(arg) for arg in args])
            case _:
                return self._of_children(expr)

    def _of_measure(self, select: ex.Select, rises: bool) -> Trend:
        if select.kind != self.kind:
            return Trend.STILL
        return Trend.UP if rises else Trend.ANY

    def _of_comparison(self, op: str, left: Trend, right: Trend) -> Trend:
        difference = left + -right
        if op in (">", ">="):
            return difference
        return -difference if op in ("<", "<=") else Trend.ANY * difference

    def _of_arithmetic(self, op: str, left: ex.Expr, right: ex.Expr) -> Trend:
        if op in ("+", "-"):
            return self.of(left) + (self.of(right) if op == "+" else -self.of(right))
        factor = right.value if isinstance(right, ex.Literal) else 0
        return Trend.ANY * self.of(left) if not factor else self.of(left) if factor > 0 else -self.of(left)

    def _of_children(self, expr: ex.Expr) -> Trend:
        """Conjunctions and alternatives rise where each part does; of the rest nothing is known."""
        parts = [self.of(child) for child in ex.children(expr)]
        whole = Trend.STILL
        for part in parts:
            whole = whole + part
        return whole if isinstance(expr, ex.And | ex.Or) else Trend.ANY * whole
