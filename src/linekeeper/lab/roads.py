"""Roads back of a whole store: whether every adverse decision has one that comes true and that a person would accept.

For each decision the account's state right after it is worked out from its events, and a road back is searched for.
The plans of the road are then followed: their events go into a copy of the state, which is evaluated on every day. And
each plan is read as the borrower reads it: what it asks for, how long it is promised, whether its words are plain.
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
from linekeeper.notice.raw_names import raw_names
from linekeeper.notice.render import road_as_text
from linekeeper.recourse import NoRoadBack, RoadBack, find_road_back
from linekeeper.recourse.acceptance import PlanFault, faults_of_plan
from linekeeper.recourse.verify import verify_plan_daily
from linekeeper.texts.language import LANGS

FAULTS_KEPT = 20
ABSURD = frozenset((PlanFault.AMOUNT, PlanFault.STEPS, PlanFault.BEYOND_CONTROL))


@dataclass
class RoadCheck:
    """How many decisions were checked, and with which result.

    `adverse` = `terminal` + `with_road` + those without a road; `followed`: roads whose plans were run as events;
    `confirmed`: all plans of these led to the limits named on the days named. `underived`: decisions that do not
    follow from the account's events as they arrived (`linekeeper verify` says why), which are not checked.

    Of the `plans` of all roads, `to_the_day` came true to the day. `absurd` ask for more than the borrower's own past
    shows, or for too many steps, or rest on what others do; `in_arrears` leave something overdue; `beyond_promise` end
    after the promise though one could cover them, `outlooks` end later than any promise lasts; `help_conditions` would
    be broken by a report of hardship or a dispute. `identifiers` counts the roads in whose words a name of the policy
    stands as it is written. `faults` names the first decisions of each.
    """

    adverse: int = 0
    terminal: int = 0
    with_road: int = 0
    followed: int = 0
    confirmed: int = 0
    underived: int = 0
    plans: int = 0
    to_the_day: int = 0
    absurd: int = 0
    in_arrears: int = 0
    beyond_promise: int = 0
    outlooks: int = 0
    identifiers: int = 0
    help_conditions: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether each decision that is not terminal has a road back, and a person would accept each of its plans."""
        complete = self.adverse == self.terminal + self.with_road and self.with_road == self.followed == self.confirmed
        return complete and self.plans == self.to_the_day and not self.unfit

    @property
    def unfit(self) -> int:
        """How many faults a person would find in plans that come true."""
        return self.absurd + self.in_arrears + self.beyond_promise + self.identifiers + self.help_conditions

    def note(self, name: str, fault: str) -> None:
        """Keep one fault of a decision, as long as there are few."""
        if len(self.faults) < FAULTS_KEPT:
            self.faults.append(f"`{name}` {fault}")

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
    if isinstance(road, RoadBack):
        check.with_road += 1
        check.followed += 1
        _check_road(kernel, state, road, name, check)
    elif isinstance(road, NoRoadBack):
        check.note(name, f"has no road back ({road.why}: {', '.join(road.triggers)})")
    else:
        check.note(name, "has no road back")


def _check_road(kernel: Kernel, state: list[int], road: RoadBack, name: str, check: RoadCheck) -> None:
    """Follow each plan of a road day by day, and read it as its borrower would."""
    astray = [plan for plan in road.plans if not verify_plan_daily(kernel, state, road.day, plan)]
    check.plans += len(road.plans)
    check.to_the_day += len(road.plans) - len(astray)
    check.confirmed += not astray
    if astray:
        check.note(name, f"has a road that does not lead to day {astray[0].restored_day}")
    for plan in road.plans:
        faults = set(faults_of_plan(kernel, state, road, plan))
        check.absurd += bool(faults & ABSURD)
        check.in_arrears += PlanFault.IN_ARREARS in faults
        check.beyond_promise += PlanFault.BEYOND_PROMISE in faults
        check.outlooks += road.is_outlook(plan) and PlanFault.BEYOND_PROMISE not in faults
        check.help_conditions += PlanFault.HELP in faults
        for fault in sorted(faults):
            check.note(name, f"has a plan that nobody would accept ({fault.value})")
    policy = kernel.policy
    raw = {one for lang in LANGS for one in raw_names(road_as_text(road, policy, lang, road.day), policy, lang)}
    check.identifiers += bool(raw)
    if raw:
        check.note(name, f"has a road whose words hold {', '.join(f'`{one}`' for one in sorted(raw))}")
