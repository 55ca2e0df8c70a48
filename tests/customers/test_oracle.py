"""Customers: what each account is given, and what follows of it, is what the oracle says from the page alone."""

from __future__ import annotations

from random import Random

import pytest

from linekeeper.kernel.kernel import Kernel
from tests.customers.families import family_differences
from tests.oracle.family import write_family
from tests.oracle.held import read_alike

POLICIES, FAMILIES = 3, 1


@pytest.mark.parametrize("seed", range(POLICIES))
def test_families_are_decided_as_the_oracle_says(seed: int) -> None:
    written = write_family(Random(f"family {seed}"))
    policy = read_alike(written)
    kernel = Kernel(policy)
    for number in range(FAMILIES):
        said, _, _ = family_differences(written, policy, kernel, number)
        assert said == []
