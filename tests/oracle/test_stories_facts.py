"""Hand-computed stories of what has happened: dues, the streak, lateness, and events that arrive late."""

from __future__ import annotations

from tests.oracle.oracle import values_at
from tests.oracle.story import day, ledger, story, written

FACTS = written("""triggers:
  never: {when: past_due < 0 CNY and days_past_due < 0 and on_time_streak < 0, suspend: yes, reason: x}
""")


def facts_on(text: str, on: str) -> tuple[int, int, int]:
    """Past due, days past due and streak on that morning."""
    values = values_at(FACTS, ledger(FACTS, text), day(on))
    assert values is not None
    return tuple(values[name] or 0 for name in ("past_due", "days_past_due", "on_time_streak"))  # type: ignore[return-value]


def test_dues_fall_late_the_day_after_and_the_oldest_counts() -> None:
    text = """
    2024-01-01 09:00  open limit=1000
    2024-01-01 10:00  due amount=50 due_on=2024-02-10
    2024-01-01 11:00  due amount=30 due_on=2024-02-05
    """
    assert facts_on(text, "2024-02-05") == (0, 0, 0)
    assert facts_on(text, "2024-02-06") == (3000, 1, 0)
    assert facts_on(text, "2024-02-11") == (8000, 6, 0)


def test_a_repayment_settles_the_oldest_first_and_is_not_carried_over() -> None:
    """31.00 on the 7th: the due of the 5th in full (late: adds nothing), 1.00 of the one of the 10th. 49.00 more
    on the 10th settle it on its day: one on time. What is left of 60.00 is not carried to the due of the 20th."""
    text = """
    2024-01-01 09:00  open limit=1000
    2024-01-01 10:00  due amount=50 due_on=2024-02-10
    2024-01-01 11:00  due amount=30 due_on=2024-02-05
    2024-02-07 11:00  repay amount=31
    2024-02-10 11:00  repay amount=60
    2024-02-11 11:00  due amount=5 due_on=2024-02-20
    """
    assert facts_on(text, "2024-02-08") == (0, 0, 0)
    assert facts_on(text, "2024-02-11") == (0, 0, 1)
    assert facts_on(text, "2024-02-21") == (500, 1, 0)


def test_a_streak_grows_by_dues_on_time_and_ends_with_the_first_late_morning() -> None:
    text = """
    2024-01-01 09:00  open limit=1000
    2024-01-01 10:00  due amount=10 due_on=2024-02-10
    2024-01-01 10:00  due amount=10 due_on=2024-02-10
    2024-01-01 10:00  due amount=10 due_on=2024-03-10
    2024-02-10 23:59  repay amount=20
    2024-03-11 00:00  repay amount=10
    2024-03-12 08:00  delinquency days=0
    2024-03-13 08:00  delinquency days=0
    2024-03-14 08:00  delinquency days=1
    """
    assert facts_on(text, "2024-02-11") == (0, 0, 2)
    assert facts_on(text, "2024-03-10") == (0, 0, 2)
    assert facts_on(text, "2024-03-11") == (1000, 1, 0)
    assert facts_on(text, "2024-03-12") == (0, 0, 0)
    assert facts_on(text, "2024-03-14") == (0, 0, 2)
    assert facts_on(text, "2024-03-20") == (0, 1, 0)


def test_a_due_that_arrives_late_ends_the_streak_at_once_and_one_empty_does_not() -> None:
    start = "2024-01-01 09:00  open limit=1000\n2024-01-02 09:00  delinquency days=0\n"
    assert facts_on(start + "2024-01-03 09:00  due amount=0 due_on=2024-01-02", "2024-01-04") == (0, 0, 1)
    paid = "2024-01-03 09:00  due amount=9 due_on=2024-01-02\n2024-01-03 09:00  repay amount=9"
    assert facts_on(start + paid, "2024-01-04") == (0, 0, 0)
    paid_on_the_day = paid.replace("due_on=2024-01-02", "due_on=2024-01-03")
    assert facts_on(start + paid_on_the_day, "2024-01-04") == (0, 0, 2)


def test_the_twenty_fifth_due_joins_the_last_one() -> None:
    """24 dues of 1.00 for 1 to 24 February; a 25th of 7.00 for the 3rd is added to that of the 24th: on the 5th
    four are late, not five; paying 24.00 leaves 7.00 for the 24th."""
    dues = "\n".join(f"2024-01-02 09:00  due amount=1 due_on=2024-02-{number:02}" for number in range(1, 25))
    text = f"2024-01-01 09:00  open limit=1000\n{dues}\n2024-01-03 09:00  due amount=7 due_on=2024-02-03\n"
    assert facts_on(text, "2024-02-05") == (400, 4, 0)
    text += "2024-02-05 09:00  repay amount=24\n"
    assert facts_on(text, "2024-02-06") == (0, 0, 20 - 1)
    assert facts_on(text, "2024-02-25") == (700, 1, 0)


