"""The frozen nouns of a policy: what a policy file means once it has been read and checked.

Whatever works with a policy (kernel, reasons, prose) works from these values and the nodes of `expression` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, TypeVar
from typing import Literal as OneOf

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.policy.expression import Expr, Ref, RuleCell, ScoreRef, Unit, nodes_of
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
    """One kind of event. `number` is its code in the kernel; `text` names fields kept but not decided on.

    `means` is what it means to a road back, where the policy says so: see section 2 of the language reference.
    """

    name: str
    number: int
    fields: tuple[Field, ...]
    text: tuple[str, ...] = ()
    built_in: bool = False
    means: str = ""


@dataclass(frozen=True, slots=True)
class WordList:
    """A list of texts with a name, in order: what a text field of an event is looked up in."""

    name: str
    words: tuple[str, ...]


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
# A rule whose numbers differ by segment, or by the arm of a split, has in their places the strictest of each, and in
# `by_segment`, by the name of the place, what each cell has (see `Policy.cells`): without splits, each segment.

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
class Contact:
    """Have the borrower contacted under a code of the lender's: at most `count` times in `days` (0: as often as comes).

    `quiet` are the local hours from whose first to before whose second nobody is reached; they may span midnight.
    """

    code: str
    count: int = 0
    days: int = 0
    quiet: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Treatments:
    """What a trigger does beside restricting. A code is empty where there is no such treatment."""

    watch: str = ""
    contact: Contact | None = None
    price: str = ""


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
    effective_days: int = 0  # between the day on which it is set, and told, and the day from which on it restricts
    treatments: Treatments | None = None
    restore: int = 0  # the place of the schedule by which what it took away comes back

    @property
    def caps_limit(self) -> bool:
        """Whether the limit may fall by it."""
        return self.close or self.cap_bp < 10_000 or self.limit is not None

    @property
    def restricts(self) -> bool:
        """Whether it may take something away."""
        return self.caps_limit or self.suspend

    @property
    def announced(self) -> bool:
        """Whether its restriction is told before it is in effect, in some segment at least."""
        return self.effective_days > 0 or any(
            max(days) > 0 for name, days in self.by_segment if name == "effective_days"
        )


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
    name: str = ""  # where the policy has several


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
    name: str = ""  # where the policy has several; what follows is then said of each
    add_minor: int = 0  # an amount in the place of a share
    to: LimitAmount | None = None  # what the granted line becomes, in the place of both
    decline_days: int = 0  # for so long no offer is made once this one was declined
    accept_days: int = 0  # and once it was accepted
    needs_consent: bool = True
    channel: str = ""
    price: str = ""


Rule = TypeVar("Rule", Trigger, Restoration, Offer)


def in_segment(rule: Rule, cell: RuleCell | None) -> Rule:
    """The rule with the numbers that it has in that cell; the same where none of them differ."""
    if not rule.by_segment or cell is None:
        return rule
    numbers: dict[str, Any] = {name: values[cell.number] for name, values in rule.by_segment}
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


CUSTOMER = "customer"  # the kind of what the other accounts of a customer say, where a policy has such a section


@dataclass(frozen=True, slots=True)
class Customer:
    """What each account publishes to the other accounts of its customer: names, and the account fact that each is.

    `ceiling`: the most that a customer may owe on all accounts together; None where nothing is said.
    """

    publish: tuple[tuple[str, str], ...]
    ceiling: Expr | None = None


LINK, UNLINK = "link", "unlink"  # kinds of events by which an account is tied, where a policy has `links`
LINKED = "linked"  # the kind of what the accounts that are tied to one come to
TIES = ("device", "contact", "guarantor", "employer")  # what accounts may share


@dataclass(frozen=True, slots=True)
class Tie:
    """One thing that accounts may share: for what it may be read, and how far it reaches.

    A tie counts for `fades_days` after its latest event, and joins at most `at_most` accounts. With `needs_consent` an
    event counts only where it says that there is consent.
    """

    name: str
    purpose: OneOf["fraud", "credit"]
    needs_consent: bool
    at_most: int
    fades_days: int


@dataclass(frozen=True, slots=True)
class Links:
    """What accounts publish to those that they are tied to, as in `Customer`, and by what they are tied."""

    publish: tuple[tuple[str, str], ...]
    ties: tuple[Tie, ...]


@dataclass(frozen=True, slots=True)
class Moratorium:
    """Relief that an event gives an account from a day until another: its days stand still, and these triggers wait."""

    waits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SplitArm:
    """One arm of a split: its name, and its share of all accounts in basis points."""

    name: str
    share_bp: int


@dataclass(frozen=True, slots=True)
class Split:
    """Accounts parted into arms by a hash of their id under the salt; the shares add up to 100 %."""

    name: str
    salt: str
    arms: tuple[SplitArm, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The names of its arms, in their order."""
        return tuple(arm.name for arm in self.arms)


