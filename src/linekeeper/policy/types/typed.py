"""What a checked part of an expression is, and the table of checks that the other modules here fill.

Each checked part carries its unit and the interval it lies in, so that what could exceed 64 bits is refused
here and the kernel needs no check at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal as OneOf
from typing import NoReturn

from lark import Token, Tree

from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.source import shown
from linekeeper.policy.syntax import Branch, render

INT64_MAX = 2**63 - 1
Loose = OneOf["number", "percent", "text", "span"]  # literals that take their unit from the other side

UNIT_WORDS: Mapping[str, str] = {
    "money": "money",
    "count": "a count",
    "days": "days",
    "share": "a share",
    "flag": "a condition",
    "category": "a word of a list",
    "points": "points",
    "pd": "a probability of default",
    "number": "a bare number",
    "percent": "a percentage",
    "text": "a text",
    "span": "a duration",
}
NUMERIC: frozenset[str] = frozenset({"money", "count", "days", "share", "points", "pd"})


@dataclass(frozen=True, slots=True)
class Typed:
    """A checked part: its node, unit (or a loose literal's), interval, and whether it may be missing."""

    expr: ex.Expr
    unit: ex.Unit | Loose
    low: int = 0
    high: int = 1
    missing: bool = False
    choices: tuple[str, ...] = ()
    literal: str = ""  # text of a loose literal


class Mistyped(Exception):
    """A type fault: what is wrong, at which character of the expression, and the way out."""

    def __init__(self, message: str, offset: int, way_out: str = "") -> None:
        super().__init__(message)
        self.message, self.offset, self.way_out = message, offset, way_out


@dataclass(frozen=True)
class Scope:
    """What an expression may name. `feature` resolves a feature's name (and detects cycles);
    `hoist` gives the name of a measure that is written in place."""

    kinds: Mapping[str, m.Kind]
    currency: str
    exponent: int
    feature_names: tuple[str, ...]
    feature: Callable[[str], Typed]
    hoist: Callable[[str, Typed], str]
    scores: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    measures: bool = True
    event: m.Kind | None = None  # inside `where`
    asked_amount: bool = False  # inside `authorise`


def fail(tree: Branch | Token, message: str, way_out: str = "") -> NoReturn:
    """Raise Mistyped at that place."""
    offset = tree.start_pos if isinstance(tree, Token) else tree.meta.start_pos
    raise Mistyped(message, offset or 0, way_out)


def trees(tree: Branch) -> list[Branch]:
    """The parts of a tree that are trees themselves."""
    return [part for part in tree.children if isinstance(part, Tree)]


Check = Callable[[Branch, Scope], Typed]
CHECKS: dict[str, Check] = {}


def checks(*names: str) -> Callable[[Check], Check]:
    """Registers the check of these kinds of tree node."""

    def register(check: Check) -> Check:
        CHECKS.update(dict.fromkeys(names, check))
        return check

    return register


def typed(tree: Branch, scope: Scope) -> Typed:
    """Check one tree. Raises Mistyped at the first fault inside it."""
    return CHECKS[str(tree.data)](tree, scope)


def condition(tree: Branch, scope: Scope) -> ex.Expr:
    """The tree as a condition. Raises Mistyped."""
    part = typed(tree, scope)
    if part.unit != "flag":
        fail(tree, f"`{shown(render(tree))}` is {UNIT_WORDS[part.unit]}, not a condition", "compare it with something")
    return part.expr


def numeric(tree: Branch, part: Typed) -> None:
    """A part that can be calculated with. Raises Mistyped."""
    if part.unit not in NUMERIC:
        fail(tree, f"{UNIT_WORDS[part.unit]} cannot be calculated with")


def arguments(tree: Branch, count: int) -> list[Branch]:
    """The arguments of a call, so many. Raises Mistyped."""
    found = trees(tree)
    if len(found) != count:
        word = tree.children[0]
        fail(tree, f"`{word}` takes {count} argument{'s' * (count > 1)}, not {len(found)}")
    return found
