"""Statutory clocks: due times and alarms from dated records."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.core.errors import LinekeeperError
from linekeeper.regulation.clock import NoticeCase, notice_clock
from linekeeper.regulation.records import RECORD_STATUSES, RegulationRecord, in_force, read_records, shipped_records
from linekeeper.texts.material import MaterialError
from tests.notice.examples import day

RULES = shipped_records()
LAW = tuple(rule for rule in RULES if rule.status != "house")
DAY_MS = 86_400_000


def at(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1000


def local(clock_at: int, zone: str) -> str:
    return datetime.fromtimestamp(clock_at / 1000, UTC).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


CASES = [
    # jurisdiction, product, action, zone, decided, due, rule
    (
        "US",
        "credit_card",
        "decrease",
        "America/New_York",
        "2026-05-02T09:00",
        "2026-06-02 00:00",
        "us-regb-adverse-action-notice",
    ),
    ("US", "heloc", "suspend", "America/New_York", "2026-04-30T23:59", "2026-05-06 00:00", "us-heloc-notice"),
    (
        "US",
        "heloc",
        "close",
        "America/New_York",
        "2026-04-30T09:00",
        "2026-05-31 00:00",
        "us-regb-adverse-action-notice",
    ),
    (
        "US",
        "credit_card",
        "reasons_request",
        "UTC",
        "2026-05-02T00:00",
        "2026-06-02 00:00",
        "us-regb-reasons-on-request",
    ),
    ("US", "credit_card", "counter_offer", "UTC", "2026-05-02T00:00", "2026-08-01 00:00", "us-regb-counter-offer"),
    ("EU", "overdraft", "decrease", "Europe/Berlin", "2026-12-02T09:00", "2026-11-03 00:00", "eu-ccd2-24-overdraft"),
    ("EU", "open_end", "suspend", "Europe/Berlin", "2026-12-02T09:00", "2026-12-03 00:00", "eu-ccd2-28-suspend"),
    ("EU", "open_end", "close", "Europe/Berlin", "2026-12-31T09:00", "2026-11-01 00:00", "eu-ccd2-28-terminate"),
    ("EU", "credit_card", "objection", "Europe/Berlin", "2026-01-31T09:00", "2026-03-01 00:00", "eu-gdpr-22-3"),
    (
        "CN",
        "any",
        "credit_record_objection",
        "Asia/Shanghai",
        "2026-05-02T09:00",
        "2026-05-23 00:00",
        "cn-credit-reporting-objection",
    ),
]


@pytest.mark.parametrize(("jurisdiction", "product", "action", "zone", "decided", "due", "rule"), CASES)
def test_each_clock(jurisdiction: str, product: str, action: str, zone: str, decided: str, due: str, rule: str) -> None:
    clock = notice_clock(LAW, NoticeCase(jurisdiction, product, action, zone), at(decided, zone))
    assert (local(clock.due_at, zone), clock.rule) == (due, rule)


def test_the_house_tells_within_a_day_where_the_law_gives_longer() -> None:
    clock = notice_clock(RULES, NoticeCase("US", "credit_card", "decrease", "America/New_York"), at("2026-05-02T13:00"))
    assert (clock.rule, local(clock.due_at, "America/New_York")) == ("house-notice", "2026-05-04 00:00")
    assert local(clock.alarm_at, "America/New_York") == "2026-05-03 12:00"


def test_the_local_day_counts() -> None:
    case = NoticeCase("US", "credit_card", "decrease", "Asia/Shanghai")
    before, after = (notice_clock(LAW, case, at(text)).due_at for text in ("2026-05-02T15:59", "2026-05-02T16:00"))
    assert after - before == DAY_MS


def test_holidays_are_no_business_days() -> None:
    case, decided = NoticeCase("US", "heloc", "suspend", "UTC"), at("2026-05-01T09:00")  # a Friday
    assert local(notice_clock(LAW, case, decided).due_at, "UTC") == "2026-05-07 00:00"
    later = notice_clock(LAW, case, decided, holidays=frozenset({date(2026, 5, 4)}))
    assert local(later.due_at, "UTC") == "2026-05-08 00:00"


def test_notice_ahead_counts_back_from_the_effect() -> None:
    case = NoticeCase("EU", "overdraft", "decrease", "UTC")
    decided, effect = at("2026-12-01T00:00"), at("2027-01-15T00:00")
    clock = notice_clock(LAW, case, decided, effect)
    assert local(clock.due_at, "UTC") == "2026-12-17 00:00"  # the 16th is still 30 days ahead
    assert clock.state_at(decided) == "running"
    assert notice_clock(LAW, case, decided).state_at(decided) == "late"  # an overdraft must not be cut at once


def test_a_record_binds_between_its_dates() -> None:
    case = NoticeCase("EU", "open_end", "suspend", "UTC")
    with pytest.raises(LinekeeperError, match="no clock is known for `suspend` in `EU`, `open_end`"):
        notice_clock(LAW, case, at("2026-11-19T23:59"))
    assert notice_clock(LAW, case, at("2026-11-20T00:00")).rule == "eu-ccd2-28-suspend"


@given(st.integers(0, 4_000_000_000_000), st.sampled_from([case[:4] for case in CASES]))
def test_the_alarm_comes_first(decided: int, case: tuple[str, str, str, str]) -> None:
    clock = notice_clock(RULES_ALWAYS, NoticeCase(*case), decided)
    assert clock.alarm_at < clock.due_at
    assert [clock.state_at(moment) for moment in (clock.alarm_at - 1, clock.alarm_at, clock.due_at)] == [
        "running",
        "alarm",
        "late",
    ]


@given(st.integers(0, 4_000_000_000_000), st.integers(0, 10 * DAY_MS))
def test_a_later_decision_is_never_due_earlier(decided: int, later: int) -> None:
    case = NoticeCase("US", "heloc", "suspend", "America/New_York")
    assert notice_clock(LAW, case, decided).due_at <= notice_clock(LAW, case, decided + later).due_at


def always(rule: RegulationRecord) -> RegulationRecord:
    return RegulationRecord(
        rule.id, rule.jurisdiction, rule.products, rule.applies, None, None, rule.source, "published", {}, rule.clock
    )


RULES_ALWAYS = tuple(map(always, RULES))


# ------------------------------------------------------------------ the records


def test_the_credit_line_maximum_changed_in_2025() -> None:
    def maximum(on: int) -> list[object]:
        found = in_force(RULES, "CN", "internet_consumer_loan", on)
        return [rule.parameter["credit_line_max"] for rule in found if "credit_line_max" in rule.parameter]

    assert maximum(day(2020, 7, 11)) == []
    assert maximum(day(2025, 3, 23)) == ["200_000 CNY"]
    assert maximum(day(2025, 3, 24)) == ["300_000 CNY"]


def test_a_withdrawn_circular_binds_no_more() -> None:
    def binds(on: int) -> bool:
        return any(rule.id == "us-cfpb-2022-03" for rule in in_force(RULES, "US", "credit_card", on))

    assert [binds(day(2025, 5, 11)), binds(day(2025, 5, 12))] == [True, False]


def test_a_draft_binds_nobody() -> None:
    drafts = [rule for rule in RULES if rule.status == "draft"]
    assert drafts
    assert not any(rule.in_force(rule.jurisdiction, rule.products[0], day(2026, 1, 1)) for rule in drafts)


def test_every_record_names_its_source_and_standing() -> None:
    assert all(rule.source and rule.applies and rule.status in RECORD_STATUSES for rule in RULES)
    unsure = [rule for rule in RULES if "check" in rule.source or "to be checked" in rule.applies]
    assert unsure
    assert all(rule.status == "unverified" for rule in unsure)


GOOD = (
    "- {id: a, jurisdiction: CN, products: [any], applies: x, effective: {from: 2026-01-01}, source: s, "
    "status: published"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "}\n" + GOOD + "}", "the record `a` stands twice"),
        (GOOD + ", colour: red}", "the record `a` in `x.yaml` is not complete or not known: colour"),
        (GOOD.replace("status: published", "status: sure") + "}", "not known: status: sure"),
        (GOOD.replace("source: s, ", "") + "}", "not complete or not known: source"),
        (
            GOOD + ", clock: {actions: [close], when: after, days: 1, months: 1, alarm_hours: 1}}",
            "the clock of `a` needs",
        ),
        (GOOD + ", clock: {actions: [], when: after, days: 1, alarm_hours: 1}}", "the clock of `a` needs"),
        (GOOD + ", clock: {actions: [close], when: soon, days: 1, alarm_hours: 1}}", "the clock of `a` needs"),
    ],
)
def test_a_record_that_is_not_whole_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.yaml").write_text(text, "utf-8")
    with pytest.raises(MaterialError, match=message):
        read_records(tmp_path)


def test_the_former_word_for_published_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(GOOD.replace("status: published", "status: found") + "}", "utf-8")
    assert [record.status for record in read_records(tmp_path)] == ["published"]
