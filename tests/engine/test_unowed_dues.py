"""Unpaid dues above all that is owed are counted, shown, and gone when the lender's figures agree again."""

from __future__ import annotations

from pathlib import Path

import linekeeper as lk
from tests.cli.test_commands import POLICY as EXAMPLE
from tests.cli.test_commands import linekeeper, read
from tests.engine.test_excess_draws import HOUR, START, TEXT

DAY = 20_000


def event(number: int, kind: str, **fields: object) -> dict[str, object]:
    """An event of account A, so many hours after the start."""
    return {"id": f"{number}", "account": "A", "kind": kind, "at": START + number * HOUR, **fields}


def test_a_call_counts_the_accounts_that_contradict_themselves_after_it() -> None:
    with lk.open(":memory:", lk.load_policy(TEXT)) as engine:
        start = [event(0, "open", limit=1_000), event(1, "draw", amount=300)]
        assert engine.receive([*start, event(2, "due", amount=300, due_on=DAY + 5)]).unowed_dues == 0
        assert engine.receive([event(3, "balance", amount=299)]).unowed_dues == 1
        assert engine.receive([event(4, "charge", amount=1)]).unowed_dues == 0
        assert engine.receive([event(5, "balance", amount=0)]).unowed_dues == 1
        assert engine.receive([event(6, "hardship")]).unowed_dues == 1
        assert engine.receive([event(7, "reversal", of="2")]).unowed_dues == 0


def test_dues_of_a_lender_that_says_nothing_of_what_is_owed_contradict_nothing() -> None:
    with lk.open(":memory:", lk.load_policy(TEXT)) as engine:
        events = [event(0, "open", limit=1_000), event(1, "due", amount=300, due_on=DAY), event(2, "repay", amount=1)]
        assert engine.receive(events).unowed_dues == 0


def test_commands_say_so(tmp_path: Path) -> None:
    store, events = str(tmp_path / "lines.db"), tmp_path / "events.jsonl"
    start, end = '{"id": "%s", "account": "A", "kind": "%s", "at": "2025-03-%sT10:00:00+08:00", ', "}"
    given = (
        start % (1, "open", "03") + '"limit": 1000000' + end,
        start % (2, "due", "04") + '"amount": 30000, "due_on": "2025-03-20"' + end,
        start % (3, "balance", "28") + '"amount": 10000' + end,
    )
    events.write_text("\n".join(given))
    printed = linekeeper("run", EXAMPLE, str(events), "--store", store)
    assert "1 account has unpaid dues above all that is owed; what is above counts as no arrears" in printed
    assert "balance 100.00 CNY, unpaid dues 200.00 CNY above all that is owed" in linekeeper(
        "show", "A", "--store", store
    )
    shown = read("show", "A", "--store", store)
    assert (shown["unowed_dues_minor"], shown["values"]["past_due"]) == (20_000, 10_000)
    assert read("run", EXAMPLE, str(events), "--store", str(tmp_path / "b.db"))["unowed_dues"] == 1
