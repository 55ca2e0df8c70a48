"""Files of any size become an event table on disk: they are read in blocks, then DuckDB sorts them and drops repeats.

The result is the same as that of `files.read_event_file`. Sorting needs all rows at once; DuckDB does it within a
bounded memory and puts the rest on the disk, so a file may be larger than the memory.
"""

from __future__ import annotations

import signal
import socket
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa

from linekeeper.connect.arrivals import ARRIVAL_COLUMNS, ARRIVAL_NUMBER, ARRIVAL_SCHEMA
from linekeeper.connect.event_table import ROW_GROUP, drop_duplicates, first_use
from linekeeper.connect.files import RowBlock, ShowShare, in_order, notes_of, read_blocks, source_of
from linekeeper.connect.layout import Format
from linekeeper.connect.mapping import ColumnMapping
from linekeeper.connect.parquet_files import SOURCE_NOTE
from linekeeper.core.bounded import put_in_place
from linekeeper.core.errors import FileError
from linekeeper.core.event import ARRIVED, EVENT_HEAD, Rejection
from linekeeper.lab.parquet import parquet_writer

if TYPE_CHECKING:
    from linekeeper.engine.clock import Clock
    from linekeeper.policy.model import Policy

OPENING_FIRST = "kind <> 'opening'"
OWN_NAMES = ("line", "block", "number")  # beside the columns of the events, while they are sorted
SORTING_BYTES_MAX = "256MB"  # that DuckDB takes before it goes on upon the disk


class SortOrder(Enum):
    """In which order a sorted file has its events.

    Openings come before all others, for their history follows them. Events of one instant keep the order of the files;
    those that say when they arrived, by that and then by their id.
    """

    TIME = f'{OPENING_FIRST}, "at", number'
    ACCOUNT = f'account, {OPENING_FIRST}, "at", number'
    ARRIVAL = f'greatest(coalesce({ARRIVED}, "at"), "at"), {OPENING_FIRST}, "at", id, number'
    EXPORTED = f'"{ARRIVAL_NUMBER}"'


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """How many repeats were dropped, the rejected rows, the skipped ones, and notes on how the files were read.

    `source`: the source that the files are of, None where nothing says it; the event table says it too. `cut_short`:
    one of the files ends without the end of a line.
    """

    same: int
    rejected: list[Rejection]
    skipped: int
    notes: tuple[str, ...]
    source: str | None
    cut_short: bool


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
        raw = write_blocks(read_blocks(paths, policy, columns, form, progress, clock), Path(folder, "raw.parquet"))
        if not raw.blocks:
            shown = ", ".join(each.name for each in paths[:3])
            raise FileError(f"`{shown}` is empty", code="file-empty", place=shown)
        summary = raw.write_sorted(Path(folder, "sorted.parquet"), SortOrder.TIME)
        put_in_place(Path(folder, "sorted.parquet"), out)
    return summary


def counts_of(table: Path) -> dict[str, Any]:
    """How many `accounts` and `events` an event table on disk has, and of the latter `by_kind`."""
    with tempfile.TemporaryDirectory(prefix="linekeeper-") as folder, sorting_store(Path(folder)) as database:
        database.read_parquet(str(table)).create_view("events")
        (accounts,) = database.sql("SELECT count(DISTINCT account) FROM events").fetchall()[0]
        kinds = dict(database.sql("SELECT kind, count(*) FROM events GROUP BY kind ORDER BY kind").fetchall())
    return {"accounts": accounts, "events": sum(kinds.values()), "by_kind": kinds}


