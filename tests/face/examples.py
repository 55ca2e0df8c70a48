"""The example that the pages show: one policy, one account, one bill that is paid late."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

ROOT = Path(__file__).resolve().parents[2]
POLICY = ROOT / "docs" / "examples" / "cash-line.yaml"
EVENTS = ROOT / "docs" / "examples" / "cash-line.jsonl"
NAMES = ("id", "account", "kind", "at", "limit", "amount", "due_on")
UNTIL = "2025-12-31"
# What docs/index.md says of it: the limit, in minor units, after each decision.
LIMITS = [500_000, 600_000, 800_000, 1_000_000]


def example_rows() -> list[dict[str, Any]]:
    """The events as dictionaries."""
    return [json.loads(line) for line in EVENTS.read_text(encoding="utf-8").splitlines()]


def example_table(*rows: dict[str, Any]) -> pa.Table:
    """Those events, or else all of the example, as a table."""
    listed = list(rows) or example_rows()
    return pa.table({name: pa.array([row.get(name) for row in listed]) for name in NAMES})


def opened(account: str, id: str, limit: int = 1_000_000) -> dict[str, Any]:
    """The opening of an account."""
    head = {"id": id, "account": account, "kind": "open", "at": "2025-03-03T10:00:00+08:00"}
    return {**head, "limit": limit}
