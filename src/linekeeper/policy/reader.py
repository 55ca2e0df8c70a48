"""Reads one value of a policy file at a time: numbers, shares, durations, expressions; notes every fault."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from typing import Literal as OneOf

from lark import Tree

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.allowances import check_allow
from linekeeper.policy.checker import check, check_condition, check_feature, coerce
from linekeeper.policy.functions import FACTS, LATER_FACTS, MEASURES
from linekeeper.policy.kinds import valid_name
from linekeeper.policy.scope import Checked, Mistyped, Scope
from linekeeper.policy.source import Faults, Listing, Node, Scalar, Table, quoted
from linekeeper.policy.syntax import Branch, Misread, parse

FEATURES_MAX = 400
TAKEN = frozenset((*(FACTS.keys() - LATER_FACTS), "score", "ability", "willingness", "pd", "hour", "amount"))
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
    checked_features: dict[str, Checked] = field(default_factory=dict)
    declared: tuple[str, ...] = ()

    def scope(self, scores: bool = True, asked_amount: bool = False) -> Scope:
        """What an expression of this file may name."""
        return Scope(
            self.kinds,
            self.currency,
            self.exponent,
            self.declared,
            self.checked_features.__getitem__,
            self._hoist,
            self.scores if scores else (),
            self.protected,
            asked_amount=asked_amount,
        )

    def _hoist(self, name: str, part: Checked) -> str:
        """Make a feature of a measure or fact that is written inside an expression; one for each text."""
        if name not in self.features:
            self._keep(name, part, named=False)
        return name

    def _keep(
        self, name: str, part: Checked, worse: OneOf["higher", "lower"] | None = None, named: bool = True
    ) -> None:
        """Add a feature; whoever uses it finds its value within 10^15, where the kernel keeps it."""
        expr = part.expr
        self.features[name] = m.Feature(name, expr, part.missing, worse, named)
        low, high = max(part.low, -MONEY_MAX), min(part.high, MONEY_MAX)
        self.checked_features[name] = Checked(ex.Ref(name, expr.unit, expr.choices), low, high, part.missing)

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
        part = self._checked(node, lambda: check_feature(tree, scope))
        worse = self._worse(value)
        if part is not None:
            self._keep(key.text, part, worse)

    def fact(self, name: str) -> m.Feature:
        """The feature that holds a built-in fact, kept from now on."""
        check(parse(name), self.scope())
        return self.features[name]

    def _worse(self, value: Node) -> OneOf["higher", "lower"] | None:
        if not isinstance(value, Table):
            return None
        self.only(value, ("value", "worse", "allow"))
        check_allow(value.get("allow"), self.faults)
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

    def _checked(self, node: Scalar, check_it: Callable[[], Checked]) -> Checked | None:
        """What the check gives; None where it finds a fault, which is noted."""
        try:
            return check_it()
        except Mistyped as error:
            self.faults.add(node, error.message, error.way_out, error.offset)
            return None
        except KeyError as error:  # a feature that itself has a fault, which is noted where it stands
            if error.args[0] not in self.declared:
                raise
            return None

    def condition(self, node: Node, asked_amount: bool = False) -> ex.Expr:
        """A condition; a false literal where it has a fault (the fault is noted)."""
        never = ex.Literal(0, ex.FLAG)
        if not isinstance(node, Scalar):
            joined = (
                " and ".join(item.text for item in node.items if isinstance(item, Scalar))
                if isinstance(node, Listing)
                else ""
            )
            way_out = f"write `{joined}`" if joined and len(joined) < 200 else "for example `days_past_due >= 30`"
            self.faults.add(node, "a condition is one expression", way_out)
            return never
        tree = self._tree(node)
        if tree is None:
            return never
        scope = self.scope(asked_amount=asked_amount)
        part = self._checked(node, lambda: Checked(check_condition(tree, scope)))
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
        part = self._checked(node, lambda: coerce(tree, check(tree, scope), unit, choices)) if constant else None
        if constant and part is None:
            return low
        if part is None or part.unit != unit or not isinstance(part.expr, ex.Literal) or not low <= part.low <= high:
            way_out = f"{self._in_unit(node.text, unit)}{_example(unit, low, high, self.exponent)}"
            self.faults.add(node, f"`{quoted(node.text)}` does not fit here", way_out)
            return low
        return part.low

    def _in_unit(self, text: str, unit: ex.Unit) -> str:
        """How a number without its unit, or a duration of hours or months, is written here; nothing where unknown."""
        number, digits = text.strip(), re.fullmatch(r"(\d[\d_]{0,14})([hm])", text.strip())
        if unit == "days" and digits:
            count = int(digits[1])
            return f"write `{-(-count // 24) if digits[2] == 'h' else 30 * count}d`, "
        if not re.fullmatch(r"\d[\d_]{0,14}", number):
            return ""
        written = {"share": f"{number}%", "pd": f"{number}%", "money": f"{number} {self.currency}"}.get(unit, "")
        return f"write `{written}`, " if written else ""

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
            self.faults.add(node, f"`{quoted(text)}` is no name for a policy", way_out)
        return text

    def table(self, node: Node, what: str) -> Table:
        """A mapping; an empty one where it has a fault."""
        if isinstance(node, Table):
            return node
        self.faults.add(node, f"{what} is a mapping", "write `key: value` lines below it")
        return Table((), *([0, 0] if not isinstance(node, Scalar) else [node.line, node.column]))


def _names(tree: Branch) -> list[str]:
    """Names that may be features: all but those inside a measure, which are kinds and their fields."""
    names: list[str] = []
    stack = [tree]
    while stack:
        node = stack.pop()
        if node.data == "name":
            names.append(str(node.children[0]))
        elif node.data != "call" or str(node.children[0]) not in MEASURES:
            stack += [part for part in node.children if isinstance(part, Tree)]
    return names


def _example(unit: ex.Unit, low: int, high: int, exponent: int) -> str:
    shapes: dict[str, Callable[[int], str]] = {
        "share": lambda value: f"{Decimal(value) / 100}%",
        "pd": lambda value: f"{Decimal(value) / 10_000}%",
        "days": lambda value: f"{value}d",
        "money": lambda value: f"{Decimal(value).scaleb(-exponent):,} in the policy's currency",
    }
    show = shapes.get(unit, str)
    return f"from {show(low)} to {show(high)}"
