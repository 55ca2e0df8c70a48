"""Roads back of a whole store: whether every adverse decision of its history has one, and whether each comes true.

For each decision the account's state right after it is worked out from its events, and a road back is searched for.
The plans of the road are then followed: their events go into a copy of the state, which is evaluated on every day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from linekeeper.core.decision import ADVERSE_ACTIONS
from linekeeper.engine.history import Reviews
from linekeeper.engine.point_in_time import states_after
from linekeeper.engine.versions import kernels_of
from linekeeper.journal import tables as t
from linekeeper.journal.store import Store
from linekeeper.kernel.kernel import Kernel
from linekeeper.recourse import NoRoadBack, RoadBack, find_road_back
from linekeeper.recourse.verify import verify_plan_daily

FAULTS_KEPT = 20


@dataclass
class RoadCheck:
    """How many decisions were checked, and with which result.

    `adverse` = `terminal` + `with_road` + those without a road; `followed`: roads whose plans were run as events;
    `confirmed`: all plans of these led to the limits named on the days named. `underived`: decisions that do not
    follow from the account's events as they arrived (`linekeeper verify` says why), which are not checked. `faults`
    names the first decisions without a road, or whose road did not come true.
    """

    adverse: int = 0
    terminal: int = 0
    with_road: int = 0
    followed: int = 0
    confirmed: int = 0
    underived: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether each decision that is not terminal has a road back, and each road leads where it says."""
        return self.adverse == self.terminal + self.with_road and self.with_road == self.followed == self.confirmed

    def as_json(self) -> dict[str, Any]:
        """Plain values for one line of JSON."""
        counts = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "faults"}
        return {**counts, "faults": self.faults}


def check_roads(
    store: Store, sample: int | None = None, progress: Callable[[int], object] | None = None, *, compiled: bool = True
) -> RoadCheck:
    """Check every adverse decision of the store, or `sample` of them, evenly spread over accounts and time.

    `progress` is called after each decision.
    """
    check = RoadCheck()
    with store.reading() as connection:
        reviews, kernels = Reviews.of(connection), kernels_of(connection)
        for account, numbers in _adverse_decisions(connection, sample).items():
            after = states_after(connection, kernels, account, reviews)
            for number in numbers:
                if number in after:
                    check.adverse += 1
                    _check_decision(*after[number], f"{account}#{number}", check, compiled)
                else:
                    check.underived += 1
                if progress:
                    progress(1)
    return check


def count_adverse_decisions(store: Store) -> int:
    """How many adverse decisions the store holds."""
    with store.reading() as connection:
        return sum(map(len, _adverse_decisions(connection, None).values()))


def _adverse_decisions(connection: Connection, sample: int | None) -> dict[str, list[int]]:
    """Account -> numbers of the adverse decisions to check."""
    d = t.decisions.c
    query = select(d.account, d.number).where(d.action.in_(sorted(ADVERSE_ACTIONS))).order_by(d.account, d.number)
    rows = [(row[0], int(row[1])) for row in connection.execute(query)]
    if sample is not None and sample < len(rows):
        rows = [rows[i * len(rows) // sample] for i in range(sample)]
    numbers: dict[str, list[int]] = {}
    for account, number in rows:
        numbers.setdefault(account, []).append(number)
    return numbers


# ------------------------------------------------------------------ one decision


def _check_decision(kernel: Kernel, state: list[int], name: str, check: RoadCheck, compiled: bool) -> None:
    road = find_road_back(kernel, state, state[kernel.layout.slots["HOUR"]] // 24, compiled=compiled)
    granted_less = road is None and kernel.policy.takes_grants  # no trigger holds the line, and no step leads back
    if granted_less or (isinstance(road, NoRoadBack) and road.why == "terminal"):
        check.terminal += 1
        return
    fault = "has no road back"
    if isinstance(road, RoadBack):
        check.with_road += 1
        check.followed += 1
        astray = next((plan for plan in road.plans if not verify_plan_daily(kernel, state, road.day, plan)), None)
        if astray is None:
            check.confirmed += 1
            return
        fault = f"has a road that does not lead to day {astray.restored_day}"
    elif isinstance(road, NoRoadBack):
        fault = f"has no road back ({road.why}: {', '.join(road.triggers)})"
    if len(check.faults) < FAULTS_KEPT:
        check.faults.append(f"`{name}` {fault}")
