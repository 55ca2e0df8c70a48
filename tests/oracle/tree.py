"""A policy as the page means it: the oracle's own syntax tree, which shares nothing with the program's.

A measure or fact stands in the tree where the policy writes it. What a decision records under the measure's own text
is an `Inline`: `Refs` to features and `Inline` measures are the leaves at which an expression ends.

>>> tree = Compare(">=", Fact("days_past_due"), Literal(30, "days"))
>>> [part for part in walk(tree) if isinstance(part, Literal)]
[Literal(value=30, unit='days')]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

# ------------------------------------------------------------------ expressions (sections 1 and 4)


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: minor units, whole numbers, days, basis points, ppm, the place of a word in its list, 0 and 1."""

    value: int
    unit: str


@dataclass(frozen=True, slots=True)
class Ref:
    """A named feature."""

    name: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact of the account (section 3)."""

    name: str


@dataclass(frozen=True, slots=True)
class ScoreRef:
    """`score`, `pd`, `ability` or `willingness`."""

    name: str


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A field of the event, inside `where`; in `authorise` the `amount` that is asked for."""

    name: str


@dataclass(frozen=True, slots=True)
class HourOfDay:
    """The event's local hour, inside `where`."""


@dataclass(frozen=True, slots=True)
class DayOfMonth:
    """The day of the month of the event's local day, inside `where`."""


@dataclass(frozen=True, slots=True)
class Weekday:
    """The day of the week of the event's local day, inside `where`: 0 is Monday."""


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Holiday:
    """The event's local day is a holiday (section 3.1)."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A text of the event is one of a list (section 2.1)."""

    field: str
    list: str


@dataclass(frozen=True, slots=True)
class LineBefore:
    """`limit` or `granted` as the day before the event ended."""

    name: str


@dataclass(frozen=True, slots=True)
class Not:
    item: Expr


