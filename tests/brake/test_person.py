"""What waits is released or refused by a person; the journal replays to the same either way."""

from __future__ import annotations

from pathlib import Path

import pytest

from linekeeper.core.errors import Conflict, LinekeeperError, NotFound
from linekeeper.engine.account import decisions_of, view
from linekeeper.engine.derive import rebuild_states
from linekeeper.engine.engine import Engine
from linekeeper.engine.pending_restrictions import pending_rows
from linekeeper.engine.rulings import Ruling, consent, refuse, release, rule
from linekeeper.engine.verify import verify
from tests.brake.bank import DAY, at, engine_over, event, everyone_late, new_store, openings, table

COUNT = 30  # 10 %: three pass, 27 wait
WHO = {"by": "m.chen", "why": "looked at by hand"}


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """Thirty lines; a feed says that all are 90 days late on day 5."""
    found = engine_over(new_store(tmp_path))
    found.receive(table(found.policy, openings(COUNT)), "core")
    assert found.receive(table(found.policy, everyone_late(COUNT, 5)), "feed").pending == 27
    return found


def ended(engine: Engine, account: str) -> list[str | None]:
    """How the account's holds ended; None while one waits."""
    with engine.store.reading() as connection:
        return [row.ended for row in pending_rows(connection, account, ended=True)]


def test_a_release_lets_the_restriction_act_now(engine: Engine) -> None:
    made = release(engine, ["A010"], at=at(6), **WHO)
    assert [(one.account, one.action) for one in made] == [("A010", "suspend")]
    assert made[0].after.limit == 50_000
    assert [reason.code for reason in made[0].reasons] == ["serious_arrears", "arrears"]
    assert ended(engine, "A010") == ["released"]
    assert ended(engine, "A011") == [None]
    assert verify(engine.store).same


def test_a_release_is_not_counted_by_the_brake(engine: Engine) -> None:
    names = [f"A{i:03}" for i in range(3, COUNT)]
    assert len(release(engine, names, at=at(6), **WHO)) == 27
    assert verify(engine.store).same


def test_a_refusal_waives_every_trigger_until_its_day(engine: Engine) -> None:
    assert refuse(engine, ["A010"], DAY + 20, at=at(6), **WHO) == []
    assert ended(engine, "A010") == ["refused"]
    engine.review(DAY + 20)
    assert view(engine, "A010").line.status == "active"
    summary = engine.review(DAY + 21)  # the waiver is over, the feed still says 90 days: alone, it passes the brake
    assert summary.actions["suspend"] == 1
    assert view(engine, "A010").line.status == "suspended"
    assert verify(engine.store).same


def test_what_a_person_imposes_is_never_held(engine: Engine) -> None:
    names = [f"A{i:03}" for i in range(3, COUNT)]
    engine.receive(table(engine.policy, everyone_late(COUNT, 6, 0)), "feed")
    made = rule(engine, [Ruling(name, at(7), DAY + 30, cap_bp=3_000, **WHO) for name in names])
    assert {one.action for one in made} == {"decrease"}
    assert len(made) == 27
    assert verify(engine.store).same


def test_a_cap_on_a_held_line_lets_everything_act(engine: Engine) -> None:
    made = rule(engine, [Ruling("A010", at(6), DAY + 30, cap_bp=3_000, **WHO)])
    assert [(one.action, one.after.limit) for one in made] == [("suspend", 30_000)]
    assert ended(engine, "A010") == ["released"]
    assert verify(engine.store).same


def test_an_offer_cannot_be_taken_while_a_restriction_waits(engine: Engine) -> None:
    assert [one.action for one in decisions_of(engine, "A010")] == ["offer"]
    with pytest.raises(Conflict, match="release or refuse it first"):
        consent(engine, "A010", 1, at(6))
    forced = event("c1", "A010", "consent", at(6), offer=1)
    engine.receive(table(engine.policy, [forced]), "app")  # from elsewhere: without effect
    assert view(engine, "A010").line.granted == 100_000
    assert verify(engine.store).same
    refuse(engine, ["A010"], DAY + 60, at=at(7), **WHO)
    assert [one.action for one in consent(engine, "A010", 1, at(8))] == ["increase"]
    assert verify(engine.store).same


def test_states_made_anew_keep_what_is_held(engine: Engine) -> None:
    release(engine, ["A010"], at=at(6), **WHO)
    refuse(engine, ["A011"], DAY + 9, at=at(6), **WHO)
    engine.review(DAY + 30)
    rebuild_states(engine.store)
    assert verify(engine.store).same


def test_a_hold_that_is_taken_out_of_the_journal_is_found(engine: Engine) -> None:
    with engine.store.writing() as connection:
        connection.exec_driver_sql("DELETE FROM pending_restrictions WHERE account = 'A010'")
    assert "`A010`" in str(verify(engine.store).first_difference)


def test_nothing_waits_for_an_account_that_passed(engine: Engine) -> None:
    with pytest.raises(NotFound, match="nothing waits for `A000`"):
        release(engine, ["A010", "A000"], at=at(6), **WHO)
    assert ended(engine, "A010") == [None]
    with pytest.raises(LinekeeperError, match="`A999` is not known"):
        release(engine, ["A999"], at=at(6), **WHO)
