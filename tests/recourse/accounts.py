"""Accounts brought to a state by events, for tests: small policies of one rule, histories given day by day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from linekeeper.core.bounds import MISSING
from linekeeper.core.event import Event
from linekeeper.core.line import ADVERSE
from linekeeper.evaluate.event_batch import EventRow
from linekeeper.evaluate.late_events import review_until
from linekeeper.kernel.kernel import Kernel, kernel_of
from linekeeper.policy.load import load_text

DAY = 19_800  # 2024-03-18, in Asia/Shanghai
NOON_MS = 12 * 3_600_000
HEAD = "policy: small\nversion: 1\ncurrency: CNY\ntime_zone: Asia/Shanghai\n"
RESTORATION = "restoration: {first: 40%, step: 20%, every: 30d}\n"

GivenEvent = tuple[int, str, dict[str, int | str]]  # day counted from DAY, kind, fields


def small(triggers: str, more: str = "", restoration: str = RESTORATION) -> Kernel:
    """The kernel of a policy with these triggers (flow style, one a line)."""
    lines = "\n".join(f"  {line.strip()}" for line in triggers.strip().splitlines())
    return kernel_of(load_text(f"{HEAD}{more}triggers:\n{lines}\n{restoration}"))


def row_of(kernel: Kernel, event: Event) -> EventRow:
    """An event as the kernel reads it."""
    kind, x = kernel.policy.kind(event.kind), []
    for field in kind.fields:
        value = event.fields.get(field.name, MISSING)
        x.append(field.choices.index(value) if isinstance(value, str) else value)
    return EventRow(event.at, kernel.calendar.hour(event.at), kind.number, tuple(x))


def state_after_events(kernel: Kernel, events_given: Iterable[GivenEvent], until: int) -> list[int]:
    """The state after those events, each at noon of its day, and the reviews up to the start of day DAY + `until`."""
    state, out = kernel.new_state(), kernel.new_row()
    for position, (day, kind, fields) in enumerate(events_given):
        at = kernel.calendar.day_start(DAY + day) + NOON_MS
        row = row_of(kernel, Event(f"e{position}", "A", kind, at, fields))
        for _ in review_until(kernel, state, row.hour // 24, out):
            pass
        assert kernel.interpreted.step(state, out, *row) >= 0
    for _ in review_until(kernel, state, DAY + until, out):
        pass
    return state


def restrictions(kernel: Kernel, events: Iterable[Event]) -> Iterator[tuple[list[int], int]]:
    """(state, day) right after each adverse decision that the events, in order of time, lead to."""
    state, out = kernel.new_state(), kernel.new_row()
    action, hour = kernel.shape.place("ACTION"), kernel.layout.slots["HOUR"]
    for event in events:
        row = row_of(kernel, event)
        for decided in review_until(kernel, state, row.hour // 24, out):
            if decided and out[action] in ADVERSE:
                yield list(state), state[hour] // 24
        if kernel.interpreted.step(state, out, *row) == 1 and out[action] in ADVERSE:
            yield list(state), state[hour] // 24