@dataclass(frozen=True, slots=True)
class And:
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Or:
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """`op` is one of = != < <= > >=."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class In:
    """`values` are constants in rising order, each once."""

    item: Expr
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`op` is one of + - *; the constant of a product stands on the right, wherever the policy writes it."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Call:
    """A function of section 4.2."""

    name: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class If:
    test: Expr
    yes: Expr
    no: Expr


# ------------------------------------------------------------------ measures (section 4.1)


@dataclass(frozen=True, slots=True)
class Window:
    """The last `length` tiles; `unit` is h, d or m."""

    length: int
    unit: str


@dataclass(frozen=True, slots=True)
class Select:
    """Events of one kind that pass the filter."""

    kind: str
    where: Expr | None = None


@dataclass(frozen=True, slots=True)
class Windowed:
    """`how` is the word of the measure; `field` is None for those that count events or tiles.

    The window ends `ending` tiles before the current one.
    """

    how: str
    select: Select
    field: str | None
    window: Window
    ending: int = 0


@dataclass(frozen=True, slots=True)
class Last:
    select: Select
    field: str


@dataclass(frozen=True, slots=True)
class First:
    select: Select
    field: str


@dataclass(frozen=True, slots=True)
class DaysSince:
    select: Select


@dataclass(frozen=True, slots=True)
class LateCount:
    days: int
    window: Window


@dataclass(frozen=True, slots=True)
class Restrictions:
    window: Window


@dataclass(frozen=True, slots=True)
class Daily:
    """An account fact, or a condition of facts (`days_where`), over the days of a window as each of them ended."""

    how: str
    of: Expr
    window: Window


@dataclass(frozen=True, slots=True)
class Arm:
    """The arm of the account in a split (section 5.4), by its place."""

    split: str


@dataclass(frozen=True, slots=True)
class OfCustomer:
    """What all accounts of a customer come to: `sum`, `max`, or the `count` of those that have `least` or more.

    `name` is what they publish, `fact` what that is of each.
    """

    how: str
    name: str
    fact: str
    least: int = 0

    @property
    def field(self) -> str:
        """Under which name an account is given what the others come to."""
        return f"{self.name}_at_least_{self.least}" if self.how == "count" else f"{self.name}_{self.how}"


@dataclass(frozen=True, slots=True)
class OfLinked:
    """What the accounts come to that share something with this one: by one tie, or by `any`.

    `name` is what they publish, `fact` what that is of each, and `least` from where on they are counted.
    """

    how: str
    name: str
    fact: str
    tie: str
    least: int = 0

    @property
    def field(self) -> str:
        """Under which name an account is given what the others come to."""
        ending = f"at_least_{self.least}" if self.how == "count" else self.how
        return f"{self.tie}_{self.name}_{ending}"


@dataclass(frozen=True, slots=True)
class Tie:
    """One thing that accounts may share (section 13)."""

    name: str
    purpose: str
    needs_consent: bool
    at_most: int
    fades_days: int


@dataclass(frozen=True, slots=True)
class Inline:
    """A measure inside an expression, under its own text."""

    name: str
    measure: Measure


Measure = Windowed | Last | First | DaysSince | LateCount | Restrictions | OfCustomer | OfLinked | Daily
Expr = (
    Literal
    | Ref
    | Fact
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
    | Inline
    | Arm
    | Measure
)
DAILY_FACTS = ("balance", "limit", "granted", "utilisation", "past_due", "days_past_due")  # kept day by day
FACTS: Mapping[str, str] = {
    "balance": "money",
    "limit": "money",
    "granted": "money",
    "available": "money",
    "utilisation": "share",
    "past_due": "money",
    "days_past_due": "days",
    "on_time_streak": "count",
    "months_on_book": "count",
    "days_on_book": "days",
    "days_in_status": "days",
    "days_observed": "days",
    "in_moratorium": "flag",
}


def children(node: Expr) -> tuple[Expr, ...]:
    """The direct parts of an expression, left to right; an `Inline` and a measure have none."""
    match node:
        case Not(item) | In(item, _):
            return (item,)
        case And(items) | Or(items):
            return items
        case Compare(_, left, right) | Arithmetic(_, left, right):
            return (left, right)
        case Call(_, args):
            return args
        case If(test, yes, no):
            return (test, yes, no)
    return ()


def walk(node: Expr) -> Iterator[Expr]:
    """The expression and everything inside it, outermost first."""
    yield node
    for child in children(node):
        yield from walk(child)


def may_be_missing(node: Expr, features: Mapping[str, Feature]) -> bool:
    """Whether the value may be missing, by the rules of sections 1, 4.1 and 4.2; `features` are those named in it."""
    match node:
        case Ref(name):
            return features[name].maybe_missing
        case Inline(_, measure):
            return may_be_missing(measure, features)
        case Last() | First() | DaysSince() | Call("per", _):
            return True
        case Windowed(how):
            return how in ("max", "min", "average", "spread")
        case Arithmetic() | Call("percent" | "part" | "smallest" | "largest", _):
            return any(may_be_missing(part, features) for part in children(node))
        case Call("fallback", args):
            return all(may_be_missing(part, features) for part in args)
        case If(_, yes, no):
            return may_be_missing(yes, features) or may_be_missing(no, features)
    return False


# ------------------------------------------------------------------ events and features (sections 2 and 4)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a kind of event. `choices` of a list; `signed` money may be negative; a date is days since 1970."""

    name: str
    unit: str
    choices: tuple[str, ...] = ()
    optional: bool = False
    signed: bool = False
    is_date: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of event; `text` are fields that are kept and never decided on."""

    name: str
    fields: tuple[Field, ...]
    text: tuple[str, ...] = ()

    def field(self, name: str) -> Field:
        """The field of that name."""
        return next(field for field in self.fields if field.name == name)


@dataclass(frozen=True, slots=True)
class Feature:
    """A named value; `worse` is higher, lower or not declared."""

    name: str
    expr: Expr
    unit: str
    maybe_missing: bool
    choices: tuple[str, ...] = ()
    worse: str | None = None


STATUSES = ("active", "restoring", "reduced", "suspended", "closed")


def built_in_kinds(triggers: Iterable[str]) -> tuple[Kind, ...]:
    """The kinds that are always there; the word of a `trigger` is one of the policy's triggers."""
    amount = Field("amount", "money")
    waived = Field("trigger", "category", tuple(triggers), optional=True)
    cap, until = Field("cap", "share", optional=True), Field("until", "days", is_date=True)
    dates = ("since", "notified_on"), ("opened_on", "history_from")
    opening = (
        *(Field("granted", "money"), Field("limit", "money"), Field("balance", "money", signed=True)),
        Field("status", "category", STATUSES),
        *(replace(waived, name=name) for name in ("trigger", "second_trigger", "third_trigger")),
        *(Field(name, "days", optional=True, is_date=True) for name in dates[0]),
        *(Field("past_due", "money", optional=True), Field("days_past_due", "days", optional=True)),
        *(Field(name, "days", optional=True, is_date=True) for name in dates[1]),
    )
    return (
        Kind("open", (Field("limit", "money"),)),
        Kind("draw", (amount,)),
        Kind("charge", (amount,)),
        Kind("repay", (amount,)),
        Kind("due", (amount, Field("due_on", "days", is_date=True))),
        Kind("balance", (Field("amount", "money", signed=True),)),
        Kind("delinquency", (Field("days", "days"),)),
        Kind("consent", (Field("offer", "count"),)),
        Kind("override", (waived, cap, until), ("by", "why")),
        Kind("hardship", (), ("code",)),
        Kind("dispute", (), ("code",)),
        Kind("reversal", (), ("of",)),
        Kind("opening", opening, ("why",)),
    )


