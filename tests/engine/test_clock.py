"""One mistyped date moves nobody's line but, at most, its own account's: events and reviews do not pass the clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from typer.testing import CliRunner

import linekeeper as lk
from linekeeper.cli.main import build
from linekeeper.connect.validation import Validator
from linekeeper.core.bounds import AT_END_MS, DAY_MS
from linekeeper.core.errors import EventRejected, FileError, LinekeeperError, UsageError
from linekeeper.core.event import Event
from linekeeper.engine.clock import FIRST_EVENT_MS, Clock
from linekeeper.engine.engine import Engine
from linekeeper.engine.rulings import Ruling, rule
from linekeeper.engine.run import run_table
from linekeeper.engine.verify import verify
from linekeeper.journal import tables as t
from linekeeper.kernel.calendar import calendar
from linekeeper.lab.population import population
from linekeeper.policy.load import load_file
from tests.engine.conftest import NewStore
from tests.engine.lives import contents

POLICY = load_file(Path("docs/examples/cash-line.yaml"))
NOW = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000)
CLOCK = Clock(lambda: NOW)
TODAY = calendar(POLICY.time_zone).day(NOW)


def event(name: str, account: str, at: int, kind: str = "draw", **fields: int) -> Event:
    return Event(name, account, kind, at, fields)


def book(accounts: int = 6) -> pa.Table:
    """A small population of the demo's policy, all in the past."""
    return population(accounts=accounts, days=200, seed=5).events


# ------------------------------------------------------------------ the clock itself


@given(st.integers(0, AT_END_MS - 1))
def test_one_event_and_many_are_refused_alike(at: int) -> None:
    assert CLOCK.untimely([at], [at]) == ([0] if CLOCK.refusal(at) else [])
    assert not Clock(simulated=True).refusal(at)


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (NOW + DAY_MS, None),
        (NOW + DAY_MS + 1, "`at` is 2026-03-02, more than 24 h ahead of this machine's clock"),
        (FIRST_EVENT_MS, None),
        (
            FIRST_EVENT_MS - 1,
            "`at` is 1979-12-31, before 1980; where seconds are meant, the mapping says `dates: seconds`",
        ),
    ],
)
def test_what_is_refused(at: int, reason: str | None) -> None:
    assert str(CLOCK.refusal(at)).startswith(str(reason))


def test_a_tolerance_of_its_own() -> None:
    assert Clock(lambda: NOW, tolerance_ms=0).untimely([NOW, NOW + 1], [NOW, NOW]) == [1]


@given(st.integers(FIRST_EVENT_MS, NOW), st.integers(0, AT_END_MS - 1))
def test_one_arrival_and_many_are_refused_alike(at: int, arrived: int) -> None:
    assert CLOCK.untimely([at], [arrived]) == ([0] if CLOCK.refusal_of_arrival(at, arrived) else [])


def test_one_row_and_many_rows_meet_the_same_clock() -> None:
    door = Validator(POLICY, clock=CLOCK)
    instants = [NOW, NOW + 2 * DAY_MS, 1_700_000_000, NOW - DAY_MS]
    rows = [{"id": str(at), "account": "A", "kind": "draw", "at": at, "amount": 5} for at in instants]
    admitted, lines, aside = door.admit_many(pa.Table.from_pylist(rows))
    assert admitted["at"].to_pylist() == [NOW, NOW - DAY_MS]
    assert lines.tolist() == [1, 4]
    assert [(bad.place, bad.reason) for bad in aside] == [(f"row {n}", door.admit_one(rows[n - 1])) for n in (2, 3)]


# ------------------------------------------------------------------ the engine


