"""Hand-computed stories of the line: latches, holds, waivers, the envelope, offers; each docstring is a ledger."""

from __future__ import annotations

from tests.oracle.story import story, written

UP_IN_STEPS = "restoration: {first: 40%, step: 20%, every: 30d}\n"

LATE = "triggers:\n  arrears: {when: days_past_due >= 30, suspend: yes, cap: 50%, reason: arrears}\n"
ARREARS = written(LATE + UP_IN_STEPS)


@story(ARREARS, until="2024-06-15")
def test_the_thirtieth_day_is_counted_from_the_due_date() -> None:
    """A due of 31 January is 30 days past due on 1 March of a leap year: 29 days of February and 1.

    2024-01-01 09:00  open limit=1000
    2024-01-05 12:00  due amount=100 due_on=2024-01-31
    => 2024-03-01 morning: suspend, 500.00 of 1000.00, suspended [arrears]

    One cent short is still late; the last cent frees the line at once (no hold). The first step may not lower
    it: 40 % is below the 500 that it has. Then 20 % of 1000 every 30 days from 4 March: 3 April, 3 May, and the
    last step stops at what was granted.

    2024-03-04 10:00  repay amount=99.99
    2024-03-04 11:00  repay amount=0.01
    => 2024-03-04 11h: restore, 500.00 of 1000.00, restoring []
    => 2024-04-03 morning: restore, 700.00 of 1000.00, restoring []
    => 2024-05-03 morning: restore, 900.00 of 1000.00, restoring []
    => 2024-06-02 morning: restore, 1000.00 of 1000.00, active []
    """


@story(ARREARS, until="2023-03-02")
def test_the_thirtieth_day_falls_later_in_a_common_year() -> None:
    """
    2023-01-01 09:00  open limit=1000
    2023-01-05 12:00  due amount=100 due_on=2023-01-31
    => 2023-03-02 morning: suspend, 500.00 of 1000.00, suspended [arrears]
    """


@story(ARREARS, until="2024-02-29")
def test_twenty_nine_days_are_not_thirty() -> None:
    """
    2024-01-01 09:00  open limit=1000
    2024-01-05 12:00  due amount=100 due_on=2024-01-31
    """


@story(ARREARS, until="2024-03-02")
def test_a_reported_delinquency_counts_where_dues_say_less() -> None:
    """29 reported days do nothing, 30 suspend, 0 restore.

    2024-01-01 09:00  open limit=1000
    2024-02-01 03:00  delinquency days=29
    2024-02-02 03:00  delinquency days=30
    => 2024-02-02 03h: suspend, 500.00 of 1000.00, suspended [arrears]
    2024-03-02 03:00  delinquency days=0
    => 2024-03-02 03h: restore, 500.00 of 1000.00, restoring []
    """


HELD = written("triggers:\n  deep: {when: balance > 500 CNY, hold: 10d, cap: 20%, reason: burden}\n" + UP_IN_STEPS)


@story(HELD, until="2024-03-01")
def test_a_hold_runs_from_the_day_of_the_event_that_ended_the_cause() -> None:
    """500.00 is not more than 500; one cent more is. Repaid on 5 January, `when` last held that day, so the
    hold of 10 days is over on 15 January. The first step goes to 40 %.

    2024-01-01 09:00  open limit=1000
    2024-01-02 09:00  draw amount=500
    2024-01-03 09:00  draw amount=0.01
    => 2024-01-03 09h: decrease, 200.00 of 1000.00, reduced [deep]
    2024-01-05 09:00  repay amount=100
    => 2024-01-15 morning: restore, 400.00 of 1000.00, restoring []
    => 2024-02-14 morning: restore, 600.00 of 1000.00, restoring []
    """


@story(HELD, until="2024-01-25")
def test_a_cause_that_comes_back_starts_the_hold_anew() -> None:
    """
    2024-01-01 09:00  open limit=1000
    2024-01-03 09:00  draw amount=600
    => 2024-01-03 09h: decrease, 200.00 of 1000.00, reduced [deep]
    2024-01-05 09:00  repay amount=100
    2024-01-14 23:59  draw amount=1
    2024-01-14 23:59  repay amount=1
    => 2024-01-24 morning: restore, 400.00 of 1000.00, restoring []
    """


