"""`explain` says which amount a trigger's `limit` took, worked out from the recorded values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from linekeeper.core.decision import Decision
from linekeeper.core.event import Event
from linekeeper.decide.explain import explain_triggers
from linekeeper.engine.account import decisions_of
from linekeeper.engine.engine import Engine
from linekeeper.policy.load import load_text
from tests.brake.bank import at, event, new_store, openings, table

HEAD = (
    "policy: small-bank\nversion: 1\ncurrency: CNY\ntime_zone: UTC\nrestoration: {first: 40%, step: 20%, every: 30d}\n"
)
EXACT = 'limit: {amount: "part(granted, 33%)"}'
ROUNDED = 'limit: {amount: "part(granted, 33%)", round: 100 CNY}'
DOWN = 'limit: {amount: "part(granted, 33%)", round_down: 100 CNY}'
FLOOR = 'limit: {amount: "part(granted, 33%)", floor: 500 CNY}'


def decided(folder: Path, limit: str) -> tuple[Engine, Decision]:
    """The decision that 30 days past due make on a line of 1,000.00."""
    text = f"{HEAD}triggers:\n  late:\n    when: days_past_due >= 30\n    {limit}\n    reason: arrears\n"
    engine = Engine(new_store(folder), load_text(text))
    late: Event = event("late", "A000", "delinquency", at(5), days=30)
    for one in (*openings(1), late):
        engine.receive(table(engine.policy, [one]), "core")
    return engine, decisions_of(engine, "A000")[-1]


@pytest.mark.parametrize(
    ("limit", "amount"), [(EXACT, "330.00"), (ROUNDED, "400.00"), (DOWN, "300.00"), (FLOOR, "500.00")]
)
def test_the_amount_is_named_and_is_the_limit_that_it_made(tmp_path: Path, limit: str, amount: str) -> None:
    engine, decision = decided(tmp_path, limit)
    (late,) = explain_triggers(engine.policy, decision)
    assert late.effect == f"limit to {amount} CNY"
    assert decision.after.limit == int(amount.replace(".", ""))


def test_an_amount_that_was_taken_earlier_is_not_guessed(tmp_path: Path) -> None:
    engine, decision = decided(tmp_path, EXACT)
    later = replace(decision, triggers_set=(), values={**decision.values, "granted": 500_000})
    (late,) = explain_triggers(engine.policy, later)
    assert late.effect == "limit to an amount"
