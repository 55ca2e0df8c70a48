"""Three readings of one policy agree: what its writer meant, what the oracle reads, what the program reads.

And any difference between them would be named: each attribute of each noun is changed, on either side, and seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given

from linekeeper.policy import expression as e
from linekeeper.policy import model as m
from linekeeper.policy.load import load_text
from linekeeper.scorecard.card import Bins
from tests.corrections.lives import lender
from tests.oracle import tree as t
from tests.oracle.chosen import assigns, take_up
from tests.oracle.daily import write_daily
from tests.oracle.family import write_family
from tests.oracle.generate import policy_written
from tests.oracle.held import parted, read_alike
from tests.oracle.listed import with_lists
from tests.oracle.measured import write_measured
from tests.oracle.policies import Written, write_versions
from tests.oracle.reader import read
from tests.oracle.ring import write_ring
from tests.oracle.staged import write_staged
from tests.oracle.strategies import written
from tests.oracle.watched import write_watched
from tests.oracle.wider import write_wider

ROOT = Path(__file__).resolve().parents[2]
SEEDS = (3, 20, 29, 31, 52)  # policies that hold every construct between them
WIDER_SEEDS = (1, 5, 9)  # with segments, tables and amounts
FAMILY_SEEDS = (4, 12, 20)  # of customers with several accounts
STAGED_SEEDS = (0, 1, 2, 3)  # with schedules, announcements and treatments
HEAD = "policy: p\nversion: 1\ncurrency: CNY\ntime_zone: UTC\n"


# ------------------------------------------------------------------ agreement


@given(written())
def test_writer_oracle_and_program_agree(one: Written) -> None:
    assert read_alike(one).source == one.text


def test_they_agree_on_the_first_seeds() -> None:
    for seed in range(60):
        read_alike(policy_written(seed))
        read_alike(write_watched(Random(f"watched {seed}")))
        read_alike(write_wider(Random(f"wider {seed}")))
    for seed in range(10):
        for one in write_versions(Random(f"versions {seed}"), 3):
            read_alike(one)


def test_oracle_and_program_agree_on_policies_written_by_hand() -> None:
    names = ("policies/consumer-loan.yaml", "docs/examples/cash-line.yaml", "benchmarks/policies/cash-line.yaml")
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in names]
    for text in [*texts, *(lender(Random(seed)) for seed in range(30))]:
        assert parted(read(text), load_text(text)) == []


WRITTEN_OTHERWISE = [
    "2 * (balance - limit) * 3 > 1_000 CNY",
    "not balance == 0.50 CNY or not (not on_time_streak in (3, 1, 3))",
    "count( purchase  where (category) = 'food' and ((hour) < 6) , 3d ) >= 2",
    "count(purchase where not (category in ('food', \"rent\")), 3d) >= 2",
    "smallest(5, 3, on_time_streak) + 1 - 1 < largest(-1, 2)",
    "if known(last(purchase.amount)) then balance > -5 CNY else (utilisation >= 1_0.5%)",
    "late_count(1_0d, 1_2m) > 0 and (past_due) > 0 CNY and (days_past_due >= 1y or true)",
    "fallback(last(purchase.category), \"rent\") = 'rent'",
]


@pytest.mark.parametrize("condition", WRITTEN_OTHERWISE)
def test_oracle_and_program_agree_on_other_ways_to_write(condition: str) -> None:
    """Spaces, quotes, underscores and parentheses that are not needed; `==`; a constant in front."""
    events = "events: {purchase: {amount: money, category: [food, rent]}}\n"
    quoted = condition.replace("'", "''")
    text = f"{HEAD}{events}triggers:\n  t: {{when: '{quoted}', suspend: true, reason: r}}\n"
    assert parted(read(text), load_text(text)) == []


def test_bare_names_and_measures_in_parentheses_are_features() -> None:
    text = f"{HEAD}features:\n  b: (a)\n  a: (count(draw, 7d))\n  c: balance\n  d: 30%\n  e: 5\n"
    text += "triggers: {t: {when: a > 3 and b > 3 and c > 0 CNY and d > 1% and e > 1, cap: 0%, reason: r}}\n"
    text += "restoration: {first: 0%, step: 5%, every: 1}\n"
    assert parted(read(text), load_text(text)) == []


# ------------------------------------------------------------------ every difference is named

Attribute = tuple[str, str]  # the noun and its attribute
DERIVED = {  # what the program adds for its own use, and the oracle has no word for
    ("Policy", "digest"),
    ("Policy", "source"),
    ("Policy", "written"),
    ("Policy", "card"),
    ("Kind", "built_in"),
    ("Kind", "means"),  # read by the search for a road back alone; tests/recourse holds it
    ("Field", "most"),  # of built-in kinds alone, for validation: no policy can write it
    ("Score", "card"),
    *(("RuleCell", part) for part in ("number", "places")),  # which cell of a rule an account is in: made, not written
    *(("Customer", part) for part in ("publish", "ceiling")),  # tests/customers holds them
    *(("Daily", part) for part in ("how", "of", "window", "unit")),  # tests/oracle/test_day_ends.py holds them
    *(("Links", part) for part in ("publish", "ties")),
    *(("Tie", part) for part in ("name", "purpose", "needs_consent", "at_most", "fades_days")),
    # A public calendar is kept beside the days that come of it, for words; tests/policy/test_dues.py holds it.
    ("BusinessDays", "calendar"),
    *(("PublicCalendar", part) for part in ("name", "first_year", "last_year", "holidays", "workdays")),
    # The checker notes units and choices on the nodes for their wording; tests/policy/test_functions.py holds them.
    *((node, "unit") for node in ("FieldRef", "Ref", "Call")),
    *((node, "choices") for node in ("Literal", "FieldRef", "Ref", "Call")),
}
REFUSING = (("Trigger", "name"), ("Trigger", "when"), ("Trigger", "reason"))  # all that a rule of `assign` can have


def changed(value: object) -> object:
    """Another value of the same kind; a noun is taken away."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return f"{value}_"
        case tuple():
            return value[:-1] if value else (1,)
        case None:
            return 1
    return None