LATENESS = written("triggers:\n  often: {when: 'late_count(30, 2m) >= 2', suspend: yes, reason: arrears}\n")


@story(LATENESS, until="2024-06-30")
def test_lateness_counts_again_only_after_it_has_fallen() -> None:
    """30, then 60 days is one lateness; 29 and 30 again is the second, of March. In a window of two months, the
    first (of February) has left in April, the current month included.

    2024-01-01 09:00  open limit=1000
    2024-02-10 09:00  delinquency days=30
    2024-03-10 09:00  delinquency days=60
    2024-03-20 09:00  delinquency days=29
    2024-03-20 10:00  delinquency days=30
    => 2024-03-20 10h: suspend, 1000.00 of 1000.00, suspended [often]
    => 2024-04-01 morning: restore, 1000.00 of 1000.00, active []
    """


@story(LATENESS, until="2024-06-30")
def test_lateness_that_comes_overnight_is_dated_on_that_morning() -> None:
    """Dues of 1 and 2 January, unpaid: the older is 30 days late on 31 January. Paid on 1 February, the other is
    30 days late already on that day and was late before: no fall was seen, so it is one lateness. Paid in full,
    one more from March makes two.

    2024-01-01 09:00  open limit=1000
    2024-01-01 09:00  due amount=1 due_on=2024-01-01
    2024-01-01 09:00  due amount=1 due_on=2024-01-02
    2024-02-01 09:00  repay amount=1
    2024-02-01 10:00  repay amount=1
    2024-02-01 11:00  delinquency days=30
    => 2024-02-01 11h: suspend, 1000.00 of 1000.00, suspended [often]
    => 2024-03-01 morning: restore, 1000.00 of 1000.00, active []
    """


LATE_NEWS = written(
    """triggers:
  deep: {when: balance > 500 CNY, cap: 50%, reason: burden}
  arrears: {when: past_due > 0 CNY, suspend: yes, reason: arrears}
restoration: {first: 100%, step: 1%, every: 1d}
"""
)


@story(LATE_NEWS, until="2024-03-01")
def test_a_late_repayment_counts_from_the_day_it_arrives() -> None:
    """Paid on 9 February, told on the 15th: the line is free again on the 15th, and the past stays as it was, but for
    the word that the suspension was wrong. The due was settled on time, so no streak was broken by it.

    2024-01-01 09:00  open limit=1000
    2024-01-01 09:00  due amount=10 due_on=2024-02-10
    => 2024-02-11 morning: suspend, 1000.00 of 1000.00, suspended [arrears]
    2024-02-15 09:00  charge amount=1
    2024-02-09 09:00  repay amount=10
    => 2024-02-15 09h: restore, 1000.00 of 1000.00, active []
    => 2024-02-15 09h: correct, 1000.00 of 1000.00, active []
    """


@story(LATE_NEWS, until="2024-03-01")
def test_a_late_draw_restricts_from_now_and_a_reported_balance_overrules_it() -> None:
    """600.00 drawn on the 3rd is told on the 10th: restricted on the 10th. Then the core system says that the
    balance of the 5th was 100.00: what came before it no longer matters, what came after still does (1.00).

    2024-01-01 09:00  open limit=1000
    2024-01-10 09:00  draw amount=1
    2024-01-03 09:00  draw amount=600
    => 2024-01-10 09h: decrease, 500.00 of 1000.00, reduced [deep]
    2024-01-05 09:00  balance amount=100
    => 2024-01-10 09h: restore, 1000.00 of 1000.00, active []
    => 2024-01-10 09h: correct, 1000.00 of 1000.00, active []
    2024-01-12 09:00  draw amount=399
    2024-01-13 09:00  draw amount=0.01
    => 2024-01-13 09h: decrease, 500.00 of 1000.00, reduced [deep]
    """


def test_a_late_fact_joins_the_streak_in_its_own_place() -> None:
    """The repayment of the 10th is on time however late it is told; so the 11th was no late morning."""
    in_order = """
    2024-01-01 09:00  open limit=1000
    2024-01-02 09:00  delinquency days=0
    2024-01-02 09:00  due amount=10 due_on=2024-02-10
    """
    late = in_order + "2024-02-15 09:00  charge amount=1\n"
    assert facts_on(late, "2024-02-16") == (1000, 6, 0)
    assert facts_on(late + "2024-02-10 09:00  repay amount=10\n", "2024-02-16") == (0, 0, 2)
