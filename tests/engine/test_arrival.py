"""What a lender knew, and when: with an `arrived` column, run and replay decide on what was known on each day.

The story, of a line that is suspended from the first day past due:

    2025-03-03  open, 1,000.00
    2025-03-04  due of 50.00 on 2025-03-10
    2025-03-10  paid in the evening; the core posts it on 2025-03-12 at 08:00

By `at` alone nothing ever happens. In truth the line was suspended on the 11th and corrected on the 12th.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

import linekeeper as lk
from linekeeper.cli.main import build
from linekeeper.connect.arrivals import arrivals_by_time
from linekeeper.core.bounds import DAY_MS
from linekeeper.core.event import ARRIVED, Event
from linekeeper.engine.clock import Clock
from linekeeper.engine.engine import Engine
from linekeeper.engine.run import EventPart, replay_table, run_parts
from linekeeper.engine.verify import verify
from linekeeper.journal import tables as t
from linekeeper.journal.store import open_store
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.load import load_file
from tests.engine.conftest import NewStore
from tests.engine.lives import ANY_TIME, borrowers, in_time, policy_of, records, send, table_for
from tests.engine.test_law3 import ruled, told
from tests.oracle.oracle import run as ask_oracle
from tests.oracle.reader import read

POLICY = """
policy: prompt
version: 1
currency: CNY
time_zone: Asia/Shanghai
triggers:
  late: {when: days_past_due >= 1, clear: days_past_due = 0, suspend: yes, hold: 3d, reason: arrears}
