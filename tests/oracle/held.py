"""Holds the oracle's tree of a policy against what the program reads: says where the two part.

The program's policy is put into the oracle's nouns (measures and facts back into their places), then both trees are
walked together, attribute by attribute. This is for tests that compare; the oracle never gets its policy from here.

>>> head = "policy: p\\nversion: 1\\ncurrency: CNY\\ntime_zone: UTC\\ntriggers:\\n"
>>> one, other = (f"{head}  late: {{when: days_past_due >= {days}, suspend: yes, reason: r}}\\n" for days in (30, 31))
>>> parted(read(one), load_text(one))
[]
>>> parted(read(one), load_text(other))
['triggers[0].when.right.value: the oracle has 30, the program 31']
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace

from linekeeper.policy import expression as e
from linekeeper.policy import model as m
from linekeeper.policy.load import load_text
from linekeeper.scorecard.card import Score
from linekeeper.scorecard.trees import TreeEnsemble
from tests.oracle import tree as t
from tests.oracle.policies import Written
from tests.oracle.reader import read


def parted(own: t.Policy, program: m.Policy) -> list[str]:
    """Where the oracle's policy and the program's part; empty where they mean the same."""
    by_name = tuple(sorted(own.features, key=lambda one: one.name))
    kinds = tuple(_without_given(kind) for kind in own.kinds) if own.publish or own.ties else own.kinds
    differences = list(walk_both(replace(own, features=by_name, kinds=kinds), in_own_nouns(program), ""))
    if differences:
        return differences  # measures in place follow from the trees
    numbers = tuple(kind.number for kind in program.kinds)
    differences += walk_both(tuple(range(len(own.kinds))), numbers, "numbers of the kinds")
    return differences + list(walk_both(own.in_place, hoisted(program), "in place"))


def read_alike(written: Written) -> m.Policy:
    """The policy as the program reads it, which is what its writer meant, and what the oracle reads."""
    policy = load_text(written.text, read_card=lambda name: written.card or b"")
    assert parted(written.policy, policy) == []
    assert parted(read(written.text, written.card), policy) == []
    return policy


def walk_both(own: object, theirs: object, path: str) -> Iterator[str]:
    """The places at which two values part, each with both sides."""
    if type(own) is not type(theirs):
        yield f"{path}: the oracle has {own}, the program {theirs}"
    elif is_dataclass(own):
        for one in fields(own):
            yield from walk_both(getattr(own, one.name), getattr(theirs, one.name), f"{path}.{one.name}".lstrip("."))
    elif isinstance(own, dict) and isinstance(theirs, dict):
        for key in sorted({*own, *theirs}):
            yield from walk_both(own.get(key), theirs.get(key), f"{path}[{key}]")
    elif isinstance(own, tuple) and isinstance(theirs, tuple) and len(own) == len(theirs):
        for place, (mine, other) in enumerate(zip(own, theirs, strict=True)):
            yield from walk_both(mine, other, f"{path}[{place}]")
    elif own != theirs:
        yield f"{path}: the oracle has {own}, the program {theirs}"


# ------------------------------------------------------------------ the program's policy in the oracle's nouns


def in_own_nouns(policy: m.Policy) -> t.Policy:
    """Every section; features without a name of their own go back to where they were written."""
    return t.Policy(
        name=policy.name,
        version=policy.version,
        currency=policy.currency,
        digits=policy.exponent,
        time_zone=policy.time_zone,
        kinds=tuple(
            _without_given(_kind(kind)) if policy.customer or policy.links else _kind(kind) for kind in policy.kinds
        ),
        features=_by_name(policy),
        triggers=tuple(_trigger(trigger, policy) for trigger in policy.triggers),
        score=_score(policy.score) if policy.score else None,
        restoration=_restoration(policy.restoration, policy) if policy.restoration else None,
        authorise=tuple(
            t.AuthoriseRule(rule.name, expression(rule.deny, policy), rule.reason) for rule in policy.authorise
        ),
        offer=_offer(policy.offer, policy) if policy.offer else None,
        named_offers=tuple(_offer(one, policy) for one in policy.named_offers),
        brake=t.Brake(policy.brake.lines_bp, policy.brake.exposure_bp) if policy.brake else None,
        honour_days=policy.honour_days,
        protected=policy.protected,
        dues=_dues(policy.dues),
        over_limit=policy.over_limit,
        further_restorations=tuple(_restoration(one, policy) for one in policy.further_restorations),
        segments=policy.segments,
        splits=tuple(
            t.Split(one.name, one.salt, tuple((arm.name, arm.share_bp) for arm in one.arms)) for one in policy.splits
        ),
        publish=policy.customer.publish if policy.customer else (),
        tied_publish=policy.links.publish if policy.links else (),
        ties=tuple(
            t.Tie(one.name, one.purpose, one.needs_consent, one.at_most, one.fades_days)
            for one in (policy.links.ties if policy.links else ())
        ),
        waits=None if policy.moratorium is None else policy.moratorium.waits,
        assign=_assign(policy) if policy.assign else None,
        cooling_days=policy.own_limit.cooling_days if policy.own_limit else None,
        lists=tuple((one.name, one.words) for one in policy.lists),
    )


def hoisted(policy: m.Policy) -> dict[str, t.Feature]:
    """What the program keeps of measures and facts that stand in expressions, by its name for each."""
    return {one.name: _feature(one, policy) for one in policy.features if not one.named}


def _by_name(policy: m.Policy) -> tuple[t.Feature, ...]:
    """Their order has no meaning, and the program has changed it."""
    return tuple(sorted((_feature(one, policy) for one in policy.features if one.named), key=lambda one: one.name))


def _without_given(kind: t.Kind) -> t.Kind:
    """What accounts are given follows from what the rules read, and they are compared."""
    return t.Kind(kind.name, ()) if kind.name in ("customer", "linked") else kind


def _of_customer(one: m.Feature, policy: m.Policy) -> t.OfCustomer | None:
    """What all accounts of a customer come to, where the feature is that."""
    said = re.fullmatch(r"customer\.(sum|max|count)\((\w+)(?: >= .+)?\)", one.name)
    if said is None or policy.customer is None:
        return None
    least = 0
    if said[1] == "count":
        (least,) = (
            p.right.value for p in e.nodes_of(one.expr) if isinstance(p, e.Compare) and isinstance(p.right, e.Literal)
        )
    return t.OfCustomer(said[1], said[2], dict(policy.customer.publish)[said[2]], least)


def _of_linked(one: m.Feature, policy: m.Policy) -> t.OfLinked | None:
    """What tied accounts come to, where the feature is that."""
    said = re.fullmatch(r'links\.(sum|max|count)\((\w+)(?: >= .+?)?(?:, kind = "(\w+)")?\)', one.name)
    if said is None or policy.links is None:
        return None
    (given,) = (p.name for p in e.nodes_of(one.expr) if isinstance(p, e.Ref))
    least = re.fullmatch(r".+_at_least_(\d+)\)", given)
    fact = dict(policy.links.publish)[said[2]]
    return t.OfLinked(said[1], said[2], fact, said[3] or "any", int(least[1]) if least else 0)


def _feature(one: m.Feature, policy: m.Policy) -> t.Feature:
    if (of_customer := _of_customer(one, policy)) is not None:
        return t.Feature(one.name, of_customer, one.unit, one.maybe_missing)
    if (of_linked := _of_linked(one, policy)) is not None:
        return t.Feature(one.name, of_linked, one.unit, one.maybe_missing)
    return t.Feature(one.name, expression(one.expr, policy), one.unit, one.maybe_missing, one.choices, one.worse)


def _kind(kind: m.Kind) -> t.Kind:
    return t.Kind(
        kind.name,
        tuple(t.Field(f.name, f.unit, f.choices, f.optional, f.signed, f.is_date) for f in kind.fields),
        kind.text,
    )


def _trigger(one: m.Trigger, policy: m.Policy) -> t.Trigger:
    return t.Trigger(
        name=one.name,
        when=expression(one.when, policy),
        reason=one.reason,
        clear=None if one.clear is None else expression(one.clear, policy),
        hold_days=_number(one, "hold_days"),
        cap_bp=_number(one, "cap_bp"),
        suspend=one.suspend,
        close=one.close,
        terminal=one.terminal,
        expires_days=None if one.expires_days is None else _number(one, "expires_days"),
        limit=None if one.limit is None else _limit(one.limit, policy),
        restore=one.restore,
        effective_days=_number(one, "effective_days"),
        treating=None if one.treatments is None else _treating(one.treatments),
    )


def _treating(one: m.Treatments) -> t.Treating:
    contact = one.contact or m.Contact("")
    return t.Treating(one.watch, one.price, contact.code, contact.count, contact.days, contact.quiet)


def _assign(policy: m.Policy) -> t.Assign:
    assert policy.assign is not None
    rules = (t.RefuseRule(one.name, expression(one.when, policy), one.reason) for one in policy.assign.refuse)
    return t.Assign(_limit(policy.assign.limit, policy), tuple(rules))


def _limit(one: m.LimitAmount, policy: m.Policy) -> t.LimitAmount:
    value = expression(one.value, policy)
    return t.LimitAmount(value, one.round_minor, one.down, one.floor_minor, one.follows)


def _number(rule: m.Trigger | m.Restoration | m.Offer, name: str) -> t.Number:
    """One for all, or one for each segment."""
    said: t.Number = getattr(rule, name)
    return dict(rule.by_segment).get(name, said)


def _restoration(one: m.Restoration, policy: m.Policy) -> t.Restoration:
    condition = None if one.condition is None else expression(one.condition, policy)
    numbers = [_number(one, name) for name in ("first_bp", "step_bp", "every_days")]
    return t.Restoration(*numbers, condition, one.name)


def _offer(one: m.Offer, policy: m.Policy) -> t.Offer:
    names = ("increase_bp", "up_to_minor", "every_days", "valid_days", "add_minor", "decline_days", "accept_days")
    return t.Offer(
        when=expression(one.when, policy),
        **{name: _number(one, name) for name in names},
        name=one.name,
        to=None if one.to is None else _limit(one.to, policy),
        asks=one.needs_consent,
        channel=one.channel,
        price=one.price,
    )


def _dues(dues: m.DueTerms) -> t.Dues:
    days = dues.business_days
    own_days = None if days is None else t.BusinessDays(days.weekend, days.off, days.working)
    return t.Dues(dues.grace_days, dues.tolerance_minor, dues.prepaid_settles, own_days)


def _score(score: Score) -> t.Score:
    assert score.groups == t.GROUPS, f"the groups are {score.groups}"
    bins = tuple(t.Bins(b.feature, b.group, b.below, b.points, b.missing, b.by_choice) for b in score.bins)
    tables = tuple(
        t.Table(one.row, one.column, one.group, one.row_below, one.column_below, one.points) for one in score.tables
    )
    forests = tuple(
        t.Forest(trees.group, trees.point_parts, tuple(_tree(trees, root) for root in trees.roots))
        for trees in score.trees
    )
    return t.Score(score.base, bins, tables, score.pd_below, score.pd_ppm, forests)


def _tree(trees: TreeEnsemble, node: int) -> t.Fork | t.Tip:
    if node < 0:
        return t.Tip(trees.leaves[-1 - node])
    yes, no = (_tree(trees, side) for side in trees.children(node))
    chosen = trees.choices[node]
    return t.Fork(
        trees.features[trees.feature[node]],
        trees.cut[node],
        trees.sets[chosen] if chosen >= 0 else None,
        trees.missing_value[node],
        yes,
        no,
        yes if trees.missing_below[node] else no,
    )


# ------------------------------------------------------------------ expressions


def expression(expr: e.Expr, policy: m.Policy) -> t.Expr:
    """One expression of the program in the oracle's nodes; also for guards that the kernel makes of the rules."""

    def own(part: e.Expr) -> t.Expr:
        return expression(part, policy)

    match expr:
        case e.Literal(value, unit):
            return t.Literal(value, unit)
        case e.Ref(name):
            return _referred(policy.feature(name), policy)
        case e.ScoreRef(name):
            return t.ScoreRef(name)
        case e.FieldRef(name):
            return t.FieldRef(name)
        case e.HourOfDay():
            return t.HourOfDay()
        case e.DayOfMonth():
            return t.DayOfMonth()
        case e.Weekday():
            return t.Weekday()
        case e.Holiday():
            return t.Holiday()
        case e.Listed(item, name):
            return t.Listed(item.name, name)
        case e.LineBefore(name):
            return t.LineBefore(name)
        case e.Not(item):
            return t.Not(own(item))
        case e.And(items):
            return t.And(tuple(map(own, items)))
        case e.Or(items):
            return t.Or(tuple(map(own, items)))
        case e.Compare(op, left, right):
            return t.Compare(op, own(left), own(right))
        case e.In(item, values):
            return t.In(own(item), values)
        case e.Arithmetic(op, left, right):
            return t.Arithmetic(op, own(left), own(right))
        case e.Call(name, args):
            return t.Call(name, tuple(map(own, args)))
        case e.If(test, yes, no):
            return t.If(own(test), own(yes), own(no))
        case e.Fact(name):
            return t.Fact(name)
        case e.Arm(name):
            return t.Arm(name)
        case _:
            return _measure(expr, policy)


