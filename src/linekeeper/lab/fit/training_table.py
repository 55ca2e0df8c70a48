"""The training table: one row an account and date, whole-number features, and a label of 0 or 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from linekeeper.core.errors import FileError
from linekeeper.lab.fit.outcome_classes import Weights, classes_of_rows, weights_of_rows
from linekeeper.lab.fit.plan import OUTCOME_CLASSES, FeaturePlan, FitPlan
from linekeeper.lab.fit.table_columns import day_numbers, feature_column, plain_table, read_table, shown_names, texts
from linekeeper.lab.parquet import whole_numbers
from linekeeper.lab.partition import Partition
from linekeeper.scorecard.many import FeatureColumn

Rows = npt.NDArray[np.intp]
PLACE = " place"  # of a row, while it is joined: no column of a file is named so


@dataclass(frozen=True, slots=True)
class TrainingTable:
    """Columns of one length: int64, `MISSING` where missing; `label` is 1 for bad; `at_day` days since 1970-01-01.

    `weight`: how much each row counts, 1 on average over the whole table; None where all count alike. `kept_out`: the
    features of the rows that are neither good nor bad, by their class; no fit sees them. `without_label`: how many rows
    had no label in the file of labels.
    """

    account: npt.NDArray[np.str_]
    at_day: FeatureColumn
    label: FeatureColumn
    features: Mapping[str, FeatureColumn]
    protected: Mapping[str, FeatureColumn]
    weight: Weights | None = None
    kept_out: Mapping[str, Mapping[str, FeatureColumn]] = field(default_factory=dict)
    without_label: int = 0

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
            weight=None if self.weight is None else self.weight[rows],
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
    if not labels:
        return training_table(data, plan)
    joined = _joined(data, path, read_table(labels), labels, plan)
    return replace(training_table(joined, plan), without_label=data.num_rows - joined.num_rows)


def _joined(data: pa.Table, path: Path, outcomes: pa.Table, labels: Path, plan: FitPlan) -> pa.Table:
    """The rows of `data` with the columns of their account in `outcomes`, which go before those of the same name."""
    for table, file, names in ((outcomes, labels, ("account", plan.label)), (data, path, ("account",))):
        for name in names:
            if name not in table.column_names:
                raise FileError(f"`{file}` has no column `{name}`", code="column-missing", place=str(file))
    _demand_ids_of_one_type(data, path, outcomes, labels)
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


def _demand_ids_of_one_type(data: pa.Table, path: Path, outcomes: pa.Table, labels: Path) -> None:
    """Raises FileError where the ids are text in one file and numbers in the other: `007` and 7 would never meet."""
    words, words_of_labels = (pa.types.is_string(table["account"].type) for table in (data, outcomes))
    if words != words_of_labels:
        kinds = ("text", "numbers") if words else ("numbers", "text")
        raise FileError(
            f"the ids in `account` are {kinds[0]} in `{path}` and {kinds[1]} in `{labels}`",
            code="column-of-wrong-type",
            way_out="write them in both files alike",
            place=str(labels),
            details={"column": "account"},
        )


def training_table(data: pa.Table, plan: FitPlan) -> TrainingTable:
    """The training table out of a table in memory.

    `account` and `at_day` may be absent: the rows are then numbered, and all of day 0. Raises FileError where another
    column is missing or not whole numbers, an account has two rows of one day, or the label is not 0 and 1 and in no
    class of the plan. Rows that are neither good nor bad are kept out, and counted.
    """
    data = plain_table(data)
    lacking = [name for name in (plan.label, *plan.names) if name not in data.column_names]
    if lacking:
        raise FileError(
            f"the table has no column `{lacking[0]}`; it has {shown_names(data)}",
            code="column-missing",
            details={"column": lacking[0]},
        )
    classes, weight = classes_of_rows(data, plan), weights_of_rows(data, plan)
    has_account = "account" in data.column_names
    accounts = np.array(texts(data, "account") if has_account else [str(row) for row in range(data.num_rows)])
    at_day = day_numbers(data, "at_day") if "at_day" in data.column_names else np.zeros(data.num_rows, np.int64)
    if has_account:
        _demand_rows_of_their_own(accounts, at_day, "at_day" in data.column_names)
    features = {feature.name: feature_column(data, feature) for feature in plan.features}
    every = TrainingTable(
        accounts,
        at_day,
        classes.astype(np.int64),
        features,
        {name: _protected_column(data, name) for name in plan.protected if name in data.column_names},
        weight,
    )
    return _with_classes_apart(every)


def _with_classes_apart(every: TrainingTable) -> TrainingTable:
    """The goods and bads, with weights of 1 on average; the features of the other classes are kept out."""
    table = every
    if (every.label > 1).any():
        kept_out = {
            name: {feature: values[every.label == number] for feature, values in every.features.items()}
            for number, name in enumerate(OUTCOME_CLASSES)
            if number > 1 and (every.label == number).any()
        }
        table = replace(every.take(np.flatnonzero(every.label <= 1)), kept_out=kept_out)
    return table if table.weight is None else replace(table, weight=table.weight / table.weight.mean())


def _demand_rows_of_their_own(accounts: npt.NDArray[np.str_], at_day: FeatureColumn, dated: bool) -> None:
    """Raises FileError where an account has two rows of one day: it would count twice, perhaps with two outcomes."""
    order = np.lexsort((at_day, accounts))
    names, days = accounts[order], at_day[order]
    twice = np.flatnonzero((names[1:] == names[:-1]) & (days[1:] == days[:-1]))
    if not len(twice):
        return
    one, other = sorted(int(row) for row in order[twice[0] : twice[0] + 2])
    day = f" of {np.datetime64(int(at_day[one]), 'D')}" if dated else ""
    raise FileError(
        f"the account `{accounts[one]}` has two rows{day}: {one + 1} and {other + 1}",
        code="account-twice",
        way_out="keep one row an account and day, and give the day of each row in `at_day`",
        details={"account": str(accounts[one])},
    )


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
