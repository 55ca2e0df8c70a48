"""Law 4 where it is hardest: rules that turn by time alone (see `tests.oracle.watched`), and looks once left out."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.core.event import Event
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from tests.kernel.agree import by_arrival, differences, in_bulk, last_day
from tests.oracle.generate import for_program
from tests.oracle.held import read_alike
from tests.oracle.oracle import run
from tests.oracle.reader import read
from tests.oracle.watched import watched_stream, write_watched

AFTER_DAYS = 30
LIVES = 5


@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_no_look_is_left_out(policy_seed: int, stream_seed: int) -> None:
    """As the kernel looks, as it looks every day, and as the oracle says: the same decisions."""
    policy = read_alike(write_watched(Random(policy_seed)))
    for number in range(LIVES):
        hold_all_against_the_oracle(policy, for_program(watched_stream(Random(stream_seed + number))))


def hold_all_against_the_oracle(policy: Policy, events: list[Event]) -> list[str]:
    """The kernel in each setting decides as the oracle does; the actions."""
    kernel, until = Kernel(policy), last_day(policy, events) + AFTER_DAYS
    expected = run(read(policy.source, policy.card), events, until)
    assert differences(policy, expected, *in_bulk(kernel, [events], until, compiled=False)[0]) == []
    assert differences(policy, expected, *in_bulk(kernel, [events], until, compiled=False, lazy=False)[0]) == []
    assert differences(policy, expected, *by_arrival(kernel, events, until)) == []
    return [ruling.action.name for ruling in expected.rulings]


HEAD = "policy: once-left-out\nversion: 1\ncurrency: CNY\ntime_zone: UTC\n"
ROOM = """
features:
  room: limit - max(draw.amount, 3d)
score:
  base: 500
  ability: {room: {below 1 CNY: 0, otherwise: 0, missing: -50}}
  pd: {below 500: 10%, otherwise: 1%}
triggers:
  weak: {when: score < 480, suspend: yes, reason: arrears}
"""
HEADROOM = """
features:
  headroom: percent(granted, max(draw.amount, 3d))
score:
  base: 500
  ability: {headroom: {below 80%: -40, otherwise: -40, missing: 0}}
  pd: {below 490: 10%, otherwise: 1%}
triggers:
  weak: {when: score < 480, cap: 50%, reason: burden}
restoration: {first: 50%, step: 50%, every: 1d}
"""
LESS_THAN_NOTHING = """
features:
  drawn: sum(draw.amount, 3d)
triggers:
  a: {when: "part(drawn, -100%) > 0 CNY - part(granted, 30%)", suspend: yes, reason: arrears}
"""


@pytest.mark.parametrize(
    ("rules", "drawn", "actions"),
    [
        # the greatest draw fades: what is left of the limit rises, and then is missing
        (ROOM, 5_000, ["SUSPEND", "RESTORE", "SUSPEND"]),
        (HEADROOM, 5_000, ["DECREASE", "KEEP", "RESTORE"]),
        # a negative share of what falls rises
        (LESS_THAN_NOTHING, 50_000, ["SUSPEND", "RESTORE", "SUSPEND"]),
    ],
)
def test_looks_that_were_once_left_out(rules: str, drawn: int, actions: list[str]) -> None:
    opened = 19_754 * 86_400_000
    facts = [("open", {"limit": 100_000}), ("draw", {"amount": drawn})]
    events = [
        Event(kind, "A", kind, opened + number * 43_200_000, dict(fields))
        for number, (kind, fields) in enumerate(facts)
    ]
    assert hold_all_against_the_oracle(load_text(HEAD + rules), events) == actions


def test_features_on_features_on_features() -> None:
    """Each of 300 stands twice on the one before: what is known of one is worked out once."""
    chain = "".join(f"  f{number}: f{number - 1} + f{number - 1}\n" for number in range(1, 300))
    rules = "triggers:\n  t: {when: f299 > 1 CNY, suspend: yes, reason: arrears}\n"
    policy = load_text(f"{HEAD}features:\n  f0: sum(draw.amount, 3d)\n{chain}{rules}")
    assert "next_review" in Kernel(policy).source
