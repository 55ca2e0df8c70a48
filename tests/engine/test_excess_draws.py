"""Draws of more than was available are counted, each against the line as it stood just before it."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

import linekeeper as lk
from linekeeper.engine.engine import Engine
from linekeeper.engine.run import run_table
from linekeeper.journal.store import open_store
from linekeeper.lab.population import population
from linekeeper.policy.load import load_text
from tests.cli.test_commands import POLICY as EXAMPLE
from tests.cli.test_commands import linekeeper, read

TEXT = """
policy: plain
version: 1
currency: CNY
time_zone: UTC
triggers:
  late_3: {when: days_past_due >= 3, cap: 50%, reason: arrears}
  late_30: {when: days_past_due >= 30, suspend: yes, reason: arrears}
restoration: {first: 60%, step: 20%, every: 30d}
"""
HOUR = 3_600_000
START = 20_000 * 24 * HOUR


def rows(*steps: tuple[str, int]) -> list[dict[str, object]]:
    """An account that opens with 1,000, and then one event an hour."""
    fields = {"open": "limit", "delinquency": "days"}
    events = [("open", 1_000), *steps]
    return [
        {"id": f"{n}", "account": "A", "kind": kind, "at": START + n * HOUR, fields.get(kind, "amount"): amount}
        for n, (kind, amount) in enumerate(events)
    ]


@pytest.mark.parametrize("batch", [1, 100])
@pytest.mark.parametrize(
    ("steps", "over"),
    [
        ((("draw", 1_000),), 0),
        ((("draw", 1_001),), 1),
        ((("draw", 600), ("draw", 400), ("draw", 1)), 1),
        ((("draw", 1_000), ("repay", 500), ("draw", 500)), 0),
        ((("draw", 1_000), ("charge", 1), ("repay", 1), ("draw", 1)), 1),
        ((("balance", 900), ("draw", 101)), 1),
        ((("draw", 900), ("balance", 0), ("draw", 1_000)), 0),
        ((("draw", 900), ("delinquency", 3), ("draw", 1)), 1),
        ((("draw", 499), ("delinquency", 3), ("draw", 1), ("draw", 1)), 1),
        ((("draw", 900), ("delinquency", 3)), 0),
        ((("delinquency", 30), ("draw", 1)), 1),
        ((("draw", 10**15), ("draw", 10**15)), 2),
    ],
)
def test_each_draw_is_held_against_what_was_available(
    steps: tuple[tuple[str, int], ...], over: int, batch: int
) -> None:
    with lk.open(":memory:", lk.load_policy(TEXT)) as engine:
        events = rows(*steps)
        parts = [events[start : start + batch] for start in range(0, len(events), batch)]
        assert sum(engine.receive(part).excess_draws for part in parts) == over


def test_a_draw_that_is_rejected_is_none() -> None:
    with lk.open(":memory:", lk.load_policy(TEXT)) as engine:
        draw = rows(("draw", 5_000))[1] | {"at": START - HOUR}
        received = engine.receive([draw, *rows()])
        assert (len(received.rejected), received.excess_draws) == (1, 0)


def test_a_rejected_draw_stays_rejected_when_it_is_sent_again() -> None:
    """The borrower was refused: that there is room by now makes no draw of it. Under an id of its own it is another."""
    with lk.open(":memory:", lk.load_policy(TEXT + "draws: {over_limit: reject}\n")) as engine:
        events = rows(("draw", 10**15), ("draw", 1))
        first, again = engine.receive(events), engine.receive(events)
        assert [row.code for row in first.rejected] == [row.code for row in again.rejected] == ["draw-over-limit"]
        assert again.repeats == len(events) - 1
        small = events[1] | {"amount": 1}
        assert [row.code for row in engine.receive([small]).rejected] == ["draw-over-limit"]
        assert engine.receive([small | {"id": "new"}]).rejected == ()


def test_a_population_counts_as_one_event_after_another_does(tmp_path: Path) -> None:
    """In a table at once, and event by event with the question whether the draw would be authorised."""
    policy = load_text(TEXT.replace("UTC", "Asia/Shanghai"))
    events = population(accounts=12, days=150, seed=3).events
    events = events.filter([kind in ("open", "draw", "charge", "repay", "due") for kind in events["kind"].to_pylist()])
    rng = Random(5)
    tight = [None if one is None else one // rng.choice((1, 4, 9)) for one in events["limit"].to_pylist()]
    events = events.set_column(events.column_names.index("limit"), "limit", [tight])
    at_once = run_table(Engine(open_store(str(tmp_path / "a.db")), policy), events, "feed")
    engine = Engine(open_store(str(tmp_path / "b.db")), policy)
    count = 0
    for number in range(events.num_rows):
        row = events.slice(number, 1)
        account, kind, at, amount = (row[name][0].as_py() for name in ("account", "kind", "at", "amount"))
        if kind == "draw":
            count += not engine.authorise(account, at, amount).allowed
        engine.receive(row, "feed")
    assert at_once.excess_draws == count > 0


def test_commands_say_so(tmp_path: Path) -> None:
    store, events = str(tmp_path / "lines.db"), tmp_path / "events.jsonl"
    opening = '{"id": "1", "account": "A", "kind": "open", "at": "2025-03-03T10:00:00+08:00", "limit": 1000000}\n'
    draw = '{"id": "2", "account": "A", "kind": "draw", "at": "2025-03-03T11:00:00+08:00", "amount": 1200000}\n'
    events.write_text(opening + draw)
    printed = linekeeper("run", EXAMPLE, str(events), "--store", store)
    assert "1 draw was of more than was available; nothing is refused" in printed
    assert "balance 12,000.00 CNY, 2,000.00 CNY over the limit" in linekeeper("show", "A", "--store", store)
    assert read("show", "A", "--store", store)["excess_minor"] == 200_000
    assert read("run", EXAMPLE, str(events), "--store", str(tmp_path / "b.db"))["excess_draws"] == 1


def test_sums_beyond_64_bits_are_no_way_out() -> None:
    """The sum of ten thousand of the largest draws leaves 64 bits, and would come out below the limit."""
    with lk.open(":memory:", lk.load_policy(TEXT)) as engine:
        engine.receive(rows())
        assert engine.receive(rows(*[("draw", 10**15)] * 10_000)[1:]).excess_draws == 10_000
