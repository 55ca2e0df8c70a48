"""Reads one value of a policy file at a time: numbers, shares, durations, expressions; notes every fault."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from typing import Literal as OneOf
from typing import cast

from lark import Tree

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.check import Mistyped, Scope, Typed, condition, measure, settle, typed
from linekeeper.policy.kinds import valid_name
from linekeeper.policy.source import Faults, Node, Scalar, Table, shown
from linekeeper.policy.syntax import Branch, Misread, parse, render
from linekeeper.policy.types.measures import MEASURES

FEATURES_MAX = 400
TAKEN = frozenset((*ex.FACTS, "score", "ability", "willingness", "pd", "hour", "amount"))
TAKEN_WORDS = TAKEN | frozenset(("and", "or", "not", "if", "then", "else", "in", "where", "true", "false"))


@dataclass
class Reader:
    """The state of reading one file: its faults, its features so far, what names mean."""

    faults: Faults
    kinds: dict[str, m.Kind]
    currency: str
    exponent: int
    protected: tuple[str, ...] = ()
    scores: tuple[str, ...] = ()
    features: dict[str, m.Feature] = field(default_factory=dict)
    typed_features: dict[str, Typed] = field(default_factory=dict)
    declared: tuple[str, ...] = ()

    def scope(self, scores: bool = True, asked_amount: bool = False) -> Scope:
        """What an expression of this file may name."""
        return Scope(
            self.kinds,
            self.currency,
            self.exponent,
            self.declared,
            self.typed_features.__getitem__,
            self._hoist,
            self.scores if scores else (),
            self.protected,
            asked_amount=asked_amount,
        )

    def _hoist(self, name: str, part: Typed) -> str:
        if name not in self.features:
            self._keep(m.Feature(name, part.expr, _unit(part), part.missing, part.choices, named=False), part)
        return name

    def _keep(self, feature: m.Feature, part: Typed) -> None:
        self.features[feature.name] = feature
        low, high = max(part.low, -MONEY_MAX), min(part.high, MONEY_MAX)
        self.typed_features[feature.name] = replace(part, expr=ex.Ref(feature.name), low=low, high=high, literal="")

    # -------------------------------------------------------------- features

    def read_features(self, section: Table) -> None:
        """All named features, in an order in which each uses only earlier ones; cycles are faults."""
        trees: dict[str, tuple[Scalar, Node, Branch]] = {}
        for key, value in section.entries:
            if not valid_name(key, "the feature", self.faults):
                continue
            if key.text in TAKEN_WORDS:
                self.faults.add(key, f"the name `{key.text}` is built in", "choose another")
                continue
            node = value.get("value") if isinstance(value, Table) else value
            tree = self._tree(node) if isinstance(node, Scalar) else None
            if not isinstance(node, Scalar):
                self.faults.add(key, f"the feature `{key.text}` needs an expression", "write it, or `{value: ...}`")
            if tree is not None:
                trees[key.text] = (key, value, tree)
        self.declared = tuple(key.text for key, _ in section.entries)
        if len(section.entries) > FEATURES_MAX:
            self.faults.add(section, f"there are {len(section.entries)} features, at most {FEATURES_MAX} are possible")
            return
        for name in self._ordered(trees):
            self._read_feature(*trees[name])

    def _ordered(self, trees: dict[str, tuple[Scalar, Node, Branch]]) -> list[str]:
        uses = {name: [word for word in _names(tree) if word in trees] for name, (_, _, tree) in trees.items()}
        while True:
            try:
                return list(TopologicalSorter(uses).static_order())
            except CycleError as error:
                cycle = error.args[1]
                shape = " -> ".join(f"`{name}`" for name in reversed(cycle[:8]))
                self.faults.add(
                    trees[cycle[0]][0], f"features go round in a circle: {shape}", "break it at one of them"
                )
                rest = {name: used for name, used in uses.items() if name not in cycle}
                uses = {name: [word for word in used if word in rest] for name, used in rest.items()}

    def _read_feature(self, key: Scalar, value: Node, tree: Branch) -> None:
        node = value.get("value") if isinstance(value, Table) else value
        assert isinstance(node, Scalar)
        scope = self.scope(scores=False)
        part = self._typed(node, tree, lambda: _settled(tree, measure(tree, scope) or typed(tree, scope)))
        worse = self._worse(value)
        if part is not None:
            self._keep(m.Feature(key.text, part.expr, _unit(part), part.missing, part.choices, worse), part)

    def fact(self, name: str) -> m.Feature:
        """The feature that holds a built-in fact, kept from now on."""
        part = typed(parse(name), self.scope())
        assert part.unit == ex.FACTS[name]
        return self.features[name]

    def _worse(self, value: Node) -> OneOf["higher", "lower"] | None:
        if not isinstance(value, Table):
            return None
        self.only(value, ("value", "worse"))
        worse = value.get("worse")
        if worse is None:
            return None
        return "higher" if self.word(worse, ("higher", "lower")) == "higher" else "lower"

    # -------------------------------------------------------------- expressions

    def _tree(self, node: Scalar) -> Branch | None:
        try:
            return parse(node.text)
        except Misread as error:
            self.faults.add(node, error.message, error.way_out, error.offset)
            return None

    def _typed(self, node: Scalar, tree: Branch, check: Callable[[], Typed]) -> Typed | None:
        try:
            return check()
        except Mistyped as error:
            self.faults.add(node, error.message, error.way_out, error.offset)
            return None
        except KeyError as error:  # a feature that itself has a fault: told there
            if error.args[0] not in self.declared:
                raise
            return None

    def condition(self, node: Node, asked_amount: bool = False) -> ex.Expr:
        """A condition; a false literal where it has a fault (the fault is noted)."""
        never = ex.Literal(0, ex.FLAG)
        if not isinstance(node, Scalar):
            self.faults.add(node, "a condition is one expression", "for example `days_past_due >= 30`")
            return never
        tree = self._tree(node)
        if tree is None:
            return never
        scope = self.scope(asked_amount=asked_amount)
        part = self._typed(node, tree, lambda: Typed(condition(tree, scope), ex.FLAG))
        return part.expr if part else never

    def constant(self, node: Node, unit: ex.Unit, low: int, high: int, choices: tuple[str, ...] = ()) -> int:
        """A constant of that unit within [low, high]; `low` where it has a fault."""
        tree = self._tree(node) if isinstance(node, Scalar) else None
        if not isinstance(node, Scalar):
            self.faults.add(node, "one value is needed here")
        if tree is None or not isinstance(node, Scalar):
            return low
        scope = self.scope(scores=False)
        constant = not any(part.data in ("name", "path", "call", "where") for part in tree.iter_subtrees())
        part = self._typed(node, tree, lambda: settle(tree, typed(tree, scope), unit, choices)) if constant else None
        if constant and part is None:
            return low
        if part is None or part.unit != unit or not isinstance(part.expr, ex.Literal) or not low <= part.low <= high:
            self.faults.add(node, f"`{shown(node.text)}` does not fit here", _example(unit, low, high, self.exponent))
            return low
        return part.low

    # -------------------------------------------------------------- plain values

    def only(self, table: Table, known: tuple[str, ...]) -> None:
        """Note every key that is not known here."""
        for key, _ in table.entries:
            if key.text not in known:
                self.faults.unknown(key, "the key", key.text, known)

    def word(self, node: Node, known: tuple[str, ...]) -> str:
        """One of the known words; the first where it has a fault."""
        text = node.text if isinstance(node, Scalar) else ""
        if text not in known:
            self.faults.unknown(node, "the word", text, known)
            return known[0]
        return text

    def flag(self, node: Node | None) -> bool:
        """yes or no; no where absent."""
        return node is not None and self.word(node, ("no", "yes", "false", "true")) in ("yes", "true")

    def name(self, node: Node, what: str) -> str:
        """A plain name."""
        if not isinstance(node, Scalar):
            self.faults.add(node, f"{what} is one word")
            return ""
        valid_name(node, what, self.faults)
        return node.text

    def title(self, node: Node) -> str:
        """The policy's name."""
        text = node.text if isinstance(node, Scalar) else ""
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,59}", text):
            way_out = "begin with a letter; then letters, digits, - and _, at most 60 characters"
            self.faults.add(node, f"`{shown(text)}` is no name for a policy", way_out)
        return text

    def table(self, node: Node, what: str) -> Table:
        """A mapping; an empty one where it has a fault."""
        if isinstance(node, Table):
            return node
        self.faults.add(node, f"{what} is a mapping", "write `key: value` lines below it")
        return Table((), *([0, 0] if not isinstance(node, Scalar) else [node.line, node.column]))


