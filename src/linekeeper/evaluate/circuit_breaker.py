"""The circuit breaker: a burst of automatic restrictions waits for a person (docs/guides/brake.md). Pure.

While a restriction is pending, an evaluation that would restrict the account is withdrawn: the account's facts move
on, its line stands still. The restriction stops being pending at the first evaluation that would no longer restrict
the line, or when a person rules on it by an `override`. All of that follows from the events but for one thing: at
which evaluation the restriction became pending. The journal therefore keeps that evaluation, and nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from linekeeper.core.bounds import MISSING
from linekeeper.core.line import ADVERSE
from linekeeper.evaluate.event_batch import EventRow
from linekeeper.kernel.arrears import arrears_of
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.prelude import share_of
from linekeeper.policy.model import Brake

LAPSED = "lapsed"  # the restriction would not be made any more
RELEASED = "released"  # a person let it act
REFUSED = "refused"  # a person waived it


class EvaluationPoint(NamedTuple):
    """Which evaluation of an account: its local day, and the event's arrival number (0: the start of the day)."""

    day: int
    event: int


@dataclass
class PendingRestriction:
    """One account's restriction that waits for a person.

    `row` is the row that the `latest` withdrawn evaluation would have written, at `at` (UTC ms). `ended` says how the
    restriction stopped being pending, `ended_event` after which event (arrival number; 0: at the start of a day).
    """

    since: EvaluationPoint
    new: bool = False  # it became pending in this batch
    latest: EvaluationPoint | None = None  # None: no evaluation of this batch was withdrawn
    row: list[int] = field(default_factory=list)
    at: int = 0
    ended: str | None = None
    ended_event: int = 0


class NewRestriction(NamedTuple):
    """A restriction that an evaluation would make; what is granted on the line (minor units), and how late it is."""

    account: str
    point: EvaluationPoint
    granted: int
    days_past_due: int


Passes = Callable[[NewRestriction], bool]  # whether it may be made without a person


@dataclass
class Today:
    """Lines restricted automatically on one local day, with what is granted on them; `fresh` are of this batch."""

    granted: dict[str, int]
    exposure: int = field(init=False)
    fresh: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.exposure = sum(self.granted.values())

    def add(self, account: str, granted: int) -> None:
        """Count one more restricted line."""
        self.granted[account] = self.fresh[account] = granted
        self.exposure += granted


@dataclass
class Allowance:
    """What may still be restricted automatically. `book` is (open lines, what is granted on them in minor units).

    The first line of a day always passes: a single line is no burst, and in a small portfolio the share of one line
    would otherwise exceed any limit. `known` gives the lines that were restricted on a day before this batch.

    >>> allowance = Allowance(Brake(lines_bp=200, exposure_bp=10_000), (100, 5_000), lambda day: {})
    >>> [allowance.passes(NewRestriction(name, EvaluationPoint(1, 0), 50, 30)) for name in ("A", "B", "C", "A")]
    [True, True, False, True]
    """

    brake: Brake
    book: tuple[int, int]
    known: Callable[[int], dict[str, int]]  # day -> account -> granted
    days: dict[int, Today] = field(default_factory=dict)

    def passes(self, restriction: NewRestriction) -> bool:
        """Whether it may be made; an account is counted once a day."""
        account, (day, _), granted, _ = restriction
        if day not in self.days:
            self.days[day] = Today(self.known(day))
        today = self.days[day]
        if account in today.granted:
            return True
        lines, exposure = self.book
        fits = len(today.granted) < share_of(lines, self.brake.lines_bp)
        fits = fits and today.exposure + granted <= share_of(exposure, self.brake.exposure_bp)
        if today.granted and not fits:
            return False
        today.add(account, granted)
        return True


