"""The training table: one row an account and date, whole-number features, and a label of 0 or 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import FileError
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan
from linekeeper.lab.parquet import read_parquet_table, whole_numbers
from linekeeper.lab.partition import Partition
from linekeeper.scorecard.many import FeatureColumn

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class TrainingTable:
    """Columns of one length: int64, `MISSING` where missing; `label` is 1 for bad; `at_day` days since 1970-01-01."""

    account: npt.NDArray[np.str_]
    at_day: FeatureColumn
    label: FeatureColumn
    features: Mapping[str, FeatureColumn]
    protected: Mapping[str, FeatureColumn]

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

    def of_partition(self, partition: Partition) -> TrainingTable:
        """The rows of that part of the accounts."""
        return self.take(np.flatnonzero([partition.has(account) for account in self.account.tolist()]))


def read_training_table(path: Path, plan: FitPlan, labels: Path | None = None) -> TrainingTable:
    """A snapshot table (Parquet): `account`, `at_day`, label, one whole-number column a feature (null = missing).

    `labels`: a second file with `account`, the label and protected attributes; rows without a label are left out.
    Raises FileError where a file cannot be read, or a column is missing or not whole numbers.
    """
    data = read_parquet_table(path)
    if labels:
        outcomes = read_parquet_table(labels)
        lacking = [name for name in ("account", plan.label) if name not in outcomes.column_names]
        if lacking or "account" not in data.column_names:
            raise FileError(
                f"`{labels if lacking else path}` has no column `{(lacking or ['account'])[0]}`",
                code="column-missing",
                place=str(labels if lacking else path),
            )
        own_names = [name for name in data.column_names if name == "account" or name not in outcomes.column_names]
        data = data.select(own_names).join(outcomes, "account", join_type="inner")
    return training_table(data, plan)


def training_table(data: pa.Table, plan: FitPlan) -> TrainingTable:
    """The training table out of a table in memory.

    `account` and `at_day` may be absent: the rows are then numbered, and all of day 0. Raises FileError where another
    column is missing or not whole numbers, or the label is not 0 and 1.
    """
    lacking = [name for name in (plan.label, *plan.names) if name not in data.column_names]
    if lacking:
        raise FileError(
            f"the table has no column `{lacking[0]}`; it has {', '.join(data.column_names[:12])}",
            code="column-missing",
            details={"column": lacking[0]},
        )
    accounts = data["account"].to_pylist() if "account" in data.column_names else range(data.num_rows)
    if None in accounts:
        raise FileError(
            f"the table has no `account` in row {list(accounts).index(None) + 1}",
            code="column-missing",
            way_out="give each row its account, or leave the column out where each row is one of its own",
            details={"column": "account"},
        )
    label = whole_numbers(data, plan.label)
    if set(np.unique(label)) != {0, 1}:
        raise FileError(
            f"the label `{plan.label}` must be 0 and 1, and both must occur",
            code="label-not-usable",
            details={"label": plan.label},
        )
    return TrainingTable(
        np.array([str(account) for account in accounts]),
        whole_numbers(data, "at_day") if "at_day" in data.column_names else np.zeros(data.num_rows, np.int64),
        label,
        {feature.name: _feature_column(data, feature) for feature in plan.features},
        {name: whole_numbers(data, name) for name in plan.protected if name in data.column_names},
    )


def _feature_column(data: pa.Table, feature: FeaturePlan) -> FeatureColumn:
    """The column of a feature. Raises FileError where it holds a code that is none of its choices."""
    column = whole_numbers(data, feature.name)
    if feature.choices:
        known = (column >= 0) & (column < len(feature.choices)) | (column == MISSING)
        if not known.all():
            row = int(np.flatnonzero(~known)[0])
            last = len(feature.choices) - 1
            raise FileError(
                f"the column `{feature.name}` holds {column[row]} in row {row + 1}, which is none of its choices",
                code="column-of-wrong-type",
                way_out=f"write 0 for `{feature.choices[0]}` up to {last} for `{feature.choices[-1]}`",
                details={"column": feature.name},
            )
    return column


def with_protected_as_inputs(table: TrainingTable, plan: FitPlan) -> tuple[TrainingTable, FitPlan]:
    """The protected attributes as inputs, to measure what leaving them out costs. No card may be made of it."""
    inputs = tuple(FeaturePlan(name, "ability") for name in table.protected)
    every_input = {**table.features, **table.protected}
    return replace(table, features=every_input), replace(plan, features=(*plan.features, *inputs), protected=())
