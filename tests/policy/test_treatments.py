"""Watch, contact and price: what triggers do beside restricting."""

from __future__ import annotations

from pathlib import Path

import pytest

from linekeeper.core.decision import Decision
from linekeeper.core.errors import PolicyError
from linekeeper.core.line import ADVERSE, Action
from linekeeper.decide.canonical import canonical_json, read_decision
from linekeeper.decide.record import first_allowed, recorder_of
from linekeeper.kernel.calendar import calendar
from linekeeper.kernel.kernel import Kernel
from linekeeper.notice.from_decision import NOTIFIED_ACTIONS, notice_of, read_lender_profile
from linekeeper.notice.prose import describe
from linekeeper.notice.render import as_text
from linekeeper.policy.fmt import format_text
from linekeeper.policy.load import load_file, load_text
from linekeeper.policy.model import Policy
from tests.kernel.agree import by_arrival, differences, in_bulk, last_day, row_of, unreversed
from tests.oracle.generate import for_program, stream
from tests.oracle.held import read_alike
from tests.oracle.oracle import run
from tests.oracle.policies import Written
from tests.oracle.reader import read
from tests.oracle.story import day, expected, ledger, policy_file, sentence, written
from tests.policy.texts import HEAD

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "strategy" / "treatments.yaml"
HOUR_MS = 3_600_000
TEXT = """
triggers:
  slipping:
    when: days_past_due >= 3
    contact: {code: reminder, at_most: "2 in 90d", quiet: "21:00-08:00"}
    reason: arrears
  idle: {when: days_since(draw) >= 30d, watch: dormant, reason: idle}
"""
POLICY = written(TEXT)
THREE_TIMES_LATE = """
    2024-01-01 09:00  open limit=1000
    2024-01-01 10:00  draw amount=500
    2024-01-02 12:00  due amount=10 due_on=2024-01-05
    => 2024-01-08 morning: contact, 1000.00 of 1000.00, active [slipping]
    2024-01-08 12:00  repay amount=10
    => 2024-01-08 12h: keep, 1000.00 of 1000.00, active []
    2024-01-09 12:00  due amount=10 due_on=2024-01-12
    => 2024-01-15 morning: contact, 1000.00 of 1000.00, active [slipping]
    2024-01-15 12:00  repay amount=10
    => 2024-01-15 12h: keep, 1000.00 of 1000.00, active []
    2024-01-16 12:00  due amount=10 due_on=2024-01-19
    => 2024-01-22 morning: keep, 1000.00 of 1000.00, active [slipping]
    2024-01-22 12:00  repay amount=10
    => 2024-01-22 12h: keep, 1000.00 of 1000.00, active []
    => 2024-01-31 morning: watch, 1000.00 of 1000.00, active [idle]
    """


def test_two_contacts_and_no_third_within_ninety_days() -> None:
    rulings = run(POLICY, ledger(POLICY, THREE_TIMES_LATE), day("2024-02-01")).rulings
    assert [sentence(ruling) for ruling in rulings] == expected(THREE_TIMES_LATE)


