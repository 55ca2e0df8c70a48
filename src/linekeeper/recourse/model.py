"""What a road back is made of: dated steps, what they rest on, the events they stand for, the path of limits.

Money is in minor units of the policy's currency, days are local calendar days since 1970-01-01.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from typing import Literal as OneOf

from linekeeper.core.line import Status

EARLY_DAYS = 30  # money asked for on the first so many days is early money


class StepKind(StrEnum):
    """What a borrower does on the road. Fields that a step of each kind carries stand beside it."""

    PAY_OVERDUE = "pay_overdue"  # amount_minor by day
    PAY_DOWN = "pay_down"  # amount_minor off the balance by day
    PAY_ON_TIME = "pay_on_time"  # count bills from day until until_day; amount_minor: at least so much each
    BE_CURRENT = "be_current"  # nothing overdue any more when the lender reports on day
    REPORT = "report"  # an event `kind` with `fields` by day, `count` times (income proven, advice taken)
    NO_DRAWS = "no_draws"  # from day until until_day
    NO_ENQUIRIES = "no_enquiries"  # from day until until_day
    WAIT = "wait"  # until until_day


@dataclass(frozen=True, slots=True)
class Step:
    """One dated step; see `Do` for what it carries."""

    do: Do
    day: int
    until_day: int | None = None
    amount_minor: int | None = None
    count: int | None = None
    kind: str | None = None
    fields: Mapping[str, int | str] = field(default_factory=dict)


class AssumptionKind(StrEnum):
    """What a road takes for granted about others. Fields stand beside each."""

    BILLS = "bills"  # from day on, no bill is above amount_minor
    INCOME = "income"  # income of at least amount_minor a month, next on day
    CURRENT = "current"  # the lender reports 0 days past due from day on
    STATEMENTS = "statements"  # from day on, monthly statements show what is owed and what was paid
    NO_CHARGES = "no_charges"  # interest and fees are paid as they come
    NO_EVENTS = "no_events"  # nothing further of `kinds` until the line is back


@dataclass(frozen=True, slots=True)
class Assumption:
    """One thing that the promise rests on; see `AssumptionKind` for what it carries."""

    rests: AssumptionKind
    day: int
    amount_minor: int | None = None
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """One event of a plan, as it would reach the lender; `at` in UTC ms."""

    day: int
    at: int
    kind: str
    fields: Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class PathPoint:
    """The line from a day on."""

    day: int
    limit_minor: int
    status: Status

    @property
    def usable_minor(self) -> int:
        """What the limit is worth: nothing while draws are stopped."""
        return 0 if self.status >= Status.SUSPENDED else self.limit_minor


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps and where they lead. `path` begins on the day of asking and ends with the line restored.

    `early_minor` is what the borrower pays on the first 30 days, bills of those days included; `total_minor` until
    the line is back. What a statement will ask for is not known, and not in them. `events` are all that the plan
    stands for, in order of time; `verified` says that they were run again, event by event, and led where `path` says.
    """

    steps: tuple[Step, ...]
    assumptions: tuple[Assumption, ...]
    path: tuple[PathPoint, ...]
    events: tuple[PlannedEvent, ...]
    early_minor: int
    total_minor: int
    verified: bool

    @property
    def restored_day(self) -> int:
        """The day on which the line is back at granted."""
        return self.path[-1].day


@dataclass(frozen=True, slots=True)
class RoadBack:
    """The way back of one account as of `day`, under the policy of that digest; a promise until `honour_until_day`.

    `lightest` is None where it is the fastest one too. `with_report` is an earlier way that needs a fact from
    others (an income proven), where there is one.
    """

    day: int
    policy: str
    honour_until_day: int
    fastest: Plan
    lightest: Plan | None = None
    with_report: Plan | None = None

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plans, each once."""
        return tuple(plan for plan in (self.fastest, self.lightest, self.with_report) if plan is not None)

    @property
    def verified(self) -> bool:
        """Whether every plan led where it says when it was run a second time."""
        return all(plan.verified for plan in self.plans)

    def as_json(self) -> dict[str, Any]:
        """For one line of JSON; days as ISO dates stay to the caller, these are day numbers."""
        plans = {"fastest": self.fastest, "lightest": self.lightest, "with_report": self.with_report}
        found = {name: plan_json(plan) for name, plan in plans.items() if plan is not None}
        head = {"day": self.day, "policy": self.policy, "honour_until_day": self.honour_until_day}
        return {"road": True, **head, "verified": self.verified, **found}


@dataclass(frozen=True, slots=True)
class NoRoadBack:
    """Why there is no road back, by which triggers, and when to ask again (None: by itself nothing will change).

    terminal: the policy says it is final; person: a person ruled it; not_found: no plan that was tried leads back.
    """

    why: OneOf["terminal", "person", "not_found"]
    triggers: tuple[str, ...]
    ask_again_day: int | None = None

    def as_json(self) -> dict[str, Any]:
        """For one line of JSON."""
        return {"road": False, "why": self.why, "triggers": list(self.triggers), "ask_again_day": self.ask_again_day}


def plan_json(plan: Plan) -> dict[str, Any]:
    """A plan as plain values."""
    return {
        "restored_day": plan.restored_day,
        "early_minor": plan.early_minor,
        "total_minor": plan.total_minor,
        "verified": plan.verified,
        "steps": [_plain(step) for step in plan.steps],
        "assumptions": [_plain(assumption) for assumption in plan.assumptions],
        "path": path_json(plan.path),
        "events": [{"at": e.at, "day": e.day, "kind": e.kind, **e.fields} for e in plan.events],
    }


def path_json(path: tuple[PathPoint, ...]) -> list[dict[str, Any]]:
    """A path of limits as plain values."""
    return [{"day": p.day, "limit": p.limit_minor, "status": p.status.name.lower()} for p in path]


def _plain(item: Step | Assumption) -> dict[str, Any]:
    """The fields that are there."""
    named = ((name, getattr(item, name)) for name in item.__dataclass_fields__)
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in named if value not in (None, (), {})
    }
