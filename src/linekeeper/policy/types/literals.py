"""Literals, and how a loose one (a bare number, a percentage, a text) takes its unit from the other side."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import cast

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.policy import expression as ex
from linekeeper.policy.source import nearest, shown
from linekeeper.policy.syntax import Branch, render
from linekeeper.policy.types.typed import UNIT_WORDS, Loose, Scope, Typed, checks, fail, trees, typed


@checks("money", "percent", "duration", "number", "string", "true", "false", "negative")
def _literal(tree: Branch, scope: Scope) -> Typed:
    kind = str(tree.data)
    if kind in ("true", "false"):
        value = int(kind == "true")
        return Typed(ex.Literal(value, ex.FLAG), ex.FLAG, value, value)
    if kind == "negative":
        return _negative(tree, scope)
    word = str(tree.children[0])
    if kind == "string":
        return Typed(ex.Literal(0, ex.CATEGORY), "text", literal=word[1:-1])
    if kind == "percent":
        return Typed(ex.Literal(0, ex.SHARE), "percent", literal=word[:-1].replace("_", ""))
    digits = word.replace("_", "")
    if len(digits) > 40:
        fail(tree, f"`{shown(word)}` is too large", "amounts go up to 10^15")
    if kind == "money":
        return _constant(tree, _money(tree, digits, scope), ex.MONEY)
    if kind == "duration":
        return _duration(tree, digits)
    return _loose_number(tree, int(digits), word)


def _loose_number(tree: Branch, value: int, word: str) -> Typed:
    _bounded(tree, value, word)
    return Typed(ex.Literal(value, ex.COUNT), "number", value, value)


def _constant(tree: Branch, value: int, unit: ex.Unit) -> Typed:
    _bounded(tree, value, render(tree))
    return Typed(ex.Literal(value, unit), unit, value, value)


def _bounded(tree: Branch, value: int, word: str) -> None:
    if abs(value) > MONEY_MAX:
        fail(tree, f"`{shown(word)}` is too large", "values go up to 10^15 in minor units")


def _money(tree: Branch, word: str, scope: Scope) -> int:
    amount, code = Decimal(word[:-3].strip()), word[-3:]
    if code != scope.currency:
        fail(tree, f"`{code}` is not the policy's currency `{scope.currency}`", f"write `{amount} {scope.currency}`")
    minor = amount.scaleb(scope.exponent)
    if minor != minor.to_integral_value():
        fail(tree, f"`{shown(word)}` is finer than the minor unit", f"at most {scope.exponent} digits after the point")
    return int(minor)


def _duration(tree: Branch, word: str) -> Typed:
    count, unit = int(word[:-1]), word[-1]
    if unit not in "dy":
        return Typed(ex.Literal(0, ex.DAYS), "span", literal=word)
    days = count * (365 if unit == "y" else 1)
    if days > 36_500:
        fail(tree, f"`{shown(word)}` is longer than a hundred years")
    return Typed(ex.Literal(days, ex.DAYS), ex.DAYS, days, days, literal=word)


def _negative(tree: Branch, scope: Scope) -> Typed:
    part = typed(trees(tree)[0], scope)
    if not isinstance(part.expr, ex.Literal) or part.unit in ("text", "flag", "span"):
        fail(tree, "a minus sign stands only before a number", "write `0 - x`, or subtract")
    if part.unit == "percent":
        return replace(part, literal=part.literal[1:] if part.literal[:1] == "-" else f"-{part.literal}")
    value = -part.expr.value
    return replace(part, expr=ex.Literal(value, part.expr.unit), low=value, high=value)


def settle(tree: Branch, part: Typed, unit: ex.Unit | Loose, choices: tuple[str, ...] = ()) -> Typed:
    """A loose literal given its unit by what it is compared with or added to."""
    if part.unit == "number" and unit in ("count", "days", "points"):
        literal = ex.Literal(part.low, cast(ex.Unit, unit))
        return Typed(literal, cast(ex.Unit, unit), part.low, part.high)
    if part.unit == "number" and unit == "money":
        fail(tree, f"`{part.low}` is a bare number, the other side is money", "write the currency, like `100 CNY`")
    if part.unit == "number" and unit in ("share", "pd"):
        fail(tree, f"`{part.low}` is a bare number, the other side is {UNIT_WORDS[unit]}", f"write `{part.low}%`")
    if part.unit == "percent" and unit in ("share", "pd"):
        return _percentage(tree, part.literal, cast(ex.Unit, unit))
    if part.unit == "text" and unit == "category":
        if part.literal not in choices:
            fail(tree, f"`{shown(part.literal)}` is not one of the list", nearest(part.literal, choices))
        index = choices.index(part.literal)
        return Typed(ex.Literal(index, ex.CATEGORY), ex.CATEGORY, index, index, choices=choices)
    return part


def _percentage(tree: Branch, word: str, unit: ex.Unit) -> Typed:
    if len(word) > 20:
        fail(tree, f"`{shown(word)}%` is too long")
    scaled = Decimal(word) * (100 if unit == "share" else 10_000)
    if scaled != scaled.to_integral_value():
        finest = "0.01%" if unit == "share" else "0.0001%"
        fail(tree, f"`{word}%` is finer than {finest}, the smallest step here", "round it")
    return _constant(tree, int(scaled), unit)


def firm(tree: Branch, part: Typed) -> Typed:
    """A part that got no unit from anywhere: bare numbers count, the rest is a fault."""
    if part.unit == "number":
        return settle(tree, part, ex.COUNT)
    if part.unit == "percent":
        return settle(tree, part, ex.SHARE)
    if part.unit in ("text", "span"):
        fail(tree, f"{UNIT_WORDS[part.unit]} cannot stand here")
    return part


def pair(sides: list[Branch], scope: Scope, doing: str) -> tuple[Typed, Typed]:
    """Two sides of the same unit. Raises Mistyped naming both."""
    left, right = (typed(tree, scope) for tree in sides)
    left = settle(sides[0], left, right.unit, right.choices)
    right = settle(sides[1], right, left.unit, left.choices)
    left, right = firm(sides[0], left), firm(sides[1], right)
    if left.unit != right.unit:
        texts = [
            f"`{shown(render(tree))}` ({UNIT_WORDS[part.unit]})"
            for tree, part in zip(sides, (left, right), strict=True)
        ]
        fail(sides[1], f"cannot {doing} {texts[0]} and {texts[1]}", "both sides need one unit")
    if left.unit == "category" and left.choices != right.choices:
        fail(sides[1], "the two lists of words differ", "compare words of one list")
    return left, right
