"""An engine in Python over a store of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

import linekeeper as lk
from linekeeper.core.errors import LinekeeperError
from linekeeper.journal.keeper import new_keeper
from tests.face.examples import EVENTS, LIMITS, POLICY, UNTIL, example_rows, opened

AT = "2025-07-11T09:00:00+08:00"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[lk.Engine]:
    """An engine that has received the example; its line is on its way back, at 600,000."""
    with lk.open(tmp_path / "lines.db", POLICY) as made:
        made.receive(EVENTS)
        yield made


def test_decisions_are_those_of_a_replay(tmp_path: Path) -> None:
    with lk.open(tmp_path / "lines.db", POLICY) as engine:
        decisions = [*engine.receive(EVENTS), *engine.review(UNTIL)]
    replayed = lk.replay(POLICY, EVENTS, until=UNTIL).decisions
    assert decisions == list(replayed)
    assert [decision.limit_minor for decision in decisions] == LIMITS


def test_what_is_not_admitted_is_named(engine: lk.Engine) -> None:
    received = engine.receive([opened("B", "b"), opened("B", "c"), opened("C", "1") | {"kind": "opn"}])
    assert [(one.place, one.reason[:27]) for one in received.rejected] == [
        ("row 3", "`kind` is 'opn', which is n"),
        ("event c", "the account is already open"),
    ]
    again = engine.receive([opened("B", "b"), opened("D", "1")])
    assert again.repeats == 1
    assert "the id `1` was used" in again.rejected[0].reason
    assert len(engine.receive([opened("B", "b")], source="another").rejected) == 1  # open already, whoever says so


def test_a_store_that_exists_is_opened_without_its_policy(tmp_path: Path) -> None:
    with pytest.raises(LinekeeperError, match="there is no store"):
        lk.open(tmp_path / "lines.db")
    with lk.open(tmp_path / "lines.db", POLICY) as engine:
        engine.receive(EVENTS)
    with lk.open(tmp_path / "lines.db") as engine:
        assert (engine.policy.name, engine.account("A-1001").limit_minor) == ("cash-line", 600_000)


def test_an_account_as_it_stands(engine: lk.Engine) -> None:
    account = engine.account("A-1001")
    assert (account.status, account.limit_minor, account.granted_minor) == ("restoring", 600_000, 1_000_000)
    assert account.balance_minor == 400_000 - 4 * 105_000  # what was drawn, less four bills
    assert account.opened_at.isoformat() == "2025-03-03T10:00:00+08:00"
    assert account.next_review == date(2025, 7, 17)
    assert [decision.number for decision in account.decisions] == [1, 2]
    assert "restoring" in account._repr_html_()
    with pytest.raises(LinekeeperError, match="`B` is not known"):
        engine.account("B")


def test_accounts_are_listed_by_status_and_page(engine: lk.Engine) -> None:
    engine.receive([opened(f"B{number}", f"b{number}") for number in range(5)])
    assert [line.account for line in engine.accounts()] == ["A-1001", "B0", "B1", "B2", "B3", "B4"]
    assert [line.account for line in engine.accounts("active", page_size=2)] == ["B0", "B1"]
    assert [line.account for line in engine.accounts("active", after="B1", page_size=2)] == ["B2", "B3"]
    assert [line.account for line in engine.accounts("restoring")] == ["A-1001"]
    assert engine.accounts("closed").table.num_rows == 0
    row = engine.accounts("restoring").table.to_pylist()[0]
    assert (row["limit_minor"], row["next_review"]) == (600_000, date(2025, 7, 17))
    with pytest.raises(LinekeeperError, match="`gone` is no status; use one of active, restoring"):
        engine.accounts("gone")


def test_a_draw_is_answered_from_both_sides_of_what_is_available(engine: lk.Engine) -> None:
    available = 600_000 - engine.account("A-1001").balance_minor
    assert engine.authorise("A-1001", available, AT).allowed
    assert engine.authorise("A-1001", available + 1, AT).reasons == ("over_limit",)
    with pytest.raises(LinekeeperError, match="not a time with its UTC offset"):
        engine.authorise("A-1001", 1, "2025-07-11")


def test_a_decision_is_named_in_three_ways(engine: lk.Engine) -> None:
    second = engine.account("A-1001").decisions[1]
    assert engine.explain("A-1001#2").decision == engine.explain("A-1001").decision == second
    assert engine.explain(second).triggers[0].state == "released"
    with pytest.raises(LinekeeperError, match="there is no decision `A-1001#9`"):
        engine.explain("A-1001#9")


def test_a_notice_in_each_language_and_form(engine: lk.Engine) -> None:
    assert "CN¥5,000" in engine.notice("A-1001#1")
    assert "额度" in engine.notice("A-1001#1", "zh")
    assert engine.notice("A-1001#1", form="html").lstrip().lower().startswith("<!doctype html>")
    with pytest.raises(LinekeeperError, match="`pdf` is no form of a notice; use one of text, html, json"):
        engine.notice("A-1001#1", form="pdf")  # type: ignore[arg-type]


def test_the_road_back_leads_where_reviews_lead(engine: lk.Engine) -> None:
    road = engine.recourse("A-1001")
    assert road is not None
    assert road.is_open
    assert road.restored_on == date(2025, 8, 16)  # as docs/index.md has it
    assert [point.limit_minor for point in road.plans[0].path] == [600_000, 800_000, 1_000_000]
    assert "CN¥10,000" in road.describe()
    assert "CN¥10,000" in road._repr_html_()
    with pytest.raises(LinekeeperError, match="is before 2025-07-10, which this account has already seen"):
        engine.recourse("A-1001", date(2025, 7, 9))
    engine.review(UNTIL)
    assert engine.recourse("A-1001") is None


def test_a_ruling_that_holds_the_line_down_leaves_no_road(engine: lk.Engine) -> None:
    (decision,) = engine.rule("A-1001", cap_bp=5_000, until="2025-12-31", by="Li", why="audit", at=AT, id="r1")
    assert (decision.action, decision.limit_minor) == ("decrease", 500_000)
    assert len(engine.rule("A-1001", cap_bp=5_000, until="2025-12-31", by="Li", why="audit", at=AT, id="r1")) == 1
    assert len(engine.account("A-1001").decisions) == 3
    with pytest.raises(LinekeeperError, match="the policy has no trigger `late`"):
        engine.rule("A-1001", trigger="late", until="2025-12-31", by="Li", why="audit", at=AT)


def test_a_store_with_a_log_is_verified_and_forgets_a_borrower(tmp_path: Path) -> None:
    new_keeper(tmp_path / "keys", tmp_path / "public", "example.com/lines")
    with lk.open(tmp_path / "lines.db", POLICY, keys=tmp_path / "keys") as engine:
        engine.receive([*example_rows(), opened("B", "b")])
        assert engine.verify().same
        assert engine.erase("A-1001", at=AT).leaves
        assert [line.account for line in engine.accounts()] == ["B"]
        assert engine.verify().same
        with pytest.raises(LinekeeperError, match="`A-1001` was erased before, and nothing is left of it"):
            engine.erase("A-1001", at=AT)


def test_a_store_with_a_log_is_written_with_its_keys_alone(tmp_path: Path) -> None:
    new_keeper(tmp_path / "keys", tmp_path / "public", "example.com/lines")
    with lk.open(tmp_path / "lines.db", POLICY, keys=tmp_path / "keys") as engine:
        engine.receive(EVENTS)
    with lk.open(tmp_path / "lines.db") as engine, pytest.raises(LinekeeperError, match="the store keeps a log"):
        engine.receive([opened("B", "b")])


def test_the_brake_makes_restrictions_wait(tmp_path: Path) -> None:
    with lk.open(tmp_path / "lines.db", POLICY, brake=True) as engine:
        rows = example_rows() + [row | {"id": f"b{row['id']}", "account": "B"} for row in example_rows()]
        drawn = {"kind": "draw", "at": "2025-05-14T12:00:00+08:00", "amount": 1}
        draws = [drawn | {"id": name, "account": name} for name in ("A-1001", "B")]
        late = engine.receive([row for row in rows if row["at"] < "2025-05"] + draws)
        cured = engine.receive([row for row in rows if row["at"] > "2025-05"])
    # The first line of a day always passes; the second is more than the 2% of all lines that the policy allows.
    assert ({decision.account for decision in late}, late.pending) == ({"A-1001"}, 1)
    # What has lapsed by the end of a batch waits for nobody.
    assert ({decision.account for decision in cured}, cured.pending) == ({"A-1001"}, 0)


def test_a_law_needs_a_jurisdiction_and_a_product(tmp_path: Path) -> None:
    with pytest.raises(LinekeeperError, match=r"notices need both .*\(in Python `jurisdiction=` and `product=`\)"):
        lk.open(tmp_path / "lines.db", POLICY, jurisdiction="CN")
    with lk.open(tmp_path / "lines.db", POLICY, jurisdiction="CN", product="credit_card") as engine:
        engine.receive(EVENTS)
        assert engine.notice("A-1001#1")
