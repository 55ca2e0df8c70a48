"""What an expression may read of the fields of an event, and within which bounds their values lie."""

from __future__ import annotations

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.policy import expression as ex
from linekeeper.policy.functions import Interval
from linekeeper.policy.model import Field
from linekeeper.policy.scope import Mistyped, Scope
from linekeeper.policy.syntax import Branch


def field_bounds(field: Field) -> Interval:
    """The least and the greatest value of a field."""
    high = {"flag": 1, "category": len(field.choices) - 1}.get(field.unit, MONEY_MAX)
    return Interval(-MONEY_MAX if field.signed else 0, high)


def check_readable(tree: Branch, field: Field, scope: Scope, listed: bool = False) -> None:
    """Raises Mistyped where a rule may not read the field; a text is only looked up in a list (`listed`)."""
    place = tree.meta.start_pos or 0
    if field.name in scope.protected:
        message = f"`{field.name}` is protected and must not be an input"
        raise Mistyped(message, place, "remove it here, or from `protected`")
    if field.unit == ex.TEXT and not listed:
        way_out = f"declare `lists`, and write `where {field.name} in NAME_OF_THE_LIST`"
        raise Mistyped(f"`{field.name}` is a text, which is only looked up in a list", place, way_out)
