"""South German Credit (Groemping 2019, UCI 522, CC BY 4.0) as a training table: 1,000 contracts of 1973 to 1975.

The data hold no events. Column names are the file's own, in German; codes are those of its code table.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from linekeeper.core.errors import UsageError
from linekeeper.lab.fit.plan import FitPlan, read_fit_plan
from linekeeper.lab.fit.training_table import TrainingTable, training_table
from linekeeper.lab.parquet import read_parquet_table

GOOD_COLUMN = "kredit"  # 1 means that the contract was complied with, so the label is its opposite


def south_german_training_data(path: Path, derived: bool = False) -> tuple[TrainingTable, FitPlan]:
    """The training table and its plan. Raises UsageError where a column is missing, or with `derived`."""
    if derived:
        raise UsageError(
            "`south-german` has no derived features",
            code="arguments-do-not-go-together",
            way_out="leave `--derived` out",
        )
    plan = read_fit_plan(files("linekeeper.datasets") / "plans" / "south-german.yaml")
    data = read_parquet_table(path)
    if GOOD_COLUMN in data.column_names:
        data = data.append_column(plan.label, pc.subtract(1, data[GOOD_COLUMN].cast(pa.int64())))
    return training_table(data, plan), plan
