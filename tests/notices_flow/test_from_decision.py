"""From a decision to its notice: what is shown once, what is left out, and why there is no road."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from linekeeper.core.decision import Decision, LineRecord, Reason
from linekeeper.core.errors import LinekeeperError
from linekeeper.notice.from_decision import DecisionContext, notice_of, read_lender_profile, why_no_road
from linekeeper.notice.render import render_notice
from linekeeper.policy.load import load_text
from linekeeper.recourse import NoRoadBack
from tests.brake.bank import DAY, at

POLICY = load_text("""
policy: notified
version: 1
currency: CNY
time_zone: UTC
events: {fraud: {}}
features:
  draws: {value: "count(draw, 7d)", worse: higher}
  behind: {value: days_past_due, worse: higher}
score:
  base: 500
  ability:
    draws: {below 2: 50, otherwise: 0}
    behind: {below 1: 80, otherwise: 0}
  pd: {below 500: 20%, otherwise: 2%}
triggers:
  late_3: {when: behind >= 3 and past_due > 0 CNY, suspend: yes, reason: arrears}
  late_30: {when: behind >= 30, cap: 50%, reason: arrears}
  many: {when: draws >= 3 or utilisation >= 90%, cap: 80%, reason: rapid_borrowing}
  weak: {when: score < 560, cap: 60%, reason: weak_score}
  fraud_found: {when: known(days_since(fraud)), close: yes, terminal: yes, reason: fraud}
restoration: {first: 40%, step: 20%, every: 30d}
""")
LINE = LineRecord(100_000, 100_000, "active")
VALUES = {
    "draws": 4,
    "behind": 3,
    "past_due": 8_050,
    "utilisation": 2_000,
    "days_past_due": 3,
    "days_since(fraud)": None,
}
DECISION = Decision(
    account="card-0042-8821",
    number=3,
    at=at(0),
    policy=POLICY.digest,
    model=None,
    event=None,
    action="suspend",
    before=LINE,
    after=replace(LINE, limit=60_000, status="suspended"),
    triggers_set=("late_3", "many", "weak"),
    triggers_released=(),
    triggers_in_force=("late_3", "many", "weak"),
    imposed_bp=None,
    values={name: VALUES[name] for name in (one.name for one in POLICY.features)},
    score=500,
    sub_scores={"ability": 0},
    pd_ppm=20_000,
    reasons=(
        Reason("arrears", "late_3"),
        Reason("rapid_borrowing", "many"),
        Reason("weak_score", "weak", "behind", 80),
        Reason("weak_score", "weak", "draws", 50),
    ),
    offer=None,
    previous=None,
)


def reason_texts(decision: Decision, context: DecisionContext | None = None) -> list[str]:
    """Titles, texts and details of the reasons."""
    shown = render_notice(notice_of(decision, POLICY, read_lender_profile(), context=context), "en")
    return [f"{one.title}: {' '.join((one.text, *one.details))}" for one in shown.reasons]


def test_a_measurement_is_shown_once() -> None:
    assert reason_texts(DECISION) == [
        "A payment is late: A payment is 3 days late. CN¥80.50 is still to pay.",
        "Many new loans in a short time: You borrowed often within a short time. Loans taken in the last 7 days: 4.",
    ]


def test_of_alternatives_only_what_holds_is_shown() -> None:
    used = replace(DECISION, values={**DECISION.values, "draws": 1, "utilisation": 9_500})
    assert "95%" in reason_texts(used)[1]
    assert "Loans taken" not in reason_texts(used)[1]


def test_the_day_of_the_bill_is_shown_where_the_decision_confirms_it() -> None:
    assert "payment of 1 October" in reason_texts(DECISION, DecisionContext(due_on=DAY - 3))[0]
    assert "payment of" not in reason_texts(DECISION, DecisionContext(due_on=DAY - 4))[0]


def test_two_triggers_with_one_code_are_one_reason() -> None:
    both = replace(DECISION, reasons=(Reason("arrears", "late_3"), Reason("arrears", "late_30")))
    assert len(reason_texts(both)) == 1


def test_no_road_says_why() -> None:
    assert why_no_road(DECISION, POLICY) == NoRoadBack("not_found", ("late_3", "many", "weak"))
    assert why_no_road(replace(DECISION, imposed_bp=5_000), POLICY).why == "person"
    fraud = replace(DECISION, triggers_in_force=("late_3", "fraud_found"), imposed_bp=5_000)
    assert why_no_road(fraud, POLICY) == NoRoadBack("terminal", ("fraud_found",))


def test_a_correction_names_what_it_mends() -> None:
    mended = replace(DECISION, action="correct", number=5, corrects=(3, 4), after=LINE, before=DECISION.after)
    assert "8821-3 and 8821-4" in render_notice(notice_of(mended, POLICY, read_lender_profile()), "en").lead


def test_an_action_without_a_notice_is_refused_in_words() -> None:
    quiet = notice_of(replace(DECISION, action="keep", triggers_set=()), POLICY, read_lender_profile())
    with pytest.raises(LinekeeperError, match="`keep` is no matter for a notice"):
        render_notice(quiet, "en")


def test_a_lender_without_a_way_to_object_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: {zh: a, en: b}\nphone: 1\nurl: https://x.example\nrepay: []\n", "utf-8")
    with pytest.raises(LinekeeperError, match=r"`mine.yaml` does not say who the lender is"):
        read_lender_profile(file)