RUSH = written(
    "triggers:\n  rush: {when: 'count(draw, 3d) >= 2', hold: 2d, suspend: yes, reason: rapid_borrowing}\n" + UP_IN_STEPS
)


@story(RUSH, until="2024-01-20")
def test_a_cause_that_ends_overnight_last_held_the_day_before() -> None:
    """Draws on the 3rd and the 5th lie in one window of three days up to the 5th. On the morning of the 6th the
    3rd has left it: `when` last held on the 5th, two days are over on the 7th. A suspension alone leaves the limit.

    2024-01-01 09:00  open limit=1000
    2024-01-03 23:00  draw amount=1
    2024-01-05 01:00  draw amount=1
    => 2024-01-05 01h: suspend, 1000.00 of 1000.00, suspended [rush]
    => 2024-01-07 morning: restore, 1000.00 of 1000.00, active []
    """


CLEARED = written(
    """triggers:
  arrears: {when: past_due > 0 CNY, clear: on_time_streak >= 2, suspend: yes, reason: arrears}
"""
)


@story(CLEARED, until="2024-04-01")
def test_a_latch_waits_for_its_own_way_out() -> None:
    """Late on the morning after the due date. Paying late does not count; two payments on time do, the second
    of them on the due date itself.

    2024-01-01 09:00  open limit=1000
    2024-01-01 09:00  due amount=10 due_on=2024-01-10
    => 2024-01-11 morning: suspend, 1000.00 of 1000.00, suspended [arrears]
    2024-01-12 09:00  repay amount=10
    2024-02-01 09:00  due amount=10 due_on=2024-02-10
    2024-02-09 09:00  repay amount=10
    2024-03-01 09:00  due amount=10 due_on=2024-03-10
    2024-03-10 23:59  repay amount=10
    => 2024-03-10 23h: restore, 1000.00 of 1000.00, active []
    """


EXPIRING = written(
    "triggers:\n  deep: {when: balance > 500 CNY, expires: 10d, terminal: yes, suspend: yes, reason: burden}\n"
)


@story(EXPIRING, until="2024-02-28")
def test_an_expired_latch_is_spent_until_its_cause_has_gone() -> None:
    """Set on the 3rd, over on the 13th though the balance still stands; not set again until it has been down.
    Terminal: paying does not release it, expiry does.

    2024-01-01 09:00  open limit=1000
    2024-01-03 09:00  draw amount=600
    => 2024-01-03 09h: suspend, 1000.00 of 1000.00, suspended [deep]
    => 2024-01-13 morning: restore, 1000.00 of 1000.00, active []
    2024-01-20 09:00  draw amount=1
    2024-01-21 09:00  repay amount=101
    2024-01-22 09:00  draw amount=1
    => 2024-01-22 09h: suspend, 1000.00 of 1000.00, suspended [deep]
    2024-01-23 09:00  repay amount=501
    => 2024-02-01 morning: restore, 1000.00 of 1000.00, active []
    """


@story(HELD, until="2024-02-20")
def test_a_waived_trigger_is_set_anew_when_the_waiver_ends() -> None:
    """Waived up to and including the 20th: freed at once, the limit rises by the first step; on the 21st the
    balance still stands, so it is set with a new date.

    2024-01-01 09:00  open limit=1000
    2024-01-03 09:00  draw amount=600
    => 2024-01-03 09h: decrease, 200.00 of 1000.00, reduced [deep]
    2024-01-10 14:00  override trigger=deep until=2024-01-20
    => 2024-01-10 14h: restore, 400.00 of 1000.00, restoring []
    => 2024-01-21 morning: decrease, 200.00 of 1000.00, reduced [deep]
    """


@story(HELD, until="2024-03-20")
def test_a_person_may_impose_a_cap() -> None:
    """Up to and including 1 February; then the way up, from the first step.

    2024-01-01 09:00  open limit=1000
    2024-01-10 14:00  override cap=25% until=2024-02-01
    => 2024-01-10 14h: decrease, 250.00 of 1000.00, reduced []
    => 2024-02-02 morning: restore, 400.00 of 1000.00, restoring []
    => 2024-03-03 morning: restore, 600.00 of 1000.00, restoring []
    """