RELIEF = Kind("moratorium", (Field("from", "days", is_date=True), Field("until", "days", is_date=True)), ("why",))


DECLINE = Kind("decline", (Field("offer", "count"),))  # of policies whose offers have names


def with_customers(built_in: Iterable[Kind], fields: tuple[Field, ...] = ()) -> tuple[Kind, ...]:
    """The built-in kinds where accounts are of customers: openings may name one, and one kind more is built in."""
    named = (
        replace(kind, text=(*kind.text, "customer")) if kind.name.startswith("open") else kind for kind in built_in
    )
    return (*named, Kind("customer", fields))


def with_links(built_in: Iterable[Kind], ties: Iterable[str], fields: tuple[Field, ...] = ()) -> tuple[Kind, ...]:
    """The built-in kinds where accounts are tied: two to say so, and one that says what the others come to."""
    tie = Field("tie", "category", tuple(ties))
    consent = Field("consent", "flag", optional=True)
    tying = (Kind("link", (tie, consent), ("key",)), Kind("unlink", (tie,), ("key",)))
    return (*built_in, *tying, Kind("linked", fields))


TAKEN_UP = {  # kinds that a policy takes up by naming them among its own
    "own_limit": (
        Field("wish", "category", ("lower", "freeze", "close", "lift")),
        Field("limit", "money", optional=True),
    ),
    "grant": (Field("granted", "money"),),
}
TAKEN_UP_TEXTS = {"own_limit": (), "grant": ("by", "why")}


def taken_up(name: str) -> Kind:
    """A built-in kind that the policy takes up."""
    return Kind(name, TAKEN_UP[name], TAKEN_UP_TEXTS[name])


def with_own_kinds(built_in: Iterable[Kind], own: Iterable[Kind]) -> tuple[Kind, ...]:
    """Built-in kinds, then the policy's own; one that is declared again with a list keeps its place."""
    return tuple({kind.name: kind for kind in (*built_in, *own)}.values())


# ------------------------------------------------------------------ score, triggers and the line (sections 5 to 8)

GROUPS = ("ability", "willingness")


@dataclass(frozen=True, slots=True)
class Bins:
    """Points of one feature: of the first bin under whose `below` the value is, else the last; or by word or flag."""

    feature: str
    group: str
    below: tuple[int, ...]
    points: tuple[int, ...]
    missing: int
    by_choice: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Points of two features at once, in a fitted card; the last row and column are for missing."""

    row: str
    column: str
    group: str
    row_below: tuple[int, ...]
    column_below: tuple[int, ...]
    points: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a tree ends: parts of a point."""

    parts: int


