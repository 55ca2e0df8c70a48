"""Some lives of each lender; ten thousand: `python -m tests.corrections.apologies --lives 10000`."""

from __future__ import annotations

from collections import Counter

from tests.corrections.apologies import apologies_case
from tests.corrections.truth import Found


def test_each_wrong_restriction_is_named_by_a_correction_and_no_other_is() -> None:
    found = Found()
    for seed in range(4):
        found.add(apologies_case(seed, 10))
    assert found.wrong == []
    least = Counter({"lives": 40, "wrong and corrected": 25, "apologies": 25, "of a line that was whole again": 4})
    assert least <= found.counts, found.counts
