"""Reasons: wording by code and by what is measured, filled with facts that the decision recorded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from linekeeper.core import decision as core
from linekeeper.notice.from_decision import change_of, denial_reason, reasons_of
from linekeeper.notice.model import BorrowerFact, NoticeReason
from linekeeper.notice.phrasebook import Phrasebook
from linekeeper.notice.prose import feature_words
from linekeeper.notice.reasons import Wordings, read_wordings, render_reason, shipped_wordings
from linekeeper.policy import model as m
from linekeeper.policy.load import load_file, load_text
from linekeeper.texts.language import LANGS, Text, language
from linekeeper.texts.material import MaterialError
from tests.notice.examples import day

POLICIES = sorted((Path(__file__).parents[2] / "policies").glob("*.yaml"))
TODAY = day(2026, 5, 5)
ENGLISH, CHINESE = (Phrasebook(language(lang), "CNY", 2, TODAY) for lang in ("en", "zh"))
NEEDED = [
    "arrears",
    "serious_arrears",
    "rapid_borrowing",
    "rising_burden",
    "night_spending",
    "gambling",
    "weak_score",
    "many_enquiries",
    "high_utilisation",
    "low_payment",
    "fraud",
    "charge_off",
    "over_limit",
    "not_open",
    "person",
    "suspended",
    "closed",
]


@pytest.mark.parametrize("code", NEEDED)
@pytest.mark.parametrize("phrases", [ENGLISH, CHINESE], ids=LANGS[::-1])
def test_every_code_says_something_without_any_fact(code: str, phrases: Phrasebook) -> None:
    shown = render_reason(NoticeReason(code), phrases)
    assert shown.title
    assert shown.text.endswith((".", "。"))


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        ("days_past_due due_on past_due", "You were 3 days late on the payment of 2 May. CN¥860.50 is still to pay."),
        ("days_past_due due_on", "You were 3 days late on the payment of 2 May."),
        ("days_past_due past_due", "A payment is 3 days late. CN¥860.50 is still to pay."),
        ("days_past_due", "A payment is 3 days late."),
        ("due_on past_due", "A payment was not made by its due date."),
        ("", "A payment was not made by its due date."),
    ],
)
def test_the_text_that_fits_the_facts_is_shown(facts: str, shown: str) -> None:
    known = {
        "days_past_due": BorrowerFact(3, "days"),
        "due_on": BorrowerFact(day(2026, 5, 2), "date"),
        "past_due": BorrowerFact(86_050, "money"),
    }
    assert render_reason(NoticeReason("arrears", {name: known[name] for name in facts.split()}), ENGLISH).text == shown


def test_a_missing_fact_is_not_shown() -> None:
    assert render_reason(NoticeReason("arrears", {"days_past_due": BorrowerFact(None, "days")}), ENGLISH).text == (
        "A payment was not made by its due date."
    )


def test_a_date_of_another_year_has_its_year() -> None:
    facts = {"days_past_due": BorrowerFact(400, "days"), "due_on": BorrowerFact(TODAY - 400, "date")}
    assert (
        render_reason(NoticeReason("arrears", facts), ENGLISH).text
        == "You were 400 days late on the payment of 31 March 2025."
    )


UNITS = [
    (BorrowerFact(123, "money"), "CN¥1.23", "¥1.23"),
    (BorrowerFact(3, "count"), "3", "3"),
    (BorrowerFact(1, "days"), "1 day", "1天"),
    (BorrowerFact(9_240, "share"), "92.4%", "92.4%"),
    (BorrowerFact(1_000_000, "share"), "more than ten times as much", "十倍以上"),
    (BorrowerFact(1, "flag"), "yes", "是"),
    (BorrowerFact(0, "flag"), "no", "否"),
    (BorrowerFact(1, "category", "gambling"), "gambling", "博彩"),
    (BorrowerFact(540, "points"), "540 points", "540分"),
    (BorrowerFact(12_000, "pd"), "1.2%", "1.2%"),
    (BorrowerFact(day(2026, 5, 2), "date"), "2 May", "5月2日"),
    (BorrowerFact(3, "times"), "3 times", "3次"),
    (BorrowerFact(None, "money"), "not known", "未知"),
]


@pytest.mark.parametrize(("fact", "english", "chinese"), UNITS)
def test_each_unit_has_its_form(fact: BorrowerFact, english: str, chinese: str) -> None:
    assert (ENGLISH.fact(fact), CHINESE.fact(fact)) == (english, chinese)


# ------------------------------------------------------------------ wording is bound to the rule it was written for

TINY = """
policy: tiny
version: 1
currency: CNY
time_zone: Asia/Shanghai
events: {{fraud: {{}}}}
features:
  pace: count(draw, {window})