@dataclass(frozen=True, slots=True)
class Fork:
    """Where a tree parts: to `yes` below the cut or, where there are choices, at one of these; else to `no`.

    What is missing, and the value that counts so, goes to `missing`, which is one of the two.
    """

    feature: str
    cut: int
    choices: tuple[int, ...] | None
    counts_as_missing: int | None
    yes: Fork | Tip
    no: Fork | Tip
    missing: Fork | Tip


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees of one group; a point has so many parts, and half a point more is one more point."""

    group: str
    parts_of_a_point: int
    trees: tuple[Fork | Tip, ...]

    def forks(self) -> Iterator[Fork]:
        """Every fork of every tree."""
        waiting: list[Fork | Tip] = [*self.trees]
        while waiting:
            one = waiting.pop()
            if isinstance(one, Fork):
                yield one
                waiting += [one.yes, one.no]


@dataclass(frozen=True, slots=True)
class Score:
    """Base and points; `pd_ppm` by the score as points are by a value."""

    base: int
    bins: tuple[Bins, ...]
    tables: tuple[Table, ...] = ()
    pd_below: tuple[int, ...] = ()
    pd_ppm: tuple[int, ...] = (0,)
    forests: tuple[Forest, ...] = ()

    def features(self) -> list[str]:
        """The features that are scored; those of a table are features of the policy by name."""
        forks = [fork for forest in self.forests for fork in forest.forks()]
        return [*(bins.feature for bins in self.bins), *(fork.feature for fork in forks)]


Number = int | tuple[int, ...]  # of a rule: one for all, or one for each segment in each combination of arms


def number_in(said: Number, segment: int) -> int:
    """The number that a rule has in a segment.

    >>> number_in(30, 2), number_in((60, 30, 10), 2)
    (30, 10)
    """
    return said if isinstance(said, int) else said[segment]


def numbers_of(said: Number) -> tuple[int, ...]:
    """The numbers that a rule has in any segment."""
    return (said,) if isinstance(said, int) else said


@dataclass(frozen=True, slots=True)
class LimitAmount:
    """The most that a trigger leaves; rounded up, or `down`, to a multiple; where it `follows`, anew at each look."""

    value: Expr
    round_minor: int = 0
    down: bool = False
    floor_minor: int = 0
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Treating:
    """What a trigger does beside restricting; a code is empty, and a count 0, where nothing is said."""

    watch: str = ""
    price: str = ""
    contact: str = ""
    count: int = 0
    days: int = 0
    quiet: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """A latch; without a `cap` it is 100 %."""

    name: str
    when: Expr
    reason: str
    clear: Expr | None = None
    hold_days: Number = 0
    cap_bp: Number = 10_000
    suspend: bool = False
    close: bool = False
    terminal: bool = False
    expires_days: Number | None = None
    limit: LimitAmount | None = None
    restore: int = 0  # the place of its schedule
    effective_days: Number = 0
    treating: Treating | None = None

    @property
    def restricts(self) -> bool:
        """Whether it may take something away."""
        return self.suspend or self.close or self.limit is not None or self.cap_bp != 10_000


@dataclass(frozen=True, slots=True)
class RefuseRule:
    name: str
    when: Expr
    reason: str


@dataclass(frozen=True, slots=True)
class Assign:
    """The first limit, unless a rule refuses it."""

    limit: LimitAmount
    refuse: tuple[RefuseRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Restoration:
    """How a limit comes back; `condition` is its `while`."""

    first_bp: Number
    step_bp: Number
    every_days: Number
    condition: Expr | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class AuthoriseRule:
    name: str
    deny: Expr
    reason: str


@dataclass(frozen=True, slots=True)
class Offer:
    when: Expr
    increase_bp: Number
    up_to_minor: Number
    every_days: Number
    valid_days: Number
    name: str = ""  # where there are several
    add_minor: Number = 0
    to: LimitAmount | None = None
    decline_days: Number = 0
    accept_days: Number = 0
    asks: bool = True
    channel: str = ""
    price: str = ""


@dataclass(frozen=True, slots=True)
class Brake:
    lines_bp: int
    exposure_bp: int


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """A day is one where it is among `working`, or is neither of the `weekend` (0: Monday) nor among `off`."""

    weekend: tuple[int, ...]
    off: tuple[int, ...]
    working: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Dues:
    """Section 3; without business days, every due stays on its date."""

    grace_days: int = 0
    tolerance_minor: int = 0
    prepaid_settles: bool = False
    business_days: BusinessDays | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """Section 5.4: the arms, each with its name and its share of all accounts in basis points."""

    name: str
    salt: str
    arms: tuple[tuple[str, int], ...]

    def words(self) -> tuple[str, ...]:
        """The names of the arms."""
        return tuple(name for name, _ in self.arms)

    def propensity(self) -> Expr:
        """The share of the account's arm."""
        *others, (_, last) = self.arms
        expr: Expr = Literal(last, "share")
        for place in range(len(others) - 1, -1, -1):
            expr = If(in_arm(self.name, place), Literal(others[place][1], "share"), expr)
        return expr