def mutations(value: Any) -> Iterator[tuple[str, Attribute, Any]]:
    """Every change of one attribute somewhere inside: its path, its noun and name, and the whole with that change."""
    for one in fields(value):
        if one.name in dict(getattr(value, "by_segment", ())):
            continue  # it differs by segment, and what stands here is not read
        part = getattr(value, one.name)
        attribute = (type(value).__name__, one.name)
        yield one.name, attribute, replace(value, **{one.name: changed(part)})
        inner = enumerate(part) if isinstance(part, tuple) else [(None, part)]
        for place, item in inner:
            if not is_dataclass(item):
                continue
            for path, inside, new in mutations(item):
                whole = new if place is None else (*part[:place], new, *part[place + 1 :])
                step = one.name if place is None else f"{one.name}[{place}]"
                yield f"{step}.{path}", inside, replace(value, **{one.name: whole})


def nouns(*modules_or_classes: Any) -> set[Attribute]:
    """Every attribute of the nouns."""
    return {(noun.__name__, one.name) for noun in modules_or_classes for one in fields(noun)}


def classes_of(module: Any) -> list[Any]:
    """The frozen nouns that a module names."""
    return [one for one in vars(module).values() if isinstance(one, type) and is_dataclass(one)]


@cache
def policies() -> tuple[tuple[t.Policy, m.Policy], ...]:
    """The writer's tree and the program's policy of some seeds."""
    later = (write_measured(Random(f"measured {seed}")) for seed in (0, 3))
    wider = (write_wider(Random(f"wider {seed}")) for seed in WIDER_SEEDS)
    staged = [write_staged(Random(f"staged {seed}")) for seed in STAGED_SEEDS]
    chosen = assigns(take_up(staged[0], Random("chosen")), Random("assigns 3"))
    listed = with_lists(policy_written(7), Random("listed"))
    every = (*map(policy_written, SEEDS), *later, *wider, *staged, chosen, listed)
    return tuple((one.policy, load_text(one.text)) for one in every)


