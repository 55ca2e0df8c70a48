"""A lender's monthly panel, however its columns are called and its months and buckets are written."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from linekeeper.core.bounds import MISSING
from linekeeper.core.errors import FileError, UsageError
from linekeeper.lab.fit.table_columns import plain_table, shown_names, texts
from linekeeper.lab.forecast.panel import BUCKET_NAMES, LEVEL_OF_BUCKET, LOWEST_LEVEL, UNSEEN, Levels, Panel
from linekeeper.lab.parquet import whole_numbers
from linekeeper.scorecard.many import FeatureColumn

PANEL_COLUMNS = ("account", "month", "bucket", "days_past_due")
PANEL_CELLS_MAX = 400_000_000  # accounts by months: so many fit into memory
MONTHS_MAX = 1_200
FIRST_PANEL_YEAR, LAST_PANEL_YEAR = 1_900, 2_100
LEVEL_DAYS = (1, 30, 60, 90, 120, 150)  # from so many days past due on, an account is in the level 0, 1, ... 5
LEVEL_OF_NAME = {name: place + LOWEST_LEVEL for place, name in enumerate(BUCKET_NAMES)}


def column_renames(options: list[str]) -> dict[str, str]:
    """The columns that `old=new` names, for the columns of a panel. Raises UsageError.

    >>> column_renames(["loan_id=account", "dpd=days_past_due"])
    {'loan_id': 'account', 'dpd': 'days_past_due'}
    """
    renames: dict[str, str] = {}
    for option in options:
        old, sign, new = option.partition("=")
        if not sign or not old or new not in PANEL_COLUMNS or new in renames.values():
            raise UsageError(
                f"`{option[:80]}` maps no column of a panel",
                code="map-option-not-readable",
                way_out=f"write `theirs=ours`, with one of {', '.join(PANEL_COLUMNS)} once",
                details={"given": option[:80]},
            )
        renames[old] = new
    return renames


def with_renames(table: pa.Table, renames: Mapping[str, str]) -> pa.Table:
    """The table with its columns renamed; a column that has the new name already is left out. Raises FileError."""
    lacking = next((old for old in renames if old not in table.column_names), None)
    if lacking is not None:
        raise FileError(
            f"the panel has no column `{lacking}`; it has {shown_names(table)}",
            code="column-missing",
            details={"column": lacking},
        )
    kept = [name for name in table.column_names if name in renames or name not in renames.values()]
    return table.select(kept).rename_columns([renames.get(name, name) for name in kept])


def panel_of(data: pa.Table) -> Panel:
    """The panel in a table of `account`, `month` and `bucket` or `days_past_due`, one row an account and month.

    A month is a number that rises by one a month, a number or text of year and month (202401, `2024-01`), or a date. A
    bucket is X (no loan), C (paid) or 0 to 5, or its name; or days past due say it. Raises FileError where a column is
    missing, a value is another, or an account has two rows of one month.
    """
    data = plain_table(data)
    account = pa.array(_ids(data), pa.string()).dictionary_encode()
    names = np.array(account.dictionary.to_pylist(), dtype=np.str_)
    order = np.argsort(names)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    row, month, level = place[account.indices.to_numpy()], _months(data), _levels(data)
    first = int(month.min())
    months = int(month.max()) - first + 1
    if months > MONTHS_MAX or months * len(names) > PANEL_CELLS_MAX:
        raise FileError(
            f"the panel spans {months:,} months of {len(names):,} accounts",
            code="file-too-large",
            way_out=f"bring at most {MONTHS_MAX:,} months, and {PANEL_CELLS_MAX:,} accounts by months",
        )
    levels = np.full((len(names), months), UNSEEN, dtype=np.int8)
    cell = row * months + (month - first)
    _demand_a_row_a_month(cell, names[order], months, first)
    levels.reshape(-1)[cell] = level
    return Panel(names[order], np.arange(first, first + months), levels)


def _demand_a_row_a_month(cell: FeatureColumn, names: npt.NDArray[np.str_], months: int, first: int) -> None:
    taken = np.bincount(cell, minlength=1)
    if taken.max() > 1:
        account, month = divmod(int(taken.argmax()), months)
        raise FileError(
            f"the account `{names[account]}` has {taken.max()} rows of the month {first + month}",
            code="account-twice",
            way_out="keep one row an account and month",
            details={"account": str(names[account])},
        )


def _ids(data: pa.Table) -> list[str]:
    _demand_column(data, "account")
    return texts(data, "account")


def _demand_column(data: pa.Table, name: str) -> None:
    if name not in data.column_names:
        raise FileError(
            f"the panel has no column `{name}`; it needs account, month, and bucket or days_past_due",
            code="column-missing",
            way_out=f"map one to it: `--map theirs={name}`",
            details={"column": name},
        )


def _months(data: pa.Table) -> FeatureColumn:
    """Months as numbers that rise by one; those of the calendar count from the year 0."""
    _demand_column(data, "month")
    column = data["month"]
    if pa.types.is_string(column.type):
        words = pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(column), 0, 7)
        if not pc.all(pc.fill_null(pc.match_substring_regex(words, r"^\d{4}[-/]?(0[1-9]|1[0-2])"), False)).as_py():
            raise _no_month("is text that does not begin with a year and a month")
        digits = pc.utf8_slice_codeunits(pc.replace_substring_regex(words, "[-/]", ""), 0, 6)
        column = digits.cast(pa.int64())
    elif pa.types.is_temporal(column.type) and not pa.types.is_time(column.type):
        column = pc.add(pc.multiply(pc.year(column), 100), pc.month(column))
    numbers = whole_numbers(pa.table({"month": column}), "month")
    if (numbers == MISSING).any():
        raise _no_month(f"is missing in row {int(np.argmax(numbers == MISSING)) + 1}")
    year, month = numbers // 100, numbers % 100
    calendar = (year >= FIRST_PANEL_YEAR) & (year <= LAST_PANEL_YEAR) & (month >= 1) & (month <= 12)
    return year * 12 + month - 1 if calendar.all() else numbers


def _no_month(what: str) -> FileError:
    return FileError(
        f"the month of the panel {what}",
        code="column-of-wrong-type",
        way_out="write it like 2024-01, 202401 or a date, or number the months",
        details={"column": "month"},
    )


def _levels(data: pa.Table) -> Levels:
    """The level of each row."""
    if "bucket" not in data.column_names and "days_past_due" in data.column_names:
        days = whole_numbers(data, "days_past_due")
        if (days < 0).any():
            row = int(np.argmax(days < 0))
            what = "is missing" if days[row] == MISSING else f"is {days[row]}"
            raise FileError(
                f"the column `days_past_due` {what} in row {row + 1}",
                code="column-of-wrong-type",
                way_out="write 0 where nothing is past due, and leave out months without a loan",
                details={"column": "days_past_due"},
            )
        of_days: Levels = (np.searchsorted(LEVEL_DAYS, days, side="right") - 1).astype(np.int8)
        return of_days
    _demand_column(data, "bucket")
    column = data["bucket"]
    words = column if pa.types.is_string(column.type) else pa.array(whole_numbers(data, "bucket")).cast(pa.string())
    encoded = pa.array(pc.utf8_trim_whitespace(words).combine_chunks()).dictionary_encode()
    known = {**LEVEL_OF_BUCKET, **LEVEL_OF_NAME}
    unknown = sorted(set(encoded.dictionary.to_pylist()) - known.keys())
    if unknown or encoded.null_count:
        shown = unknown[0][:40] if unknown else ""
        raise FileError(
            f"`{shown}` is no bucket",
            code="bucket-not-known",
            way_out="use X, C and 0 to 5, or map days past due",
            details={"bucket": shown},
        )
    of_buckets: Levels = np.array([known[name] for name in encoded.dictionary.to_pylist()], np.int8)
    levels: Levels = of_buckets[encoded.indices.to_numpy()]
    return levels
