"""Parquet files as tables, with whole numbers as int64 columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import FileError
from linekeeper.scorecard.many import FeatureColumn


def read_parquet_table(path: Path) -> pa.Table:
    """The file's table. Raises FileError where it cannot be read."""
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise FileError(
            f"`{path}` cannot be read as Parquet: {str(error).splitlines()[0].lower()}",
            code="file-not-readable",
            place=str(path),
        ) from None


def whole_numbers(table: pa.Table, name: str) -> FeatureColumn:
    """A column as int64, `MISSING` for null. Raises FileError where it holds anything but whole numbers.

    >>> whole_numbers(pa.table({"amount": [5.0, None]}), "amount").tolist() == [5, MISSING]
    True
    """
    try:
        column = pc.fill_null(table[name].cast(pa.int64()), MISSING)
    except pa.ArrowInvalid:
        raise FileError(
            f"the column `{name}` is not whole numbers",
            code="column-of-wrong-type",
            way_out="write amounts in minor units",
            details={"column": name},
        ) from None
    return np.asarray(column.to_numpy(), dtype=np.int64)
