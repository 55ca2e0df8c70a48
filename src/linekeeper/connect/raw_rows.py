"""Rows as a file has them, before its mapping says what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from linekeeper.core.event import Rejection

BLOCK_ROWS = 16_384  # of formats that are read row by row


@dataclass(frozen=True, slots=True)
class RawBlock:
    """Some rows of a file, either by column or, where `rows` is given, one by one; and where each of them stands.

    `rejected`: rows that cannot be read as such. `skipped`: lines that the mapping says are no rows.
    """

    lines: np.ndarray
    columns: Mapping[str, pa.Array] = field(default_factory=dict)
    rows: list[dict[str, Any]] | None = None
    rejected: list[Rejection] = field(default_factory=list)
    skipped: int = 0
    share: float = 1.0  # how much of the file has been read, 0 to 1
    cut_short: bool = False  # whether the file ends here without the end of a line

    def cells(self, name: str) -> Sequence[Any]:
        """The cells of one column as plain values: text, numbers, days, times; None where absent."""
        if self.rows is not None:
            return [row.get(name) for row in self.rows]
        column = self.columns.get(name)
        return [None] * len(self.lines) if column is None else plain_values(column)


@dataclass(frozen=True, slots=True)
class RawSource:
    """One file: its columns (None where each row has its own), what a place in it is called, how it was read, its rows.

    `typed` says that numbers, flags and days stand in it as such, and not as text.
    """

    names: tuple[str, ...] | None
    place: str
    blocks: Iterator[RawBlock]
    typed: bool
    read_as: str = ""  # what was detected, such as `utf-16`
    close: Callable[[], object] = lambda: None


def plain_values(column: Any) -> list[Any]:
    """An Arrow column as Python values. Text that is not UTF-8 stays bytes; instants are in UTC."""
    is_a = pa.types
    if is_a.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if is_a.is_string(kind) or is_a.is_large_string(kind) or is_a.is_string_view(kind):
        return [_decoded(value) for value in column.cast(pa.large_binary()).to_pylist()]
    if is_a.is_timestamp(kind):
        # To microseconds, since Python knows no shorter ones; instants to UTC, since a zone's name may be unknown here.
        column = column.cast(pa.timestamp("us", "UTC" if kind.tz else None), safe=False)
    values: list[Any] = column.to_pylist()
    return values


def _decoded(value: bytes | None) -> str | bytes | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return value
