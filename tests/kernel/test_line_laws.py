"""Law 6: worse never gives a higher line. Law 7: fast down, slow up."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from hypothesis import example, given
from hypothesis import strategies as st

from linekeeper.core.event import Event
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.prelude import share_of
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy, Trigger
from tests.kernel.agree import by_arrival, in_bulk, last_day, unreversed
from tests.oracle.nouns import Action, Status
from tests.oracle.oracle import Ruling
from tests.oracle.strategies import cases

DAY_MS = 86_400_000
START_MS = 19_723 * DAY_MS  # 2024-01-01
DAYS = 400

# Every trigger asks for more of what is declared worse, or less of what is declared better; caps and steps are
# multiples of a fifth, and no latch expires.
MONOTONE = """
policy: monotone
version: 1
currency: CNY
time_zone: UTC
features:
  behind: {value: days_past_due, worse: higher}
  used: {value: "percent(balance, granted)", worse: higher}
  streak: {value: on_time_streak, worse: lower}
score:
  base: 100
  willingness:
    behind: {below 1: 20, below 10: 0, below 30: -20, otherwise: -60}
    streak: {below 1: -10, below 3: 0, otherwise: 10}
  ability:
    used: {below 30%: 20, below 80%: 0, otherwise: -40}
triggers:
  behind_1: {when: behind >= 1, clear: streak >= 1, cap: 80%, reason: arrears}
  behind_30: {when: behind >= 30, clear: streak >= 2, hold: 20d, cap: 60%, reason: arrears}
  behind_60: {when: behind >= 60, clear: streak >= 2 and used < 80%, hold: 30d, cap: 20%, suspend: yes, reason: arrears}
  behind_90: {when: behind >= 90, clear: streak >= 3, hold: 60d, close: yes, reason: arrears}
  full: {when: used >= 100%, clear: used < 90%, hold: 7d, cap: 80%, reason: used}
  weak: {when: score < 60, clear: score >= 80, hold: 10d, cap: 40%, reason: weak_score}
restoration: {first: 40%, step: 20%, every: 30d, while: behind = 0}
"""
MONOTONE_POLICY = load_text(MONOTONE)
MONOTONE_KERNEL = Kernel(MONOTONE_POLICY)

REPORTS = st.lists(
    st.tuples(
        st.integers(0, DAYS * 24),  # hours after the opening
        st.sampled_from(("delinquency", "balance")),
        st.sampled_from((0, 0, 0, 1, 9, 10, 29, 30, 59, 60, 89, 90)),
        st.sampled_from((0, 0, 1, 30, 60)),  # how much worse the other borrower is
    ),
    max_size=30,
)


def life(reports: list[tuple[int, str, int, int]], worse: bool) -> list[Event]:
    """Reports of days past due, and of the balance in hundredths of the line of 100.00 CNY."""
    events = [Event("open", "A", "open", START_MS, {"limit": 10_000})]
    for number, (hours, kind, value, more) in enumerate(sorted(reports)):
        value += more if worse else 0
        fields: dict[str, int | str] = {"days": value} if kind == "delinquency" else {"amount": value * 150}
        events.append(Event(f"e{number}", "A", kind, START_MS + 3_600_000 * (hours + 1), fields))
    return events


def limits(rulings: list[Ruling]) -> Callable[[int], int]:
    """The limit at the end of a day."""
    days = [ruling.day for ruling in rulings]
    return lambda day: rulings[at - 1].after.limit if (at := bisect_right(days, day)) else 10_000


@given(REPORTS)
def test_worse_never_gives_a_higher_line(reports: list[tuple[int, str, int, int]]) -> None:
    """Two borrowers, one of them later and deeper in debt at every report: on no day has he the higher limit."""
    until = START_MS // DAY_MS + DAYS + 200
    better, _ = by_arrival(MONOTONE_KERNEL, life(reports, worse=False), until)
    worse, _ = by_arrival(MONOTONE_KERNEL, life(reports, worse=True), until)
    high, low = limits(better), limits(worse)
    assert all(low(day) <= high(day) for day in range(START_MS // DAY_MS, until + 1))


def test_the_two_borrowers_do_differ() -> None:
    """The property above speaks of something: a report of 60 days instead of 0 costs four fifths of the line."""
    reports = [(24, "delinquency", 0, 60)]
    until = START_MS // DAY_MS + 5
    assert by_arrival(MONOTONE_KERNEL, life(reports, worse=False), until)[0] == []
    worse, _ = by_arrival(MONOTONE_KERNEL, life(reports, worse=True), until)
    assert [ruling.after.limit for ruling in worse] == [2_000]


# ------------------------------------------------------------------ law 7


def one_for_all() -> st.SearchStrategy[tuple[Policy, list[Event]]]:
    """Cases whose caps, holds and steps are the same in all segments: a ruling need not say in which it fell."""
    return cases().filter(lambda case: not case[0].differs_by_segment)


def in_force(policy: Policy, ruling: Ruling) -> list[Trigger]:
    """The set latches whose effect has begun: what is told now and takes effect later restricts nothing yet."""
    begun = set(ruling.set_after) - set(ruling.pending)
    return [trigger for trigger in policy.triggers if trigger.name in begun]


def target(policy: Policy, ruling: Ruling) -> int:
    """The most that the latches in force allow; caps that a person imposed come on top."""
    latched = in_force(policy, ruling)
    if any(trigger.close for trigger in latched):
        return 0
    return share_of(ruling.after.granted, min([10_000, *(trigger.cap_bp for trigger in latched)]))


# A line that is suspended in thirty days is whole until then.
DELAYED = """
policy: delayed
version: 1
currency: CNY
time_zone: UTC
triggers:
  fresh: {when: "days_on_book >= 0", suspend: yes, effective: 30d, reason: fresh}
