"""Several schedules of restoration: each trigger has its own, and the limit is the lowest of what they leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from linekeeper.core.errors import PolicyError
from linekeeper.kernel.kernel import Kernel
from linekeeper.notice.prose import describe
from linekeeper.policy.analysis.policy_warnings import find_warnings
from linekeeper.policy.fmt import format_text
from linekeeper.policy.load import load_file, load_text
from tests.kernel.agree import by_arrival, differences, in_bulk, last_day, unreversed
from tests.oracle.generate import stream
from tests.oracle.oracle import run
from tests.oracle.reader import read
from tests.oracle.story import story, written
from tests.policy.texts import HEAD

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "strategy" / "staged.yaml"
TRIGGERS = """
events:
  alarm: {on: flag}
features:
  alarms: count(alarm where on, 9d)
  alarms_over: count(alarm where not on, 9d)
triggers:
  arrears: {when: days_past_due >= 30, cap: 50%, reason: arrears}
  alarm: {when: alarms > alarms_over, suspend: yes, cap: 20%, restore: at_once, reason: alarm}
"""
SCHEDULES = """
restoration:
  slowly: {first: 40%, step: 20%, every: 30d}
  at_once: {first: 100%}
"""
POLICY = written(TRIGGERS + SCHEDULES)


@story(POLICY, until="2024-02-01")
def test_a_false_alarm_comes_back_at_once() -> None:
    """
    2024-01-01 09:00  open limit=1000
    2024-01-10 09:00  alarm on=1
    => 2024-01-10 09h: suspend, 200.00 of 1000.00, suspended [alarm]
    2024-01-10 15:00  alarm on=0
    => 2024-01-10 15h: restore, 1000.00 of 1000.00, active []
    """


@story(POLICY, until="2024-06-15")
def test_an_alarm_during_a_slow_restoration_takes_nothing_of_it() -> None:
    """Arrears leave 500, then steps of 200. The alarm leaves 200 for two days, and then what the steps had reached; its
    suspension holds no step back here, for none was due.

    2024-01-01 09:00  open limit=1000
    2024-01-05 12:00  due amount=100 due_on=2024-01-31
    => 2024-03-01 morning: decrease, 500.00 of 1000.00, reduced [arrears]
    2024-03-04 10:00  repay amount=100
    => 2024-03-04 10h: keep, 500.00 of 1000.00, restoring []
    => 2024-04-03 morning: restore, 700.00 of 1000.00, restoring []
    2024-04-10 10:00  alarm on=1
    => 2024-04-10 10h: suspend, 200.00 of 1000.00, suspended [alarm]
    2024-04-12 10:00  alarm on=0
    => 2024-04-12 10h: restore, 700.00 of 1000.00, restoring []
    => 2024-05-03 morning: restore, 900.00 of 1000.00, restoring []
    => 2024-06-02 morning: restore, 1000.00 of 1000.00, active []
    """


@story(POLICY, until="2024-05-15")
def test_of_two_that_are_released_together_the_slower_decides() -> None:
    """Both are released on 4 March. The alarm gives back all of it at once, the arrears 500 and then 200 a month.

    2024-01-01 09:00  open limit=1000
    2024-01-05 12:00  due amount=100 due_on=2024-01-31
    => 2024-03-01 morning: decrease, 500.00 of 1000.00, reduced [arrears]
    2024-03-02 10:00  alarm on=1
    => 2024-03-02 10h: suspend, 200.00 of 1000.00, suspended [arrears, alarm]
    2024-03-04 10:00  repay amount=100
    => 2024-03-04 10h: keep, 200.00 of 1000.00, suspended [alarm]
    2024-03-04 10:00  alarm on=0
    => 2024-03-04 10h: restore, 500.00 of 1000.00, restoring []
    => 2024-04-03 morning: restore, 700.00 of 1000.00, restoring []
    => 2024-05-03 morning: restore, 900.00 of 1000.00, restoring []
    """


@story(POLICY, until="2024-05-03")
def test_an_imposed_cap_comes_back_by_the_slowest() -> None:
    """A person's cap holds every schedule down.

    2024-01-01 09:00  open limit=1000
    2024-03-01 09:00  override cap=30% until=2024-03-10 by=K why=test
    => 2024-03-01 09h: decrease, 300.00 of 1000.00, reduced []
    => 2024-03-11 morning: restore, 400.00 of 1000.00, restoring []
    => 2024-04-10 morning: restore, 600.00 of 1000.00, restoring []
    """


@pytest.mark.parametrize("seed", range(4))
def test_oracle_and_kernel_agree_on_the_example(seed: int) -> None:
    policy = load_file(EXAMPLE)
    events = unreversed(stream(policy, seed, takes_over=seed % 2 == 1))
    kernel, until = Kernel(policy), last_day(policy, events) + 40
    expected = run(read(policy.source), events, until)
    assert differences(policy, expected, *by_arrival(kernel, events, until)) == []
    for lazy in (True, False):
        assert differences(policy, expected, *in_bulk(kernel, [events], until, compiled=False, lazy=lazy)[0]) == []


def test_one_schedule_with_a_name_is_as_one_without() -> None:
    one = f"{HEAD}triggers:\n  late: {{when: days_past_due >= 5, cap: 50%, reason: r}}\nrestoration: "
    terms = "{first: 40%, step: 20%, every: 30d}"
    named, plain = load_text(f"{one}{{slowly: {terms}}}\n"), load_text(f"{one}{terms}\n")
    assert Kernel(named).layout.digest == Kernel(plain).layout.digest


@pytest.mark.parametrize(
    ("restoration", "message"),
    [
        ("{first: 40%, step: 20%, every: 30d}", "`restore` names a schedule, and those of `restoration` have no names"),
        ("{slowly: {first: 40%, step: 20%, every: 30d}}", "the word `at_once` is not known"),
        ("{at_once: {first: 40%}}", "the key `step` is missing"),
        ("{at_once: {step: 40%}}", "the key `first` is missing"),
        ("{at_once: {first: 100%, steps: 3}}", "the key `steps` is not known"),
        ("{at_once: 100%}", "the schedule `at_once` is a mapping"),
        (f"{{{', '.join(f's{one}: {{first: 100%}}' for one in range(7))}}}", "there are 7 schedules of restoration"),
    ],
)
def test_what_is_refused(restoration: str, message: str) -> None:
    late = "{when: days_past_due >= 5, cap: 50%, restore: at_once, reason: r}"
    with pytest.raises(PolicyError) as caught:
        load_text(f"{HEAD}triggers:\n  late: {late}\nrestoration: {restoration}\n")
    assert any(message in fault.message for fault in caught.value.faults), [str(one) for one in caught.value.faults]


def test_the_formatter_knows_the_condition_of_each() -> None:
    text = EXAMPLE.read_text("utf-8")
    assert format_text(text) == text
    assert format_text(text.replace("while: past_due = 0 CNY", "while: past_due=0 CNY")) == text


def test_a_warning_is_allowed_in_its_schedule() -> None:
    text = EXAMPLE.read_text("utf-8").replace("while: past_due = 0 CNY", "while: past_due < 0 CNY")
    assert [one.code for one in find_warnings(load_text(text))] == ["never_true"]
    allowed = text.replace("past_due < 0 CNY}", "past_due < 0 CNY, allow: {never_true: meant so}}")
    assert [one.allowed for one in find_warnings(load_text(allowed))] == ["meant so"]


def test_words() -> None:
    policy = load_file(EXAMPLE)
    english, chinese = str(describe(policy, "en")), str(describe(policy, "zh"))
    assert "for “takeover”: when such a restriction ends, what it took away comes back at once." in english
    assert "for “arrears_15”: when such a restriction ends, the limit rises at once to 30% of the granted" in english
    assert "限制解除后，被压低的额度立即全部恢复。" in chinese
