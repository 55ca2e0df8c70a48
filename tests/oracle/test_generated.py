"""The generator makes valid policies and streams that matter; the oracle keeps its own laws on them."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings

from linekeeper.policy import model as program
from linekeeper.policy.load import load_text
from tests.oracle.clock import clock, day_of
from tests.oracle.generate import policy_text
from tests.oracle.nouns import ADVERSE, AT_END_MS, MONEY_MAX, Action, Event, Line, Status
from tests.oracle.oracle import Answer, Outcome, authorise, run
from tests.oracle.reader import read
from tests.oracle.strategies import cases, policy_texts
from tests.oracle.streams import make_asks, make_stream
from tests.oracle.tree import Policy

# These come of policies with stages alone, or of those that take up kinds or assign.
STAGED = {Action.ANNOUNCE, Action.WITHDRAW, Action.CONTACT, Action.PRICE, Action.WATCH}
CHOSEN = {Action.OWN_CHOICE, Action.ASSIGN, Action.REFUSE}
PAIRS = [(policy_seed, stream_seed) for policy_seed in range(24) for stream_seed in range(3)]


def stream(policy: Policy, seed: int, late: bool = False, reversals: int = 0) -> list[Event]:
    """The stream of that seed."""
    return make_stream(policy, Random(f"stream {seed}"), late, reversals)


def ruled(policy: Policy, events: list[Event]) -> Outcome:
    """What comes of the events, and of the 40 mornings after the last."""
    latest = max(event.at for event in events)
    return run(policy, events, day_of(clock(policy.time_zone).hour(latest)) + 40)


def test_the_sample_decides_and_takes_every_action() -> None:
    """At least three pairs in five lead to a decision, and every action of section 7 occurs."""
    policies = {seed: read(policy_text(seed)) for seed, _ in PAIRS}
    streams = [(policies[one], stream(policies[one], two, two == 2, 4 * (two == 2))) for one, two in PAIRS]
    outcomes = [ruled(policy, events) for policy, events in streams]
    actions = Counter(ruling.action for outcome in outcomes for ruling in outcome.rulings)
    assert sum(bool(outcome.rulings) for outcome in outcomes) >= 0.6 * len(PAIRS)
    assert set(actions) == set(Action) - STAGED - CHOSEN


def test_the_sample_holds_every_construct() -> None:
    """Words of the language, looked for in the text of a hundred policies."""
    text = "\n".join(policy_text(seed) for seed in range(100))
    words = """signed money? | count? | days? | share? | flag? | "?" | where | hour | known( | not | in ( |
    if | then | else | percent( | part( | per( | smallest( | largest( | fallback( | sum( | max( | last( |
    days_since( | late_count( | restrictions( | worse: higher | worse: lower | protected: | ability: |
    willingness: | missing: | pd: | when: | clear: | hold: | cap: | suspend: | close: | terminal: | expires: |
    restoration: | while: | authorise: | offer: | brake: | honour: | minor_digits: | score | pd | utilisation |
    available | on_time_streak | months_on_book | days_in_status | Asia/Shanghai | America/New_York |
    America/St_Johns | Australia/Lord_Howe | Pacific/Apia | America/Sao_Paulo | time_zone: UTC"""
    assert [word.strip() for word in words.split("|") if word.strip() not in text] == []


def test_one_seed_is_one_policy_and_one_stream() -> None:
    policy = read(policy_text(5))
    assert policy_text(5) == policy_text(5) != policy_text(6)
    assert stream(policy, 5) == stream(policy, 5) != stream(policy, 6)


@pytest.mark.parametrize("late", [False, True])
def test_streams_come_in_order_of_time_unless_asked_for_late(late: bool) -> None:
    policies = [read(policy_text(seed)) for seed in range(10)]
    times = [[event.at for event in stream(policy, seed, late)] for seed, policy in enumerate(policies)]
    assert any(ats != sorted(ats) for ats in times) == late
    assert any(len(set(ats)) < len(ats) for ats in times)


def test_draws_are_both_allowed_and_denied_by_the_sample() -> None:
    answers: list[Answer] = []
    for seed in range(12):
        policy = read(policy_text(seed))
        events = stream(policy, seed)
        answers.extend(authorise(policy, events, *ask) for ask in make_asks(policy, events, Random(f"asks {seed}")))
    assert {answer.allowed for answer in answers} == {True, False}
    assert {answer.line for answer in answers} >= {None, "suspended", "over_available"}
    assert any(answer.denied_by for answer in answers)


def test_some_events_fall_into_an_hour_that_clocks_show_twice_across_midnight() -> None:
    """Local time stays where the wall clock runs back into the day before (St John's, until 2011)."""
    head = "policy: p\nversion: 1\ncurrency: CNY\ntime_zone: America/St_Johns\n"
    policy = read(head + "triggers:\n  late: {when: days_past_due >= 1, suspend: yes, reason: arrears}\n")
    there = clock("America/St_Johns")
    times = [event.at for seed in range(150) for event in stream(policy, seed)]
    assert any(there.shown(at) < there.hour(at) for at in times)


@given(policy_texts())
def test_generated_policies_are_valid(text: str) -> None:
    assert load_text(text).triggers


# A correction may say only that decisions of the past were wrong.
NOT_OF_THE_LINE = (Action.OWN_CHOICE, Action.ASSIGN, Action.REFUSE, Action.CORRECT)


@given(cases(late=True))
@settings(max_examples=30)
def test_what_the_oracle_says_hangs_together(case: tuple[program.Policy, list[Event]]) -> None:
    """Each decision begins where the last one ended, a line lies between 0 and granted, and an action says what
    happened to it."""
    policy, events = read(case[0].source), case[1]
    assert all(0 <= event.at < AT_END_MS for event in events)
    outcome = ruled(policy, events)
    line: Line | None = None
    latches: tuple[str, ...] | None = None  # an opening may state some
    for ruling in outcome.rulings:
        assert line in (None, ruling.before)
        assert latches in (None, ruling.set_before)
        assert 0 <= ruling.after.limit <= ruling.after.granted <= MONEY_MAX
        moved = ruling.before != ruling.after or ruling.set_before != ruling.set_after
        # What was announced may come into effect on a line that is restricted as much already.
        changed = moved or set(ruling.pending_before) != set(ruling.pending) or ruling.action in NOT_OF_THE_LINE
        assert changed != (ruling.action == Action.OFFER)
        assert (ruling.action in ADVERSE) >= (ruling.after.limit < ruling.before.limit)
        assert (ruling.after.status == Status.ACTIVE) >= (ruling.action == Action.OFFER)
        line, latches = ruling.after, ruling.set_after
    if line is not None and outcome.final is not None:
        assert outcome.final.line == line


@given(cases())
@settings(max_examples=20)
def test_what_is_still_to_come_changes_nothing(case: tuple[program.Policy, list[Event]]) -> None:
    """The decisions after the first half of a stream are the first of those after all of it."""
    policy, events = read(case[0].source), case[1]
    half = run(policy, events[: len(events) // 2]).rulings
    assert run(policy, events).rulings[: len(half)] == half
