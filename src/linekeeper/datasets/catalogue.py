"""Public data sets as fit tables, with a plan each: what `--data NAME` names. The files are not part of the project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import LinekeeperError
from linekeeper.lab.fit.plan import FeaturePlan, FitPlan, read_fit_plan
from linekeeper.lab.fit.training_table import TrainingTable, from_arrow, read_parquet
from linekeeper.scorecard.many import Column, Columns

TAIWAN_DAY = 13_056  # 2005-09-30, the end of the last month that is seen


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set by name: which plan, what day the rows are of, and features that can be derived."""

    plan: str
    at_day: int
    derive: Callable[[Columns], dict[str, Column]] | None = None
    derived_plan: str | None = None
    good: str | None = None  # a column whose 1 means good: the label is its opposite


def read_data_set(name: str, path: Path, derived: bool = False) -> tuple[TrainingTable, FitPlan]:
    """The table and the plan of a known data set; LinekeeperError where the name or the file is not that.

    `derived`: instead of the raw columns, features measured over them.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if name not in DATA_SETS:
        raise LinekeeperError(f"`{name}` is no data set known here; known are {', '.join(DATA_SETS)}")
    known = DATA_SETS[name]
    data = read_parquet(path)
    plan = plan_named(known.plan)
    if known.good and known.good in data.column_names:
        data = data.append_column(plan.label, pc.subtract(1, data[known.good].cast(pa.int64())))
    table = replace(from_arrow(data, plan), at_day=np.full(data.num_rows, known.at_day, np.int64))
    if "ID" in data.column_names:
        table = replace(table, account=np.array(data["ID"].to_pylist()).astype(str))
    if not derived:
        return table, plan
    if known.derive is None or known.derived_plan is None:
        raise LinekeeperError(f"`{name}` has no derived features; leave `--derived` out")
    return replace(table, features=known.derive(table.features)), plan_named(known.derived_plan)


def plan_named(name: str) -> FitPlan:
    """A plan that comes with the project."""
    with as_file(files("linekeeper.lab.fit") / "plans" / f"{name}.yaml") as path:
        return read_fit_plan(path)


def with_protected_as_inputs(table: TrainingTable, plan: FitPlan) -> tuple[TrainingTable, FitPlan]:
    """The protected attributes as inputs, to measure what leaving them out costs. No card may be made of it."""
    inputs = tuple(FeaturePlan(name, "ability") for name in table.protected)
    everything = {**table.features, **table.protected}
    return replace(table, features=everything), replace(plan, features=(*plan.features, *inputs), protected=())


def _taiwan(raw: Columns) -> dict[str, Column]:
    """Six months in features: delinquency, use of the limit, payments; shares in basis points, 1 is September."""
    status = np.stack([raw[name] for name in ("PAY_0", *(f"PAY_{k}" for k in range(2, 7)))])
    bill = np.stack([raw[f"BILL_AMT{k}"] for k in range(1, 7)])
    paid = np.stack([raw[f"PAY_AMT{k}"] for k in range(1, 7)])
    limit = raw["LIMIT_BAL"]
    late, used, owed = np.maximum(status, 0), bill * 10_000 // limit, np.maximum(bill[1:], 0)
    drawn = np.maximum(bill[:5] - bill[1:] + paid[:5], 0)
    return {
        "limit": limit,
        **{f"status_{k + 1}": status[k] for k in range(6)},
        "late_max": late.max(0),
        "late_sum": late.sum(0),
        "late_sum_3m": late[:3].sum(0),
        "late_months": (status >= 1).sum(0),
        "late_months_2": (status >= 2).sum(0),
        "paid_in_full_months": (status == -1).sum(0),
        "unused_months": (status == -2).sum(0),
        "revolving_months": (status == 0).sum(0),
        "months_since_late": np.where((status >= 1).any(0), (status >= 1).argmax(0), MISSING),
        "utilisation_1": used[0],
        "utilisation_mean": used.sum(0) // 6,
        "utilisation_max": used.max(0),
        "utilisation_min": used.min(0),
        "utilisation_slope": used[0] - used[5],
        "utilisation_slope_3m": used[0] - used[2],
        "available": limit - bill[0],
        "bill_1": bill[0],
        "bill_max": bill.max(0),
        "payment_ratio_1": _ratio(paid[0], owed[0]),
        "payment_ratio_2": _ratio(paid[1], owed[1]),
        "payment_ratio": _ratio(paid[:5].sum(0), owed.sum(0)),
        "paid_1": paid[0],
        "paid_2": paid[1],
        "paid_3": paid[2],
        "paid_sum": paid.sum(0),
        "paid_sum_3m": paid[:3].sum(0),
        "paid_max": paid.max(0),
        "paid_min": paid.min(0),
        "no_payment_months": (paid <= 0).sum(0),
        "paid_of_limit": paid.sum(0) * 10_000 // limit,
        "drawn_1": drawn[0],
        "drawn_sum": drawn.sum(0),
    }


def _ratio(part: Column, whole: Column) -> Column:
    """part / whole in basis points, at most a hundredfold; missing where there is nothing owed."""
    share = np.minimum(part * 10_000 // np.maximum(whole, 1), 1_000_000)
    return np.where(whole > 0, share, MISSING)


DATA_SETS = {
    "taiwan": DataSet("taiwan", TAIWAN_DAY, _taiwan, "taiwan-derived"),
    "south-german": DataSet("south-german", 0, good="kredit"),
}
