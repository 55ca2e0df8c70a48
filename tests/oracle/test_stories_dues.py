"""Hand-computed stories of arrears: what is owed bounds them; grace, tolerance, money paid ahead, holidays."""

from __future__ import annotations

import pytest

from tests.oracle.ledger import Dated, write
from tests.oracle.nouns import Event
from tests.oracle.oracle import values_at
from tests.oracle.story import day, ledger, story, written
from tests.oracle.tree import Policy

LATE = "triggers:\n  late: {when: past_due > 0 CNY, suspend: yes, reason: arrears}\n"
PLAIN = written(LATE)
FACTS = "when: past_due < 0 CNY and days_past_due < 0 and on_time_streak < 0, suspend: yes, reason: x"


def facts_on(policy: Policy, text: str, on: str) -> tuple[int, int, int]:
    """Past due, days past due and streak on that morning."""
    values = values_at(policy, ledger(policy, text), day(on))
    assert values is not None
    return tuple(values[name] or 0 for name in ("past_due", "days_past_due", "on_time_streak"))  # type: ignore[return-value]


def facts_under(dues: str) -> Policy:
    """A policy that asks for the facts, with that section."""
    return written(f"triggers:\n  never: {{{FACTS}}}\n{dues}\n")


# ------------------------------------------------------------------ who owes nothing


@story(PLAIN, until="2024-04-01")
def test_who_has_overpaid_and_is_billed_again_is_not_in_arrears() -> None:
    """300.00 drawn, 350.00 repaid: a credit of 50.00. The bill of 40.00 that comes then is more than is owed, and its
    date passes: nothing is past due. On 1 March 30.00 are drawn against the credit; still nothing is owed.

    2024-01-01 09:00  open limit=1000
    2024-01-02 09:00  draw amount=300
    2024-01-20 09:00  repay amount=350
    2024-02-01 09:00  due amount=40 due_on=2024-02-10
    2024-03-01 09:00  draw amount=30
    """


@story(PLAIN, until="2024-04-01")
def test_a_balance_of_nothing_ends_arrears_and_a_new_draw_brings_them_back() -> None:
    """The core system says that nothing is owed, while a bill of 100.00 stands unpaid. Once 60.00 are drawn, 60.00 of
    the bill are past due again, from its own date.

    2024-01-01 09:00  open limit=1000
    2024-01-02 09:00  draw amount=300
    2024-01-02 10:00  due amount=100 due_on=2024-02-10
    => 2024-02-11 morning: suspend, 1000.00 of 1000.00, suspended [late]
    2024-02-20 09:00  balance amount=0
    => 2024-02-20 09h: restore, 1000.00 of 1000.00, active []
    2024-03-05 09:00  draw amount=60
    => 2024-03-05 09h: suspend, 1000.00 of 1000.00, suspended [late]
    """


def test_past_due_is_never_more_than_is_owed() -> None:
    policy = facts_under("")
    text = """
    2024-01-01 09:00  open limit=1000
    2024-01-02 09:00  draw amount=300
    2024-01-02 10:00  due amount=100 due_on=2024-02-10
    2024-01-02 11:00  due amount=100 due_on=2024-02-20
    2024-02-25 09:00  balance amount=150
    """
    assert facts_on(policy, text, "2024-02-25") == (20_000, 15, 0)
    assert facts_on(policy, text, "2024-02-26") == (15_000, 16, 0)
    assert facts_on(policy, text + "2024-02-26 09:00  balance amount=-0.01\n", "2024-02-27") == (0, 0, 0)
    assert facts_on(policy, text + "2024-02-26 09:00  balance amount=0.01\n", "2024-02-27") == (1, 17, 0)


def test_dues_of_a_lender_that_sends_no_balance_count_in_full() -> None:
    """Payments and fees alone say nothing of what is owed; a draw does."""
    policy = facts_under("")
    text = """
    2024-01-01 09:00  open limit=1000
    2024-01-02 10:00  due amount=100 due_on=2024-02-10
    2024-02-12 09:00  repay amount=30
    """
    assert facts_on(policy, text, "2024-02-13") == (7_000, 3, 0)
    assert facts_on(policy, text + "2024-02-13 09:00  charge amount=31\n", "2024-02-14") == (7_000, 4, 0)
    assert facts_on(policy, text + "2024-02-13 09:00  draw amount=31\n", "2024-02-14") == (100, 4, 0)


