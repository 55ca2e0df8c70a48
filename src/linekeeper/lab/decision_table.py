"""Decisions as a table, for files and reports: one row a decision, one column a value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from linekeeper.core.decision import Decision
from linekeeper.lab.parquet import parquet_writer
from linekeeper.policy.model import Policy

DECISIONS_A_GROUP = 20_000
WORDS = {"account", "event", "action", "status_before", "status_after"}
WORDS |= {"triggers_set", "triggers_released", "triggers_in_force", "reasons"}
_PUBLIC_COLUMNS = {
    "limit_before": "limit_before_minor",
    "limit_after": "limit_minor",
    "granted_before": "granted_before_minor",
    "granted_after": "granted_minor",
    "status_after": "status",
}


@dataclass(frozen=True, slots=True)
class ValueColumns:
    """Which sub-scores and which features have a column."""

    groups: tuple[str, ...]
    features: tuple[str, ...]

    @staticmethod
    def of(policies: Iterable[Policy]) -> ValueColumns:
        """Those of all versions of a policy, each once."""
        listed = list(policies)
        groups = dict.fromkeys(group for policy in listed for group in policy.groups)
        features = dict.fromkeys(feature.name for policy in listed for feature in policy.features)
        return ValueColumns(tuple(groups), tuple(features))


def decision_table(decisions: Sequence[Decision], columns: ValueColumns | None = None) -> pa.Table:
    """The decisions as columns; values are `value.NAME`, sub-scores `score.GROUP`, lists joined by commas.

    Without `columns`, the values and sub-scores are those of the first decision.
    """
    if columns is None:
        first = decisions[0] if decisions else None
        columns = ValueColumns(tuple(first.sub_scores), tuple(first.values)) if first else ValueColumns((), ())
    data: dict[str, list[Any]] = {
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
    data |= {f"score.{group}": [d.sub_scores.get(group) for d in decisions] for group in columns.groups}
    data |= {f"value.{name}": [d.values.get(name) for d in decisions] for name in columns.features}
    kinds = {name: pa.string() if name in WORDS else pa.int64() for name in data}
    return pa.table({name: pa.array(values, kinds[name]) for name, values in data.items()})


def public_decision_table(
    decisions: Sequence[Decision], time_zone: str, columns: ValueColumns | None = None
) -> pa.Table:
    """The same under the names of the public face: instants have the time zone, amounts end in `_minor`."""
    table = decision_table(decisions, columns)
    at = table["at"].cast(pa.timestamp("ms", time_zone))
    table = table.set_column(table.column_names.index("at"), "at", at)
    return table.rename_columns([_PUBLIC_COLUMNS.get(name, name) for name in table.column_names])


class DecisionWriter:
    """Writes decisions to a Parquet file as they are made, without keeping them. Use it in `with`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: list[Decision] = []
        self._columns: ValueColumns | None = None
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> DecisionWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None and (self._kept or self._writer is None):
            self._write()
        if self._writer is not None:
            self._writer.close()

    def add(self, decision: Decision) -> None:
        """Write one more decision."""
        self._kept.append(decision)
        if len(self._kept) == DECISIONS_A_GROUP:
            self._write()

    def _write(self) -> None:
        if self._columns is None and self._kept:
            self._columns = ValueColumns(tuple(self._kept[0].sub_scores), tuple(self._kept[0].values))
        table = decision_table(self._kept, self._columns)
        self._writer = self._writer or parquet_writer(self._path, table.schema)
        self._writer.write_table(table)
        self._kept = []
