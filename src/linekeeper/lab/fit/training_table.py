"""The table that a fit reads: one row an account and date, whole-number features, a 0/1 label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import LinekeeperError
from linekeeper.lab.fit.plan import FitPlan
from linekeeper.lab.partition import Part
from linekeeper.scorecard.many import Column

if TYPE_CHECKING:
    import pyarrow as pa

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class TrainingTable:
    """Columns of one length: int64, `MISSING` where missing; `label` is 1 for bad; `at_day` days since 1970-01-01."""

    account: npt.NDArray[np.str_]
    at_day: Column
    label: Column
    features: Mapping[str, Column]
    protected: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: Rows) -> TrainingTable:
        """Those rows, in that order."""
        return replace(
            self,
            account=self.account[rows],
            at_day=self.at_day[rows],
            label=self.label[rows],
            features={name: values[rows] for name, values in self.features.items()},
            protected={name: values[rows] for name, values in self.protected.items()},
        )

    def of_partition(self, part: Part) -> TrainingTable:
        """The rows of that part of the accounts."""
        return self.take(np.flatnonzero([part.has(account) for account in self.account.tolist()]))

    def only(self, names: tuple[str, ...]) -> TrainingTable:
        """The same rows with those features alone."""
        return replace(self, features={name: self.features[name] for name in names})


def read_training_table(path: Path, plan: FitPlan, labels: Path | None = None) -> TrainingTable:
    """A snapshot table (Parquet): `account`, `at_day`, label, one whole-number column a feature (null = missing).

    `labels`: a second file with `account`, the label and protected attributes; rows without a label are left out.
    LinekeeperError where a file cannot be read, or a column is missing or not whole numbers.
    """
    data = read_parquet(path)
    if labels:
        outcome = read_parquet(labels)
        lacking = [name for name in ("account", plan.label) if name not in outcome.column_names]
        if lacking or "account" not in data.column_names:
            raise LinekeeperError(f"`{labels if lacking else path}` has no column `{(lacking or ['account'])[0]}`")
        kept = [name for name in data.column_names if name == "account" or name not in outcome.column_names]
        data = data.select(kept).join(outcome, "account", join_type="inner")
    return from_arrow(data, plan)


def read_parquet(path: Path) -> pa.Table:
    """The file; LinekeeperError where it cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise LinekeeperError(f"`{path}` cannot be read as Parquet: {str(error).splitlines()[0].lower()}") from None


def from_arrow(data: pa.Table, plan: FitPlan) -> TrainingTable:
    """The same from a table in memory. `account` and `at_day` may be absent: rows are then numbered, of one day."""
    rows = data.num_rows
    lacking = [name for name in (plan.label, *plan.names) if name not in data.column_names]
    if lacking:
        raise LinekeeperError(f"the table has no column `{lacking[0]}`; it has {', '.join(data.column_names[:12])}")
    account = data["account"].to_pylist() if "account" in data.column_names else range(rows)
    label = whole_numbers(data, plan.label)
    if set(np.unique(label)) != {0, 1}:
        raise LinekeeperError(f"the label `{plan.label}` must be 0 and 1, and both must occur")
    return TrainingTable(
        np.array([str(name) for name in account]),
        whole_numbers(data, "at_day") if "at_day" in data.column_names else np.zeros(rows, np.int64),
        label,
        {name: whole_numbers(data, name) for name in plan.names},
        {name: whole_numbers(data, name) for name in plan.protected if name in data.column_names},
    )


def whole_numbers(data: pa.Table, name: str) -> Column:
    """A column as int64, `MISSING` for null; LinekeeperError where it holds anything but whole numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        column = pc.fill_null(data[name].cast(pa.int64()), MISSING)
    except pa.ArrowInvalid:
        raise LinekeeperError(f"the column `{name}` is not whole numbers; write amounts in minor units") from None
    return np.asarray(column.to_numpy(), dtype=np.int64)
