"""Latches, envelope, status and offers, sections 6 to 8 of the page, word by word.

>>> action_of(Line(500, 900, Status.SUSPENDED), Line(500, 900, Status.RESTORING)).name
'RESTORE'
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from typing import Literal as OneOf

from tests.oracle.nouns import MONEY_MAX, Action, Line, Status
from tests.oracle.tree import Expr, LimitAmount, Literal, Offer, Restoration, Trigger, number_in

LatchState = OneOf["free", "set", "spent", "barred"]


def share(amount: int, share_bp: int) -> int:
    """floor(amount * share / 10,000).

    >>> share(999, 5_000), share(10**15, 10_000) == 10**15
    (499, True)
    """
    return floor(Fraction(amount * share_bp, 10_000))


NO_LIMIT = LimitAmount(Literal(0, "money"))


def amount_of(limit: LimitAmount, value: int | None) -> int:
    """The amount of a `limit`: never negative, rounded, and not below its floor.

    >>> [amount_of(LimitAmount(Literal(0, "money"), 100, down, 250), 310) for down in (False, True)]
    [400, 300]
    """
    assert value is not None, "the page lets no limit be missing"
    amount = min(max(value, 0), MONEY_MAX)
    if limit.round_minor:
        steps = Fraction(amount, limit.round_minor)
        amount = limit.round_minor * (floor(steps) if limit.down else ceil(steps))
    return max(amount, limit.floor_minor)


@dataclass(slots=True)
class Latch:
    """One trigger's latch; all days are local."""

    trigger: Trigger
    state: LatchState = "free"
    set_day: int = 0
    holding: bool = False
    last_held_day: int = 0
    waived_until: int | None = None
    amount: int | None = None  # that its `limit` leaves, once it has been taken
    stated: bool = False  # an opening said that it is set, and it has been ever since
    effect_day: int | None = None  # from whose start on a set latch restricts
    pending: bool = False  # set, and not in effect yet
    contact_days: list[int] = field(default_factory=list)  # on which the borrower was contacted for it

    def stand(self, true: Callable[[Expr], bool]) -> None:
        """A look on the cut-over day, or after its history: what holds restricts nobody, and is remembered."""
        if self.state in ("free", "barred"):
            self.state = "barred" if true(self.trigger.when) else "free"

    def turn(self, day: int, morning: bool, true: Callable[[Expr], bool], full: bool, segment: int = 0) -> None:
        """One look: the four steps of section 6. `full`: all windows that `when` reads lie within what was observed."""
        if self.state == "barred" and not morning and full:
            self.state = "free"
        self._turn(day, morning, true, segment)
        self._count_down(day, segment)
        self.stated = self.stated and self.state == "set"

    def _count_down(self, day: int, segment: int) -> None:
        """A latch that is newly set restricts from a later day on; one that an opening stated does already."""
        if self.state != "set":
            self.effect_day, self.pending = None, False
            return
        if self.effect_day is None:
            self.effect_day = day if self.stated else day + number_in(self.trigger.effective_days, segment)
        self.pending = day < self.effect_day

    def take_amount(self, value: Callable[[Expr], int | None]) -> None:
        """After the four steps: what a set latch leaves is taken once, or anew where it follows."""
        limit = self.trigger.limit
        if self.state != "set" or limit is None:
            self.amount = None
        elif self.amount is None or limit.follows:
            self.amount = amount_of(limit, value(limit.value))

    def _turn(self, day: int, morning: bool, true: Callable[[Expr], bool], segment: int) -> None:
        trigger = self.trigger
        when, expires = true(trigger.when), trigger.expires_days
        if self.state == "set" and expires is not None and day >= self.set_day + number_in(expires, segment):
            self.state = "spent" if when else "free"
        if self.waived_until is not None and day <= self.waived_until:
            if self.state == "set" or not when:
                self.state = "free"
            return
        if when:
            if self.state == "free":
                self.state, self.set_day = "set", day
            self.holding = True
            return
        if self.state in ("spent", "barred"):
            self.state = "free"
        if self.state == "set":
            self._let_go(day, morning, true, 0 if self.pending else number_in(trigger.hold_days, segment))

    def _let_go(self, day: int, morning: bool, true: Callable[[Expr], bool], hold_days: int) -> None:
        """Step 4 for a set latch: note when it last held, and free it if it may be."""
        if self.holding:
            self.holding = False
            self.last_held_day = day - 1 if morning else day
        trigger = self.trigger
        clear = trigger.clear is None or true(trigger.clear)
        if self.stated and morning and trigger.hold_days == 0:
            return  # nothing says for how long it stays set, so the next event does
        if not trigger.terminal and clear and day - self.last_held_day >= hold_days:
            self.state = "free"

    def follow_other(self, other: Latch) -> None:
        """A correction of a set latch: free or spent where the other run has it so; else never later than there."""
        if other.state != "set":
            self.state, self.holding, self.stated, self.amount = other.state, False, False, None
            self.effect_day, self.pending = None, False
            return
        if self.pending and self.effect_day is not None and other.effect_day is not None:
            self.effect_day = max(self.effect_day, other.effect_day)
        if self.amount is not None and other.amount is not None and not (self.trigger.limit or NO_LIMIT).follows:
            self.amount = max(self.amount, other.amount)
        self.set_day = min(self.set_day, other.set_day)
        if not self.holding and not other.holding:
            self.last_held_day = min(self.last_held_day, other.last_held_day)


