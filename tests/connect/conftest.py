"""A policy with every type of field, for the readers to read for."""

from __future__ import annotations

import pytest

from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy

TEXT = """
policy: readers
version: 1
currency: CNY
time_zone: Asia/Shanghai
events:
  purchase: {amount: money, category: [food, travel, gambling]}
  bureau: {score: count, open_loans: "count?", frozen: flag, owed: "money?", used: "share?", age: "days?"}
  adjust: {amount: signed money}
  ping: {}
triggers:
  late: {when: days_past_due >= 30, suspend: yes, reason: arrears}
"""


@pytest.fixture(scope="session")
def policy() -> Policy:
    return load_text(TEXT)
