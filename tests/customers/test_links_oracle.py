"""Links: what each account is given of those that it is tied to is what the oracle says from the page alone."""

from __future__ import annotations

from random import Random

from linekeeper.kernel.kernel import Kernel
from tests.customers.rings import ring_differences
from tests.oracle.held import read_alike
from tests.oracle.ring import write_ring

POLICIES, RINGS = 4, 2


def test_rings_are_decided_as_the_oracle_says() -> None:
    given = 0
    for seed in range(POLICIES):
        written = write_ring(Random(f"ring {seed}"))
        policy = read_alike(written)
        kernel = Kernel(policy)
        for number in range(RINGS):
            said, _, count = ring_differences(written, policy, kernel, number)
            assert said == []
            given += count
    assert given > 20
