"""A live book comes in through the store: nothing is decided by it, and it is verified as all else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

import linekeeper as lk
from linekeeper.connect.cut_over import contradiction
from linekeeper.connect.validation import Validator
from linekeeper.core.event import Event
from linekeeper.engine.account import decisions_of, view
from linekeeper.engine.derive import rebuild_states
from linekeeper.engine.engine import Engine
from linekeeper.engine.outbox import Law
from linekeeper.engine.run import replay_table, run_table
from linekeeper.engine.verify import verify
from linekeeper.engine.versions import adopt
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import erase_borrower, new_keeper
from linekeeper.journal.store import Store, open_store
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from tests.engine.conftest import NewStore
from tests.engine.lives import ANY_TIME, contents, send, table_for
from tests.engine.test_law3 import agree, fits_a_table, visits_of
from tests.oracle.held import read_alike
from tests.oracle.strategies import cases
from tests.oracle.wider import write_wider

DAY = 86_400_000
CUT_OVER = 100
POLICY = """policy: card
version: 1
currency: CNY
time_zone: UTC
triggers:
  arrears: {when: days_past_due >= 30, clear: past_due = 0 CNY, hold: 20d, cap: 50%, reason: arrears}
  drawing: {when: "count(draw, 7d) >= 3", hold: 10d, cap: 80%, reason: rapid_borrowing}
  fraud: {when: "false", suspend: yes, hold: 5d, reason: other}
  gone: {when: "false", close: yes, terminal: yes, reason: other}
