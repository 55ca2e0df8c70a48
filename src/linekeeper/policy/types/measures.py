"""Measures: what is counted, summed or remembered of an account's own past."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal as OneOf
from typing import cast

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.source import nearest, shown
from linekeeper.policy.syntax import Branch, render
from linekeeper.policy.types.literals import settle
from linekeeper.policy.types.operators import field_typed, unprotected
from linekeeper.policy.types.typed import (
    NUMERIC,
    UNIT_WORDS,
    Check,
    Scope,
    Typed,
    arguments,
    condition,
    fail,
    trees,
    typed,
)

WINDOW_MAX: Mapping[str, int] = {"h": 168, "d": 400, "m": 60}


def _select(tree: Branch, scope: Scope, wants_field: bool) -> tuple[ex.Select, m.Field | None]:
    source, where = (trees(tree)[0], trees(tree)[1]) if tree.data == "where" else (tree, None)
    if source.data != ("path" if wants_field else "name"):
        shape = "kind.field" if wants_field else "kind"
        fail(source, f"`{shown(render(source))}` does not select events", f"write `{shape}`")
    word = str(source.children[0])
    kind = scope.kinds.get(word)
    if kind is None:
        fail(source, f"the event kind `{shown(word)}` is not known", nearest(word, scope.kinds))
    found = _field_of(source, kind, scope) if wants_field else None
    inner = replace(scope, event=kind, measures=False)
    return ex.Select(word, condition(where, inner) if where else None), found


def _field_of(source: Branch, kind: m.Kind, scope: Scope) -> m.Field:
    word = str(source.children[1])
    found = next((item for item in kind.fields if item.name == word), None)
    if found is None:
        fail(source, f"`{shown(word)}` is not a field of `{kind.name}`", nearest(word, [f.name for f in kind.fields]))
    unprotected(source, word, scope)
    return found


def _window(tree: Branch, units: str = "hdm") -> ex.Window:
    word = str(tree.children[0]).replace("_", "") if tree.data == "duration" else ""
    if not word or word[-1] not in units:
        fail(tree, f"`{shown(render(tree))}` is not a window", "write " + " or ".join(f"`30{u}`" for u in units))
    length, unit = int(word[:-1]), cast(ex.TileUnit, word[-1])
    if not 1 <= length <= WINDOW_MAX[unit]:
        fail(tree, f"a window of `{shown(word)}` is not possible", f"from 1{unit} to {WINDOW_MAX[unit]}{unit}")
    return ex.Window(length, unit)


def _windowed(tree: Branch, scope: Scope) -> Typed:
    how = cast(OneOf["count", "sum", "max"], str(tree.children[0]))
    selector, span = arguments(tree, 2)
    select, found = _select(selector, scope, how != "count")
    window = _window(span)
    if found is None:
        return Typed(ex.Windowed(how, select, None, window), ex.COUNT, 0, MONEY_MAX)
    if found.unit not in NUMERIC or found.is_date:
        fail(selector, f"`{found.name}` is {UNIT_WORDS[found.unit]}, `{how}` needs an amount")
    if how == "sum" and found.signed:
        fail(selector, f"`{found.name}` may be negative, `sum` needs amounts that cannot be", "use `last` or `max`")
    low = -MONEY_MAX if found.signed else 0
    return Typed(ex.Windowed(how, select, found.name, window), found.unit, low, MONEY_MAX, how == "max")


def _last(tree: Branch, scope: Scope) -> Typed:
    (selector,) = arguments(tree, 1)
    select, found = _select(selector, scope, wants_field=True)
    assert found is not None
    part = field_typed(found)
    return replace(part, expr=ex.Last(select, found.name), missing=True)


def _days_since(tree: Branch, scope: Scope) -> Typed:
    (selector,) = arguments(tree, 1)
    select, _ = _select(selector, scope, wants_field=False)
    return Typed(ex.DaysSince(select), ex.DAYS, 0, 10**6, True)


def _late_count(tree: Branch, scope: Scope) -> Typed:
    number, span = arguments(tree, 2)
    days = settle(number, typed(number, replace(scope, measures=False)), ex.DAYS)
    if days.unit != "days" or not isinstance(days.expr, ex.Literal) or not 1 <= days.low <= 3650:
        fail(
            number,
            f"`{shown(render(number))}` is not a number of days past due",
            "write for example `late_count(30, 12m)`",
        )
    return Typed(ex.LateCount(days.low, _window(span, "dm")), ex.COUNT, 0, MONEY_MAX)


def _restrictions(tree: Branch, scope: Scope) -> Typed:
    (span,) = arguments(tree, 1)
    return Typed(ex.Restrictions(_window(span, "dm")), ex.COUNT, 0, MONEY_MAX)


MEASURES: Mapping[str, Check] = {
    "count": _windowed,
    "sum": _windowed,
    "max": _windowed,
    "last": _last,
    "days_since": _days_since,
    "late_count": _late_count,
    "restrictions": _restrictions,
}
