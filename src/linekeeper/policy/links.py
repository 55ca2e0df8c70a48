"""Links: what ties accounts that are of different borrowers, and what a rule may read of those that are tied.

    links:
      publish: {late: days_past_due}
      ties:
        device: {purpose: fraud, needs: consent, at_most: 20, fades: 180d}

An account says itself what it shares, by an event of the kind `link`: a tie and the key of the thing, such as the hash
of a device's number. Accounts that say so of one thing are tied by it: no event names another account. What an account
publishes reaches the others at the start of the next local day, as an event of the kind `linked` that Linekeeper
derives.

    links.count(late >= 30, kind = "device")   fallback(last(linked.device_late_at_least_30), 0)
    links.max(late)                            fallback(last(linked.any_late_max), 0)

Unlike the measures of a customer, these leave the account itself out: they say what the others come to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal as OneOf
from typing import cast

from lark import Tree

from linekeeper.policy import expression as ex
from linekeeper.policy import model as m
from linekeeper.policy.customers import PublishedMeasures, mistyped, read_published
from linekeeper.policy.functions import FACTS
from linekeeper.policy.reader import Reader
from linekeeper.policy.scope import Scope
from linekeeper.policy.source import Node, Table, quoted
from linekeeper.policy.syntax import Branch
from linekeeper.scorecard.points import CardPart, features_of

LINKS_KEYS = ("publish", "ties")
TIE_KEYS = ("purpose", "needs", "at_most", "fades")
PURPOSES = ("fraud", "credit")  # `fraud`: no score, no first limit and no offer may read it
NEEDS = ("consent",)
AT_MOST, AT_MOST_MAX = 20, 50  # accounts that one thing ties
FADES_DAYS, FADES_DAYS_MAX = 180, 1_100  # days for which a tie counts after its latest event
ANY_TIE = "any"  # in the names of fields: of all ties together
LINKED_FIELD = re.compile(rf"({'|'.join((ANY_TIE, *m.TIES))})_(.+)_(sum|max|at_least_(\d+))")


def ties_named(node: Node | None) -> tuple[str, ...]:
    """The ties that a section `links` names, as far as they are known."""
    ties = node.get("ties") if isinstance(node, Table) else None
    return tuple(key.text for key, _ in ties.entries if key.text in m.TIES) if isinstance(ties, Table) else ()


def read_links(node: Node | None, reader: Reader) -> m.Links | None:
    """The section `links`; from here on expressions may read what tied accounts publish."""
    if node is None:
        return None
    table = reader.table(node, "`links`")
    reader.only(table, LINKS_KEYS)
    section, ties = table.get("publish"), table.get("ties")
    if section is None or ties is None or not ties_named(node):
        way_out = "write `publish: {late: days_past_due}` and `ties: {device: {purpose: fraud}}`"
        reader.faults.add(node, "`links` says what accounts publish, and what ties them", way_out)
        return m.Links((), ())
    published = read_published(section, reader)
    read = []
    for key, value in reader.table(ties, "`ties`").entries:
        if key.text not in m.TIES:
            reader.faults.unknown(key, "the tie", key.text, m.TIES)
        else:
            read.append(_tie(key.text, value, reader))
    links = m.Links(tuple(published.items()), tuple(read))
    reader.customer_call = LinkMeasures(reader, published, "links", m.LINKED, links).check
    return links


def _tie(name: str, node: Node, reader: Reader) -> m.Tie:
    table = reader.table(node, f"the tie `{name}`")
    reader.only(table, TIE_KEYS)
    purpose, needs, at_most, fades = (table.get(key) for key in TIE_KEYS)
    if purpose is None:
        reader.faults.add(node, f"the tie `{name}` has no purpose", "write `purpose: fraud` or `purpose: credit`")
    return m.Tie(
        name,
        cast('OneOf["fraud", "credit"]', PURPOSES[0] if purpose is None else reader.word(purpose, PURPOSES)),
        needs is not None and reader.word(needs, NEEDS) == NEEDS[0],
        AT_MOST if at_most is None else reader.constant(at_most, ex.COUNT, 2, AT_MOST_MAX),
        FADES_DAYS if fades is None else reader.constant(fades, ex.DAYS, 1, FADES_DAYS_MAX),
    )


def check_links(root: Table, policy: m.Policy, reader: Reader) -> None:
    """What the section asks of the rest of the policy."""
    node = root.get("links")
    if node is None or policy.links is None:
        return
    if policy.over_limit == "reject":
        message = "`links` needs draws that count as they come: with `reject`, what is owed would depend on the line"
        reader.faults.add(node, message, "write `draws: {over_limit: flag}`, and deny such draws in `authorise`")
    if root.get("customer") is not None:
        message = "`links` and `customer` cannot stand in one policy yet"
        reader.faults.add(node, message, "keep one of them")
    fraud_only = features_for_fraud(policy, reader)
    for place, names in _read_for_credit(policy):
        name = next((name for name in names if name in fraud_only), None)
        if name is not None:
            message = f"`{place}` reads `{name}`, whose ties are there for `fraud` alone"
            reader.faults.add(
                root.get(place) or root.get("offers") or node,
                message,
                "read it in a trigger, or write `purpose: credit`",
            )


def features_for_fraud(policy: m.Policy, reader: Reader) -> frozenset[str]:
    """The values that depend on a tie whose purpose is fraud."""
    ties = policy.links.ties if policy.links else ()
    prefixes = tuple(f"{tie.name}_" for tie in ties if tie.purpose == "fraud")
    prefixes += (f"{ANY_TIE}_",) if prefixes else ()
    reached: set[str] = set()
    for feature in reader.features.values():  # a value uses only earlier ones
        for part in ex.nodes_of(feature.expr):
            own = isinstance(part, ex.Last) and part.select.kind == m.LINKED and str(part.field).startswith(prefixes)
            if own or (isinstance(part, ex.Ref) and part.name in reached):
                reached.add(feature.name)
    return frozenset(reached)


def _read_for_credit(policy: m.Policy) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The parts of a policy that judge how able and willing a borrower is, and the values that each reads."""
    if policy.score:
        parts: tuple[CardPart, ...] = (*policy.score.bins, *policy.score.tables, *policy.score.trees)
        yield "score", tuple(name for part in parts for name in features_of(part))
    for offer in policy.offers:
        exprs = [offer.when, *([offer.to.value] if offer.to else [])]
        yield offer.name or "offer", tuple(name for expr in exprs for name in _names_in(expr))
    if policy.assign:
        exprs = [policy.assign.limit.value, *(rule.when for rule in policy.assign.refuse)]
        yield "assign", tuple(name for expr in exprs for name in _names_in(expr))


