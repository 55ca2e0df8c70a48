"""A road back as people read it: dates for day numbers, words for its steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from html import escape
from typing import Any

from linekeeper.core.dates import date_of, epoch_day
from linekeeper.notice.render import road_as_text
from linekeeper.policy import model
from linekeeper.recourse import NoRoadBack, PathPoint, Plan, RoadBack
from linekeeper.texts.language import Lang


@dataclass(frozen=True, slots=True)
class RoadPoint:
    """The limit and the status of the line from a day on."""

    day: date
    limit_minor: int
    status: str


@dataclass(frozen=True, slots=True)
class RoadPlan:
    """One plan that restores the line: on which day, for what, and along which limits. `definition` has its steps.

    `early_minor` is what the borrower pays in the first 30 days, `total_minor` until the line is restored.
    """

    restored_on: date
    early_minor: int
    total_minor: int
    path: tuple[RoadPoint, ...]
    definition: Plan = field(repr=False)


@dataclass(frozen=True, slots=True)
class Road:
    """The road back of a restricted account, as of `day`; where it is not open, `why` says so.

    `plans`: the fastest first. `why`: `terminal` (the policy says that a trigger is final), `person` (a person's ruling
    holds the line down), `not_found`. `honoured_until`: the last day on which the plans are promised.
    """

    day: date
    plans: tuple[RoadPlan, ...]
    honoured_until: date | None
    why: str | None
    definition: RoadBack | NoRoadBack = field(repr=False)
    policy: model.Policy = field(repr=False)

    @property
    def is_open(self) -> bool:
        """Whether there is a plan that restores the line."""
        return bool(self.plans)

    @property
    def restored_on(self) -> date | None:
        """The day on which the fastest plan restores the line; None where there is none."""
        return self.plans[0].restored_on if self.plans else None

    def describe(self, lang: Lang = "en") -> str:
        """The road as a notice shows it, in English (`en`) or Simplified Chinese (`zh`)."""
        return road_as_text(self.definition, self.policy, lang, epoch_day(self.day))

    def as_json(self) -> dict[str, Any]:
        """Plain values; days are numbers since 1970-01-01. `linekeeper road --json` prints dates."""
        return self.definition.as_json()

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.describe())}</pre>"


def road_as_dates(road: RoadBack | NoRoadBack, policy: model.Policy, day: int) -> Road:
    """The road back of an account under that version of the policy, asked for on a day since 1970-01-01."""
    if isinstance(road, NoRoadBack):
        return Road(date_of(day), (), None, road.why, road, policy)
    plans = tuple(map(_plan, road.plans))
    return Road(date_of(day), plans, date_of(road.honour_until_day), None, road, policy)


def _plan(plan: Plan) -> RoadPlan:
    path = tuple(map(_point, plan.path))
    return RoadPlan(date_of(plan.restored_day), plan.early_minor, plan.total_minor, path, plan)


def _point(point: PathPoint) -> RoadPoint:
    return RoadPoint(date_of(point.day), point.limit_minor, point.status.name.lower())
