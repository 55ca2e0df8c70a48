"""The road back of an account of the store, as of a day, with the promise that goes with it."""

from __future__ import annotations

from dataclasses import replace

from linekeeper.core.dates import date_of
from linekeeper.core.errors import UsageError
from linekeeper.engine.engine import Engine
from linekeeper.engine.history import reviewed_day
from linekeeper.engine.versions import promise_of
from linekeeper.recourse import NoRoadBack, RoadBack, find_road_back


def road_of_account(engine: Engine, account: str, day: int) -> RoadBack | NoRoadBack | None:
    """The road back of an account as of local day `day`, see `day_of_road`; None where nothing holds its line down.

    Raises LinekeeperError where the account is not known.
    """
    engine, state = engine.state_of(account)
    road = find_road_back(engine.kernel, state, day, compiled=False)
    if isinstance(road, RoadBack):
        with engine.store.reading() as connection:
            road = replace(road, honour_until_day=promise_of(connection, engine.kernel, account, day, road.plans))
    return road


def day_of_road(engine: Engine, account: str, day: int | None) -> int:
    """The day asked for, else the latest that the account or the store has seen.

    Raises LinekeeperError where the account is not known, or the day lies before that one.
    """
    engine, state = engine.state_of(account)
    with engine.store.reading() as connection:
        latest = max(state[engine.kernel.layout.slots["HOUR"]] // 24, reviewed_day(connection))
    if day is not None and day < latest:
        raise UsageError(
            f"the day {date_of(day)} is before {date_of(latest)}, which this account has already seen",
            code="day-too-early",
            details={"given": str(date_of(day)), "latest": str(date_of(latest))},
        )
    return latest if day is None else day
