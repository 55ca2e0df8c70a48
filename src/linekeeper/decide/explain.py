"""A decision taken apart: which triggers, which values against which thresholds, and the score as a waterfall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from linekeeper.core.decision import REFUSE, Decision
from linekeeper.decide.reasons import amount_of
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.scorecard.points import ScorePart, parts


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of a trigger's condition, with the value that it met. `value` is None where it was missing."""

    name: str
    value: str | None
    op: str
    threshold: str
    holds: bool


@dataclass(frozen=True, slots=True)
class ExplainedTrigger:
    """One trigger of a decision: `state` is set, released, in force or announced; `refused` of a rule of `assign`."""

    name: str
    state: str
    effect: str
    reason: str
    comparisons: tuple[Comparison, ...]


def explain_triggers(policy: m.Policy, decision: Decision) -> list[ExplainedTrigger]:
    """Every trigger that was set, released or in force at a decision."""
    explanations, segment = [], policy.segment_in(decision.values)
    announcements = decision.announcements
    pending = {one.trigger for one in announcements.pending} if announcements else set()
    for trigger in (m.in_segment(trigger, segment) for trigger in policy.rules_with_reasons):
        if trigger.name in pending:
            state = "announced"
        elif trigger.name in decision.triggers_set:
            state = "set"
        elif trigger.name in decision.triggers_released:
            state = "released"
        elif trigger.name in decision.triggers_in_force:
            state = "in force"
        elif decision.action == REFUSE and any(reason.trigger == trigger.name for reason in decision.reasons):
            state = "refused"
        else:
            continue
        compared = tuple(comparisons(policy, trigger.when, decision))
        does = effect(trigger, taken_amount(policy, trigger, decision))
        explanations.append(ExplainedTrigger(trigger.name, state, does, trigger.reason, compared))
    return explanations


def taken_amount(policy: m.Policy, trigger: m.Trigger, decision: Decision) -> str | None:
    """The amount that a trigger's `limit` took at this decision; None where it took none, or took it earlier."""
    if trigger.limit is None or trigger.name not in decision.triggers_in_force:
        return None
    if not (trigger.limit.follows or trigger.name in decision.triggers_set):
        return None
    totals = {**decision.sub_scores, "score": decision.score or 0, "pd": decision.pd_ppm or 0}
    value = ex.expression_in_segment(trigger.limit.value, policy.segment_in(decision.values))
    return money(policy, amount_of(replace(trigger.limit, value=value), decision.values, totals))


def effect(trigger: m.Trigger, amount: str | None = None) -> str:
    """What a set latch does, in a few words. `amount` is what its `limit` took, where that is known.

    >>> effect(m.Trigger("t", ex.Literal(1, "flag"), None, "r", cap_bp=5000, suspend=True))
    'suspend, cap 50%'
    """
    words = ["close"] if trigger.close else []
    words += ["suspend"] if trigger.suspend else []
    words += [f"cap {share(trigger.cap_bp)}"] if trigger.cap_bp < 10_000 else []
    words += [f"limit to {amount or 'an amount'}"] if trigger.limit is not None else []
    given = trigger.treatments
    if given is not None:
        words += [f"watch {given.watch}"] if given.watch else []
        words += [f"contact {given.contact.code}"] if given.contact else []
        words += [f"price {given.price}"] if given.price else []
    words += [f"in effect after {trigger.effective_days} days"] if trigger.effective_days else []
    return ", ".join(words) or "refuse the line"


def waterfall(policy: m.Policy, decision: Decision) -> list[ScorePart]:
    """The parts of the score, most points lost first; empty without a score."""
    if policy.score is None:
        return []
    return sorted(parts(policy.score, decision.values), key=lambda part: -part.lost)


def comparisons(policy: m.Policy, expr: ex.Expr, decision: Decision) -> Iterator[Comparison]:
    """The comparisons inside a condition, each with the decision's values."""
    for node in ex.nodes_of(ex.expression_in_segment(expr, policy.segment_in(decision.values))):
        match node:
            case ex.Compare(op, ex.Ref(name) | ex.ScoreRef(name), ex.Literal(threshold, unit)):
                yield _against(policy, name, op, threshold, unit, decision)
            case ex.Compare(op, ex.Ref(name), ex.Ref(other) | ex.ScoreRef(other)):
                value, bar = _value(name, decision), _value(other, decision)
                unit = policy.feature(name).unit
                threshold_text = f"{other} = {format_value(policy, bar, unit)}"
                yield Comparison(
                    name, format_value(policy, value, unit), op, threshold_text, comparison_holds(op, value, bar)
                )
            case ex.In(ex.Ref(name), values):
                value = _value(name, decision)
                feature = policy.feature(name)
                listed = ", ".join(format_value(policy, one, feature.unit, feature.choices) or "" for one in values)
                here = format_value(policy, value, feature.unit, feature.choices)
                yield Comparison(name, here, "in", listed, value in values)


def _against(policy: m.Policy, name: str, op: str, threshold: int, unit: ex.Unit, decision: Decision) -> Comparison:
    value = _value(name, decision)
    choices = next((feature.choices for feature in policy.features if feature.name == name), ())
    threshold_text = format_value(policy, threshold, unit, choices) or ""
    return Comparison(
        name, format_value(policy, value, unit, choices), op, threshold_text, comparison_holds(op, value, threshold)
    )


def _value(name: str, decision: Decision) -> int | None:
    totals: Mapping[str, int | None] = {"score": decision.score, "pd": decision.pd_ppm, **decision.sub_scores}
    return decision.values[name] if name in decision.values else totals[name]


def comparison_holds(op: str, value: int | None, other: int | None) -> bool:
    """A comparison as the language has it: false where a side is missing."""
    if value is None or other is None:
        return False
    return {
        "=": value == other,
        "!=": value != other,
        "<": value < other,
        "<=": value <= other,
        ">": value > other,
        ">=": value >= other,
    }[op]


def format_value(policy: m.Policy, value: int | None, unit: ex.Unit, choices: tuple[str, ...] = ()) -> str | None:
    """A value in its unit, as a person writes it; None where it is missing."""
    if value is None:
        return None
    if unit == "money":
        return money(policy, value)
    if unit == "share":
        return share(value)
    if unit == "pd":
        return f"{Decimal(value) / 10_000:.2f}%"
    if unit == "days":
        return f"{value}d"
    if unit == "flag":
        return "yes" if value else "no"
    if unit == "category" and choices:
        return choices[value]
    return str(value)


def money(policy: m.Policy, minor: int) -> str:
    """An amount in major units, with its currency."""
    amount = Decimal(minor).scaleb(-policy.exponent)
    return f"{amount:,.{policy.exponent}f} {policy.currency}"


def share(bp: int) -> str:
    """A share in percent, without needless digits.

    >>> share(5000), share(1250)
    ('50%', '12.5%')
    """
    return f"{Decimal(bp) / 100:f}%" if bp % 100 else f"{bp // 100}%"
