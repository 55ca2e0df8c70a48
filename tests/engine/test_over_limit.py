"""Draws of more than is available, where the policy flags or rejects them."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import linekeeper as lk
from linekeeper.core.event import RejectionCode
from linekeeper.engine.engine import Engine
from linekeeper.engine.run import run_table
from linekeeper.engine.verify import verify
from linekeeper.journal.store import open_store
from linekeeper.kernel.kernel import Kernel
from linekeeper.lab.population import population
from linekeeper.policy.load import load_text
from tests.cli.test_commands import POLICY as EXAMPLE
from tests.cli.test_commands import linekeeper, read
from tests.engine.test_excess_draws import TEXT, rows
from tests.kernel.agree import by_arrival, differences, last_day
from tests.oracle.generate import for_program, policy_text
from tests.oracle.oracle import run
from tests.oracle.reader import read as read_own
from tests.oracle.story import story, written
from tests.oracle.streams import make_stream

REJECTING = TEXT + "draws: {over_limit: reject}\n"
FLAGGING = TEXT + "draws: {over_limit: flag}\n"


@pytest.mark.parametrize("batch", [1, 100])
def test_a_rejected_draw_changes_nothing_and_a_flagged_one_is_named(batch: int) -> None:
    """400 are left after the first draw: the second takes 401, the third what is left."""
    events = rows(("draw", 600), ("draw", 401), ("draw", 400), ("draw", 1))
    parts = [events[start : start + batch] for start in range(0, len(events), batch)]
    with lk.open(":memory:", lk.load_policy(REJECTING)) as engine:
        received = [engine.receive(part) for part in parts]
        rejected = [one for call in received for one in call.rejected]
        assert [(one.place, one.code) for one in rejected] == [
            ("event 2", RejectionCode.OVER_LIMIT),
            ("event 4", RejectionCode.OVER_LIMIT),
        ]
        assert sum(call.excess_draws for call in received) == 0
        assert engine.account("A").balance_minor == 1_000
    with lk.open(":memory:", lk.load_policy(FLAGGING)) as engine:
        received = [engine.receive(part) for part in parts]
        assert [name for call in received for name in call.flagged_draws] == ["2", "3", "4"]
        assert engine.account("A").balance_minor == 1_402


CAPPED = written(
    """triggers:
  late: {when: past_due > 0 CNY, cap: 50%, reason: arrears}
restoration: {first: 100%, step: 10%, every: 1d}
draws: {over_limit: reject}
"""
)


@story(CAPPED, until="2024-03-01")
def test_a_draw_meets_the_line_of_the_morning_and_a_late_one_the_line_of_now() -> None:
    """On 11 February the bill is late and the limit is 500.00. 400.00 are owed: 101.00 more are too much, 100.00 are
    not. The draw of the 5th that is told then would have found room in its own time; now there is none. A charge is no
    draw, and counts.

    2024-01-01 09:00  open limit=1000
    2024-01-02 09:00  draw amount=400
    2024-01-02 10:00  due amount=100 due_on=2024-02-10
    2024-02-11 09:00  draw amount=101
    => 2024-02-11 morning: decrease, 500.00 of 1000.00, reduced [late]
    2024-02-11 10:00  draw amount=100
    2024-02-05 09:00  draw amount=1
    2024-02-12 09:00  charge amount=1
    2024-02-13 09:00  repay amount=100
    => 2024-02-13 09h: restore, 1000.00 of 1000.00, active []
    """


@given(st.integers(0, 100_000))
@settings(max_examples=20)
def test_the_kernel_rejects_what_the_oracle_rejects(seed: int) -> None:
    text = policy_text(seed) + "draws: {over_limit: reject}\n"
    policy, own = load_text(text), read_own(text)
    events = for_program(make_stream(own, Random(seed), late=seed % 2 == 1, reversals=seed % 3))
    until = last_day(policy, events) + 40
    assert differences(policy, run(own, events, until), *by_arrival(Kernel(policy), events, until)) == []


def test_a_population_is_taken_alike_at_once_and_one_by_one_and_is_verified(tmp_path: Path) -> None:
    """Batches of any size reject the same draws; what is left derives from empty; a replay rejects them too."""
    policy = load_text(REJECTING.replace("UTC", "Asia/Shanghai"))
    events = population(accounts=6, days=90, seed=3).events
    events = events.filter([kind in ("open", "draw", "charge", "repay", "due") for kind in events["kind"].to_pylist()])
    tight = [None if one is None else one // 9 for one in events["limit"].to_pylist()]
    events = events.set_column(events.column_names.index("limit"), "limit", [tight])
    at_once = run_table(Engine(open_store(str(tmp_path / "a.db")), policy), events, "feed")
    engine, rejected = Engine(open_store(str(tmp_path / "b.db")), policy), 0
    for number in range(events.num_rows):
        rejected += len(engine.receive(events.slice(number, 1), "feed").rejected)
    assert len(at_once.rejected) == rejected > 0
    assert at_once.excess_draws == 0
    assert verify(engine.store).same
    assert verify(open_store(str(tmp_path / "a.db"), made=True)).same


def test_commands_say_so(tmp_path: Path) -> None:
    events, rules = tmp_path / "events.jsonl", Path(EXAMPLE).read_text("utf-8")
    opening = '{"id": "1", "account": "A", "kind": "open", "at": "2025-03-03T10:00:00+08:00", "limit": 1000000}\n'
    draw = '{"id": "2", "account": "A", "kind": "draw", "at": "2025-03-03T11:00:00+08:00", "amount": 1200000}\n'
    events.write_text(opening + draw)
    for word in ("flag", "reject"):
        (tmp_path / f"{word}.yaml").write_text(rules + f"draws: {{over_limit: {word}}}\n")
    printed = linekeeper("run", str(tmp_path / "flag.yaml"), str(events), "--store", str(tmp_path / "a.db"))
    assert "flagged: draw 2" in printed
    answer = read("run", str(tmp_path / "reject.yaml"), str(events), "--store", str(tmp_path / "b.db"))
    assert (answer["rejected_by_code"], answer["events"]) == ({"draw-over-limit": 1}, 1)
    assert answer["flagged_draws"] == []
    replayed = read("replay", str(tmp_path / "reject.yaml"), str(events))
    assert replayed["rejected_by_code"] == {"draw-over-limit": 1}
