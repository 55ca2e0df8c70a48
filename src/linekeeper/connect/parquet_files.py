"""Parquet files, and tables of any library that speaks Arrow, become raw rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from linekeeper.connect.layout import FileLayout
from linekeeper.connect.raw_rows import RawBlock, RawSource
from linekeeper.core.errors import FileError

BATCH_ROWS = 65_536
SOURCE_NOTE = "linekeeper_source"


def read_parquet(path: Path, layout: FileLayout) -> RawSource:
    """Any Parquet file of flat columns; times with a zone may stand under `at`."""
    try:
        file = pq.ParquetFile(path.absolute())  # a name like `s3:a` would be taken for an address
        names, total = tuple(file.schema_arrow.names), max(file.metadata.num_rows, 1)
    except UnicodeDecodeError:
        raise _damaged(path, "the name of a column is not in UTF-8") from None
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, str(error)) from error
    blocks = _whole(raw_batches(names, file.iter_batches(BATCH_ROWS), total), path)
    return RawSource(names, "row", blocks, True, source=noted_source(file.metadata.metadata), close=file.close)


def noted_source(metadata: Mapping[bytes, bytes] | None) -> str | None:
    """The source that an event table says it is of, in the notes that Arrow and Parquet keep beside the columns."""
    noted = (metadata or {}).get(SOURCE_NOTE.encode())
    return None if noted is None else noted.decode("utf-8", "replace")


def raw_batches(names: tuple[str, ...], batches: Iterable[pa.RecordBatch], total: int = 0) -> Iterator[RawBlock]:
    """Record batches as raw rows, numbered from 1; `total`: how many rows there are, where that is known."""
    done = 0
    for batch in batches:
        lines = np.arange(done + 1, done + batch.num_rows + 1)
        done += batch.num_rows
        columns = dict(zip(names, batch.columns, strict=True))
        yield RawBlock(lines, columns, share=done / total if total else 0.0)


def _whole(blocks: Iterator[RawBlock], path: Path) -> Iterator[RawBlock]:
    try:
        yield from blocks
    except (pa.ArrowException, OSError) as error:  # a page that is damaged is met only when it is read
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, cause: str) -> FileError:
    reason = " ".join(cause.split(".")[0].split()).lower()
    return FileError(
        f"`{path.name}` is not Parquet: {reason[:200]}",
        code="file-not-readable",
        way_out="fetch the file anew",
        place=str(path),
    )
