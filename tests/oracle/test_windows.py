"""Windows at the edges of their tiles, local time where clocks change, and what authorisation sees."""

from __future__ import annotations

import pytest

from tests.oracle.clock import clock, date_day, day_of, hour_of_day, month_of
from tests.oracle.oracle import Answer, Refused, authorise, run, values_at
from tests.oracle.story import day, ledger, moment, written

MEASURES = """features:
  in_a_day: count(draw, 24h)
  in_a_week: sum(draw.amount, 7d)
  in_two_months: max(draw.amount, 2m)
  at_night: count(draw where hour < 6 or hour >= 22, 30d)
  latest: last(draw.amount where amount > 3 CNY)
  since: days_since(draw)
triggers:
  never: {when: in_a_day < 0, suspend: yes, reason: x}
authorise:
  large: {deny: amount > 100 CNY and in_a_day >= 1, reason: rapid}
  at_all: {deny: in_a_week > 5 CNY, reason: rapid}
"""
ONE_DRAW = """
2024-01-01 09:00  open limit=1000
2024-01-31 22:59:59.999  draw amount=5
"""


def asked(text: str, on: str, time: str, amount: int = 1, time_zone: str = "UTC") -> Answer:
    policy = written(MEASURES, time_zone)
    return authorise(policy, ledger(policy, text), moment(policy, on, time), amount)


@pytest.mark.parametrize(
    ("feature", "on", "time", "value"),
    [
        ("in_a_day", "2024-02-01", "21:59:59.999", 1),  # hours 22 of the 31st to 21 of the 1st: 24 of them
        ("in_a_day", "2024-02-01", "22:00", 0),
        ("in_a_week", "2024-02-06", "23:59:59.999", 500),  # 31 January to 6 February: 7 days
        ("in_a_week", "2024-02-07", "00:00", 0),
        ("in_two_months", "2024-02-29", "23:59:59.999", 500),  # January and February
        ("in_two_months", "2024-03-01", "00:00", None),
        ("at_night", "2024-02-29", "23:59:59.999", 1),  # 31 January to 29 February: 30 days
        ("at_night", "2024-03-01", "00:00", 0),
        ("since", "2024-01-31", "23:59:59.999", 0),
        ("since", "2024-02-01", "00:00", 1),
        ("latest", "2030-01-01", "00:00", 500),
    ],
)
def test_a_window_ends_with_its_last_tile(feature: str, on: str, time: str, value: int | None) -> None:
    assert asked(ONE_DRAW, on, time).values[feature] == value


def test_night_begins_with_its_hour() -> None:
    late = ONE_DRAW.replace("22:59:59.999", "21:59:59.999")
    assert asked(late, "2024-02-01", "00:00").values["at_night"] == 0
    assert asked(late.replace("21:59:59.999", "22:00"), "2024-02-01", "00:00").values["at_night"] == 1


def test_the_latest_is_by_time_and_then_by_arrival() -> None:
    text = ONE_DRAW + "2024-02-05 10:00  draw amount=7\n2024-02-05 10:00  draw amount=8\n"
    assert asked(text, "2024-02-06", "00:00").values["latest"] == 800
    late = text + "2024-02-04 10:00  draw amount=9\n2024-02-05 11:00  draw amount=3\n"
    answer = asked(late, "2024-02-06", "00:00")
    assert (answer.values["latest"], answer.values["since"]) == (800, 1)


def test_one_tile_holds_at_most_a_quadrillion() -> None:
    huge = "2024-01-31 10:00  draw amount=10000000000000\n"
    assert asked(ONE_DRAW + huge + huge, "2024-02-01", "00:00").values["in_a_week"] == 10**15


# ------------------------------------------------------------------ authorisation


@pytest.mark.parametrize(
    ("on", "amount", "answer"),
    [
        ("2024-01-31", 10_000, (True, (), None)),
        ("2024-01-31", 10_001, (False, ("large",), None)),
        ("2024-02-07", 99_500, (True, (), None)),
        ("2024-02-07", 99_501, (False, (), "over_available")),
    ],
)
def test_a_draw_may_be_denied_by_a_rule_or_by_the_line(on: str, amount: int, answer: tuple[object, ...]) -> None:
    found = asked(ONE_DRAW, on, "23:00", amount)
    assert (found.allowed, found.denied_by, found.line) == answer


def test_all_rules_that_deny_are_named() -> None:
    answer = asked(ONE_DRAW + "2024-01-31 23:00  draw amount=0.01\n", "2024-01-31", "23:00", 10_001)
    assert (answer.allowed, answer.denied_by) == (False, ("large", "at_all"))


def test_a_suspended_or_closed_or_unopened_line_allows_nothing() -> None:
    policy = written("""triggers:
  late: {when: past_due > 0 CNY, suspend: yes, reason: x}
  gone: {when: days_past_due >= 3, close: yes, reason: x}
restoration: {first: 0%, step: 1%, every: 1d}
""")
    events = ledger(policy, "2024-01-01 09:00  open limit=1000\n2024-01-01 09:00  due amount=1 due_on=2024-01-05")
    on_days = [authorise(policy, events, moment(policy, f"2024-01-{on:02}", "12:00"), 0) for on in (5, 6, 7, 8)]
    assert [answer.line for answer in on_days] == [None, "suspended", "suspended", "closed"]
    assert authorise(policy, [], 0, 0).line == "not_open"


