"""Policies and streams by seed, as the program takes them: for the nightly run and for hypothesis alike.

>>> from linekeeper.policy.load import load_text
>>> policy = load_text(policy_text(1))
>>> stream(policy, 1) == stream(policy, 1)
True
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from linekeeper.core.event import Event
from linekeeper.policy.model import Policy
from tests.oracle import nouns
from tests.oracle.policies import Written, write_policy
from tests.oracle.reader import read
from tests.oracle.streams import make_asks, make_stream


def policy_written(seed: int) -> Written:
    """A valid policy: the text of its file and what it means; the same for the same seed."""
    return write_policy(Random(f"policy {seed}"))


def policy_text(seed: int) -> str:
    """The text alone."""
    return policy_written(seed).text


def for_program(events: Iterable[nouns.Event]) -> list[Event]:
    """Events of the generator as the program's."""
    return [Event(event.id, event.account, event.kind, event.at, event.fields) for event in events]


def stream(policy: Policy, seed: int, late: bool = False, reversals: int = 0, takes_over: bool = False) -> list[Event]:
    """One account's events in order of arrival; `late`: some arrive after events that happened later.

    `takes_over`: the account begins with an opening, which its history follows.
    """
    rng = Random(f"stream {seed}")
    return for_program(make_stream(read(policy.source, policy.card), rng, late, reversals, takes_over=takes_over))


def asks(policy: Policy, events: list[Event], seed: int) -> list[tuple[int, int]]:
    """(at, amount) of draws to ask `authorise` about, none of them before the latest event."""
    return make_asks(read(policy.source, policy.card), events, Random(f"asks {seed}"))
