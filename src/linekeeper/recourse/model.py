"""What a road back is made of: dated steps, assumptions, the events that the steps stand for, the path of limits.

Money is in minor units of the policy's currency. Days are local calendar days since 1970-01-01.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from typing import Literal as OneOf

from linekeeper.core.line import Status

PROMISE_MAX_DAYS = 730  # a plan that lasts longer is told as an outlook: nobody promises the rules of three years hence
PROMISE_MARGIN_DAYS = 7  # a promise lasts so many days beyond the plan: who is a few days late still arrives
EARLY_DAYS = 30  # money that a plan asks for on its first so many days is early money

# The keys of JSON before this format; both are written for one version, so that readers can change over.
FORMER_STEP_KEYS = {"action": "do", "event_kind": "kind"}
FORMER_ASSUMPTION_KEYS = {"kind": "rests", "event_kinds": "kinds"}


class StepKind(StrEnum):
    """What a borrower does in one step. The comment names the fields of `Step` that each kind carries."""

    PAY_OVERDUE = "pay_overdue"  # amount_minor by day
    PAY_DOWN = "pay_down"  # amount_minor off the balance by day
    PAY_ON_TIME = "pay_on_time"  # count bills from day until until_day; amount_minor: at least so much each
    BE_CURRENT = "be_current"  # nothing is overdue any more when the lender reports on day
    REPORT = "report"  # an event of event_kind with fields by day, count times (income proven, advice taken)
    DRAW_AND_REPAY = "draw_and_repay"  # count loans of amount_minor each, the first on day; each repaid by its bill
    NO_DRAWS = "no_draws"  # from day until until_day
    STOP = "stop"  # no event of event_kind with fields from day until until_day
    WAIT = "wait"  # until until_day


@dataclass(frozen=True, slots=True)
class Step:
    """One dated step of a plan. `StepKind` says which of the other fields each kind of step carries."""

    action: StepKind
    day: int
    until_day: int | None = None
    amount_minor: int | None = None
    count: int | None = None
    event_kind: str | None = None
    fields: Mapping[str, int | str] = field(default_factory=dict)


class AssumptionKind(StrEnum):
    """What a plan takes for granted. The comment names the fields of `Assumption` that each kind carries."""

    BILLS = "bills"  # from day on, no bill is above amount_minor
    INCOME = "income"  # income of at least amount_minor a month, next on day
    CURRENT = "current"  # the lender reports 0 days past due from day on
    NO_CHARGES = "no_charges"  # interest and fees are paid as they come


@dataclass(frozen=True, slots=True)
class Assumption:
    """One condition of a plan's promise. `AssumptionKind` says which fields each kind carries."""

    kind: AssumptionKind
    day: int
    amount_minor: int | None = None
    event_kinds: tuple[str, ...] = ()  # empty: what must not come is something to stop, and so a step


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """One event of a plan, as it would reach the lender. `at` is in UTC milliseconds."""

    day: int
    at: int
    kind: str
    fields: Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class PathPoint:
    """The limit and the status of the line from a day on."""

    day: int
    limit_minor: int
    status: Status

    @property
    def usable_minor(self) -> int:
        """How much of the limit may be used: nothing while draws are stopped."""
        return 0 if self.status >= Status.SUSPENDED else self.limit_minor


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps and where they lead.

    `path` begins on the day of asking and ends on the day on which the line is restored. `events` are all events that
    the plan stands for, in order of time. `early_minor` is what the borrower pays in the first 30 days, with the bills
    of those days; `total_minor` is what the borrower pays until the line is restored. Neither holds the minimum
    payments of future statements, which nobody knows yet; `bills_unknown` says that there are such. `verified` says
    that a second run of `events` gave `path`.
    """

    steps: tuple[Step, ...]
    assumptions: tuple[Assumption, ...]
    path: tuple[PathPoint, ...]
    events: tuple[PlannedEvent, ...]
    early_minor: int
    total_minor: int
    verified: bool
    bills_unknown: bool = False

    @property
    def restored_day(self) -> int:
        """The day on which the limit is what was granted again."""
        return self.path[-1].day


@dataclass(frozen=True, slots=True)
class RoadBack:
    """The plans that restore one account's line, as of `day`; a promise until `honour_until_day`.

    A plan that ends later is an outlook, see `is_outlook`.

    `policy` is the digest of the policy under which the plans were made. `lightest` is None where the fastest plan is
    the lightest too. `with_report` is an earlier plan that needs a fact confirmed by others (an income proven); None
    where there is no such plan.
    """

    day: int
    policy: str
    honour_until_day: int
    fastest: Plan
    lightest: Plan | None = None
    with_report: Plan | None = None

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plans that there are, the fastest first."""
        return tuple(plan for plan in (self.fastest, self.lightest, self.with_report) if plan is not None)

    def is_outlook(self, plan: Plan) -> bool:
        """Whether a plan ends after the last day of the promise, so that it is told as an outlook alone."""
        return plan.restored_day > self.honour_until_day

    @property
    def verified(self) -> bool:
        """Whether the second run of each plan gave its path."""
        return all(plan.verified for plan in self.plans)

    def as_json(self) -> dict[str, Any]:
        """Plain values for one line of JSON. Days stay numbers: days since 1970-01-01."""
        plans = {"fastest": self.fastest, "lightest": self.lightest, "with_report": self.with_report}
        plain_plans = {name: plan_json(plan) for name, plan in plans.items() if plan is not None}
        head = {"day": self.day, "policy": self.policy, "honour_until_day": self.honour_until_day}
        return {"road": True, **head, "verified": self.verified, **plain_plans}


