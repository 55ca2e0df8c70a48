"""What a policy's restrictions depend on: events of these kinds, and of no others, can move a road back.

The actions that a road back may use are not a list in the code. They follow from the policy: paying is tried because
a trigger reads the balance, proving an income because a feature reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.analysis.windows import window_days
from linekeeper.scorecard.card import scored_features

LATE_KINDS = frozenset(("due", "repay", "delinquency"))
MOVED_BY = {  # account fact -> the built-in kinds of events that move it
    "balance": ("draw", "charge", "repay", "balance"),
    "available": ("draw", "charge", "repay", "balance"),
    "utilisation": ("draw", "charge", "repay", "balance"),
    "past_due": ("due", "repay"),
    "days_past_due": tuple(sorted(LATE_KINDS)),
    "on_time_streak": tuple(sorted(LATE_KINDS)),
}
HORIZON_DAYS_MAX = 3_650
HORIZON_MARGIN_DAYS = 400  # beyond all waits of the policy: a year of bills, and some


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What some triggers, and the restoration schedule, look at through features and score.

    `kinds` are the event kinds that can move one of them, `facts` the account facts that they read. `waits_days` are
    all lengths of time that can pass before something changes by itself: windows, holds, expiries, thresholds in
    days. `uses_dues` says whether the policy speaks of dues, as a policy of a lender that sends dues does.
    `measured_kinds` are the kinds that a feature measures by themselves, and not only through an account fact.
    `selects` are the events that these features select, in the order of the features.
    """

    kinds: frozenset[str]
    facts: frozenset[str]
    waits_days: tuple[int, ...]
    uses_dues: bool
    measured_kinds: frozenset[str] = frozenset()
    selects: tuple[ex.Select, ...] = ()


@lru_cache(maxsize=64)
def dependencies_of(policy: m.Policy) -> Dependencies:
    """What the triggers and the restoration schedule of a policy depend on."""
    return _dependencies(policy, policy.triggers)


@lru_cache(maxsize=64)
def dependencies_of_releasable(policy: m.Policy) -> Dependencies:
    """The same for the triggers that are not terminal: those that a road back can release."""
    return _dependencies(policy, tuple(trigger for trigger in policy.triggers if not trigger.terminal))


def _dependencies(policy: m.Policy, triggers: tuple[m.Trigger, ...]) -> Dependencies:
    by_name = {feature.name: feature for feature in policy.features}
    expressions = list(restoring_conditions(policy, triggers))
    kinds: set[str] = set()
    facts: set[str] = set()
    waits = {0}
    for name in _reached_features(policy, by_name, expressions):
        match by_name[name].expr:
            case ex.Windowed(_, select) as measure:
                kinds.add(select.kind)
                waits.add(window_days(measure.reach))
            case ex.Last(select, _) | ex.First(select, _) | ex.DaysSince(select):
                kinds.add(select.kind)
            case ex.LateCount(_, window):
                facts.add("days_past_due")
                waits.add(window_days(window))
            case ex.Restrictions(window):
                waits.add(window_days(window))
            case ex.Daily(_, _, window) as measure:
                facts |= measure.facts
                waits.add(window_days(window))
            case ex.Fact(fact):
                facts.add(fact)
    measured = frozenset(kinds)
    uses_dues = "due" in kinds or "past_due" in facts
    kinds |= {kind for fact in facts for kind in MOVED_BY.get(fact, ())}
    waits |= {node.value for expr in expressions for node in literals(expr, ex.DAYS)}
    waits |= {days for t in triggers if not t.terminal for days in (t.hold_days, t.expires_days or 0)}
    reached = _reached_features(policy, by_name, expressions)
    selects = dict.fromkeys(
        feature.expr.select
        for feature in policy.features
        if feature.name in reached and isinstance(feature.expr, ex.Windowed | ex.Last | ex.First | ex.DaysSince)
    )
    return Dependencies(frozenset(kinds), frozenset(facts), tuple(sorted(waits)), uses_dues, measured, tuple(selects))


def restoring_conditions(policy: m.Policy, triggers: tuple[m.Trigger, ...]) -> Iterator[ex.Expr]:
    """The conditions that decide whether a line comes back: those of the triggers, and of the restoration schedule."""
    for trigger in triggers:
        yield trigger.when
        if trigger.clear is not None:
            yield trigger.clear
        if trigger.limit is not None and trigger.limit.follows:
            yield trigger.limit.value
    yield from (one.condition for one in policy.restorations if one.condition is not None)
    if policy.differs_by_segment and policy.segments:  # another segment, other caps and holds
        yield policy.feature("segment").expr


def _reached_features(policy: m.Policy, by_name: dict[str, m.Feature], expressions: list[ex.Expr]) -> set[str]:
    """The names of the features that the expressions use, directly, through other features or through the score."""
    pending = [name for expr in expressions for name in _read_by(policy, expr)]
    reached: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += _read_by(policy, by_name[name].expr)
    return reached


def _read_by(policy: m.Policy, expr: ex.Expr) -> Iterator[str]:
    """The features that an expression names, and those of the score where it names that."""
    nodes = list(ex.nodes_of(expr))
    yield from (node.name for node in nodes if isinstance(node, ex.Ref))
    if policy.score and any(isinstance(node, ex.ScoreRef) for node in nodes):
        yield from scored_features(policy.score)


def literals(expr: ex.Expr, unit: ex.Unit) -> Iterator[ex.Literal]:
    """The constants of a unit inside an expression."""
    return (node for node in ex.nodes_of(expr) if isinstance(node, ex.Literal) and node.unit == unit)


def horizon_days(policy: m.Policy) -> int:
    """How many days ahead a road back is looked for.

    Twice the longest wait of the policy, since one wait can begin only when another ends (a hold after a window), then
    all steps of the restoration schedule, and a margin; at most ten years.
    """
    restoring_days = max(map(_restoring_days, policy.restorations), default=0)
    longest_wait = max(dependencies_of(policy).waits_days)
    return min(2 * longest_wait + restoring_days + HORIZON_MARGIN_DAYS, HORIZON_DAYS_MAX)


def _restoring_days(schedule: m.Restoration) -> int:
    """How long all steps of a schedule take."""
    steps = (10_000 - min(schedule.first_bp, 10_000)) // schedule.step_bp + 1
    return steps * schedule.every_days