@dataclass(frozen=True, slots=True)
class RawFile:
    """All valid rows of files on disk, as they were read, and the blocks that they were read in, without their rows."""

    path: Path
    blocks: list[RowBlock]
    has_arrived: bool  # whether any row says when it did

    @property
    def exported(self) -> bool:
        """Whether every row says how it arrived at the store that it was exported from."""
        return all(block.arrivals is not None for block in self.blocks)

    def write_sorted(self, out: Path, order: SortOrder) -> ImportSummary:
        """Write the rows to `out`, sorted and each id once; in an exported file an id is one of its source."""
        source = source_of(self.blocks)
        # The rows are read twice. Only after the last one is it known which ids come more than once; those rows alone
        # are compared in memory, by the same function as in a small file, and the second reading leaves them out.
        with sorting_store(self.path.parent) as database:
            database.read_parquet(str(self.path)).create_view("raw")
            same, conflicts = (0, []) if self.exported else self._mark_repeats(database)
            rest = f"SELECT {self._used(database)} FROM raw"
            rest += "" if self.exported else " WHERE number NOT IN (SELECT number FROM again)"
            note = "" if source is None else f", KV_METADATA {{{SOURCE_NOTE}: {_quoted(source)}}}"
            form = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP}{note}"
            database.execute(f"COPY ({rest} ORDER BY {order.value}) TO {_quoted(str(out))} ({form})")
        rejected = [bad for block in self.blocks for bad in block.rejected] + conflicts
        skipped = sum(block.skipped for block in self.blocks)
        rejected = in_order(rejected, [block.file for block in self.blocks])
        cut_short = any(block.cut_short for block in self.blocks)
        return ImportSummary(same, rejected, skipped, notes_of(self.blocks), source, cut_short)

    def _mark_repeats(self, database: duckdb.DuckDBPyConnection) -> tuple[int, list[Rejection]]:
        """Make a table `again` of the rows whose id came before: how many were the same, and the conflicts."""
        repeated = database.sql(
            "SELECT * FROM raw WHERE id IN (SELECT id FROM raw GROUP BY id HAVING count(*) > 1) ORDER BY number"
        ).to_arrow_table()
        lines, owners, numbers = (repeated[name].to_numpy() for name in OWN_NAMES)
        bodies = repeated.drop_columns([*OWN_NAMES, *ARRIVAL_COLUMNS])
        _, same, conflicts = drop_duplicates(bodies, lambda row: self.blocks[owners[row]].place_of(lines[row]))
        again = numbers[first_use(repeated["id"]) != np.arange(len(numbers))]
        database.register("again", pa.table({"number": again}))
        return same, conflicts

    def _used(self, database: duckdb.DuckDBPyConnection) -> str:
        """The columns that are not empty, quoted; how events arrived only where all say it."""
        left_out = OWN_NAMES if self.exported else (*OWN_NAMES, *ARRIVAL_COLUMNS)
        names = [name for name in database.table("raw").columns if name not in left_out]
        query = "SELECT " + ", ".join(f'count("{name}")' for name in names) + " FROM raw"
        (counts,) = database.execute(query).fetchall()
        kept = (*EVENT_HEAD, *ARRIVAL_COLUMNS)
        return ", ".join(f'"{name}"' for name, count in zip(names, counts, strict=True) if count or name in kept)


def write_blocks(blocks: Iterable[RowBlock], path: Path) -> RawFile:
    """Write all valid rows with their `line`, their `block` and a running number."""

    written: list[RowBlock] = []
    writer: Any = None
    done, has_arrived = 0, False
    try:
        for block in blocks:
            count = block.table.num_rows
            has_arrived |= block.table[ARRIVED].null_count < count
            table = block.table.append_column("line", pa.array(block.lines))
            table = table.append_column("block", pa.repeat(len(written), count))
            table = table.append_column("number", pa.array(np.arange(done, done + count)))
            for field in ARRIVAL_SCHEMA:
                column = pa.nulls(count, field.type) if block.arrivals is None else block.arrivals[field.name]
                table = table.append_column(field, column)
            writer = writer or parquet_writer(path, table.schema)
            writer.write_table(table)
            done += count
            # Not a slice of no rows, which would keep all the others in memory.
            empty = None if block.arrivals is None else ARRIVAL_SCHEMA.empty_table()
            no_rows, no_lines = block.table.schema.empty_table(), np.empty(0, dtype=np.int64)
            written.append(replace(block, table=no_rows, lines=no_lines, arrivals=empty))
    finally:
        if writer:
            writer.close()
    return RawFile(path, written, has_arrived)


def _quoted(text: str) -> str:
    """A text as SQL writes it."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


@contextmanager
def sorting_store(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that goes on in that folder where it would take too much."""
    # The order of insertion is of no use, since the result is sorted; keeping it would cost memory for every block.
    settings: dict[str, Any] = {"temp_directory": str(folder), "preserve_insertion_order": False}
    settings["memory_limit"] = SORTING_BYTES_MAX
    database = duckdb.connect(config=settings)
    try:
        with end_on_interruption(database):
            database.execute("SET enable_progress_bar = false")  # it would stand on standard output, beside the answer
            yield database
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise FileError(
            f"what is read cannot be sorted in `{folder.parent}`: {str(error).splitlines()[0][:200].lower()}",
            code="output-not-writable",
            way_out="make room there",
            place=str(folder.parent),
        ) from None
    finally:
        database.close()


@contextmanager
def end_on_interruption(database: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let Ctrl-C end a query as it ends all else.

    Python's own handler waits until the query is done, and DuckDB looks for the signal only now and then. So a thread
    learns of it at once and stops the query, which then ends with an error of DuckDB's own.
    """
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield
        return
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    watch = threading.Thread(target=_stop_when_interrupted, args=(database, reader), daemon=True)
    watch.start()
    try:
        yield
    except (RuntimeError, duckdb.InterruptException) as error:
        if "interrupted" not in str(error).lower():
            raise
        raise KeyboardInterrupt from None
    finally:
        signal.set_wakeup_fd(before)
        writer.close()
        watch.join()
        reader.close()


def _stop_when_interrupted(database: duckdb.DuckDBPyConnection, reader: socket.socket) -> None:
    """Stop what the database does whenever the signal of Ctrl-C comes, until the other end is closed."""
    while number := reader.recv(1):
        if number[0] == signal.SIGINT:
            database.interrupt()
