"""The outbox: a decision and its notice commit together or not at all; a store keeps to its law."""

from __future__ import annotations

from pathlib import Path

import pytest

from linekeeper.core.errors import LinekeeperError
from linekeeper.engine.account import find_decision
from linekeeper.engine.engine import Engine
from linekeeper.engine.notices import build_notice
from linekeeper.engine.outbox import Law, find_entry, mark_sent, pending
from linekeeper.engine.rulings import Ruling, rule
from linekeeper.journal.store import Store
from linekeeper.notice.from_decision import read_lender_profile
from linekeeper.notice.render import as_html, as_json, as_text
from tests.brake.bank import DAY, at, everyone_late, new_store, openings, small_bank, table

LAW = Law("CN", "internet_consumer_loan")


def count(store: Store, name: str) -> int:
    with store.reading() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one())


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """Two lines, both late on day 5."""
    found = Engine(new_store(tmp_path), small_bank(), law=LAW)
    found.receive(table(found.policy, openings(2)), "core")
    found.receive(table(found.policy, everyone_late(2, 5)), "feed")
    return found


def test_every_shown_decision_has_its_entry(engine: Engine) -> None:
    with engine.store.reading() as connection:
        entries = pending(connection)
    assert [(one.account, one.number, one.action) for one in entries] == [
        ("A000", 1, "offer"),
        ("A001", 1, "offer"),
        ("A000", 2, "suspend"),
        ("A001", 2, "suspend"),
    ]
    assert entries[2].clock.due_at == at(7, 0)  # the house rule: shown within the next local day
    assert entries[2].clock.alarm_at == at(6, 12)


def test_without_its_notice_a_decision_does_not_happen(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError("the disk is full")

    monkeypatch.setattr(engine.outbox, "put", full)
    before = [count(engine.store, name) for name in ("events", "decisions", "notices")]
    with pytest.raises(OSError, match="disk is full"):
        engine.receive(table(engine.policy, everyone_late(2, 6, 0)), "feed")
    assert [count(engine.store, name) for name in ("events", "decisions", "notices")] == before


def test_without_its_decision_no_notice_is_noted(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("linekeeper.engine.account_states.save_accounts", full)
    before = count(engine.store, "notices")
    with pytest.raises(OSError, match="disk is full"):
        rule(engine, [Ruling("A000", at(6), DAY + 30, "m.chen", "a test", cap_bp=1_000)])
    assert count(engine.store, "notices") == before


def test_a_store_keeps_to_its_law(engine: Engine) -> None:
    again = Engine(engine.store, engine.policy)
    rule(again, [Ruling("A000", at(6), DAY + 30, "m.chen", "a test", cap_bp=1_000)])
    assert count(engine.store, "notices") == 5
    with pytest.raises(LinekeeperError, match="under the law of `CN`"):
        Engine(engine.store, engine.policy, law=Law("US", "credit_card"))


def test_without_a_law_nothing_is_noted(tmp_path: Path) -> None:
    engine = Engine(new_store(tmp_path), small_bank())
    engine.receive(table(engine.policy, openings(2)), "core")
    assert count(engine.store, "decisions") == 2
    assert count(engine.store, "notices") == 0


def test_sent_once_and_for_all(engine: Engine) -> None:
    mark_sent(engine.store, engine.keeper, "A000", 2, at(6))
    mark_sent(engine.store, engine.keeper, "A000", 2, at(9))
    with engine.store.reading() as connection:
        entry = find_entry(connection, "A000", 2)
        left = pending(connection)
    assert entry is not None
    assert (entry.state, entry.sent_at) == ("sent", at(6))
    assert ("A000", 2) not in [(one.account, one.number) for one in left]
    with pytest.raises(LinekeeperError, match="no notice `A000#9`"):
        mark_sent(engine.store, engine.keeper, "A000", 9, at(6))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_notice_in_all_its_forms(engine: Engine, lang: str) -> None:
    notice = build_notice(engine, find_decision(engine, "A000#2"), read_lender_profile())
    assert notice.due is not None
    for form in (as_text, as_html, as_json):
        assert "A000" in form(notice, lang)  # type: ignore[arg-type]


def test_a_persons_ruling_is_shown_as_such(engine: Engine) -> None:
    made = rule(engine, [Ruling("A000", at(6), DAY + 30, "m.chen", "a test", cap_bp=1_000)])
    notice = build_notice(engine, made[0], read_lender_profile())
    assert not notice.objection.automated
    assert "One of our staff" in as_text(notice, "en")
