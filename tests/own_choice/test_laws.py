"""Laws of `own_limit` and `grant`: a wish binds at once and counts against nobody; nothing undoes a restriction."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.core.bounds import MONEY_MAX
from linekeeper.core.errors import PolicyError
from linekeeper.core.event import Event
from linekeeper.core.line import ADVERSE
from linekeeper.evaluate.authorisation import authorise
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.load import load_text
from tests.kernel.agree import by_arrival, state_after
from tests.oracle.nouns import Action
from tests.oracle.oracle import Ruling
from tests.oracle.story import policy_file

DAY_MS = 86_400_000
COOLING_DAYS = 5
START = 19_800 * DAY_MS
EVENTS = f"events:\n  own_limit: {{cooling: {COOLING_DAYS}d}}\n  grant: {{}}\n"
RULES = """
triggers:
  arrears: {when: days_past_due >= 5, clear: past_due = 0 CNY, hold: 3d, cap: 50%, reason: arrears}
  used_up: {when: utilisation >= 95%, cap: 80%, reason: burden}
  late: {when: 'late_count(10, 6m) >= 2', suspend: yes, reason: arrears}
restoration: {first: 60%, step: 20%, every: 4d}
"""
KERNEL = Kernel(load_text(policy_file(EVENTS + RULES)))


def stream(seed: int, days: int = 40) -> list[Event]:
    """Draws, bills, payments, wishes and grants of one account."""
    rng, at = Random(seed), START
    events = [Event("e0", "A", "open", at, {"limit": 1_000})]
    while at < START + days * DAY_MS:
        at += rng.choice((1, DAY_MS // 2, DAY_MS, 4 * DAY_MS))
        kind = rng.choice(("draw", "due", "repay", "own_limit", "grant"))
        amount = rng.choice((0, 100, 300, 1_000))
        fields: dict[str, int | str] = {"amount": amount}
        if kind == "due":
            fields["due_on"] = at // DAY_MS + rng.choice((0, 3))
        elif kind == "own_limit":
            fields = {"wish": rng.choice(("lower", "lower", "freeze", "close", "lift")), "limit": amount}
        elif kind == "grant":
            fields = {"granted": rng.choice((0, 500, 1_000, 2_000))}
        events.append(Event(f"e{len(events)}", "A", kind, at, fields))
    return events


def decided(events: list[Event]) -> list[Ruling]:
    """Every decision up to a month after the last event."""
    return by_arrival(KERNEL, events, events[-1].at // DAY_MS + 30)[0]


@given(st.integers(0, 10**6))
def test_no_wish_changes_what_the_lender_decides(seed: int) -> None:
    events = stream(seed)
    with_wishes = [one for one in decided(events) if one.action != Action.OWN_CHOICE or one.set_before != one.set_after]
    # Any event leads to an evaluation, so in the place of a wish stands an event that says nothing.
    silent = [replace(one, kind="dispute", fields={}) if one.kind == "own_limit" else one for one in events]
    without = decided(silent)
    seen = [(one.day, one.before, one.after, one.set_after, one.values) for one in with_wishes]
    assert seen == [(one.day, one.before, one.after, one.set_after, one.values) for one in without]


@given(st.integers(0, 10**6))
def test_nothing_lifts_a_wish_but_the_borrower(seed: int) -> None:
    events, slots, before = stream(seed), KERNEL.layout.slots, MONEY_MAX
    for number, event in enumerate(events):
        state = state_after(KERNEL, events[: number + 1])
        most = state[slots["OWN_LIMIT"]] if state[slots["OWN_WISH"]] else MONEY_MAX
        wishes = [one for one in events[: number + 1] if one.kind == "own_limit"]
        if most > before:
            assert any(one.at // DAY_MS + COOLING_DAYS <= event.at // DAY_MS for one in wishes)
        usable = KERNEL.interpreted.usable_limit(state)
        assert usable <= most
        more = max(usable - state[slots["BALANCE"]], 0) + 1
        assert not authorise(KERNEL, list(state), event.at, more).allowed
        before = most


@given(st.integers(0, 10**6))
def test_neither_wish_nor_grant_undoes_a_restriction(seed: int) -> None:
    caps = {"arrears": 5_000, "used_up": 8_000, "late": 10_000}
    for one in decided(stream(seed)):
        cap = min((caps[name] for name in one.set_after), default=10_000)
        assert one.after.limit <= one.after.granted * cap // 10_000


@given(st.integers(0, 10**6))
def test_a_wish_is_never_adverse_and_a_grant_that_lowers_the_limit_always_is(seed: int) -> None:
    adverse = {action.name for action in ADVERSE}
    for one in decided(stream(seed)):
        if one.action == Action.OWN_CHOICE:
            assert one.before == one.after
        if one.after.granted < one.before.granted and one.after.limit < one.before.limit:
            assert one.action.name in adverse


def test_a_wish_waits_for_the_cooling_period_to_the_day() -> None:
    wish = Event("e1", "A", "own_limit", START + 1, {"wish": "lower", "limit": 300})
    lift = Event("e2", "A", "own_limit", START + 2, {"wish": "lift"})
    events = [Event("e0", "A", "open", START, {"limit": 1_000}), wish, lift]
    state = state_after(KERNEL, events)
    asked = [authorise(KERNEL, list(state), START + days * DAY_MS, 301) for days in (1, 4, 5)]
    assert [one.reasons for one in asked] == [("own_choice",), ("own_choice",), ()]


def test_who_asks_for_more_than_the_line_has_is_told_of_the_line() -> None:
    wish = Event("e1", "A", "own_limit", START + 1, {"wish": "freeze"})
    state = state_after(KERNEL, [Event("e0", "A", "open", START, {"limit": 1_000}), wish])
    assert authorise(KERNEL, list(state), START + 2, 1_001).reasons == ("over_limit",)
    assert authorise(KERNEL, list(state), START + 2, 1).reasons == ("own_choice",)


@pytest.mark.parametrize(
    ("said", "way_out"),
    [
        ("own_limit: {}", "own_limit: {cooling: 7d}"),
        ("own_limit: {amount: money}", "own_limit: {cooling: 7d}"),
        ("own_limit: {cooling: 7d, by: count}", "own_limit: {cooling: 7d}"),
        ("own_limit: {cooling: 3651d}", "3650"),
        ("grant: {amount: money}", "grant: {}"),
    ],
)
def test_other_terms_are_refused(said: str, way_out: str) -> None:
    with pytest.raises(PolicyError, match=r"own_limit|grant|3650") as refused:
        load_text(policy_file(f"events:\n  {said}\n{RULES}"))
    assert way_out in str(refused.value)


def test_a_policy_that_takes_neither_up_has_the_kernel_that_it_had() -> None:
    source = Kernel(load_text(policy_file(RULES))).source
    assert not any(word in source for word in ("OWN_", "GRANT_WAITING", "change_granted", "if GRANTS"))
