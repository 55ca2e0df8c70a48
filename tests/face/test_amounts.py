"""What a caller hands over is read as it is meant, or refused by name."""

from __future__ import annotations

from typing import Any

import pytest

import linekeeper as lk

EXAMPLE = "docs/examples/cash-line"


@pytest.mark.parametrize("amount", [0, -1_000_000, 100.5, "100", None, 10**16])
def test_a_draw_of_what_is_no_amount_is_refused(amount: Any) -> None:
    with lk.open(":memory:", f"{EXAMPLE}.yaml") as engine:
        engine.receive(f"{EXAMPLE}.jsonl")
        with pytest.raises(lk.LinekeeperError, match=r"a draw of `.*` cannot be") as refused:
            engine.authorise("A-1001", amount, "2025-07-13T09:00+08:00")
        assert refused.value.code == "amount-not-readable"
        assert engine.authorise("A-1001", 1, "2025-07-13T09:00+08:00").allowed


def test_a_policy_shows_its_name() -> None:
    assert repr(lk.load_policy(f"{EXAMPLE}.yaml")) == "Policy(cash-line, version 1)"
