"""A feed that marks everyone 90 days late restricts no more than the brake allows, and holds the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from linekeeper.core.decision import ADVERSE_ACTIONS
from linekeeper.core.errors import Refused
from linekeeper.core.event import Event
from linekeeper.engine.account import decisions_of, view
from linekeeper.engine.engine import Engine
from linekeeper.engine.pending_restrictions import PendingRecord, pending_rows
from linekeeper.engine.run import run_table
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


def feed_of_days(days: list[int], day: int = 5) -> list[Event]:
    """A feed that says of each account how many days late it is."""
    return [event(f"late {day} {i:03}", f"A{i:03}", "delinquency", at(day), days=late) for i, late in enumerate(days)]


def test_the_worst_lines_pass_first(tmp_path: Path) -> None:
    """Twenty lines, of which two may pass: the latest, and of two that are equally late the larger."""
    engine = engine_over(new_store(tmp_path))
    opened = openings(18) + [event(f"open {i}", f"A{i:03}", "open", at(0), limit=150_000) for i in (18, 19)]
    engine.receive(table(engine.policy, opened), "core")
    late = [30] * 7 + [95] + [40] * 10 + [60, 40]
    assert engine.receive(table(engine.policy, feed_of_days(late)), "feed").pending == 18
    assert restricted(engine, 20) == ["A007", "A018"]
    assert verify(engine.store).same


@pytest.mark.parametrize("larger", [3, 11])
def test_of_lines_that_are_equally_late_the_larger_pass_first_and_then_by_name(tmp_path: Path, larger: int) -> None:
    engine = engine_over(new_store(tmp_path))
    limits = [100_001 if i == larger else 100_000 for i in range(20)]
    opened = [event(f"open {i}", f"A{i:03}", "open", at(0), limit=limit) for i, limit in enumerate(limits)]
    engine.receive(table(engine.policy, opened), "core")
    engine.receive(table(engine.policy, feed_of_days([40] * 20)), "feed")
    assert restricted(engine, 20) == sorted({"A000", f"A{larger:03}"})


def test_each_day_of_a_batch_has_its_own_worst(tmp_path: Path) -> None:
    """A batch of two days: what is worst on the second day must not wait for what is worst on the first."""
    engine = engine_over(new_store(tmp_path))
    engine.receive(table(engine.policy, openings(10)), "core")
    first = [event(f"a{i}", f"A{i:03}", "delinquency", at(5), days=30 + i) for i in range(5)]
    second = [event(f"b{i}", f"A{i:03}", "delinquency", at(6), days=90 + i) for i in range(5, 10)]
    assert engine.receive(table(engine.policy, first + second), "feed").pending == 8
    assert restricted(engine, 10) == ["A004", "A009"]
    assert verify(engine.store).same


@pytest.mark.parametrize("page", [5_000, 7])
def test_a_review_lets_the_worst_pass_first_however_it_is_paged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """All are restricted on one morning; the later the name, the older the bill."""
    monkeypatch.setattr("linekeeper.engine.engine.REVIEW_BATCH", page)
    policy = small_bank(POLICY.replace("when: days_past_due >= 30", "when: days_past_due >= 1 and months_on_book >= 2"))
    engine = engine_over(new_store(tmp_path), policy)
    engine.receive(table(policy, openings(30)), "core")
    dues = [event(f"due {i}", f"A{i:03}", "due", at(2), amount=5_000, due_on=DAY + 56 - i) for i in range(30)]
    engine.receive(table(policy, dues), "core")
    assert engine.review(DAY + 57).pending == 0
    assert engine.review(DAY + 58).pending == 27
    assert restricted(engine, 30) == ["A027", "A028", "A029"]
    assert verify(engine.store).same


def test_what_lapses_before_the_end_is_not_said_to_wait(tmp_path: Path) -> None:
    engine = engine_over(new_store(tmp_path))
    engine.receive(table(engine.policy, openings(60)), "core")
    both = [*everyone_late(60, 5), *everyone_late(60, 6, 0)]
    assert engine.receive(table(engine.policy, both), "feed").pending == 0
    assert held_rows_of(engine) == []


def test_what_lapses_in_a_later_batch_is_not_said_to_wait_at_the_end_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linekeeper.engine.run.BATCH_EVENTS", 60)
    engine = engine_over(new_store(tmp_path))
    cured = everyone_late(40, 6, 0)
    ran = run_table(engine, table(engine.policy, [*openings(60), *everyone_late(60, 5), *cured]), "feed", DAY + 6)
    assert ran.pending == len(held_rows_of(engine)) == 20


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
