"""A made stream in the manner of the German data: instalments, some of which are missed, with dated labels."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

POLICY = """
policy: instalments
version: 1
currency: EUR
time_zone: Europe/Berlin
features:
  behind: {value: days_past_due, worse: higher}
  draws_30d: {value: "count(draw, 30d)", worse: higher}
triggers:
  busy: {when: draws_30d >= 3, cap: 80%, reason: busy, hold: 10d}
  late: {when: behind >= 30, cap: 50%, reason: late, hold: 20d}
  very_late: {when: behind >= 60, suspend: true, reason: very_late}
  gone: {when: behind >= 90, close: true, reason: gone, terminal: true}
restoration: {first: 60%, step: 20%, every: 7d, while: behind < 30}
"""
BEGIN = date(2024, 1, 1)
DAY_MS = 86_400_000


def german_like(accounts: int, seed: int) -> tuple[pa.Table, pa.Table, list[tuple[str, str, int]]]:
    """Events, labels (several an account), and when each event arrived where that was late: (account, id, UTC ms)."""
    generator = np.random.default_rng(seed)
    begin = (BEGIN - date(1970, 1, 1)).days * DAY_MS + 12 * 3_600_000
    rows: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    for number in range(accounts):
        account, weak = f"G{number:04}", number % 10 < 3
        rows.append({"account": account, "kind": "open", "at": begin, "limit": 500_000})
        behind = 0
        for month in range(1, 8):
            at = begin + (month * 30 + int(generator.integers(0, 9))) * DAY_MS
            rows += [
                {"account": account, "kind": "draw", "at": at + draw * DAY_MS, "amount": 1_000 * (draw + 1)}
                for draw in range(int(generator.integers(0, 5)))
            ]
            behind = behind + 30 if generator.random() < (0.5 if weak else 0.08) else 0
            delay = int(generator.integers(0, 12)) * DAY_MS if number % 3 == 0 else 0
            rows.append({"account": account, "kind": "delinquency", "at": at, "days": behind, "arrived": at + delay})
            if month in (3, 5, 7):
                observed = BEGIN + timedelta(days=month * 30 + int(generator.integers(5, 25)))
                bad = generator.random() < (0.6 if weak else 0.1)
                amount = int(generator.integers(0, 600_000))
                labels.append({
                    "account": account,
                    "observed_on": observed.isoformat(),
                    "outcome": "bad" if bad else "good",
                    "amount": amount,
                    "segment": "weak" if weak else "sound",
                })  # fmt: skip
    for place, row in enumerate(rows):
        row["id"] = f"e{place}"
        row["arrived"] = row.get("arrived", row["at"])
    columns = {name: [row.get(name) for row in rows] for name in ("id", "account", "kind", "at", "arrived")}
    columns |= {name: [row.get(name) for row in rows] for name in ("limit", "amount", "days")}
    arrivals = [(row["account"], row["id"], row["arrived"]) for row in rows if row["arrived"] > row["at"]]
    return pa.table(columns), pa.Table.from_pylist(labels), arrivals