def test_a_balance_of_nothing_ends_reported_days_and_a_later_report_counts() -> None:
    policy = facts_under("")
    text = """
    2024-01-01 09:00  open limit=1000
    2024-02-01 09:00  delinquency days=30
    2024-02-02 09:00  balance amount=0
    """
    assert facts_on(policy, text, "2024-02-02") == (0, 30, 0)
    assert facts_on(policy, text, "2024-02-03") == (0, 0, 0)
    assert facts_on(policy, text + "2024-02-03 09:00  delinquency days=31\n", "2024-02-04") == (0, 31, 0)


def test_a_streak_outlives_a_due_that_nobody_owes() -> None:
    policy = facts_under("")
    text = """
    2024-01-01 09:00  open limit=1000
    2024-01-02 09:00  draw amount=100
    2024-01-02 10:00  due amount=50 due_on=2024-02-10
    2024-02-09 09:00  repay amount=100
    2024-02-10 10:00  due amount=50 due_on=2024-02-01
    """
    assert facts_on(policy, text, "2024-03-01") == (0, 0, 1)
    assert facts_on(policy, text + "2024-03-01 09:00  draw amount=1\n", "2024-03-02") == (100, 30, 0)


# ------------------------------------------------------------------ grace

GRACE = "dues: {grace: 3d}\n"


@story(written(LATE + GRACE), until="2024-06-01")
def test_within_the_grace_nothing_is_past_due() -> None:
    """The grace of the bill of 10 May is over with the 13th: late on the 14th, and not before. The next bill is paid
    on the last day of its grace.

    2024-05-01 09:00  open limit=1000
    2024-05-01 09:00  draw amount=500
    2024-05-01 10:00  due amount=100 due_on=2024-05-10
    => 2024-05-14 morning: suspend, 1000.00 of 1000.00, suspended [late]
    2024-05-15 09:00  repay amount=100
    => 2024-05-15 09h: restore, 1000.00 of 1000.00, active []
    2024-05-15 10:00  due amount=100 due_on=2024-05-20
    2024-05-23 23:59  repay amount=100
    """


def test_days_count_from_the_date_once_the_grace_is_over_and_a_payment_within_it_is_on_time() -> None:
    policy = facts_under(GRACE)
    text = """
    2024-05-01 09:00  open limit=1000
    2024-05-01 09:00  draw amount=500
    2024-05-01 10:00  due amount=100 due_on=2024-05-10
    2024-05-01 11:00  due amount=100 due_on=2024-05-12
    """
    assert [facts_on(policy, text, f"2024-05-{date}")[:2] for date in (13, 14, 15, 16)] == [
        (0, 0),
        (10_000, 4),
        (10_000, 5),
        (20_000, 6),
    ]
    on_time = text + "2024-05-13 23:59  repay amount=100\n"
    assert facts_on(policy, on_time, "2024-05-14") == (0, 0, 1)
    late = text + "2024-05-14 00:00  repay amount=100\n"
    assert facts_on(policy, late, "2024-05-15") == (0, 0, 0)


def test_a_due_that_arrives_within_its_grace_leaves_the_streak() -> None:
    policy = facts_under(GRACE)
    start = "2024-05-01 09:00  open limit=1000\n2024-05-02 09:00  delinquency days=0\n"
    assert facts_on(policy, start + "2024-05-13 09:00  due amount=10 due_on=2024-05-10\n", "2024-05-13") == (0, 0, 1)
    within = "2024-05-13 09:00  due amount=10 due_on=2024-05-10\n2024-05-13 10:00  repay amount=10\n"
    assert facts_on(policy, start + within, "2024-05-20") == (0, 0, 2)
    beyond = "2024-05-14 09:00  due amount=10 due_on=2024-05-10\n2024-05-14 10:00  repay amount=10\n"
    assert facts_on(policy, start + beyond, "2024-05-20") == (0, 0, 0)


