"""Numbers that differ by segment, or by the arm of a split: one for each cell, as one value."""

from __future__ import annotations

from collections.abc import Sequence

from linekeeper.policy import expression as ex
from linekeeper.policy.scope import Checked

SEGMENT = "segment"  # the value that says in which segment an account is


def by_cell(parts: Sequence[Checked], axes: Sequence[ex.Expr]) -> Checked:
    """The value of the account's cell, of those that each cell has; parts of one unit, or loose in one way."""
    low, high = min(part.low for part in parts), max(part.high for part in parts)
    loose = parts[0].loose
    kept = (tuple(parts), tuple(axes)) if loose else ((), ())
    expr = _choice_of_cell([part.expr for part in parts], axes)
    return Checked(expr, low, high, any(part.missing for part in parts), loose, parts[0].text, *kept)


def _choice_of_cell(exprs: Sequence[ex.Expr], axes: Sequence[ex.Expr]) -> ex.Expr:
    """One of the expressions, by the first of the axes, then by the others; no arm is asked in vain."""
    if not axes:
        return exprs[0]
    first, *rest = axes
    size = len(exprs) // len(first.choices)
    groups = [exprs[place : place + size] for place in range(0, len(exprs), size)]
    if first != ex.Ref(SEGMENT, ex.CATEGORY) and all(group == groups[0] for group in groups):
        return _choice_of_cell(groups[0], rest)
    chosen = [_choice_of_cell(group, rest) for group in groups]
    expr = chosen[-1]
    for number in range(len(chosen) - 2, -1, -1):
        is_this = ex.Compare("=", first, ex.Literal(number, ex.CATEGORY, first.choices))
        expr = ex.If(is_this, chosen[number], expr)
    return expr
