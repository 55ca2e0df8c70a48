"""Names, order and bounds that the oracle took from the page are the program's."""

from __future__ import annotations

from linekeeper.core import bounds, decision, line
from linekeeper.core.event import ARRIVED
from linekeeper.core.event import Event as ProgramEvent
from linekeeper.policy import sections
from linekeeper.policy.currency import minor_digits
from linekeeper.policy.functions import FACTS
from linekeeper.policy.load import load_text
from tests.oracle import nouns, reader, tree
from tests.oracle.held import parted
from tests.oracle.values import call

ANSWERS = {"ALLOW", "DENY"}  # of `authorise`, which is no decision of section 7


def test_severity() -> None:
    assert [one.name for one in sorted(nouns.Status)] == [one.name for one in sorted(line.Status)]


def test_actions() -> None:
    assert {one.name for one in nouns.Action} == {one.name for one in line.Action} - ANSWERS
    assert {one.name for one in nouns.ADVERSE} == {one.name for one in line.ADVERSE}
    assert {one.value for one in nouns.ADVERSE} == set(decision.ADVERSE_ACTIONS)


def test_bounds() -> None:
    own = (nouns.MONEY_MAX, nouns.SHARE_CEILING_BP, nouns.DUES_KEPT, nouns.AT_END_MS)
    assert own == (bounds.MONEY_MAX, bounds.SHARE_CEILING_BP, bounds.DUES_MAX, bounds.AT_END_MS)


def test_facts_and_groups() -> None:
    assert set(tree.FACTS) == set(FACTS)
    assert tree.GROUPS == sections.GROUPS
    features = "".join(f"  f_{name}: {name}\n" for name in tree.FACTS)
    head = "policy: p\nversion: 1\ncurrency: CNY\ntime_zone: UTC\n"
    rules = "triggers:\n  t: {when: f_limit > 0 CNY, suspend: yes, reason: r}\nmoratorium: {}\n"
    text = f"{head}features:\n{features}{rules}"
    assert parted(reader.read(text), load_text(text)) == []


def test_minor_digits() -> None:
    own = {**reader.DIGITS, "CNY": 2, "TWD": 2}
    assert {code: minor_digits(code) for code in own} == own


def test_events_and_lines_have_the_same_attributes() -> None:
    assert (*nouns.Event.__slots__, ARRIVED) == ProgramEvent.__slots__  # the oracle is given its events as they arrive
    assert nouns.Line.__slots__ == line.Line.__slots__


def test_missing_goes_through_all_functions_but_known_and_fallback() -> None:
    """Section 4.2: a function with a missing argument is missing, even where its zero rule would apply."""
    passed_on = ("percent", "part", "per", "smallest", "largest")
    assert [call(name, args) for name in passed_on for args in ([None, 0], [0, None])] == [None] * 10
    assert (call("known", [None]), call("fallback", [None, 7]), call("fallback", [None, None])) == (0, 7, None)
