"""The section `dues`: how it is read, what is refused, and that its calendar is part of the policy."""

from __future__ import annotations

import datetime as dt
import sys
from hashlib import sha256

import pytest

from linekeeper.core.errors import PolicyError
from linekeeper.policy.load import load_text
from linekeeper.policy.model import BusinessDays, DueTerms, Policy

HEAD = "policy: tiny\nversion: 1\ncurrency: CNY\ntime_zone: Asia/Shanghai\n"
LATE = "triggers:\n  late: {when: days_past_due >= 30, suspend: yes, reason: arrears}\n"


def policy_with(dues: str, triggers: str = LATE) -> Policy:
    """A policy with that section."""
    return load_text(f"{HEAD}{triggers}{dues}\n")


def faults_of(dues: str, triggers: str = LATE) -> list[str]:
    """What is wrong with a policy with that section."""
    with pytest.raises(PolicyError) as raised:
        policy_with(dues, triggers)
    return [fault.message for fault in raised.value.faults]


def day(text: str) -> int:
    """A date as days since 1970-01-01."""
    return (dt.date.fromisoformat(text) - dt.date(1970, 1, 1)).days


def test_without_a_section_dues_are_as_they_come() -> None:
    assert policy_with("").dues == policy_with("dues: {}").dues == DueTerms()
    assert policy_with("dues: {prepaid: balance_only}").dues == DueTerms()


def test_all_of_a_section() -> None:
    dues = policy_with("dues: {grace: 3d, tolerance: 10 CNY, prepaid: settles, holidays: {also: [2026-10-09]}}").dues
    assert dues == DueTerms(3, 1_000, True, BusinessDays((5, 6), (day("2026-10-09"),), ()))


# ------------------------------------------------------------------ the calendar


def test_the_calendar_of_china_has_the_working_days_of_its_weekends() -> None:
    days = policy_with("dues: {holidays: {calendar: cn, years: 2026}}").dues.business_days
    assert days is not None
    assert day("2026-02-17") in days.off  # Spring Festival
    assert {day("2026-02-14"), day("2026-02-28"), day("2026-10-10")} <= set(days.working)
    assert {dt.date.fromordinal(one + dt.date(1970, 1, 1).toordinal()).year for one in days.off} == {2026}


def test_own_days_go_before_those_of_the_calendar() -> None:
    own = "dues: {holidays: {calendar: cn, years: 2026, also: [2026-02-14], not: [2026-02-17]}}"
    days = policy_with(own).dues.business_days
    assert days is not None
    assert day("2026-02-14") in set(days.off) - set(days.working)
    assert day("2026-02-17") in set(days.working) - set(days.off)


def test_the_days_are_part_of_the_text_and_of_its_hash() -> None:
    policy = policy_with("dues: {holidays: cn}")
    assert policy.source.startswith(f"{HEAD}{LATE}dues: {{holidays: cn}}\ncalendar:\n  name: cn\n  years: 2020-2035\n")
    assert policy.digest == sha256(policy.source.encode()).hexdigest()
    assert policy.written == f"{HEAD}{LATE}dues: {{holidays: cn}}\n"
    assert load_text(policy.source) == policy


def test_a_newer_library_changes_nothing_that_was_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text is read without the library; a day more in it is another policy."""
    policy = policy_with("dues: {holidays: {calendar: cn, years: 2026}}")
    monkeypatch.setitem(sys.modules, "holidays", None)  # whoever imports it now fails
    assert load_text(policy.source) == policy
    more = load_text(policy.source.replace("    2026-01-01,", "    2025-12-31, 2026-01-01,"))
    assert more.digest != policy.digest
    assert more.dues != policy.dues
    with pytest.raises(ImportError):
        policy_with("dues: {holidays: cn}")


# ------------------------------------------------------------------ draws


@pytest.mark.parametrize("word", ["accept", "flag", "reject"])
def test_what_becomes_of_a_draw_over_the_limit(word: str) -> None:
    assert policy_with(f"draws: {{over_limit: {word}}}").over_limit == word
    assert policy_with("").over_limit == policy_with("draws: {}").over_limit == "accept"
    assert faults_of("draws: {over_limit: deny}") == ["the word `deny` is not known"]
    assert faults_of("draws: {over: flag}") == ["the key `over` is not known"]


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("dues", "message"),
    [
        ("dues: {grace: 400d}", "`400d` does not fit here"),
        ("dues: {tolerance: 10 USD}", "`USD` is not the policy's currency `CNY`"),
        ("dues: {tolerance: 10}", "`10` is a bare number, the other side is money"),
        ("dues: {prepaid: yes}", "the word `yes` is not known"),
        ("dues: {patience: 3d}", "the key `patience` is not known"),
        ("dues: {holidays: xx}", "the calendar `xx` is not known"),
        ("dues: {holidays: {calendar: CN}}", "the calendar `CN` is not known"),
        ("dues: {holidays: {years: 2027-2026}}", "`2027-2026` are no years"),
        ("dues: {holidays: {weekend: [sonntag]}}", "the word `sonntag` is not known"),
        ("dues: {holidays: {also: [2026-02-30]}}", "`2026-02-30` is no date"),
        (
            "dues: {holidays: {also: [2026-02-03], not: [2026-02-03]}}",
            "`2026-02-03` stands under `also` and under `not`",
        ),
        (
            "dues: {holidays: {weekend: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]}}",
            "no day of the week is left for business",
        ),
        ("calendar: {name: cn}", "the days of a calendar stand here, and `dues.holidays` names none"),
        (
            "dues: {holidays: {calendar: cn, years: 2026}}\ncalendar: {name: cn, years: 2025, holidays: []}",
            "these are not the days of `cn` for 2026-2026, which `dues.holidays` names",
        ),
    ],
)
def test_nonsense_is_refused(dues: str, message: str) -> None:
    assert message in faults_of(dues)


RULES = """features:
  late: late_count(5, 12m)
  dpd: days_past_due
triggers:
  one: {when: %s, suspend: yes, reason: x}
"""


@pytest.mark.parametrize(
    ("condition", "least"),
    [
        ("days_past_due >= 3", 3),
        ("days_past_due > 3", 4),
        ("2 < days_past_due", 3),
        ("not (days_past_due < 3)", 3),
        ("dpd >= 4", 4),
        ("days_past_due = 1", 1),
        ("days_past_due >= 1", 5),
        ("days_past_due > 0 and past_due > 1 CNY", 5),
    ],
)
def test_a_grace_stays_below_the_days_that_a_rule_looks_for(condition: str, least: int) -> None:
    """`late_count(5, 12m)` looks for 5; whether anything at all is past due, any grace leaves to be asked."""
    rules = RULES % condition
    assert faults_of(f"dues: {{grace: {least}d}}", rules) == [
        f"a rule looks for {least} days past due, and within a grace of {least}d there are none"
    ]
    assert policy_with(f"dues: {{grace: {least - 1}d}}", rules).dues.grace_days == least - 1