def propensity_name(split: str) -> str:
    """Under which name a decision records the share of the account's arm, in basis points."""
    return f"propensity({split})"


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
    named_offers: tuple[Offer, ...] = ()  # in the place of `offer`, where there are several
    brake: Brake | None = None
    honour_days: int = 90
    protected: tuple[str, ...] = ()
    dues: DueTerms = DueTerms()
    over_limit: OneOf["accept", "flag", "reject"] = "accept"  # what becomes of a draw of more than is available
    further_restorations: tuple[Restoration, ...] = ()  # those after `restoration`, where there are several schedules
    assign: Assign | None = None  # None: an `open` says what is granted
    own_limit: OwnLimit | None = None  # None: the policy knows no such event
    segments: tuple[str, ...] = ()  # the first whose condition holds is the account's; the feature `segment` says which
    splits: tuple[Split, ...] = ()  # the value of a split's name is the account's arm
    customer: Customer | None = None
    links: Links | None = None
    moratorium: Moratorium | None = None
    lists: tuple[WordList, ...] = ()
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
    def offers(self) -> tuple[Offer, ...]:
        """All offers, in their order: the one without a name, or those that have one."""
        return (self.offer,) if self.offer else self.named_offers

    def offer_named(self, name: str) -> Offer | None:
        """The offer of that name; the one without a name has an empty one. None where there is no such offer."""
        return next((offer for offer in self.offers if offer.name == name), None)

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

    @property
    def axes(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """By what numbers may differ: each split with the names of its arms, then the segment with its own."""
        splits = tuple((split.name, split.words) for split in self.splits)
        return (*splits, ("segment", self.segments)) if self.segments else splits

    @property
    def cells(self) -> tuple[RuleCell, ...]:
        """All cells in the order of their numbers; none where there are neither segments nor splits."""
        axes = self.axes
        places = product(*(range(len(words)) for _, words in axes)) if axes else ()
        names = [name for name, _ in axes]
        return tuple(RuleCell(number, tuple(zip(names, one, strict=True))) for number, one in enumerate(places))

    def cell_words(self, cell: RuleCell) -> tuple[str, ...]:
        """The segment of a cell, and its arms."""
        words = dict(self.axes)
        return tuple(words[name][place] for name, place in reversed(cell.places))

    def segment_in(self, values: Mapping[str, int | None]) -> RuleCell | None:
        """The cell that a decision's values name; None where there is none."""
        if not self.segments and not self.splits:
            return None
        number, places = 0, []
        for name, words in self.axes:
            place = values.get(name)
            if place is None:
                return None
            number = number * len(words) + place
            places.append((name, place))
        return RuleCell(number, tuple(places))

    @property
    def restorations(self) -> tuple[Restoration, ...]:
        """Every schedule of restoration, in the order of the file: none, one, or several with names."""
        return (self.restoration, *self.further_restorations) if self.restoration else ()

    @property
    def announces(self) -> bool:
        """Whether some trigger restricts later than it is set."""
        return any(trigger.announced for trigger in self.triggers)

    @property
    def treats(self) -> bool:
        """Whether some trigger does more than restricting."""
        return any(trigger.treatments is not None for trigger in self.triggers)

    @property
    def decides_in_stages(self) -> bool:
        """Whether a decision may announce or treat, beside moving the line."""
        return self.announces or self.treats

    @property
    def differs_by_segment(self) -> bool:
        """Whether a number of a rule differs by segment."""
        rules: tuple[Trigger | Restoration | Offer, ...] = (*self.triggers, *self.restorations, *self.offers)
        return any(rule.by_segment for rule in rules)

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
