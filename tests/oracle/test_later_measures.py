"""Least, average, spread, first, active tiles, windows in the past, the day of an event: worked out by hand."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.core.errors import PolicyError
from linekeeper.kernel.kernel import Kernel
from linekeeper.notice.prose import feature_words
from linekeeper.policy.load import load_text
from linekeeper.policy.syntax import canonical
from tests.kernel.agree import by_arrival, differences, in_bulk, last_day, unreversed
from tests.oracle.generate import stream
from tests.oracle.held import read_alike
from tests.oracle.measured import write_measured
from tests.oracle.oracle import authorise, run
from tests.oracle.story import ledger, moment, written
from tests.policy.texts import HEAD, TRIGGERS, feature, policy

MEASURES = """features:
  least: min(draw.amount, 30d)
  mean: average(draw.amount, 30d)
  apart: spread(draw.amount, 30d)
  days_with: active(draw, 30d)
  months_with: active(draw, 3m)
  earliest: first(draw.amount where amount > 6 CNY)
  row: in_a_row(draw, 5d)
  days_of_draws: in_a_row(draw, 30d)
  kinds: distinct(override.trigger, 30d)
  least_before: min(draw.amount, 10d, ending 10d ago)
  before: sum(draw.amount, 10d, ending 10d ago)
  mean_before: average(draw.amount, 10d, ending 10d ago)
  days_before: active(draw, 10d, ending 10d ago)
  on_weekends: count(draw where weekday in ("saturday", "sunday"), 30d)
  on_the_first: count(draw where day_of_month = 1, 3m)
  tenure: days_on_book
triggers:
  never: {when: on_weekends < 0, suspend: yes, reason: x}
authorise:
  none: {deny: amount > 1 CNY and least > 1 CNY and mean > 1 CNY and apart > 1 CNY and days_with > 9, reason: rapid}