def _referred(feature: m.Feature, policy: m.Policy) -> t.Expr:
    """A named feature; or what the program has named itself, in its place again."""
    if feature.named:
        return t.Ref(feature.name)
    if isinstance(feature.expr, e.Fact):
        return t.Fact(feature.name)
    if (of_customer := _of_customer(feature, policy)) is not None:
        return t.Inline(feature.name, of_customer)
    if (of_linked := _of_linked(feature, policy)) is not None:
        return t.Inline(feature.name, of_linked)
    return t.Inline(feature.name, _measure(feature.expr, policy))


def _measure(expr: e.Expr, policy: m.Policy) -> t.Measure:
    match expr:
        case e.Windowed(how, select, field, window):
            return t.Windowed(how, _select(select, policy), field, _window(window), expr.ending)
        case e.First(select, field):
            return t.First(_select(select, policy), field)
        case e.Last(select, field):
            return t.Last(_select(select, policy), field)
        case e.DaysSince(select):
            return t.DaysSince(_select(select, policy))
        case e.LateCount(days, window):
            return t.LateCount(days, _window(window))
        case e.Restrictions(window):
            return t.Restrictions(_window(window))
        case e.Daily(how, of, window, unit):
            assert how == "days_where" or of.unit == unit  # a value of a day has the unit of what it is the value of
            return t.Daily(how, expression(of, policy), _window(window))
    raise AssertionError(f"{expr} is no measure")


def _select(select: e.Select, policy: m.Policy) -> t.Select:
    return t.Select(select.kind, None if select.where is None else expression(select.where, policy))


def _window(window: e.Window) -> t.Window:
    return t.Window(window.length, window.unit)