GRADED = written(
    """triggers:
  some: {when: balance > 100 CNY, cap: 80%, reason: burden}
  much: {when: balance > 500 CNY, cap: 33.33%, reason: burden}
  all_of_it: {when: balance > 900 CNY, close: yes, reason: burden}
restoration: {first: 10%, step: 20%, every: 7d, while: balance < 400 CNY}
"""
)


@story(GRADED, until="2024-03-01")
def test_the_lowest_cap_counts_and_the_way_up_stops_at_each_target() -> None:
    """33.33 % of 1000.01 is 333.303..., kept as 333.30; 80 % is 800.00; 20 % of it is 200.00. The way up waits
    while the balance is 400 or more, and stops at 800 while `some` is set.

    2024-01-01 09:00  open limit=1000.01
    2024-01-02 09:00  draw amount=200
    => 2024-01-02 09h: decrease, 800.00 of 1000.01, reduced [some]
    2024-01-03 09:00  draw amount=400
    => 2024-01-03 09h: decrease, 333.30 of 1000.01, reduced [some, much]
    2024-01-04 09:00  draw amount=301
    => 2024-01-04 09h: close, 0.00 of 1000.01, closed [some, much, all_of_it]
    2024-01-05 09:00  repay amount=501
    => 2024-01-05 09h: restore, 0.00 of 1000.01, restoring [some]
    2024-01-06 09:00  repay amount=1
    => 2024-01-06 09h: restore, 100.00 of 1000.01, restoring [some]
    => 2024-01-13 morning: restore, 300.00 of 1000.01, restoring [some]
    2024-01-14 09:00  draw amount=1
    2024-01-25 09:00  repay amount=1
    => 2024-01-25 09h: restore, 500.00 of 1000.01, restoring [some]
    => 2024-02-01 morning: restore, 700.00 of 1000.01, restoring [some]
    => 2024-02-08 morning: restore, 800.00 of 1000.01, reduced [some]
    """


OFFERING = written(
    """triggers:
  deep: {when: balance > 500 CNY, suspend: yes, reason: burden}
offer: {when: months_on_book >= 1, increase: 20%, up_to: 1300 CNY, every: 10d, valid: 3d}
"""
)


@story(OFFERING, until="2024-02-25")
def test_an_offer_is_taken_up_by_its_number_while_it_is_open() -> None:
    """One month on the book from 1 February. The offer of the 1st is open up to and including the 4th; a consent
    on the 5th has no effect; the next offer is made on the 11th. The second is taken up; the third stops at
    `up_to`; nothing above it is offered.

    2024-01-31 23:59  open limit=1000
    => 2024-02-01 morning: offer, 1000.00 of 1000.00, active, offer 1: 1200.00 []
    2024-02-05 00:00  consent offer=1
    => 2024-02-11 morning: offer, 1000.00 of 1000.00, active, offer 2: 1200.00 []
    2024-02-14 22:00  consent offer=1
    2024-02-14 23:00  consent offer=2
    => 2024-02-14 23h: increase, 1200.00 of 1200.00, active []
    2024-02-14 23:30  consent offer=2
    => 2024-02-21 morning: offer, 1200.00 of 1200.00, active, offer 3: 1300.00 []
    2024-02-21 10:00  consent offer=3
    => 2024-02-21 10h: increase, 1300.00 of 1300.00, active []
    """


@story(OFFERING, until="2024-02-12")
def test_an_adverse_decision_ends_an_open_offer() -> None:
    """
    2024-01-31 12:00  open limit=1000
    => 2024-02-01 morning: offer, 1000.00 of 1000.00, active, offer 1: 1200.00 []
    2024-02-01 10:00  draw amount=501
    => 2024-02-01 10h: suspend, 1000.00 of 1000.00, suspended [deep]
    2024-02-02 10:00  repay amount=501
    => 2024-02-02 10h: restore, 1000.00 of 1000.00, active []
    2024-02-02 11:00  consent offer=1
    => 2024-02-11 morning: offer, 1000.00 of 1000.00, active, offer 2: 1200.00 []
    """