def last_promised_day(honour_days: int, since_day: int, plans: Iterable[Plan | None]) -> int:
    """The last day of the promise of a road whose promise began on `since_day`: `honour`, or to the end of its plans.

    To the end of a plan, and some days, where that is within 24 months; a policy with `honour: 0d` promises nothing.
    """
    longest_day = since_day + PROMISE_MAX_DAYS
    ends = [plan.restored_day for plan in plans if plan is not None and plan.restored_day <= longest_day]
    if not honour_days or not ends:
        return since_day + honour_days
    return max(since_day + honour_days, min(max(ends) + PROMISE_MARGIN_DAYS, longest_day))


@dataclass(frozen=True, slots=True)
class NoRoadBack:
    """Why there is no road back, which triggers stay set, and when to ask again (None: time alone changes nothing).

    `terminal`: the policy says that a trigger is final. `person`: a person's ruling holds the line down. `granted`: no
    trigger does, the lender grants less. `not_found`: none of the plans that were tried restores the line.
    """

    why: OneOf["terminal", "person", "granted", "not_found"]
    triggers: tuple[str, ...]
    ask_again_day: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values for one line of JSON."""
        return {"road": False, "why": self.why, "triggers": list(self.triggers), "ask_again_day": self.ask_again_day}


# ------------------------------------------------------------------ JSON


def plan_json(plan: Plan) -> dict[str, Any]:
    """A plan as plain values."""
    plain = {
        "restored_day": plan.restored_day,
        "early_minor": plan.early_minor,
        "total_minor": plan.total_minor,
        "verified": plan.verified,
        "steps": [_filled_fields(step) for step in plan.steps],
        "assumptions": [_filled_fields(assumption) for assumption in plan.assumptions],
        "path": path_json(plan.path),
        "events": [{"at": e.at, "day": e.day, "kind": e.kind, **e.fields} for e in plan.events],
    }
    return with_former_plan_keys(plain)


def path_json(path: tuple[PathPoint, ...]) -> list[dict[str, Any]]:
    """A path of limits as plain values."""
    return [{"day": p.day, "limit": p.limit_minor, "status": p.status.name.lower()} for p in path]


def with_former_plan_keys(plan: Mapping[str, Any]) -> dict[str, Any]:
    """A plan in plain values whose steps and assumptions carry the keys of the former format beside their own.

    >>> with_former_plan_keys({"steps": [{"action": "wait"}], "assumptions": [{"kind": "bills"}]})
    {'steps': [{'action': 'wait', 'do': 'wait'}], 'assumptions': [{'kind': 'bills', 'rests': 'bills'}]}
    """
    former = {"steps": FORMER_STEP_KEYS, "assumptions": FORMER_ASSUMPTION_KEYS}
    return {**plan, **{part: [_doubled(item, keys) for item in plan[part]] for part, keys in former.items()}}


def _doubled(item: Mapping[str, Any], former_keys: Mapping[str, str]) -> dict[str, Any]:
    return {**item, **{former: item[key] for key, former in former_keys.items() if key in item}}


def _filled_fields(item: Step | Assumption) -> dict[str, Any]:
    """The fields of a step or an assumption that it carries."""
    values = ((name, getattr(item, name)) for name in item.__dataclass_fields__)
    carried = ((name, value) for name, value in values if value not in (None, (), {}))
    return {name: list(value) if isinstance(value, tuple) else value for name, value in carried}