OFTEN_LATE = "triggers:\n  often: {when: 'late_count(4, 2m) >= 1', suspend: yes, reason: arrears}\n"


@story(written(OFTEN_LATE + GRACE), until="2024-08-01")
def test_a_late_count_sees_the_first_day_after_the_grace() -> None:
    """4 days past due is the first number there is after a grace of 3; the window of two months ends with June.

    2024-05-01 09:00  open limit=1000
    2024-05-01 09:00  draw amount=500
    2024-05-01 10:00  due amount=100 due_on=2024-05-10
    => 2024-05-14 morning: suspend, 1000.00 of 1000.00, suspended [often]
    2024-05-20 10:00  repay amount=100
    => 2024-07-01 morning: restore, 1000.00 of 1000.00, active []
    """


# ------------------------------------------------------------------ tolerance

TOLERANCE = "dues: {tolerance: 10 CNY}\n"


@story(written(LATE + TOLERANCE), until="2024-06-01")
def test_ten_missing_counts_as_paid_and_a_cent_more_does_not() -> None:
    """Of the bill of 10 May 10.01 are missing, and it is late; the cent that comes then is enough. What is missing
    stays owed, and the next bill is a bill of its own.

    2024-05-01 09:00  open limit=1000
    2024-05-01 09:00  draw amount=500
    2024-05-01 10:00  due amount=100 due_on=2024-05-10
    2024-05-09 10:00  repay amount=89.99
    => 2024-05-11 morning: suspend, 1000.00 of 1000.00, suspended [late]
    2024-05-11 10:00  repay amount=0.01
    => 2024-05-11 10h: restore, 1000.00 of 1000.00, active []
    2024-05-12 10:00  due amount=100 due_on=2024-05-20
    2024-05-20 10:00  repay amount=90
    """


def test_what_is_missing_adds_to_the_streak_and_stays_in_the_balance() -> None:
    policy = written(f"triggers:\n  never: {{{FACTS.replace('when: ', 'when: balance < -999 CNY and ')}}}\n{TOLERANCE}")
    text = """
    2024-05-01 09:00  open limit=1000
    2024-05-01 09:00  draw amount=500
    2024-05-01 10:00  due amount=100 due_on=2024-05-10
    2024-05-01 10:00  due amount=100 due_on=2024-05-20
    2024-05-09 10:00  repay amount=45
    2024-05-09 11:00  repay amount=45
    """
    assert facts_on(policy, text, "2024-05-20") == (0, 0, 1)
    assert facts_on(policy, text, "2024-05-21") == (10_000, 1, 0)
    values = values_at(policy, ledger(policy, text), day("2024-05-21"))
    assert values is not None
    assert values["balance"] == 41_000


def test_a_due_within_the_tolerance_is_no_due() -> None:
    policy = facts_under(TOLERANCE)
    start = "2024-05-01 09:00  open limit=1000\n2024-05-02 09:00  delinquency days=0\n"
    assert facts_on(policy, start + "2024-05-03 09:00  due amount=10 due_on=2024-05-01\n", "2024-06-01") == (0, 0, 1)
    more = start + "2024-05-03 09:00  due amount=10.01 due_on=2024-05-01\n"
    assert facts_on(policy, more, "2024-06-01") == (1_001, 31, 0)


# ------------------------------------------------------------------ money paid ahead

AHEAD = """
2024-05-01 09:00  open limit=1000
2024-05-01 09:00  draw amount=500
2024-05-02 10:00  repay amount=150
2024-05-03 10:00  due amount=100 due_on=2024-05-10
2024-05-03 11:00  due amount=100 due_on=2024-05-20
"""


@pytest.mark.parametrize(
    ("dues", "on_the_11th", "on_the_21st"),
    [
        ("", (10_000, 1, 0), (20_000, 11, 0)),
        ("dues: {prepaid: balance_only}", (10_000, 1, 0), (20_000, 11, 0)),
        ("dues: {prepaid: settles}", (0, 0, 1), (5_000, 1, 0)),
        ("dues: {prepaid: settles, tolerance: 50 CNY}", (0, 0, 2), (0, 0, 2)),
    ],
)
def test_money_paid_ahead(dues: str, on_the_11th: tuple[int, int, int], on_the_21st: tuple[int, int, int]) -> None:
    """150.00 paid before any bill: with `settles` the first bill is settled when it comes, and half of the second."""
    policy = facts_under(dues)
    assert facts_on(policy, AHEAD, "2024-05-11") == on_the_11th
    assert facts_on(policy, AHEAD, "2024-05-21") == on_the_21st


