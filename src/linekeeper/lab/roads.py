"""Roads of a whole store: every adverse decision of its history has a road back, and each road comes true.

For each decision the account is brought to the moment after it, from its events; a road is asked for, and its
plans are followed: their events go into a copy of the account, which is looked at on every single day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from linekeeper.core.decision import ADVERSE_ACTIONS
from linekeeper.engine.engine import Engine
from linekeeper.engine.history import Reviews
from linekeeper.engine.point_in_time import states_after
from linekeeper.engine.versions import kernels_of
from linekeeper.journal import tables as t
from linekeeper.kernel.kernel import Kernel
from linekeeper.recourse import NoRoadBack, RoadBack, find_road_back
from linekeeper.recourse.verify import verify_plan_daily

FAULTS_KEPT = 20


@dataclass
class RoadCheck:
    """What a check found, in decisions. `faults` names the first decisions without a road, or whose road went astray.

    `adverse` = `terminal` + `with_road` + those without; `followed`: roads whose plans were run as events;
    `came_true`: of these, all plans led on the days named to the limits named. `underived`: decisions that do not
    follow from the account's events as they arrived (`linekeeper verify` says why), not looked at.
    """

    adverse: int = 0
    terminal: int = 0
    with_road: int = 0
    followed: int = 0
    came_true: int = 0
    underived: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether each decision that is not terminal has a road, and each road came true."""
        return self.adverse == self.terminal + self.with_road and self.with_road == self.followed == self.came_true

    def as_json(self) -> dict[str, Any]:
        """For one line of JSON."""
        counts = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "faults"}
        return {**counts, "faults": self.faults}


def check_all(
    engine: Engine, sample: int | None = None, progress: Callable[[int], object] | None = None, *, compiled: bool = True
) -> RoadCheck:
    """Check every adverse decision of the store, or `sample` of them, evenly spread over accounts and time."""
    found = RoadCheck()
    with engine.store.reading() as connection:
        reviews, kernels = Reviews.of(connection), kernels_of(connection)
        for account, numbers in chosen(connection, sample).items():
            after = states_after(connection, kernels, account, reviews)
            for number in numbers:
                found.adverse += 1
                if progress:
                    progress(1)
                if number not in after:
                    found.adverse, found.underived = found.adverse - 1, found.underived + 1
                    continue
                _check(*after[number], f"{account}#{number}", found, compiled)
    return found


def count_adverse(engine: Engine) -> int:
    """How many adverse decisions the store holds."""
    with engine.store.reading() as connection:
        return sum(map(len, chosen(connection, None).values()))


def chosen(connection: Connection, sample: int | None) -> dict[str, list[int]]:
    """Account -> numbers of the adverse decisions to look at."""
    d = t.decisions.c
    query = select(d.account, d.number).where(d.action.in_(sorted(ADVERSE_ACTIONS))).order_by(d.account, d.number)
    rows = [(row[0], int(row[1])) for row in connection.execute(query)]
    if sample is not None and sample < len(rows):
        rows = [rows[i * len(rows) // sample] for i in range(sample)]
    found: dict[str, list[int]] = {}
    for account, number in rows:
        found.setdefault(account, []).append(number)
    return found


# ------------------------------------------------------------------ one decision


def _check(kernel: Kernel, state: list[int], name: str, found: RoadCheck, compiled: bool) -> None:
    road = find_road_back(kernel, state, state[kernel.layout.slots["HOUR"]] // 24, compiled=compiled)
    if isinstance(road, NoRoadBack) and road.why == "terminal":
        found.terminal += 1
        return
    fault = "has no road back"
    if isinstance(road, RoadBack):
        found.with_road += 1
        found.followed += 1
        astray = next((plan for plan in road.plans if not verify_plan_daily(kernel, state, road.day, plan)), None)
        if astray is None:
            found.came_true += 1
            return
        fault = f"has a road that does not lead to day {astray.restored_day}"
    elif isinstance(road, NoRoadBack):
        fault = f"has no road back ({road.why}: {', '.join(road.triggers)})"
    if len(found.faults) < FAULTS_KEPT:
        found.faults.append(f"`{name}` {fault}")
