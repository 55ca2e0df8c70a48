"""`check` shows what a policy costs, and refuses one that costs too much."""

from __future__ import annotations

from pathlib import Path

import pytest

from linekeeper.core.errors import Refused
from linekeeper.kernel.kernel import STATE_BYTES_MAX, Kernel
from linekeeper.policy.load import load_text
from tests.cli.test_commands import POLICY, read

HEAD = "policy: card\nversion: 1\ncurrency: CNY\ntime_zone: Asia/Shanghai\nevents:\n"
TAIL = "triggers:\n  late: {when: days_past_due >= 30, suspend: yes, reason: arrears}\n"
TAIL += "restoration: {first: 50%, step: 25%, every: 7d}\n"


def greedy(kinds: int) -> str:
    """Of each kind of event, every day of the longest window is kept."""
    events = "".join(f"  kind{number}: {{amount: money, other: money}}\n" for number in range(kinds))
    features = "".join(f"  f{number}: 'sum(kind{number}.amount, 400d)'\n" for number in range(kinds))
    return f"{HEAD}{events}features:\n{features}{TAIL}"


def test_what_a_policy_costs_is_shown(tmp_path: Path) -> None:
    answer = read("check", str(POLICY), "--quick")
    (cost,) = answer["costs"].values()
    assert 0 < cost["state_bytes"] < STATE_BYTES_MAX
    assert cost["evaluation_us"] > 0
    assert cost["source_lines"] > 100


def test_a_policy_that_costs_too_much_is_refused(tmp_path: Path) -> None:
    text = greedy(50)
    with pytest.raises(Refused, match="bytes of state for each account") as refused:
        Kernel(load_text(text))
    assert refused.value.code == "policy-too-costly"
    (tmp_path / "greedy.yaml").write_text(text, "utf-8")
    answer = read("check", str(tmp_path / "greedy.yaml"), "--quick", code=1)
    assert (answer["ok"], answer["costs"]) == (False, {})
    assert "bytes of state for each account" in answer["faults"][0]["message"]
