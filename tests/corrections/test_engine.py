"""Late facts, reversals and corrections through the engine: records, refusals, journal, bulk replay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from linekeeper.connect.event_table import schema_of, table_of
from linekeeper.core.decision import Decision
from linekeeper.core.errors import LinekeeperError
from linekeeper.core.event import Event
from linekeeper.engine.account import decisions_of
from linekeeper.engine.derive import rebuild_states
from linekeeper.engine.engine import Engine
from linekeeper.engine.run import replay_table, run_table
from linekeeper.engine.summaries import BatchSummary
from linekeeper.engine.verify import verify
from linekeeper.journal.store import Store, open_store
from linekeeper.policy.load import load_text
from tests.corrections.lives import lender, lives
from tests.engine.lives import ANY_TIME
from tests.oracle import story
from tests.oracle.clock import DAY_MS
from tests.oracle.generate import for_program
from tests.oracle.reader import read
from tests.oracle.story import day, policy_file

POLICY = load_text(
    policy_file(
        """triggers:
  overdue: {when: past_due > 0 CNY, cap: 80%, hold: 20d, reason: arrears}
  arrears: {when: days_past_due >= 3, cap: 50%, hold: 20d, reason: arrears}
restoration: {first: 60%, step: 20%, every: 10d}
"""
    )
)
OWN = read(POLICY.source)
LATE = """
    2024-01-01 09:00  open limit=1000
    2024-01-01 09:00  due amount=10 due_on=2024-02-10
    2024-02-15 09:00  override cap=90% until=2024-12-31
    2024-02-09 09:00  repay amount=10
