"""Restrictions that are told before they are in effect: `effective`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from linekeeper.core.decision import Decision
from linekeeper.core.errors import PolicyError
from linekeeper.decide.canonical import canonical_json, read_decision
from linekeeper.decide.explain import explain_triggers
from linekeeper.decide.record import recorder_of
from linekeeper.engine.outbox import Law, Outbox
from linekeeper.kernel.kernel import Kernel
from linekeeper.notice.from_decision import notice_of, read_lender_profile
from linekeeper.notice.prose import describe
from linekeeper.notice.render import as_text
from linekeeper.policy.load import load_file, load_text
from linekeeper.regulation.announcements import restrictions_too_soon
from linekeeper.regulation.records import shipped_records
from tests.kernel.agree import by_arrival, differences, in_bulk, row_of
from tests.oracle.generate import for_program
from tests.oracle.oracle import run
from tests.oracle.reader import read
from tests.oracle.story import day, expected, ledger, policy_file, sentence, written
from tests.policy.texts import HEAD

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "strategy" / "overdraft.yaml"
TEXT = """
triggers:
  arrears: {when: days_past_due >= 10, clear: past_due = 0 CNY, hold: 60d, cap: 50%, effective: 30d, reason: arrears}
restoration: {first: 100%, step: 100%, every: 1d}
"""
POLICY = written(TEXT)
PAID_IN_TIME = """
    2024-01-01 09:00  open limit=1000
    2024-01-05 12:00  due amount=100 due_on=2024-01-31
    => 2024-02-10 morning: announce, 1000.00 of 1000.00, active [arrears]
    2024-03-10 10:00  repay amount=100
    => 2024-03-10 10h: withdraw, 1000.00 of 1000.00, active []
    """
NOT_PAID = """
    2024-01-01 09:00  open limit=1000
    2024-01-05 12:00  due amount=100 due_on=2024-01-31
    => 2024-02-10 morning: announce, 1000.00 of 1000.00, active [arrears]
    => 2024-03-11 morning: decrease, 500.00 of 1000.00, reduced [arrears]
    2024-03-12 10:00  repay amount=100
    => 2024-05-11 morning: restore, 1000.00 of 1000.00, active []
    """


@pytest.mark.parametrize("text", [PAID_IN_TIME, NOT_PAID])
def test_stories(text: str) -> None:
    """What has gone before the day does not come, whatever the hold; what still holds on the day comes."""
    rulings = run(POLICY, ledger(POLICY, text), day("2024-05-15")).rulings
    assert [sentence(ruling) for ruling in rulings] == expected(text)


def decisions(text: str, until: str) -> list[Decision]:
    """The recorded decisions of a story, by the kernel."""
    policy = load_text(policy_file(TEXT))
    kernel = Kernel(policy)
    recorder, state, out, made = recorder_of(kernel), kernel.new_state(), kernel.new_row(), list[Decision]()
    run_kernel, calendar = kernel.interpreted, kernel.calendar

    def note(decided: int, at: int, event: str | None) -> None:
        if decided > 0:
            made.append(recorder.decision(out, "card-0001", len(made) + 1, at, event, None))

    def review(last: int) -> None:
        while state[kernel.layout.slots["OPENED"]] and state[kernel.layout.slots["NEXT_REVIEW"]] <= last:
            next_day = state[kernel.layout.slots["NEXT_REVIEW"]]
            note(run_kernel.review(state, out, next_day), calendar.day_start(next_day), None)

    for event in for_program(ledger(POLICY, text)):
        row = row_of(kernel, event)
        review(row.hour // 24)
        note(run_kernel.step(state, out, *row), event.at, event.id)
    review(day(until))
    return made


def test_the_kernel_tells_the_stories_alike() -> None:
    policy = load_text(policy_file(TEXT))
    for text in (PAID_IN_TIME, NOT_PAID):
        events, until = for_program(ledger(POLICY, text)), day("2024-05-15")
        outcome = run(read(policy.source), events, until)
        kernel = Kernel(policy)
        assert differences(policy, outcome, *by_arrival(kernel, events, until)) == []
        for lazy in (True, False):
            assert differences(policy, outcome, *in_bulk(kernel, [events], until, compiled=False, lazy=lazy)[0]) == []


def test_the_record_names_the_day_and_what_it_will_leave() -> None:
    announced, in_effect, _ = decisions(NOT_PAID, "2024-05-15")
    assert announced.announcements is not None
    assert [(one.trigger, one.effect_day) for one in announced.announces] == [("arrears", day("2024-03-11"))]
    assert announced.announcements.limit == 50_000
    assert in_effect.announcements is not None
    assert in_effect.announcements.in_effect == ("arrears",)
    assert [reason.code for reason in in_effect.reasons] == ["arrears"]
    assert read_decision(canonical_json(announced)) == announced
    assert b"announcements" not in canonical_json(replace(announced, announcements=None))


def test_nobody_is_told_twice() -> None:
    announced, in_effect, restored = decisions(NOT_PAID, "2024-05-15")
    assert [one.was_announced for one in (announced, in_effect, restored)] == [False, True, False]


def test_the_letter_names_the_day() -> None:
    announced, *_ = decisions(NOT_PAID, "2024-05-15")
    policy, profile = load_text(policy_file(TEXT)), read_lender_profile()
    english, chinese = (as_text(notice_of(announced, policy, profile), lang) for lang in ("en", "zh"))
    assert "Your credit limit will be CN¥500 from 11 March" in english
    assert "Until then nothing changes." in english
    assert "A payment is late" in english
    assert "自3月11日起，您的额度将为¥500" in chinese


def test_the_letter_of_a_withdrawal() -> None:
    _, withdrawn = decisions(PAID_IN_TIME, "2024-05-15")
    policy, profile = load_text(policy_file(TEXT)), read_lender_profile()
    text = as_text(notice_of(withdrawn, policy, profile), "en")
    assert "What we announced does not come" in text
    assert "The reason for it has gone. Your limit stays at CN¥1,000." in text


def test_explained_as_announced() -> None:
    announced, in_effect, _ = decisions(NOT_PAID, "2024-05-15")
    policy = load_text(policy_file(TEXT))
    states = [explain_triggers(policy, one)[0].state for one in (announced, in_effect)]
    assert states == ["announced", "in force"]


def test_its_notice_is_not_overdue_at_birth() -> None:
    """Of an overdraft in the EU the borrower is told 30 days before; so the notice has the day on which it is made."""
    announced, *_ = decisions(NOT_PAID, "2024-05-15")
    later = 1_100 * 86_400_000  # from November 2026 on the record is in force
    policy = load_text(policy_file(TEXT))
    assert announced.announcements is not None
    pending = tuple(replace(one, effect_day=one.effect_day + 1_100) for one in announced.announcements.pending)
    moved = replace(announced.announcements, pending=pending)
    decision = replace(announced, at=announced.at + later, announcements=moved)
    clock = Outbox(Law("EU", "overdraft"), policy.time_zone).clock_of(decision, policy)
    assert clock.rule == "eu-ccd2-24-overdraft"
    assert clock.due_at == decision.at + 86_400_000
    assert clock.state_at(decision.at) == "alarm"


@pytest.mark.parametrize(("effective", "given"), [("", 0), (", effective: 29d", 29), (", effective: 30d", None)])
def test_what_the_law_demands(effective: str, given: int | None) -> None:
    late = f"{{when: days_past_due >= 10, cap: 50%, reason: arrears{effective}}}"
    policy = load_text(f"{HEAD}triggers:\n  late: {late}\nrestoration: {{first: 100%, step: 100%, every: 1d}}\n")
    found = list(restrictions_too_soon(policy, shipped_records(), "EU", "overdraft", day("2026-12-01")))
    assert [(one.given_days, one.needed_days, one.action) for one in found] == (
        [] if given is None else [(given, 30, "decrease")]
    )
    assert not list(restrictions_too_soon(policy, shipped_records(), "US", "credit_card", day("2026-12-01")))


def test_the_example_keeps_to_it() -> None:
    policy = load_file(EXAMPLE)
    assert not list(restrictions_too_soon(policy, shipped_records(), "EU", "overdraft", day("2026-12-01")))


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        ("cap: 50%, effective: 366d", "`366d` does not fit here"),
        ("cap: 50%, effective: 5%", "`5%` does not fit here"),
        ("cap: 100%, effective: 5d", "the trigger `late` takes nothing away, so there is nothing to announce"),
    ],
)
def test_what_is_refused(trigger: str, message: str) -> None:
    text = f"{HEAD}triggers:\n  late: {{when: days_past_due >= 5, {trigger}, reason: r}}\n"
    with pytest.raises(PolicyError) as caught:
        load_text(f"{text}restoration: {{first: 100%, step: 100%, every: 1d}}\n")
    assert any(message in fault.message for fault in caught.value.faults), [str(one) for one in caught.value.faults]


def test_words() -> None:
    policy = load_text(policy_file(TEXT))
    assert "The borrower is told at once; it is in effect 30 days later" in str(describe(policy, "en"))
    assert "30天后生效" in str(describe(policy, "zh"))