def decisions(policy: Policy, text: str, until: str) -> list[Decision]:
    """The recorded decisions of a story, by the kernel."""
    kernel = Kernel(policy)
    recorder, state, out, made = recorder_of(kernel), kernel.new_state(), kernel.new_row(), list[Decision]()
    run_kernel, slots = kernel.interpreted, kernel.layout.slots

    def note(decided: int, at: int, event: str | None) -> None:
        if decided > 0:
            made.append(recorder.decision(out, "card-0001", len(made) + 1, at, event, None))

    def review(last: int) -> None:
        while state[slots["OPENED"]] and state[slots["NEXT_REVIEW"]] <= last:
            next_day = state[slots["NEXT_REVIEW"]]
            note(run_kernel.review(state, out, next_day), kernel.calendar.day_start(next_day), None)

    for event in for_program(ledger(POLICY, text)):
        row = row_of(kernel, event)
        review(row.hour // 24)
        note(run_kernel.step(state, out, *row), event.at, event.id)
    review(day(until))
    return made


def test_the_record_says_what_begins_and_from_when() -> None:
    """The review of a morning is at midnight: the contact waits for eight o'clock."""
    first, *_, last = decisions(load_text(policy_file(TEXT)), THREE_TIMES_LATE, "2024-02-01")
    (contact,) = first.treatments
    assert (contact.trigger, contact.kind, contact.code) == ("slipping", "contact", "reminder")
    assert contact.from_at == first.at + 8 * HOUR_MS
    assert [(one.kind, one.code, one.from_at) for one in last.treatments] == [("watch", "dormant", None)]
    assert read_decision(canonical_json(first)) == first


def test_a_cut_that_is_told_has_no_contact_beside_it() -> None:
    text = TEXT.replace("reason: idle", "cap: 50%, contact: call, reason: idle")
    policy = load_text(policy_file(f"{text}restoration: {{first: 100%, step: 100%, every: 1d}}\n"))
    *_, last = decisions(policy, THREE_TIMES_LATE, "2024-02-01")
    assert last.action == "decrease"
    assert [one.kind for one in last.treatments] == ["watch"]


def test_what_is_watched_is_no_reason_of_a_cut() -> None:
    """An adverse notice has the reasons that restrict, and no others: what is watched is told to nobody."""
    more = "  cut: {when: days_since(draw) >= 30d, cap: 50%, reason: burden}\n"
    policy = load_text(policy_file(f"{TEXT}{more}restoration: {{first: 100%, step: 100%, every: 1d}}\n"))
    *_, last = decisions(policy, THREE_TIMES_LATE, "2024-02-01")
    assert set(last.triggers_set) == {"idle", "cut"}
    assert [reason.code for reason in last.reasons] == ["burden"]


def test_quiet_hours_are_those_of_the_zone() -> None:
    """A quarter past nine in the evening in Shanghai is a quarter past one in the afternoon, universal time."""
    zone = calendar("Asia/Shanghai")
    evening = zone.day_start(20_000) + 21 * HOUR_MS + 900_000
    assert first_allowed(evening, (21, 8), zone) == zone.day_start(20_001) + 8 * HOUR_MS
    assert first_allowed(evening - HOUR_MS, (21, 8), zone) == evening - HOUR_MS
    assert first_allowed(evening, None, zone) == evening


def test_the_law_knows_which_are_adverse_and_which_are_told() -> None:
    treating = {Action.CONTACT, Action.PRICE, Action.WATCH}
    assert not treating & ADVERSE
    assert {action.name.lower() for action in treating} & set(NOTIFIED_ACTIONS) == {"contact", "price"}


@pytest.mark.parametrize("seed", range(4))
def test_treatments_never_restrict(seed: int) -> None:
    """The example without its cut: whatever happens, the line stays as it is."""
    text = EXAMPLE.read_text("utf-8").replace("    cap: 50%\n", "").replace("\nrestoration:", "\n# restoration:")
    policy = load_text(text)
    events = [event for event in unreversed(stream(policy, seed)) if event.kind != "override"]  # no person's cap
    outcome = run(read(text), events, last_day(policy, events) + 400)
    assert outcome.rulings
    assert all(ruling.after == ruling.before for ruling in outcome.rulings)
    assert all(ruling.after.limit == ruling.after.granted for ruling in outcome.rulings)


@pytest.mark.parametrize("seed", range(4))
def test_oracle_and_kernel_agree_on_the_example(seed: int) -> None:
    policy = load_file(EXAMPLE)
    assert read_alike(Written(policy.source, read(policy.source))) == load_text(policy.source)
    events = unreversed(stream(policy, seed, takes_over=seed % 2 == 1))
    kernel, until = Kernel(policy), last_day(policy, events) + 40
    outcome = run(read(policy.source), events, until)
    assert differences(policy, outcome, *by_arrival(kernel, events, until)) == []
    for lazy in (True, False):
        assert differences(policy, outcome, *in_bulk(kernel, [events], until, compiled=False, lazy=lazy)[0]) == []


def test_letters() -> None:
    policy, profile = load_text(policy_file(TEXT)), read_lender_profile()
    first, *_ = decisions(policy, THREE_TIMES_LATE, "2024-02-01")
    english, chinese = (as_text(notice_of(first, policy, profile), lang) for lang in ("en", "zh"))
    assert "A word about your credit line\nNothing changes on your line. Your limit is CN¥1,000." in english
    assert "A payment is late" in english
    assert "您的额度没有任何变化" in chinese
    dearer = load_text(policy_file(TEXT.replace("watch: dormant", "price: dearer")))
    *_, last = decisions(dearer, THREE_TIMES_LATE, "2024-02-01")
    assert last.action == "price"
    assert "Your price is now that of dearer" in as_text(notice_of(last, dearer, profile), "en")


@pytest.mark.parametrize(
    ("treatment", "message"),
    [
        ("contact: {at_most: 2 in 30d}", "the key `code` is missing"),
        ("contact: {code: c, at_most: twice a month}", "`twice a month` does not fit here"),
        ("contact: {code: c, at_most: 11 in 30d}", "`11 in 30d` does not fit here; from 1 to 10, and from 1 to 365"),
        ("contact: {code: c, quiet: '21:30-08:00'}", "`21:30-08:00` does not fit here"),
        ("contact: {code: c, quiet: '08:00-08:00'}", "the quiet hours begin when they end"),
        ("contact: {code: c, often: 3}", "the key `often` is not known"),
        ("watch: dormant, effective: 3d", "the trigger `t` takes nothing away, so there is nothing to announce"),
        ("watch: Dormant", "`Dormant`"),
    ],
)
def test_what_is_refused(treatment: str, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_text(f"{HEAD}triggers:\n  t: {{when: days_past_due >= 5, {treatment}, reason: r}}\n")
    assert any(message in fault.message for fault in caught.value.faults), [str(one) for one in caught.value.faults]


def test_words_and_form() -> None:
    text = EXAMPLE.read_text("utf-8")
    assert format_text(text) == text
    english, chinese = (str(describe(load_file(EXAMPLE), lang)) for lang in ("en", "zh"))
    assert "the borrower is contacted (“friendly_reminder”) at most 2 times in 30 days, not between 21:00" in english
    assert "this is noted as “dormant”, and told to nobody" in english
    assert "不通知任何人" in chinese
