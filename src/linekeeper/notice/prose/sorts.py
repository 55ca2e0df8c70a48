"""What sort of value an expression has: its unit, and its words where it is a category."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from linekeeper.policy import model as m

Sort = tuple[m.Unit, tuple[str, ...]]


def sort_of(node: m.Expr, policy: m.Policy, features: Mapping[str, m.Feature], kind: m.Kind | None) -> Sort:
    """The unit and the choices of a checked expression; `kind` is the event kind inside `where`.

    >>> policy = m.Policy("p", 1, "CNY", 2, "UTC", (), (), ())
    >>> sort_of(m.Compare("=", m.Literal(1, "count"), m.Literal(2, "count")), policy, {}, None)
    ('flag', ())
    """
    match node:
        case m.Literal(_, unit):
            return unit, ()
        case m.Ref(name):
            return features[name].unit, features[name].choices
        case m.FieldRef(name):
            return _field(kind, name)
        case m.ScoreRef(name):
            return (m.PD if name == "pd" else m.POINTS), ()
        case m.Fact(name):
            return m.FACTS[name], ()
        case m.Last(select, field) | m.Windowed(("sum" | "max"), select, str(field), _):
            return _field(policy.kind(select.kind), field)
        case m.DaysSince():
            return m.DAYS, ()
        case m.HourOfDay() | m.LateCount() | m.Restrictions() | m.Windowed():
            return m.COUNT, ()
        case m.Call("percent"):
            return m.SHARE, ()
        case m.Call("known") | m.Not() | m.And() | m.Or() | m.Compare() | m.In():
            return m.FLAG, ()
        case m.Call(_, (first, *_)) | m.Arith(_, first, _) | m.If(_, first, _):
            return sort_of(first, policy, features, kind)
        case m.Call():
            raise ValueError("a call without arguments has no unit")
        case _:
            assert_never(node)


def _field(kind: m.Kind | None, name: str) -> Sort:
    if kind is None:
        return m.MONEY, ()
    field = next(field for field in kind.fields if field.name == name)
    return field.unit, field.choices
