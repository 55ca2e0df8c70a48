"""The words of the language that stand for a value: functions, measures and account facts, one record each.

A record holds all that is true of its word: the arguments it takes, the unit and the bounds of its value, when the
value is missing, which way it moves, its code in a kernel, and its words for people. The type checker, the analysis,
the expression compiler and the prose read the records; whoever adds a function of values adds its record here, its
Chinese to `texts/catalogue/zh.po`, and a function to `kernel/prelude.py` where the code calls one. A measure needs a
node in `expression` as well, and a measure or a fact its state in `kernel/layout.py`.

>>> FUNCTIONS["percent"].code, FUNCTIONS["percent"].words
('percent({0}, {1})', '{part} as a share of {whole}')
>>> FUNCTIONS["percent"].trend((Literal(1, "count"), Literal(2, "count")), (Trend.STILL, Trend.UP))
<Trend.DOWN: 'down'>
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Literal as OneOf
from typing import NamedTuple

from linekeeper.core.bounds import MONEY_MAX, SHARE_CEILING_BP
from linekeeper.policy.daily import DAILY
from linekeeper.policy.expression import (
    CATEGORY,
    COUNT,
    DAYS,
    FLAG,
    MONEY,
    SHARE,
    Arm,
    Daily,
    DaysSince,
    Expr,
    Fact,
    First,
    Last,
    LateCount,
    Literal,
    Measure,
    Restrictions,
    Select,
    Unit,
    Window,
    Windowed,
)
from linekeeper.policy.model import Field
from linekeeper.policy.trends import Trend

DAYS_SINCE_MAX = 10**6
LIST_BITS = 60  # words of a list of which a window can say how many it has: a bit each


class Interval(NamedTuple):
    """All values from `low` to `high`."""

    low: int
    high: int


# ------------------------------------------------------------------ functions of values


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument with a unit of its own: that `unit`; without it, any number; with `any_unit`, whatever there is.

    Its magnitude is at most `limit`, so that what the kernel makes of it stays within 64 bits.
    """

    name: str
    unit: Unit | None = None
    any_unit: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Alike:
    """Two arguments of one unit; `verb` says in a fault what cannot be done with others."""

    names: tuple[str, str]
    verb: str
    numeric: bool
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Several:
    """From `least` to `most` numbers of one unit, which the words name together."""

    name: str
    least: int
    most: int


Missing = Callable[[Sequence[bool]], bool]  # from whether each argument may be missing to whether the value may


def never(arguments: Sequence[bool]) -> bool:
    """The value is known whatever is missing."""
    return False


def by_itself(arguments: Sequence[bool]) -> bool:
    """The value may be missing though all arguments are known."""
    return True


@dataclass(frozen=True, slots=True)
class Function:
    """A function of values.

    `unit` is that of its value; None: the unit, and the choices, of the first argument.
    `bounds` gives the interval of the value from those of the arguments.
    `moves` gives, for these arguments, the direction in which the value moves as each of them rises and the rest stay.
    `code` is the value where all arguments are known; the kernel makes it missing where one is missing. A function that
    looks at whether its first argument is known says the value in `code_of_missing` where that may be missing.
    `words` is the English phrase with a place for the arguments: a clause where the unit is a flag, else a noun.
    """

    name: str
    arguments: tuple[Argument, ...] | Alike | Several
    unit: Unit | None
    bounds: Callable[..., Interval]
    missing: Missing
    moves: Callable[[Sequence[Expr]], Sequence[Trend]]
    code: str
    words: str
    code_of_missing: str | None = None

    def trend(self, args: Sequence[Expr], trends: Sequence[Trend]) -> Trend:
        """The direction of the value by time alone, from those of its arguments."""
        pairs = zip(self.moves(args), trends, strict=True)
        return reduce(Trend.__add__, (move * trend for move, trend in pairs), Trend.STILL)

    def argument_names(self) -> tuple[str, ...]:
        """What the words call the arguments; several have one name together."""
        match self.arguments:
            case Alike(names):
                return names
            case Several(name):
                return (name,)
            case arguments:
                return tuple(argument.name for argument in arguments)


