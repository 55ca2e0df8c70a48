"""A plan's events, run once more: by the interpreted kernel, event by event, on a copy of the account's state.

The search runs plans in another way (compiled, in stages, many events in one call), so that a fault of the search does
not hide in its own proof. There are two verifications: `verify_plan` reviews the account when the kernel says that
something may differ, as a store does, and stands before every promise; `verify_plan_daily` reviews it on every single
day, which takes longer and holds the kernel's `next_review` to account too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from linekeeper.core.bounds import MISSING
from linekeeper.core.line import Status
from linekeeper.evaluate.late_events import evaluate_until, review_until
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy import model as m
from linekeeper.recourse.model import PathPoint, Plan, PlannedEvent


def verify_plan(kernel: Kernel, state: Sequence[int], day: int, plan: Plan) -> bool:
    """Whether the plan's events, run on a copy of the state, give its path, to the day and the minor unit."""
    return path_of_events(kernel, state, day, plan.events, plan.restored_day) == plan.path


def verify_plan_daily(kernel: Kernel, state: Sequence[int], day: int, plan: Plan) -> bool:
    """Whether the plan's events, run on a copy of the account that is reviewed every day, give its whole path."""
    expected, changes = plan.path[0], list(plan.path[1:])
    evenings = list(_evenings(kernel, state, day, plan))
    for evening in evenings:
        if changes and changes[0].day == evening.day:
            expected = changes.pop(0)
        if (evening.limit_minor, evening.status) != (expected.limit_minor, expected.status):
            return False
    granted_minor, last = state[kernel.layout.slots["GRANTED"]], evenings[-1]
    return not changes and last.status == Status.ACTIVE and last.limit_minor == granted_minor


def path_of_events(
    kernel: Kernel, state: Sequence[int], day: int, events: Iterable[PlannedEvent], until_day: int
) -> tuple[PathPoint, ...]:
    """The line from `day` to the end of `until_day` under those events: one point for each day on which it moved.

    The first point is the line at the start of `day`, after the reviews that are due by then. Raises ValueError where
    the kernel refuses an event.
    """
    own_state, out = list(state), kernel.new_row()
    evaluate_until(kernel, own_state, day)
    start = _point_of(kernel, own_state, day)
    evenings: dict[int, PathPoint] = {}  # a later point of a day replaces an earlier one: the evening counts
    for event in events:
        hour = kernel.calendar.hour(event.at)
        if hour // 24 > until_day:
            break
        evenings |= {point.day: point for point in _reviewed_points(kernel, own_state, hour // 24, out)}
        if not _apply(kernel, own_state, event, out):
            raise ValueError(f"the event `{event.kind}` of a plan was refused")
        evenings[hour // 24] = _point_of(kernel, own_state, hour // 24)
    evenings |= {point.day: point for point in _reviewed_points(kernel, own_state, until_day, out)}
    return (start, *_changes(start, [evenings[one] for one in sorted(evenings)]))


def encoded_fields(kind: m.Kind, event: PlannedEvent) -> list[int]:
    """An event's fields as the kernel reads them: words by their place in the list, MISSING where absent."""
    encoded = []
    for item in kind.fields:
        value = event.fields.get(item.name, MISSING)
        encoded.append(item.choices.index(value) if isinstance(value, str) else value)
    return encoded


def _evenings(kernel: Kernel, state: Sequence[int], day: int, plan: Plan) -> Iterator[PathPoint]:
    """The line at the end of each day of the plan."""
    own_state, out = list(state), kernel.new_row()
    events = list(plan.events)
    evaluate_until(kernel, own_state, day)
    for today in range(day, plan.restored_day + 1):
        if today > own_state[kernel.layout.slots["HOUR"]] // 24:
            kernel.interpreted.review(own_state, out, today)
        while events and events[0].day == today:
            _apply(kernel, own_state, events.pop(0), out)
        yield _point_of(kernel, own_state, today)


def _apply(kernel: Kernel, state: list[int], event: PlannedEvent, out: list[int]) -> bool:
    """Run one event; false where the kernel refuses it."""
    kind = kernel.policy.kind(event.kind)
    fields = encoded_fields(kind, event)
    return bool(kernel.interpreted.step(state, out, event.at, kernel.calendar.hour(event.at), kind.number, fields) >= 0)


def _reviewed_points(kernel: Kernel, state: list[int], day: int, out: list[int]) -> Iterator[PathPoint]:
    """The line after each review that is due by the start of `day`."""
    for _ in review_until(kernel, state, day, out):
        yield _point_of(kernel, state, state[kernel.layout.slots["HOUR"]] // 24)


def _point_of(kernel: Kernel, state: list[int], day: int) -> PathPoint:
    slots = kernel.layout.slots
    return PathPoint(day, state[slots["LIMIT"]], Status(state[slots["STATUS"]]))


def _changes(before: PathPoint, points: list[PathPoint]) -> Iterator[PathPoint]:
    """The points at which the line differs from the point before."""
    for point in points:
        if (point.limit_minor, point.status) != (before.limit_minor, before.status):
            yield point
            before = point