@cache
def families() -> tuple[tuple[t.Policy, m.Policy], ...]:
    """The same of policies that read of all accounts of a customer; the program has fields of a kind in that place."""
    written = (write_family(Random(f"family {seed}")) for seed in FAMILY_SEEDS)
    return tuple((one.policy, load_text(one.text)) for one in written)


def few(policy: Any, times: int) -> Iterator[tuple[str, Attribute, Any]]:
    """The first changes of each attribute."""
    seen: dict[Attribute, int] = {}
    for path, attribute, mutated in mutations(policy):
        seen[attribute] = seen.get(attribute, 0) + 1
        if seen[attribute] <= times:
            yield path, attribute, mutated


def test_any_change_of_the_oracles_tree_is_named() -> None:
    seen = set()
    others = (write_family(Random("family 3")), write_ring(Random("ring 3")), write_daily(Random("daily 2")))
    for own, program in (*policies(), *((one.policy, load_text(one.text)) for one in others)):
        for path, attribute, mutated in few(own, times=3):
            seen.add(attribute)
            assert parted(mutated, program), f"{path} of {program.name} was changed unseen"
    assert nouns(*classes_of(t)) - seen == nouns(t.Table, t.Tip, t.Fork, t.Forest)


def test_any_change_of_the_programs_policy_is_named() -> None:
    seen = set()
    daily = write_daily(Random("daily 2"))
    for own, program in (*policies(), (daily.policy, load_text(daily.text))):
        for path, attribute, mutated in few(program, times=3):
            seen.add(attribute)
            if path.startswith("assign.refuse[0].") and attribute not in REFUSING:
                continue
            assert attribute in DERIVED or refused_or_named(own, mutated), f"{path} of {program.name} changed unseen"
    assert nouns(*classes_of(m), *classes_of(e), Bins) - DERIVED <= seen


def refused_or_named(own: t.Policy, program: m.Policy) -> bool:
    """A change that breaks a name on which another part stands cannot even be walked."""
    try:
        return bool(parted(own, program))
    except (AssertionError, AttributeError, StopIteration, RuntimeError, TypeError):
        return True


def test_the_place_of_a_difference_is_named() -> None:
    """Constants, windows, units, operators, flags: the path leads there, with both sides."""
    text = HEAD + "triggers:\n  t: {when: 'sum(draw.amount, 7d) > 500 CNY', cap: 50%, reason: r, terminal: yes}\n"
    own, program = read(text), load_text(text)
    trigger = own.triggers[0]
    assert isinstance(trigger.when, t.Compare)
    measure = t.Windowed("sum", t.Select("draw"), "amount", t.Window(8, "d"))
    name = "sum(draw.amount, 7d)"
    others = {
        "triggers[0].when.op: the oracle has >=, the program >": replace(trigger, when=replace(trigger.when, op=">=")),
        "triggers[0].when.right.value: the oracle has 50001, the program 50000": replace(
            trigger, when=replace(trigger.when, right=t.Literal(50_001, "money"))
        ),
        "triggers[0].when.right.unit: the oracle has count, the program money": replace(
            trigger, when=replace(trigger.when, right=t.Literal(50_000, "count"))
        ),
        "triggers[0].when.left.measure.window.length: the oracle has 8, the program 7": replace(
            trigger, when=replace(trigger.when, left=t.Inline(name, measure))
        ),
        "triggers[0].terminal: the oracle has False, the program True": replace(trigger, terminal=False),
        "triggers[0].cap_bp: the oracle has 5001, the program 5000": replace(trigger, cap_bp=5_001),
    }
    assert [parted(replace(own, triggers=(one,)), program)[0] for one in others.values()] == list(others)
