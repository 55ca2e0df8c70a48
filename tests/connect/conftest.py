"""A policy with every type of field, for the readers to read for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from linekeeper.engine import clock
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


@pytest.fixture(scope="module", autouse=True)
def instants_are_small_numbers() -> Iterator[None]:
    """Most tables here number their instants 1, 2, 3, which no real file does: see `tests/engine/test_clock.py`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "FIRST_EVENT_MS", 0)
        yield