def _settled(tree: Branch, part: Typed) -> Typed:
    if part.unit in ("number", "percent"):
        return settle(tree, part, ex.COUNT if part.unit == "number" else ex.SHARE)
    if part.unit in ("text", "span"):
        raise Mistyped(f"`{shown(render(tree))}` is not a value a feature can have", 0)
    return part


def _unit(part: Typed) -> ex.Unit:
    assert part.unit not in ("number", "percent", "text", "span")
    return cast(ex.Unit, part.unit)


def _names(tree: Branch) -> list[str]:
    """Names that may be features: all but those inside a measure, which are kinds and their fields."""
    found: list[str] = []
    stack = [tree]
    while stack:
        node = stack.pop()
        if node.data == "name":
            found.append(str(node.children[0]))
        elif node.data != "call" or str(node.children[0]) not in MEASURES:
            stack += [part for part in node.children if isinstance(part, Tree)]
    return found


def _example(unit: ex.Unit, low: int, high: int, exponent: int) -> str:
    shapes: dict[str, Callable[[int], str]] = {
        "share": lambda value: f"{Decimal(value) / 100}%",
        "pd": lambda value: f"{Decimal(value) / 10_000}%",
        "days": lambda value: f"{value}d",
        "money": lambda value: f"{Decimal(value).scaleb(-exponent):,} in the policy's currency",
    }
    show = shapes.get(unit, str)
    return f"from {show(low)} to {show(high)}"
