"""Decisions as a table, for files and reports: one row a decision, one column a value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from linekeeper.core.decision import Decision

WORDS = {"account", "event", "action", "status_before", "status_after"}
WORDS |= {"triggers_set", "triggers_released", "triggers_in_force", "reasons"}


def decision_table(decisions: Sequence[Decision]) -> pa.Table:
    """The decisions as columns; values are `value.NAME`, sub-scores `score.GROUP`, lists joined by commas."""
    columns: dict[str, list[Any]] = {
        "account": [d.account for d in decisions],
        "number": [d.number for d in decisions],
        "at": [d.at for d in decisions],
        "event": [d.event for d in decisions],
        "action": [d.action for d in decisions],
        "limit_before": [d.before.limit for d in decisions],
        "limit_after": [d.after.limit for d in decisions],
        "granted_before": [d.before.granted for d in decisions],
        "granted_after": [d.after.granted for d in decisions],
        "status_before": [d.before.status for d in decisions],
        "status_after": [d.after.status for d in decisions],
        "triggers_set": [",".join(d.triggers_set) for d in decisions],
        "triggers_released": [",".join(d.triggers_released) for d in decisions],
        "triggers_in_force": [",".join(d.triggers_in_force) for d in decisions],
        "reasons": [",".join(dict.fromkeys(reason.code for reason in d.reasons)) for d in decisions],
        "score": [d.score for d in decisions],
        "pd_ppm": [d.pd_ppm for d in decisions],
    }
    first = decisions[0] if decisions else None
    for group in first.sub_scores if first else ():
        columns[f"score.{group}"] = [d.sub_scores[group] for d in decisions]
    for name in first.values if first else ():
        columns[f"value.{name}"] = [d.values[name] for d in decisions]
    kinds = {name: pa.string() if name in WORDS else pa.int64() for name in columns}
    return pa.table({name: pa.array(values, kinds[name]) for name, values in columns.items()})


def write_decisions(decisions: Sequence[Decision], path: Path) -> None:
    """Write the decisions to a Parquet file."""
    pq.write_table(decision_table(decisions), path, compression="zstd")
