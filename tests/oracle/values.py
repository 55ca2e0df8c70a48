"""Expressions, measures and the score, sections 4 and 5 of the page, on a list of events and one moment.

>>> from tests.oracle.tree import Call, Compare, Literal
>>> evaluate(Call("percent", (Literal(1, "money"), Literal(3, "money"))), no_leaf)
3333
>>> holds(Compare("<", Call("per", (Literal(1, "count"), Literal(0, "count"))), Literal(9, "count")), no_leaf)
False
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from math import floor

from tests.oracle.arms import arm_of
from tests.oracle.clock import day_of, hour_of_day, month_of
from tests.oracle.day_ends import DayEnd, LineByDay, ended
from tests.oracle.ledger import Dated, Ledger, at_most
from tests.oracle.nouns import MONEY_MAX, SHARE_CEILING_BP, Line, Status
from tests.oracle.tree import (
    GROUPS,
    And,
    Arithmetic,
    Arm,
    Call,
    Compare,
    Daily,
    DayOfMonth,
    DaysSince,
    Expr,
    Fact,
    FieldRef,
    First,
    Forest,
    Fork,
    Holiday,
    HourOfDay,
    If,
    In,
    Inline,
    Last,
    LateCount,
    LineBefore,
    Listed,
    Literal,
    Measure,
    Not,
    OfCustomer,
    OfLinked,
    Or,
    Policy,
    Ref,
    Restrictions,
    ScoreRef,
    Select,
    Tip,
    Weekday,
    Window,
    Windowed,
    walk,
)

Value = int | None  # None: missing
Leaf = Callable[[Expr], Value]

COMPARE = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
ARITH = {"+": operator.add, "-": operator.sub, "*": operator.mul}


# ------------------------------------------------------------------ expressions


LINE_FACTS = ("limit", "granted", "utilisation")


def no_leaf(expr: Expr) -> Value:
    """For expressions of constants alone."""
    raise AssertionError(f"nothing is known of {expr}")


def holds(expr: Expr, leaf: Leaf) -> bool:
    """The expression as a condition: a missing flag is false."""
    return evaluate(expr, leaf) == 1


def evaluate(expr: Expr, leaf: Leaf) -> Value:
    """The value of an expression; `leaf` says what names and measures are worth."""
    match expr:
        case Literal(value, _):
            return value
        case Not(item):
            return int(not holds(item, leaf))
        case And(items):
            return int(all(holds(item, leaf) for item in items))
        case Or(items):
            return int(any(holds(item, leaf) for item in items))
        case Compare(op, left, right):
            a, b = evaluate(left, leaf), evaluate(right, leaf)
            return int(a is not None and b is not None and COMPARE[op](a, b))
        case In(item, values):
            found = evaluate(item, leaf)
            return int(found is not None and found in values)
        case Arithmetic(op, left, right):
            a, b = evaluate(left, leaf), evaluate(right, leaf)
            return None if a is None or b is None else int(ARITH[op](a, b))
        case If(test, yes, no):
            return evaluate(yes if holds(test, leaf) else no, leaf)
        case Call(name, args):
            return call(name, [evaluate(arg, leaf) for arg in args])
        case _:
            return leaf(expr)


def call(name: str, args: Sequence[Value]) -> Value:
    """The functions of section 4.2; `known` and `fallback` ask for what is missing, the others pass it on."""
    if name == "known":
        return int(args[0] is not None)
    if name == "fallback":
        return args[0] if args[0] is not None else args[1]
    numbers = [arg for arg in args if arg is not None]
    if len(numbers) < len(args):
        return None
    match name, numbers:
        case "percent", [a, b]:
            return percent(a, b)
        case "part", [a, share]:
            return floor(Fraction(a) * Fraction(share, 10_000))
        case "per", [a, n]:
            return floor(Fraction(a, n)) if n > 0 else None
        case "smallest", _:
            return min(numbers)
        case "largest", _:
            return max(numbers)
    raise AssertionError(f"the page has no function {name}")


def percent(a: int, b: int) -> int:
    """a as a share of b, in basis points.

    >>> percent(1, 8), percent(-5, 8), percent(5, 0), percent(10**15, 1)
    (1250, 0, 1000000, 1000000)
    """
    if a <= 0:
        return 0
    return SHARE_CEILING_BP if b <= 0 else min(floor(Fraction(a, b) * 10_000), SHARE_CEILING_BP)


# ------------------------------------------------------------------ events, seen by measures


def field_value(policy: Policy, dated: Dated, name: str) -> Value:
    """The field of an event as a number: a word by its place in the list of choices."""
    raw = dated.event.fields.get(name)
    if isinstance(raw, str):
        return policy.kind(dated.event.kind).field(name).choices.index(raw)
    return None if raw is None else int(raw)


def selected(policy: Policy, select: Select, dated: Dated, line: LineByDay) -> bool:
    """Whether the event is of the kind and passes the filter."""

    def leaf(expr: Expr) -> Value:
        local_day = date(1970, 1, 1) + timedelta(days=dated.day)
        if isinstance(expr, HourOfDay):
            return hour_of_day(dated.hour)
        if isinstance(expr, DayOfMonth):
            return local_day.day
        if isinstance(expr, LineBefore):
            return line.before(dated.day, expr.name)
        if isinstance(expr, Holiday):
            days = policy.dues.business_days if policy.dues else None
            assert days is not None
            return int(dated.day in days.off and dated.day not in days.working)
        if isinstance(expr, Weekday):
            return local_day.weekday()
        if isinstance(expr, Listed):
            return int(dated.event.fields.get(expr.field) in dict(policy.lists)[expr.list])
        assert isinstance(expr, FieldRef)
        return field_value(policy, dated, expr.name)

    return dated.event.kind == select.kind and (select.where is None or holds(select.where, leaf))


# ------------------------------------------------------------------ measures


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a measure may see: the events in time order, the ledger, and the line as it was before the look."""

    policy: Policy
    events: Sequence[Dated]  # of all that have arrived
    picked: Mapping[Select, Sequence[Dated]]  # the same, by selector
    ledger: Ledger
    line: Line
    hour: int  # now
    opened_day: int
    observed_day: int  # the first day of which all events are known
    status_day: int  # when the status last changed
    restricted: Mapping[
        str, Sequence[int]
    ]  # days of the decrease, suspend and close decisions so far, by unit of window
    ends: Mapping[int, DayEnd]  # how each day before today ended
    line_by_day: LineByDay

    @property
    def day(self) -> int:
        return day_of(self.hour)

    def inside(self, hour: int, window: Window, ending: int = 0) -> bool:
        """Whether the window covers a local hour now."""
        return covers(window, self.hour, hour, ending)


