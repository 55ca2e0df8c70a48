"""A part of the accounts: each account in exactly one, whatever the order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.core.errors import LinekeeperError
from linekeeper.lab.partition import Partition, read_partition
from tests.fit.synthetic import synthetic_table


@given(st.text(max_size=20), st.integers(1, 50))
def test_each_account_is_in_exactly_one_part(account: str, parts: int) -> None:
    assert sum(Partition(number, parts).has(account) for number in range(1, parts + 1)) == 1


def test_halves_are_about_even_and_make_up_the_table() -> None:
    table = synthetic_table(2_000)
    one, other = (table.of_partition(Partition(number, 2)) for number in (1, 2))
    assert {*one.account, *other.account} == {*table.account}
    assert len(one) + len(other) == len(table)
    assert abs(len(one) - len(other)) < 200


@pytest.mark.parametrize("text", ["3/2", "0/2", "half", "1/2/3", ""])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(LinekeeperError, match="is no part"):
        read_partition(text)
