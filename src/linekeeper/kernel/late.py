"""Late events, reversals and corrections: see section 7 of the language reference.

Tiles take an event in any order; the account's arithmetic (balance, dues, days past due) does not, so its facts are
made anew from the events in time order, and the line part of the state is carried over. Then the account as it
stands is held against what it would be, and what would not be set is freed.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from linekeeper.core.line import Action, Status
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.layout import LATCH_WIDTH, Ring
from linekeeper.kernel.prelude import HELD_DAY, HOLDING, MODE, SET_DAY, add, part

ORDERED_KINDS = frozenset(("draw", "charge", "repay", "due", "balance", "delinquency"))
LASTING_KINDS = frozenset(("open", "consent", "override", "reversal"))  # what cannot be reversed
REVERSAL = "reversal"
OPEN = 0  # the number of the kind `open`
NOT_OPEN, OPENED_BEFORE, NOT_KNOWN, LASTS, REVERSED_BEFORE = 1, 2, 3, 4, 5  # why an event is refused


class Row(NamedTuple):
    """One event as the kernel reads it: UTC ms, local hour, kind number, fields (MISSING where absent)."""

    at: int
    hour: int
    kind: int
    x: tuple[int, ...]


@dataclass
class Past:
    """One account's events so far, by arrival number; `order` holds (at, arrival number) of those that stand.

    >>> past = Past()
    >>> for number, at in enumerate((10, 30, 20)):
    ...     past.add(number, Row(at, 0, 1, ()))
    >>> past.reverse(1)
    >>> [row.at for row in past.standing()]
    [10, 20]
    """

    rows: dict[int, Row] = field(default_factory=dict)
    order: list[tuple[int, int]] = field(default_factory=list)
    reversed: set[int] = field(default_factory=set)

    def add(self, number: int, row: Row) -> None:
        """Take an event into its place in time."""
        self.rows[number] = row
        insort(self.order, (row.at, number))

    def reverse(self, number: int) -> None:
        """Take an event out: it did not happen."""
        self.reversed.add(number)
        self.order.remove((self.rows[number].at, number))

    def standing(self) -> Iterator[Row]:
        """The events that stand, in order of `at`, then arrival."""
        return (self.rows[number] for _, number in self.order)


def is_reversal(kernel: Kernel, row: Row) -> bool:
    """Whether the event says that another did not happen."""
    return kernel.policy.kinds[row.kind].name == REVERSAL


def counts_as_late(kernel: Kernel, state: list[int], row: Row) -> bool:
    """Whether the account has already seen a later instant, or the event is a reversal."""
    slots = kernel.layout.slots
    return row.at < state[slots["SEEN"]] or row.hour < state[slots["HOUR"]] or is_reversal(kernel, row)


def refusal_of(kernel: Kernel, state: list[int], past: Past, row: Row, reverses: int | None = None) -> int:
    """Why an event is refused; 0 where it is not. A refused event changes nothing: not even looks come before it."""
    slots = kernel.layout.slots
    if row.kind == OPEN:
        return OPENED_BEFORE if state[slots["OPENED"]] else 0
    if not state[slots["OPENED"]] or row.at < state[slots["OPEN_AT"]]:
        return NOT_OPEN
    if not is_reversal(kernel, row):
        return 0
    if reverses is None or reverses not in past.rows:
        return NOT_KNOWN
    if kernel.policy.kinds[past.rows[reverses].kind].name in LASTING_KINDS:
        return LASTS
    return REVERSED_BEFORE if reverses in past.reversed else 0


def take(
    kernel: Kernel, state: list[int], past: Past, number: int, row: Row, out: list[int], reverses: int | None = None
) -> bool:
    """One event in order of arrival, late or not, and the look after it; true where `out` holds a decision.

    `refusal_of` does not refuse it, and the looks up to its day have been taken. `number` is its arrival number,
    `reverses` that of the event which a reversal names. Where it counts as late, `correct` comes next.
    """
    run, name = kernel.interpreted, kernel.policy.kinds[row.kind].name
    remake = counts_as_late(kernel, state, row) and (name in ORDERED_KINDS or name == REVERSAL)
    if reverses is not None:
        past.reverse(reverses)
    past.add(number, row)
    if remake:
        run.advance(state, row.hour)  # a reversal may move the clock, and with it what stands in the line part
        rebuild(kernel, state, past.standing())
        return bool(run.settle(state, out, row.at, row.kind, row.x))
    return bool(run.step(state, out, row.at, row.hour, row.kind, row.x))


def rebuild(kernel: Kernel, state: list[int], history: Iterable[Row]) -> None:
    """Make the facts of `state` anew, in place, from all its events in order of `at`, then arrival."""
    run, slots, line = kernel.interpreted, kernel.layout.slots, kernel.layout.line
    fresh = kernel.new_state()
    for position, row in enumerate(history):
        if position == 0:
            run.begin(fresh, row.hour)
        run.refact(fresh, row.at, row.hour, row.kind, row.x)
    run.advance(fresh, state[slots["HOUR"]])
    fresh[slots["SEEN"]] = max(fresh[slots["SEEN"]], state[slots["SEEN"]])  # what was reversed has been seen
    state[:line] = fresh[:line]


def review_until(kernel: Kernel, state: list[int], day: int, out: list[int]) -> Iterator[bool]:
    """The looks that are due up to the start of `day`, one by one; true where `out` holds a decision."""
    slots = kernel.layout.slots
    while state[slots["OPENED"]] and state[slots["NEXT"]] <= day:
        yield bool(kernel.interpreted.review(state, out, state[slots["NEXT"]]))


# ------------------------------------------------------------------ corrections


def correct(kernel: Kernel, state: list[int], history: Iterable[Row], out: list[int]) -> bool:
    """Hold the account against what it would be, and mend it in place; true where `out` holds the decision."""
    slots = kernel.layout.slots
    free = not state[slots["MASK"]] and state[slots["LIMIT"]] == state[slots["GRANTED"]]
    if free and not any(_restrictions(state, ring) for ring in _restriction_rings(kernel)):
        return False
    other = as_it_would_be(kernel, history, state[slots["HOUR"]])
    kernel.interpreted.features(state, out)
    kernel.interpreted.score(state, out)
    before = state.copy()
    _follow_latches(kernel, state, other)
    closes, suspends, target = _target(kernel, state)
    limit = state[slots["LIMIT"]] = max(state[slots["LIMIT"]], min(other[slots["LIMIT"]], target))
    _follow_recovery(kernel, state, other, target)
    _follow_restrictions(kernel, state, other)
    status = _status(closes, suspends, limit, target, state[slots["GRANTED"]])
    day = state[slots["HOUR"]] // 24
    if status != state[slots["STATUS"]]:
        state[slots["STATUS"]], state[slots["STATUS_DAY"]] = status.value, day
    if state != before:
        state[slots["NEXT"]] = day + 1
    _record(kernel, before, state, out)
    return any(before[slots[name]] != state[slots[name]] for name in ("MASK", "LIMIT", "STATUS"))


def as_it_would_be(kernel: Kernel, history: Iterable[Row], hour: int) -> list[int]:
    """The state to which these events lead from empty, in their order, looked at up to now."""
    state, out = kernel.new_state(), kernel.new_row()
    for row in history:
        for _ in review_until(kernel, state, row.hour // 24, out):
            pass
        kernel.interpreted.step(state, out, row.at, row.hour, row.kind, row.x)
    for _ in review_until(kernel, state, hour // 24, out):
        pass
    kernel.interpreted.advance(state, hour)
    return state


def _follow_latches(kernel: Kernel, state: list[int], other: list[int]) -> None:
    """Free what would not be set; what would be goes on with the days set and last held that it would have had."""
    mask = kernel.layout.slots["MASK"]
    for number in range(len(kernel.policy.triggers)):
        slot = kernel.layout.latches + number * LATCH_WIDTH
        if not state[mask] >> number & 1:
            continue
        if not other[mask] >> number & 1:
            state[mask] ^= 1 << number
            state[slot + MODE], state[slot + HOLDING] = other[slot + MODE], 0  # free; or spent, not to be set anew
            continue
        state[slot + SET_DAY] = min(state[slot + SET_DAY], other[slot + SET_DAY])
        if not state[slot + HOLDING] and not other[slot + HOLDING]:
            state[slot + HELD_DAY] = min(state[slot + HELD_DAY], other[slot + HELD_DAY])


def _target(kernel: Kernel, state: list[int]) -> tuple[bool, bool, int]:
    """Whether a set latch closes, whether one suspends, and the target."""
    slots = kernel.layout.slots
    latched = [one for number, one in enumerate(kernel.policy.triggers) if state[slots["MASK"]] >> number & 1]
    imposed = _imposed(kernel, state)
    caps = [trigger.cap_bp for trigger in latched] + ([imposed] if imposed >= 0 else [])
    closes = any(trigger.close for trigger in latched)
    target = 0 if closes else part(state[slots["GRANTED"]], min([10_000, *caps]))
    return closes, any(trigger.suspend for trigger in latched), target


def _imposed(kernel: Kernel, state: list[int]) -> int:
    """The share in bp of a cap imposed by a person and in force, else -1."""
    slots = kernel.layout.slots
    return state[slots["IMPOSED_BP"]] if state[slots["HOUR"]] // 24 < state[slots["IMPOSED_END"]] else -1


def _follow_recovery(kernel: Kernel, state: list[int], other: list[int], target: int) -> None:
    """A recovery below the target goes on with the last step that it would have had, where that is earlier."""
    slots = kernel.layout.slots
    rising, rise_day = slots["RISING"], slots["RISE_DAY"]
    if state[slots["LIMIT"]] == target:
        state[rising] = 0
    elif other[rising] and not (state[rising] and state[rise_day] < other[rise_day]):
        state[rising], state[rise_day] = 1, other[rise_day]


def _restriction_rings(kernel: Kernel) -> list[Ring]:
    return [ring for ring in kernel.layout.rings if ring.key.source == "restrictions"]


def _restrictions(state: list[int], ring: Ring) -> list[int]:
    """The tile of each restriction within the longest window, latest first."""
    found: list[int] = []
    for i in range(state[ring.base + 1], state[ring.base]):
        entry = ring.entries + i % ring.capacity * ring.width
        found += [state[entry]] * state[entry + 1]
    return found[::-1]


def _follow_restrictions(kernel: Kernel, state: list[int], other: list[int]) -> None:
    """Restrictions count as often as in the run that has fewer, the latest of both as of the earlier day, and so on."""
    slots = kernel.layout.slots
    for ring in _restriction_rings(kernel):
        own = _restrictions(state, ring)
        kept = [min(pair) for pair in zip(own, _restrictions(other, ring), strict=False)]
        if kept == own:
            continue
        state[ring.base : ring.end] = [0] * (ring.end - ring.base)
        now = state[slots["MONTH"]] if ring.key.unit == "m" else state[slots["HOUR"]] // 24
        terms = (ring.base, ring.entries, ring.capacity - 1, ring.width, ring.sums)
        for tile in reversed(kept):
            add(state, terms, ring.lengths, tile, now, (1,))


def _status(closes: bool, suspends: bool, limit: int, target: int, granted: int) -> Status:
    if closes:
        return Status.CLOSED
    if suspends:
        return Status.SUSPENDED
    if limit < target:
        return Status.RESTORING
    return Status.REDUCED if target < granted else Status.ACTIVE


def _record(kernel: Kernel, before: list[int], state: list[int], out: list[int]) -> None:
    """Write the decision beside the values in `out`."""
    slots, place = kernel.layout.slots, kernel.shape.place
    for name in ("LIMIT", "GRANTED", "STATUS", "MASK"):
        out[place(f"{name}_BEFORE")], out[place(f"{name}_AFTER")] = before[slots[name]], state[slots[name]]
    out[place("ACTION")] = Action.CORRECT.value
    out[place("IMPOSED")] = _imposed(kernel, state)
    out[place("OFFERED")], out[place("OFFER_NO")] = 0, state[slots["OFFER_NUMBER"]]
