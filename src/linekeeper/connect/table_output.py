"""Tables of any length become files: Parquet, CSV or JSON Lines, written batch by batch, whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from linekeeper.connect.spreadsheets import marked
from linekeeper.core.bounded import put_in_place
from linekeeper.core.errors import FileError
from linekeeper.kernel.calendar import calendar

ROW_GROUP_ROWS = 65_536
_ENCODE = msgspec.json.Encoder().encode


class BatchWriter(Protocol):
    """What takes the batches of a table one after another."""

    def write_batch(self, batch: pa.RecordBatch) -> None: ...

    def close(self) -> None: ...


def write_table(path: Path, stream: pa.RecordBatchReader) -> int:
    """Write a stream to a file whose name ends in .parquet, .csv or .jsonl; how many rows there were.

    Raises FileError where the name says none of these, before anything is read.
    """
    make = _writer_of(path)
    rows = 0
    with _whole(path) as file:
        writer = make(file, stream.schema)
        for batch in _grouped(stream):
            writer.write_batch(batch)
            rows += batch.num_rows
        writer.close()
    return rows


def demand_table_file(path: Path) -> None:
    """Raises FileError where the name of a file does not say that it is one that `write_table` writes."""
    _writer_of(path)


def _writer_of(path: Path) -> Callable[[BinaryIO, pa.Schema], BatchWriter]:
    if path.suffix.lower() not in _WRITERS:
        raise FileError(
            f"`{path.name}` does not say what it is to be",
            code="output-format-not-known",
            way_out=f"name it {', '.join(list(_WRITERS)[:-1])} or {list(_WRITERS)[-1]}",
            place=str(path),
        )
    return _WRITERS[path.suffix.lower()]


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file beside the one that is to be written, which takes its place at the end."""
    with tempfile.TemporaryDirectory(prefix=".output-", dir=path.parent) as folder:
        beside = Path(folder, path.name)
        with beside.open("wb") as file:
            yield file
        put_in_place(beside, path)


def _grouped(stream: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of a row group's size, so that small pages do not become small row groups."""
    waiting: list[pa.RecordBatch] = []
    for batch in stream:
        waiting.append(batch)
        if sum(one.num_rows for one in waiting) >= ROW_GROUP_ROWS:
            yield _joined_batch(waiting)
            waiting = []
    if waiting:
        yield _joined_batch(waiting)


def _joined_batch(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0] if len(batches) > 1 else batches[0]


# ------------------------------------------------------------------ formats


class _ParquetOutput:
    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(file, schema, compression="zstd")

    def write_batch(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()


class _CsvOutput:
    """Text always stands in quotes, so that no separator in it begins another cell; see `spreadsheets` for formulas."""

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        texts = pa.schema([pa.field(one.name, pa.string() if _is_instant(one.type) else one.type) for one in schema])
        self._writer = pa_csv.CSVWriter(file, texts, write_options=pa_csv.WriteOptions(quoting_style="needed"))

    def write_batch(self, batch: pa.RecordBatch) -> None:
        columns = [marked(column) if pa.types.is_string(column.type) else column for column in written(batch)]
        self._writer.write_batch(pa.record_batch(columns, names=batch.schema.names))

    def close(self) -> None:
        self._writer.close()


class _JsonLinesOutput:
    """One object a line; what is absent is left out."""

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        self._file = file

    def write_batch(self, batch: pa.RecordBatch) -> None:
        for row in written(batch).to_pylist():
            self._file.write(_ENCODE({name: value for name, value in row.items() if value is not None}) + b"\n")

    def close(self) -> None:
        pass


_WRITERS: dict[str, Callable[[BinaryIO, pa.Schema], BatchWriter]] = {
    ".parquet": _ParquetOutput,
    ".csv": _CsvOutput,
    ".jsonl": _JsonLinesOutput,
}


def _is_instant(kind: Any) -> bool:
    return bool(pa.types.is_timestamp(kind))


def written(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch as text files have it: instants in ISO 8601 with the offset of their time zone."""
    return pa.record_batch([_written(column) for column in batch], names=batch.schema.names)


def _written(column: pa.Array) -> pa.Array:
    if not _is_instant(column.type):
        return column
    # Arrow's own clock knows no changes after 2037, and would write later summers an hour wrong.
    at = column.cast(pa.int64()).fill_null(0).to_numpy()
    ahead = calendar(column.type.tz).offsets(at)
    local = pc.strftime(pa.array(at + ahead).cast(pa.timestamp("ms")), format="%Y-%m-%dT%H:%M:%S")
    distinct, place = np.unique(ahead, return_inverse=True)
    ends = pa.array([_offset_text(one) for one in distinct.tolist()], pa.string()).take(pa.array(place))
    return pc.if_else(column.is_valid(), pc.binary_join_element_wise(local, ends, ""), None)


def _offset_text(ahead_ms: int) -> str:
    """An offset from UTC as ISO 8601 has it.

    >>> _offset_text(-12_600_000)
    '-03:30'
    """
    hours, minutes = divmod(abs(ahead_ms) // 60_000, 60)
    return f"{'-' if ahead_ms < 0 else '+'}{hours:02}:{minutes:02}"