def _part_bounds(whole: Interval, share: Interval) -> Interval:
    ends = [value * factor // 10_000 for value in whole for factor in share]
    return Interval(min(ends), max(ends))


def _part_moves(args: Sequence[Expr]) -> tuple[Trend, Trend]:
    """A constant share says by its sign how the part follows the whole; with both moving, nothing can be said."""
    share = args[1]
    if not isinstance(share, Literal):
        return Trend.ANY, Trend.ANY
    return (Trend.UP if share.value >= 0 else Trend.DOWN), Trend.ANY


def _smallest_bounds(*items: Interval) -> Interval:
    return Interval(min(item.low for item in items), min(item.high for item in items))


def _largest_bounds(*items: Interval) -> Interval:
    return Interval(max(item.low for item in items), max(item.high for item in items))


def _rises_with_each(args: Sequence[Expr]) -> list[Trend]:
    return [Trend.UP] * len(args)


def _any_way(args: Sequence[Expr]) -> list[Trend]:
    return [Trend.ANY] * len(args)


FUNCTIONS: Mapping[str, Function] = {
    function.name: function
    for function in (
        Function(
            "percent",
            Alike(("part", "whole"), "divide", numeric=True, limit=MONEY_MAX),
            unit=SHARE,
            bounds=lambda part, whole: Interval(0, SHARE_CEILING_BP),
            missing=any,
            moves=lambda args: (Trend.UP, Trend.DOWN),
            code="percent({0}, {1})",
            words="{part} as a share of {whole}",
        ),
        Function(
            "part",
            (Argument("whole", limit=MONEY_MAX), Argument("share", SHARE, limit=SHARE_CEILING_BP)),
            unit=None,
            bounds=_part_bounds,
            missing=any,
            moves=_part_moves,
            code="share_of({0}, {1})",
            words="{share} of {whole}",
        ),
        Function(
            "per",
            (Argument("whole", limit=MONEY_MAX), Argument("count", COUNT, limit=MONEY_MAX)),
            unit=None,
            bounds=lambda whole, count: Interval(min(whole.low, 0), max(whole.high, 0)),
            missing=by_itself,  # where the count is not above 0
            moves=_any_way,
            code="divide({0}, {1})",
            words="{whole} divided by {count}",
        ),
        Function(
            "smallest",
            Several("items", 2, 8),
            unit=None,
            bounds=_smallest_bounds,
            missing=any,
            moves=_rises_with_each,
            code="min({all})",
            words="the smallest of {items}",
        ),
        Function(
            "largest",
            Several("items", 2, 8),
            unit=None,
            bounds=_largest_bounds,
            missing=any,
            moves=_rises_with_each,
            code="max({all})",
            words="the largest of {items}",
        ),
        Function(
            "fallback",
            Alike(("value", "other"), "replace", numeric=False),
            unit=None,
            bounds=lambda value, other: Interval(min(value.low, other.low), max(value.high, other.high)),
            missing=all,
            moves=_any_way,  # the value jumps where its first argument comes to be missing
            code="{0}",
            code_of_missing="{0} if {0} != MISSING else {1}",
            words="{value} (where that is not known: {other})",
        ),
        Function(
            "known",
            (Argument("item", any_unit=True),),
            unit=FLAG,
            bounds=lambda item: Interval(0, 1),
            missing=never,
            moves=_any_way,
            code="True",
            code_of_missing="{0} != MISSING",
            words="{item} is known",
        ),
    )
}


# ------------------------------------------------------------------ measures: functions of the account's own past


@dataclass(frozen=True, slots=True)
class Events:
    """An argument that selects events: a kind, or with `field` one of its fields.

    With `amount` that is a field that can be added up; it may be negative where `signed`. With `listed` it is one of a
    list of words, of which there are at most so many.
    """

    field: bool = False
    amount: bool = False
    signed: bool = True
    listed: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """An argument that is a window, in these units of tiles, of at least so many."""

    units: str
    least: int = 1


@dataclass(frozen=True, slots=True)
class DaysPastDue:
    """An argument that is a constant number of days past due."""


@dataclass(frozen=True, slots=True)
class MeasureFunction:
    """A function of the account's own past.

    `node` makes the measure from its arguments: a `Select`, followed by its `Field` where one is asked for, a `Window`,
    a number of days. `bounds` is the interval of its value; None: that of the field. `trend` is the direction of the
    value by time alone; where it `fades`, it may end in missing. `code` is the value, made of the slots of the state
    that hold what is measured (`s[17]`): `slot`, the second one, and the number of tiles in the window that hold
    something. `words` is the English phrase, with places for events, field, window, span. Where it `ends`, its window
    may end in the past, as in `sum(draw.amount, 30d, ending 30d ago)`; its value then moves either way.
    """

    name: str
    arguments: tuple[Events | Span | DaysPastDue, ...]
    node: Callable[..., Measure]
    bounds: Interval | None
    missing: bool
    trend: Trend
    code: str
    words: str
    fades: bool = False
    ends: bool = False


Amounts = OneOf["sum", "max", "min", "average", "spread"]


def _amounts(how: Amounts) -> Callable[[Select, Field, Window], Windowed]:
    """Makes measures of one field in a window."""
    return lambda select, field, window: Windowed(how, select, field.name, window, field.unit)


def _counts(how: OneOf["count", "active", "in_a_row"]) -> Callable[[Select, Window], Windowed]:
    """Makes measures that count in a window."""
    return lambda select, window: Windowed(how, select, None, window, COUNT)


def _last(select: Select, field: Field) -> Last:
    return Last(select, field.name, field.unit, field.choices)


def _first(select: Select, field: Field) -> First:
    return First(select, field.name, field.unit, field.choices)


_COUNTED = Interval(0, MONEY_MAX)

# What a window holds rises with an event, which brings an evaluation of its own; time alone only lets tiles leave. The
# one exception, the day on which days past due reach the number of a `late_count`, is always a day of evaluation.
MEASURES: Mapping[str, MeasureFunction] = {
    measure.name: measure
    for measure in (
        MeasureFunction(
            "count",
            (Events(), Span("hdm")),
            node=_counts("count"),
            bounds=_COUNTED,
            missing=False,
            trend=Trend.DOWN,
            code="{slot}",
            words="the number of {events} in {window}",
            ends=True,
        ),
        MeasureFunction(
            "sum",
            (Events(field=True, amount=True, signed=False), Span("hdm")),
            node=_amounts("sum"),
            bounds=None,
            missing=False,
            trend=Trend.DOWN,
            code="min({slot}, MONEY_MAX)",
            words="the total {field} of {events} in {window}",
            ends=True,
        ),
        MeasureFunction(
            "max",
            (Events(field=True, amount=True), Span("hdm")),
            node=_amounts("max"),
            bounds=None,
            missing=True,
            trend=Trend.DOWN,
            fades=True,
            code="{slot}",
            words="the largest {field} of {events} in {window}",
            ends=True,
        ),
        MeasureFunction(
            "min",
            (Events(field=True, amount=True), Span("hdm")),
            node=_amounts("min"),
            bounds=None,
            missing=True,
            trend=Trend.UP,
            fades=True,
            code="0 - {slot} if {slot} != MISSING else MISSING",
            words="the smallest {field} of {events} in {window}",
            ends=True,
        ),
        MeasureFunction(
            "average",
            (Events(field=True, amount=True, signed=False), Span("hdm")),
            node=_amounts("average"),
            bounds=None,
            missing=True,
            trend=Trend.ANY,
            fades=True,
            code="divide(min({slot}, MONEY_MAX), {second_slot})",
            words="the average {field} of {events} in {window}",
            ends=True,
        ),
        MeasureFunction(
            "spread",
            (Events(field=True, amount=True), Span("hdm")),
            node=_amounts("spread"),
            bounds=Interval(0, MONEY_MAX),
            missing=True,
            trend=Trend.DOWN,
            fades=True,
            code="min({slot} + {second_slot}, MONEY_MAX) if {slot} != MISSING else MISSING",
            words="the difference between the largest and the smallest {field} of {events} in {window}",
            ends=True,
        ),
        MeasureFunction(
            "active",
            (Events(), Span("hdm")),
            node=_counts("active"),
            bounds=_COUNTED,
            missing=False,
            trend=Trend.DOWN,
            code="{tiles}",
            words="the number of {tiles} with {events} in {window}",
            ends=True,
        ),
        MeasureFunction(
            "in_a_row",
            (Events(), Span("hdm", least=2)),
            node=_counts("in_a_row"),
            bounds=_COUNTED,
            missing=False,
            trend=Trend.DOWN,
            code="tiles_in_a_row(s, {ring}, {oldest}) if {lives} else 0",
            words="the number of {tiles} in a row with {events} in {window}",
        ),
        MeasureFunction(
            "distinct",
            (Events(field=True, listed=LIST_BITS), Span("hdm")),
            node=lambda select, field, window: Windowed("distinct", select, field.name, window, COUNT),
            bounds=Interval(0, LIST_BITS),
            missing=False,
            trend=Trend.DOWN,
            code="count_bits({slot})",
            words="the number of different values of {field} of {events} in {window}",
        ),
        MeasureFunction(
            "first",
            (Events(field=True),),
            node=_first,
            bounds=None,
            missing=True,
            trend=Trend.STILL,
            code="{slot}",
            words="the {field} of the earliest {event}",
        ),
        MeasureFunction(
            "last",
            (Events(field=True),),
            node=_last,
            bounds=None,
            missing=True,
            trend=Trend.STILL,
            code="{slot}",
            words="the {field} of the latest {event}",
        ),
        MeasureFunction(
            "days_since",
            (Events(),),
            node=DaysSince,
            bounds=Interval(0, DAYS_SINCE_MAX),
            missing=True,
            trend=Trend.UP,
            code="day - {slot} if {slot} != MISSING else MISSING",
            words="the time since the latest {event}",
        ),
        MeasureFunction(
            "late_count",
            (DaysPastDue(), Span("dm")),
            node=LateCount,
            bounds=_COUNTED,
            missing=False,
            trend=Trend.DOWN,
            code="{slot}",
            words="the number of times the time past due reached {span} in {window}",
        ),
        MeasureFunction(
            "restrictions",
            (Span("dm"),),
            node=Restrictions,
            bounds=_COUNTED,
            missing=False,
            trend=Trend.DOWN,
            code="{slot}",
            words="the number of restrictions of the line in {window}",
        ),
    )
}


# ------------------------------------------------------------------ facts of the account


@dataclass(frozen=True, slots=True)
class AccountFact:
    """A built-in fact of the account, which is never missing. `trend`, `code` and `words` are as for a measure.

    What the policy's section `dues` decides has a name in braces for its code, which `kernel/dues_code.py` gives.
    """

    name: str
    unit: Unit
    bounds: Interval
    trend: Trend
    code: str
    words: str


_AMOUNT = Interval(0, MONEY_MAX)

FACTS: Mapping[str, AccountFact] = {
    fact.name: fact
    for fact in (
        AccountFact("balance", MONEY, Interval(-MONEY_MAX, MONEY_MAX), Trend.STILL, "s[BALANCE]", "the balance"),
        AccountFact("limit", MONEY, _AMOUNT, Trend.STILL, "s[LIMIT]", "the limit"),
        AccountFact("granted", MONEY, _AMOUNT, Trend.STILL, "s[GRANTED]", "the granted line"),
        AccountFact(
            "available",
            MONEY,
            _AMOUNT,
            Trend.STILL,
            "0 if s[STATUS] >= SUSPENDED else min(max(s[LIMIT] - s[BALANCE], 0), MONEY_MAX)",
            "the amount still available",
        ),
        AccountFact(
            "utilisation",
            SHARE,
            Interval(0, SHARE_CEILING_BP),
            Trend.STILL,
            "percent(s[BALANCE], s[LIMIT])",
            "the share of the limit in use",
        ),
        AccountFact("past_due", MONEY, _AMOUNT, Trend.UP, "{past_due}", "the amount past due"),
        AccountFact("days_past_due", DAYS, _COUNTED, Trend.UP, "{days_past_due}", "the time past due"),
        AccountFact(
            "on_time_streak", COUNT, _COUNTED, Trend.DOWN, "s[STREAK]", "the number of payments made on time in a row"
        ),
        AccountFact(
            "months_on_book",
            COUNT,
            _COUNTED,
            Trend.UP,
            "s[MONTH] - s[OPEN_MONTH]",
            "the number of months since the line was opened",
        ),
        AccountFact(
            "days_on_book", DAYS, _COUNTED, Trend.UP, "day - s[OPEN_DAY]", "the time since the line was opened"
        ),
        AccountFact(
            "days_in_status",
            DAYS,
            _COUNTED,
            Trend.UP,
            "day - s[STATUS_DAY]",
            "the time since the status last changed",
        ),
        AccountFact(
            "in_moratorium",
            FLAG,
            Interval(0, 1),
            Trend.ANY,
            "1 if s[RELIEF_FROM] <= day and day <= s[RELIEF_UNTIL] else 0",
            "the account is in a moratorium",
        ),
        AccountFact(
            "days_observed",
            DAYS,
            _COUNTED,
            Trend.UP,
            "day - s[OBSERVED_DAY]",
            "the time of which all events are known",
        ),
    )
}


# The arm of the account in a split; the policy gives each its name.
ARM = AccountFact(
    "arm", CATEGORY, Interval(0, 7), Trend.STILL, "{slot}", "the group of the account in the split {split}"
)

# Words that came later: a policy that has a feature of that name keeps it.
LATER_FACTS = frozenset(("days_on_book", "in_moratorium"))
RELIEF_FACT = "in_moratorium"  # known where the policy has a section `moratorium`


def record_of(measure: Measure) -> MeasureFunction | AccountFact:
    """The record of a measure's word. What a window holds that ends in the past moves either way by time alone."""
    if isinstance(measure, Fact):
        return FACTS[measure.name]
    if isinstance(measure, Arm):
        return replace(ARM, bounds=Interval(0, len(measure.choices) - 1))
    if isinstance(measure, Daily):
        bounds = FACTS[measure.of.name].bounds if isinstance(measure.of, Fact) else _COUNTED
        return replace(ARM, name=measure.how, unit=measure.unit, bounds=bounds, trend=Trend.ANY, **DAILY[measure.how])
    record = MEASURES[measure.function]
    return replace(record, trend=Trend.ANY) if isinstance(measure, Windowed) and measure.ending else record