restoration: {first: 60%, step: 20%, every: 30d}
brake: {lines: 1%, exposure: 1%}
"""


def event(account: str, kind: str, day: int, **fields: int | str) -> Event:
    """Something at noon."""
    return Event(f"{account}-{kind}-{day}", account, kind, day * DAY + DAY // 2, fields)


def opening(account: str, **fields: int | str) -> Event:
    """A good line of 1,000 that is taken over, but for what the fields say."""
    good: dict[str, int | str] = {"granted": 100_000, "limit": 100_000, "balance": 50_000, "status": "active"}
    return event(account, "opening", CUT_OVER, **(good | fields))


def book() -> list[Event]:
    """Lines as the former system left them, and some history."""
    late = {"past_due": 10_000, "days_past_due": 40}
    held = {"status": "reduced", "trigger": "arrears", "since": CUT_OVER - 10, "notified_on": CUT_OVER - 9}
    return [
        opening("good", history_from=CUT_OVER - 30),
        opening("late", **late),
        opening("held", limit=30_000, why="arrears of spring", **late, **held),
        opening("shut", limit=0, balance=0, status="closed", trigger="gone"),
        opening("back", limit=40_000, status="restoring"),
        *(event("good", "draw", CUT_OVER - day, amount=1_000) for day in (3, 2, 1)),
    ]


def decided(store: Store) -> int:
    """How many decisions there are."""
    with store.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(t.decisions)).scalar_one())


def test_a_book_comes_in_and_nothing_is_decided(new_store: NewStore) -> None:
    """With the brake on and under a law: no decision, nobody to notify, nobody pending. Then true events decide."""
    store = new_store()
    policy = load_text(POLICY)
    engine = Engine(store, policy, brake=True, law=Law("CN", "internet_consumer_loan"), clock=ANY_TIME)
    assert send(engine, book()).events == 8
    engine.review(CUT_OVER + 1)
    with store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(t.notices)).scalar_one() == 0
        assert connection.execute(select(func.count()).select_from(t.pending_restrictions)).scalar_one() == 0
    assert decided(store) == 0
    lines = {name: view(engine, name).line for name in ("good", "late", "held", "shut", "back")}
    assert [(line.limit, line.status) for line in lines.values()] == [
        (100_000, "active"),
        (100_000, "active"),
        (30_000, "reduced"),
        (0, "closed"),
        (40_000, "restoring"),
    ]
    assert verify(store).same
    before = contents(store)
    rebuild_states(store)
    assert contents(store) == before
    send(engine, [event("held", "repay", CUT_OVER + 2, amount=10_000)])
    engine.review(CUT_OVER + 40)
    assert [(one.action, one.after.limit) for one in decisions_of(engine, "held")] == [("restore", 60_000)]
    assert [(one.action, one.after.limit) for one in decisions_of(engine, "back")] == [("restore", 60_000)]
    assert decided(store) == 2
    assert verify(store).same


def test_one_opening_says_what_show_says(new_store: NewStore) -> None:
    engine = Engine(new_store(), load_text(POLICY), clock=ANY_TIME)
    send(engine, book())
    seen = view(engine, "held")
    assert seen.cut_over is not None
    assert (seen.cut_over.triggers, seen.cut_over.in_force) == (("arrears",), ("arrears",))
    assert (seen.cut_over.since_day, seen.cut_over.notified_day) == (CUT_OVER - 10, CUT_OVER - 9)
    assert (seen.opening.limit, seen.opening.status, seen.cut_over.why) == (30_000, "reduced", "arrears of spring")
    other = view(engine, "good")
    assert other.cut_over is not None
    assert (other.cut_over.days_observed, other.cut_over.triggers) == (30, ())


def test_an_account_is_opened_once(new_store: NewStore) -> None:
    """Twice, after an `open`, and an `open` after it: each is refused, with the reason, and changes nothing."""
    engine = Engine(new_store(), load_text(POLICY), clock=ANY_TIME)
    send(engine, [opening("a"), event("b", "open", CUT_OVER - 5, limit=500)])
    again = replace(opening("a"), id="again", at=(CUT_OVER + 1) * DAY)
    summary = send(engine, [again, event("a", "open", CUT_OVER + 1, limit=500), opening("b")])
    assert summary.events == 0
    assert {one.reason for one in summary.rejected} == {"the account is already open"}
    assert len(summary.rejected) == 3
    early = send(engine, [event("a", "draw", CUT_OVER - 1, amount=5)])
    assert [one.reason for one in early.rejected] == ["the account is not open yet"]
    assert verify(engine.store).same


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"limit": 100_001}, "`limit` is above `granted`"),
        ({"past_due": 60_000, "days_past_due": 3}, "`past_due` is above `balance`"),
        ({"past_due": 10_000}, "`past_due` is above 0 and `days_past_due` is not"),
        ({"past_due": 0, "days_past_due": 5}, "`days_past_due` is above 0 and `past_due` is 0"),
        ({"days_past_due": 101}, "`days_past_due` reaches back to before 1970"),
        ({"history_from": CUT_OVER + 1}, "`history_from` lies after the day of the opening, 1970-04-11"),
        ({"opened_on": 90, "history_from": 80}, "`history_from` lies before `opened_on`"),
        ({"limit": 500, "status": "reduced"}, "`status` is `reduced`, and no `trigger` says what holds the line"),
        ({"limit": 500, "status": "suspended", "trigger": "arrears"}, "`status` is `suspended`, and by `trigger` the"),
        ({"trigger": "arrears"}, "`status` is `active`, and `arrears` would restrict the line"),
        ({"since": 90}, "`since` is given, and no `trigger`"),
        ({"limit": 500, "status": "reduced", "second_trigger": "arrears"}, "`second_trigger` is given and `trigger`"),
        ({"limit": 500, "status": "reduced", "trigger": "arrears", "second_trigger": "arrears"}, "a trigger is named"),
        ({"limit": 500}, "`status` is `active`, and `limit` is below `granted`"),
        ({"status": "restoring"}, "`status` is `restoring`, and `limit` is all that was granted"),
        ({"status": "closed", "trigger": "gone"}, "`status` is `closed`, and `limit` is above 0"),
        ({"status": "frozen"}, "`status` is 'frozen'"),
        ({"limit": 500, "status": "reduced", "trigger": "nobody"}, "`trigger` is 'nobody'"),
    ],
)
def test_an_opening_that_contradicts_itself_is_rejected(fields: dict[str, int | str], reason: str) -> None:
    validator = Validator(load_text(POLICY), major=False, clock=ANY_TIME)
    stated = opening("a", **fields)
    row = {"id": stated.id, "account": "a", "kind": "opening", "at": stated.at, **stated.fields}
    answer = validator.admit_one(row)
    assert isinstance(answer, str)
    assert answer.startswith(reason)
    table, _, rejected = validator.admit_many(table_for(load_text(POLICY), [stated]))
    assert (table.num_rows, [one.reason for one in rejected]) == (0, [answer])


def test_a_file_with_everything_in_it(tmp_path: Path) -> None:
    """Openings come first, whatever the order of the rows: a run, a replay, and Python agree."""
    policy = load_text(POLICY)
    later = [event("late", "draw", CUT_OVER + 1, amount=5), event("held", "repay", CUT_OVER + 2, amount=10_000)]
    table = table_for(policy, sorted([*book(), *later], key=lambda one: one.at))
    with closing(open_store(str(tmp_path / "x.db"))) as store:
        engine = Engine(store, policy, clock=ANY_TIME)
        ran = run_table(engine, table, "main", CUT_OVER + 90)
        assert ran.events == 10
        assert [one.action for one in decisions_of(engine, "late")] == ["decrease"]
        assert verify(store).same
    replayed = replay_table(Kernel(policy), table, CUT_OVER + 90, clock=ANY_TIME)
    assert (replayed.digest, replayed.accounts) == (ran.digest, 5)


def test_history_that_arrived_with_the_cut_over(tmp_path: Path) -> None:
    """A column `arrived` says that the past events came with the book."""
    rows = [
        {"id": one.id, "account": one.account, "kind": one.kind, "at": one.at, **one.fields} for one in sorted_book()
    ]
    for row in rows:
        row["arrived"] = CUT_OVER * DAY + DAY // 2
    (tmp_path / "policy.yaml").write_text(POLICY, "utf-8")
    result = lk.replay(tmp_path / "policy.yaml", rows, until="1970-06-01", simulate=True)
    assert (result.events, len(result.rejected)) == (8, 0)
    assert {one.account for one in result.decisions} == {"back"}
    first = {timeline.account: timeline.points[0].status for timeline in result.timelines}
    assert (first["held"], first["good"]) == ("reduced", "active")


def sorted_book() -> Sequence[Event]:
    """The book with its history before it, as an export by time has it."""
    return sorted(book(), key=lambda one: one.at)


def test_a_borrower_who_was_taken_over_is_erased(new_store: NewStore, tmp_path: Path) -> None:
    keeper = new_keeper(tmp_path / "keys", tmp_path / "log", "log.example")
    engine = Engine(new_store(), load_text(POLICY), keeper, clock=ANY_TIME)
    send(engine, book())
    engine.review(CUT_OVER + 1)
    erase_borrower(engine.store, keeper, "held", (CUT_OVER + 2) * DAY)
    assert not engine.is_known("held")
    with engine.store.reading() as connection:
        bodies = [bytes(body) for body in connection.execute(select(t.events.c.body)).scalars()]
    assert not any(b"spring" in body for body in bodies)
    assert send(engine, [opening("held")]).rejected[0].code == "account-erased"
    assert verify(engine.store).same


def test_a_line_that_was_taken_over_migrates_as_it_stands(new_store: NewStore) -> None:
    """Under a version that caps arrears harder, what the opening stated stands; the latch is the same."""
    store = new_store()
    engine = Engine(store, load_text(POLICY), clock=ANY_TIME)
    send(engine, book())
    harder = load_text(POLICY.replace("version: 1", "version: 2").replace("cap: 50%", "cap: 10%"))
    adopt(store, harder)
    engine = Engine(store, harder, clock=ANY_TIME)
    engine.review(CUT_OVER + 1)
    assert engine.engine_of("held").policy.version == 2
    send(engine, [event("held", "draw", CUT_OVER + 2, amount=5), event("late", "draw", CUT_OVER + 2, amount=5)])
    assert [decisions_of(engine, name) for name in ("held",)] == [[]]
    assert [one.after.limit for one in decisions_of(engine, "late")] == [10_000]
    assert verify(store).same


@settings(max_examples=settings().max_examples // 2)
@given(cases(late=True, reversals=2, takes_over=True), st.integers(0, 1_000))
def test_books_with_late_history_as_the_oracle_has_them(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[Policy, list[Event]], seed: int
) -> None:
    """Openings, history, late events and reversals in batches, reviews in between; what is stated is consistent."""
    policy, events = case
    assume(fits_a_table(policy))
    day = Kernel(policy).calendar.day
    stated = [one for one in events if one.kind == "opening"]
    assert [contradiction(policy, day(one.at), one.fields) for one in stated] == [None] * len(stated)
    with closing(open_store(str(tmp_path_factory.mktemp("book") / "x.db"))) as store:
        agree(policy, store, list(visits_of(policy, events, Random(seed))))


def test_a_correction_may_release_a_trigger_that_an_opening_stated(tmp_path: Path) -> None:
    """No decision of ours set it, so the correction names none; the search above found that it ended in an error."""
    policy = read_alike(write_wider(Random(970)))
    rows = json.loads((Path(__file__).with_name("corrected_opening.json")).read_text("utf-8"))
    with closing(open_store(str(tmp_path / "x.db"))) as store:
        agree(policy, store, list(visits_of(policy, [Event(**row) for row in rows], Random(0))))
