"""Conditions with a name: what they stand for, where they may stand, and how large they may grow."""

from __future__ import annotations

import pytest

from linekeeper.core.errors import PolicyError
from linekeeper.policy.expression import And, Compare, Expr, Literal, Or, Ref, ScoreRef
from linekeeper.policy.fmt import format_text
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from tests.policy.texts import HEAD

SETTLED = Compare("=", Ref("past_due", "money"), Literal(0, "money"))
GOOD = And((SETTLED, Compare(">=", ScoreRef("score"), Literal(500, "points"))))
TEXT = """
define:
  good: settled and score >= 500
  settled: past_due = 0 CNY
  large: amount > 5 CNY
features:
  calm: settled or days_past_due < 3
score: {ability: {utilisation: {below 50%: 5, otherwise: 0}}}
triggers:
  t: {when: days_past_due > 9 or settled, clear: good, cap: 50%, reason: r}
restoration: {first: 40%, step: 20%, every: 30d, while: settled}
authorise:
  rule: {deny: large and not good, reason: r}
offer: {when: good, increase: 20%, up_to: 900 CNY, every: 90d, valid: 30d}
"""


def written_out(text: str) -> str:
    """The same policy, with what each name stands for in its place."""
    text = text.replace("not good", "not (good)").replace("good", "settled and score >= 500")
    return text.replace("settled", "past_due = 0 CNY").replace("large", "amount > 5 CNY").replace("define:", "notes:")


def conditions(policy: Policy) -> list[Expr | None]:
    trigger, restoration, offer = policy.triggers[0], policy.restoration, policy.offer
    assert restoration is not None
    assert offer is not None
    exprs = [policy.feature("calm").expr, trigger.when, trigger.clear]
    return [*exprs, restoration.condition, policy.authorise[0].deny, offer.when]


def test_a_name_stands_wherever_a_condition_may() -> None:
    policy = load_text(HEAD + TEXT)
    plain = load_text(HEAD + "\n".join(line for line in written_out(TEXT).split("\n") if not _is_definition(line)))
    assert conditions(policy) == conditions(plain)
    assert policy.triggers[0].clear == GOOD
    assert policy.features == plain.features


def _is_definition(line: str) -> bool:
    return line.startswith(("notes:", "  past_due = 0 CNY and", "  past_due = 0 CNY:", "  amount > 5 CNY:"))


def test_what_is_joined_in_a_definition_stays_together() -> None:
    text = "define: {either: days_past_due > 3 or balance < 0 CNY}\ntriggers:\n"
    policy = load_text(HEAD + text + "  t: {when: either and past_due = 0 CNY, suspend: yes, reason: r}\n")
    when = policy.triggers[0].when
    assert isinstance(when, And)
    assert isinstance(when.items[0], Or)


def test_a_definition_that_nobody_uses_measures_nothing() -> None:
    text = "define: {pace: 'count(draw, 7d) > 3'}\ntriggers: {t: {when: days_past_due > 3, suspend: yes, reason: r}}\n"
    assert [feature.name for feature in load_text(HEAD + text).features] == ["days_past_due"]


def test_definitions_that_grow_by_each_other_are_refused() -> None:
    """Each names the one before twice: forty of them would be as many parts as there are cells in a body."""
    lines = ["define:", "  d0: days_past_due > 3"]
    lines += [f"  d{n}: d{n - 1} and d{n - 1}" for n in range(1, 40)]
    text = "\n".join([*lines, "triggers:", "  t: {when: d39, suspend: yes, reason: r}", ""])
    with pytest.raises(PolicyError, match=r"`d8` is too large where all that it names is written out; name parts"):
        load_text(HEAD + text)


def test_the_formatter_knows_them() -> None:
    text = f"{HEAD}define:\n  settled: past_due==0 CNY\ntriggers:\n  t: {{when: settled, suspend: yes, reason: r}}\n"
    assert "settled: past_due = 0 CNY\n" in format_text(text)
