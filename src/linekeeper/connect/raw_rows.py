"""Rows as a file has them, before its mapping says what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from linekeeper.core.event import Rejection

BLOCK_ROWS = 16_384  # of formats that are read row by row
_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


class UnreadableCell(NamedTuple):
    """In place of a value: why there is none."""

    reason: str


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
    source: str | None = None  # of which source it is, where the file says so


def plain_values(column: Any) -> list[Any]:
    """An Arrow column as Python values. Text that is not UTF-8 stays bytes; instants are in UTC.

    >>> plain_values(pa.array([1_740_787_200, 2**62], pa.timestamp("s")))
    [datetime.datetime(2025, 3, 1, 0, 0), '4611686018427387904 s after 1970']
    """
    is_a = pa.types
    if is_a.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if is_a.is_string(kind) or is_a.is_large_string(kind) or is_a.is_string_view(kind):
        return [_decoded(value) for value in column.cast(pa.large_binary()).to_pylist()]
    if is_a.is_timestamp(kind):
        start = datetime(1970, 1, 1, tzinfo=UTC if kind.tz else None)  # UTC, since a zone's name may be unknown here
        return [_time(count, kind.unit, start) for count in column.cast(pa.int64()).to_pylist()]
    try:
        values: list[Any] = column.to_pylist()
    except (OverflowError, ValueError):
        values = [_python(value) for value in column]
    return values


def _time(count: int | None, unit: str, start: datetime) -> datetime | str | None:
    """The time so many units after `start`; beyond what Python knows, a text, which nothing reads as a time."""
    if count is None:
        return None
    try:
        return start + timedelta(microseconds=count * _NANOSECONDS[unit] // 1_000)
    except OverflowError:
        return f"{count} {unit} after 1970"


def _python(value: Any) -> Any:
    try:
        return value.as_py()
    except (OverflowError, ValueError):
        return f"a {value.type} out of range"


def _decoded(value: bytes | None) -> str | bytes | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return value
