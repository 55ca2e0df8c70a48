"""Late events: what has its own place in time is put there; what depends on order is rebuilt.

See "Late events" in the language reference. Tiles take an event in any order; the account's arithmetic
(balance, dues, days past due) does not, so its facts are made anew from the events in time order, and the
line part of the state is carried over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from linekeeper.kernel.kernel import Kernel

ORDERED_KINDS = frozenset(("draw", "charge", "repay", "due", "balance", "delinquency"))


class Row(NamedTuple):
    """One event as the kernel reads it: UTC ms, local hour, kind number, fields (MISSING where absent)."""

    at: int
    hour: int
    kind: int
    x: tuple[int, ...]


def is_late(kernel: Kernel, state: list[int], row: Row) -> bool:
    """Whether the account has already seen a later instant."""
    slots = kernel.layout.slots
    return row.at < state[slots["SEEN"]] or row.hour < state[slots["HOUR"]]


def needs_rebuild(kernel: Kernel, state: list[int], row: Row) -> bool:
    """Whether the event is late and of a kind whose effect depends on order."""
    slots = kernel.layout.slots
    opened = state[slots["OPENED"]] and row.at >= state[slots["OPEN_AT"]]
    return bool(opened) and kernel.policy.kinds[row.kind].name in ORDERED_KINDS and is_late(kernel, state, row)


def rebuild(kernel: Kernel, state: list[int], history: Iterable[Row]) -> None:
    """Make the facts of `state` anew, in place, from all its events in order of `at`, then arrival."""
    run, slots, line = kernel.interpreted, kernel.layout.slots, kernel.layout.line
    fresh = kernel.new_state()
    for position, row in enumerate(history):
        if position == 0:
            run.begin(fresh, row.hour)
        run.refact(fresh, row.at, row.hour, row.kind, row.x)
    run.advance(fresh, state[slots["HOUR"]])
    state[:line] = fresh[:line]


def take(kernel: Kernel, state: list[int], row: Row, out: list[int], history: Iterable[Row]) -> int:
    """One event in arrival order, late or not: as the kernel's `step`. `history`: the account's events, this one
    included, in order of `at`, then arrival; it is read only where facts have to be rebuilt."""
    if needs_rebuild(kernel, state, row):
        rebuild(kernel, state, history)
        return int(kernel.interpreted.settle(state, out, row.at, row.kind, row.x))
    return int(kernel.interpreted.step(state, out, row.at, row.hour, row.kind, row.x))


def review_until(kernel: Kernel, state: list[int], day: int, out: list[int]) -> Iterator[bool]:
    """The looks that are due up to the start of `day`, one by one; true where `out` holds a decision."""
    slots = kernel.layout.slots
    while state[slots["OPENED"]] and state[slots["NEXT"]] <= day:
        yield bool(kernel.interpreted.review(state, out, state[slots["NEXT"]]))
