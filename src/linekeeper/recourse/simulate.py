"""The kernel run forward over planned events: how the search learns where a plan leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from linekeeper.core.line import Status
from linekeeper.evaluate.event_batch import EventRow
from linekeeper.recourse.baseline import Baseline
from linekeeper.recourse.model import PathPoint

# The search simulates dozens of plans, so a simulation looks a stage further only where the line is not restored yet.
STAGES_DAYS = (45, 120, 400)
BUFFER_ROWS = 256  # decisions taken from the kernel at a time
READ_COLUMNS = ("NOW_HOUR", "LIMIT_BEFORE", "LIMIT_AFTER", "STATUS_AFTER", "MASK_BEFORE", "MASK_AFTER")


@dataclass(frozen=True, slots=True)
class Simulation:
    """Where a plan leads.

    `path` is the line at the end of each day on which it moved, the day of asking first. `restored` says whether the
    path ends with the limit at what was granted. `setbacks` counts how often on the way the limit falls or a further
    trigger is set. `latches` (one bit a trigger) and `score` (0 without one) are those of the end, where the line is
    not restored; 0 where it is.
    """

    path: tuple[PathPoint, ...]
    restored: bool
    setbacks: int
    latches: int
    score: int

    @property
    def day(self) -> int:
        """The day on which the path ends."""
        return self.path[-1].day


class Simulator:
    """Runs plans from one baseline. `compiled` chooses the kernel's setting; both settings give the same."""

    def __init__(self, baseline: Baseline, compiled: bool) -> None:
        self.baseline, self.compiled = baseline, compiled
        kernel = baseline.kernel
        self.run: Any = kernel.compiled if compiled else kernel.interpreted
        self.places = [kernel.shape.place(name) for name in READ_COLUMNS]
        self.width = max(1, *(len(kind.fields) for kind in kernel.policy.kinds))
        self.start = np.array([baseline.state], dtype=np.int64) if compiled else [list(baseline.state)]
        self.out: Any = kernel.new_row()
        if compiled:
            self.rows: Any = np.zeros((BUFFER_ROWS, kernel.shape.width), dtype=np.int64)
            self.heads: Any = np.zeros((BUFFER_ROWS, 2), dtype=np.int64)
            self.out = np.array(self.out, dtype=np.int64)
        else:
            self.rows = [kernel.new_row() for _ in range(BUFFER_ROWS)]
            self.heads = [[0, 0] for _ in range(BUFFER_ROWS)]

    def simulate(self, events: Sequence[EventRow], until: int) -> Simulation:
        """Run the events and every review up to the start of day `until`, or until the line is restored."""
        states = self.start.copy() if self.compiled else [self.start[0].copy()]
        columns = self._columns(events)
        days = [event.hour // 24 for event in events]
        path: list[PathPoint] = [self._first_point()]
        setback_days: list[int] = []
        first = 0
        for stage in self._stages(until):
            last = first
            while last < len(events) and days[last] < stage:
                last += 1
            setback_days += self._run(states, columns, first, last, stage, path)
            first = last
            # The events of the day `stage` itself come in the next stage, so that day may still move. The last stage
            # has no next one: it stands as it is.
            complete_until = stage if stage < until else until + 1
            for place, point in enumerate(path):
                if point.status == Status.ACTIVE and point.day < complete_until:
                    setbacks = sum(day <= point.day for day in setback_days)
                    return Simulation(tuple(path[: place + 1]), True, setbacks, 0, 0)
        return Simulation(tuple(path), False, len(setback_days), *self._latches_and_score(states[0]))

    def _stages(self, until: int) -> list[int]:
        stages = [self.baseline.day + days for days in STAGES_DAYS]
        return [*(day for day in stages if day < until), until]

    def _first_point(self) -> PathPoint:
        slot = self.baseline.slot
        return PathPoint(self.baseline.day, slot("LIMIT"), Status(slot("STATUS")))

    def _columns(self, events: Sequence[EventRow]) -> list[Any]:
        """The events as the kernel's replay takes them: at, hour, kind, fields padded to one width."""
        plain = [[row.at for row in events], [row.hour for row in events], [row.kind for row in events]]
        x = [row.x + (0,) * (self.width - len(row.x)) for row in events]
        if not self.compiled:
            return [*plain, x]
        fields = np.array(x, dtype=np.int64).reshape(len(events), self.width)
        return [*(np.array(column, dtype=np.int64) for column in plain), fields]

    def _run(
        self, states: Any, columns: list[Any], first: int, last: int, until: int, path: list[PathPoint]
    ) -> list[int]:
        """Run events `first` to `last` and the reviews up to `until`, and lengthen the path.

        Returns the days on which the limit fell or a trigger was set.
        """
        starts: Any = [first, last]
        cursor: Any = [0, 0, 0]
        refused: Any = [0] * last
        if self.compiled:
            starts, cursor, refused = (np.array(item, dtype=np.int64) for item in (starts, cursor, refused))
        setback_days = []
        while cursor[0] < 1:
            count = self.run.replay(states, starts, *columns, until, 1, 1, self.rows, self.heads, refused, cursor)
            for row in self.rows[:count].tolist() if self.compiled else self.rows[:count]:
                hour, limit_before, limit, status, set_before, set_after = (row[place] for place in self.places)
                if limit < limit_before or set_after & ~set_before:
                    setback_days.append(hour // 24)
                _add_point(path, PathPoint(hour // 24, limit, Status(status)))
        return setback_days

    def _latches_and_score(self, state: Any) -> tuple[int, int]:
        self.run.features(state, self.out)
        self.run.score(state, self.out)
        kernel = self.baseline.kernel
        return int(state[kernel.layout.slots["MASK"]]), int(self.out[kernel.shape.place("SCORE")])


def _add_point(path: list[PathPoint], point: PathPoint) -> None:
    """Add a point to a path that holds one a day. The first point stays: it is the line as it stood when asked."""
    if point.day == path[-1].day and len(path) > 1:
        path.pop()
    if (point.limit_minor, point.status) != (path[-1].limit_minor, path[-1].status):
        path.append(point)
