"""Reads one value of a policy file at a time: numbers, shares, durations, expressions; notes every fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from graphlib import CycleError, TopologicalSorter
from typing import Literal as OneOf

from lark import Tree

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.allowances import check_allow
from linekeeper.policy.checker import check, check_condition, check_feature, coerce, with_own_unit
from linekeeper.policy.daily import OWN_WORDS
from linekeeper.policy.daily_check import check_daily
from linekeeper.policy.functions import FACTS, LATER_FACTS, MEASURES
from linekeeper.policy.kinds import valid_name
from linekeeper.policy.rule_cells import SEGMENT
from linekeeper.policy.scope import UNIT_WORDS, Checked, CustomerCall, Mistyped, Scope, no_customer_call, no_list_call
from linekeeper.policy.source import Faults, Listing, Node, Scalar, Table, quoted
from linekeeper.policy.syntax import NESTING_MAX, Branch, Misread, depth_of, parse

FEATURES_MAX = 400
DEFINED_MAX = 200
DEFINED_PARTS_MAX = 1_000  # of a definition with all that it names: it is written out wherever it is used
TAKEN = frozenset((*(FACTS.keys() - LATER_FACTS), "score", "ability", "willingness", "pd", "hour", "amount"))
TAKEN_WORDS = TAKEN | frozenset(("and", "or", "not", "if", "then", "else", "in", "where", "true", "false"))


@dataclass
class Declared:
    """Something that a policy gives a name: where it stands, and the expressions that say what it is."""

    key: Scalar
    what: str
    trees: tuple[Branch, ...] = ()
    read: Callable[[], None] | None = None  # what makes a feature of it; None: it is read where it is used


@dataclass
class Reader:
    """The state of reading one file: its faults, its features so far, what names mean."""

    faults: Faults
    kinds: dict[str, m.Kind]
    currency: str
    exponent: int
    protected: tuple[str, ...] = ()
    scores: tuple[str, ...] = ()
    card_unreadable: bool = False  # then nobody knows which names the card gives to its points
    features: dict[str, m.Feature] = field(default_factory=dict)
    checked_features: dict[str, Checked] = field(default_factory=dict)
    declared: tuple[str, ...] = ()
    names: dict[str, Declared] = field(default_factory=dict)  # features and definitions
    params: dict[str, tuple[Branch, ...] | None] = field(default_factory=dict)  # one value, or one for each cell
    segments: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()  # of restoration, where they have names
    splits: tuple[m.Split, ...] = ()
    guards: dict[str, tuple[ex.Expr, ...]] = field(default_factory=dict)  # of triggers: what holds besides `when`
    later: frozenset[str] = frozenset()  # names that read the score
    defined: dict[str, Branch | None] = field(default_factory=dict)  # conditions with a name; None: it has a fault
    customer_call: CustomerCall = no_customer_call
    list_call: CustomerCall = no_list_call
    lists: tuple[str, ...] = ()  # of texts, by name
    holidays: bool = False

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
            card_unreadable=scores and self.card_unreadable,
            asked_amount=asked_amount,
            params=self.params,
            axes=(*(split.name for split in self.splits), *([SEGMENT] if self.segments else [])),
            later=frozenset() if scores else self.later,
            defined=self.defined,
            customer_call=self.customer_call,
            daily_call=check_daily,
            list_call=self.list_call,
            lists=self.lists,
            holidays=self.holidays,
        )

    def _hoist(self, name: str, part: Checked) -> str:
        """Make a feature of a measure or fact that is written inside an expression; one for each text."""
        if name not in self.features:
            self.keep(name, part, named=False)
        return name

    def keep(self, name: str, part: Checked, worse: OneOf["higher", "lower"] | None = None, named: bool = True) -> None:
        """Add a feature; whoever uses it finds its value within 10^15, where the kernel keeps it."""
        expr = part.expr
        self.features[name] = m.Feature(name, expr, part.missing, worse, named)
        low, high = max(part.low, -MONEY_MAX), min(part.high, MONEY_MAX)
        self.checked_features[name] = Checked(ex.Ref(name, expr.unit, expr.choices), low, high, part.missing)

    # -------------------------------------------------------------- features

    def declare(self, key: Scalar, what: str) -> bool:
        """Take a name for something; false, with a fault, where it cannot be taken."""
        if not valid_name(key, f"the {what}", self.faults):
            return False
        if key.text in TAKEN_WORDS:
            self.faults.add(key, f"the name `{key.text}` is built in", "choose another")
            return False
        if key.text in self.names:
            other = self.names[key.text]
            line = other.key.place()[0]
            message = f"the name `{key.text}` is that of a {other.what} too (line {line})"
            self.faults.add(key, message, "choose another")
            return False
        self.names[key.text] = Declared(key, what)
        return True

    def declare_features(self, section: Table) -> None:
        """The names of all features, with what reads each."""
        for key, value in section.entries:
            if not self.declare(key, "feature"):
                continue
            node = value.get("value") if isinstance(value, Table) else value
            tree = self.tree(node) if isinstance(node, Scalar) else None
            if not isinstance(node, Scalar):
                self.faults.add(key, f"the feature `{key.text}` needs an expression", "write it, or `{value: ...}`")
            if tree is not None:
                one = self.names[key.text]
                one.trees, one.read = (tree,), partial(self._read_feature, key, value, tree)
        self.declared = (*(key.text for key, _ in section.entries), *self.declared)
        if len(section.entries) > FEATURES_MAX:
            self.faults.add(section, f"there are {len(section.entries)} features, at most {FEATURES_MAX} are possible")
            for key, _ in section.entries:
                self.names.pop(key.text, None)

    def read_names(self) -> None:
        """Features, segments and tables, each after what it uses, but for what reads the score; cycles are faults."""
        order = self._ordered()
        self.later = frozenset(self._reading_score(order))
        for name in order:
            one = self.names[name]
            if one.read is not None and name not in self.later:
                one.read()

    def read_later_names(self) -> None:
        """The segments and tables that read the score."""
        for name in self._ordered():
            one = self.names[name]
            if one.read is not None and name in self.later:
                one.read()

    def _reading_score(self, order: list[str]) -> Iterator[str]:
        """The names that cannot be read before the score; a feature is never among them, so that it is refused."""
        known = {*FACTS, "amount"}
        later: set[str] = set()
        for name in order:
            one = self.names[name]
            words = [word for tree in one.trees for word in names_in(tree)] + self._segment_of_params(one)
            if one.what != "feature" and any(w in later or not (w in self.names or w in known) for w in words):
                later.add(name)
                if one.what != "definition":
                    yield name

    def _segment_of_params(self, one: Declared) -> list[str]:
        """What a parameter that differs by segment reads: the segment."""
        if not self.segments:
            return []
        parts = [part for tree in one.trees for part in tree.iter_subtrees() if part.data == "param"]
        return [SEGMENT] if any(map(self._param_values, parts)) else []

    def _ordered(self) -> list[str]:
        """All names that are declared, in an order in which each uses only earlier ones; cycles are faults."""
        uses = {
            name: [
                word
                for word in (*(word for tree in one.trees for word in names_in(tree)), *self._segment_of_params(one))
                if word in self.names
            ]
            for name, one in self.names.items()
        }
        while True:
            try:
                return list(TopologicalSorter(uses).static_order())
            except CycleError as error:
                cycle = error.args[1]
                shape = " -> ".join(f"`{name}`" for name in reversed(cycle[:8]))
                kinds = {f"{self.names[name].what}s" for name in cycle}
                what = " and ".join(sorted(kinds, reverse=True))
                message = f"{what} go round in a circle: {shape}"
                self.faults.add(self.names[cycle[0]].key, message, "break it at one of them")
                self.defined |= dict.fromkeys(name for name in cycle if name in self.defined)
                rest = {name: used for name, used in uses.items() if name not in cycle}
                uses = {name: [word for word in used if word in rest] for name, used in rest.items()}

    def _read_feature(self, key: Scalar, value: Node, tree: Branch) -> None:
        node = value.get("value") if isinstance(value, Table) else value
        assert isinstance(node, Scalar)
        scope = self.scope(scores=False)
        part = self.checked(node, lambda: check_feature(tree, scope))
        worse = self._worse(value)
        if part is not None:
            self.keep(key.text, part, worse)

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

    # -------------------------------------------------------------- definitions

    def read_definitions(self, section: Table) -> None:
        """All conditions with a name; what they mean is known only where they are used."""
        if len(section.entries) > DEFINED_MAX:
            message = f"there are {len(section.entries)} definitions, at most {DEFINED_MAX} are possible"
            self.faults.add(section, message)
        for key, value in section.entries:
            if self.declare(key, "definition"):
                tree = self.tree(value) if isinstance(value, Scalar) else None
                if not isinstance(value, Scalar):
                    self.faults.add(value, "a condition is one expression", "for example `days_past_due >= 30`")
                self.defined[key.text] = tree
                self.names[key.text].trees = (tree,) if tree is not None else ()

    def check_definitions(self, section: Table) -> None:
        """Each definition by itself: it is a condition, and not too large where it is written out."""
        scope = replace(self.scope(asked_amount=True), hoist=lambda name, _: name)  # what nobody uses is not measured
        sizes: dict[str, tuple[int, int]] = {}
        for name in (name for name in self._ordered() if self.defined.get(name) is not None):
            tree = self.defined[name]
            assert tree is not None
            sizes[name] = _size(tree, sizes)
            if sizes[name][0] > DEFINED_PARTS_MAX or sizes[name][1] > NESTING_MAX:
                message = f"`{name}` is too large where all that it names is written out"
                self.faults.add(self.names[name].key, message, "name parts of it as features")
                self.defined[name] = None
        for key, value in section.entries:
            tree = self.defined.get(key.text)
            if tree is None or not isinstance(value, Scalar):
                continue
            if self.checked(value, partial(_condition, tree, scope)) is None:
                self.defined[key.text] = None  # whoever uses it is not blamed

    # -------------------------------------------------------------- expressions

    def tree(self, node: Scalar) -> Branch | None:
        try:
            return parse(node.text)
        except Misread as error:
            self.faults.add(node, error.message, error.way_out, error.offset)
            return None

    def checked(self, node: Scalar, check_it: Callable[[], Checked]) -> Checked | None:
        """What the check gives; None where it finds a fault, which is noted."""
        try:
            return check_it()
        except Mistyped as error:
            self.faults.add(node, error.message, error.way_out, error.offset)
            return None
        except KeyError as error:  # a name that itself has a fault, which is noted where it stands
            known = (*self.declared, *self.names, *(f"${name}" for name in self.params))
            if error.args[0] not in known and not self.card_unreadable:
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
        tree = self.tree(node)
        if tree is None:
            return never
        scope = self.scope(asked_amount=asked_amount)
        part = self.checked(node, lambda: Checked(check_condition(tree, scope)))
        return part.expr if part else never

    def amount(self, node: Node) -> ex.Expr:
        """An amount of money that is never missing; nothing (0) where it has a fault."""
        nothing = ex.Literal(0, ex.MONEY)
        tree = self._value_tree(node)
        if tree is None or not isinstance(node, Scalar):
            return nothing
        scope = self.scope()
        part = self.checked(node, lambda: with_own_unit(tree, check(tree, scope)))
        if part is None:
            return nothing
        if part.unit != "money":
            message = f"`{quoted(node.text)}` is {UNIT_WORDS[part.unit]}, not money"
            self.faults.add(node, message, 'for a share of what is granted write `cap`, or `"part(granted, 60%)"`')
            return nothing
        if part.missing:
            way_out = "say what holds then: `fallback(income, 0 CNY)`"
            self.faults.add(node, f"`{quoted(node.text)}` may be missing, and a limit cannot be", way_out)
        return part.expr

    def reached(self, expr: ex.Expr) -> Iterator[ex.Ref]:
        """The features that an expression reads, through others too."""
        for node in ex.nodes_of(expr):
            if isinstance(node, ex.Ref):
                yield node
                yield from self.reached(self.features[node.name].expr)

    def constant(self, node: Node, unit: ex.Unit, low: int, high: int, choices: tuple[str, ...] = ()) -> int:
        """A constant of that unit within [low, high]; `low` where it has a fault."""
        return self._constant(node, self._value_tree(node), unit, low, high, choices)

    def constants(self, node: Node, unit: ex.Unit, low: int, high: int) -> tuple[int, ...]:
        """The same for a number that may differ by segment: one value, or one for each segment."""
        tree = self._value_tree(node)
        values = self._param_values(tree)
        return tuple(self._constant(node, one, unit, low, high) for one in values or (tree,))

    def _value_tree(self, node: Node) -> Branch | None:
        if not isinstance(node, Scalar):
            self.faults.add(node, "one value is needed here")
            return None
        return self.tree(node)

    def _param_values(self, tree: Branch | None) -> tuple[Branch, ...]:
        """What a parameter is in each segment; nothing for anything else."""
        if tree is None or tree.data != "param":
            return ()
        values = self.params.get(str(tree.children[0])[1:]) or ()
        return values if len(values) > 1 else ()

    def _constant(
        self, node: Node, tree: Branch | None, unit: ex.Unit, low: int, high: int, choices: tuple[str, ...] = ()
    ) -> int:
        if tree is None or not isinstance(node, Scalar):
            return low
        if self._param_values(tree):
            by = "segment" if self.segments else "arm"
            self.faults.add(node, f"`{node.text}` differs by {by}, and this is one for all", "give it one value")
            return low
        scope = self.scope(scores=False)
        constant = not any(
            part.data in ("name", "path", "call", "customer_call", "where") for part in tree.iter_subtrees()
        )
        part = self.checked(node, lambda: coerce(tree, check(tree, scope), unit, choices)) if constant else None
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
        return Table((), node.line, node.column, node.file) if isinstance(node, Scalar) else Table((), 0, 0)


def _condition(tree: Branch, scope: Scope) -> Checked:
    return Checked(check_condition(tree, scope))


def _size(tree: Branch, sizes: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    """Parts of a tree, and how deep it is nested, with all that it names written out; `sizes` are those of names."""
    words = [str(part.children[0]) for part in tree.iter_subtrees() if part.data == "name"]
    named = [sizes[word] for word in words if word in sizes]
    parts = sum(1 for _ in tree.iter_subtrees()) + sum(size for size, _ in named)
    return parts, depth_of(tree) + max((depth for _, depth in named), default=0)


def names_in(tree: Branch) -> list[str]:
    """Names that may be features: all but those inside a measure, which are kinds and their fields."""
    names: list[str] = []
    stack = [tree]
    while stack:
        node = stack.pop()
        if node.data == "name":
            names.append(str(node.children[0]))
        elif node.data != "customer_call" and (node.data != "call" or node.children[0] not in {*MEASURES, *OWN_WORDS}):
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
