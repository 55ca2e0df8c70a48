"""Late events and reversals (section 7 of the language reference).

A ring of tiles gives the same sums whatever the order of the events. The account's arithmetic does not: a repayment
settles other dues if it comes before another. So a late event of those kinds, and every reversal, rebuilds the facts
of the account from all its events in order of time. The line part of the state is carried over as it stands.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from linekeeper.core.bounds import MISSING
from linekeeper.core.line import Status
from linekeeper.evaluate.counting_rings import fill_late_rings
from linekeeper.evaluate.event_batch import EventRow, time_of
from linekeeper.evaluate.kept_states import KeptState, KeptStates
from linekeeper.evaluate.line_days import keep_line_days
from linekeeper.evaluate.replay import replay_rows
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.kinds import OPENING_KINDS
from linekeeper.policy.model import Policy

ORDERED_KINDS = frozenset(("draw", "charge", "repay", "due", "balance", "delinquency", "moratorium"))
LASTING_KINDS = frozenset(
    (*OPENING_KINDS, "consent", "decline", "override", "own_limit", "grant", "reversal")
)  # these cannot be reversed
REVERSAL = "reversal"
NOT_OPEN, OPENED_BEFORE, NOT_KNOWN, LASTS, REVERSED_BEFORE = 1, 2, 3, 4, 5  # why an event is refused


class PastRestriction(NamedTuple):
    """A decision that set triggers: its number, when (UTC ms), whether at the start of a day, and which."""

    number: int
    at: int
    at_day_start: bool
    triggers: tuple[str, ...]


@dataclass
class History:
    """One account's events so far, by arrival number; `order` holds (at, arrival number) of those not reversed.

    An opening comes before its own history, so its place in time is before all others. `facts` and `on_time` are
    states kept of the two replays that late facts cause: of the facts alone, and with every decision (see `correct`).
    A history may begin with a state (`from_state`): then it has only what comes after that, in order of time.
    `restrictions` has, by number, those that no correction has named yet, `decisions` counts all decisions so far, and
    `noted` how many of the result at hand have been taken note of.

    >>> history = History()
    >>> for number, at in enumerate((10, 30, 20)):
    ...     history.add(number, EventRow(at, 0, 1, ()))
    >>> history.reverse(1)
    >>> [row.at for row in history.standing()]
    [10, 20]
    """

    rows: dict[int, EventRow] = field(default_factory=dict)
    order: list[tuple[int, int]] = field(default_factory=list)
    reversed: set[int] = field(default_factory=set)
    under: list[tuple[Kernel, int]] = field(default_factory=list)  # earlier versions, each up to the start of a day
    facts: KeptStates = field(default_factory=KeptStates)
    on_time: KeptStates = field(default_factory=KeptStates)
    restrictions: dict[int, PastRestriction] = field(default_factory=dict)
    decisions: int = 0
    noted: int = 0

    @staticmethod
    def from_state(state: list[int]) -> History:
        """One that goes on from the account's state had every event come in time, which is the state of its facts too.

        Nothing may change before it: such an event, or a reversal of one, asks for all of the history.
        """
        first = KeptState(0, state)
        return History(facts=KeptStates(first=first), on_time=KeptStates(first=first))

    def fill(self, rows: dict[int, EventRow], reversed_events: set[int]) -> None:
        """Have these events, by arrival number, of which some were reversed."""
        self.rows, self.reversed = rows, reversed_events.intersection(rows)
        standing = ((time_of(row), number) for number, row in rows.items() if number not in self.reversed)
        self.order = sorted(standing)

    def add(self, number: int, row: EventRow) -> None:
        """Add an event at its place in time."""
        self.rows[number] = row
        place = (time_of(row), number)
        if not self.order or place > self.order[-1]:
            self.order.append(place)  # the usual case
        else:
            self.order.insert(self._place_of(number), place)

    def reverse(self, number: int) -> None:
        """Remove an event from the order of time: it did not happen."""
        self.reversed.add(number)
        del self.order[self._place_of(number)]

    def _place_of(self, number: int) -> int:
        """The place of an event in the order of time. No state kept beyond it holds any more."""
        place = bisect_left(self.order, (time_of(self.rows[number]), number))
        self.facts.drop_after(place)
        self.on_time.drop_after(place)
        return place

    def end_version(self, kernel: Kernel, day: int) -> None:
        """The version that held so far ends at the start of `day`. The next keeps states of its own."""
        self.under.append((kernel, day))
        self.facts, self.on_time = KeptStates(), KeptStates()

    def beginning(self, kernel: Kernel, events: int) -> History:
        """The first events in order of time, as that version reads them."""
        order = self.order[:events]
        return History({number: row_as_read_by(kernel, self.rows[number]) for _, number in order}, order)

    def note_restriction(self, number: int, at: int, at_day_start: bool, triggers: tuple[str, ...]) -> None:
        """Remember which triggers a decision set; nothing where it set none."""
        if triggers:
            self.restrictions[number] = PastRestriction(number, at, at_day_start, triggers)

    def drop_restrictions(self, numbers: Iterable[int]) -> None:
        """A correction has named these decisions."""
        for number in numbers:
            self.restrictions.pop(number, None)

    def restrictions_setting(self, triggers: Iterable[str]) -> set[int]:
        """The number of the latest restriction that set each of these triggers."""
        setters = {name: one.number for one in self.restrictions.values() for name in one.triggers}
        return {setters[name] for name in triggers if name in setters}

    def standing(self, after: int = 0) -> Iterator[EventRow]:
        """The events that have not been reversed, in order of `at`, then arrival, but for the first `after`."""
        return (self.rows[number] for _, number in self.order[after:])


def row_as_read_by(kernel: Kernel, row: EventRow) -> EventRow:
    """A row that a later version encoded, as this version reads it: a choice that it does not know is missing.

    A kind that it does not know stays as it is, for the kernel has no effect for it; so do further fields.
    """
    if kernel.policy.kind_name(row.kind) is None:
        return row
    fields = kernel.policy.kinds[row.kind].fields
    known = (MISSING if one.choices and x >= len(one.choices) else x for one, x in zip(fields, row.x, strict=False))
    return row._replace(x=(*known, *row.x[len(fields) :]))


def is_reversal(kernel: Kernel, row: EventRow) -> bool:
    """Whether the event says that another did not happen."""
    return kernel.policy.kind_name(row.kind) == REVERSAL


def counts_as_late(kernel: Kernel, state: list[int], row: EventRow) -> bool:
    """Whether the account has already seen a later instant, or the event is a reversal."""
    slots = kernel.layout.slots
    return row.at < state[slots["SEEN"]] or row.hour < state[slots["HOUR"]] or is_reversal(kernel, row)


def refusal_of(kernel: Kernel, state: list[int], history: History, row: EventRow, reverses: int | None = None) -> int:
    """Why an event is refused, or 0. A refused event changes nothing: no evaluation is made before it either."""
    slots = kernel.layout.slots
    if kernel.policy.kind_name(row.kind) in OPENING_KINDS:
        return OPENED_BEFORE if state[slots["OPENED"]] else 0
    if not state[slots["OPENED"]]:
        return NOT_OPEN
    no_history = not state[slots["STANDS_UNTIL"]] or row.hour // 24 < state[slots["OBSERVED_DAY"]]
    if row.at < state[slots["OPEN_AT"]] and no_history:
        return NOT_OPEN
    if not is_reversal(kernel, row):
        return 0
    if reverses is None or reverses not in history.rows:
        return NOT_KNOWN
    if lasts(kernel.policy, history.rows[reverses].kind):
        return LASTS
    return REVERSED_BEFORE if reverses in history.reversed else 0


def lasts(policy: Policy, kind: int) -> bool:
    """Whether events of the kind of that number cannot be reversed, as what follows arrival."""
    known = policy.kinds[kind] if kind < len(policy.kinds) else None
    return known is not None and known.built_in and known.name in LASTING_KINDS


def is_rejected_draw(
    kernel: Kernel, state: list[int], row: EventRow, reviewed_day: int, is_pending: bool = False
) -> bool:
    """Whether the policy rejects the event: a draw of more than is available when it arrives.

    A late draw is held against the line as it is now. The evaluations that are due are made on a copy, because a
    rejected event changes nothing; not where a restriction `is_pending`, for until a person rules the line stays.
    """
    policy, slots = kernel.policy, kernel.layout.slots
    if policy.over_limit != "reject" or policy.kind_name(row.kind) != "draw":
        return False
    if row.at < state[slots["OPEN_AT"]]:  # the history of an opening, which states the line that it led to
        return False
    if not is_pending:
        state = list(state)
        evaluate_until(kernel, state, max(row.hour // 24, reviewed_day))
    is_usable = state[slots["STATUS"]] < Status.SUSPENDED
    return row.x[0] > (max(limit_to_use(kernel, state) - state[slots["BALANCE"]], 0) if is_usable else 0)


def limit_to_use(kernel: Kernel, state: list[int]) -> int:
    """What the borrower may use, in minor units: what the lender allows, and no more than he wishes himself."""
    if kernel.policy.own_limit is None:
        return state[kernel.layout.slots["LIMIT"]]
    return int(kernel.interpreted.usable_limit(state))


def apply_on_arrival(
    kernel: Kernel,
    state: list[int],
    history: History,
    number: int,
    row: EventRow,
    out: list[int],
    reverses: int | None = None,
) -> bool:
    """Apply one event as it arrives, late or not, and evaluate; true where `out` holds a decision.

    The event is not one that `refusal_of` refuses, and the evaluations up to its day have been made. `number` is its
    arrival number, `reverses` that of the event which a reversal names. If it counts as late, `correct` comes next.
    """
    run, name = kernel.interpreted, kernel.policy.kind_name(row.kind)
    ordered = name in ORDERED_KINDS and row.at >= state[kernel.layout.slots["OPEN_AT"]]  # history moves no arithmetic
    must_rebuild = counts_as_late(kernel, state, row) and (ordered or name == REVERSAL)
    if reverses is not None:
        history.reverse(reverses)
    history.add(number, row)
    if must_rebuild:
        run.advance(state, row.hour)  # a reversal may move the clock, and with it what stands in the line part
        rebuild_facts(kernel, state, history)
        return bool(run.evaluate_rebuilt(state, out, row.at, row.kind, row.x))
    return bool(run.step(state, out, row.at, row.hour, row.kind, row.x))


def rebuild_facts(kernel: Kernel, state: list[int], history: History) -> None:
    """Rebuild the facts of `state`, in place, from all its events in order of `at`, then arrival.

    Only facts: limit, latches and rulings followed what was known at the time, and no late fact takes that back.
    They come out the same to the bit, whatever state the history begins with, and whether or not days are evaluated
    on the way: so where machine code is at hand, the replay that evaluates them serves, and a correction goes on from
    the states that it keeps.
    """
    slots, line = kernel.layout.slots, kernel.layout.line
    rows = len(history.order) - history.on_time.last.events
    # Facts of the line of earlier days are those under the line that was, which another replay does not have.
    if not history.under and not kernel.layout.line_days and kernel.is_worth_compiling(rows):
        fresh = after_last_event(kernel, history, *history.on_time.latest())
    else:
        fresh = _facts_after_last_event(kernel, history, state)
    kernel.interpreted.advance(fresh, state[slots["HOUR"]])
    fill_late_rings(kernel, fresh)
    fresh[slots["SEEN"]] = max(fresh[slots["SEEN"]], state[slots["SEEN"]])  # a reversed event has been seen
    state[:line] = fresh[:line]


def _facts_after_last_event(kernel: Kernel, history: History, state: list[int]) -> list[int]:
    """A state whose facts are those of `state` after the last event; nothing is evaluated. On the way some are kept."""
    run, open_at = kernel.interpreted, kernel.layout.slots["OPEN_AT"]
    applied, fresh = history.facts.latest()
    has_begun = bool(fresh)
    fresh = fresh or kernel.new_state()
    fresh[open_at] = state[open_at]
    keep_line_days(kernel, state, fresh)
    for events, row in enumerate(history.standing(applied), applied + 1):
        if not has_begun:
            run.begin(fresh, row.hour)
            has_begun = True
        run.replay_facts(fresh, row.at, row.hour, row.kind, row.x)
        history.facts.offer(events, fresh)
    return fresh


def after_last_event(kernel: Kernel, history: History, applied: int, state: list[int]) -> list[int]:
    """The state right after the last event where every event came on time, from `state` after the first `applied`.

    An empty `state` is that before the first event. On the way states are kept.
    """
    state = state or kernel.new_state()
    rows = list(history.standing(applied))
    compiled, size = kernel.is_worth_compiling(len(rows)), history.on_time.interval_events
    for first in range(0, len(rows), size):
        some = rows[first : first + size]
        replay_rows(kernel, state, some, compiled=compiled)
        applied += len(some)
        history.on_time.offer(applied, state)
    return state


def review_until(kernel: Kernel, state: list[int], day: int, out: list[int]) -> Iterator[bool]:
    """Make the evaluations that are due up to the start of `day`, one by one; true where `out` holds a decision."""
    slots = kernel.layout.slots
    while state[slots["OPENED"]] and state[slots["NEXT_REVIEW"]] <= day:
        yield bool(kernel.interpreted.review(state, out, state[slots["NEXT_REVIEW"]]))


def evaluate_until(kernel: Kernel, state: list[int], day: int) -> None:
    """Make the evaluations that are due up to the start of `day`, whatever they decide."""
    for _ in review_until(kernel, state, day, kernel.new_row()):
        pass
