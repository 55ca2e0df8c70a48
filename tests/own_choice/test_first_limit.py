"""`assign`: the first limit from what `open` says, at most what was asked for; or refused, with its reasons."""

from __future__ import annotations

from pathlib import Path

import pytest

import linekeeper as lk
from linekeeper.core.errors import PolicyError
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.fmt import format_text
from linekeeper.policy.load import load_file, load_text
from tests.oracle.story import policy_file

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
LATE = "triggers:\n  late: {when: days_past_due >= 30, suspend: yes, reason: arrears}\n"


def test_the_example_decides_as_a_credit_officer_would() -> None:
    """A: 80 % of 12,345 is 9,876, down to 9,800. B: asks for 2,000 only. C: two rules refuse it; granted later."""
    result = lk.replay(EXAMPLES / "first-limit.yaml", EXAMPLES / "first-limit.jsonl")
    decided = [
        (one.account, one.action, one.limit_minor, [r.code for r in one.record.reasons]) for one in result.decisions
    ]
    assert decided == [
        ("A", "assign", 980_000, []),
        ("B", "assign", 200_000, []),
        ("C", "refuse", 0, ["low_income", "short_employment"]),
        ("C", "increase", 100_000, []),
    ]


def test_a_line_that_is_refused_begins_at_nothing_and_pays_nothing_out() -> None:
    policy = load_file(EXAMPLES / "first-limit.yaml")
    kernel = Kernel(policy)
    state, out = kernel.new_state(), kernel.new_row()
    opening = policy.kind("open")
    assert kernel.interpreted.step(state, out, 0, 0, opening.number, (1_000, 0, 40))
    slots = kernel.layout.slots
    assert (state[slots["LIMIT"]], state[slots["GRANTED"]], out[kernel.shape.place("REFUSED_BY")]) == (0, 0, 1)
    assert kernel.interpreted.authorise(list(state), out, 1, 1) == 4


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("assign: {limit: 'part(limit, 50%)'}", "without `floor` could be nothing"),
        ("assign: {limit: {amount: 'part(limit, 50%)', floor: 1 CNY, follow: yes}}", "taken once"),
        ("assign: {refuse: {}}", "`assign` has no `limit`"),
        ("assign: {limit: {amount: 3, floor: 1 CNY}}", "not money"),
        (
            "assign: {limit: {amount: limit, floor: 1 CNY}, refuse: {late: {when: 'true', reason: r}}}",
            "the name of a trigger",
        ),
        ("events:\n  open: {limit: money}", "has the field `limit` already"),
    ],
)
def test_what_is_refused(said: str, message: str) -> None:
    with pytest.raises(PolicyError, match=r"assign|limit|trigger|money|once") as refused:
        load_text(policy_file(f"{said}\n{LATE}"))
    assert message in str(refused.value)


def test_the_formatter_knows_its_expressions() -> None:
    limit = '  limit: {amount: "part( limit,50% )", floor: 1 CNY}'
    text = f"assign:\n{limit}\n  refuse:\n    a: {{when: granted>5 CNY, reason: r}}\n"
    assert format_text(text) == (
        'assign:\n  limit: {amount: "part(limit, 50%)", floor: 1 CNY}\n  refuse:\n'
        "    a: {when: granted > 5 CNY, reason: r}\n"
    )