"""


@example((load_text(DELAYED), life([], worse=False)))
@given(one_for_all())
def test_a_restriction_is_immediate(case: tuple[Policy, list[Event]]) -> None:
    """At every decision the limit lies at or below what the latches in force allow, and the status is theirs."""
    policy, events = case[0], unreversed(case[1])
    rulings, _ = in_bulk(Kernel(policy), [events], last_day(policy, events) + 40, compiled=False)[0]
    for ruling in rulings:
        latched = in_force(policy, ruling)
        assert ruling.after.limit <= target(policy, ruling)
        assert (ruling.after.status == Status.CLOSED) == any(trigger.close for trigger in latched)
        suspended = ruling.after.status == Status.SUSPENDED
        assert suspended == (any(trigger.suspend for trigger in latched) and ruling.after.status != Status.CLOSED)


@given(one_for_all())
def test_a_line_rises_only_by_the_restoration_schedule(case: tuple[Policy, list[Event]]) -> None:
    """A rise is a first step, or one step `every` days or more after the last; a consent excepted.

    Where facts come late, the schedule may go on with the steps that would have been taken: no law of days there.
    """
    policy, events = case[0], unreversed(case[1])
    rulings, _ = by_arrival(Kernel(policy), events, last_day(policy, events) + 400)
    restoration = policy.restoration
    last_step = -(10**6)
    for ruling in rulings:
        risen = ruling.after.limit - ruling.before.limit
        if risen <= 0 or ruling.after.granted > ruling.before.granted:
            continue
        assert restoration is not None
        first = ruling.after.limit <= share_of(ruling.after.granted, restoration.first_bp)
        step = (
            risen <= share_of(ruling.after.granted, restoration.step_bp)
            and ruling.day - last_step >= restoration.every_days
        )
        assert first or step
        assert not any(trigger.suspend for trigger in in_force(policy, ruling))
        last_step = ruling.day


@given(cases())
def test_a_rise_is_never_adverse_and_a_fall_always_is(case: tuple[Policy, list[Event]]) -> None:
    policy, events = case[0], unreversed(case[1])
    rulings, _ = in_bulk(Kernel(policy), [events], last_day(policy, events) + 40, compiled=False)[0]
    for ruling in rulings:
        if ruling.after.limit < ruling.before.limit:
            assert ruling.action in (Action.CLOSE, Action.SUSPEND, Action.DECREASE)
        if ruling.action in (Action.RESTORE, Action.OFFER, Action.INCREASE):
            assert ruling.after.limit >= ruling.before.limit
            assert ruling.after.status <= max(ruling.before.status, Status.REDUCED)  # a rise may end at a lasting cap
