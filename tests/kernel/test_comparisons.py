"""What stands directly on a side of a comparison is compared whole, whatever its code looks like."""

from __future__ import annotations

import pytest

from linekeeper.core.bounds import DAY_MS
from linekeeper.core.event import Event
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.load import load_text
from tests.kernel.agree import by_arrival, differences, in_bulk
from tests.kernel.conftest import _kernel_cache as _kernel_cache
from tests.oracle.oracle import run
from tests.oracle.reader import read

START_MS = 1_700_000_000_000
SIDES = (
    "fallback(most, 0 CNY)",
    "fallback(most, 9000 CNY)",
    "largest(fallback(most, 0 CNY), 10 CNY)",
    "if fallback(most, 0 CNY) > 500 CNY then 1 CNY else 9000 CNY",
)
OPERATORS = ("<", "<=", "=", "!=", ">=", ">")


def policy_with(side: str) -> str:
    """A policy with a trigger for each comparison of that side, on the left and on the right of an operator."""
    written = f"({side})" if side.startswith("if") else side
    pairs = [(f"{written} {op} 3000 CNY", f"granted {op} {written}") for op in OPERATORS]
    triggers = "".join(
        f"  t{number}: {{when: '{one}', cap: {90 - number}%, reason: arrears}}\n"
        for number, one in enumerate(one for pair in pairs for one in pair)
    )
    return (
        "policy: sides\nversion: 1\ncurrency: CNY\ntime_zone: UTC\nevents: {income: {amount: money}}\n"
        f"features:\n  most: 'max(income.amount, 30d)'\ntriggers:\n{triggers}"
        "restoration: {first: 100%, step: 100%, every: 1d}\n"
    )


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("income", [None, 1_00, 3000_00, 8000_00])
def test_both_sides_are_those_that_the_oracle_compares(side: str, income: int | None) -> None:
    text = policy_with(side)
    policy = load_text(text)
    events = [Event("o", "A", "open", START_MS, {"limit": 5000_00})]
    if income is not None:
        events.append(Event("i", "A", "income", START_MS + DAY_MS, {"amount": income}))
    until = START_MS // DAY_MS + 40
    expected = run(read(text), events, until)
    assert expected.rulings
    assert differences(policy, expected, *by_arrival(Kernel(policy), events, until)) == []
    assert differences(policy, expected, *in_bulk(Kernel(policy), [events], until, compiled=True)[0]) == []