def in_arm(split: str, place: int, op: str = "=") -> Expr:
    """Whether the account is in that arm."""
    return Compare(op, Ref(split), Literal(place, "category"))


def in_cell(exprs: Sequence[Expr], axes: Sequence[tuple[str, int]]) -> Expr:
    """The one of the account's cell: by the first split, the second, and the segment last.

    `axes` has the name of each and how many arms, or segments, it has. An arm that changes nothing is not asked.
    """
    if not axes:
        return exprs[0]
    (name, count), size = axes[0], len(exprs) // axes[0][1]
    groups = [tuple(exprs[place * size : (place + 1) * size]) for place in range(count)]
    if name != "segment" and len(set(groups)) == 1:
        return in_cell(groups[0], axes[1:])
    expr = in_cell(groups[-1], axes[1:])
    for place in range(count - 2, -1, -1):
        expr = If(in_arm(name, place), in_cell(groups[place], axes[1:]), expr)
    return expr


@dataclass(frozen=True)
class Policy:
    """The whole file. `features` are those with a name of their own, in any order."""

    name: str
    version: int
    currency: str
    digits: int
    time_zone: str
    kinds: tuple[Kind, ...]
    features: tuple[Feature, ...]
    triggers: tuple[Trigger, ...]
    score: Score | None = None
    restoration: Restoration | None = None
    authorise: tuple[AuthoriseRule, ...] = ()
    offer: Offer | None = None
    named_offers: tuple[Offer, ...] = ()
    brake: Brake | None = None
    honour_days: int = 90
    protected: tuple[str, ...] = ()
    dues: Dues = Dues()
    over_limit: str = "accept"
    further_restorations: tuple[Restoration, ...] = ()  # where there are several schedules: those after the first
    assign: Assign | None = None
    cooling_days: int | None = None  # of `own_limit`, where the policy takes it up
    segments: tuple[str, ...] = ()  # the feature `segment` says which is the account's
    splits: tuple[Split, ...] = ()
    publish: tuple[tuple[str, str], ...] = ()  # what an account publishes to others: the name, and the fact
    tied_publish: tuple[tuple[str, str], ...] = ()  # the same to those that it is tied to
    ties: tuple[Tie, ...] = ()
    waits: tuple[str, ...] | None = None  # triggers that wait in a moratorium; None: the policy knows none
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()  # the texts of each, in order

    @property
    def schedules(self) -> tuple[Restoration, ...]:
        """All ways in which a limit comes back."""
        return (self.restoration, *self.further_restorations) if self.restoration else ()

    @property
    def offers(self) -> tuple[Offer, ...]:
        """All increases that may be proposed, the first that can be comes first."""
        return (self.offer,) if self.offer else self.named_offers

    def kind(self, name: str) -> Kind:
        """The kind of event of that name."""
        return next(kind for kind in self.kinds if kind.name == name)

    def conditions(self) -> Iterator[Expr]:
        """Every condition that turns something, and every amount that a trigger leaves."""
        for trigger in self.triggers:
            yield from (part for part in (trigger.when, trigger.clear) if part is not None)
            if trigger.limit is not None:
                yield trigger.limit.value
        yield from (rule.deny for rule in self.authorise)
        if self.assign:
            yield from (self.assign.limit.value, *(rule.when for rule in self.assign.refuse))
        for schedule in self.schedules:
            if schedule.condition is not None:
                yield schedule.condition
        for offer in self.offers:
            yield from (offer.when, *([offer.to.value] if offer.to else []))

    @cached_property
    def in_place(self) -> Mapping[str, Feature]:
        """The measures and facts that stand in expressions, and facts that are scored: values without a name."""
        parts = [part for expr in (*(one.expr for one in self.features), *self.conditions()) for part in walk(expr)]
        scored = self.score.features() if self.score else []
        parts += [Fact(name) for name in scored if name in FACTS]
        values: dict[str, Feature] = {}
        for part in parts:
            if isinstance(part, Inline) and isinstance(part.measure, OfCustomer):
                values |= {one.name: one for one in parts_of_customer(part.name, part.measure)}
            elif isinstance(part, Inline) and isinstance(part.measure, OfLinked):
                values |= {one.name: one for one in parts_of_linked(part.name, part.measure)}
            elif isinstance(part, Inline):
                unit, choices = unit_of(part.measure, self.kinds)
                missing = may_be_missing(part.measure, {})
                values[part.name] = Feature(part.name, part.measure, unit, missing, choices)
            elif isinstance(part, Fact):
                values[part.name] = Feature(part.name, part, FACTS[part.name], maybe_missing=False)
        for split in self.splits:
            name = f"propensity({split.name})"
            values[name] = Feature(name, split.propensity(), "share", maybe_missing=False)
        return values

    @property
    def axes(self) -> tuple[tuple[str, int], ...]:
        """By what a number may differ, and in how many ways: splits, then segments."""
        own = tuple((split.name, len(split.arms)) for split in self.splits)
        return (*own, ("segment", len(self.segments))) if self.segments else own


