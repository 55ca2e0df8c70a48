"""Overrides and consents as running things: what they do, and what is said to those who get them wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linekeeper.core.errors import EventRejected, LinekeeperError, UsageError
from linekeeper.engine.account import view
from linekeeper.engine.engine import Engine
from linekeeper.engine.rulings import Ruling, consent, rule, store_now
from linekeeper.engine.verify import verify
from tests.brake.bank import DAY, at, engine_over, everyone_late, new_store, openings, table
from tests.engine.lives import contents


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """One line, an offer open from day 1."""
    found = engine_over(new_store(tmp_path), brake=False)
    found.receive(table(found.policy, openings(1)), "core")
    return found


def ruling(**changes: Any) -> Ruling:
    """A waiver of `arrears_90` for ten days, but for the changes."""
    given = {"trigger": "arrears_90", "until_day": DAY + 12, "by": "m.chen", "why": "the bank was closed"} | changes
    return Ruling(given.pop("account", "A000"), given.pop("at", at(2)), **given)


def test_a_waiver_keeps_a_trigger_from_acting_until_its_day(engine: Engine) -> None:
    rule(engine, [ruling(), ruling(trigger="arrears_30")])
    engine.receive(table(engine.policy, everyone_late(1, 3)), "feed")
    assert view(engine, "A000").line.status == "active"
    engine.review(DAY + 12)
    assert view(engine, "A000").line.status == "active"
    engine.review(DAY + 13)
    assert view(engine, "A000").line.status == "suspended"
    assert verify(engine.store).same


def test_a_cap_holds_up_to_and_including_its_day(engine: Engine) -> None:
    made = rule(engine, [ruling(trigger=None, cap_bp=2_500)])
    assert [(one.action, one.after.limit, one.imposed_bp) for one in made] == [("decrease", 25_000, 2_500)]
    assert [reason.code for reason in made[0].reasons] == ["person"]
    engine.review(DAY + 12)
    assert view(engine, "A000").line.limit == 25_000
    engine.review(DAY + 13)
    assert view(engine, "A000").line.limit == 40_000  # restoration: the first step
    assert verify(engine.store).same


def test_the_same_id_again_changes_nothing(engine: Engine) -> None:
    first = ruling(trigger=None, cap_bp=2_500, id="r1")
    assert len(rule(engine, [first])) == 1
    rule(engine, [first])
    assert len(view(engine, "A000").decisions) == 2  # the offer, and the cap once
    with pytest.raises(EventRejected, match="`r1` was used before"):
        rule(engine, [ruling(trigger=None, cap_bp=5_000, id="r1")])


def test_who_and_why_stand_in_the_journal(engine: Engine) -> None:
    rule(engine, [ruling(id="r1")])
    with engine.store.reading() as connection:
        row = connection.exec_driver_sql("SELECT source, body FROM events WHERE id = 'r1'").one()
    assert row[0] == "person"
    assert b'"by":"m.chen"' in row[1]
    assert b'"why":"the bank was closed"' in row[1]


def test_a_consent_takes_the_open_offer(engine: Engine) -> None:
    made = consent(engine, "A000", 1, at(3))
    assert [(one.action, one.after.granted) for one in made] == [("increase", 120_000)]
    assert verify(engine.store).same


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda e: rule(e, [ruling(trigger="arears_90")]), "no trigger `arears_90`; did you mean `arrears_90`"),
        (lambda e: rule(e, [ruling(trigger="xyz")]), "it has arrears_30, arrears_90, many_draws"),
        (lambda e: rule(e, [ruling(account="B1")]), "`B1` is not known"),
        (lambda e: rule(e, [ruling(by=" ")]), "`by` is empty, too long"),
        (lambda e: rule(e, [ruling(why="x" * 201)]), "`why` is empty, too long"),
        (lambda e: rule(e, [ruling(until_day=DAY + 1)]), "`until` lies before"),
        (lambda e: rule(e, [ruling(trigger=None, cap_bp=10_001)]), "from 0% to 100%"),
        (lambda e: rule(e, [ruling(at=-1)]), "from 1970 to 2099"),
        (lambda e: consent(e, "A000", 2, at(3)), "offer 2 to `A000` is not open; offer 1 is"),
        (lambda e: consent(e, "A000", 1, at(31)), "no offer to `A000` is open"),
        (lambda e: consent(e, "B1", 1, at(3)), "`B1` is not known"),
    ],
)
def test_what_cannot_be_ruled_is_said_plainly_and_changes_nothing(
    engine: Engine, act: Callable[[Engine], object], said: str
) -> None:
    before = view(engine, "A000")
    with pytest.raises(LinekeeperError, match=said):
        act(engine)
    assert view(engine, "A000") == before


def test_an_offer_is_open_on_its_last_day(engine: Engine) -> None:
    assert [one.action for one in consent(engine, "A000", 1, at(30))] == ["increase"]


def test_a_faulty_ruling_among_good_ones_stops_all(engine: Engine) -> None:
    with pytest.raises(UsageError, match="`by` is empty"):
        rule(engine, [ruling(trigger=None, cap_bp=2_500), ruling(by="")])
    assert view(engine, "A000").line.limit == 100_000


def test_a_ruling_that_the_kernel_refuses_stops_all(engine: Engine) -> None:
    """The second lies before the account was opened, as only the kernel can see; the first is not in force either."""
    before = contents(engine.store)
    with pytest.raises(EventRejected, match="the account is not open yet"):
        rule(engine, [ruling(trigger=None, cap_bp=2_500), ruling(trigger=None, cap_bp=2_000, at=at(0, hour=1))])
    assert contents(engine.store) == before
    assert view(engine, "A000").line.limit == 100_000


def test_the_store_knows_its_latest_news(engine: Engine) -> None:
    assert store_now(engine) == at(0)
    engine.review(DAY + 3)
    assert store_now(engine) == at(3, 0)
