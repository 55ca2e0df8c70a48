"""Relief for many accounts at once: each is given the same moratorium, all in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from linekeeper.core.bounds import DAY_MAX
from linekeeper.core.dates import date_of
from linekeeper.core.errors import UsageError
from linekeeper.core.event import PERSON_SOURCE
from linekeeper.engine.engine import Engine
from linekeeper.engine.rulings import demand_clock, demand_named
from linekeeper.policy.kinds import MORATORIUM


@dataclass(frozen=True, slots=True)
class ReliefSummary:
    """What relief did: accounts that have it, that had it before, those refused with the reason, and corrections made.

    A correction takes back what an account was restricted by in days that now stand still.
    """

    accounts: int
    same: int
    rejected: dict[str, str] = field(default_factory=dict)
    corrected: int = 0


def give_relief(
    engine: Engine, accounts: Sequence[str], first_day: int, last_day: int, *, why: str, now: int
) -> ReliefSummary:
    """Give these accounts a moratorium from local day `first_day` to `last_day`, both included.

    Days before `now` (UTC ms) stand still too: the event is dated on the first day, and counts as late. The same
    moratorium of the same account again changes nothing. An account that is not open is left out, and named.
    Raises UsageError where the policy knows no moratorium, or the days cannot be meant.
    """
    demand_named("-", why)
    if not 0 <= first_day <= last_day <= DAY_MAX:
        raise UsageError(
            "a moratorium ends on its first day or later", code="moratorium-not-usable", way_out="name days in order"
        )
    if engine.policy.moratorium is None:
        raise UsageError(
            f"the policy `{engine.policy.name}` knows no moratorium",
            code="moratorium-not-usable",
            way_out="add `moratorium: {}` to it, and adopt the new version",
        )
    demand_clock(engine.store, engine.clock)
    names = list(dict.fromkeys(accounts))
    day_start = engine.kernel.calendar.day_start(first_day)
    count, days = len(names), f"{date_of(first_day)}-{date_of(last_day)}"
    table = pa.table(
        {
            "id": pa.array([f"relief-{days}-{name}" for name in names], pa.string()),
            "account": pa.array(names, pa.string()),
            "kind": pa.array([MORATORIUM] * count, pa.string()),
            "at": pa.array([min(day_start, now)] * count, pa.int64()),
            "from": pa.array([first_day] * count, pa.int64()),
            "until": pa.array([last_day] * count, pa.int64()),
            "why": pa.array([why] * count, pa.string()),
        }
    )
    summary = engine.receive(table, PERSON_SOURCE)
    by_place = {f"event {one}": name for one, name in zip(table["id"].to_pylist(), names, strict=True)}
    rejected = {by_place[one.place]: one.reason for one in summary.rejected}
    return ReliefSummary(summary.events, summary.same, rejected, summary.actions["correct"])
