"""First limits and the borrower's own wishes beside what a policy announces, and how it treats."""

from __future__ import annotations

from pathlib import Path

import linekeeper as lk
from linekeeper.core.decision import Decision
from linekeeper.evaluate.circuit_breaker import follows_grant
from linekeeper.kernel.kernel import Kernel
from linekeeper.notice.from_decision import notice_of, read_lender_profile
from linekeeper.notice.render import as_text
from linekeeper.policy.load import load_text
from tests.oracle.story import policy_file

OPENED = {"kind": "open", "at": "2024-01-02T09:00:00+08:00", "limit": 100_000}


def decisions(folder: Path, rules: str, events: list[dict[str, object]], until: str = "2024-02-20") -> list[Decision]:
    """What is decided of one account."""
    policy = folder / "policy.yaml"
    policy.write_text(policy_file(rules, "Asia/Shanghai"), encoding="utf-8")
    rows = [{"id": f"e{number}", "account": "A", **one} for number, one in enumerate(events)]
    return [one.record for one in lk.replay(policy, rows, until=until).decisions]


FIRST = """
events: {own_limit: {cooling: 0d}, grant: {}}
assign: {limit: {amount: 'part(limit, 50%)', floor: 1 CNY}}
triggers:
  trial: {when: days_on_book < 20, effective: 10d, cap: 40%, hold: 1d, reason: burden}
restoration: {first: 100%, step: 100%, every: 1d}
"""


def test_a_first_limit_is_told_with_what_is_announced(tmp_path: Path) -> None:
    """Half of 1,000 is assigned; 40 % of that is announced for ten days later, and is all that is left then."""
    first, second, *_ = decisions(tmp_path, FIRST, [OPENED])
    assert (first.action, first.after.limit, first.after.granted) == ("assign", 50_000, 50_000)
    assert first.announcements is not None
    assert (first.announcements.limit, len(first.announcements.pending)) == (20_000, 1)
    assert (second.action, second.after.limit, second.was_announced) == ("decrease", 20_000, True)
    notice = notice_of(first, load_text(policy_file(FIRST, "Asia/Shanghai")), read_lender_profile())
    words = as_text(notice, "en")
    assert "Your line is open from" in words
    assert "We announce a further change" in words


def test_a_grant_changes_what_is_announced_and_the_brake_tells_the_two_apart(tmp_path: Path) -> None:
    """The lender grants 300 on the day before; what was announced takes 40 % of that."""
    grant = {"kind": "grant", "at": "2024-01-10T09:00:00+08:00", "granted": 30_000, "by": "x", "why": "y"}
    _, granted, effect, *_ = decisions(tmp_path, FIRST, [OPENED, grant])
    assert (granted.action, granted.after.limit) == ("decrease", 30_000)
    assert [reason.code for reason in granted.reasons] == ["granted_less"]
    assert granted.announcements is not None
    assert granted.announcements.limit == 12_000
    assert (effect.action, effect.after.limit) == ("decrease", 12_000)


def test_what_comes_into_effect_on_the_day_of_a_grant_is_no_grant() -> None:
    kernel = Kernel(load_text(policy_file(FIRST)))
    place, row = kernel.shape.place, kernel.new_row()
    row[place("GRANTED_BEFORE")], row[place("GRANTED_AFTER")] = 100, 50
    row[place("MASK_BEFORE")] = row[place("MASK_AFTER")] = row[place("ANNOUNCED_BEFORE")] = 1
    assert not follows_grant(kernel, row)
    row[place("ANNOUNCED_AFTER")] = 1
    assert follows_grant(kernel, row)


TREATED = """
events: {own_limit: {cooling: 0d}}
triggers:
  asked: {when: 'count(own_limit, 3d) >= 1', watch: own_wishes, contact: call, price: dearer, reason: burden}
restoration: {first: 60%, step: 20%, every: 30d}
"""
WISH = {"kind": "own_limit", "at": "2024-01-05T09:00:00+08:00", "wish": "lower", "limit": 30_000}


def test_a_wish_is_confirmed_before_any_treatment(tmp_path: Path) -> None:
    """The same evaluation begins treatments: the wish is told, the price with it, and nobody is contacted beside."""
    decision = decisions(tmp_path, TREATED, [OPENED, WISH])[0]
    assert (decision.action, decision.own_choice and decision.own_choice.limit) == ("own_choice", 30_000)
    assert [one.kind for one in decision.treatments] == ["watch", "price"]
    notice = notice_of(decision, load_text(policy_file(TREATED)), read_lender_profile())
    words = as_text(notice, "en")
    assert "By your own choice" in words
    assert "Your price is now that of dearer" in words


def test_new_grounds_on_a_restricted_line_are_told_beside_a_wish(tmp_path: Path) -> None:
    """Law 9: whoever learns of a wish learns of the new ground too, with its reason, and by when that is due."""
    rules = """
events: {own_limit: {cooling: 0d}}
triggers:
  first: {when: 'count(draw, 30d) >= 1', cap: 50%, reason: rapid}
  asked: {when: 'count(own_limit, 30d) >= 1', cap: 80%, reason: burden}
restoration: {first: 60%, step: 20%, every: 30d}
"""
    draw = {"kind": "draw", "at": "2024-01-03T09:00:00+08:00", "amount": 1_000}
    decision = decisions(tmp_path, rules, [OPENED, draw, WISH])[1]
    assert (decision.action, decision.triggers_set) == ("own_choice", ("asked",))
    notice = notice_of(decision, load_text(policy_file(rules)), read_lender_profile())
    assert [reason.code for reason in notice.reasons] == ["burden"]
    assert notice.road is not None
    assert notice.objection.automated
