"""Customers: what an account publishes, and what a rule may read of all accounts of a customer.

`customer: {publish: {owed: balance, late: days_past_due}}` makes two things known to the other accounts of a customer.
A published value depends on the account's own events alone and is never below 0: what one account was paid too much
settles no debt of another. It reaches the other accounts at the start of the next local day, as an event of the kind
`customer` that Linekeeper itself derives: so each account still decides by its own events alone.

`customer.sum(owed)` is then what the other accounts published at the start of the day, and what this account owes now.
The measure is made of the language's own parts, so that all analysis of a policy knows it:

    customer.sum(owed)         fallback(last(customer.owed_sum), 0 CNY) + largest(balance, 0 CNY)
    customer.max(late)         largest(fallback(last(customer.late_max), 0), days_past_due)
    customer.count(late >= 30) fallback(last(customer.late_at_least_30), 0) + (if days_past_due >= 30 then 1 else 0)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NoReturn

from lark import Tree

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.checker import check, coerce
from linekeeper.policy.functions import FACTS
from linekeeper.policy.kinds import valid_name
from linekeeper.policy.reader import Reader
from linekeeper.policy.scope import UNIT_WORDS, Checked, Mistyped, Scope
from linekeeper.policy.source import Node, Scalar, Table, nearest, quoted
from linekeeper.policy.syntax import Branch, parse, render

CUSTOMER_KEYS = ("publish", "ceiling")
CEILING = "customer.ceiling"  # the value that holds it
OWED_TEXT = "customer_owed"  # the text of a draw: what the customer owed when it was authorised, in minor units
PUBLISHED_FACTS = ("balance", "past_due", "days_past_due")  # that an account's own events alone decide
PUBLISHED_MAX = 8
COUNTS_MAX = 16
MEASURES_OF_CUSTOMER = ("sum", "max", "count")


def read_customer(node: Node | None, reader: Reader) -> m.Customer | None:
    """The section `customer`; from here on expressions may read what it publishes."""
    if node is None:
        return None
    table = reader.table(node, "`customer`")
    reader.only(table, CUSTOMER_KEYS)
    section = table.get("publish")
    if section is None:
        reader.faults.add(node, "`customer` says what accounts publish", "write `publish: {owed: balance}`")
        return m.Customer(())
    published = read_published(section, reader)
    customer = m.Customer(tuple(published.items()))
    reader.customer_call = PublishedMeasures(reader, published).check
    return customer


def read_published(section: Node, reader: Reader) -> dict[str, str]:
    """What accounts publish: the account fact that each name is."""
    published: dict[str, str] = {}
    for key, value in reader.table(section, "`publish`").entries:
        if not valid_name(key, "the published value", reader.faults):
            continue
        fact = value.text if isinstance(value, Scalar) else ""
        if fact not in PUBLISHED_FACTS:
            named = ", ".join(f"`{name}`" for name in PUBLISHED_FACTS)
            message = f"`{quoted(fact)}` cannot be published: it is not decided by the account's own events alone"
            reader.faults.add(value, message, f"publish one of {named}")
        else:
            published[key.text] = fact
    if len(published) > PUBLISHED_MAX:
        reader.faults.add(section, f"there are {len(published)} published values, at most {PUBLISHED_MAX} are possible")
    return published


def read_ceiling(node: Node | None, customer: m.Customer | None, reader: Reader) -> m.Customer | None:
    """The section with its `ceiling`, which may read features and the score."""
    ceiling = node.get("ceiling") if isinstance(node, Table) else None
    if ceiling is None or customer is None:
        return customer
    expr = reader.amount(ceiling)
    reader.keep(CEILING, Checked(expr, 0, MONEY_MAX), named=False)
    kind = reader.kinds["draw"]
    reader.kinds["draw"] = replace(kind, text=(*kind.text, OWED_TEXT))
    return replace(customer, ceiling=ex.Ref(CEILING, ex.MONEY))


def check_customer(node: Node | None, policy: m.Policy, reader: Reader) -> None:
    """What the section asks of the rest of the policy."""
    if node is not None and policy.over_limit == "reject":
        message = "`customer` needs draws that count as they come: with `reject`, what is owed would depend on the line"
        reader.faults.add(node, message, "write `draws: {over_limit: flag}`, and deny such draws in `authorise`")


def aggregates_of(policy: m.Policy) -> tuple[m.Field, ...]:
    """What this policy reads of the other accounts of a customer: the fields of its kind `customer`.

    Their names say what each is: `owed_sum`, `late_max`, `late_at_least_30`.
    """
    return policy.kind(m.CUSTOMER).fields if policy.customer else ()


@dataclass(frozen=True)
class PublishedMeasures:
    """Checks calls like `customer.sum(owed)` in one policy: of what the section `owner` publishes."""

    reader: Reader
    published: dict[str, str]
    owner: str = m.CUSTOMER
    kind: str = m.CUSTOMER  # of the events that say what the others come to

    def check(self, tree: Branch, scope: Scope) -> Checked:
        """The measure, as a feature with the call's own text for its name. Raises Mistyped."""
        owner, how = (str(part) for part in tree.children[:2])
        if owner != self.owner or how not in MEASURES_OF_CUSTOMER:
            known = [f"{self.owner}.{word}" for word in MEASURES_OF_CUSTOMER]
            _fail(tree, f"`{quoted(f'{owner}.{how}')}` is not known", nearest(f"{owner}.{how}", known))
        if scope.event is not None or not scope.measures:
            _fail(tree, f"`{owner}.{how}` cannot stand inside a measure", "name it as a feature")
        arguments = [part for part in tree.children if isinstance(part, Tree)]
        text = self.meaning(tree, how, arguments, scope)
        part = check(parse(text), scope)
        name = scope.hoist(render(tree), part)
        ref = ex.Ref(name, part.expr.unit)
        return replace(part, expr=ref, low=max(part.low, -MONEY_MAX), high=min(part.high, MONEY_MAX))

    def meaning(self, tree: Branch, how: str, arguments: list[Branch], scope: Scope) -> str:
        """The measure in the language's own parts: what the others come to, and the account's own fact."""
        if len(arguments) != 1:
            _fail(tree, f"`{self.owner}.{how}` takes 1 argument, not {len(arguments)}")
        name, least, ending = self.measured(how, arguments[0], scope)
        unit = FACTS[self.published[name]].unit
        others = self.others(f"{name}_{ending}", ex.COUNT if how == "count" else unit, scope)
        own = self._own(name, scope)
        if how == "count":
            return f"{others} + (if {own} >= {least} then 1 else 0)"
        return f"{others} + {own}" if how == "sum" else f"largest({others}, {own})"

    def measured(self, how: str, argument: Branch, scope: Scope) -> tuple[str, str, str]:
        """What is published, from which value on it is counted, and how the field of what the others come to ends."""
        if how == "count":
            name, least, value = self._counted(argument, scope)
            return name, least, f"at_least_{value}"
        name, unit = self._published(argument)
        if how == "sum" and unit != ex.MONEY:
            way_out = f"write `{self.owner}.max({name})`"
            _fail(argument, f"`{name}` is {UNIT_WORDS[unit]}, and only money adds up", way_out)
        return name, "", how

    def others(self, field: str, unit: ex.Unit, scope: Scope) -> str:
        """What the others come to, 0 where nothing was published."""
        return f"fallback(last({self.kind}.{self._field(field, unit)}), {_nothing(unit, scope)})"

    def _counted(self, argument: Branch, scope: Scope) -> tuple[str, str, int]:
        """How many accounts a condition holds for: `late >= 30`."""
        condition = argument.children[0] if argument.data == "group" else argument
        if not isinstance(condition, Tree) or condition.data != "compare" or str(condition.children[1]) != ">=":
            way_out = f"write `{self.owner}.count(late >= 30)`"
            _fail(argument, f"`{quoted(render(argument))}` cannot be counted", way_out)
        left, _, right = condition.children
        assert isinstance(left, Tree)
        assert isinstance(right, Tree)
        name, unit = self._published(left)
        least = coerce(right, check(right, scope), unit)
        if least.unit != unit or not isinstance(least.expr, ex.Literal) or least.low < 1:
            _fail(right, f"`{quoted(render(right))}` is no number above 0 that `{name}` can reach")
        return name, render(right), least.low

    def _published(self, tree: Branch) -> tuple[str, ex.Unit]:
        """The name of a published value, and its unit."""
        name = str(tree.children[0]) if tree.data == "name" else render(tree)
        if name not in self.published:
            _fail(tree, f"`{quoted(name)}` is not published", nearest(name, self.published, "add it to `publish`"))
        return name, FACTS[self.published[name]].unit

    def _own(self, name: str, scope: Scope) -> str:
        fact = self.published[name]
        return f"largest({fact}, {_nothing(ex.MONEY, scope)})" if fact == "balance" else fact

    def _field(self, name: str, unit: ex.Unit) -> str:
        """The field of the kind that says what the other accounts come to; it is there from now on."""
        kind = self.reader.kinds[self.kind]
        if name not in {field.name for field in kind.fields}:
            field = m.Field(name, unit, optional=True)
            self.reader.kinds[self.kind] = replace(kind, fields=(*kind.fields, field))
        return name


def _nothing(unit: ex.Unit, scope: Scope) -> str:
    return f"0 {scope.currency}" if unit == ex.MONEY else "0"


def mistyped(tree: Branch, message: str, way_out: str = "") -> Mistyped:
    """A type fault at the place of this part."""
    return Mistyped(message, tree.meta.start_pos or 0, way_out)


def _fail(tree: Branch, message: str, way_out: str = "") -> NoReturn:
    raise mistyped(tree, message, way_out)