def _names_in(expr: ex.Expr) -> tuple[str, ...]:
    return tuple(part.name for part in ex.nodes_of(expr) if isinstance(part, ex.Ref))


def linked_fields(policy: m.Policy) -> tuple[m.Field, ...]:
    """What this policy reads of tied accounts: the fields of its kind `linked`, such as `device_late_at_least_30`."""
    return policy.kind(m.LINKED).fields if policy.links else ()


@dataclass(frozen=True)
class LinkMeasures(PublishedMeasures):
    """Checks calls like `links.count(late >= 30, kind = "device")` in one policy."""

    links: m.Links = field(default_factory=lambda: m.Links((), ()))

    def meaning(self, tree: Branch, how: str, arguments: list[Branch], scope: Scope) -> str:
        """What the others come to; `kind` names the tie, and without it all ties count together."""
        if not 1 <= len(arguments) <= 2:
            raise mistyped(tree, f"`links.{how}` takes 1 or 2 arguments, not {len(arguments)}")
        tie = self._tie_named(arguments[1]) if len(arguments) == 2 else ANY_TIE
        name, _, ending = self.measured(how, arguments[0], scope)
        unit = ex.COUNT if how == "count" else FACTS[self.published[name]].unit
        return self.others(f"{tie}_{name}_{ending}", unit, scope)

    def _tie_named(self, argument: Branch) -> str:
        """The tie of `kind = "device"`."""
        parts = argument.children
        names = tuple(tie.name for tie in self.links.ties)
        listed = ", ".join(f'`kind = "{name}"`' for name in names)
        left = parts[0] if parts else None
        is_kind = isinstance(left, Tree) and left.data == "name" and str(left.children[0]) == "kind"
        if argument.data != "compare" or not is_kind or str(parts[1]) not in ("=", "=="):
            raise mistyped(argument, "which tie is meant is not said", f"write {listed}")
        right = parts[2]
        assert isinstance(right, Tree)
        word = str(right.children[0])[1:-1] if right.data == "string" else ""
        if word not in names:
            raise mistyped(right, f"`{quoted(word)}` is no tie of this policy", f"write {listed}")
        return word