REMEMBERED = written(
    """triggers:
  dip: {when: balance > 100 CNY, cap: 90%, reason: burden}
  again: {when: 'restrictions(30d) >= 2', suspend: yes, reason: burden}
  settled: {when: days_in_status >= 40, cap: 100%, reason: burden}
restoration: {first: 100%, step: 1%, every: 1d}
"""
)


@story(REMEMBERED, until="2024-03-15")
def test_restrictions_and_days_in_status_look_back_at_the_line_itself() -> None:
    """Two decreases, of the 3rd and the 5th, make `restrictions` 2 from the next look on; the suspension of the
    6th is a third. On 2 February the 3rd has left the window of 30 days, on the 4th the 5th: one is left. Active
    since then, 40 days later is 15 March: a latch that caps at 100 % changes no more than itself.

    2024-01-01 09:00  open limit=1000
    2024-01-03 09:00  draw amount=101
    => 2024-01-03 09h: decrease, 900.00 of 1000.00, reduced [dip]
    2024-01-04 09:00  repay amount=1
    => 2024-01-04 09h: restore, 1000.00 of 1000.00, active []
    2024-01-05 09:00  draw amount=1
    => 2024-01-05 09h: decrease, 900.00 of 1000.00, reduced [dip]
    => 2024-01-06 morning: suspend, 900.00 of 1000.00, suspended [dip, again]
    2024-01-06 10:00  repay amount=1
    => 2024-01-06 10h: keep, 900.00 of 1000.00, suspended [again]
    => 2024-02-04 morning: restore, 1000.00 of 1000.00, active []
    => 2024-03-15 morning: keep, 1000.00 of 1000.00, active [settled]
    """


STAGED = written(
    """triggers:
  some: {when: balance > 100 CNY, cap: 30%, reason: burden}
  late: {when: days_past_due >= 1, cap: 0%, reason: arrears}
restoration: {first: 40%, step: 20%, every: 7d}
"""
)


@story(STAGED, until="2024-02-01")
def test_a_way_up_that_has_reached_its_target_begins_anew_at_the_next() -> None:
    """The first step of 40 % stops at the target of 30 %: that way up is over. When the target rises the next
    day, a new one begins with its first step; it does not wait for the seven days of the old one.

    2024-01-01 09:00  open limit=1000
    2024-01-02 09:00  draw amount=200
    => 2024-01-02 09h: decrease, 300.00 of 1000.00, reduced [some]
    2024-01-03 09:00  delinquency days=1
    => 2024-01-03 09h: decrease, 0.00 of 1000.00, reduced [some, late]
    2024-01-04 09:00  delinquency days=0
    => 2024-01-04 09h: restore, 300.00 of 1000.00, reduced [some]
    2024-01-05 09:00  repay amount=100
    => 2024-01-05 09h: restore, 400.00 of 1000.00, restoring []
    => 2024-01-12 morning: restore, 600.00 of 1000.00, restoring []
    => 2024-01-19 morning: restore, 800.00 of 1000.00, restoring []
    => 2024-01-26 morning: restore, 1000.00 of 1000.00, active []
    """


@story(EXPIRING, until="2024-01-30")
def test_a_spent_latch_may_be_freed_under_a_waiver_and_set_after_it() -> None:
    """Spent from the 13th; waived up to the 20th. The balance goes down on the 16th: free. It is up again from
    the 17th, but waived; on the 21st the latch is set anew.

    2024-01-01 09:00  open limit=1000
    2024-01-03 09:00  draw amount=600
    => 2024-01-03 09h: suspend, 1000.00 of 1000.00, suspended [deep]
    => 2024-01-13 morning: restore, 1000.00 of 1000.00, active []
    2024-01-15 09:00  override trigger=deep until=2024-01-20
    2024-01-16 09:00  repay amount=100
    2024-01-17 09:00  draw amount=100
    => 2024-01-21 morning: suspend, 1000.00 of 1000.00, suspended [deep]
    """
