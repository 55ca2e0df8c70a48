"""A rule with its tables looked up: a borrower reads the row that applied to him, not the whole table."""

from __future__ import annotations

from collections.abc import Mapping

from linekeeper.policy import expression as ex
from linekeeper.policy import model as m


def with_chosen_rows(policy: m.Policy, expr: ex.Expr, values: Mapping[str, int | None]) -> ex.Expr:
    """The expression in which each feature that chooses among constants stands as the value that it had.

    Such are tables and segments. A value that is not known leaves the feature as it is.
    """

    def within(part: ex.Expr) -> ex.Expr:
        return with_chosen_rows(policy, part, values)

    match expr:
        case ex.Ref(name) if (value := values.get(name)) is not None and chooses(policy, name):
            return ex.Literal(value, expr.unit, expr.choices)
        case ex.If():  # what chooses in place is no table: it is said whole
            return expr
        case _:
            return ex.with_children(expr, within)


def chooses(policy: m.Policy, name: str) -> bool:
    """Whether a feature chooses among constants, as tables and segments do."""
    expr = policy.feature(name).expr
    return not isinstance(expr, ex.Literal) and _is_choice(policy, expr)


def _is_choice(policy: m.Policy, expr: ex.Expr) -> bool:
    """Whether whatever the expression comes to is one of its constants."""
    match expr:
        case ex.Literal():
            return True
        case ex.Ref(name):
            return chooses(policy, name)
        case ex.If(_, yes, no):
            return _is_choice(policy, yes) and _is_choice(policy, no)
        case ex.Call(_, args):
            return all(_is_choice(policy, arg) for arg in args)
        case _:
            return False
