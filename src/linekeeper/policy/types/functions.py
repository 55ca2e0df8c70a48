"""Function calls, and the place where a measure written inside an expression becomes a feature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from linekeeper.core.bounds import MONEY_MAX, SHARE_CEILING_BP
from linekeeper.policy import expression as ex
from linekeeper.policy.source import nearest, shown
from linekeeper.policy.syntax import Branch, render
from linekeeper.policy.types.literals import firm, pair, settle
from linekeeper.policy.types.measures import MEASURES
from linekeeper.policy.types.typed import (
    UNIT_WORDS,
    Check,
    Scope,
    Typed,
    arguments,
    checks,
    fail,
    numeric,
    trees,
    typed,
)


@checks("call")
def _call(tree: Branch, scope: Scope) -> Typed:
    word = str(tree.children[0])
    if word in _FUNCTIONS:
        return _FUNCTIONS[word](tree, scope)
    if word in MEASURES:
        if not scope.measures:
            fail(tree, f"the measure `{word}` cannot stand here", "name it as a feature")
        part = MEASURES[word](tree, scope)
        name = scope.hoist(render(tree), part)
        return replace(part, expr=ex.Ref(name))
    return fail(tree, f"the function `{shown(word)}` is not known", nearest(word, (*MEASURES, *_FUNCTIONS)))


def _percent(tree: Branch, scope: Scope) -> Typed:
    sides = arguments(tree, 2)
    left, right = pair(sides, scope, "divide")
    numeric(tree, left)
    missing = left.missing or right.missing
    return Typed(
        ex.Call("percent", (_kept(sides[0], left), _kept(sides[1], right))), ex.SHARE, 0, SHARE_CEILING_BP, missing
    )


def _kept(tree: Branch, part: Typed) -> ex.Expr:
    """An argument of percent, part or per must lie within 10^15."""
    if max(abs(part.low), abs(part.high)) > MONEY_MAX:
        fail(
            tree, f"`{shown(render(tree))}` could exceed 10^15", "name it as a feature: features are kept within 10^15"
        )
    return part.expr


def _part(tree: Branch, scope: Scope) -> Typed:
    sides = arguments(tree, 2)
    whole = firm(sides[0], typed(sides[0], scope))
    share = settle(sides[1], typed(sides[1], scope), ex.SHARE)
    numeric(sides[0], whole)
    if share.unit != "share":
        fail(sides[1], f"`{shown(render(sides[1]))}` is {UNIT_WORDS[share.unit]}, not a share")
    if max(abs(share.low), abs(share.high)) > SHARE_CEILING_BP:
        fail(sides[1], f"`{shown(render(sides[1]))}` could exceed the ceiling of 10,000 %")
    ends = [value * factor // 10_000 for value in (whole.low, whole.high) for factor in (share.low, share.high)]
    expr = ex.Call("part", (_kept(sides[0], whole), share.expr))
    return Typed(expr, whole.unit, min(ends), max(ends), whole.missing or share.missing)


def _per(tree: Branch, scope: Scope) -> Typed:
    sides = arguments(tree, 2)
    whole = firm(sides[0], typed(sides[0], scope))
    number = firm(sides[1], typed(sides[1], scope))
    numeric(sides[0], whole)
    if number.unit != "count":
        fail(sides[1], f"`{shown(render(sides[1]))}` is {UNIT_WORDS[number.unit]}, not a count")
    expr = ex.Call("per", (_kept(sides[0], whole), _kept(sides[1], number)))
    return Typed(expr, whole.unit, min(whole.low, 0), max(whole.high, 0), True)


def _extreme(tree: Branch, scope: Scope) -> Typed:
    sides = trees(tree)
    if not 2 <= len(sides) <= 8:
        fail(tree, f"`{tree.children[0]}` takes 2 to 8 arguments, not {len(sides)}")
    parts = [typed(part, scope) for part in sides]
    model = next((part for part in parts if part.unit not in ("number", "percent")), parts[0])
    parts = [firm(where, settle(where, part, model.unit)) for where, part in zip(sides, parts, strict=True)]
    for where, part in zip(sides, parts, strict=True):
        numeric(where, part)
        if part.unit != parts[0].unit:
            units = f"{UNIT_WORDS[parts[0].unit]} and {UNIT_WORDS[part.unit]}"
            fail(where, f"cannot compare {units} in `{tree.children[0]}`", "all arguments need one unit")
    pick = min if str(tree.children[0]) == "smallest" else max
    low, high = pick(part.low for part in parts), pick(part.high for part in parts)
    expr = ex.Call(str(tree.children[0]), tuple(part.expr for part in parts))
    return Typed(expr, parts[0].unit, low, high, any(part.missing for part in parts))


def _fallback(tree: Branch, scope: Scope) -> Typed:
    sides = arguments(tree, 2)
    first, other = pair(sides, scope, "replace")
    low, high = min(first.low, other.low), max(first.high, other.high)
    expr = ex.Call("fallback", (first.expr, other.expr))
    return Typed(expr, first.unit, low, high, first.missing and other.missing, first.choices)


def _known(tree: Branch, scope: Scope) -> Typed:
    (inner,) = arguments(tree, 1)
    return Typed(ex.Call("known", (firm(inner, typed(inner, scope)).expr,)), ex.FLAG)


_FUNCTIONS: Mapping[str, Check] = {
    "percent": _percent,
    "part": _part,
    "per": _per,
    "smallest": _extreme,
    "largest": _extreme,
    "fallback": _fallback,
    "known": _known,
}
