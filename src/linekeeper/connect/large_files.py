"""Files of any size become an event table on disk: they are read in blocks, then DuckDB sorts them and drops repeats.

The result is the same as that of `files.read_event_file`. Sorting needs all rows at once; DuckDB does it within a
bounded memory and puts the rest on the disk, so a file may be larger than the memory.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from linekeeper.connect.event_table import ROW_GROUP, drop_duplicates, first_use
from linekeeper.connect.files import Format, RowBlock, ShowShare, in_order, read_blocks
from linekeeper.connect.mapping import ColumnMapping
from linekeeper.core.errors import FileError
from linekeeper.core.event import EVENT_HEAD, Rejection

if TYPE_CHECKING:
    from linekeeper.policy.model import Policy


def import_file(
    path: Path,
    policy: Policy,
    out: Path,
    columns: ColumnMapping | None = None,
    form: Format | None = None,
    progress: ShowShare | None = None,
) -> tuple[int, list[Rejection]]:
    """Write the file's events to `out` (Parquet), each once, in order of time.

    Returns how many repeats were dropped, and the rejected rows. `out` is written as a whole or not at all.
    """
    with tempfile.TemporaryDirectory(prefix=".import-", dir=out.parent) as folder:
        raw = Path(folder, "raw.parquet")
        aside, place = _write_blocks(read_blocks(path, policy, columns, form, progress), raw)
        if not place:
            raise FileError(f"`{path.name}` is empty", code="file-empty", place=str(path))
        same, conflicts = _settle(raw, Path(folder, "sorted.parquet"), place)
        os.replace(Path(folder, "sorted.parquet"), out)
    return same, in_order(aside + conflicts)


def _write_blocks(blocks: Iterator[RowBlock], raw: Path) -> tuple[list[Rejection], str]:
    """Write all valid rows with their `line`; returns the rejected ones, and `line` or `row` (empty: no block)."""

    aside: list[Rejection] = []
    place = ""
    writer: Any = None
    try:
        for block in blocks:
            table = block.table.append_column("line", pa.array(block.lines))
            writer = writer or pq.ParquetWriter(raw, table.schema, compression="zstd")
            writer.write_table(table)
            aside += block.rejected
            place = block.place
    finally:
        if writer:
            writer.close()
    return aside, place


def _settle(raw: Path, out: Path, place: str) -> tuple[int, list[Rejection]]:
    """Write the rows of `raw` to `out`, sorted and each id once; returns the number of repeats, and the conflicts."""

    # The rows are read twice. Only after the last one is it known which ids come more than once; those rows alone are
    # compared in memory, by the same function as in a small file, and the second reading leaves them out.
    with _duckdb(raw.parent) as database:
        database.read_parquet(str(raw)).create_view("raw")
        repeated = database.sql(
            "SELECT * FROM raw WHERE id IN (SELECT id FROM raw GROUP BY id HAVING count(*) > 1) ORDER BY line"
        ).to_arrow_table()
        lines = repeated["line"].to_numpy()
        _, same, conflicts = drop_duplicates(repeated.drop_columns(["line"]), lines, place)
        again = lines[first_use(repeated["id"]) != np.arange(len(lines))]
        database.register("again", pa.table({"line": again}))
        target = str(out).replace("'", "''")
        rest = f'SELECT {_used(database)} FROM raw WHERE line NOT IN (SELECT line FROM again) ORDER BY "at", line'
        database.execute(f"COPY ({rest}) TO '{target}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})")
    return same, conflicts


def _used(database: duckdb.DuckDBPyConnection) -> str:
    """The columns that are not empty, quoted, without `line`."""
    names = [name for name in database.table("raw").columns if name != "line"]
    query = "SELECT " + ", ".join(f'count("{name}")' for name in names) + " FROM raw"
    (counts,) = database.execute(query).fetchall()
    return ", ".join(f'"{name}"' for name, count in zip(names, counts, strict=True) if count or name in EVENT_HEAD)


@contextmanager
def _duckdb(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:

    # The order of insertion is of no use, since the result is sorted; keeping it would cost memory for every block.
    database = duckdb.connect(config={"temp_directory": str(folder), "preserve_insertion_order": False})
    try:
        yield database
    finally:
        database.close()
