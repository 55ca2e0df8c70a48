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
    customer = m.Customer(tuple(published.items()))
    reader.customer_call = _CustomerMeasures(reader, published).check
    return customer


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
class _CustomerMeasures:
    """Checks calls like `customer.sum(owed)` in one policy."""

    reader: Reader
    published: dict[str, str]

    def check(self, tree: Branch, scope: Scope) -> Checked:
        """The measure, as a feature with the call's own text for its name. Raises Mistyped."""
        owner, how = (str(part) for part in tree.children[:2])
        if owner != m.CUSTOMER or how not in MEASURES_OF_CUSTOMER:
            known = [f"{m.CUSTOMER}.{word}" for word in MEASURES_OF_CUSTOMER]
            _fail(tree, f"`{quoted(f'{owner}.{how}')}` is not known", nearest(f"{owner}.{how}", known))
        if scope.event is not None or not scope.measures:
            _fail(tree, f"`{owner}.{how}` cannot stand inside a measure", "name it as a feature")
        arguments = [part for part in tree.children if isinstance(part, Tree)]
        if len(arguments) != 1:
            _fail(tree, f"`{owner}.{how}` takes 1 argument, not {len(arguments)}")
        text = self._meaning(how, arguments[0], scope)
        part = check(parse(text), scope)
        name = scope.hoist(render(tree), part)
        ref = ex.Ref(name, part.expr.unit)
        return replace(part, expr=ref, low=max(part.low, -MONEY_MAX), high=min(part.high, MONEY_MAX))

    def _meaning(self, how: str, argument: Branch, scope: Scope) -> str:
        """The measure in the language's own parts."""
        if how == "count":
            return self._count(argument, scope)
        name, unit = self._published(argument)
        if how == "sum" and unit != ex.MONEY:
            _fail(argument, f"`{name}` is {UNIT_WORDS[unit]}, and only money adds up", f"write `customer.max({name})`")
        field, own = self._field(f"{name}_{how}", unit), self._own(name, scope)
        others = f"fallback(last({m.CUSTOMER}.{field}), {_nothing(unit, scope)})"
        return f"{others} + {own}" if how == "sum" else f"largest({others}, {own})"

    def _count(self, argument: Branch, scope: Scope) -> str:
        """How many accounts a condition holds for: `late >= 30`."""
        condition = argument.children[0] if argument.data == "group" else argument
        if not isinstance(condition, Tree) or condition.data != "compare" or str(condition.children[1]) != ">=":
            _fail(argument, f"`{quoted(render(argument))}` cannot be counted", "write `customer.count(late >= 30)`")
        left, _, right = condition.children
        assert isinstance(left, Tree)
        assert isinstance(right, Tree)
        name, unit = self._published(left)
        least = coerce(right, check(right, scope), unit)
        if least.unit != unit or not isinstance(least.expr, ex.Literal) or least.low < 1:
            _fail(right, f"`{quoted(render(right))}` is no number above 0 that `{name}` can reach")
        field = self._field(f"{name}_at_least_{least.low}", ex.COUNT)
        own = f"(if {self._own(name, scope)} >= {render(right)} then 1 else 0)"
        return f"fallback(last({m.CUSTOMER}.{field}), 0) + {own}"

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
        """The field of the kind `customer` that says what the other accounts come to; it is there from now on."""
        kind = self.reader.kinds[m.CUSTOMER]
        if name not in {field.name for field in kind.fields}:
            field = m.Field(name, unit, optional=True)
            self.reader.kinds[m.CUSTOMER] = replace(kind, fields=(*kind.fields, field))
        return name


def _nothing(unit: ex.Unit, scope: Scope) -> str:
    return f"0 {scope.currency}" if unit == ex.MONEY else "0"


def _fail(tree: Branch, message: str, way_out: str = "") -> NoReturn:
    raise Mistyped(message, tree.meta.start_pos or 0, way_out)