"""
UNTIL = day("2024-03-01")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    store = open_store(str(tmp_path / "store.db"))
    yield Engine(store, POLICY)
    store.close()


def late_events() -> list[Event]:
    return for_program(story.ledger(OWN, LATE))


def send(engine: Engine, *events: Event, source: str = "core") -> BatchSummary:
    return engine.receive(table_of(events, schema_of(engine.policy)), source)


def reversal(name: str, of: str, text: str = "2024-02-20") -> Event:
    return Event(name, "A", "reversal", story.moment(OWN, text, "09:00"), {"of": of})


def told(engine: Engine) -> list[Decision]:
    return decisions_of(engine, "A")


def test_a_correction_names_what_it_corrects_and_has_no_reasons(engine: Engine) -> None:
    """Decisions 1 and 2 set the two latches, 3 corrects both; each event is in a batch of its own. The cap that a
    person imposed holds, and is no reason of a correction."""
    for event in late_events():
        send(engine, event)
    first, second, correction = told(engine)
    assert [first.triggers_set, second.triggers_set] == [("overdue",), ("arrears",)]
    assert (correction.action, correction.number, correction.event) == ("correct", 3, "e4")
    assert correction.triggers_released == ("overdue", "arrears")
    assert correction.corrects == (1, 2)
    assert (correction.reasons, correction.imposed_bp, correction.offer) == ((), 9_000, None)
    assert (correction.before.limit, correction.after.limit) == (50_000, 90_000)
    assert correction.at == story.moment(OWN, "2024-02-15", "09:00")
    assert correction.values["past_due"] == 0
    assert first.corrects == second.corrects == ()


def test_corrections_within_one_batch_are_the_same_as_in_many(engine: Engine, tmp_path: Path) -> None:
    events = late_events()
    for event in events:
        send(engine, event)
    other = open_store(str(tmp_path / "other.db"))
    send(pair := Engine(other, POLICY), *events[:3])
    send(pair, *events[3:])
    assert told(pair) == told(engine)
    other.close()


REFUSALS = {
    "unknown": "names no earlier event",
    "e1": "cannot be reversed",
    "e3": "cannot be reversed",
    "r1": "cannot be reversed",
    "e2": "was reversed before",
}


@pytest.mark.parametrize(("of", "reason"), REFUSALS.items())
def test_a_reversal_that_is_refused_changes_nothing(engine: Engine, of: str, reason: str) -> None:
    send(engine, *late_events())
    send(engine, reversal("r1", "e2"))
    before = told(engine)
    summary = send(engine, reversal("r2", of, "2024-06-20"))
    assert (summary.events, len(summary.rejected)) == (0, 1)
    assert reason in summary.rejected[0].reason
    assert told(engine) == before
    assert verify(engine.store).same


def test_a_reversal_reaches_only_events_of_its_own_account_and_source(engine: Engine) -> None:
    send(engine, *late_events())
    send(engine, Event("o", "B", "open", 0, {"limit": 5}), Event("b", "B", "draw", 1, {"amount": 5}))
    assert "names no earlier event" in send(engine, reversal("r1", "b")).rejected[0].reason
    assert send(engine, reversal("r2", "e2"), source="branch").rejected[0].reason == (
        "`of` names an event of the source `core`, and this comes from `branch`; send it under `core`"
    )
    assert send(engine, reversal("r3", "e2")).rejected == []


def test_a_reversal_without_a_name_is_refused(engine: Engine) -> None:
    send(engine, *late_events())
    nameless = Event("r1", "A", "reversal", story.moment(OWN, "2024-02-20", "09:00"), {})
    assert "names no earlier event" in send(engine, nameless).rejected[0].reason


def test_a_reversal_that_came_too_early_is_taken_when_it_is_sent_again(engine: Engine) -> None:
    open_, due, *_ = late_events()
    early = reversal("r1", due.id, "2024-02-01")
    assert len(send(engine, open_, early).rejected) == 1
    assert send(engine, due).rejected == []
    assert send(engine, early).rejected == []
    engine.review(UNTIL)
    assert [decision.action for decision in told(engine)] == []


def test_a_refused_opening_does_not_move_the_clock(engine: Engine) -> None:
    """A second `open`, dated in March, is rejected; the repayment of 9 February is in time all the same."""
    open_, due, _, repay = late_events()
    again = Event("again", "A", "open", story.moment(OWN, "2024-03-01", "09:00"), {"limit": 1})
    assert len(send(engine, open_, due, again).rejected) == 1
    send(engine, repay)
    engine.review(UNTIL)
    assert told(engine) == []
    assert verify(engine.store).same


def test_duplicates_change_nothing(engine: Engine) -> None:
    events = [*late_events(), reversal("r1", "e4")]
    for event in events:
        send(engine, event)
    engine.review(UNTIL)
    before = told(engine)
    assert sum(send(engine, event).same for event in events) == len(events)
    engine.review(UNTIL)
    assert told(engine) == before
    assert verify(engine.store).same


def test_an_event_dated_before_the_day_that_was_reviewed_is_late(engine: Engine) -> None:
    """Nothing else has happened since; but the morning of the 11th has been looked at, and it restricted."""
    open_, due, _, repay = late_events()
    send(engine, open_, due)
    engine.review(day("2024-02-11"))
    send(engine, repay)
    assert [decision.action for decision in told(engine)] == ["decrease", "correct"]
    assert verify(engine.store).same


def test_states_rebuilt_from_the_journal_are_the_stored_ones(engine: Engine) -> None:
    for event in [*late_events(), reversal("r1", "e4")]:
        send(engine, event)
    engine.review(UNTIL)
    rebuild_states(engine.store)
    assert verify(engine.store).same


def test_a_correction_that_was_changed_in_the_store_is_noticed(engine: Engine) -> None:
    for event in late_events():
        send(engine, event)
    alter(engine.store)
    verdict = verify(engine.store)
    assert verdict.first_difference is not None
    assert "decision 3 of `A`" in verdict.first_difference


def alter(store: Store) -> None:
    """As if the correction had corrected only the first decision."""
    with store.writing() as connection:
        found = connection.exec_driver_sql("SELECT record FROM decisions WHERE number = 3").scalar_one()
        changed = bytes(found).replace(b'"corrects":[1,2]', b'"corrects":[1]')
        assert changed != bytes(found)
        connection.exec_driver_sql("UPDATE decisions SET record = ? WHERE number = 3", (changed,))


@pytest.mark.parametrize("seed", range(4))
def test_a_file_with_reversals_is_replayed_as_it_is_run(tmp_path: Path, seed: int) -> None:
    """In order of time, each event once: one by one with a journal, and in bulk without one, end in one digest."""
    policy = load_text(lender(Random(seed)))
    told_once = {one.event.id: one.event for life in lives(policy, seed, 6) for one in life}
    events = sorted(told_once.values(), key=lambda event: event.at)
    assert any(event.kind == "reversal" for event in events)
    table = table_of(events, schema_of(policy))
    until = max(event.at for event in events) // DAY_MS + 30
    store = open_store(str(tmp_path / "run.db"))
    ran = run_table(running := Engine(store, policy, clock=ANY_TIME), table, "file", until)
    replayed = replay_table(running.kernel, table, until, clock=ANY_TIME)
    assert verify(store).same
    store.close()
    assert (replayed.digest, replayed.decisions) == (ran.digest, ran.decisions)
    assert {one.place for one in replayed.rejected} == {one.place for one in ran.rejected}


def test_the_kind_is_built_in() -> None:
    assert POLICY.kind("reversal").text == ("of",)
    text = policy_file("events: {reversal: {}}\ntriggers:\n  t: {when: balance > 1 CNY, suspend: yes, reason: r}\n")
    with pytest.raises(LinekeeperError, match="`reversal` is built in"):
        load_text(text)
