"""Account facts through time: highest, lowest, average, and days on which a condition held; worked out by hand."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linekeeper.core.errors import PolicyError
from linekeeper.evaluate.line_days import higher_of_each_day, line_changes
from linekeeper.kernel.kernel import Kernel
from linekeeper.notice.prose import feature_words
from linekeeper.policy.load import load_file, load_text
from linekeeper.policy.syntax import canonical
from tests.kernel.agree import by_arrival, differences, in_bulk, last_day, state_after, unreversed
from tests.oracle.daily import write_daily
from tests.oracle.day_ends import LineByDay
from tests.oracle.generate import for_program, stream
from tests.oracle.held import read_alike
from tests.oracle.oracle import authorise, run
from tests.oracle.reader import read
from tests.oracle.story import ledger, moment, policy_file, written
from tests.policy.texts import TRIGGERS, feature

EXAMPLE = Path(__file__).resolve().parents[2] / "docs/examples/through-time.yaml"
MEASURES = """features:
  peak: max(balance, 10d)
  peak_months: max(balance, 2m)
  peak_use: max(utilisation, 30d)
  low: min(balance, 10d)
  mean: average(balance, 3d)
  arrears: worst(days_past_due, 12m)
  over: days_where(balance > limit, 90d)
  half: days_where(balance >= part(granted, 50%) and past_due = 0 CNY, 10d)
triggers:
  full: {when: balance > 900 CNY, cap: 50%, reason: x}
restoration: {first: 100%, step: 10%, every: 30d}
authorise:
  none: {deny: amount > peak + peak_months + low + mean and peak_use > 0% and arrears + over + half > 0d, reason: rapid}
