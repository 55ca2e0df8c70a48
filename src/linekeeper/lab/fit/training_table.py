"""The training table: one row an account and date, whole-number features, and a label of 0 or 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from linekeeper.core.errors import FileError
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan
from linekeeper.lab.fit.table_columns import day_numbers, feature_column, plain_table, read_table, texts
from linekeeper.lab.parquet import whole_numbers
from linekeeper.lab.partition import Partition
from linekeeper.scorecard.many import FeatureColumn

Rows = npt.NDArray[np.intp]
PLACE = " place"  # of a row, while it is joined: no column of a file is named so


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
    """A snapshot table (Parquet or CSV): `account`, `at_day`, label, one column a feature (null = missing).

    `labels`: a second file with `account`, the label and protected attributes; rows without a label are left out.
    Raises FileError where a file cannot be read, or a column is missing or not whole numbers.
    """
    data = read_table(path)
    if labels:
        data = _joined(data, path, read_table(labels), labels, plan)
    return training_table(data, plan)


def _joined(data: pa.Table, path: Path, outcomes: pa.Table, labels: Path, plan: FitPlan) -> pa.Table:
    """The rows of `data` with the columns of their account in `outcomes`, which go before those of the same name."""
    for table, file, names in ((outcomes, labels, ("account", plan.label)), (data, path, ("account",))):
        for name in names:
            if name not in table.column_names:
                raise FileError(f"`{file}` has no column `{name}`", code="column-missing", place=str(file))
    ids = pa.array(texts(outcomes, "account"), pa.string())
    if len(pc.unique(ids)) < len(ids):
        twice = next(one["values"] for one in pc.value_counts(ids).to_pylist() if one["counts"] > 1)
        raise FileError(
            f"`{labels}` has the account `{twice}` more than once",
            code="account-twice",
            way_out="keep one label an account, or put the labels into the table itself",
            place=str(labels),
        )
    outcomes = outcomes.set_column(outcomes.column_names.index("account"), "account", ids)
    own_names = [name for name in data.column_names if name == "account" or name not in outcomes.column_names]
    data = data.select(own_names)
    data = data.set_column(own_names.index("account"), "account", pa.array(texts(data, "account"), pa.string()))
    data = data.append_column(PLACE, pa.array(range(data.num_rows), pa.int64()))
    joined = data.join(outcomes, "account", join_type="inner").sort_by(PLACE).drop_columns([PLACE])
    if not joined.num_rows:
        raise FileError(
            f"no account of `{path}` is in `{labels}`",
            code="label-not-usable",
            way_out="write the ids in both files alike",
            place=str(labels),
        )
    return joined


def training_table(data: pa.Table, plan: FitPlan) -> TrainingTable:
    """The training table out of a table in memory.

    `account` and `at_day` may be absent: the rows are then numbered, and all of day 0. Raises FileError where another
    column is missing or not whole numbers, or the label is not 0 and 1.
    """
    data = plain_table(data)
    lacking = [name for name in (plan.label, *plan.names) if name not in data.column_names]
    if lacking:
        raise FileError(
            f"the table has no column `{lacking[0]}`; it has {', '.join(data.column_names[:12])}",
            code="column-missing",
            details={"column": lacking[0]},
        )
    accounts = texts(data, "account") if "account" in data.column_names else map(str, range(data.num_rows))
    return TrainingTable(
        np.array(list(accounts)),
        day_numbers(data, "at_day") if "at_day" in data.column_names else np.zeros(data.num_rows, np.int64),
        _label_column(data, plan),
        {feature.name: feature_column(data, feature) for feature in plan.features},
        {name: _protected_column(data, name) for name in plan.protected if name in data.column_names},
    )


def _label_column(data: pa.Table, plan: FitPlan) -> FeatureColumn:
    """The label. Raises FileError where it is not 0 and 1."""
    column = data[plan.label]
    label = np.zeros(0, np.int64) if pa.types.is_string(column.type) else whole_numbers(data, plan.label)
    if set(np.unique(label)) != {0, 1}:
        raise FileError(
            f"the label `{plan.label}` must be 0 and 1, and both must occur",
            code="label-not-usable",
            way_out="write 1 for bad and 0 for good, and leave out rows that are neither",
            details={"label": plan.label},
        )
    return label


def _protected_column(data: pa.Table, name: str) -> FeatureColumn:
    """A protected attribute, which no card sees: words are numbered in the order of the alphabet."""
    column = data[name]
    if not pa.types.is_string(column.type):
        return whole_numbers(data, name)
    words = sorted(word for word in pc.unique(column).to_pylist() if word)
    return feature_column(data, FeaturePlan(name, "", choices=tuple(words)))


def with_protected_as_inputs(table: TrainingTable, plan: FitPlan) -> tuple[TrainingTable, FitPlan]:
    """The protected attributes as inputs, to measure what leaving them out costs. No card may be made of it."""
    inputs = tuple(FeaturePlan(name, "ability") for name in table.protected)
    every_input = {**table.features, **table.protected}
    return replace(table, features=every_input), replace(plan, features=(*plan.features, *inputs), protected=())
