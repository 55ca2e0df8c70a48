"""Expressions of a policy once they have been checked: trees of frozen nodes; `children` walks them.

Every node has its `unit`, and its `choices` where that is a category: the type checker notes both on the leaves and the
calls, and the rest follows from their parts. A name has one unit in a policy, so nodes are equal by what they name.

>>> tree = Compare(">=", Ref("days_past_due", DAYS), Literal(30, DAYS))
>>> [child.name for child in children(tree) if isinstance(child, Ref)]
['days_past_due']
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from dataclasses import field as noted
from typing import ClassVar
from typing import Literal as OneOf

Unit = OneOf["money", "count", "days", "share", "flag", "category", "points", "pd", "text"]
MONEY: Unit = "money"  # integer minor units of the policy's currency
COUNT: Unit = "count"
DAYS: Unit = "days"
SHARE: Unit = "share"  # basis points
FLAG: Unit = "flag"  # 0 or 1
CATEGORY: Unit = "category"  # index into the field's choices
POINTS: Unit = "points"
PD: Unit = "pd"  # parts per million
TEXT: Unit = "text"  # the mark of a text, which is only looked up in a list

TileUnit = OneOf["h", "d", "m"]


class _Condition:
    """A node that is true or false."""

    __slots__ = ()
    unit: ClassVar[Unit] = FLAG
    choices: ClassVar[tuple[str, ...]] = ()


class _Count:
    """A node that counts."""

    __slots__ = ()
    unit: ClassVar[Unit] = COUNT
    choices: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True, slots=True)
class Literal:
    """A typed constant: minor units, days, basis points, ppm, a choice's index, or 0 and 1."""

    value: int
    unit: Unit
    choices: tuple[str, ...] = noted(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Ref:
    """The value of a feature of the policy, by name."""

    name: str
    unit: Unit = noted(compare=False, repr=False)
    choices: tuple[str, ...] = noted(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ScoreRef:
    """`score`, `pd`, or the sub-total of a score group (`ability`, `willingness`)."""

    name: str
    choices: ClassVar[tuple[str, ...]] = ()

    @property
    def unit(self) -> Unit:
        return PD if self.name == "pd" else POINTS


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A field of the event itself; only inside `where`. `amount` of the asked draw in `authorise`."""

    name: str
    unit: Unit = noted(compare=False, repr=False)
    choices: tuple[str, ...] = noted(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class HourOfDay(_Count):
    """The event's local hour, 0-23; only inside `where`."""


@dataclass(frozen=True, slots=True)
class DayOfMonth(_Count):
    """The day of the month of the event's local day, 1-31; only inside `where`."""


WEEKDAY_WORDS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Weekday:
    """The day of the week of the event's local day, a word of a list; only inside `where`."""

    unit: ClassVar[Unit] = CATEGORY
    choices: ClassVar[tuple[str, ...]] = WEEKDAY_WORDS


@dataclass(frozen=True, slots=True)
class Holiday(_Condition):
    """The event's local day is a holiday of the policy's calendar; only inside `where`."""


@dataclass(frozen=True, slots=True)
class Listed(_Condition):
    """A text field of the event is one of the policy's list; only inside `where`. False where it is missing."""

    item: FieldRef
    name: str


@dataclass(frozen=True, slots=True)
class LineBefore:
    """`limit` or `granted` as the day before the event's local day ended; missing where that is not known.

    Only inside `where`.
    """

    name: str
    unit: ClassVar[Unit] = MONEY
    choices: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True, slots=True)
class Not(_Condition):
    """The condition is false."""

    item: Expr


@dataclass(frozen=True, slots=True)
class And(_Condition):
    """All conditions hold."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Or(_Condition):
    """At least one condition holds."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Compare(_Condition):
    """False where either side is missing. `op` is one of = != < <= > >=."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class In(_Condition):
    """False where `item` is missing."""

    item: Expr
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`left op right`, op one of + - *; missing where either side is. The right side of `*` is a constant count."""

    op: str
    left: Expr
    right: Expr
    choices: ClassVar[tuple[str, ...]] = ()

    @property
    def unit(self) -> Unit:
        return self.left.unit


@dataclass(frozen=True, slots=True)
class Call:
    """A function of values: `functions.FUNCTIONS` says what each means."""

    name: str
    args: tuple[Expr, ...]
    unit: Unit = noted(compare=False, repr=False)
    choices: tuple[str, ...] = noted(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class If:
    """`if test then yes else no`; a test that compares a missing value is false, so `no` is taken."""

    test: Expr
    yes: Expr
    no: Expr

    @property
    def unit(self) -> Unit:
        return self.yes.unit

    @property
    def choices(self) -> tuple[str, ...]:
        return self.yes.choices


# ------------------------------------------------------------------ measures: what features are made of
#
# `function` is the word that makes the measure: the key of its record in `functions.MEASURES`.


@dataclass(frozen=True, slots=True)
class Window:
    """The last `length` tiles of the local calendar, the current one included."""

    length: int
    unit: TileUnit


@dataclass(frozen=True, slots=True)
class Select:
    """Events of one kind, perhaps filtered: `draw`, `purchase where category = "gambling"`."""

    kind: str
    where: Expr | None = None


@dataclass(frozen=True, slots=True)
class Windowed:
    """What selected events come to in a window. `field` is None for what counts. max, min, average, spread of nothing
    are missing. A window may end in the past: `ending` tiles before the current one."""

    how: OneOf["count", "sum", "max", "min", "average", "spread", "active", "in_a_row", "distinct"]
    select: Select
    field: str | None
    window: Window
    unit: Unit = noted(compare=False, repr=False)
    ending: int = 0
    choices: ClassVar[tuple[str, ...]] = ()

    @property
    def reach(self) -> Window:
        """The window from its first tile to the current one."""
        return Window(self.window.length + self.ending, self.window.unit)

    @property
    def function(self) -> str:
        return self.how


@dataclass(frozen=True, slots=True)
class Last:
    """The field of the latest selected event that has it; missing where there is none."""

    select: Select
    field: str
    unit: Unit = noted(compare=False, repr=False)
    choices: tuple[str, ...] = noted(default=(), compare=False, repr=False)
    function: ClassVar[str] = "last"


@dataclass(frozen=True, slots=True)
class First:
    """The field of the earliest selected event that has it; missing where there is none."""

    select: Select
    field: str
    unit: Unit = noted(compare=False, repr=False)
    choices: tuple[str, ...] = noted(default=(), compare=False, repr=False)
    function: ClassVar[str] = "first"


@dataclass(frozen=True, slots=True)
class DaysSince:
    """Local days since the latest selected event; missing where there is none."""

    select: Select
    unit: ClassVar[Unit] = DAYS
    choices: ClassVar[tuple[str, ...]] = ()
    function: ClassVar[str] = "days_since"


@dataclass(frozen=True, slots=True)
class LateCount(_Count):
    """How often days past due rose to `days` or more, within a window of day or month tiles."""

    days: int
    window: Window
    function: ClassVar[str] = "late_count"


@dataclass(frozen=True, slots=True)
class Restrictions(_Count):
    """How many decrease, suspend and close decisions, within a window of day or month tiles."""

    window: Window
    function: ClassVar[str] = "restrictions"


@dataclass(frozen=True, slots=True)
class Fact:
    """A built-in fact of the account: `functions.FACTS` says what each means."""

    name: str
    unit: Unit = noted(compare=False, repr=False)
    choices: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True, slots=True)
class Arm:
    """The arm of the account in a split of the policy, a word of a list; it stays the same for the account's life."""

    split: str
    choices: tuple[str, ...] = noted(default=(), compare=False, repr=False)
    unit: ClassVar[Unit] = CATEGORY


@dataclass(frozen=True, slots=True)
class Daily:
    """What an expression of account facts came to at the end of each day of a window, and comes to now.

    `how` is max, min, average, or days_where, which counts the days on which a condition holds.
    """

    how: OneOf["max", "min", "average", "days_where"]
    of: Expr
    window: Window
    unit: Unit = noted(compare=False, repr=False)
    choices: ClassVar[tuple[str, ...]] = ()

    @property
    def facts(self) -> frozenset[str]:
        """The account facts that it reads."""
        return frozenset(node.name for node in nodes_of(self.of) if isinstance(node, Fact))


Measure = Windowed | Last | First | DaysSince | LateCount | Restrictions | Fact | Arm | Daily
Expr = (
    Literal
    | Ref
    | ScoreRef
    | FieldRef
    | HourOfDay
    | DayOfMonth
    | Weekday
    | Holiday
    | Listed
    | LineBefore
    | Not
    | And
    | Or
    | Compare
    | In
    | Arithmetic
    | Call
    | If
    | Measure
)


def children(node: Expr) -> Iterator[Expr]:
    """The direct parts of an expression, left to right."""
    match node:
        case Not(item) | In(item, _) | Listed(item, _):
            yield item
        case And(items) | Or(items):
            yield from items
        case Compare(_, left, right) | Arithmetic(_, left, right):
            yield left
            yield right
        case Call(_, args):
            yield from args
        case If(test, yes, no):
            yield test
            yield yes
            yield no
        case _:
            return


def with_children(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The expression with each of its direct parts changed; a list of words that an item may be stays as it is.

    >>> with_children(Not(Literal(1, FLAG)), lambda part: Literal(0, FLAG))
    Not(item=Literal(value=0, unit='flag'))
    """
    match expr:
        case Not(item):
            return Not(change(item))
        case And(items):
            return And(tuple(map(change, items)))
        case Or(items):
            return Or(tuple(map(change, items)))
        case Compare(op, left, right):
            return Compare(op, change(left), change(right))
        case Arithmetic(op, left, right):
            return Arithmetic(op, change(left), change(right))
        case Call(_, args):
            return replace(expr, args=tuple(map(change, args)))
        case If(test, yes, no):
            return If(change(test), change(yes), change(no))
        case _:
            return expr


@dataclass(frozen=True, slots=True)
class RuleCell:
    """In which arm of each split, and in which segment, an account is: numbers of a rule may differ by that.

    `number` counts through all cells: the segment changes first, the arm of the first split last. `places` holds the
    place of the segment, and of each arm, by the name of its value.
    """

    number: int
    places: tuple[tuple[str, int], ...]

    def place(self, name: str) -> int | None:
        """The place of the account among the arms of that split, or among the segments; None for other values."""
        return dict(self.places).get(name)


def expression_in_segment(expr: Expr, cell: RuleCell | None) -> Expr:
    """The expression as it is in that cell: of a number that differs by segment or arm, the one that counts there.

    What asks for the arm itself is answered, and falls away where it decides nothing.

    >>> prime = Compare("=", Ref("segment", CATEGORY), Literal(1, CATEGORY))
    >>> cap = If(prime, Literal(7_000, SHARE), Literal(5_000, SHARE))
    >>> expression_in_segment(Compare(">", Ref("utilisation", SHARE), cap), RuleCell(1, (("segment", 1),))).right
    Literal(value=7000, unit='share')
    """
    if cell is None:
        return expr

    def within(part: Expr) -> Expr:
        return expression_in_segment(part, cell)

    match expr:
        case If(Compare("=", Ref(name), Literal(which, "category")), yes, no) if cell.place(name) is not None:
            return within(yes if which == cell.place(name) else no)
        case Compare("=" | "!=" as op, Ref(name), Literal(which, "category")) if _is_arm(cell, name):
            return Literal(int((which == cell.place(name)) == (op == "=")), FLAG)
        case In(Ref(name), values) if _is_arm(cell, name):
            return Literal(int(cell.place(name) in values), FLAG)
        case And(items):
            return _without_constants(And(tuple(map(within, items))))
        case Or(items):
            return _without_constants(Or(tuple(map(within, items))))
        case _:
            return with_children(expr, within)


def _is_arm(cell: RuleCell, name: str) -> bool:
    return name != "segment" and cell.place(name) is not None


def _without_constants(expr: And | Or) -> Expr:
    """The same without parts that say nothing; the constant itself where one part decides the whole."""
    idle = int(isinstance(expr, And))
    if Literal(1 - idle, FLAG) in expr.items:
        return Literal(1 - idle, FLAG)
    items = tuple(item for item in expr.items if item != Literal(idle, FLAG))
    if len(items) == len(expr.items):
        return expr
    return items[0] if len(items) == 1 else replace(expr, items=items) if items else Literal(idle, FLAG)


def line_facts_in(select: object) -> bool:
    """Whether a filter asks how the line was on the day before."""
    return (
        isinstance(select, Select)
        and select.where is not None
        and any(isinstance(node, LineBefore) for node in nodes_of(select.where))
    )


def nodes_of(node: Expr) -> Iterator[Expr]:
    """The expression and everything inside it, outermost first."""
    yield node
    for child in children(node):
        yield from nodes_of(child)