def tile(hour: int, unit: str) -> int:
    """The hour, day or month in which a local hour lies."""
    match unit:
        case "h":
            return hour
        case "d":
            return day_of(hour)
        case _:
            return month_of(day_of(hour))


def covers(window: Window, now: int, hour: int, ending: int = 0) -> bool:
    """Whether a local hour lies in one of `length` tiles, the last of them `ending` tiles before the current one."""
    return 0 <= tile(now, window.unit) - ending - tile(hour, window.unit) < window.length


def days_reached(policy: Policy, expr: Expr) -> int:
    """Into how many days before today the longest window may reach that the expression reads, however deep inside."""
    meant = {feature.name: feature.expr for feature in policy.features}
    longest, waiting, read = 0, [expr], set[str]()
    while waiting:
        for part in walk(waiting.pop()):
            part = part.measure if isinstance(part, Inline) else part
            window = getattr(part, "window", None)
            if window is not None:
                length = window.length + getattr(part, "ending", 0)
                days = {"h": length // 24 + 2, "d": length, "m": 31 * length}
                longest = max(longest, days[window.unit])
            names = [part.name] if isinstance(part, Ref) else []
            if isinstance(part, ScoreRef) and policy.score:
                names = policy.score.features()
            waiting += [meant[name] for name in names if name in meant and name not in read]
            waiting += [policy.in_place[name].expr for name in names if name in policy.in_place and name not in read]
            read.update(names)
    return longest


def measures(policy: Policy) -> list[Measure]:
    """All measures of a policy: those that are a feature, and those that stand in an expression."""
    values = [*policy.features, *policy.in_place.values()]
    return [value.expr for value in values if isinstance(value.expr, Measure)]


def measure(scene: Scene, expr: Expr) -> Value:
    """The value of one measure or fact at the scene's moment."""
    match expr:
        case Windowed():
            return windowed(scene, expr)
        case First(select, field):
            values = [field_value(scene.policy, dated, field) for dated in scene.picked[select]]
            return next((value for value in values if value is not None), None)
        case Last(select, field):
            found = [field_value(scene.policy, dated, field) for dated in scene.picked[select]]
            return next((value for value in reversed(found) if value is not None), None)
        case DaysSince(select):
            latest = scene.picked[select][-1:]
            return scene.day - latest[0].day if latest else None
        case LateCount(days, window):
            return sum(n == days and scene.inside(24 * day, window) for n, day in scene.ledger.rises)
        case Restrictions(window):
            return sum(scene.inside(24 * day, window) for day in scene.restricted[window.unit])
        case OfCustomer(how, _, name, least):
            others = measure(scene, Last(Select("customer"), expr.field)) or 0
            own = max(fact(scene, name) or 0, 0)
            if how == "count":
                return others + (own >= least)
            return others + own if how == "sum" else max(others, own)
        case Daily():
            return daily(scene, expr)
        case OfLinked():
            return measure(scene, Last(Select("linked"), expr.field)) or 0
        case Fact(name):
            return fact(scene, name)
        case Arm(name):
            split = next(split for split in scene.policy.splits if split.name == name)
            return arm_of(split, scene.events[0].event.account)
    raise AssertionError(f"{expr} is no measure")


def windowed(scene: Scene, measure: Windowed) -> Value:
    """What a window comes to; what one tile holds is clamped at 10^15."""
    tiles: dict[int, list[int]] = {}
    for dated in scene.picked[measure.select]:
        value = 1 if measure.field is None else field_value(scene.policy, dated, measure.field)
        if value is not None and scene.inside(dated.hour, measure.window, measure.ending):
            tiles.setdefault(tile(dated.hour, measure.window.unit), []).append(value)
    every = [value for values in tiles.values() for value in values]
    total = sum(min(sum(values), MONEY_MAX) for values in tiles.values())
    match measure.how:
        case "max":
            return max(every, default=None)
        case "min":
            return min(every, default=None)
        case "spread":
            return min(max(every) - min(every), MONEY_MAX) if every else None
        case "average":
            return floor(Fraction(min(total, MONEY_MAX), len(every))) if every else None
        case "active":
            return len(tiles)
        case "distinct":
            return len(set(every))
        case "in_a_row":
            return in_a_row(set(tiles), tile(scene.hour, measure.window.unit))
    return total


def first_day_of_month(month: int) -> int:
    """Days since 1 January 1970 of the first day of a month since then."""
    return (date(1970 + month // 12, month % 12 + 1, 1) - date(1970, 1, 1)).days


def daily(scene: Scene, measure: Daily) -> Value:
    """What the days of a window come to, each as it ended and today as it stands."""
    first = scene.day - measure.window.length + 1
    if measure.window.unit == "m":
        first = first_day_of_month(month_of(scene.day) - measure.window.length + 1)
    reads_line = any(isinstance(part, Fact) and part.name in LINE_FACTS for part in walk(measure.of))
    values = []
    for day in range(max(first, min(scene.ends, default=scene.day)), scene.day):
        line = scene.line_by_day.on(day) if reads_line else (0, 0)
        values.append(_on_day(measure.of, scene.ends[day], *line))
    values.append(_on_day(measure.of, ended(scene.ledger), scene.line.limit, scene.line.granted))
    match measure.how:
        case "max":
            return max(values)
        case "min":
            return min(values)
        case "average":
            return floor(Fraction(sum(values), len(values)))
    return sum(values)


def _on_day(expr: Expr, end: DayEnd, limit: int, granted: int) -> int:
    """A fact, or a condition, of a day that ended so under that line."""

    def leaf(of: Expr) -> Value:
        assert isinstance(of, Fact)
        match of.name:
            case "limit":
                return limit
            case "granted":
                return granted
            case "utilisation":
                return percent(end.balance, limit)
        return int(getattr(end, of.name))

    value = evaluate(expr, leaf)
    assert value is not None
    return value


def in_a_row(tiles: set[int], now: int) -> int:
    """How many tiles follow on each other up to now; the current one may still be empty.

    >>> in_a_row({3, 5, 6, 7}, 7), in_a_row({3, 5, 6, 7}, 8), in_a_row({3, 5, 6, 7}, 9)
    (3, 3, 0)
    """
    last = now if now in tiles else now - 1
    length = 0
    while last - length in tiles:
        length += 1
    return length


def fact(scene: Scene, name: str) -> Value:
    """The account facts of section 3."""
    line, ledger = scene.line, scene.ledger
    match name:
        case "limit" | "granted":
            return int(getattr(line, name))
        case "available":
            return available(line, ledger.balance)
        case "utilisation":
            return percent(ledger.balance, line.limit)
        case "months_on_book":
            return month_of(scene.day) - month_of(scene.opened_day)
        case "days_on_book":
            return scene.day - scene.opened_day
        case "days_observed":
            return at_most(scene.day - scene.observed_day)
        case "days_in_status":
            return scene.day - scene.status_day
        case _:
            return int(getattr(ledger, name))


def available(line: Line, balance: int) -> int:
    """What may still be drawn."""
    return 0 if line.status >= Status.SUSPENDED else max(line.limit - balance, 0)


# ------------------------------------------------------------------ features and score


@dataclass(frozen=True, slots=True)
class Values:
    """What one look worked with: features, measures and facts by name, the score, its sub-totals, the PD in ppm."""

    features: Mapping[str, Value]
    score: Value = None
    groups: Mapping[str, int] | None = None
    pd_ppm: Value = None

    def leaf(self, expr: Expr) -> Value:
        """The names that triggers, offers and authorisation may use."""
        if isinstance(expr, ScoreRef):
            named = {"score": self.score, "pd": self.pd_ppm, **(self.groups or {})}
            return named[expr.name]
        assert isinstance(expr, Ref | Inline | Fact), expr
        return self.features[expr.name]


def look_up(scene: Scene) -> Values:
    """Every feature of the policy, whatever their order in the file; measures and facts in their place; the score."""
    policy = scene.policy
    meant = {feature.name: feature.expr for feature in (*policy.features, *policy.in_place.values())}
    features: dict[str, Value] = {}

    def named(name: str) -> Value:
        if name not in features:
            features[name] = clamped(evaluate(meant[name], leaf))
        return features[name]

    def leaf(expr: Expr) -> Value:
        return named(expr.name) if isinstance(expr, Ref | Inline) else clamped(measure(scene, expr))

    after = reading_score(policy)
    for name in meant:
        if name not in after:
            named(name)
    values = scored(policy, features)
    for name in (name for name in meant if name in after):
        known = {one: value for one, value in features.items() if one not in after}
        features[name] = _after_score(meant, name, replace(values, features=known), after)
    return replace(values, features={name: features[name] for name in meant})


def _after_score(meant: Mapping[str, Expr], name: str, values: Values, after: frozenset[str]) -> Value:
    """The value of a segment or a table that reads the score."""

    def leaf(expr: Expr) -> Value:
        if isinstance(expr, Ref) and expr.name in after:
            return _after_score(meant, expr.name, values, after)
        return values.leaf(expr)

    return clamped(evaluate(meant[name], leaf))


def reading_score(policy: Policy) -> frozenset[str]:
    """The names of the values that read the score, by themselves or through others."""
    after: set[str] = set()
    while True:
        more = {
            feature.name
            for feature in policy.features
            if any(
                isinstance(part, ScoreRef) or (isinstance(part, Ref) and part.name in after)
                for part in walk(feature.expr)
            )
        }
        if more <= after:
            return frozenset(after)
        after |= more


def clamped(value: Value) -> Value:
    """A value held to what a feature may be."""
    return None if value is None else at_most(value)


def scored(policy: Policy, features: Mapping[str, Value]) -> Values:
    """The score of these features by the policy's card, if it has one."""
    card = policy.score
    if card is None:
        return Values(features)
    groups = dict.fromkeys(GROUPS, 0)
    for bins in card.bins:
        groups[bins.group] += bin_points(features[bins.feature], bins.below, bins.points, bins.missing, bins.by_choice)
    for table in card.tables:
        row = bin_place(features[table.row], table.row_below)
        groups[table.group] += table.points[row][bin_place(features[table.column], table.column_below)]
    for forest in card.forests:
        groups[forest.group] += forest_points(forest, features)
    score = card.base + sum(groups.values())
    return Values(features, score, groups, card.pd_ppm[bin_place(score, card.pd_below)])


def bin_place(value: Value, below: Sequence[int]) -> int:
    """The first bin whose `below` the value is under, else the last, and after that the one for missing."""
    if value is None:
        return len(below) + 1
    return next((place for place, edge in enumerate(below) if value < edge), len(below))


def bin_points(
    value: Value, below: Sequence[int], points: Sequence[int], missing: int, by_choice: Sequence[int]
) -> int:
    """Points of one feature."""
    if value is None:
        return missing
    return by_choice[value] if by_choice else points[bin_place(value, below)]


def forest_points(forest: Forest, features: Mapping[str, Value]) -> int:
    """Points of all trees: their parts added up, and half a point rounded upwards."""
    parts = sum(tip_of(tree, features).parts for tree in forest.trees)
    return floor(Fraction(parts, forest.parts_of_a_point) + Fraction(1, 2))


def tip_of(tree: Fork | Tip, features: Mapping[str, Value]) -> Tip:
    """Where a tree ends for these features."""
    if isinstance(tree, Tip):
        return tree
    value = features[tree.feature]
    if value is None or value == tree.counts_as_missing:
        return tip_of(tree.missing, features)
    agrees = value < tree.cut if tree.choices is None else value in tree.choices
    return tip_of(tree.yes if agrees else tree.no, features)
