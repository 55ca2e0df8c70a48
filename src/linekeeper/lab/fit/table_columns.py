"""What people bring to a fit, as whole-number columns: Parquet and CSV, words, dictionaries, amounts with decimals."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from linekeeper.core.bounded import demand_regular
from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import FileError
from linekeeper.lab.fit.plan import FeaturePlan
from linekeeper.lab.parquet import read_parquet_table, whole_numbers
from linekeeper.scorecard.many import FeatureColumn

WORD_SHOWN, COLUMN_NAMES_SHOWN = 40, 12
AT_DAY_MAX = 100_000  # days from 1970 either way; 20240131 is a date without its signs, and no day


def read_table(path: Path) -> pa.Table:
    """A Parquet or (where the name ends in `.csv`) a CSV table, dictionaries as their values.

    Raises FileError where it cannot be read, has no rows, or has two columns of one name.
    """
    table = plain_table(_read_csv(path) if path.suffix.lower() == ".csv" else read_parquet_table(path))
    if not table.num_rows:
        raise FileError(f"`{path}` has no rows", code="file-empty", place=str(path))
    return table


def plain_table(table: pa.Table) -> pa.Table:
    """The table with texts of one type and dictionaries as their values. Raises FileError where a name stands twice."""
    twice = [name for name, times in Counter(table.column_names).items() if times > 1]
    if twice:
        raise FileError(
            f"the table has two columns `{twice[0]}`",
            code="column-twice",
            way_out="rename one of them",
            details={"column": twice[0]},
        )
    columns = {name: _plain_column(table[name]) for name in table.column_names}
    return pa.table(columns)


def shown_names(table: pa.Table) -> str:
    """The names of its first columns, in one line whatever stands in them."""
    return ", ".join(" ".join(name.split()) for name in table.column_names[:COLUMN_NAMES_SHOWN])


def _plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if _is_text(column.type):
        column = column.cast(pa.string())
    return column


def _read_csv(path: Path) -> pa.Table:
    demand_regular(path)
    try:
        return pa_csv.read_csv(path)
    except (OSError, pa.ArrowException) as error:
        raise FileError(
            f"`{path}` cannot be read as CSV: {str(error).splitlines()[0][:200].lower()}",
            code="file-not-readable",
            way_out="write it with commas, one header line and UTF-8",
            place=str(path),
        ) from None


def texts(table: pa.Table, name: str) -> list[str]:
    """A column of ids as texts. Raises FileError where one is missing, or they are no texts and no whole numbers."""
    column = table[name]
    if pa.types.is_floating(column.type):
        column = pa.array(whole_numbers(table, name))  # what pandas makes of whole numbers beside an empty cell
        column = pc.if_else(pc.equal(column, MISSING), None, column)
    if not (_is_text(column.type) or pa.types.is_integer(column.type)):
        raise FileError(
            f"the ids in `{name}` are `{column.type}`",
            code="column-of-wrong-type",
            way_out="write them as text or as whole numbers",
            details={"column": name},
        )
    ids: list[str] = column.cast(pa.string()).to_pylist()
    empty = next((row for row, value in enumerate(ids) if not value), None)
    if empty is not None:
        raise FileError(
            f"the table has no `{name}` in row {empty + 1}",
            code="column-missing",
            way_out="give each row its own, or leave the column out where each row is an account of its own",
            details={"column": name},
        )
    return ids


def day_numbers(table: pa.Table, name: str) -> FeatureColumn:
    """A column of dates, of texts like 2024-01-31, or of days since 1970-01-01. Raises FileError where it is none."""
    column = table[name]
    if _is_text(column.type):
        try:
            column = pc.utf8_trim_whitespace(column).cast(pa.date32())
        except pa.ArrowInvalid:
            raise _no_days(name, "holds a text that is no date") from None
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        column = column.cast(pa.date32(), safe=False).cast(pa.int32()).cast(pa.int64())
    days = whole_numbers(pa.table({name: column}), name)
    if (days == MISSING).any():
        raise FileError(
            f"the table has no `{name}` in row {int(np.argmax(days == MISSING)) + 1}",
            code="column-missing",
            way_out="give each row its day",
            details={"column": name},
        )
    far = np.flatnonzero(np.abs(days) > AT_DAY_MAX)
    if len(far):
        raise _no_days(name, f"holds {days[far[0]]} in row {far[0] + 1}, which is no day")
    return days


def _no_days(name: str, what: str) -> FileError:
    return FileError(
        f"the column `{name}` {what}",
        code="column-of-wrong-type",
        way_out="write dates, like 2024-01-31, or days since 1970-01-01",
        details={"column": name},
    )


def feature_column(table: pa.Table, feature: FeaturePlan) -> FeatureColumn:
    """A feature as whole numbers: words as their places among its choices, amounts without their decimals.

    Raises FileError where it holds something else, or a choice that the plan does not list.
    """
    column = table[feature.name]
    if _is_text(column.type):
        return _places_of_words(column, feature)
    if feature.decimals:
        column = _without_decimals(column, feature)
    numbers = whole_numbers(pa.table({feature.name: column}), feature.name)
    if feature.choices:
        _demand_places(numbers, feature)
    return numbers


def _places_of_words(column: pa.ChunkedArray, feature: FeaturePlan) -> FeatureColumn:
    if not feature.choices:
        raise FileError(
            f"the column `{feature.name}` holds text",
            code="column-of-wrong-type",
            way_out="list its words under `choices`, or let `--plan-from` draft the plan",
            details={"column": feature.name},
        )
    words = pc.utf8_trim_whitespace(column)
    places = pc.index_in(words, pa.array(feature.choices, pa.string()))
    empty = pc.or_kleene(pc.is_null(words), pc.equal(words, ""))
    numbers = np.asarray(pc.if_else(empty, MISSING, pc.fill_null(places, -1)).to_numpy(), dtype=np.int64)
    strange = np.flatnonzero(numbers == -1)
    if len(strange):
        word = str(words[int(strange[0])])[:WORD_SHOWN]
        raise _no_choice(feature, f"`{word}`", int(strange[0]), "add it to its `choices`")
    return numbers


def _demand_places(numbers: FeatureColumn, feature: FeaturePlan) -> None:
    strange = np.flatnonzero(~((numbers >= 0) & (numbers < len(feature.choices)) | (numbers == MISSING)))
    if len(strange):
        row, last = int(strange[0]), len(feature.choices) - 1
        way_out = f"write 0 for `{feature.choices[0]}` up to {last} for `{feature.choices[-1]}`"
        raise _no_choice(feature, str(numbers[row]), row, way_out)


def _no_choice(feature: FeaturePlan, value: str, row: int, way_out: str) -> FileError:
    return FileError(
        f"the column `{feature.name}` holds {value} in row {row + 1}, which is none of its choices",
        code="column-of-wrong-type",
        way_out=way_out,
        details={"column": feature.name},
    )


def _without_decimals(column: pa.ChunkedArray, feature: FeaturePlan) -> pa.ChunkedArray:
    """Amounts in the unit of the last of the feature's decimals; half a unit goes to the even neighbour."""
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)):
        return column
    scaled = pc.multiply(column.cast(pa.float64(), safe=False), float(10**feature.decimals))
    return pc.round(scaled, round_mode="half_to_even")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
