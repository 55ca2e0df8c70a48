"""Where the value of a feature matters: the cuts at which some rule of the policy would answer otherwise.

A feature that is only compared with constants can change a decision only by crossing one of them, so the
kernel need not look again before that (law 4). A feature used in arithmetic matters at any change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from linekeeper.core.bounds import MISSING
from linekeeper.policy import model as m


@dataclass(frozen=True, slots=True)
class Use:
    """How a feature is used. Between two neighbouring cuts all values mean the same; `any` = each value counts."""

    cuts: tuple[int, ...]
    any: bool = False


def uses(policy: m.Policy) -> dict[str, Use]:
    """The use of every feature that a look depends on; a feature that is missing here is not looked at."""
    found: dict[str, set[int | None]] = {}
    pending = [name for name, cut in _roots(policy) if _note(found, name, cut)]
    by_name = {feature.name: feature for feature in policy.features}
    while pending:
        expr = by_name[pending.pop()].expr
        pending += [name for name, cut in _in_value(expr) if _note(found, name, cut)]
    return {name: Use(tuple(sorted(c for c in cuts if c is not None)), None in cuts) for name, cuts in found.items()}


def _note(found: dict[str, set[int | None]], name: str, cut: int | None) -> bool:
    """Record one cut (None: any change); says whether the feature is new."""
    new = name not in found
    found.setdefault(name, set()).add(cut)
    return new


Found = Iterator[tuple[str, int | None]]


def _roots(policy: m.Policy) -> Found:
    for trigger in policy.triggers:
        yield from _in_condition(trigger.when)
        if trigger.clear is not None:
            yield from _in_condition(trigger.clear)
    if policy.recovery and policy.recovery.condition is not None:
        yield from _in_condition(policy.recovery.condition)
    if policy.offer:
        yield from _in_condition(policy.offer.when)
    if policy.score:
        for bins in policy.score.bins:
            yield from ((bins.feature, cut) for cut in (MISSING + 1, *bins.below))
            yield from ((bins.feature, value) for value in range(len(bins.by_choice)))
        for table in policy.score.tables:
            yield from ((table.row, cut) for cut in (MISSING + 1, *table.row_below))
            yield from ((table.column, cut) for cut in (MISSING + 1, *table.column_below))


def _in_value(expr: m.Expr) -> Found:
    """Uses inside an expression whose value matters."""
    match expr:
        case m.Ref(name):
            yield name, None
        case m.Not() | m.And() | m.Or() | m.Compare() | m.In():
            yield from _in_condition(expr)
        case m.If(test, yes, no):
            yield from _in_condition(test)
            yield from _in_value(yes)
            yield from _in_value(no)
        case m.Call("known", (m.Ref(name),)):
            yield name, MISSING + 1
        case _:
            for child in m.children(expr):
                yield from _in_value(child)


def _in_condition(expr: m.Expr) -> Found:
    match expr:
        case m.Compare(op, m.Ref(name), m.Literal(value)):
            yield from ((name, cut) for cut in _cuts(op, value))
        case m.Compare(op, m.Literal(value), m.Ref(name)):
            yield from ((name, cut) for cut in _cuts(_MIRRORED.get(op, op), value))
        case m.In(m.Ref(name), values):
            yield from ((name, cut) for value in values for cut in _cuts("=", value))
        case m.Not() | m.And() | m.Or():
            for child in m.children(expr):
                yield from _in_condition(child)
        case m.Ref(name):  # a flag
            yield from ((name, cut) for cut in (MISSING + 1, 1))
        case _:
            yield from _in_value(expr) if isinstance(expr, m.If | m.Call) else _each(expr)


def _each(expr: m.Expr) -> Found:
    for child in m.children(expr):
        yield from _in_value(child)


_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _cuts(op: str, value: int) -> tuple[int, ...]:
    """Where `feature op value` changes its answer; missing lies below everything.

    >>> _cuts(">=", 5)[1:], _cuts(">", 5)[1:], _cuts("=", 5)[1:]
    ((5,), (6,), (5, 6))
    """
    edges = {">=": (value,), "<": (value,), ">": (value + 1,), "<=": (value + 1,)}.get(op, (value, value + 1))
    return (MISSING + 1, *edges)
