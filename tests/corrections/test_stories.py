"""Stories of late facts, reversals and corrections that a credit officer can read."""

from __future__ import annotations

from tests.oracle.story import story, written

ARREARS = written(
    """triggers:
  arrears: {when: past_due > 0 CNY, hold: 20d, suspend: yes, cap: 50%, reason: arrears}
restoration: {first: 60%, step: 20%, every: 10d}
"""
)


@story(ARREARS, until="2024-06-01")
def test_a_payment_made_in_time_and_told_late_takes_the_restriction_back() -> None:
    """Due on 10 February, paid on the 9th, told on the 15th. The hold of 20 days and the steps of the restoration are
    for those who were late: the whole limit is back on the 15th.

    2024-01-01 09:00  open limit=1000
    2024-01-01 09:00  due amount=10 due_on=2024-02-10
    => 2024-02-11 morning: suspend, 500.00 of 1000.00, suspended [arrears]
    2024-02-15 09:00  charge amount=1
    2024-02-09 09:00  repay amount=10
    => 2024-02-15 09h: correct, 1000.00 of 1000.00, active []
    """


@story(ARREARS, until="2024-06-01")
def test_the_hold_of_a_payment_told_late_runs_from_the_day_it_was_made() -> None:
    """Paid on 12 February, two days late, told on the 20th: the restriction was right and stays, until 20 days after
    the 12th, not after the 20th; and the restoration begins then.

    2024-01-01 09:00  open limit=1000
    2024-01-01 09:00  due amount=10 due_on=2024-02-10
    => 2024-02-11 morning: suspend, 500.00 of 1000.00, suspended [arrears]
    2024-02-20 09:00  charge amount=1
    2024-02-12 09:00  repay amount=10
    => 2024-03-03 morning: restore, 600.00 of 1000.00, restoring []
    => 2024-03-13 morning: restore, 800.00 of 1000.00, restoring []
    => 2024-03-23 morning: restore, 1000.00 of 1000.00, active []
    """


@story(ARREARS, until="2024-06-01")
def test_the_way_back_goes_on_from_where_it_would_have_been() -> None:
    """Paid on 12 February, told on 8 March: the latch would have been free on 3 March, and the first step taken. Both
    are made good on the 8th; the next step comes ten days after the 3rd, as it would have.

    2024-01-01 09:00  open limit=1000
    2024-01-01 09:00  due amount=10 due_on=2024-02-10
    => 2024-02-11 morning: suspend, 500.00 of 1000.00, suspended [arrears]
    2024-03-08 09:00  charge amount=1
    2024-02-12 09:00  repay amount=10
    => 2024-03-08 09h: correct, 600.00 of 1000.00, restoring []
    => 2024-03-13 morning: restore, 800.00 of 1000.00, restoring []
    => 2024-03-23 morning: restore, 1000.00 of 1000.00, active []
    """


@story(ARREARS, until="2024-02-29")
def test_a_payment_that_bounces_restricts_from_now_and_never_backwards() -> None:
    """Paid on the 8th, in time. On the 20th the bank takes it back: past due since the 10th, restricted on the 20th.

    2024-01-01 09:00  open limit=1000
    2024-01-01 09:00  due amount=10 due_on=2024-02-10
    2024-02-08 09:00  repay amount=10
    2024-02-20 09:00  reversal of=e3
    => 2024-02-20 09h: suspend, 500.00 of 1000.00, suspended [arrears]
    """


@story(ARREARS, until="2024-06-01")
def test_a_due_that_was_billed_in_error_is_taken_back_with_all_that_it_led_to() -> None:
    """The draw of the 1st of March stands: the balance is nobody's error.

    2024-01-01 09:00  open limit=1000
    2024-01-01 09:00  due amount=10 due_on=2024-02-10
    => 2024-02-11 morning: suspend, 500.00 of 1000.00, suspended [arrears]
    2024-03-01 09:00  draw amount=5
    2024-03-01 10:00  reversal of=e2
    => 2024-03-01 10h: correct, 1000.00 of 1000.00, active []
    """


@story(ARREARS, until="2024-03-10")
def test_what_is_reversed_or_told_late_changes_nothing_where_the_truth_is_the_same() -> None:
    """A payment of another due, reversed; a draw told late: past due all the same, restricted all the same.

    2024-01-01 09:00  open limit=1000
    2024-01-01 09:00  due amount=10 due_on=2024-02-10
    2024-01-02 09:00  repay amount=3
    => 2024-02-11 morning: suspend, 500.00 of 1000.00, suspended [arrears]
    2024-02-20 09:00  reversal of=e3
    2024-02-19 09:00  draw amount=5
    """


TWO = written(
    """triggers:
  arrears: {when: past_due > 0 CNY, suspend: yes, cap: 30%, reason: arrears}
  deep: {when: balance >= 500 CNY, cap: 60%, reason: burden}
restoration: {first: 10%, step: 10%, every: 10d}
"""
)


@story(TWO, until="2024-06-01")
def test_a_correction_stops_at_the_target_of_the_latches_that_stay() -> None:
    """The arrears were none; the balance is what it is.

    2024-01-01 09:00  open limit=1000
    2024-01-02 09:00  draw amount=500
    => 2024-01-02 09h: decrease, 600.00 of 1000.00, reduced [deep]
    2024-01-03 09:00  due amount=10 due_on=2024-02-10
    => 2024-02-11 morning: suspend, 300.00 of 1000.00, suspended [arrears, deep]
    2024-02-15 09:00  charge amount=1
    2024-02-09 09:00  repay amount=1
    2024-02-15 10:00  reversal of=e3
    => 2024-02-15 10h: restore, 300.00 of 1000.00, restoring [deep]
    => 2024-02-15 10h: correct, 600.00 of 1000.00, reduced [deep]
    """