class CircuitBreaker:
    """Stands between the evaluations of a batch and the lines of its accounts.

    `numbers[event]` is the arrival number of the batch's event, `pending` the restrictions that are pending when the
    batch begins. `changed` collects (account, restriction) where the batch made one pending, moved it on or ended it.
    """

    def __init__(
        self, kernel: Kernel, numbers: Sequence[int], pending: dict[str, PendingRestriction], passes: Passes
    ) -> None:
        self.kernel, self.numbers, self.passes = kernel, numbers, passes
        self.pending = dict(pending)
        self.changed: list[tuple[str, PendingRestriction]] = []
        self._action, self._hour = kernel.shape.place("ACTION"), kernel.shape.place("NOW_HOUR")

    def holds_back(
        self,
        account: str,
        before: list[int],
        state: list[int],
        out: list[int],
        decided: bool,
        event: int,
        row: EventRow | None,
    ) -> bool:
        """Whether the evaluation just made must wait; if so, `state` becomes what it would be without it."""
        restriction = self.pending.get(account)
        ruled = is_ruling(self.kernel, row) or follows_grant(self.kernel, out)
        if not decided or out[self._action] not in ADVERSE or ruled:
            if restriction:
                self._end(account, restriction, event, row)
            return False
        slots = self.kernel.layout.slots
        point = EvaluationPoint(state[slots["HOUR"]] // 24, int(self.numbers[event]) if row else 0)
        if restriction is None:
            late = arrears_of(self.kernel, state, point.day).days_past_due
            if self.passes(NewRestriction(account, point, state[slots["GRANTED"]], late)):
                return False
            restriction = self.pending[account] = PendingRestriction(point, new=True)
        if restriction.latest is None:
            self.changed.append((account, restriction))
        restriction.latest, restriction.row = point, list(out)
        restriction.at = max(state[slots["SEEN"]], self.kernel.calendar.day_start(point.day))
        withdraw_evaluation(self.kernel, before, state, row)
        return True

    def _end(self, account: str, restriction: PendingRestriction, event: int, row: EventRow | None) -> None:
        if restriction.latest is None:
            self.changed.append((account, restriction))
        by_person = row is not None and self.kernel.policy.kind_name(row.kind) == "override"
        restriction.ended = RELEASED if is_ruling(self.kernel, row) else REFUSED if by_person else LAPSED
        restriction.ended_event = int(self.numbers[event]) if row else 0
        del self.pending[account]


def is_ruling(kernel: Kernel, row: EventRow | None) -> bool:
    """Whether the event is a person's override that lets restrictions act: any override but a waiver."""
    if row is None or kernel.policy.kind_name(row.kind) != "override":
        return False
    trigger, cap, _ = row.x[:3]
    return trigger == MISSING or cap != MISSING


def follows_grant(kernel: Kernel, out: Sequence[int]) -> bool:
    """Whether the limit fell because the lender grants less, and no trigger restricted the line with it.

    Somebody has decided that already, so it waits for nobody.
    """
    place = kernel.shape.place
    fell = out[place("GRANTED_AFTER")] < out[place("GRANTED_BEFORE")]
    before, after = out[place("MASK_BEFORE")], out[place("MASK_AFTER")]
    if kernel.policy.decides_in_stages:  # what is announced restricts nobody yet
        before, after = before & ~out[place("ANNOUNCED_BEFORE")], after & ~out[place("ANNOUNCED_AFTER")]
    return kernel.policy.takes_grants and fell and not after & ~before


def withdraw_evaluation(kernel: Kernel, before: list[int], state: list[int], row: EventRow | None) -> None:
    """Undo an evaluation: the facts of `state` stay, its line becomes that of `before`, with the event's own effect.

    A consent has no effect on the line then: an offer cannot be accepted while a restriction is pending.
    """
    run, slots, line = kernel.interpreted, kernel.layout.slots, kernel.layout.line
    plain = list(before)
    if row and not plain[slots["OPENED"]]:
        run.begin(plain, row.hour)
    run.advance(plain, state[slots["HOUR"]])
    plain[:line] = state[:line]
    if row and kernel.policy.kind_name(row.kind) != "consent":
        run.apply_ruling(plain, row.at, row.kind, row.x)
    # The line was not allowed to move today, so the kernel must ask again tomorrow, whatever else is due.
    plain[slots["NEXT_REVIEW"]] = state[slots["HOUR"]] // 24 + 1
    state[:] = plain


def passes_as_recorded(became_pending: Iterable[tuple[str, EvaluationPoint]]) -> Passes:
    """What passed, where the journal says at which evaluations restrictions became pending.

    A replay cannot ask the allowance again: it depended on the whole portfolio as it stood on that day.
    """
    withheld = frozenset(became_pending)
    return lambda restriction: (restriction.account, restriction.point) not in withheld


def worst_first(allowance: Allowance, restrictions: Iterable[NewRestriction]) -> Passes:
    """What passes where each day's allowance goes to the worst lines first: most days past due, then most granted.

    `restrictions` are all that a batch would make if nothing became pending. A line whose restriction does not pass
    waits, and what would restrict it on later days waits with it. Where a restriction of the batch lapses and another
    is made, that one takes what the others have left.

    >>> lines = {"A": 3, "B": 90, "C": 30}
    >>> asked = [NewRestriction(name, EvaluationPoint(1, 0), 50, late) for name, late in lines.items()]
    >>> passes = worst_first(Allowance(Brake(lines_bp=200, exposure_bp=10_000), (100, 5_000), lambda day: {}), asked)
    >>> [passes(one) for one in asked]
    [False, True, True]
    """
    answers: dict[tuple[str, int], bool] = {}
    waiting: set[str] = set()
    for one in sorted(restrictions, key=_worst):
        if one.account not in waiting:
            answers[one.account, one.point.day] = allowance.passes(one)
            if not answers[one.account, one.point.day]:
                waiting.add(one.account)

    def passes(restriction: NewRestriction) -> bool:
        answer = answers.get((restriction.account, restriction.point.day))
        return allowance.passes(restriction) if answer is None else answer

    return passes


def _worst(restriction: NewRestriction) -> tuple[int, int, int, str]:
    return restriction.point.day, -restriction.days_past_due, -restriction.granted, restriction.account
