"""What an expression may name, what a checked part of it is, and what a type fault says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal as OneOf

from linekeeper.policy import expression as ex
from linekeeper.policy.functions import Interval
from linekeeper.policy.model import Kind
from linekeeper.policy.source import quoted
from linekeeper.policy.syntax import Branch

Loose = OneOf["number", "percent", "text", "span"]  # literals that take their unit from what they stand beside

UNIT_WORDS: Mapping[str, str] = {
    "money": "money",
    "count": "a count",
    "days": "days",
    "share": "a share",
    "flag": "a condition",
    "category": "a word of a list",
    "points": "points",
    "pd": "a probability of default",
    "number": "a bare number",
    "percent": "a percentage",
    "text": "a text",
    "span": "a duration",
}
NUMERIC: frozenset[str] = frozenset({"money", "count", "days", "share", "points", "pd"})


@dataclass(frozen=True, slots=True)
class Checked:
    """A checked part: its node, the interval of its value, whether it may be missing.

    A `loose` literal has no unit yet; `text` is what it is written as, where its value depends on the unit. What a
    parameter is in each segment, or arm, stands in `by_segment`, for the same reason; `axes` say which of them holds.
    """

    expr: ex.Expr
    low: int = 0
    high: int = 1
    missing: bool = False
    loose: Loose | None = None
    text: str = ""
    by_segment: tuple[Checked, ...] = ()
    axes: tuple[ex.Expr, ...] = ()  # which of them holds: the arms of splits, then the segment

    @property
    def unit(self) -> ex.Unit | Loose:
        return self.loose or self.expr.unit

    @property
    def choices(self) -> tuple[str, ...]:
        return self.expr.choices

    @property
    def bounds(self) -> Interval:
        return Interval(self.low, self.high)


class Mistyped(Exception):
    """A type fault: what is wrong, at which character of the expression, and the way out."""

    def __init__(self, message: str, offset: int, way_out: str = "") -> None:
        super().__init__(message)
        self.message, self.offset, self.way_out = message, offset, way_out


CustomerCall = Callable[[Branch, "Scope"], Checked]


def no_list_call(tree: Branch, scope: Scope) -> Checked:
    """What that is where the policy has no lists."""
    raise Mistyped("a list with a name needs `lists`", tree.meta.start_pos or 0, 'write `in ("one", "other")`')


def no_daily_call(tree: Branch, scope: Scope) -> Checked:
    """What `max(utilisation, 6m)` is where nothing is measured."""
    raise Mistyped("nothing is measured here", tree.meta.start_pos or 0)


def no_customer_call(tree: Branch, scope: Scope) -> Checked:
    """What such a call is where the policy has no section that it could be of."""
    word = f"{tree.children[0]}.{tree.children[1]}"
    message = f"`{quoted(word)}` is not known here"
    way_out = "declare what accounts publish: `customer: {publish: {owed: balance}}`"
    raise Mistyped(message, tree.meta.start_pos or 0, way_out)


@dataclass(frozen=True)
class Scope:
    """What an expression may name.

    `feature` resolves a feature's name, and raises KeyError for one that itself has a fault; `hoist` makes a feature of
    a measure that is written in place, and gives its name. `card_unreadable`: the card could not be read, so a name
    that nobody knows may be one of its own, and raises KeyError too.
    """

    kinds: Mapping[str, Kind]
    currency: str
    exponent: int
    feature_names: tuple[str, ...]
    feature: Callable[[str], Checked]
    hoist: Callable[[str, Checked], str]
    scores: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    card_unreadable: bool = False
    measures: bool = True
    event: Kind | None = None  # inside `where`
    asked_amount: bool = False  # inside `authorise`
    holidays: bool = False  # whether the policy says which days are holidays
    params: Mapping[str, tuple[Branch, ...] | None] = field(default_factory=dict)  # one value, or one for each segment
    axes: tuple[str, ...] = ()  # by what parameters may differ: splits, then the segment
    later: frozenset[str] = frozenset()  # names that are known only after the score
    defined: Mapping[str, Branch | None] = field(default_factory=dict)  # conditions with a name; None: it has a fault
    customer_call: CustomerCall = no_customer_call  # what `customer.sum(owed)` is
    daily_call: CustomerCall = no_daily_call  # what `max(utilisation, 6m)` is
    list_call: CustomerCall = no_list_call  # what `device in blocked_devices` is
    lists: tuple[str, ...] = ()  # of texts, by name
