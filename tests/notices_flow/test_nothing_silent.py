"""Nothing is silent: new grounds, a line that is back in part, a correction, each with its words in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from linekeeper.core.decision import Decision
from linekeeper.core.event import Event
from linekeeper.engine.account import decisions_of
from linekeeper.engine.engine import Engine
from linekeeper.engine.notices import build_notice
from linekeeper.engine.outbox import Law, pending
from linekeeper.engine.point_in_time import state_after
from linekeeper.notice.from_decision import is_notified, read_lender_profile
from linekeeper.notice.render import RenderedNotice, render_notice
from linekeeper.recourse import RoadBack
from linekeeper.texts.language import Lang
from tests.brake.bank import at, event, new_store, openings, small_bank, table

POLICY = """
policy: small-bank
version: 1
currency: CNY
time_zone: UTC
triggers:
  arrears_5: {when: days_past_due >= 5, clear: past_due = 0 CNY, hold: 10d, suspend: yes, cap: 60%, reason: arrears}
  arrears_20: {when: days_past_due >= 20, clear: past_due = 0 CNY, hold: 20d, suspend: yes, cap: 60%, reason: serious}
  draws: {when: "count(draw, 30d) >= 3", cap: 80%, reason: rapid_borrowing}
restoration: {first: 40%, step: 20%, every: 30d}
"""


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(new_store(tmp_path), small_bank(POLICY), law=Law("CN", "internet_consumer_loan"))


def send(engine: Engine, *events: Event) -> None:
    for one in events:
        engine.receive(table(engine.policy, [one]), "core")


def late(engine: Engine, until: int, draws: int = 1) -> None:
    """A bill of day 10 that is not paid, reviewed up to a day."""
    send(engine, *openings(1))
    send(engine, *(event(f"d{one}", "A000", "draw", at(one + 1), amount=20_000) for one in range(draws)))
    send(engine, event("bill", "A000", "due", at(5), amount=10_000, due_on=20_010))
    for day in range(6, until + 1):
        engine.review(20_000 + day)


def letter(engine: Engine, decision: Decision, lang: Lang) -> RenderedNotice:
    built = build_notice(engine, decision, read_lender_profile(None), state_after(engine, decision))
    return render_notice(built, lang)


def of_action(engine: Engine, action: str) -> list[Decision]:
    return [decision for decision in decisions_of(engine, "A000") if decision.action == action]


def test_new_grounds_on_a_restricted_line_are_told_with_reason_and_road(engine: Engine) -> None:
    late(engine, 31)
    kept = of_action(engine, "keep")
    assert [(decision.triggers_set, is_notified(decision)) for decision in kept] == [(("arrears_20",), True)]
    with engine.store.reading() as connection:
        assert ("A000", kept[0].number, "keep") in [
            (one.account, one.number, one.action) for one in pending(connection)
        ]
    built = build_notice(engine, kept[0], read_lender_profile(None), state_after(engine, kept[0]))
    assert isinstance(built.road, RoadBack)
    assert [reason.code for reason in built.reasons] == ["serious"]
    assert letter(engine, kept[0], "en").headline == "There are new reasons why your limit is held down"
    assert letter(engine, kept[0], "zh").headline == "您的额度受限，新增了以下原因"


def test_a_line_that_is_back_in_part_says_what_remains_why_and_the_road(engine: Engine) -> None:
    late(engine, 16, draws=3)
    send(engine, event("pay", "A000", "repay", at(16), amount=10_000))
    for day in range(17, 28):
        engine.review(20_000 + day)
    (restored, *_) = of_action(engine, "restore")
    assert restored.after.limit < restored.after.granted
    said = letter(engine, restored, "en")
    assert "This is not yet the whole of CN¥1,000." in said.lead
    assert [reason.code for reason in said.reasons] == ["rapid_borrowing"]
    assert said.plans
    assert "额度尚未全部恢复（原额度¥1,000）。" in letter(engine, restored, "zh").lead


def test_nobody_is_told_to_be_able_to_borrow_where_nothing_is_free(engine: Engine) -> None:
    late(engine, 16, draws=4)  # 800.00 owed of 1,000.00; the line comes back at 600.00
    send(engine, event("pay", "A000", "repay", at(16), amount=10_000))
    for day in range(17, 28):
        engine.review(20_000 + day)
    (restored, *_) = of_action(engine, "restore")
    assert (restored.before.status, restored.after.limit) == ("suspended", 60_000)
    said = letter(engine, restored, "en")
    assert said.headline == "Your credit limit is now CN¥600"
    assert "You owe CN¥700, so you can borrow again once you owe less than CN¥600." in said.lead


def test_a_correction_says_what_was_known_late_and_which_decision(engine: Engine) -> None:
    late(engine, 16)
    send(engine, event("paid", "A000", "repay", at(9), amount=10_000))
    (corrected,) = of_action(engine, "correct")
    suspended = of_action(engine, "suspend")[0]
    said = letter(engine, corrected, "en")
    assert f"The decision A000-{suspended.number} should not have been made." in said.lead
    assert "We did not know of this in time: repayment, on 13 October." in said.lead
    assert "以下信息我们收到较晚：10月13日的还款。" in letter(engine, corrected, "zh").lead


def test_a_correction_of_a_wrong_record_says_so(engine: Engine) -> None:
    late(engine, 16)
    send(engine, event("no bill", "A000", "reversal", at(16), of="bill"))
    (corrected,) = of_action(engine, "correct")
    said = letter(engine, corrected, "en").lead
    assert "It rested on a record of ours that was wrong." in said
    assert "The decision  should" not in said
