"""The kernel run forward over planned events: the search's way of asking where a plan leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from linekeeper.core.line import Status
from linekeeper.evaluate.late_events import Row
from linekeeper.recourse.baseline import Baseline
from linekeeper.recourse.model import PathPoint

STAGES_DAYS = (45, 120, 400)  # a walk looks only as far as it must
ROWS = 256  # decisions taken from the kernel at a time
COLUMNS = ("NOW_HOUR", "LIMIT_BEFORE", "LIMIT_AFTER", "STATUS_AFTER", "MASK_BEFORE", "MASK_AFTER")


@dataclass(frozen=True, slots=True)
class Simulation:
    """Where a plan led. `path`: the line at the end of each day on which it moved, the day of asking first.

    `reached`: whether the path ends with the line back at granted. `falls`: how often on the way the limit falls, or
    a further latch is set. `mask`, `score`: the latches set and the score (0 without one) at the end.
    """

    path: tuple[PathPoint, ...]
    reached: bool
    falls: int
    mask: int
    score: int

    @property
    def day(self) -> int:
        """The day on which the path ends."""
        return self.path[-1].day


class Simulator:
    """Runs plans of one baseline, compiled or interpreted; both give the same."""

    def __init__(self, baseline: Baseline, compiled: bool) -> None:
        self.baseline, self.compiled = baseline, compiled
        kernel = baseline.kernel
        self.run: Any = kernel.compiled if compiled else kernel.interpreted
        self.places = [kernel.shape.place(name) for name in COLUMNS]
        self.width = max(1, *(len(kind.fields) for kind in kernel.policy.kinds))
        self.start = np.array([baseline.state], dtype=np.int64) if compiled else [list(baseline.state)]
        self.out: Any = kernel.new_row()
        if compiled:
            self.rows: Any = np.zeros((ROWS, kernel.shape.width), dtype=np.int64)
            self.heads: Any = np.zeros((ROWS, 2), dtype=np.int64)
            self.out = np.array(self.out, dtype=np.int64)
        else:
            self.rows = [kernel.new_row() for _ in range(ROWS)]
            self.heads = [[0, 0] for _ in range(ROWS)]

    def walk(self, rows: Sequence[Row], until: int) -> Simulation:
        """Run the events and every look up to the start of day `until`, or until the line is back."""
        states = self.start.copy() if self.compiled else [self.start[0].copy()]
        columns = self._columns(rows)
        days = [row.hour // 24 for row in rows]
        path, falls, first = [self._now()], [], 0
        for stage in self._stages(until):
            last = first
            while last < len(rows) and days[last] < stage:
                last += 1
            falls += self._run(states, columns, first, last, stage, path)
            first = last
            whole = stage if stage < until else until + 1  # days of which everything has been seen
            end = next((i for i, point in enumerate(path) if point.status == Status.ACTIVE and point.day < whole), None)
            if end is not None:
                return Simulation(tuple(path[: end + 1]), True, sum(day <= path[end].day for day in falls), 0, 0)
        return Simulation(tuple(path), False, len(falls), *self._standing(states[0]))

    def _stages(self, until: int) -> list[int]:
        stages = [self.baseline.day + days for days in STAGES_DAYS]
        return [*(day for day in stages if day < until), until]

    def _now(self) -> PathPoint:
        slot = self.baseline.slot
        return PathPoint(self.baseline.day, slot("LIMIT"), Status(slot("STATUS")))

    def _columns(self, rows: Sequence[Row]) -> list[Any]:
        plain = [[row.at for row in rows], [row.hour for row in rows], [row.kind for row in rows]]
        x = [row.x + (0,) * (self.width - len(row.x)) for row in rows]
        if not self.compiled:
            return [*plain, x]
        shaped = np.array(x, dtype=np.int64).reshape(len(rows), self.width)
        return [*(np.array(column, dtype=np.int64) for column in plain), shaped]

    def _run(
        self, states: Any, columns: list[Any], first: int, last: int, until: int, path: list[PathPoint]
    ) -> list[int]:
        """Events `first` to `last` and looks up to `until`; the path is kept to one point a day.

        Returns the days on which the limit fell or a latch was set.
        """
        starts: Any = [first, last]
        cursor: Any = [0, 0, 0]
        refused: Any = [0] * last
        if self.compiled:
            starts, cursor, refused = (np.array(item, dtype=np.int64) for item in (starts, cursor, refused))
        falls = []
        while cursor[0] < 1:
            count = self.run.replay(states, starts, *columns, until, 1, 1, self.rows, self.heads, refused, cursor)
            for row in self.rows[:count].tolist() if self.compiled else self.rows[:count]:
                hour, before, limit, status, was_set, is_set = (row[place] for place in self.places)
                if limit < before or is_set & ~was_set:
                    falls.append(hour // 24)
                keep_point(path, PathPoint(hour // 24, limit, Status(status)))
        return falls

    def _standing(self, state: Any) -> tuple[int, int]:
        """The latches set, and the score."""
        self.run.features(state, self.out)
        self.run.score(state, self.out)
        score = self.baseline.kernel.shape.place("SCORE")
        return int(state[self.baseline.kernel.layout.slots["MASK"]]), int(self.out[score])


def keep_point(path: list[PathPoint], point: PathPoint) -> None:
    """Add a point to a path that holds one a day (the first stays: it is the line as it stood when asked)."""
    if point.day == path[-1].day and len(path) > 1:
        path.pop()
    if (point.limit_minor, point.status) != (path[-1].limit_minor, path[-1].status):
        path.append(point)