score:
  base: 500
  willingness:
    pace: {{below 3: 10, otherwise: -20}}
    utilisation: {{below 80%: 10, otherwise: -5}}
triggers:
  rush: {{when: pace >= 5 and days_past_due < 3, cap: 50%, reason: rapid_borrowing}}
  late: {{when: days_past_due >= 3, suspend: yes, reason: arrears}}
  later: {{when: days_past_due >= 5, suspend: yes, reason: arrears}}
  weak: {{when: score < 500, cap: 70%, reason: weak_score}}
  stolen: {{when: known(days_since(fraud)), close: yes, terminal: yes, reason: fraud}}
restoration: {{first: 40%, step: 20%, every: 30d}}
authorise:
  fast: {{deny: "pace >= 4 and amount > 100 CNY", reason: rapid_borrowing}}
"""
POLICY = load_text(TINY.format(window="7d"))
VALUES: dict[str, int | None] = {
    "pace": 6,
    "utilisation": 9_240,
    "days_past_due": 6,
    "days_since(fraud)": 2,
}


def decided(policy: m.Policy, *grounds: core.Reason, **changes: object) -> core.Decision:
    """A suspension with these grounds."""
    decision = core.Decision(
        account="A",
        number=1,
        at=0,
        policy=policy.digest,
        model=None,
        event="e1",
        action="suspend",
        before=core.LineRecord(100_000, 100_000, "active"),
        after=core.LineRecord(50_000, 100_000, "suspended"),
        triggers_set=(),
        triggers_released=(),
        triggers_in_force=(),
        imposed_bp=None,
        values=VALUES,
        score=475,
        sub_scores={},
        pd_ppm=None,
        reasons=grounds,
        offer=None,
        previous=None,
    )
    return replace(decision, **changes)  # type: ignore[arg-type]


def test_a_measurement_is_shown_in_its_wording() -> None:
    (reason,) = reasons_of(POLICY, decided(POLICY, core.Reason("weak_score", "weak", "pace", 30)), TODAY)
    shown = render_reason(reason, ENGLISH)
    assert (shown.title, shown.text) == ("New loans in a week", "Loans taken in the last 7 days: 6.")


def test_a_measurement_that_has_changed_is_shown_in_its_own_words() -> None:
    policy = load_text(TINY.format(window="9d"))
    (reason,) = reasons_of(policy, decided(policy, core.Reason("weak_score", "weak", "pace", 30)), TODAY)
    shown = render_reason(reason, ENGLISH)
    assert (shown.title, shown.text) == ("The number of draws in the last 9 days", "This stands at 6.")
    assert render_reason(reason, CHINESE).title == "最近9天借款的次数"


def test_a_measurement_that_is_not_known_says_so() -> None:
    reason = NoticeReason(
        "weak_score", {"value": BorrowerFact(None, "share")}, feature_words(POLICY, "utilisation"), "utilisation"
    )
    assert render_reason(reason, ENGLISH).text == "We do not know this."


def test_a_trigger_tells_the_facts_of_its_rule() -> None:
    (reason,) = reasons_of(POLICY, decided(POLICY, core.Reason("rapid_borrowing", "rush")), TODAY)
    shown = render_reason(reason, ENGLISH)
    assert shown.text == "You borrowed often within a short time."
    assert shown.details == ("Loans taken in the last 7 days: 6.", "A payment is 6 days late.")


def test_a_fact_in_the_text_is_not_shown_again() -> None:
    (reason,) = reasons_of(POLICY, decided(POLICY, core.Reason("arrears", "late")), TODAY)
    shown = render_reason(reason, ENGLISH)
    assert (shown.text, shown.details) == ("A payment is 6 days late.", ())


def test_facts_from_beyond_the_record_fill_the_text() -> None:
    more = {"due_on": BorrowerFact(TODAY - 6, "date")}
    (reason,) = reasons_of(POLICY, decided(POLICY, core.Reason("arrears", "late")), TODAY, more)
    assert render_reason(reason, ENGLISH).text == "You were 6 days late on the payment of 29 April."


def test_one_code_is_shown_once() -> None:
    grounds = (core.Reason("arrears", "late"), core.Reason("arrears", "later"), core.Reason("rapid_borrowing", "rush"))
    found = reasons_of(POLICY, decided(POLICY, *grounds), TODAY)
    assert [reason.code for reason in found] == ["arrears", "rapid_borrowing"]
    assert found[0].words == Text(zh="逾期时间不低于3天", en="the time past due is at least 3 days")


def test_one_feature_of_two_score_triggers_is_shown_once() -> None:
    grounds = (core.Reason("weak_score", "weak", "pace", 30), core.Reason("poor_score", "weak", "pace", 30))
    assert len(reasons_of(POLICY, decided(POLICY, *grounds), TODAY)) == 1


def test_days_since_an_event_are_shown_as_its_day() -> None:
    (reason,) = reasons_of(POLICY, decided(POLICY, core.Reason("fraud", "stolen")), TODAY)
    assert render_reason(reason, ENGLISH).text == "On 3 May we found that this account was misused."


def test_two_features_of_a_table_are_both_shown() -> None:
    ground = core.Reason("weak_score", "weak", "pace and utilisation", 12)
    (reason,) = reasons_of(POLICY, decided(POLICY, ground), TODAY)
    shown = render_reason(reason, ENGLISH)
    assert shown.text.endswith("You have 475 points now, and that is low.")
    assert shown.details == ("Loans taken in the last 7 days: 6.", "You use 92.4% of your limit.")


def test_a_person_needs_no_trigger() -> None:
    (reason,) = reasons_of(POLICY, decided(POLICY, core.Reason("person", "")), TODAY)
    assert render_reason(reason, ENGLISH).text == "One of our staff looked at your line and decided this."


def test_a_denied_draw_tells_the_rule_that_denied_it() -> None:
    shown = render_reason(denial_reason(POLICY, POLICY.authorise[0], VALUES, 30_000), ENGLISH)
    assert shown.details == ("Loans taken in the last 7 days: 6.",)


def test_a_decision_gives_the_change() -> None:
    offered = decided(POLICY, action="offer", offer=core.OfferRecord(2, 120_000))
    change = change_of(offered, TODAY, valid_days=30)
    assert (change.action.name, change.after.limit, change.after.status.name) == ("OFFER", 50_000, "SUSPENDED")
    assert change.offered is not None
    assert (change.offered.number, change.offered.proposed_minor, change.offered.until_day) == (2, 120_000, TODAY + 30)


# ------------------------------------------------------------------ the shipped policies and texts


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_every_reason_of_the_shipped_policies_has_wording(path: Path) -> None:
    policy, codes = load_file(path), shipped_wordings().codes
    used = {rule.reason for rule in (*policy.triggers, *policy.authorise)}
    assert used <= set(codes)


@pytest.mark.parametrize("name", ["consumer-loan", "credit-card"])
def test_every_scored_feature_of_the_shipped_policies_has_wording(name: str) -> None:
    policy, measures = load_file(POLICIES[0].with_name(f"{name}.yaml")), shipped_wordings().measures
    assert [one.stem for one in POLICIES if load_file(one).score] == ["consumer-loan", "credit-card"]
    assert policy.score is not None
    words = {part.feature: feature_words(policy, part.feature).en for part in policy.score.bins}
    assert {name for name, text in words.items() if text not in measures} == set()


@pytest.mark.parametrize(
    ("triggers", "message"),
    [
        ("odd: {lessons: [], title: {en: a, zh: b}, text: [{en: 'x {n}', zh: 'y'}]}", "name different facts"),
        (
            "odd: {lessons: [], title: {en: a, zh: b}, text: [{en: 'x {n}', zh: 'y {n}'}]}",
            "needs facts; add one without",
        ),
        ("odd: {lessons: [], text: [{en: x, zh: y}]}", "needs `lessons`, `title` and `text`"),
        ("odd: {lessons: [], title: {en: a}, text: [{en: x, zh: y}]}", "needs `lessons`, `title` and `text`"),
        ("odd: [", "cannot be read"),
    ],
)
def test_wording_that_is_not_whole_is_refused(tmp_path: Path, triggers: str, message: str) -> None:
    (tmp_path / "triggers.yaml").write_text(triggers, "utf-8")
    (tmp_path / "features.yaml").write_text("[]", "utf-8")
    with pytest.raises(MaterialError, match=message):
        read_wordings(tmp_path)


def test_wording_can_be_the_lenders_own(tmp_path: Path) -> None:
    (tmp_path / "triggers.yaml").write_text(
        "arrears: {lessons: [], title: {en: Late, zh: 迟了}, text: [{en: You are late., zh: 您迟了。}]}", "utf-8"
    )
    (tmp_path / "features.yaml").write_text("[]", "utf-8")
    own: Wordings = read_wordings(tmp_path)
    assert render_reason(NoticeReason("arrears"), CHINESE, own).text == "您迟了。"
