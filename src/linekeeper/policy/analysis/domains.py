"""What values an expression can have: from where to where, whether it may be missing, whether a condition can hold.

All of it is an upper bound: what lies outside a domain never occurs, what lies inside may never occur either.

>>> Domains.of_hour.holds_within(Domain(24, 24), "<"), Domains.of_hour.holds_within(Domain(5, 5), "<")
((True, False), (True, True))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.functions import FUNCTIONS, Interval, MeasureFunction, by_itself, record_of
from linekeeper.scorecard.card import SCORE_MAX, reach

Truth = tuple[bool, bool]  # whether a condition can hold, and whether it can fail


@dataclass(frozen=True, slots=True)
class Domain:
    """The values from `low` to `high` where the value can be known; and whether it can be missing."""

    low: int
    high: int
    missing: bool = False
    known: bool = True

    def holds_within(self, other: Domain, op: str) -> Truth:
        """Whether `self op other` can hold, and can fail."""
        if not (self.known and other.known):
            return False, True
        less, more = self.low < other.high, self.high > other.low
        meet = self.low <= other.high and other.low <= self.high
        one = self.low == self.high == other.low == other.high
        can_hold, can_fail = {
            "=": (meet, not one),
            "!=": (not one, meet),
            "<": (less, self.high >= other.low),
            "<=": (self.low <= other.high, more),
            ">": (more, self.low <= other.high),
            ">=": (self.high >= other.low, less),
        }[op]
        return can_hold, can_fail or self.missing or other.missing


MISSING_ALONE = Domain(0, -1, missing=True, known=False)


class Domains:
    """The domains of a policy's features, and of expressions over them.

    `given` replaces the domains of some measures: a feed that never sends a kind of event leaves them empty.
    """

    of_hour: ClassVar[Domain] = Domain(0, 23)

    def __init__(self, policy: m.Policy, given: Mapping[str, Domain] | None = None) -> None:
        self.policy = policy
        self.exprs = {feature.name: feature.expr for feature in policy.features}
        self._kinds = {kind.name: kind for kind in policy.kinds}
        self._features: dict[str, Domain] = {}
        for feature in policy.features:  # each after all that it is made of
            replaced = (given or {}).get(feature.name)
            self._features[feature.name] = replaced or self._clamped(self.of(feature.expr))

    def of(self, expr: ex.Expr, kind: str = "") -> Domain:
        """The domain of an expression; `kind` is the kind of event whose fields a filter names."""
        match expr:
            case ex.Literal(value):
                return Domain(value, value)
            case ex.Ref(name):
                return self._features[name]
            case ex.ScoreRef(name):
                return self._score(name)
            case ex.HourOfDay():
                return self.of_hour
            case ex.LineBefore():
                return Domain(0, MONEY_MAX, missing=True)
            case ex.Holiday() | ex.Listed():
                return Domain(0, 1)
            case ex.Weekday():
                return Domain(0, 6)
            case ex.DayOfMonth():
                return Domain(1, 31)
            case ex.FieldRef(name):
                return self._field(name, kind)
            case ex.Arithmetic(op, left, right):
                return _calculated(op, self.of(left, kind), self.of(right, kind))
            case ex.Call(name, args) if FUNCTIONS[name].unit != ex.FLAG:
                return self._called(name, args, kind)
            case ex.If(test, yes, no):
                can_hold, can_fail = self.truth(test, kind)
                return _union([self.of(yes, kind)] * can_hold + [self.of(no, kind)] * can_fail)
            case _ if isinstance(expr, ex.Measure):
                return self._measured(expr)
            case _:
                can_hold, can_fail = self.truth(expr, kind)
                return Domain(int(not can_fail), int(can_hold))

    def truth(self, expr: ex.Expr, kind: str = "") -> Truth:
        """Whether the expression, as a condition, can hold, and can fail."""
        match expr:
            case ex.Literal(value):
                return value == 1, value != 1
            case ex.Not(item):
                can_hold, can_fail = self.truth(item, kind)
                return can_fail, can_hold
            case ex.And(items) | ex.Or(items):
                truths = [self.truth(item, kind) for item in items]
                every, some = isinstance(expr, ex.And), isinstance(expr, ex.Or)
                can_hold = all(one for one, _ in truths) if every else any(one for one, _ in truths)
                can_fail = all(one for _, one in truths) if some else any(one for _, one in truths)
                return can_hold, can_fail
            case ex.Compare(op, left, right):
                return self.of(left, kind).holds_within(self.of(right, kind), op)
            case ex.In(item, values):
                domain = self.of(item, kind)
                inside = [value for value in values if domain.known and domain.low <= value <= domain.high]
                size = domain.high - domain.low + 1
                return bool(inside), domain.missing or not domain.known or len(inside) < size
            case ex.Call("known", (item,)):
                domain = self.of(item, kind)
                return domain.known, domain.missing
            case _:
                return self.of(expr, kind).holds_within(Domain(1, 1), "=")

    def _measured(self, measure: ex.Measure) -> Domain:
        record = record_of(measure)
        missing = isinstance(record, MeasureFunction) and record.missing
        if record.bounds is not None:
            return Domain(*record.bounds, missing=missing)
        assert isinstance(measure, ex.Windowed | ex.Last | ex.First)
        bounds = self._bounds_of(self._field_named(measure.select.kind, str(measure.field)))
        if measure.function == "sum":
            bounds = Interval(0, MONEY_MAX)
        return Domain(*bounds, missing=missing)

    def _field(self, name: str, kind: str) -> Domain:
        """A field inside a filter; without a kind the `amount` of a draw that is asked for."""
        if not kind:
            return Domain(0, MONEY_MAX)
        field = self._field_named(kind, name)
        return Domain(*self._bounds_of(field), missing=field.optional)

    def _field_named(self, kind: str, name: str) -> m.Field:
        return next(field for field in self._kinds[kind].fields if field.name == name)

    @staticmethod
    def _bounds_of(field: m.Field) -> Interval:
        high = {"flag": 1, "category": len(field.choices) - 1}.get(field.unit, field.most)
        return Interval(-MONEY_MAX if field.signed else 0, high)

    def _score(self, name: str) -> Domain:
        score = self.policy.score
        if score is None or name not in ("score", "pd"):
            return Domain(-SCORE_MAX, SCORE_MAX)
        return Domain(*reach(score)) if name == "score" else Domain(min(score.pd_ppm), max(score.pd_ppm))

    def _called(self, name: str, args: tuple[ex.Expr, ...], kind: str) -> Domain:
        function, domains = FUNCTIONS[name], [self.of(arg, kind) for arg in args]
        if name == "fallback":
            value, other = domains
            if not (value.known and value.missing):
                return value if value.known else other
            return _fallback(value, other)
        if not all(domain.known for domain in domains):
            return MISSING_ALONE
        missing = any(domain.missing for domain in domains)
        if function.missing is by_itself:
            missing = missing or domains[-1].low <= 0
            if domains[-1].high <= 0:
                return MISSING_ALONE
        bounds = function.bounds(*(Interval(domain.low, domain.high) for domain in domains))
        return Domain(*bounds, missing=missing)

    @staticmethod
    def _clamped(domain: Domain) -> Domain:
        low, high = (min(max(end, -MONEY_MAX), MONEY_MAX) for end in (domain.low, domain.high))
        return Domain(low, high, domain.missing, domain.known)


def _fallback(value: Domain, other: Domain) -> Domain:
    ends = _union([value, other])
    return Domain(ends.low, ends.high, missing=other.missing, known=True)


def _union(domains: Iterable[Domain]) -> Domain:
    parts = list(domains)
    known = [domain for domain in parts if domain.known]
    if not known:
        return MISSING_ALONE
    missing = any(domain.missing for domain in parts)
    return Domain(min(one.low for one in known), max(one.high for one in known), missing)


def _calculated(op: str, left: Domain, right: Domain) -> Domain:
    if not (left.known and right.known):
        return MISSING_ALONE
    missing = left.missing or right.missing
    match op:
        case "+":
            return Domain(left.low + right.low, left.high + right.high, missing)
        case "-":
            return Domain(left.low - right.high, left.high - right.low, missing)
        case _:
            ends = (left.low * right.low, left.high * right.low)
            return Domain(min(ends), max(ends), missing)