restoration: {first: 50%, step: 25%, every: 30d}
"""
STORY = (
    {"id": "1", "account": "A", "kind": "open", "at": "2025-03-03T10:00:00+08:00", "limit": 100_000},
    {"id": "2", "account": "A", "kind": "draw", "at": "2025-03-04T10:00:00+08:00", "amount": 5_000},
    {"id": "3", "account": "A", "kind": "due", "at": "2025-03-04T11:00:00Z", "amount": 5_000, "due_on": "2025-03-10"},
    {"id": "4", "account": "A", "kind": "repay", "at": "2025-03-10T20:00:00+08:00", "amount": 5_000},
    {"id": "5", "account": "A", "kind": "draw", "at": "2025-03-20T10:00:00+08:00", "amount": 100},
)  # fmt: skip
POSTED = {"4": "2025-03-12T08:00:00+08:00"}
APP = build()


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "prompt.yaml"
    path.write_text(POLICY)
    return path


def story(path: Path, posted: dict[str, str]) -> Path:
    rows = [row | ({ARRIVED: posted[str(row["id"])]} if str(row["id"]) in posted else {}) for row in STORY]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return path


def steps(result: lk.ReplayResult) -> list[tuple[str, str]]:
    return [(f"{decision.at:%m-%d}", decision.action) for decision in result.decisions]


def test_a_payment_posted_later_suspends_meanwhile(tmp_path: Path, policy: Path) -> None:
    assert steps(lk.replay(policy, story(tmp_path / "by-at.jsonl", {}))) == []
    known = lk.replay(policy, story(tmp_path / "by-arrival.jsonl", POSTED))
    assert steps(known)[:2] == [("03-11", "suspend"), ("03-12", "correct")]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_run_and_replay_of_a_file_agree_and_verify(tmp_path: Path, policy: Path, suffix: str) -> None:
    rows = story(tmp_path / "story.jsonl", POSTED)
    path = tmp_path / f"events.{suffix}"
    if suffix == "jsonl":
        path = rows
    elif suffix == "parquet":
        CliRunner().invoke(APP, ["import", "jsonl", str(rows), "--policy", str(policy), "-o", str(path)])
    else:
        names = ["id", "account", "kind", "at", "limit", "amount", "due_on", ARRIVED]
        lines = [json.loads(line) for line in rows.read_text().splitlines()]
        path.write_text(
            "\n".join([",".join(names), *(",".join(str(r.get(n, "")) for n in names) for r in lines)]) + "\n"
        )
    store = str(tmp_path / "lines.db")
    run = json.loads(CliRunner().invoke(APP, ["run", str(policy), str(path), "--store", store, "--json"]).stdout)
    assert (run["events"], run["rejected"]) == (5, 0)
    assert run["decisions"]["suspend"] == run["decisions"]["correct"] == 1
    assert run["digest"] == lk.replay(policy, path).digest
    assert verify(open_store(store, made=True)).same


def test_the_store_keeps_when_an_event_arrived(tmp_path: Path, policy: Path) -> None:
    """What the file says, or when it happened where it does not; what comes in by itself arrives now."""
    store = str(tmp_path / "lines.db")
    ask = ["events", "--json", "--store", store]
    CliRunner().invoke(APP, ["run", str(policy), str(story(tmp_path / "story.jsonl", POSTED)), "--store", store])
    listed = json.loads(CliRunner().invoke(APP, ask).stdout)["events"]
    assert {row["id"]: row["arrived_at"] for row in listed} == {row["id"]: row["at"] for row in listed} | POSTED
    now = 1_760_000_000_000
    engine = Engine(open_store(store, made=True), load_file(policy), clock=Clock(lambda: now))
    assert engine.receive([Event("6", "A", "draw", now - 5_000, {"amount": 100})], "main").events == 1
    newest = json.loads(CliRunner().invoke(APP, ask).stdout)["events"][-1]
    assert newest["arrived_at"] == datetime.fromtimestamp(now / 1000, ZoneInfo("Asia/Shanghai")).isoformat()


def test_an_event_cannot_arrive_before_it_happens_nor_ahead_of_the_clock(tmp_path: Path, policy: Path) -> None:
    posted = {"4": "2025-03-08T08:00:00+08:00", "5": "2091-03-12T08:00:00+08:00"}
    reasons = [bad.reason for bad in lk.replay(policy, story(tmp_path / "story.jsonl", posted)).rejected]
    assert reasons[0] == "`at` is 2025-03-10, more than 24 h after it arrived; mend one of the two"
    assert reasons[1].startswith("`arrived` is 2091-03-12, more than 24 h ahead of this machine's clock")


def test_the_same_event_that_arrives_again_is_a_repeat(tmp_path: Path, policy: Path) -> None:
    again = [row | {ARRIVED: "2025-03-25T08:00:00+08:00"} for row in STORY]
    assert (result := lk.replay(policy, [*STORY, *again])).repeats == 5
    assert result.rejected == ()


@pytest.mark.parametrize("seed", [3, 7, 11])
def test_generated_lives_with_delays_as_the_oracle_has_them(new_store: NewStore, seed: int) -> None:
    """A third of the events come up to 20 days late: store, replay and oracle decide the same, and it verifies."""
    rng, policy = Random(seed), policy_of(seed)
    kernel, events = Kernel(policy), in_time(borrowers(policy, 1, reversals=2))
    delays = [rng.randrange(20 * DAY_MS) if rng.random() < 0.3 else 0 for _ in events]
    known = {event.id: event.at + delay for event, delay in zip(events, delays, strict=True)}
    table = table_for(policy, events)
    arrived = pa.array([known[name] for name in table["id"].to_pylist()], pa.int64())
    table = table.drop_columns([ARRIVED]) if ARRIVED in table.column_names else table
    arrivals = arrivals_by_time(table.append_column(ARRIVED, arrived), kernel.calendar, ANY_TIME)
    engine = Engine(new_store(), policy, clock=ANY_TIME)
    ran = run_parts(engine, [EventPart(table, arrivals).by_arrival()], table.num_rows, "file", arrivals.last_review)
    again = replay_table(kernel, table, clock=ANY_TIME, arrivals=arrivals)
    assert (again.digest, again.decisions, again.events) == (ran.digest, ran.decisions, ran.events)
    assert verify(engine.store).first_difference is None

    order = sorted(events, key=lambda event: (known[event.id], event.at, event.id))
    reviews: dict[int, int] = {}
    for place, event in enumerate(order):
        day = kernel.calendar.day(known[event.id])
        if day > max(reviews.values(), default=-1):
            reviews[place] = day
    expected = ask_oracle(read(policy.source), order, arrivals.last_review, reviews)
    assert told(policy, engine.store) == [ruled(ruling) for ruling in expected.rulings]
    assert records(engine.store)


def test_a_snapshot_knows_nothing_that_arrives_later(tmp_path: Path, policy: Path) -> None:
    days = ["2025-03-11", "2025-03-12", "2025-03-13"]
    late = {
        snapshot.day.day: snapshot.values["days_past_due"] for snapshot in _snapshots(tmp_path, policy, POSTED, days)
    }
    assert late == {11: 1, 12: 2, 13: 0}
    assert {snapshot.values["days_past_due"] for snapshot in _snapshots(tmp_path, policy, {}, days)} == {0}


def _snapshots(tmp_path: Path, policy: Path, posted: dict[str, str], days: list[str]) -> lk.Snapshots:
    return lk.snapshots(policy, story(tmp_path / "story.jsonl", posted), days)


def test_an_account_that_opens_behind_a_review_is_reviewed_at_once(new_store: NewStore) -> None:
    """What the review would have evaluated is due when the account arrives; nothing of the review is left to finish."""
    policy = policy_of(3)
    lives = borrowers(policy, 3)
    engine = Engine(new_store(), policy, clock=ANY_TIME)
    day = engine.kernel.calendar.day(max(event.at for life in lives for event in life)) + 100
    send(engine, lives[0])
    engine.review(day)
    for life in lives[1:]:
        for event in life:
            send(engine, [event])
            assert verify(engine.store).first_difference is None
    with engine.store.reading() as connection:
        due = connection.execute(select(func.min(t.accounts.c.next_review))).scalar_one()
    assert due > day
