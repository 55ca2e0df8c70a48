"""The checks of measures of account facts through time: `max(utilisation, 6m)`, `days_where(balance > limit, 90d)`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NoReturn

from lark import Tree

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.policy import expression as ex
from linekeeper.policy.checker import check_condition, window_of
from linekeeper.policy.daily import DAILY_FACTS, DAILY_WORDS
from linekeeper.policy.functions import FACTS
from linekeeper.policy.scope import Checked, Mistyped, Scope, no_customer_call
from linekeeper.policy.source import nearest, quoted
from linekeeper.policy.syntax import Branch, render


def check_daily(tree: Branch, scope: Scope) -> Checked:
    """Such a measure by itself, not yet a feature. Raises Mistyped."""
    word = str(tree.children[0])
    arguments = [part for part in tree.children if isinstance(part, Tree)]
    if len(arguments) != 2:
        way_out = "add a window, like `30d`" if len(arguments) == 1 else ""
        _fail(tree, f"`{word}` takes 2 arguments, not {len(arguments)}", way_out)
    value, span = arguments
    window = window_of(span, "dm")
    if word == "days_where":
        condition = _condition(value, scope)
        return Checked(ex.Daily("days_where", condition, window, ex.DAYS), 0, MONEY_MAX)
    name = render(value)
    if name not in DAILY_FACTS:
        _fail(value, f"`{quoted(name)}` is not kept day by day", nearest(name, DAILY_FACTS, _known_facts()))
    fact, how = FACTS[name], DAILY_WORDS[word]
    node = ex.Daily(how, ex.Fact(name, fact.unit), window, fact.unit)  # type: ignore[arg-type]
    return Checked(node, *fact.bounds)


def _condition(tree: Branch, scope: Scope) -> ex.Expr:
    """A condition of facts and numbers alone."""
    for word in _names(tree):
        if word in scope.feature_names or (word in FACTS and word not in DAILY_FACTS):
            what = "a feature" if word in scope.feature_names else "this fact"
            _fail(tree, f"`{word}` cannot stand in `days_where`: {what} is not kept day by day", _known_facts())
    inner = replace(
        scope,
        feature_names=(),
        measures=False,
        scores=(),
        asked_amount=False,
        hoist=lambda name, _: name,
        customer_call=no_customer_call,
    )
    condition = _of_facts(check_condition(tree, inner))
    facts = [node for node in ex.nodes_of(condition) if isinstance(node, ex.Fact)]
    foreign = [node for node in ex.nodes_of(condition) if isinstance(node, ex.Ref | ex.ScoreRef | ex.FieldRef)]
    if foreign or not facts or any(fact.name not in DAILY_FACTS for fact in facts):
        _fail(tree, f"`{quoted(render(tree))}` is no condition of what is kept day by day", _known_facts())
    return condition


def _of_facts(expr: ex.Expr) -> ex.Expr:
    """The condition with the facts themselves in the places of the features that would hold them."""
    if isinstance(expr, ex.Ref):
        return ex.Fact(expr.name, expr.unit) if expr.name in FACTS else expr
    return ex.with_children(expr, _of_facts)


def _names(tree: Branch) -> Iterator[str]:
    for part in tree.iter_subtrees():
        if part.data == "name":
            yield str(part.children[0])


def _known_facts() -> str:
    return f"write one of {', '.join(f'`{name}`' for name in DAILY_FACTS)}"


def _fail(tree: Branch, message: str, way_out: str = "") -> NoReturn:
    raise Mistyped(message, tree.meta.start_pos or 0, way_out)
