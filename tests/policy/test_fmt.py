"""The formatter: one way to write expressions; the meaning, the layout and the comments are the author's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from linekeeper.core.errors import PolicyError
from linekeeper.policy.fmt import format_text
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from linekeeper.policy.syntax import canonical
from tests.oracle.strategies import policy_texts
from tests.policy.texts import HEAD, TRIGGERS

FOLDER = Path(__file__).parents[2] / "policies"
POLICIES = sorted(FOLDER.glob("*.yaml"))


def meaning(text: str) -> Policy:
    """The policy but for the hash of its text."""
    return replace(load_text(text, read_card=lambda name: (FOLDER / name).read_bytes()), digest="", source="")


def comments(text: str) -> list[str]:
    """Comments, in their order."""
    return [line.partition("#")[2] for line in text.splitlines() if "#" in line]


@given(policy_texts())
def test_the_meaning_stays_and_once_is_enough(text: str) -> None:
    formatted = format_text(text)
    assert meaning(formatted) == meaning(text)
    assert format_text(formatted) == formatted


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_the_policies_that_come_with_it_are_formatted(path: Path) -> None:
    text = path.read_text("utf-8")
    assert format_text(text) == text


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_an_untidy_copy_is_mended(path: Path) -> None:
    """Doubled blanks in expressions, blanks at the ends of lines, empty lines: all go, nothing else does."""
    text = path.read_text("utf-8")
    untidy = text.replace(" >= ", "  >=   ").replace(" = ", " == ").replace("\n\n", "\n   \n\n\n\n") + "\n\n"
    untidy = "\n".join(line if "#" in line else line + "  " for line in untidy.split("\n"))
    assert untidy != text
    formatted = format_text(untidy)
    assert meaning(formatted) == meaning(text)
    assert [one.strip() for one in comments(formatted)] == [one.strip() for one in comments(untidy)]
    assert "  >=" not in formatted
    assert "\n\n\n" not in formatted


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("count( draw,7d )>=3", "count(draw, 7d) >= 3"),
        ("balance==5 CNY", "balance = 5 CNY"),
        ("balance>5CNY", "balance > 5 CNY"),
        ("not(balance>5 CNY)", "not (balance > 5 CNY)"),
        ("not not true", "not (not true)"),
        ("((balance))>5 CNY", "balance > 5 CNY"),
        ("(balance+limit)*2>5 CNY", "(balance + limit) * 2 > 5 CNY"),
        ("balance-(limit-granted)>5 CNY", "balance - (limit - granted) > 5 CNY"),
        ("balance-limit-granted>5 CNY", "balance - limit - granted > 5 CNY"),
        ("true and (false or true)", "true and (false or true)"),
        ("(true and false) or true", "(true and false) or true"),
        ("if true then(1)else 2", "if true then 1 else 2"),
        ("(if true then 1 else 2)+3", "(if true then 1 else 2) + 3"),
        ("- 5", "-5"),
        ("category in( 'a' ,'b')", 'category in ("a", "b")'),
        ("sum(draw.amount where amount>1 CNY and hour<5,7d)", "sum(draw.amount where amount > 1 CNY and hour < 5, 7d)"),
    ],
)
def test_expressions(before: str, after: str) -> None:
    assert canonical(before) == after
    assert canonical(after) == after


def test_what_has_faults_is_left_as_it_is() -> None:
    text = HEAD + "features:\n  a: count(draw,\n  b: 'balance  >  '\n" + TRIGGERS
    assert format_text(text) == text


def test_what_yaml_would_read_otherwise_is_left() -> None:
    """Quotes stay where they are, and folded text keeps its lines."""
    text = HEAD + "triggers:\n  t: {when: 'known( balance )', suspend: yes, reason: r}\n"
    assert "when: 'known(balance)'" in format_text(text)
    folded = HEAD + "features:\n  a: >\n    count(draw,7d)\n  b: |\n    count(draw,7d)\n" + TRIGGERS
    assert format_text(folded) == folded


def test_a_file_that_is_not_yaml_is_refused() -> None:
    with pytest.raises(PolicyError, match="this is not YAML"):
        format_text("a: [")


def test_the_old_key_of_restoration_is_replaced() -> None:
    """`recovery` was the word for `restoration`; a policy with it means the same, and `fmt` writes the new."""
    new = HEAD + TRIGGERS + "restoration: {first: 40%, step: 20%, every: 30d, while: days_past_due = 0}\n"
    old = new.replace("restoration:", "recovery:").replace("days_past_due = 0", "days_past_due  ==  0")
    assert meaning(old) == meaning(new)
    assert format_text(old) == new


def test_the_old_and_the_new_key_together_are_a_fault() -> None:
    rules = "{first: 40%, step: 20%, every: 30d}\n"
    with pytest.raises(PolicyError) as caught:
        load_text(HEAD + TRIGGERS + "restoration: " + rules + "recovery: " + rules)
    assert [fault.message for fault in caught.value.faults] == [
        "the key `recovery` is the old word for `restoration`, which stands too"
    ]
