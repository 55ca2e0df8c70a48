"""A plan's events, run once more: interpreted, event by event, on a copy of the state.

This is not the way the search runs them, so that a fault of the one does not hide in the other: `follow` looks when
the kernel says that something may differ, `verify_plan_daily` on every single day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from linekeeper.core.bounds import MISSING
from linekeeper.core.line import Status
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy import model as m
from linekeeper.recourse.model import PathPoint, Plan, PlannedEvent


def follow(
    kernel: Kernel, state: Sequence[int], day: int, events: Iterable[PlannedEvent], until_day: int
) -> tuple[PathPoint, ...]:
    """The line from `day` to the end of `until_day` under those events: one point for each day on which it moved.

    The first point is the line as it stands at the start, after the looks that are due by `day`.
    """
    run, slots = kernel.interpreted, kernel.layout.slots
    own, out = list(state), kernel.new_row()
    _look(kernel, own, day, out)
    points = {day: _line(own, slots, day)}
    evenings: dict[int, PathPoint] = {}
    for event in events:
        hour = kernel.calendar.hour(event.at)
        if hour // 24 > until_day:
            break
        evenings |= {point.day: point for point in _looks(kernel, own, hour // 24, out)}
        kind = kernel.policy.kind(event.kind)
        if run.step(own, out, event.at, hour, kind.number, fields_of(kind, event)) < 0:
            raise ValueError(f"the event `{event.kind}` of a plan was refused")
        evenings[hour // 24] = _line(own, slots, hour // 24)
    evenings |= {point.day: point for point in _looks(kernel, own, until_day, out)}
    return (points[day], *_moves(points[day], [evenings[one] for one in sorted(evenings)]))


def verify_plan(kernel: Kernel, state: Sequence[int], day: int, plan: Plan) -> bool:
    """Whether the plan's events, followed on a copy of the state, give its path, to the day and the minor unit."""
    return follow(kernel, state, day, plan.events, plan.restored_day) == plan.path


def verify_plan_daily(kernel: Kernel, state: list[int], day: int, plan: Plan) -> bool:
    """Whether the plan's events, taken into a copy of the account that is looked at every day, give its whole path."""
    evening = list(evenings(kernel, state, day, plan))
    expected = iter([*plan.path[1:], None])
    coming, now = next(expected), plan.path[0]
    for point in evening:
        if coming is not None and coming.day == point.day:
            now, coming = coming, next(expected)
        if (point.limit_minor, point.status) != (now.limit_minor, now.status):
            return False
    slots = kernel.layout.slots
    return coming is None and evening[-1].status == Status.ACTIVE and evening[-1].limit_minor == state[slots["GRANTED"]]


def evenings(kernel: Kernel, state: list[int], day: int, plan: Plan) -> Iterator[PathPoint]:
    """The line at the end of each day of the plan."""
    slots, own, out = kernel.layout.slots, list(state), kernel.new_row()
    events = list(plan.events)
    _look(kernel, own, day, out)
    for today in range(day, plan.restored_day + 1):
        if today > own[slots["HOUR"]] // 24:
            kernel.interpreted.review(own, out, today)
        while events and events[0].day == today:
            event = events.pop(0)
            kind = kernel.policy.kind(event.kind)
            hour = kernel.calendar.hour(event.at)
            kernel.interpreted.step(own, out, event.at, hour, kind.number, fields_of(kind, event))
        yield PathPoint(today, own[slots["LIMIT"]], Status(own[slots["STATUS"]]))


def fields_of(kind: m.Kind, event: PlannedEvent) -> list[int]:
    """An event's fields as the kernel reads them."""
    found = []
    for field in kind.fields:
        value = event.fields.get(field.name, MISSING)
        found.append(field.choices.index(value) if isinstance(value, str) else value)
    return found


def _look(kernel: Kernel, own: list[int], day: int, out: list[int]) -> None:
    for _ in _looks(kernel, own, day, out):
        pass


def _looks(kernel: Kernel, own: list[int], day: int, out: list[int]) -> Iterable[PathPoint]:
    """Every look that is due up to the start of `day`, with the line after it."""
    slots = kernel.layout.slots
    while own[slots["NEXT"]] <= day:
        now = own[slots["NEXT"]]
        kernel.interpreted.review(own, out, now)
        yield _line(own, slots, now)


def _line(own: list[int], slots: dict[str, int], day: int) -> PathPoint:
    return PathPoint(day, own[slots["LIMIT"]], Status(own[slots["STATUS"]]))


def _moves(before: PathPoint, points: list[PathPoint]) -> Iterable[PathPoint]:
    """The points at which the line differs from what it was."""
    for point in points:
        if (point.limit_minor, point.status) != (before.limit_minor, before.status):
            yield point
            before = point
