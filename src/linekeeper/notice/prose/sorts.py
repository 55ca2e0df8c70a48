"""What sort of value an expression has: its unit, and its words where it is a category."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from linekeeper.policy import expression as ex
from linekeeper.policy import model as m

Sort = tuple[ex.Unit, tuple[str, ...]]


def sort_of(node: ex.Expr, policy: m.Policy, features: Mapping[str, m.Feature], kind: m.Kind | None) -> Sort:
    """The unit and the choices of a checked expression; `kind` is the event kind inside `where`.

    >>> policy = m.Policy("p", 1, "CNY", 2, "UTC", (), (), ())
    >>> sort_of(ex.Compare("=", ex.Literal(1, "count"), ex.Literal(2, "count")), policy, {}, None)
    ('flag', ())
    """
    match node:
        case ex.Literal(_, unit):
            return unit, ()
        case ex.Ref(name):
            return features[name].unit, features[name].choices
        case ex.FieldRef(name):
            return _field(kind, name)
        case ex.ScoreRef(name):
            return (ex.PD if name == "pd" else ex.POINTS), ()
        case ex.Fact(name):
            return ex.FACTS[name], ()
        case ex.Last(select, field) | ex.Windowed(("sum" | "max"), select, str(field), _):
            return _field(policy.kind(select.kind), field)
        case ex.DaysSince():
            return ex.DAYS, ()
        case ex.HourOfDay() | ex.LateCount() | ex.Restrictions() | ex.Windowed():
            return ex.COUNT, ()
        case ex.Call("percent"):
            return ex.SHARE, ()
        case ex.Call("known") | ex.Not() | ex.And() | ex.Or() | ex.Compare() | ex.In():
            return ex.FLAG, ()
        case ex.Call(_, (first, *_)) | ex.Arith(_, first, _) | ex.If(_, first, _):
            return sort_of(first, policy, features, kind)
        case ex.Call():
            raise ValueError("a call without arguments has no unit")
        case _:
            assert_never(node)


def _field(kind: m.Kind | None, name: str) -> Sort:
    if kind is None:
        return ex.MONEY, ()
    field = next(field for field in kind.fields if field.name == name)
    return field.unit, field.choices
