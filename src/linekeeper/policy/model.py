"""The frozen nouns of a policy: what a policy file means once it has been read and checked.

Whatever works with a policy (kernel, reasons, prose) works from these values and the nodes of `expression` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from typing import Literal as OneOf

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.policy.expression import Expr, Ref, ScoreRef, Unit, nodes_of
from linekeeper.scorecard.card import Score

# ------------------------------------------------------------------ events


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an event kind, as the kernel sees it: one int64 (or missing, where optional)."""

    name: str
    unit: Unit
    choices: tuple[str, ...] = ()
    optional: bool = False
    signed: bool = False  # money only: may be negative
    is_date: bool = False  # days only: a calendar date, kept as days since 1970-01-01
    most: int = MONEY_MAX  # what is more is no such value, and the event is rejected


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event. `number` is its code in the kernel; `text` names fields kept but not decided on."""

    name: str
    number: int
    fields: tuple[Field, ...]
    text: tuple[str, ...] = ()
    built_in: bool = False


@dataclass(frozen=True, slots=True)
class Feature:
    """A named value. Inline measures and facts of a policy are features too, named by their own text."""

    name: str
    expr: Expr
    maybe_missing: bool
    worse: OneOf["higher", "lower"] | None = None
    named: bool = True  # False: hoisted from an expression, or a built-in fact

    @property
    def unit(self) -> Unit:
        """The unit of its value."""
        return self.expr.unit

    @property
    def choices(self) -> tuple[str, ...]:
        """The words of its value, where the unit is a category."""
        return self.expr.choices


# ------------------------------------------------------------------ dues


@dataclass(frozen=True, slots=True)
class PublicCalendar:
    """The holidays of a country in those years, and the days of its weekends on which people work.

    Both are in order, as days since 1970-01-01. They stand in the policy's own text, so that no newer library changes
    them.
    """

    name: str
    first_year: int
    last_year: int
    holidays: tuple[int, ...]
    workdays: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """The days on which a due can fall; one that falls on another day moves to the next of them.

    `weekend` holds days of the week (0: Monday). `off` are further days that are no business days, and `working` days
    that are business days whatever else says otherwise; both in order, as days since 1970-01-01. Both have the days of
    the public `calendar`, where the policy names one, and the lender's own.
    """

    weekend: tuple[int, ...]
    off: tuple[int, ...]
    working: tuple[int, ...]
    calendar: PublicCalendar | None = None


@dataclass(frozen=True, slots=True)
class DueTerms:
    """When a due is past due, and what settles it: section 3 of the language reference.

    `prepaid_settles`: money paid ahead settles the next due. `business_days`: None where each due stays on its date.
    """

    grace_days: int = 0
    tolerance_minor: int = 0
    prepaid_settles: bool = False
    business_days: BusinessDays | None = None

    @property
    def calendar(self) -> PublicCalendar | None:
        """The public calendar that the policy names."""
        return self.business_days.calendar if self.business_days else None


# ------------------------------------------------------------------ triggers and the line
#
# A rule whose numbers differ by segment has in their places the strictest of each, and in `by_segment`, by the name of
# the place, what each segment has.

BySegment = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class LimitAmount:
    """The most that a trigger leaves, as an amount.

    It is taken when the latch is set, or, where it `follows`, at each evaluation.
    `round_minor`: a multiple of that, 0: as it is; up unless `down`. `floor_minor`: never less than that.
    """

    value: Expr
    round_minor: int = 0
    down: bool = False
    floor_minor: int = 0
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Trigger:
    """A latch: see the language reference. `cap_bp` is 10000 where the trigger has no cap."""

    name: str
    when: Expr
    clear: Expr | None  # None: not when
    reason: str
    hold_days: int = 0
    cap_bp: int = 10_000
    suspend: bool = False
    close: bool = False
    terminal: bool = False
    expires_days: int | None = None
    by_segment: BySegment = ()
    limit: LimitAmount | None = None

    @property
    def caps_limit(self) -> bool:
        """Whether the limit may fall by it."""
        return self.close or self.cap_bp < 10_000 or self.limit is not None


@dataclass(frozen=True, slots=True)
class Assign:
    """The first limit of a line that is opened. `refuse`: the rules that refuse it, as triggers without effect."""

    limit: LimitAmount
    refuse: tuple[Trigger, ...] = ()


@dataclass(frozen=True, slots=True)
class Restoration:
    """How a limit comes back: shares of granted in basis points, days, and the condition of each step."""

    first_bp: int
    step_bp: int
    every_days: int
    condition: Expr | None
    by_segment: BySegment = ()


@dataclass(frozen=True, slots=True)
class AuthoriseRule:
    """Denies a draw where `deny` holds."""

    name: str
    deny: Expr
    reason: str


@dataclass(frozen=True, slots=True)
class Offer:
    """An increase that may be proposed: see section 8 of the language reference."""

    when: Expr
    increase_bp: int
    up_to_minor: int
    every_days: int
    valid_days: int
    by_segment: BySegment = ()


Rule = TypeVar("Rule", Trigger, Restoration, Offer)


def in_segment(rule: Rule, number: int | None) -> Rule:
    """The rule with the numbers that it has in that segment; the same where none of them differ."""
    if not rule.by_segment or number is None:
        return rule
    numbers: dict[str, Any] = {name: values[number] for name, values in rule.by_segment}
    return replace(rule, by_segment=(), **numbers)


@dataclass(frozen=True, slots=True)
class OwnLimit:
    """What a borrower may ask for his own line: a wish that loosens an earlier one waits for so many days."""

    cooling_days: int


@dataclass(frozen=True, slots=True)
class Brake:
    """The share of lines, and of exposure, that may be restricted in a day without a person."""

    lines_bp: int
    exposure_bp: int


@dataclass(frozen=True, slots=True)
class Policy:
    """A checked policy. `features` stand in an order in which each uses only earlier ones."""

    name: str
    version: int
    currency: str
    exponent: int  # decimal digits of the currency's minor unit
    time_zone: str
    kinds: tuple[Kind, ...]
    features: tuple[Feature, ...]
    triggers: tuple[Trigger, ...]
    score: Score | None = None
    restoration: Restoration | None = None
    authorise: tuple[AuthoriseRule, ...] = ()
    offer: Offer | None = None
    brake: Brake | None = None
    honour_days: int = 90
    protected: tuple[str, ...] = ()
    dues: DueTerms = DueTerms()
    over_limit: OneOf["accept", "flag", "reject"] = "accept"  # what becomes of a draw of more than is available
    assign: Assign | None = None  # None: an `open` says what is granted
    own_limit: OwnLimit | None = None  # None: the policy knows no such event
    segments: tuple[str, ...] = ()  # the first whose condition holds is the account's; the feature `segment` says which
    digest: str = ""  # SHA-256 of the policy file's canonical text
    source: str = field(default="", repr=False, compare=False)  # that text, the days of a calendar with it
    written: str = field(default="", repr=False, compare=False)  # the text of the file, which may leave them out
    card: bytes | None = field(default=None, repr=False, compare=False)  # the scorecard artifact it names

    def kind(self, name: str) -> Kind:
        """The event kind of that name; KeyError where the policy has none."""
        for kind in self.kinds:
            if kind.name == name:
                return kind
        raise KeyError(name)

    @property
    def rules_with_reasons(self) -> tuple[Trigger, ...]:
        """The triggers, and the rules that refuse a line: each is a reason of a decision."""
        return (*self.triggers, *(self.assign.refuse if self.assign else ()))

    @property
    def takes_grants(self) -> bool:
        """Whether the lender may change what is granted, by the event `grant`."""
        return any(kind.built_in and kind.name == "grant" for kind in self.kinds)

    def kind_name(self, number: int) -> str | None:
        """The name of the event kind of that number; None where only a later version has it."""
        return self.kinds[number].name if number < len(self.kinds) else None

    def feature(self, name: str) -> Feature:
        """The feature of that name."""
        return next(feature for feature in self.features if feature.name == name)

    def segment_in(self, values: Mapping[str, int | None]) -> int | None:
        """The number of the segment among a decision's values; None where the policy has no segments."""
        return values.get("segment") if self.segments else None

    @property
    def differs_by_segment(self) -> bool:
        """Whether a number of a rule differs by segment."""
        others = (rule for rule in (self.restoration, self.offer) if rule is not None)
        return any(rule.by_segment for rule in (*self.triggers, *others))

    @property
    def after_score(self) -> frozenset[str]:
        """The features that read the score, and so are known after it: segments and tables."""
        after: set[str] = set()
        for feature in self.features:
            for node in nodes_of(feature.expr):
                if isinstance(node, ScoreRef) or (isinstance(node, Ref) and node.name in after):
                    after.add(feature.name)
        return frozenset(after)

    @property
    def groups(self) -> tuple[str, ...]:
        return self.score.groups if self.score else ()