@pytest.mark.parametrize("year", [2027, 2052, 2099])
def test_one_row_of_another_year_moves_no_other_line(new_store: NewStore, year: int) -> None:
    """The book reviews up to its own last day; without the guard, every account was reviewed up to that year."""
    policy, table = load_file(Path("policies/consumer-loan.yaml")), book()
    clean, hit = Engine(new_store(), policy), Engine(new_store(), policy, clock=CLOCK)
    at = int(datetime(year, 5, 20, tzinfo=UTC).timestamp() * 1000)
    name = table["account"][0].as_py()
    row = {"id": "mistyped", "account": name, "kind": "draw", "at": at, "amount": 100}
    mistyped = pa.concat_tables([table, pa.Table.from_pylist([row], schema=table.schema)])
    before, after = run_table(clean, table, "file"), run_table(hit, mistyped, "file")
    assert [bad.place for bad in after.rejected] == ["event mistyped"]
    assert (after.digest, after.decisions) == (before.digest, before.decisions)
    kept, ran = contents(hit.store), contents(clean.store)
    assert {key: value for key, value in kept.items() if key != "rejected"} == {
        key: value for key, value in ran.items() if key != "rejected"
    }
    with hit.store.reading() as connection:
        assert connection.execute(select(t.rejected_events.c.id)).scalars().all() == ["mistyped"]
    assert verify(hit.store).same


def test_a_mended_event_comes_in_under_its_id(new_store: NewStore) -> None:
    engine = Engine(new_store(), POLICY, clock=CLOCK)
    engine.receive([event("1", "A", NOW - 9 * DAY_MS, "open", limit=100_000)], "core")
    wrong = engine.receive([event("2", "A", NOW + 900 * DAY_MS, amount=500)], "core")
    assert (wrong.events, len(wrong.rejected)) == (0, 1)
    mended = engine.receive([event("2", "A", NOW - DAY_MS, amount=500)], "core")
    assert (mended.events, mended.rejected) == (1, [])


def test_a_review_does_not_pass_the_clock(new_store: NewStore) -> None:
    engine = Engine(new_store(), POLICY, clock=CLOCK)
    engine.receive([event("1", "A", NOW - 9 * DAY_MS, "open", limit=100_000)], "core")
    before = contents(engine.store)
    with pytest.raises(UsageError, match="has not begun; by this machine's clock it is 2026-03-01") as refused:
        engine.review(TODAY + 1)
    assert refused.value.code == "day-not-begun"
    assert contents(engine.store) == before
    engine.review(TODAY)
    assert Engine(engine.store, POLICY, clock=Clock(simulated=True)).review(TODAY + 4_000) is not None


@pytest.mark.parametrize("day", [-1, 60_001, 10**6])
def test_a_review_stays_within_the_calendar(new_store: NewStore, day: int) -> None:
    engine = Engine(new_store(), POLICY, clock=Clock(simulated=True))
    with pytest.raises(UsageError) as refused:
        engine.review(day)
    assert refused.value.code == "day-out-of-calendar"


def test_a_run_that_names_a_day_to_come_does_nothing(new_store: NewStore) -> None:
    engine = Engine(new_store(), load_file(Path("policies/consumer-loan.yaml")), clock=CLOCK)
    before = contents(engine.store)
    with pytest.raises(UsageError, match="has not begun"):
        run_table(engine, book(), "file", TODAY + 1)
    assert contents(engine.store) == before


def test_a_ruling_is_not_made_in_the_future(new_store: NewStore) -> None:
    engine = Engine(new_store(), POLICY, clock=CLOCK)
    engine.receive([event("1", "A", NOW - 9 * DAY_MS, "open", limit=100_000)], "core")
    at = NOW + 3 * DAY_MS
    with pytest.raises(EventRejected, match="ahead of this machine's clock"):
        rule(engine, [Ruling("A", at, TODAY + 30, "Li", "audit", cap_bp=5_000)])


# ------------------------------------------------------------------ commands and Python

APP = build()
ROWS = (
    '{"id":"1","account":"A","kind":"open","at":"2025-03-03T10:00:00+08:00","limit":100000}\n'
    '{"id":"2","account":"A","kind":"draw","at":"2025-03-09T10:00:00+08:00","amount":5000}\n'
    '{"id":"3","account":"A","kind":"draw","at":"2052-03-09T10:00:00+08:00","amount":5000}\n'
    '{"id":"4","account":"A","kind":"draw","at":1700000000,"amount":5000}\n'
)


