"""What a policy's restrictions look at: so many kinds of events, and no others, can move a road."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from linekeeper.policy import model as m

LATE_KINDS = frozenset(("due", "repay", "delinquency"))
MOVED_BY = {  # facts, and the built-in kinds that move them
    "balance": ("draw", "charge", "repay", "balance"),
    "available": ("draw", "charge", "repay", "balance"),
    "utilisation": ("draw", "charge", "repay", "balance"),
    "past_due": ("due", "repay"),
    "days_past_due": tuple(sorted(LATE_KINDS)),
    "on_time_streak": tuple(sorted(LATE_KINDS)),
}


@dataclass(frozen=True, slots=True)
class Reads:
    """`kinds`: event kinds that can move a restriction; `facts`: account facts; `spans`: all waits, in days.

    `bills`: whether the policy speaks of dues, as lenders that send them do.
    """

    kinds: frozenset[str]
    facts: frozenset[str]
    spans: tuple[int, ...]
    bills: bool


@lru_cache(maxsize=64)
def reads(policy: m.Policy) -> Reads:
    """Everything that the triggers and the recovery look at, through features and score."""
    return _reads(policy, policy.triggers)


@lru_cache(maxsize=64)
def reads_of_passing(policy: m.Policy) -> Reads:
    """The same for the triggers that are not terminal."""
    return _reads(policy, tuple(trigger for trigger in policy.triggers if not trigger.terminal))


def _reads(policy: m.Policy, triggers: tuple[m.Trigger, ...]) -> Reads:
    by_name = {feature.name: feature for feature in policy.features}
    exprs = list(conditions(policy, triggers))
    kinds: set[str] = set()
    facts: set[str] = set()
    spans = {0}
    for name in _names(policy, by_name, exprs):
        match by_name[name].expr:
            case m.Windowed(_, select, _, window):
                kinds.add(select.kind)
                spans.add(span_days(window))
            case m.Last(select, _) | m.DaysSince(select):
                kinds.add(select.kind)
            case m.LateCount(_, window):
                facts.add("days_past_due")
                spans.add(span_days(window))
            case m.Restrictions(window):
                spans.add(span_days(window))
            case m.Fact(fact):
                facts.add(fact)
    bills = "due" in kinds or "past_due" in facts
    kinds |= {kind for fact in facts for kind in MOVED_BY.get(fact, ())}
    spans |= {node.value for expr in exprs for node in literals(expr, m.DAYS)}
    spans |= {days for t in triggers if not t.terminal for days in (t.hold_days, t.expires_days or 0)}
    return Reads(frozenset(kinds), frozenset(facts), tuple(sorted(spans)), bills)


def span_days(window: m.Window) -> int:
    """The longest time that an event can stay in a window, in days."""
    return {"h": window.length // 24 + 2, "d": window.length, "m": window.length * 31}[window.unit]


def conditions(policy: m.Policy, triggers: tuple[m.Trigger, ...]) -> Iterator[m.Expr]:
    """The conditions of those triggers and of the recovery."""
    for trigger in triggers:
        yield trigger.when
        if trigger.clear is not None:
            yield trigger.clear
    if policy.recovery and policy.recovery.condition is not None:
        yield policy.recovery.condition


def _names(policy: m.Policy, by_name: dict[str, m.Feature], exprs: list[m.Expr]) -> set[str]:
    """The features that the conditions reach."""
    nodes = [node for expr in exprs for node in m.walk(expr)]
    pending = [node.name for node in nodes if isinstance(node, m.Ref)]
    if policy.score and any(isinstance(node, m.ScoreRef) for node in nodes):
        pending += [bins.feature for bins in policy.score.bins]
        pending += [name for table in policy.score.tables for name in (table.row, table.column)]
    found: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += [node.name for node in m.walk(by_name[name].expr) if isinstance(node, m.Ref)]
    return found


def literals(expr: m.Expr, unit: m.Unit) -> Iterator[m.Literal]:
    """The constants of a unit inside an expression."""
    return (node for node in m.walk(expr) if isinstance(node, m.Literal) and node.unit == unit)


def horizon_days(policy: m.Policy) -> int:
    """How far forward a road is looked for: twice the longest wait, and the whole recovery; at most ten years."""
    recovery = policy.recovery
    steps = (10_000 - min(recovery.first_bp, 10_000)) // recovery.step_bp + 1 if recovery else 0
    back = steps * recovery.every_days if recovery else 0
    return min(2 * max(reads(policy).spans) + back + 400, 3_650)
