"""Law 4 where it is hardest: rules that turn by time alone (see `tests.oracle.watched`)."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.load import load_text
from tests.kernel.agree import by_arrival, differences, in_bulk, last_day
from tests.oracle.oracle import run
from tests.oracle.watched import watched_stream, write_watched

AFTER_DAYS = 30
LIVES = 5


@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_no_look_is_left_out(policy_seed: int, stream_seed: int) -> None:
    """As the kernel looks, as it looks every day, and as the oracle says: the same decisions."""
    policy = load_text(write_watched(Random(policy_seed)))
    kernel = Kernel(policy)
    for number in range(LIVES):
        events = watched_stream(policy, Random(stream_seed + number))
        until = last_day(policy, events) + AFTER_DAYS
        expected = run(policy, events, until)
        assert differences(policy, expected, *in_bulk(kernel, [events], until, compiled=False)[0]) == []
        assert differences(policy, expected, *in_bulk(kernel, [events], until, compiled=False, lazy=False)[0]) == []
        assert differences(policy, expected, *by_arrival(kernel, events, until)) == []
