"""Hypothesis strategies over the same generator: whole policies, and streams of events for one."""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

from linekeeper.core.event import Event
from linekeeper.policy.model import Policy
from tests.oracle.daily import write_daily
from tests.oracle.generate import for_program
from tests.oracle.held import read_alike
from tests.oracle.measured import write_measured
from tests.oracle.policies import Written, write_policy
from tests.oracle.reader import read
from tests.oracle.staged import write_staged
from tests.oracle.streams import make_stream
from tests.oracle.wider import write_wider

# The first can be shrunk, choice by choice, but leans towards small things; the second ranges widely.
_CHANCE: st.SearchStrategy[Random] = st.randoms(use_true_random=False) | st.integers(0, 2**32).map(Random)


def written() -> st.SearchStrategy[Written]:
    """Valid policy files, and what they mean."""
    writers = (write_policy, write_measured, write_wider, write_staged, write_daily)
    return st.one_of([_CHANCE.map(write) for write in writers])


def policy_texts() -> st.SearchStrategy[str]:
    """The files alone."""
    return written().map(lambda one: one.text)


def policies() -> st.SearchStrategy[Policy]:
    """The same as the program reads them, each held against what it means."""
    return written().map(read_alike)


def streams(
    policy: Policy, late: bool = False, reversals: int = 0, takes_over: bool = False
) -> st.SearchStrategy[list[Event]]:
    """Events of one account under that policy, in order of arrival."""
    own = read(policy.source, policy.card)
    return _CHANCE.map(lambda rng: for_program(make_stream(own, rng, late, reversals, takes_over=takes_over)))


@st.composite
def cases(
    draw: st.DrawFn, late: bool = False, reversals: int = 0, takes_over: bool = False
) -> tuple[Policy, list[Event]]:
    """A policy and a stream for it."""
    policy = draw(policies())
    return policy, draw(streams(policy, late, reversals, takes_over))
