"""Checking expressions: the face of `types`, whose modules fill the table of checks when they are imported."""

from __future__ import annotations

from linekeeper.policy.syntax import Branch
from linekeeper.policy.types import functions, literals, measures, operators
from linekeeper.policy.types.literals import settle
from linekeeper.policy.types.typed import Mistyped, Scope, Typed, condition, typed

__all__ = [
    "Mistyped",
    "Scope",
    "Typed",
    "condition",
    "functions",
    "literals",
    "measure",
    "operators",
    "settle",
    "typed",
]


def measure(tree: Branch, scope: Scope) -> Typed | None:
    """The tree as a bare measure (a feature that is nothing else), or None."""
    if tree.data == "call" and str(tree.children[0]) in measures.MEASURES:
        return measures.MEASURES[str(tree.children[0])](tree, scope)
    return None