AGAIN = written(
    """triggers:
  arrears: {when: past_due > 0 CNY, cap: 50%, reason: arrears}
  again: {when: 'restrictions(90d) >= 2', cap: 20%, reason: arrears}
restoration: {first: 100%, step: 100%, every: 1d}
"""
)


@story(AGAIN, until="2024-06-01")
def test_a_restriction_that_should_not_have_been_does_not_count_as_one() -> None:
    """Taken back on 15 February. In April the borrower is late indeed: that is the first restriction, not the second.

    2024-01-01 09:00  open limit=1000
    2024-01-01 09:00  due amount=10 due_on=2024-02-10
    => 2024-02-11 morning: decrease, 500.00 of 1000.00, reduced [arrears]
    2024-02-15 09:00  due amount=10 due_on=2024-04-10
    2024-02-09 09:00  repay amount=10
    => 2024-02-15 09h: restore, 1000.00 of 1000.00, active []
    => 2024-02-15 09h: correct, 1000.00 of 1000.00, active []
    => 2024-04-11 morning: decrease, 500.00 of 1000.00, reduced [arrears]
    2024-04-12 09:00  repay amount=10
    => 2024-04-12 09h: restore, 1000.00 of 1000.00, active []
    """


EXPIRING = written(
    """triggers:
  deep: {when: balance >= 500 CNY, expires: 30d, cap: 50%, reason: burden}
restoration: {first: 100%, step: 100%, every: 1d}
"""
)


@story(EXPIRING, until="2024-06-01")
def test_what_would_be_over_by_now_is_over() -> None:
    """Drawn on 2 January, told on 1 March. The latch would have been set for 30 days, until February, and is spent:
    the restriction of 1 March is taken back in the same breath and does not return the next morning.

    2024-01-01 09:00  open limit=1000
    2024-03-01 09:00  charge amount=1
    2024-01-02 09:00  draw amount=500
    => 2024-03-01 09h: decrease, 500.00 of 1000.00, reduced [deep]
    => 2024-03-01 09h: correct, 1000.00 of 1000.00, active []
    """


COUNTED = written("triggers:\n  bounced: {when: 'count(reversal, 30d) >= 2', suspend: yes, reason: burden}\n")


@story(COUNTED, until="2024-03-10")
def test_a_policy_may_count_reversals() -> None:
    """Two within 30 days; the first leaves the window on 2 March.

    2024-01-01 09:00  open limit=1000
    2024-01-02 09:00  repay amount=5
    2024-01-03 09:00  repay amount=5
    2024-02-01 09:00  reversal of=e2
    2024-02-10 09:00  reversal of=e3
    => 2024-02-10 09h: suspend, 1000.00 of 1000.00, suspended [bounced]
    => 2024-03-02 morning: restore, 1000.00 of 1000.00, active []
    """


PERSON = written(
    """triggers:
  arrears: {when: past_due > 0 CNY, cap: 30%, reason: arrears}
restoration: {first: 100%, step: 100%, every: 1d}
"""
)


@story(PERSON, until="2024-04-01")
def test_a_cap_that_a_person_imposed_holds_against_a_correction() -> None:
    """Imposed on the 12th until the end of February, told of the payment on the 15th.

    2024-01-01 09:00  open limit=1000
    2024-01-01 09:00  due amount=10 due_on=2024-02-10
    => 2024-02-11 morning: decrease, 300.00 of 1000.00, reduced [arrears]
    2024-02-12 09:00  override cap=70% until=2024-02-29
    2024-02-15 09:00  charge amount=1
    2024-02-09 09:00  repay amount=10
    => 2024-02-15 09h: restore, 700.00 of 1000.00, reduced []
    => 2024-02-15 09h: correct, 700.00 of 1000.00, reduced []
    => 2024-03-01 morning: restore, 1000.00 of 1000.00, active []
    """


FELL = written(
    """triggers:
  arrears: {when: past_due > 0 CNY, cap: 50%, reason: arrears}
restoration: {first: 100%, step: 100%, every: 1d}
"""
)


@story(FELL, until="2024-06-01")
def test_a_wrong_restriction_is_corrected_also_when_it_has_ended_by_itself() -> None:
    """The core system's word brings the line back on 20 February; in April the payment of the 9th turns up.

    2024-01-01 09:00  open limit=1000
    2024-01-02 09:00  draw amount=30
    2024-01-03 09:00  due amount=10 due_on=2024-02-10
    => 2024-02-11 morning: decrease, 500.00 of 1000.00, reduced [arrears]
    2024-02-20 09:00  repay amount=10
    => 2024-02-20 09h: restore, 1000.00 of 1000.00, active []
    2024-04-01 09:00  charge amount=1
    2024-02-09 09:00  repay amount=10
    => 2024-04-01 09h: correct, 1000.00 of 1000.00, active []
    2024-02-08 09:00  repay amount=5
    """


@story(FELL, until="2024-06-01")
def test_a_restriction_that_was_right_is_not_apologised_for() -> None:
    """The payment was made on the 13th, after the line had been restricted rightly, and is told in March.

    2024-01-01 09:00  open limit=1000
    2024-01-02 09:00  draw amount=30
    2024-01-03 09:00  due amount=10 due_on=2024-02-10
    => 2024-02-11 morning: decrease, 500.00 of 1000.00, reduced [arrears]
    2024-03-01 09:00  charge amount=1
    2024-02-13 09:00  repay amount=10
    => 2024-03-01 09h: restore, 1000.00 of 1000.00, active []
    """
