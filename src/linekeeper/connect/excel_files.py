"""Sheets of Excel workbooks (.xlsx) become raw rows."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator
from itertools import chain, islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from linekeeper.connect.layout import FileLayout
from linekeeper.connect.raw_rows import BLOCK_ROWS, RawBlock, RawSource, UnreadableCell
from linekeeper.core.errors import FileError, UsageError
from linekeeper.core.event import Rejection

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

UNPACKED_BYTES_MAX = 2**30  # a workbook is a compressed file, and a small one can unpack to anything
COLUMNS_MAX = 1_000
EXCEL_EXACT = 10**15  # Excel keeps 15 digits of a number


def read_excel(path: Path, layout: FileLayout) -> RawSource:
    """One sheet: text, numbers, days and times as Excel keeps them. A formula counts as its last computed value."""
    books: list[Workbook] = []

    def close() -> None:
        for book in books:
            book.close()

    try:
        values, formulas = (_sheet(path, layout, books, data_only) for data_only in (True, False))
        header = _header(values, layout)
    except (FileError, UsageError):
        close()
        raise
    except Exception as error:  # openpyxl meets a damaged workbook with errors of a dozen kinds
        close()
        raise _damaged(path, error) from None
    return RawSource(tuple(header), "row", _blocks(path, values, formulas, header, layout), True, close=close)


def _damaged(path: Path, error: Exception) -> FileError:
    reason = "its contents are damaged" if zipfile.is_zipfile(path) else "it is no .xlsx file"
    return FileError(
        f"`{path.name}` cannot be read as an Excel workbook: {reason}",
        code="file-not-readable",
        way_out="open it in Excel and save it anew as .xlsx, without a password",
        place=str(path),
        details={"reason": f"{type(error).__name__}: {str(error)[:200]}"},
    )


def _sheet(path: Path, layout: FileLayout, books: list[Workbook], data_only: bool) -> ReadOnlyWorksheet:
    """The sheet with the values of its formulas or, unless `data_only`, with the formulas themselves."""
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise UsageError(
            "Excel workbooks are read by a part that is not installed",
            code="extra-missing",
            way_out="run `pip install 'linekeeper[excel]'`",
        ) from None
    with zipfile.ZipFile(path) as archive:
        if sum(part.file_size for part in archive.infolist()) > UNPACKED_BYTES_MAX:
            raise FileError(
                f"`{path.name}` unpacks to more than {UNPACKED_BYTES_MAX // 2**30} GB",
                code="file-not-readable",
                way_out="export it as CSV or Parquet",
                place=str(path),
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions that openpyxl does not know, and no cell needs
        books.append(load_workbook(path, read_only=True, data_only=data_only))
    sheet = books[-1][_sheet_name(path, books[-1].sheetnames, layout)]
    sheet.reset_dimensions()  # some programs write a size that is too small, and rows beyond it would be lost
    return sheet


def _sheet_name(path: Path, names: list[str], layout: FileLayout) -> str:
    if layout.sheet in names:
        return layout.sheet
    if layout.sheet is None and len(names) == 1:
        return names[0]
    missing = f"has no sheet `{layout.sheet}`" if layout.sheet else f"has {len(names)} sheets"
    raise FileError(
        f"`{path.name}` {missing}",
        code="sheet-not-known",
        way_out=f"say in the mapping which `sheet`: {', '.join(f'`{name}`' for name in names[:10])}",
        place=str(path),
        details={"sheets": names},
    )


def _header(sheet: ReadOnlyWorksheet, layout: FileLayout) -> list[str]:
    """The names of the columns; one without a name is called by its place."""
    row = next(sheet.iter_rows(min_row=max(layout.header, 1), values_only=True), ())
    cells = [None if cell is None else str(cell) for cell in row][:COLUMNS_MAX]
    while cells and cells[-1] is None:
        cells.pop()
    return [cell if cell and layout.header else f"column_{place}" for place, cell in enumerate(cells, 1)]


def _blocks(
    path: Path, values: ReadOnlyWorksheet, formulas: ReadOnlyWorksheet, header: list[str], layout: FileLayout
) -> Iterator[RawBlock]:
    first = layout.header + 1
    total = max(values.max_row or first, first)
    try:
        pairs = zip(values.iter_rows(min_row=first), formulas.iter_rows(min_row=first), strict=True)
        numbered = enumerate(pairs, first)
        while part := _next_rows(numbered):
            yield _block(part, header, layout, min(part[-1][0] / total, 1.0))
    except FileError:
        raise
    except Exception as error:  # as above: the rest of the workbook is damaged
        raise _damaged(path, error) from None


def _next_rows(numbered: Iterator[tuple[int, Any]]) -> list[tuple[int, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a date that is none: its cell holds an error instead
        return list(islice(numbered, BLOCK_ROWS))


def _block(part: list[tuple[int, Any]], header: list[str], layout: FileLayout, share: float) -> RawBlock:
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    aside: list[Rejection] = []
    skipped = 0
    for number, (values, formulas) in part:
        named = zip(values, formulas, chain(header, repeat("")), strict=False)
        cells = [_value(cell, formula, name) for cell, formula, name in named]
        if all(cell is None for cell in cells):
            continue
        if layout.skip_lines and str(next(cell for cell in cells if cell is not None)).startswith(layout.skip_lines):
            skipped += 1
        elif any(cell is not None for cell in cells[len(header) :]):
            aside.append(
                Rejection(f"row {number}", f"the row has a cell beyond the {len(header)} columns of the header")
            )
        else:
            rows.append(dict(zip(header, cells, strict=False)))
            lines.append(number)
    return RawBlock(np.array(lines, np.int64), rows=rows, rejected=aside, skipped=skipped, share=share)


def _value(cell: Any, formula: Any, name: str) -> Any:
    """What the cell of that column holds. It cannot be read where Excel itself does not know its value."""
    value = cell.value
    if value is None and formula.value is not None:
        return UnreadableCell(
            f"`{name}` is the formula `{str(formula.value)[:40]}`, and its result is not in the file; "
            "open it in Excel and save it"
        )
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= EXCEL_EXACT:
        # The other digits are not the ones that were typed, so neither an account nor an amount may be read from it.
        return UnreadableCell(
            f"`{name}` is {value:.14E}, a number of more than 15 digits, and Excel keeps the first 15; "
            "give the column the format Text and enter it anew"
        )
    return value if value != "" else None