"""
# 400 on the evening of the 3rd; 950 for some hours of the 5th, which cuts the line to 500; 950 at the end of the 6th.
EVENTS = """
2024-02-01 09:00  open limit=1000
2024-02-03 18:00  draw amount=400
2024-02-05 08:00  draw amount=550
2024-02-05 20:00  repay amount=600
2024-02-06 10:00  draw amount=600
2024-02-08 10:00  repay amount=950
2024-02-08 11:00  due amount=10 due_on=2024-02-10
"""


@pytest.mark.parametrize(
    ("name", "on", "value"),
    [
        ("peak", "2024-02-01", 0),
        ("peak", "2024-02-03", 40_000),
        ("peak", "2024-02-05", 40_000),  # 950 was repaid before the day ended
        ("peak", "2024-02-06", 95_000),
        ("peak", "2024-02-16", 95_000),  # the 7th is the last day with 950
        ("peak", "2024-02-17", 0),
        ("peak_months", "2024-03-31", 95_000),
        ("peak_months", "2024-04-01", 0),
        ("peak_use", "2024-02-04", 4_000),
        ("peak_use", "2024-02-06", 19_000),  # 950 of 500
        ("peak_use", "2024-03-07", 19_000),
        ("peak_use", "2024-03-08", 0),
        ("low", "2024-02-12", 0),  # the 8th ended at 0, and the 3rd had not yet 400 before its evening
        ("low", "2024-02-04", 0),
        ("mean", "2024-02-04", 26_666),  # 0, 400, 400
        ("mean", "2024-02-01", 0),
        ("mean", "2024-02-05", 38_333),  # 400, 400, 350
        ("arrears", "2024-02-09", 0),
        ("over", "2024-02-05", 0),
        ("over", "2024-02-07", 2),
        ("over", "2024-02-08", 2),
        ("half", "2024-02-07", 2),
    ],
)
def test_by_hand(name: str, on: str, value: int) -> None:
    rules = written(MEASURES)
    events = [event for event in ledger(rules, EVENTS) if event.at < moment(rules, on, "23:59:59.999") + 1]
    assert authorise(rules, events, moment(rules, on, "23:59:59.999"), 1).values[name] == value


def test_a_correction_makes_no_day_look_worse() -> None:
    """The line was cut for 950 that were never owed at once: 300 had been repaid on the 4th, and came late.

    Then 650 were owed at the end of the 6th, of 1,000; not of the 500 that were left meanwhile.
    """
    rules = written(MEASURES)
    late = "2024-02-04 12:00  repay amount=300\n"
    after = authorise(rules, ledger(rules, EVENTS + late), moment(rules, "2024-02-12", "00:00"), 1).values
    assert (after["peak_use"], after["over"]) == (6_500, 0)
    kernel = Kernel(load_text(policy_file(MEASURES)))
    state, out = state_after(kernel, for_program(ledger(rules, EVENTS + late))), kernel.new_row()
    kernel.interpreted.features(state, out)
    place = {feature.name: kernel.shape.values + number for number, feature in enumerate(kernel.policy.features)}
    assert (out[place["peak_use"]], out[place["over"]]) == (6_500, 0)


def test_the_line_of_a_day_is_the_better_of_two_runs() -> None:
    cut, never = [(1, 900, 900), (5, 400, 900)], [(1, 900, 900)]
    assert higher_of_each_day(cut, never) == [(1, 900, 900), (5, 900, 900)]
    own, other = LineByDay(changes=cut), LineByDay(changes=never)
    own.take_the_better_of(other)
    assert own.changes == never


def test_of_the_line_a_change_a_day_is_kept_and_one_before() -> None:
    """In the kernel there is room for as many days as the longest window has: the rest is never asked for."""
    kernel = Kernel(load_text(policy_file(MEASURES)))
    state, first, most = kernel.new_state(), kernel.layout.line_days, kernel.layout.line_changes
    for day in range(200):
        kernel.interpreted.note_line(state, first, most, day, day, 500)
    assert most == 91  # `over` looks back on 90 days
    assert line_changes(kernel, state) == [(day, day, 500) for day in range(109, 200)]
    assert state[kernel.interpreted.line_on(state, first, 150) + 1] == 150


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max(available, 6m)", "`available` does not select"),
        ("worst(available, 6m)", "`available` is not kept day by day"),
        ("worst(utilisatio, 6m)", "did you mean `utilisation`"),
        ("max(utilisation)", "`max` takes 2 arguments, not 1; add a window, like `30d`"),
        ("max(utilisation, 24h)", "`24h` is not a window"),
        ("max(utilisation, 30d, ending 30d ago)", "`max` takes 2 arguments, not 3"),
        ("days_where(balance, 30d)", "`balance` is money, not a condition"),
        ("days_where(months_on_book > 3, 30d)", "`months_on_book` cannot stand in `days_where`"),
        ("days_where(true, 30d)", "`true` is no condition of what is kept day by day"),
        ("days_where(count(draw, 7d) > 3, 30d)", "the measure `count` cannot stand here"),
        ("days_where(balance > 30%, 30d)", "money"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        feature(text)
    assert message in str(caught.value)


def test_a_feature_is_not_kept_day_by_day_and_a_definition_may_stand() -> None:
    text = policy_file(
        "features:\n  x: balance + 1 CNY\n  y: days_where({}, 9d)\ndefine: {{over: balance > limit}}\n"
        "triggers:\n  t: {{when: y > 3d and x > 0 CNY, suspend: yes, reason: x}}\n"
    )
    with pytest.raises(PolicyError, match="a feature is not kept day by day"):
        load_text(text.format("x > 3 CNY"))
    assert load_text(text.format("over")).feature("y").unit == "days"


def test_the_one_way_to_write_them() -> None:
    assert canonical("days_where( balance>limit,90d)") == "days_where(balance > limit, 90d)"


@pytest.mark.parametrize(
    ("text", "english", "chinese"),
    [
        (
            "worst(days_past_due, 12m)",
            "the highest value of the time past due on any day in the last 12 calendar months",
            "最近12个自然月内逾期时间的每日最高值",
        ),
        (
            "days_where(balance > limit, 90d)",
            "the number of days in the last 90 days on which the balance is more than the limit",
            "最近90天内满足条件（欠款余额高于额度）的天数",
        ),
    ],
)
def test_words(text: str, english: str, chinese: str) -> None:
    words = feature_words(load_text(policy_file(f"features: {{x: '{text}'}}\n{TRIGGERS}")), "x")
    assert (words.en, words.zh) == (english, chinese)


LIVES = """
2026-01-05 09:00  open limit=10000
2026-01-06 09:00  draw amount=10000
2026-01-10 09:00  due amount=500 due_on=2026-02-01
2026-02-08 09:00  repay amount=600
2026-02-09 09:00  draw amount=600
"""


def test_the_example_cuts_a_line_that_is_always_full() -> None:
    """Full at the end of 26 days of January and 27 of February (not the 8th), and on 7 of March: 60 on the 7th.

    The bill of 1 February was paid on the 8th: six days late.
    """
    program = load_file(EXAMPLE)
    own = read(program.source)
    events, until = ledger(own, LIVES), moment(own, "2026-04-01", "00:00") // 86_400_000
    (cut,) = run(own, events, until).rulings
    assert (cut.day, cut.set_after) == (moment(own, "2026-03-07", "12:00") // 86_400_000, ("always_full",))
    assert (cut.values["days_full"], cut.values["worst_arrears"], cut.after.limit) == (60, 6, 800_000)
    expected = run(own, events, until)
    assert differences(program, expected, *by_arrival(Kernel(program), for_program(events), until)) == []


HOLIDAYS = """features:
  at_leisure: count(draw where holiday, 30d)
  at_work: count(draw where not holiday, 30d)
