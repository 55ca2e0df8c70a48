"""Policies and streams by seed: the one generator, for the nightly run and for hypothesis alike.

>>> from linekeeper.policy.load import load_text
>>> policy = load_text(policy_text(1))
>>> stream(policy, 1) == stream(policy, 1)
True
"""

from __future__ import annotations

from random import Random

from linekeeper.core.event import Event
from linekeeper.policy.model import Policy
from tests.oracle.policies import write_policy
from tests.oracle.streams import make_asks, make_stream


def policy_text(seed: int) -> str:
    """A valid policy as the text of its file; the same for the same seed."""
    return write_policy(Random(f"policy {seed}"))


def stream(policy: Policy, seed: int, late: bool = False, reversals: int = 0) -> list[Event]:
    """One account's events in order of arrival; `late`: some arrive after events that happened later."""
    return make_stream(policy, Random(f"stream {seed}"), late, reversals)


def asks(policy: Policy, events: list[Event], seed: int) -> list[tuple[int, int]]:
    """(at, amount) of draws to ask `authorise` about, none of them before the latest event."""
    return make_asks(policy, events, Random(f"asks {seed}"))