# ------------------------------------------------------------------ refused events


def test_what_comes_before_open_and_a_second_open_change_nothing() -> None:
    policy = written(MEASURES)
    text = """
    2024-01-01 08:00  draw amount=1
    2024-01-01 09:00  open limit=1000
    2024-01-01 10:00  open limit=9000
    2024-01-01 08:59:59.999  draw amount=1
    2024-01-01 09:00  draw amount=1
    """
    outcome = run(policy, ledger(policy, text))
    not_open, twice = "the account is not open yet", "the account is already open"
    assert outcome.refused == (Refused("e1", not_open), Refused("e3", twice), Refused("e4", not_open))
    assert outcome.final is not None
    assert (outcome.final.balance, outcome.final.line.granted) == (100, 100_000)
    assert run(policy, []).final is None


def test_no_morning_is_looked_at_on_the_day_of_opening() -> None:
    policy = written(MEASURES)
    events = ledger(policy, ONE_DRAW)
    assert values_at(policy, events, day("2024-01-01")) is None
    assert values_at(policy, events, day("2024-01-02")) is not None
    assert run(policy, events, day("2024-02-02")).evaluations == 2 + 32


# ------------------------------------------------------------------ local time


def test_an_hour_that_comes_twice_is_one_hour() -> None:
    """New York, 3 November 2024: 01:30 comes twice; both are hour 1, and hour 2 is an hour later."""
    new_york = clock("America/New_York")
    first = moment(written(MEASURES, "America/New_York"), "2024-11-03", "01:30")
    hours = [hour_of_day(new_york.hour(first + step * 1_800_000)) for step in range(5)]
    assert hours == [1, 1, 1, 2, 2]


def test_an_hour_that_is_left_out_is_left_out() -> None:
    """New York, 10 March 2024: after hour 1 comes hour 3."""
    new_york = clock("America/New_York")
    half_past_one = moment(written(MEASURES, "America/New_York"), "2024-03-10", "01:30")
    assert [hour_of_day(new_york.hour(half_past_one + step * 1_800_000)) for step in range(3)] == [1, 3, 3]


def test_local_time_never_runs_back_over_midnight() -> None:
    """St John's, 4 November 2007: at 00:01 clocks went back to 23:01 of the 3rd. The new day has begun and stays:
    the hour 0 lasts from 00:00 until an hour after it comes again."""
    st_johns = clock("America/St_Johns")
    policy = written(MEASURES, "America/St_Johns")
    midnight = moment(policy, "2007-11-04", "00:00")
    again = moment(policy, "2007-11-04", "00:00*")
    assert again - midnight == 3_600_000
    minutes = [-1, 0, 1, 59, 60, 61, 119, 120]
    hours = [st_johns.hour(midnight + minute * 60_000) for minute in minutes]
    assert [hour_of_day(hour) for hour in hours] == [23, 0, 0, 0, 0, 0, 0, 1]
    assert {day_of(hour) for hour in hours[1:]} == {date_day(2007, 11, 4)}
    assert st_johns.start_of_hour(24 * date_day(2007, 11, 4)) == midnight


def test_half_an_hour_back_on_lord_howe() -> None:
    """7 April 2024: at 02:00 clocks went back to 01:30; hour 1 lasts an hour and a half."""
    lord_howe = clock("Australia/Lord_Howe")
    one = moment(written(MEASURES, "Australia/Lord_Howe"), "2024-04-07", "01:00")
    assert [hour_of_day(lord_howe.hour(one + half * 1_800_000)) for half in range(5)] == [1, 1, 1, 2, 2]


def test_a_day_that_the_zone_left_out_is_still_looked_at() -> None:
    """Apia left out 30 December 2011; windows count its tile and mornings come one by one."""
    policy = written(MEASURES, "Pacific/Apia")
    text = "2011-12-29 23:00  open limit=1000\n2011-12-29 23:30  draw amount=5\n2011-12-31 00:00  draw amount=1"
    events = ledger(policy, text)
    assert events[2].at - events[1].at == 1_800_000
    assert run(policy, events).evaluations == 5
    left_out = values_at(policy, events, day("2011-12-30"))
    assert left_out is not None
    assert left_out["since"] == 1
    final = values_at(policy, events, day("2012-01-01"))
    assert final is not None
    assert (final["in_a_day"], final["in_a_week"], final["since"]) == (0, 600, 1)


def test_months_follow_the_local_calendar() -> None:
    """A draw at 23:00 on 29 February in New York is in March in UTC, and in February where it was made."""
    text = "2024-02-01 09:00  open limit=1000\n2024-02-29 23:00  draw amount=5\n"
    assert asked(text, "2024-03-31", "23:59", time_zone="America/New_York").values["in_two_months"] == 500
    assert asked(text, "2024-04-01", "00:00", time_zone="America/New_York").values["in_two_months"] is None
    assert month_of(date_day(2024, 3, 1)) == month_of(date_day(2024, 2, 29)) + 1 == month_of(date_day(2023, 2, 28)) + 13
