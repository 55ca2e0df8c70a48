"""A feed that marks everyone 90 days late restricts no more than the brake allows, and holds the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from linekeeper.core.decision import ADVERSE_ACTIONS
from linekeeper.core.errors import Refused
from linekeeper.engine.account import decisions_of, view
from linekeeper.engine.engine import Engine
from linekeeper.engine.pending_restrictions import PendingRecord, pending_rows
from linekeeper.engine.verify import verify
from tests.brake.bank import DAY, POLICY, at, engine_over, event, everyone_late, new_store, openings, small_bank, table


def fed(engine: Engine, count: int, split: int = 1) -> int:
    """Opens lines, marks all late on day 5; the feed comes in so many batches. Returns how many were held."""
    policy = engine.policy
    engine.receive(table(policy, openings(count)), "core")
    late = everyone_late(count, 5)
    size = -(-count // split)
    return sum(
        engine.receive(table(policy, late[start : start + size]), "feed").pending for start in range(0, count, size)
    )


def restricted(engine: Engine, count: int) -> list[str]:
    """The accounts with an adverse decision."""
    names = (f"A{i:03}" for i in range(count))
    return [name for name in names if any(d.action in ADVERSE_ACTIONS for d in decisions_of(engine, name))]


@pytest.mark.parametrize("split", [1, 7])
def test_no_more_lines_are_restricted_than_the_brake_allows(tmp_path: Path, split: int) -> None:
    engine = engine_over(new_store(tmp_path))
    assert fed(engine, 60, split) == 54
    assert len(restricted(engine, 60)) == 6  # 10 % of 60
    pending = held_rows_of(engine)
    assert len(pending) == 54
    assert {row.decision.action for row in pending} == {"suspend"}
    assert all(row.decision.reasons for row in pending)
    assert view(engine, pending[0].account).line.status == "active"
    assert verify(engine.store).same


def held_rows_of(engine: Engine) -> list[PendingRecord]:
    """What waits."""
    with engine.store.reading() as connection:
        return pending_rows(connection)


def test_exposure_is_braked_as_lines_are(tmp_path: Path) -> None:
    policy = small_bank(POLICY.replace("lines: 10%", "lines: 100%"))
    engine = engine_over(new_store(tmp_path), policy)
    assert fed(engine, 20) == 16  # 20 % of the exposure of 20 equal lines
    assert len(restricted(engine, 20)) == 4


def test_one_line_is_no_burst(tmp_path: Path) -> None:
    engine = engine_over(new_store(tmp_path))
    assert fed(engine, 3) == 2  # 10 % of 3 is less than one line, yet the first passes
    assert len(restricted(engine, 3)) == 1


def test_the_next_day_has_its_own_allowance(tmp_path: Path) -> None:
    engine = engine_over(new_store(tmp_path))
    fed(engine, 60)
    summary = engine.review(DAY + 10)
    assert summary.pending == 0  # the same lines still wait; nobody new
    assert summary.actions["suspend"] == 0
    assert len(held_rows_of(engine)) == 54
    assert verify(engine.store).same


def test_a_burst_found_by_a_review_is_braked(tmp_path: Path) -> None:
    engine = engine_over(new_store(tmp_path))
    policy = engine.policy
    engine.receive(table(policy, openings(40)), "core")
    dues = [event(f"due {i}", f"A{i:03}", "due", at(2), amount=5_000, due_on=DAY + 3) for i in range(40)]
    engine.receive(table(policy, dues), "core")
    summary = engine.review(DAY + 40)  # all are 30 days past due on one morning
    assert summary.actions["decrease"] == 4
    assert summary.pending == 36
    assert verify(engine.store).same


def test_what_no_longer_holds_is_let_go(tmp_path: Path) -> None:
    engine = engine_over(new_store(tmp_path))
    fed(engine, 60)
    cured = everyone_late(60, 6, 0)
    engine.receive(table(engine.policy, cured), "feed")
    assert held_rows_of(engine) == []
    assert len(restricted(engine, 60)) == 6
    assert verify(engine.store).same


def test_without_asking_there_is_no_brake(tmp_path: Path) -> None:
    engine = engine_over(new_store(tmp_path), brake=False)
    assert fed(engine, 60) == 0
    assert len(restricted(engine, 60)) == 60


def test_held_lines_stay_held_under_an_engine_without_the_brake(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    fed(engine_over(store), 60)
    engine = engine_over(store, brake=False)
    engine.review(DAY + 20)
    assert len(held_rows_of(engine)) == 54
    assert verify(store).same


def test_a_policy_without_a_brake_says_so(tmp_path: Path) -> None:
    policy = small_bank(POLICY.replace("brake: {lines: 10%, exposure: 20%}\n", ""))
    with pytest.raises(Refused, match="has no `brake`; add"):
        engine_over(new_store(tmp_path), policy)