@dataclass(slots=True)
class Restoring:
    """The way up. `step_day` is the day of the last step; None: no restoration is under way.

    `left` is the limit that this schedule leaves, where there are several; None: all that is granted.
    """

    step_day: int | None = None
    left: int | None = None

    def follow(
        self,
        restoration: Restoration | None,
        line: Line,
        target: int,
        day: int,
        may_rise: Callable[[Expr | None], bool],
        segment: int = 0,
    ) -> int:
        """The new limit: down to the target at once, up by the steps of the restoration."""
        if line.limit >= target:
            self.step_day = None
            return target
        if restoration is None or not may_rise(restoration.condition):
            return line.limit
        limit = line.limit
        if self.step_day is None:
            limit = min(target, max(limit, share(line.granted, number_in(restoration.first_bp, segment))))
            self.step_day = day
        elif day - self.step_day >= number_in(restoration.every_days, segment):
            limit = min(target, limit + share(line.granted, number_in(restoration.step_bp, segment)))
            self.step_day = day
        if limit == target:
            self.step_day = None
        return limit

    def follow_other(self, other: Restoring, below_target: bool) -> None:
        """A correction: below the target the restoration goes on with the other run's last step, never a later one."""
        if not below_target:
            self.step_day = None
        elif other.step_day is not None:
            self.step_day = min(other.step_day, other.step_day if self.step_day is None else self.step_day)


def status_of(closed: bool, suspended: bool, limit: int, target: int, granted: int) -> Status:
    """The first that fits."""
    if closed:
        return Status.CLOSED
    if suspended:
        return Status.SUSPENDED
    if limit < target:
        return Status.RESTORING
    return Status.REDUCED if target < granted else Status.ACTIVE


def action_of(before: Line, after: Line) -> Action:
    """The action of a decision that is not an offer: the first that fits."""
    became = after.status > before.status
    if became and after.status == Status.CLOSED:
        return Action.CLOSE
    if became and after.status == Status.SUSPENDED:
        return Action.SUSPEND
    if after.limit < before.limit:
        return Action.DECREASE
    if after.granted > before.granted:
        return Action.INCREASE
    left = before.status in (Status.CLOSED, Status.SUSPENDED) and after.status < before.status
    return Action.RESTORE if after.limit > before.limit or left else Action.KEEP


@dataclass(slots=True)
class Offering:
    """The last offer made. `number` is 0 before the first."""

    number: int = 0
    proposed: int = 0
    made_day: int = 0
    last_day: int = 0
    open: bool = False  # neither answered nor ended by an adverse decision
    rests_day: int = 0  # of offers with names: before that day none is made
    decline_days: int = 0  # for how long there is none after an answer to the last one
    accept_days: int = 0

    def is_open(self, day: int) -> bool:
        return self.open and day <= self.last_day

    def accepts(self, number: object, day: int) -> bool:
        """Whether a consent to that number has an effect."""
        return self.is_open(day) and number == self.number

    def propose(self, terms: Offer, granted: int, day: int, segment: int = 0) -> int | None:
        """Make the next offer, if one is due and would raise what is granted."""
        turn = self.made_day + number_in(terms.every_days, segment)
        if self.is_open(day) or (self.number > 0 and day < turn):
            return None
        return self.make(terms, raised(terms, granted, None, segment), granted, day, segment)

    def make(self, terms: Offer, proposed: int, granted: int, day: int, segment: int) -> int | None:
        """Make it, where it would raise what is granted."""
        if proposed <= granted:
            return None
        self.number, self.proposed, self.open = self.number + 1, proposed, True
        self.made_day, self.last_day = day, day + number_in(terms.valid_days, segment)
        return proposed

    def set_rests(self, terms: Offer, day: int, segment: int) -> None:
        """Of an offer with a name: how long there is no other, and how long after each answer."""
        self.rests_day = day + number_in(terms.every_days, segment)
        self.decline_days, self.accept_days = (
            number_in(days, segment) for days in (terms.decline_days, terms.accept_days)
        )

    def answered(self, day: int, accepted: bool) -> None:
        """The borrower has said yes or no."""
        self.open = False
        self.rests_day = max(self.rests_day, day + (self.accept_days if accepted else self.decline_days))

    def forget_rests(self) -> None:
        """Without names, only `every` counts."""
        self.rests_day = self.decline_days = self.accept_days = 0


def raised(terms: Offer, granted: int, value: int | None, segment: int) -> int:
    """What would be granted; `value` is that of the expression, where there is one."""
    if terms.to is not None:
        more = amount_of(terms.to, value)
    elif terms.add_minor:
        more = granted + number_in(terms.add_minor, segment)
    else:
        more = granted + share(granted, number_in(terms.increase_bp, segment))
    return min(more, number_in(terms.up_to_minor, segment))
