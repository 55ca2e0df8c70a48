"""Hypothesis strategies over the same generator: whole policies, and streams of events for one."""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

from linekeeper.core.event import Event
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from tests.oracle.policies import write_policy
from tests.oracle.streams import make_stream

# The first can be shrunk, choice by choice, but leans towards small things; the second ranges widely.
_CHANCE: st.SearchStrategy[Random] = st.randoms(use_true_random=False) | st.integers(0, 2**32).map(Random)


def policy_texts() -> st.SearchStrategy[str]:
    """Valid policy files."""
    return _CHANCE.map(write_policy)


def policies() -> st.SearchStrategy[Policy]:
    """The same, read and checked."""
    return policy_texts().map(load_text)


def streams(policy: Policy, late: bool = False, reversals: int = 0) -> st.SearchStrategy[list[Event]]:
    """Events of one account under that policy, in order of arrival."""
    return _CHANCE.map(lambda rng: make_stream(policy, rng, late, reversals))


@st.composite
def cases(draw: st.DrawFn, late: bool = False, reversals: int = 0) -> tuple[Policy, list[Event]]:
    """A policy and a stream for it."""
    policy = draw(policies())
    return policy, draw(streams(policy, late, reversals))
