"""Hand-computed stories of a live book that comes in: what stands on the cut-over day, and what moves it.

Each docstring is a ledger. The oracle runs it, and so do the interpreted and the compiled kernel.
"""

from __future__ import annotations

from collections.abc import Callable

from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.load import load_text
from tests.kernel.agree import by_arrival, differences, in_bulk
from tests.oracle.generate import for_program
from tests.oracle.oracle import run
from tests.oracle.story import day, expected, ledger, policy_file, sentence, written

BOOK = """events: {income: {amount: money}}
triggers:
  arrears: {when: days_past_due >= 30, clear: past_due = 0 CNY, hold: 20d, cap: 50%, reason: arrears}
  drawing: {when: "count(draw, 7d) >= 3", hold: 10d, cap: 80%, reason: rapid_borrowing}
  deep: {when: days_past_due >= 60, suspend: yes, hold: 30d, reason: arrears}
  unearned: {when: "sum(income.amount, 30d) < 100 CNY", cap: 90%, reason: income}
  full: {when: utilisation > 90%, cap: 70%, reason: burden}
  unknown: {when: "false", clear: days_past_due = 0 and days_observed >= 60, hold: 30d, cap: 60%, reason: other}
restoration: {first: 60%, step: 20%, every: 30d}
"""


def cut_over(until: str, text: str = BOOK) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Makes a test of a function whose docstring is the story."""

    def tested(told: Callable[[], None]) -> Callable[[], None]:
        story = told.__doc__ or ""

        def test() -> None:
            policy, last = written(text), day(until)
            events = ledger(policy, story.replace("\\\n", ""))
            outcome = run(policy, events, last)
            assert [sentence(ruling) for ruling in outcome.rulings] == expected(story)
            program = load_text(policy_file(text))
            kernel, given = Kernel(program), for_program(events)
            assert differences(program, outcome, *by_arrival(kernel, given, last)) == []
            if [event.at for event in given[1:]] == sorted(event.at for event in given[1:]):
                for compiled, lazy in ((False, True), (True, True), (True, False)):
                    assert differences(program, outcome, *in_bulk(kernel, [given], last, compiled, lazy)[0]) == []

        test.__doc__, test.__name__ = story, told.__name__
        return test

    return tested


@cut_over(until="2024-03-01")
def test_a_good_line_comes_in_and_nothing_is_decided() -> None:
    """Half is drawn, nothing is due. That no income is known is no reason to restrict anybody: `unearned` is barred
    until 30 days are observed, and nothing moves by time alone.

    2024-01-10 18:00  opening granted=1000 limit=1000 balance=500 status=active
    """


@cut_over(until="2024-05-30")
def test_what_is_not_known_restricts_nobody_until_it_is_known() -> None:
    """On 20 January the record has 10 days, and an event does not free `unearned`: 30 days must have been observed. On
    the event of 9 February, the 30th day, all 30 days are known, and hold no income. The 100 of 1 March release it for
    30 days; the next step of the restoration would come on the day on which it is set again.

    2024-01-10 18:00  opening granted=1000 limit=1000 balance=500 status=active
    2024-01-20 12:00  draw amount=1
    2024-02-09 12:00  draw amount=1
    => 2024-02-09 12h: decrease, 900.00 of 1000.00, reduced [unearned]
    2024-03-01 12:00  income amount=100
    => 2024-03-01 12h: keep, 900.00 of 1000.00, restoring []
    => 2024-03-31 morning: keep, 900.00 of 1000.00, reduced [unearned]
    """


@cut_over(until="2024-03-10")
def test_a_restriction_in_force_is_held_and_its_road_back_begins_on_the_cut_over_day() -> None:
    """The former system holds the line at 40 %, for arrears since 2 January. `arrears` would cap at 50 %: as long as it
    has been set ever since, the 40 % stand. All is paid on 20 January. `hold` is 20 days from the last day on which
    `when` held; that was 20 January, when the payment came. So it is released on 9 February, and restoration begins:
    60 %, then 20 % a month.

    2024-01-10 18:00  opening granted=1000 limit=400 balance=300 status=reduced trigger=arrears since=2024-01-02 \
        past_due=100 days_past_due=38
    2024-01-15 12:00  income amount=500
    2024-01-20 12:00  repay amount=100
    => 2024-02-09 morning: restore, 600.00 of 1000.00, restoring []
    => 2024-02-14 morning: keep, 600.00 of 1000.00, restoring [unearned]
    => 2024-03-10 morning: restore, 800.00 of 1000.00, restoring [unearned]
    """


@cut_over(until="2024-03-15")
def test_what_held_on_the_cut_over_day_restricts_with_the_next_event() -> None:
    """The former system let the line stand though it is 40 days past due and 95 % drawn. So it stands: by time alone
    neither `arrears` nor `full` is set. `deep` is: the 60th day past due, 30 January, is a new fact. The draw of 5
    February frees what was barred; both conditions still hold, and both are set.

    2024-01-10 18:00  opening granted=1000 limit=1000 balance=950 status=active past_due=100 days_past_due=40
    2024-01-10 20:00  income amount=900
    => 2024-01-30 morning: suspend, 1000.00 of 1000.00, suspended [deep]
    2024-02-05 12:00  draw amount=1
    => 2024-02-05 12h: decrease, 500.00 of 1000.00, suspended [arrears, deep, full]
    => 2024-02-09 morning: keep, 500.00 of 1000.00, suspended [arrears, deep, unearned, full]
    """


@cut_over(until="2024-02-01")
def test_a_condition_that_ends_and_holds_again_is_a_new_fact() -> None:
    """`full` is barred. The repayment of 12 January is the next event, and ends it; the draw of 20 January sets it.

    2024-01-10 18:00  opening granted=1000 limit=1000 balance=950 status=active
    2024-01-12 12:00  repay amount=100
    2024-01-20 12:00  draw amount=100
    => 2024-01-20 12h: decrease, 700.00 of 1000.00, reduced [full]
    """


@cut_over(until="2024-03-20")
def test_a_stated_restriction_without_a_hold_waits_for_the_next_event() -> None:
    """By the policy `full` would be released on 11 January: half of the limit is drawn. Nothing tells when the former
    system would have released it, so the next event does; the first step of 60 % is below the 650 that it has.

    2024-01-10 18:00  opening granted=1000 limit=650 balance=300 status=reduced trigger=full
    2024-01-10 19:00  income amount=900
    2024-02-01 12:00  draw amount=1
    => 2024-02-01 12h: keep, 650.00 of 1000.00, restoring []
    => 2024-02-09 morning: keep, 650.00 of 1000.00, restoring [unearned]
    => 2024-03-02 morning: restore, 850.00 of 1000.00, restoring [unearned]
    """


@cut_over(until="2024-06-01")
def test_a_restriction_of_unknown_cause_has_a_road_back_of_its_own() -> None:
    """Nobody knows why the line is held at 70 %. `unknown` holds it there, though its own cap is 60 %, until 60 days
    have been observed: 10 March. Then it goes up by the schedule.

    2024-01-10 18:00  opening granted=1000 limit=700 balance=0 status=reduced trigger=unknown
    2024-01-10 19:00  income amount=900
    => 2024-02-09 morning: keep, 700.00 of 1000.00, reduced [unearned, unknown]
    => 2024-03-10 morning: keep, 700.00 of 1000.00, restoring [unearned]
    => 2024-04-09 morning: restore, 900.00 of 1000.00, reduced [unearned]
    """


@cut_over(until="2024-03-12")
def test_a_restoration_under_way_goes_on_with_its_next_step_a_period_later() -> None:
    """
    2024-01-10 18:00  opening granted=1000 limit=500 balance=0 status=restoring
    2024-01-12 19:00  income amount=900
    => 2024-02-09 morning: restore, 700.00 of 1000.00, restoring []
    => 2024-02-11 morning: keep, 700.00 of 1000.00, restoring [unearned]
    => 2024-03-10 morning: restore, 900.00 of 1000.00, reduced [unearned]
    """


@cut_over(until="2024-05-01")
def test_two_triggers_may_hold_a_line_and_what_comes_later_caps_as_the_policy_says() -> None:
    """`deep` and `arrears` hold the line, suspended, at 450. Paid in full on 15 January: `arrears` has held until then,
    and is released 20 days later, `deep` 30 days later. A third draw in a week sets `drawing`; its 80 % cap nothing.

    2024-01-10 18:00  opening granted=1000 limit=450 balance=400 status=suspended trigger=arrears second_trigger=deep \
        since=2023-12-01 past_due=200 days_past_due=70
    2024-01-10 19:00  income amount=900
    2024-01-15 12:00  repay amount=200
    => 2024-02-04 morning: keep, 450.00 of 1000.00, suspended [deep]
    => 2024-02-09 morning: keep, 450.00 of 1000.00, suspended [deep, unearned]
    => 2024-02-14 morning: restore, 600.00 of 1000.00, restoring [unearned]
    2024-02-20 12:00  draw amount=1
    2024-02-20 13:00  draw amount=1
    2024-02-20 14:00  draw amount=1
    => 2024-02-20 14h: keep, 600.00 of 1000.00, restoring [drawing, unearned]
    => 2024-03-07 morning: keep, 600.00 of 1000.00, restoring [unearned]
    => 2024-03-15 morning: restore, 800.00 of 1000.00, restoring [unearned]
    => 2024-04-14 morning: restore, 900.00 of 1000.00, reduced [unearned]
    """


@cut_over(until="2024-03-01")
def test_history_fills_the_windows_and_restricts_nobody() -> None:
    """Past events follow the opening. Three draws in the week before would set `drawing`: on the cut-over day they bar
    it, and what the opening states of the balance stays as it is. On 11 January the seven days hold two draws, so
    `drawing` is free, and the next draw is a third. From 15 January on the week holds two: `hold` ends on 24 January.

    2024-01-10 18:00  opening granted=1000 limit=1000 balance=300 status=active history_from=2023-12-01
    2024-01-04 12:00  draw amount=100
    2024-01-08 12:00  draw amount=100
    2024-01-09 12:00  draw amount=100
    2024-01-09 13:00  income amount=500
    2024-01-12 12:00  draw amount=50
    => 2024-01-12 12h: decrease, 800.00 of 1000.00, reduced [drawing]
    => 2024-01-24 morning: keep, 800.00 of 1000.00, restoring []
    => 2024-02-08 morning: keep, 800.00 of 1000.00, restoring [unearned]
    => 2024-02-23 morning: restore, 900.00 of 1000.00, reduced [unearned]
    """


@cut_over(until="2024-02-01")
def test_history_that_is_loaded_days_later_restricts_nobody_either() -> None:
    """The same three draws are loaded on 13 January, after events of that day: they bar `drawing`; one more sets it.

    2024-01-10 18:00  opening granted=1000 limit=1000 balance=300 status=active history_from=2023-12-01
    2024-01-09 13:00  income amount=500
    2024-01-13 12:00  repay amount=10
    2024-01-08 12:00  draw amount=100
    2024-01-08 13:00  draw amount=100
    2024-01-09 12:00  draw amount=100
    2024-01-13 14:00  draw amount=50
    => 2024-01-13 14h: decrease, 800.00 of 1000.00, reduced [drawing]
    => 2024-01-24 morning: keep, 800.00 of 1000.00, restoring []
    """


@cut_over(until="2024-03-01")
def test_a_late_fact_corrects_what_was_decided_since_and_nothing_that_was_stated() -> None:
    """`arrears` is stated, and stays. `deep` is set on 20 January, on the 60th day; that the due was paid on 18 January
    is known on 22 January: `deep` is released at once, and `arrears` 20 days after the payment, 7 February.

    2024-01-10 18:00  opening granted=1000 limit=500 balance=400 status=reduced trigger=arrears since=2023-12-21 \
        past_due=200 days_past_due=50
    2024-01-10 19:00  income amount=900
    => 2024-01-20 morning: suspend, 500.00 of 1000.00, suspended [arrears, deep]
    2024-01-22 12:00  draw amount=1
    2024-01-18 12:00  repay amount=200
    => 2024-01-22 12h: correct, 500.00 of 1000.00, reduced [arrears]
    => 2024-02-07 morning: restore, 600.00 of 1000.00, restoring []
    => 2024-02-09 morning: keep, 600.00 of 1000.00, restoring [unearned]
    """


def test_what_comes_before_the_history_is_refused() -> None:
    """The opening names the first day of its history; and an account is opened once, in one way or the other."""
    text = """
    2024-01-10 18:00  opening granted=1000 limit=1000 balance=300 status=active history_from=2024-01-01
    2023-12-31 23:59  draw amount=1
    2024-01-01 00:00  draw amount=1
    2024-01-11 12:00  opening granted=1000 limit=1000 balance=300 status=active
    2024-01-12 12:00  open limit=1000
    """
    policy = written(BOOK)
    events = ledger(policy, text)
    refused = [(one.event, one.reason) for one in run(policy, events).refused]
    already = "the account is already open"
    assert refused == [("e2", "the account is not open yet"), ("e4", already), ("e5", already)]
    kernel = Kernel(load_text(policy_file(BOOK)))
    assert by_arrival(kernel, for_program(events), day("2024-02-01"))[1] == {"e2", "e4", "e5"}
