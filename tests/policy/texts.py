"""Short policies around the part that a test is about."""

from __future__ import annotations

from linekeeper.policy.expression import Expr
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Feature, Policy

HEAD = "policy: p\nversion: 1\ncurrency: CNY\ntime_zone: Asia/Shanghai\n"
TRIGGERS = "triggers:\n  late: {when: days_past_due >= 30, suspend: yes, reason: arrears}\n"
EVENTS = """events:
  income: {amount: money}
  purchase: {amount: money, category: [food, gambling], term: days, rate: share, owed: "signed money?", count: "count?"}
  device: {new: flag}
"""


def policy(text: str = TRIGGERS) -> Policy:
    """The policy of a head and that text."""
    return load_text(HEAD + EVENTS + text)


def feature(expression: str, more: str = "") -> Feature:
    """The feature `it` of that expression; `more` are further lines of `features`."""
    return policy(f"features:\n{more}  it: '{expression}'\n{TRIGGERS}").feature("it")


def value(expression: str, more: str = "") -> Expr:
    """The checked expression of a feature."""
    return feature(expression, more).expr


def condition(expression: str, more: str = "") -> Expr:
    """The checked condition of a trigger."""
    text = f"{more}triggers:\n  t: {{when: '{expression}', suspend: yes, reason: r}}\n"
    return policy(text).triggers[0].when
