"""The brake: a burst of automatic restrictions waits for a person (see docs/brake.md). Pure.

While an account is held, a look that would restrict it is not taken: its facts move on, its line stands still. The
hold ends by itself at the first look that would not restrict the line any more, or by a person's `override`.
Everything but the first held look follows from the events, so that look is all that the journal has to keep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from linekeeper.core.bounds import MISSING
from linekeeper.core.line import ADVERSE
from linekeeper.evaluate.late_events import Row
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.prelude import part
from linekeeper.policy.model import Brake

LAPSED = "lapsed"  # the restriction would not be made any more
RELEASED = "released"  # a person let it act
REFUSED = "refused"  # a person waived it


class EvaluationPoint(NamedTuple):
    """One look at an account: its local day, and the event (arrival number, 0: the start of the day)."""

    day: int
    event: int


@dataclass
class PendingRestriction:
    """One account's restriction that waits. `row` is what the `latest` held look would have decided at `at` (UTC ms).

    `ended` says how it ended, after the event of that arrival number (0: at the start of a day).
    """

    since: EvaluationPoint
    new: bool = False  # began in this batch
    latest: EvaluationPoint | None = None  # None: no look of this batch was held
    row: list[int] = field(default_factory=list)
    at: int = 0
    ended: str | None = None
    ended_event: int = 0


Passes = Callable[[str, EvaluationPoint, int], bool]  # may (account, look, granted) be restricted automatically?


@dataclass
class Today:
    """Lines restricted automatically on one local day, with what is granted on them; `fresh`: in this batch."""

    granted: dict[str, int]
    exposure: int = field(init=False)
    fresh: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.exposure = sum(self.granted.values())

    def add(self, account: str, granted: int) -> None:
        """Count one line more."""
        self.granted[account] = self.fresh[account] = granted
        self.exposure += granted


@dataclass
class Allowance:
    """What may still be restricted automatically. `book` is (open lines, what is granted on them).

    The first line of a day always passes: one line is no burst. `known` tells whom a day has hit already.

    >>> allowance = Allowance(Brake(lines_bp=200, exposure_bp=10_000), (100, 5_000), lambda day: {})
    >>> [allowance.passes(name, Look(1, 0), 50) for name in ("A", "B", "C", "A")]
    [True, True, False, True]
    """

    brake: Brake
    book: tuple[int, int]
    known: Callable[[int], dict[str, int]]  # day -> account -> granted
    days: dict[int, Today] = field(default_factory=dict)

    def passes(self, account: str, look: EvaluationPoint, granted: int) -> bool:
        """Whether the account may be restricted at that look; it is counted once a day."""
        if look.day not in self.days:
            self.days[look.day] = Today(self.known(look.day))
        today = self.days[look.day]
        if account in today.granted:
            return True
        lines, exposure = self.book
        fits = len(today.granted) < part(lines, self.brake.lines_bp)
        fits = fits and today.exposure + granted <= part(exposure, self.brake.exposure_bp)
        if today.granted and not fits:
            return False
        today.add(account, granted)
        return True


class CircuitBreaker:
    """Stands between the looks of a batch and the lines of its accounts.

    `numbers[event]` is the arrival number of the batch's event, `held` the accounts that are held when it begins.
    What has changed is in `changed`: (account, hold).
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
        row: Row | None,
    ) -> bool:
        """After a look: whether it is held; if so, `state` is made what it would be without the look."""
        hold = self.pending.get(account)
        if not decided or out[self._action] not in ADVERSE or is_ruling(self.kernel, row):
            if hold:
                self._end(account, hold, event, row)
            return False
        slots = self.kernel.layout.slots
        look = EvaluationPoint(state[slots["HOUR"]] // 24, int(self.numbers[event]) if row else 0)
        if hold is None:
            if self.passes(account, look, state[slots["GRANTED"]]):
                return False
            hold = self.pending[account] = PendingRestriction(look, new=True)
        if hold.latest is None:
            self.changed.append((account, hold))
        hold.latest, hold.row = look, list(out)
        hold.at = max(state[slots["SEEN"]], self.kernel.calendar.day_start(look.day))
        withdraw_evaluation(self.kernel, before, state, row)
        return True

    def _end(self, account: str, hold: PendingRestriction, event: int, row: Row | None) -> None:
        if hold.latest is None:
            self.changed.append((account, hold))
        by_person = row is not None and self.kernel.policy.kinds[row.kind].name == "override"
        hold.ended = RELEASED if is_ruling(self.kernel, row) else REFUSED if by_person else LAPSED
        hold.ended_event = int(self.numbers[event]) if row else 0
        del self.pending[account]


def is_ruling(kernel: Kernel, row: Row | None) -> bool:
    """Whether an event lets restrictions act in a person's name: an override that is not a waiver."""
    if row is None or kernel.policy.kinds[row.kind].name != "override":
        return False
    trigger, cap, _ = row.x[:3]
    return trigger == MISSING or cap != MISSING


def withdraw_evaluation(kernel: Kernel, before: list[int], state: list[int], row: Row | None) -> None:
    """Undo a look: the facts of `state` stay, its line is that of `before` with the event's own effect on it.

    A consent has none: an offer cannot be taken while a restriction waits.
    """
    run, slots, line = kernel.interpreted, kernel.layout.slots, kernel.layout.line
    plain = list(before)
    if row and not plain[slots["OPENED"]]:
        run.begin(plain, row.hour)
    run.advance(plain, state[slots["HOUR"]])
    plain[:line] = state[:line]
    if row and kernel.policy.kinds[row.kind].name != "consent":
        run.rule(plain, row.at, row.kind, row.x)
    plain[slots["NEXT"]] = state[slots["HOUR"]] // 24 + 1
    state[:] = plain


def passes_as_recorded(starts: Iterable[tuple[str, EvaluationPoint]]) -> Passes:
    """What passed, where the journal says which looks were the first to be held."""
    pending = frozenset(starts)
    return lambda account, look, _: (account, look) not in pending