def parts_of_customer(name: str, measure: OfCustomer) -> tuple[Feature, ...]:
    """Such a value, and what is kept beside it: what the others come to, and the account's own fact."""
    unit = "count" if measure.how == "count" else FACTS[measure.fact]
    given = Last(Select("customer"), measure.field)
    return (
        Feature(f"last(customer.{measure.field})", given, unit, maybe_missing=True),
        Feature(measure.fact, Fact(measure.fact), FACTS[measure.fact], maybe_missing=False),
        Feature(name, measure, unit, maybe_missing=False),
    )


def parts_of_linked(name: str, measure: OfLinked) -> tuple[Feature, ...]:
    """Such a value, and what is kept beside it: what the others come to."""
    unit = "count" if measure.how == "count" else FACTS[measure.fact]
    given = Last(Select("linked"), measure.field)
    return (
        Feature(f"last(linked.{measure.field})", given, unit, maybe_missing=True),
        Feature(name, measure, unit, maybe_missing=False),
    )


def unit_of(measure: Measure, kinds: Iterable[Kind]) -> tuple[str, tuple[str, ...]]:
    """The unit of a measure and, of a list, its words (section 4.1)."""
    match measure:
        case Windowed("distinct"):
            return "count", ()
        case Windowed(_, select, str(name), _) | Last(select, str(name)) | First(select, str(name)):
            field = next(kind for kind in kinds if kind.name == select.kind).field(name)
            return field.unit, field.choices
        case DaysSince():
            return "days", ()
        case OfCustomer("sum" | "max", _, fact) | OfLinked("sum" | "max", _, fact):
            return FACTS[fact], ()
        case Daily(_, Fact(name)):
            return FACTS[name], ()
        case Daily():
            return "days", ()
    return "count", ()
