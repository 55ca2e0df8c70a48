"""Roads of a whole store: every adverse decision of its history has a road back, and each road comes true.

For each decision the account is brought to the moment after it, from its events; a road is asked for, and its
plans are followed: their events go into a copy of the account, which is looked at on every single day.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Connection, select

from linekeeper.core.bounds import MISSING
from linekeeper.core.decision import ADVERSE_ACTIONS
from linekeeper.core.line import ADVERSE
from linekeeper.decide.road import NoRoad, Road, find_road
from linekeeper.decide.road.follow import comes_true
from linekeeper.engine.brake import Gate, from_ledger
from linekeeper.engine.derive import first_held
from linekeeper.engine.engine import Engine
from linekeeper.engine.found import NOT_REVIEWED, Arrivals, Findings, Found, find_arrivals, review_account
from linekeeper.engine.history import row_of
from linekeeper.journal import tables as t
from linekeeper.kernel.batch import Batch
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.late import REVERSAL, Past

FAULTS_KEPT = 20
_DECODE = msgspec.json.Decoder(dict[str, int | str]).decode


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
    engine: Engine, sample: int | None = None, tell: Callable[[int], object] | None = None, *, compiled: bool = True
) -> RoadCheck:
    """Check every adverse decision of the store, or `sample` of them, evenly spread over accounts and time."""
    found = RoadCheck()
    with engine.store.reading() as connection:
        reviews = Reviews.of(connection)
        for account, numbers in chosen(connection, sample).items():
            states = states_after(connection, engine.kernel, account, reviews)
            for number in numbers:
                found.adverse += 1
                if tell:
                    tell(1)
                if number not in states:
                    found.adverse, found.underived = found.adverse - 1, found.underived + 1
                    continue
                _check(engine.kernel, states[number], f"{account}#{number}", found, compiled)
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


class Kept(list[Found]):
    """Decisions as they are found, and beside each (in `states`) a copy of the account's state right after it."""

    def __init__(self, state: list[int]) -> None:
        super().__init__()
        self.state = state
        self.states: list[list[int]] = []

    def append(self, found: Found) -> None:
        """Keep one more, with the state as it is now."""
        super().append(found)
        self.states.append(list(self.state))


def states_after(connection: Connection, kernel: Kernel, account: str, reviews: Reviews) -> dict[int, list[int]]:
    """Number -> state right after, of the account's adverse decisions; its events are taken as they arrived."""
    batch, arrivals = _arrived(connection, kernel, account)
    state = kernel.new_state()
    kept = Kept(state)
    findings = Findings(kept)
    held = first_held(connection, [account])
    gate = Gate(kernel, arrivals.numbers[batch.rows].tolist(), {}, from_ledger(held)) if held else None
    reviewed = np.array([reviews.before(number) for number in arrivals.numbers[batch.rows]], dtype=np.int64)
    find_arrivals(kernel, batch, 0, state, Past(), arrivals, reviewed, findings, gate)
    review_account(kernel, batch, 0, state, reviews.last_day, kernel.new_row(), findings, gate)
    action = kernel.shape.place("ACTION")
    numbered = enumerate(zip(kept, kept.states, strict=True), start=1)
    return {number: after for number, (found, after) in numbered if found.row[action] in ADVERSE}


def _arrived(connection: Connection, kernel: Kernel, account: str) -> tuple[Batch, Arrivals]:
    """One account's events as a batch, and how they arrived."""
    e = t.events.c
    query = select(e.seq, e.source, e.id, e.kind, e.at, e.body).where(e.account == account).order_by(e.at, e.seq)
    events = connection.execute(query).all()
    fields = [_DECODE(event.body) for event in events]
    rows = [row_of(kernel, event.kind, event.at, found) for event, found in zip(events, fields, strict=True)]
    seqs = {(event.source, event.id): event.seq for event in events}
    pairs = zip(events, fields, strict=True)
    reverses = {event.seq: seqs[event.source, str(found["of"])] for event, found in pairs if event.kind == REVERSAL}
    at, hour, kind = (np.array([row[i] for row in rows], dtype=np.int64) for i in range(3))
    x = np.full((len(rows), max(1, *(len(kind.fields) for kind in kernel.policy.kinds))), MISSING, dtype=np.int64)
    for place, row in enumerate(rows):
        x[place, : len(row.x)] = row.x
    whole = np.array([0, len(rows)], dtype=np.int64)
    numbers = np.array([event.seq for event in events], dtype=np.int64)
    return Batch([account], whole, np.arange(len(rows)), at, hour, kind, x), Arrivals(numbers, reverses)


@dataclass(frozen=True)
class Reviews:
    """The reviews of a store: `days[i]` is the day up to which all was looked at from event `afters[i]` on."""

    afters: list[int]
    days: list[int]

    @staticmethod
    def of(connection: Connection) -> Reviews:
        """All reviews, in order."""
        r = t.reviews.c
        marks = connection.execute(select(r.after_event, r.until_day).order_by(r.seq)).all()
        return Reviews([int(after) for after, _ in marks], [int(day) for _, day in marks])

    def before(self, event: int) -> int:
        """The day reviewed before that event arrived."""
        place = bisect_left(self.afters, event)
        return self.days[place - 1] if place else NOT_REVIEWED

    @property
    def last_day(self) -> int:
        """The latest day reviewed."""
        return self.days[-1] if self.days else NOT_REVIEWED


# ------------------------------------------------------------------ one decision


def _check(kernel: Kernel, state: list[int], name: str, found: RoadCheck, compiled: bool) -> None:
    road = find_road(kernel, state, state[kernel.layout.slots["HOUR"]] // 24, compiled=compiled)
    if isinstance(road, NoRoad) and road.why == "terminal":
        found.terminal += 1
        return
    fault = "has no road back"
    if isinstance(road, Road):
        found.with_road += 1
        found.followed += 1
        astray = next((plan for plan in road.plans if not comes_true(kernel, state, road.day, plan)), None)
        if astray is None:
            found.came_true += 1
            return
        fault = f"has a road that does not lead to day {astray.restored_day}"
    elif isinstance(road, NoRoad):
        fault = f"has no road back ({road.why}: {', '.join(road.triggers)})"
    if len(found.faults) < FAULTS_KEPT:
        found.faults.append(f"`{name}` {fault}")
