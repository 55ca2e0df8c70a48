"""Parquet files as tables, with whole numbers as int64 columns.

Arrow is given absolute paths: it takes a name like `s3:a` for an address, and not for a file of this machine.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from linekeeper.core.bounded import demand_regular
from linekeeper.core.bounds import MISSING, MONEY_MAX
from linekeeper.core.errors import FileError, file_error
from linekeeper.scorecard.many import FeatureColumn


def read_parquet_table(path: Path) -> pa.Table:
    """The file's table. Raises FileError where it cannot be read."""
    demand_regular(path)
    try:
        table = pq.read_table(path.absolute())
        _ = table.column_names  # met here, if they are no text
        table.validate(full=True)  # and so are values that are none
        return table
    except PermissionError as error:
        raise file_error(error, path) from None
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise FileError(
            f"`{path}` cannot be read as Parquet: {str(error).splitlines()[0][:200].lower()}",
            code="file-not-readable",
            way_out="fetch the file anew",
            place=str(path),
        ) from None


def parquet_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """A Parquet file to be written (zstd)."""
    return pq.ParquetWriter(path.absolute(), schema, compression="zstd")


def write_parquet_table(table: pa.Table, path: Path, row_group_size: int | None = None) -> None:
    """Write the table as one Parquet file."""
    with parquet_writer(path, table.schema) as writer:
        writer.write_table(table, row_group_size)


def whole_numbers(table: pa.Table, name: str) -> FeatureColumn:
    """A column as int64, `MISSING` for null and NaN. Raises FileError where it holds anything but whole numbers.

    A flag is 1 or 0. A date or a text is no amount, whatever number may stand behind it.

    >>> whole_numbers(pa.table({"amount": [5.0, None, float("nan")]}), "amount").tolist() == [5, MISSING, MISSING]
    True
    """
    column = table[name]
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    kind = column.type
    if not any(is_of(kind) for is_of in _NUMBERS):
        raise _not_whole_numbers(name, f"is `{kind}`")
    try:
        numbers = np.asarray(pc.fill_null(column.cast(pa.int64()), MISSING).to_numpy(), dtype=np.int64)
    except pa.ArrowInvalid:
        raise _not_whole_numbers(name, "is not whole numbers") from None
    out_of_bounds = np.flatnonzero((np.abs(numbers) > MONEY_MAX) & (numbers != MISSING))
    if len(out_of_bounds):
        raise _not_whole_numbers(name, f"holds {numbers[out_of_bounds[0]]:,} in row {out_of_bounds[0] + 1}")
    return numbers


_NUMBERS = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_boolean,
    pa.types.is_null,
)


def _not_whole_numbers(name: str, what: str) -> FileError:
    return FileError(
        f"the column `{name}` {what}",
        code="column-of-wrong-type",
        way_out="write whole numbers within 10^15: amounts in minor units, dates as days, categories as codes",
        details={"column": name},
    )
