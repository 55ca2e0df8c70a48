"""Results that are both: a sequence of objects, and a table that Arrow hands to pandas, polars or DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from html import escape
from typing import Any, TypeVar, overload

import pyarrow as pa

Item = TypeVar("Item", covariant=True)
ROWS_SHOWN = 20
COLUMNS_SHOWN = 17  # of a decision, all but the values that it used


class Records(Sequence[Item]):
    """Some records of one kind: index or iterate over them, or take them all as a pyarrow Table.

    Whatever reads Arrow takes them as they are: `pandas.DataFrame.from_arrow(records)`, `polars.DataFrame(records)`,
    `duckdb.sql("from records")`. Objects and table are each made when they are first asked for.

    >>> records = Records(lambda: [3, 4], lambda: pa.table({"number": [3, 4]}))
    >>> records[0], len(records), records.table.column_names
    (3, 2, ['number'])
    """

    def __init__(self, items: Callable[[], Iterable[Item]], table: Callable[[], pa.Table]) -> None:
        self._make_items, self._make_table = items, table

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self._items[:ROWS_SHOWN])) or "no records"

    @cached_property
    def _items(self) -> tuple[Item, ...]:
        return tuple(self._make_items())

    @cached_property
    def table(self) -> pa.Table:
        """All records, one a row: instants are timestamps with a zone, days dates, money whole numbers (`_minor`)."""
        return self._make_table()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The table as the Arrow PyCapsule interface has it."""
        return self.table.__arrow_c_stream__(requested_schema)

    def _repr_html_(self) -> str:
        return html_of_table(self.table)


def html_of_table(table: pa.Table) -> str:
    """The first rows and columns of a table as HTML; all text is escaped.

    >>> html_of_table(pa.table({"account": ["<b>"]}))
    '<table><tr><th>account</th></tr><tr><td>&lt;b&gt;</td></tr></table>'
    """
    shown = table.select(table.column_names[:COLUMNS_SHOWN]).slice(0, ROWS_SHOWN)
    rows = [_html_row("th", shown.column_names), *(_html_row("td", row.values()) for row in shown.to_pylist())]
    further = (table.num_rows - shown.num_rows, "rows"), (table.num_columns - shown.num_columns, "columns")
    notes = ", ".join(f"{count:,} further {what}" for count, what in further if count)
    return f"<table>{''.join(rows)}</table>" + (f"<p>{notes}</p>" if notes else "")


def html_of_pairs(title: str, pairs: Iterable[tuple[str, object]]) -> str:
    """A title, and names with their values, as HTML; all text is escaped."""
    rows = "".join(_html_row("td", pair) for pair in pairs)
    return f"<h4>{escape(title)}</h4><table>{rows}</table>"


def _html_row(cell: str, values: Iterable[Any]) -> str:
    cells = (f"<{cell}>{'' if value is None else escape(str(value))}</{cell}>" for value in values)
    return f"<tr>{''.join(cells)}</tr>"
