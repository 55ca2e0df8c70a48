"""Names, logic, comparison and arithmetic."""

from __future__ import annotations

from dataclasses import replace

from linekeeper.core.bounds import MONEY_MAX, SHARE_CEILING_BP
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.source import nearest, shown
from linekeeper.policy.syntax import Branch, render
from linekeeper.policy.types.literals import firm, pair, settle
from linekeeper.policy.types.typed import (
    INT64_MAX,
    UNIT_WORDS,
    Scope,
    Typed,
    checks,
    condition,
    fail,
    numeric,
    trees,
    typed,
)

# ------------------------------------------------------------------ names


@checks("name")
def _name(tree: Branch, scope: Scope) -> Typed:
    word = str(tree.children[0])
    if scope.event is not None:
        return _field(tree, word, scope)
    if word == "amount" and scope.asked_amount:
        return Typed(ex.FieldRef("amount"), ex.MONEY, 0, MONEY_MAX)
    if word in scope.feature_names:
        found = scope.feature(word)
        return replace(found, expr=ex.Ref(word), literal="")
    if word in ex.FACTS:
        return _fact(word, scope)
    if word in scope.scores:
        unit = ex.PD if word == "pd" else ex.POINTS
        return Typed(ex.ScoreRef(word), unit, -(10**9), 10**9)
    if word in ("score", "pd", "ability", "willingness"):
        fail(tree, f"`{word}` needs a score", "declare `score`, or use it outside features")
    return fail(
        tree, f"`{shown(word)}` is not known here", nearest(word, (*scope.feature_names, *ex.FACTS, *scope.scores))
    )


def _fact(word: str, scope: Scope) -> Typed:
    unit = ex.FACTS[word]
    low, high = {
        "money": (-MONEY_MAX if word == "balance" else 0, MONEY_MAX),
        "share": (0, SHARE_CEILING_BP),
    }.get(unit, (0, MONEY_MAX))
    part = Typed(ex.Fact(word), unit, low, high)
    return replace(part, expr=ex.Ref(scope.hoist(word, part)))


def _field(tree: Branch, word: str, scope: Scope) -> Typed:
    assert scope.event is not None
    if word == "hour":
        return Typed(ex.HourOfDay(), ex.COUNT, 0, 23)
    found = next((item for item in scope.event.fields if item.name == word), None)
    if found is None:
        known = [item.name for item in scope.event.fields] + ["hour"]
        fail(tree, f"`{shown(word)}` is not a field of `{scope.event.name}`", nearest(word, known))
    unprotected(tree, word, scope)
    return field_typed(found)


def unprotected(tree: Branch, word: str, scope: Scope) -> None:
    """Refuses a field that the policy protects. Raises Mistyped."""
    if word in scope.protected:
        fail(tree, f"`{word}` is protected and must not be an input", "remove it here, or from `protected`")


def field_typed(found: m.Field) -> Typed:
    """A field of an event as a checked part, with its unit and interval."""
    low = -MONEY_MAX if found.signed else 0
    high = {"flag": 1, "category": len(found.choices) - 1}.get(found.unit, MONEY_MAX)
    return Typed(ex.FieldRef(found.name), found.unit, low, high, found.optional, found.choices)


@checks("path")
def _path(tree: Branch, scope: Scope) -> Typed:
    word = ".".join(map(str, tree.children))
    fail(tree, f"`{shown(word)}` stands only inside a measure", f"write for example `last({word})`")


# ------------------------------------------------------------------ logic and comparison


@checks("or_", "and_")
def _junction(tree: Branch, scope: Scope) -> Typed:
    items = tuple(condition(part, scope) for part in trees(tree))
    return Typed(ex.Or(items) if tree.data == "or_" else ex.And(items), ex.FLAG)


@checks("not_")
def _not(tree: Branch, scope: Scope) -> Typed:
    return Typed(ex.Not(condition(trees(tree)[0], scope)), ex.FLAG)


@checks("compare")
def _compare(tree: Branch, scope: Scope) -> Typed:
    op = "=" if str(tree.children[1]) == "==" else str(tree.children[1])
    left, right = pair(trees(tree), scope, "compare")
    if op not in ("=", "!=") and left.unit in ("category", "flag"):
        fail(tree, f"`{op}` does not order {UNIT_WORDS[left.unit]}", "use `=`, `!=` or `in`")
    return Typed(ex.Compare(op, left.expr, right.expr), ex.FLAG)


@checks("in_")
def _in(tree: Branch, scope: Scope) -> Typed:
    first, *rest = trees(tree)
    item = firm(first, typed(first, scope))
    values = []
    for part in rest:
        value = settle(part, typed(part, scope), item.unit, item.choices)
        if value.unit != item.unit or not isinstance(value.expr, ex.Literal):
            fail(part, f"`{shown(render(part))}` is not a constant that `{shown(render(first))}` can be")
        values.append(value.expr.value)
    return Typed(ex.In(item.expr, tuple(sorted(set(values)))), ex.FLAG)


@checks("if_")
def _if(tree: Branch, scope: Scope) -> Typed:
    test, *branches = trees(tree)
    yes, no = pair(branches, scope, "choose between")
    expr = ex.If(condition(test, scope), yes.expr, no.expr)
    missing = yes.missing or no.missing
    return Typed(expr, yes.unit, min(yes.low, no.low), max(yes.high, no.high), missing, yes.choices)


# ------------------------------------------------------------------ arithmetic


@checks("arith")
def _arith(tree: Branch, scope: Scope) -> Typed:
    op = str(tree.children[1])
    return _scaled(tree, scope) if op == "*" else _summed(tree, scope, op)


def _summed(tree: Branch, scope: Scope, op: str) -> Typed:
    left, right = pair(trees(tree), scope, "add" if op == "+" else "subtract")
    numeric(tree, left)
    if op == "+":
        low, high = left.low + right.low, left.high + right.high
    else:
        low, high = left.low - right.high, left.high - right.low
    return _fits(tree, Typed(ex.Arith(op, left.expr, right.expr), left.unit, low, high, left.missing or right.missing))


def _scaled(tree: Branch, scope: Scope) -> Typed:
    sides = trees(tree)
    left, right = (typed(part, scope) for part in sides)
    if left.unit == "number":
        left, right = right, left
    if right.unit != "number" or not isinstance(right.expr, ex.Literal):
        fail(tree, "`*` needs a bare number on one side", "for a share of money write `part(money, share)`")
    left = firm(tree, left)
    numeric(tree, left)
    ends = (left.low * right.low, left.high * right.low)
    return _fits(tree, Typed(ex.Arith("*", left.expr, right.expr), left.unit, min(ends), max(ends), left.missing))


def _fits(tree: Branch, part: Typed) -> Typed:
    if max(abs(part.low), abs(part.high)) >= INT64_MAX // 2:
        fail(
            tree,
            f"`{shown(render(tree))}` could exceed 64 bits",
            "name a part of it as a feature: it is kept within 10^15",
        )
    return part


@checks("group")
def _group(tree: Branch, scope: Scope) -> Typed:
    return typed(trees(tree)[0], scope)


@checks("where")
def _where(tree: Branch, scope: Scope) -> Typed:
    fail(tree, "`where` stands only inside a measure")