triggers:
  never: {when: at_leisure > 90, suspend: yes, reason: x}
authorise:
  none: {deny: amount > 1 CNY and at_work > 90, reason: rapid}
dues: {holidays: {also: [2024-02-09, 2024-02-12], not: [2024-02-10]}}
"""


def test_a_holiday_is_a_day_that_the_calendar_lists() -> None:
    """The 9th and the 12th are listed; the 10th is a Saturday on which people work, the 11th a Sunday, no holiday."""
    rules = written(HOLIDAYS)
    draws = "".join(f"2024-02-{day:02} 12:00  draw amount=1\n" for day in range(8, 13))
    events = ledger(rules, f"2024-02-01 09:00  open limit=1000\n{draws}")
    values = authorise(rules, events, moment(rules, "2024-02-13", "00:00"), 1).values
    assert (values["at_leisure"], values["at_work"]) == (2, 3)
    words = feature_words(load_text(policy_file(HOLIDAYS)), "at_leisure")
    assert words.en == "the number of draws (only where the day is a holiday) in the last 30 days"
    assert words.zh == "最近30天借款（仅限当天为节假日）的次数"


def test_a_holiday_needs_a_calendar_and_a_field_of_that_name_goes_before() -> None:
    text = f"events: {{trip: {{amount: money}}}}\nfeatures: {{x: 'count(trip where holiday, 9d)'}}\n{TRIGGERS}"
    with pytest.raises(PolicyError, match=r"`holiday` needs the days of a calendar; write `dues: \{holidays: cn\}`"):
        load_text(policy_file(text))
    own = text.replace("amount: money", "holiday: flag")
    assert load_text(policy_file(own)).feature("x").unit == "count"


AGAINST_THE_LINE = """features:
  large: count(draw where amount >= part(granted, 30%), 30d)
  of_limit: count(draw where amount >= part(limit, 60%), 30d)
triggers:
  full: {when: balance > 900 CNY, cap: 50%, reason: x}
restoration: {first: 100%, step: 10%, every: 30d}
authorise:
  none: {deny: amount > 1 CNY and large > 90 and of_limit > 90, reason: rapid}
"""
DRAWS = """
2024-02-01 09:00  open limit=1000
2024-02-01 12:00  draw amount=400
2024-02-03 18:00  draw amount=299.99
2024-02-04 18:00  draw amount=300
2024-02-05 09:00  repay amount=990
2024-02-05 10:00  draw amount=300
"""


def test_a_filter_may_hold_an_amount_against_the_line_of_the_day_before() -> None:
    """On the day of the opening no line is known. The 4th cut the limit to 500: 300 on the 5th is 60 % of it."""
    rules = written(AGAINST_THE_LINE)
    values = authorise(rules, ledger(rules, DRAWS), moment(rules, "2024-02-07", "00:00"), 1).values
    assert (values["large"], values["of_limit"]) == (2, 1)
    kernel = Kernel(load_text(policy_file(AGAINST_THE_LINE)))
    state, out = state_after(kernel, for_program(ledger(rules, DRAWS))), kernel.new_row()
    kernel.interpreted.features(state, out)
    place = {feature.name: kernel.shape.values + number for number, feature in enumerate(kernel.policy.features)}
    assert (out[place["large"]], out[place["of_limit"]]) == (2, 1)
    words = feature_words(kernel.policy, "of_limit")
    assert words.en == (
        "the number of draws (only where the amount is at least 60% of the limit of the day before) in the last 30 days"
    )


def test_a_filter_that_reads_the_line_needs_a_window() -> None:
    with pytest.raises(PolicyError, match="`last` has no window, and the line is kept for a time only"):
        feature("last(draw.amount where amount > granted)")


@given(st.integers(0, 10**6), st.integers(0, 10**6))
@settings(max_examples=12)  # the oracle writes out every day of every look
def test_the_kernel_agrees_with_the_oracle(policy_seed: int, stream_seed: int) -> None:
    """One event at a time, and in bulk, lazily and day by day, with late events and reversals among them."""
    said = write_daily(Random(policy_seed))
    policy = read_alike(said)
    kernel, late = Kernel(policy), stream_seed % 3 == 2
    events = stream(policy, stream_seed, late, 2 * (stream_seed % 6 == 5), stream_seed % 4 == 1)
    events = events if late else unreversed(events)
    until = last_day(policy, events) + 40
    expected = run(said.policy, events, until)
    assert differences(policy, expected, *by_arrival(kernel, events, until)) == []
    if not late:
        for lazy in (True, False):
            assert differences(policy, expected, *in_bulk(kernel, [events], until, compiled=False, lazy=lazy)[0]) == []