"""
# Thursday the 1st, Saturday the 3rd (twice), Monday the 12th.
DRAWS = """
2024-02-01 00:00  open limit=1000
2024-02-01 09:00  draw amount=5
2024-02-03 10:00  draw amount=10
2024-02-03 23:59:59.999  draw amount=8
2024-02-12 12:00  draw amount=3
"""


@pytest.mark.parametrize(
    ("name", "on", "value"),
    [
        ("least", "2024-02-01", 500),
        ("least", "2024-02-12", 300),
        ("least", "2024-03-12", 300),  # 12 February to 12 March: 30 days
        ("least", "2024-03-13", None),
        ("mean", "2024-02-03", 766),  # 23 / 3, rounded down
        ("mean", "2024-02-12", 650),
        ("apart", "2024-02-03", 500),
        ("apart", "2024-02-12", 700),
        ("apart", "2024-03-05", 0),  # the 3rd has left, 3 alone is there
        ("days_with", "2024-02-12", 3),
        ("months_with", "2024-04-30", 1),
        ("months_with", "2024-05-01", 0),
        ("row", "2024-02-01", 1),
        ("row", "2024-02-02", 1),  # today may still bring one
        ("row", "2024-02-12", 1),
        ("row", "2024-02-14", 0),
        ("days_of_draws", "2024-02-04", 1),  # the 3rd; on the 2nd there was none
        ("kinds", "2024-02-12", 0),
        ("least_before", "2024-02-10", None),
        ("least_before", "2024-02-12", 500),
        ("least_before", "2024-02-22", 300),
        ("earliest", "2024-02-01", None),
        ("earliest", "2030-01-01", 1_000),
        ("before", "2024-02-10", 0),
        ("before", "2024-02-11", 500),  # 1 to 2 February lie 10 and 9 days back
        ("before", "2024-02-13", 2_300),
        ("before", "2024-02-22", 2_100),  # 3 to 12 February
        ("before", "2024-03-03", 0),
        ("mean_before", "2024-02-10", None),
        ("mean_before", "2024-02-22", 700),
        ("days_before", "2024-02-22", 2),
        ("on_weekends", "2024-02-12", 2),
        ("on_the_first", "2024-04-30", 1),
        ("tenure", "2024-03-01", 29),
    ],
)
def test_by_hand(name: str, on: str, value: int | None) -> None:
    rules = written(MEASURES)
    events = [event for event in ledger(rules, DRAWS) if event.at < moment(rules, on, "23:59:59.999") + 1]
    assert authorise(rules, events, moment(rules, on, "23:59:59.999"), 1).values[name] == value


def test_a_later_arrival_of_an_earlier_event_is_the_first() -> None:
    rules = written(MEASURES)
    early = "2024-02-01 00:00  open limit=1000\n2024-02-05 09:00  draw amount=9\n2024-02-02 09:00  draw amount=7\n"
    assert authorise(rules, ledger(rules, early), moment(rules, "2024-02-06", "00:00"), 1).values["earliest"] == 700


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sum(draw.amount, 30d, ending 1m ago)", "a window of `30d` cannot end 1m ago"),
        ("sum(draw.amount, 390d, ending 30d ago)", "from 1d to 10d ago"),
        ("sum(draw.amount, 400d, ending 1d ago)", "choose a shorter window"),
        ("in_a_row(draw, 30d, ending 30d ago)", "`in_a_row` takes 2 arguments, not 3"),
        ("in_a_row(draw, 1d)", "from 2d to 400d"),
        ("distinct(draw.amount, 30d)", "`amount` is money of 0 words; `distinct` counts the words of a list"),
        ("average(balance.amount, 30d)", "may be negative, `average` needs amounts that cannot be"),
        ("min(purchase.category, 30d)", "`min` needs an amount"),
        ("first(income)", "write `income.amount`"),
        ("count(draw where weekday = 1, 30d)", "cannot compare"),
        ('count(draw where weekday = "funday", 30d)', "did you mean `sunday`"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        feature(text)
    assert message in str(caught.value)


def test_the_one_way_to_write_them() -> None:
    assert canonical("sum( draw.amount,30d,ending   30d  ago )") == "sum(draw.amount, 30d, ending 30d ago)"


@pytest.mark.parametrize(
    ("text", "english", "chinese"),
    [
        ("min(draw.amount, 30d)", "the smallest amount of draws in the last 30 days", "最近30天借款的最低金额"),
        (
            "sum(draw.amount, 30d, ending 30d ago)",
            "the total amount of draws in the last 30 days, counted up to 30 days ago",
            "最近30天（截至30天前）借款的金额合计",
        ),
        ("active(draw, 6m)", "the number of calendar months with draws in the last 6 calendar months", None),
        ("days_on_book + 0", "the time since the line was opened plus 0 days", None),
    ],
)
def test_their_words(text: str, english: str, chinese: str | None) -> None:
    words = feature_words(policy(f"features:\n  it: '{text}'\n{TRIGGERS}"), "it")
    assert words.en == english
    assert chinese is None or words.zh == chinese


def test_a_policy_that_has_the_names_keeps_them() -> None:
    """A feature `days_on_book`, a field `weekday`: what was valid before these words came means what it meant."""
    text = "events:\n  visit: {weekday: count}\nfeatures:\n  days_on_book: months_on_book * 30\n"
    text += "  visits: count(visit where weekday = 1, 7d)\n"
    loaded = load_text(
        HEAD + text + "triggers:\n  t: {when: days_on_book > 3 and visits > 2, suspend: yes, reason: r}\n"
    )
    assert loaded.feature("days_on_book").unit == "count"
    assert "OPEN_DAY" not in Kernel(loaded).layout.slots


@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_kernel_and_oracle_agree(policy_seed: int, stream_seed: int) -> None:
    """One by one, in bulk, and in bulk with a look every day."""
    said = write_measured(Random(policy_seed))
    loaded = read_alike(said)
    events = unreversed(stream(loaded, stream_seed))
    kernel, until = Kernel(loaded), last_day(loaded, events) + 40
    expected = run(said.policy, events, until)
    assert differences(loaded, expected, *by_arrival(kernel, events, until)) == []
    assert differences(loaded, expected, *in_bulk(kernel, [events], until, compiled=False)[0]) == []
    assert differences(loaded, expected, *in_bulk(kernel, [events], until, compiled=False, lazy=False)[0]) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_compiled_kernel_and_oracle_agree(seed: int) -> None:
    said = write_measured(Random(f"measured {seed}"))
    loaded = read_alike(said)
    kernel = Kernel(loaded)
    for number in range(8):
        events = unreversed(stream(loaded, number))
        until = last_day(loaded, events) + 40
        expected = run(said.policy, events, until)
        for lazy in (True, False):
            assert differences(loaded, expected, *in_bulk(kernel, [events], until, compiled=True, lazy=lazy)[0]) == []