def ran(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(APP, [*words, "--json"])
    if isinstance(result.exception, LinekeeperError):
        raise result.exception
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_text(ROWS)
    return path


def test_run_and_replay_reject_the_same_rows(tmp_path: Path, events: Path) -> None:
    policy, listed = "docs/examples/cash-line.yaml", tmp_path / "rejected.jsonl"
    run = ran("run", policy, str(events), "--store", str(tmp_path / "a.db"), "--rejected", str(listed))
    replayed = ran("replay", policy, str(events))
    assert (run["rejected"], run["events"], run["digest"]) == (2, 2, replayed["digest"])
    places = [json.loads(line)["place"] for line in listed.read_text().splitlines()]
    assert places == ["line 3", "line 4"]
    simulated = ran("replay", policy, str(events), "--simulate")
    assert (simulated["rejected"], simulated["events"]) == (1, 3)  # what lies before the `open` of its account


@pytest.mark.parametrize("command", ["run", "review", "replay", "snapshot", "override"])
def test_each_command_refuses_a_day_to_come_and_does_nothing(tmp_path: Path, events: Path, command: str) -> None:
    policy, store, new = "docs/examples/cash-line.yaml", str(tmp_path / "a.db"), tmp_path / "new.db"
    ran("run", policy, str(events), "--store", store)
    words = {
        "run": ["run", policy, str(events), "--store", str(new), "--until", "2205-05-20"],
        "review": ["review", "--until", "2205-05-20", "--store", store],
        "replay": ["replay", policy, str(events), "--until", "2098-05-20"],
        "snapshot": ["snapshot", policy, str(events), "--day", "2098-05-20", "-o", str(tmp_path / "s.parquet")],
        "override": ["override", "A", "--store", store, "--until", "2098-05-20", "--at", "2097-05-20T00:00Z",
                     "--by", "Li", "--why", "audit", "--cap", "50%"],
    }  # fmt: skip
    codes = {"run": "day-out-of-calendar", "review": "day-out-of-calendar", "override": "ruling-rejected"}
    with pytest.raises(LinekeeperError) as refused:
        ran(*words[command])
    assert refused.value.code == codes.get(command, "day-not-begun")
    assert not new.exists()
    assert not (tmp_path / "s.parquet").exists()
    assert ran("verify", "--store", store)["same"] is True


def test_the_tolerance_is_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = datetime.fromtimestamp(Clock().now_ms() / 1000 + 30 * 3600, UTC).isoformat()
    path = tmp_path / "events.jsonl"
    path.write_text(ROWS.splitlines()[0] + f'\n{{"id":"2","account":"A","kind":"draw","at":"{ahead}","amount":5}}\n')
    words = ("replay", "docs/examples/cash-line.yaml", str(path))
    assert ran(*words)["rejected"] == 1
    monkeypatch.setenv("LINEKEEPER_TOLERANCE", "2d")
    assert ran(*words)["rejected"] == 0
    monkeypatch.setenv("LINEKEEPER_TOLERANCE", "soon")
    with pytest.raises(FileError, match="is `soon`, which is no span of time; write at most 999 hours or days"):
        ran(*words)


def test_python_refuses_and_simulates(events: Path) -> None:
    policy = "docs/examples/cash-line.yaml"
    assert [bad.place for bad in lk.replay(policy, events).rejected] == ["line 3", "line 4"]
    assert lk.replay(policy, events, simulate=True).events == 3
    with pytest.raises(UsageError, match="has not begun"):
        lk.replay(policy, events, until="2098-05-20")
    with pytest.raises(UsageError, match="has not begun"):
        lk.snapshots(policy, events, ["2098-05-20"])
    assert len(lk.snapshots(policy, events, ["2098-05-20"], simulate=True)) == 1
    with lk.open(":memory:", policy) as engine:
        assert len(engine.receive(events).rejected) == 2
        assert [bad.place for bad in engine.receive([json.loads(ROWS.splitlines()[2])]).rejected] == ["row 1"]
        with pytest.raises(UsageError, match="has not begun"):
            engine.review("2098-05-20")