def test_what_paid_off_an_old_debt_settles_no_bill_of_a_new_one() -> None:
    """500.00 borrowed and repaid before any bill: 20.00 more than was owed are ahead, and no more."""
    policy = facts_under("dues: {prepaid: settles}")
    text = """
    2024-05-01 09:00  open limit=1000
    2024-05-01 09:00  draw amount=500
    2024-05-02 10:00  repay amount=520
    2024-05-03 10:00  draw amount=300
    2024-05-04 10:00  due amount=100 due_on=2024-05-10
    """
    assert facts_on(policy, text, "2024-05-11") == (8_000, 1, 0)
    nothing_owed = text.replace("draw amount=300", "balance amount=0\n2024-05-03 11:00  draw amount=300")
    assert facts_on(policy, nothing_owed, "2024-05-11") == (10_000, 1, 0)


def test_a_bill_that_was_paid_before_it_came_late_ends_no_streak() -> None:
    policy = facts_under("dues: {prepaid: settles}")
    text = """
    2024-05-01 09:00  open limit=1000
    2024-05-01 10:00  delinquency days=0
    2024-05-02 10:00  repay amount=100
    2024-05-20 10:00  due amount=100 due_on=2024-05-10
    """
    assert facts_on(policy, text, "2024-05-21") == (0, 0, 1)


# ------------------------------------------------------------------ holidays

CHINA = """dues: {holidays: {calendar: cn, years: 2026, also: [2026-10-08], not: [2026-10-11]}}
"""


def test_a_due_date_moves_to_the_next_business_day() -> None:
    """National Day of 2026 runs from 1 to 7 October, the lender adds the 8th; 10 October, a Saturday, is a working
    day, and the lender works on Sunday the 11th too. 20 September, a Sunday, is a working day; the 19th is not."""
    policy = facts_under(CHINA)
    moved = {
        "2026-09-30": "2026-09-30",
        "2026-10-01": "2026-10-09",
        "2026-10-07": "2026-10-09",
        "2026-10-10": "2026-10-10",
        "2026-10-11": "2026-10-11",
        "2026-09-19": "2026-09-20",
        "2026-09-26": "2026-09-28",
        "2027-10-01": "2027-10-01",  # another year: the weekend alone
        "2027-10-02": "2027-10-04",
    }
    for due_on, to in moved.items():
        text = f"2026-09-01 09:00  open limit=1000\n2026-09-01 10:00  due amount=10 due_on={due_on}\n"
        assert facts_on(policy, text, to)[1] == 0, due_on
        next_day = Dated(Event("d", "A", "due", 0, {"amount": 1, "due_on": day(due_on)}), 24 * day("2026-09-01"), 1)
        assert write([next_day], terms=policy.dues).dues[0].due_on == day(to), due_on


@story(written(LATE + "dues: {grace: 2d, holidays: {}}\n"), until="2024-06-01")
def test_a_grace_counts_calendar_days_after_the_date_that_was_moved() -> None:
    """11 May 2024 is a Saturday: the bill is due on Monday, the 13th, and its grace ends with the 15th.

    2024-05-01 09:00  open limit=1000
    2024-05-01 09:00  draw amount=500
    2024-05-01 10:00  due amount=100 due_on=2024-05-11
    => 2024-05-16 morning: suspend, 1000.00 of 1000.00, suspended [late]
    """


@story(written(LATE + "dues: {holidays: {weekend: [friday]}}\n"), until="2024-05-20")
def test_a_weekend_is_what_the_policy_says() -> None:
    """10 May 2024 is a Friday: the bill is due on Saturday.

    2024-05-01 09:00  open limit=1000
    2024-05-01 10:00  due amount=100 due_on=2024-05-10
    => 2024-05-12 morning: suspend, 1000.00 of 1000.00, suspended [late]
    """
