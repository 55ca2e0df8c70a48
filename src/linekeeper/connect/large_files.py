"""Files of any size become an event table on disk: they are read in blocks, then DuckDB sorts them and drops repeats.

The result is the same as that of `files.read_event_file`. Sorting needs all rows at once; DuckDB does it within a
bounded memory and puts the rest on the disk, so a file may be larger than the memory.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from linekeeper.connect.event_table import ROW_GROUP, drop_duplicates, first_use
from linekeeper.connect.files import RowBlock, ShowShare, in_order, notes_of, read_blocks, source_of
from linekeeper.connect.layout import Format
from linekeeper.connect.mapping import ColumnMapping
from linekeeper.connect.parquet_files import SOURCE_NOTE
from linekeeper.core.errors import FileError
from linekeeper.core.event import EVENT_HEAD, Rejection

if TYPE_CHECKING:
    from linekeeper.engine.clock import Clock
    from linekeeper.policy.model import Policy

OWN_NAMES = ("line", "block", "number")  # beside the columns of the events, while they are sorted


def import_file(
    path: Path | Sequence[Path],
    policy: Policy,
    out: Path,
    columns: ColumnMapping | None = None,
    form: Format | None = None,
    progress: ShowShare | None = None,
    clock: Clock | None = None,
) -> ImportSummary:
    """Write the events of a file, a folder or several of them to `out` (Parquet), each once, in order of time.

    `clock`: see `Validator`. `out` is written as a whole or not at all.
    """
    paths = [path] if isinstance(path, Path) else path
    with tempfile.TemporaryDirectory(prefix=".import-", dir=out.parent) as folder:
        raw = Path(folder, "raw.parquet")
        written = _write_blocks(read_blocks(paths, policy, columns, form, progress, clock), raw)
        if not written:
            shown = ", ".join(each.name for each in paths[:3])
            raise FileError(f"`{shown}` is empty", code="file-empty", place=shown)
        source = source_of(written)
        same, conflicts = _settle(raw, Path(folder, "sorted.parquet"), written, source)
        os.replace(Path(folder, "sorted.parquet"), out)
    rejected = [bad for block in written for bad in block.rejected] + conflicts
    skipped = sum(block.skipped for block in written)
    return ImportSummary(same, in_order(rejected, [b.file for b in written]), skipped, notes_of(written), source)


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """How many repeats were dropped, the rejected rows, the skipped ones, and notes on how the files were read.

    `source`: the source that the files are of, None where nothing says it; the event table says it too.
    """

    same: int
    rejected: list[Rejection]
    skipped: int
    notes: tuple[str, ...]
    source: str | None


def _write_blocks(blocks: Iterator[RowBlock], raw: Path) -> list[RowBlock]:
    """Write all valid rows with their `line`, their `block` and a running number; returns the blocks without rows."""

    written: list[RowBlock] = []
    writer: Any = None
    done = 0
    try:
        for block in blocks:
            count = block.table.num_rows
            table = block.table.append_column("line", pa.array(block.lines))
            table = table.append_column("block", pa.repeat(len(written), count))
            table = table.append_column("number", pa.array(np.arange(done, done + count)))
            writer = writer or pq.ParquetWriter(raw, table.schema, compression="zstd")
            writer.write_table(table)
            done += count
            written.append(replace(block, table=block.table.slice(0, 0), lines=block.lines[:0]))
    finally:
        if writer:
            writer.close()
    return written


def _settle(raw: Path, out: Path, blocks: list[RowBlock], source: str | None) -> tuple[int, list[Rejection]]:
    """Write the rows of `raw` to `out`, sorted and each id once; returns the number of repeats, and the conflicts."""

    # The rows are read twice. Only after the last one is it known which ids come more than once; those rows alone are
    # compared in memory, by the same function as in a small file, and the second reading leaves them out.
    with _duckdb(raw.parent) as database:
        database.read_parquet(str(raw)).create_view("raw")
        repeated = database.sql(
            "SELECT * FROM raw WHERE id IN (SELECT id FROM raw GROUP BY id HAVING count(*) > 1) ORDER BY number"
        ).to_arrow_table()
        lines, owners, numbers = (repeated[name].to_numpy() for name in OWN_NAMES)
        bodies = repeated.drop_columns(list(OWN_NAMES))
        _, same, conflicts = drop_duplicates(bodies, lambda row: blocks[owners[row]].place_of(lines[row]))
        again = numbers[first_use(repeated["id"]) != np.arange(len(numbers))]
        database.register("again", pa.table({"number": again}))
        target = _quoted(str(out))
        note = "" if source is None else f", KV_METADATA {{{SOURCE_NOTE}: {_quoted(source)}}}"
        rest = f"SELECT {_used(database)} FROM raw WHERE number NOT IN (SELECT number FROM again)"
        rest += ' ORDER BY "at", number'
        form = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP}{note}"
        database.execute(f"COPY ({rest}) TO {target} ({form})")
    return same, conflicts


def _quoted(text: str) -> str:
    """A text as SQL writes it."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _used(database: duckdb.DuckDBPyConnection) -> str:
    """The columns of events that are not empty, quoted."""
    names = [name for name in database.table("raw").columns if name not in OWN_NAMES]
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
