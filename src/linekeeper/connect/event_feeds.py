"""Event files as a run or a replay takes them: in parts that fit into memory, whatever the size of the files.

What is small is one part. What is larger is sorted on disk first, as `large_files` does it for `import`, and read again
part by part; the decisions are the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from linekeeper.connect.arrivals import ARRIVAL_COLUMNS, ARRIVAL_NUMBER, arrivals_by_time, arrivals_of
from linekeeper.connect.event_table import arrived_at
from linekeeper.connect.files import Intake, RowBlock, ShowShare, intake_of_blocks, read_blocks
from linekeeper.connect.large_files import RawFile, SortOrder, write_blocks
from linekeeper.core.event import ARRIVED, Rejection
from linekeeper.engine.run import BATCH_EVENTS_MAX, EventPart, day_to_review
from linekeeper.evaluate.evaluator import NOT_REVIEWED
from linekeeper.kernel.calendar import calendar

if TYPE_CHECKING:
    from linekeeper.connect.mapping import ColumnMapping
    from linekeeper.engine.clock import Clock
    from linekeeper.kernel.calendar import Calendar
    from linekeeper.policy.model import Policy

EVENTS_A_PART_MAX = 200_000  # of files that are not sorted on disk, and of a part of those that are, for a replay


class FeedOrder(Enum):
    """Whether the parts come as the events arrived, for a store, or account by account, for a replay."""

    ARRIVAL = "arrival"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class EventFeed:
    """The events of files, each once, and what became of the other rows: see `Intake`.

    `parts` reads them once more at each call. `exported`: the rows say how they arrived at the store that they were
    exported from, and their source. `last_review`: the local day up to which all accounts were reviewed where the files
    say how events arrived, else None. `last_at`: UTC ms of the last event, None where there is none.
    """

    events: int
    parts: Callable[[], Iterator[EventPart]]
    same: int
    rejected: list[Rejection]
    notes: tuple[str, ...]
    source: str | None
    exported: bool
    last_review: int | None
    last_at: int | None
    cut_short: bool  # whether one of the files ends without the end of a line

    def tables(self) -> Iterator[pa.Table]:
        """The events alone, part by part."""
        return (part.table for part in self.parts())

    def day_to_review(self, clock: Clock, zone: Calendar, until_day: int | None = None) -> int:
        """The local day up to which a replay reviews all accounts; see `engine.run.day_to_review`."""
        at = np.array([] if self.last_at is None else [self.last_at], dtype=np.int64)
        return day_to_review(clock, zone, until_day, self.last_review, at)


@contextmanager
def event_feed(
    path: Path | Sequence[Path],
    policy: Policy,
    columns: ColumnMapping | None,
    order: FeedOrder,
    clock: Clock,
    progress: ShowShare | None = None,
) -> Iterator[EventFeed]:
    """A file, a folder or several of them as a feed. Raises FileError where a file itself cannot be read."""
    paths = [path] if isinstance(path, Path) else path
    zone = calendar(policy.time_zone)
    blocks = read_blocks(paths, policy, columns, None, progress, clock)
    first, rows = list[RowBlock](), 0
    for block in blocks:
        first.append(block)
        rows += block.table.num_rows
        if rows > EVENTS_A_PART_MAX:
            break
    else:
        place = ", ".join(each.name for each in paths[:3])
        yield _feed_of_intake(intake_of_blocks(first, place, policy, clock), order, clock, zone)
        return
    with tempfile.TemporaryDirectory(prefix="linekeeper-") as folder:
        raw = write_blocks(chain(first, blocks), Path(folder, "raw.parquet"))
        first.clear()
        yield _feed_on_disk(raw, order, clock, zone)


# ------------------------------------------------------------------ in memory


def _feed_of_intake(intake: Intake, order: FeedOrder, clock: Clock, zone: Calendar) -> EventFeed:
    """What fits into memory, as one part."""
    table, arrivals = intake.table, intake.arrivals
    part = EventPart(table, arrivals)
    if order is FeedOrder.ARRIVAL:
        part = part.by_arrival()
    return EventFeed(
        table.num_rows,
        lambda: iter([part]),
        intake.same,
        intake.rejected,
        intake.notes,
        intake.source,
        exported=arrivals is not None and bool(arrivals.sources),
        last_review=None if arrivals is None else arrivals.last_review,
        last_at=pc.max(table["at"]).as_py(),
        cut_short=intake.cut_short,
    )


# ------------------------------------------------------------------ on disk


def _feed_on_disk(raw: RawFile, order: FeedOrder, clock: Clock, zone: Calendar) -> EventFeed:
    """Sorted beside the raw file, and read in parts."""
    path = raw.path.with_name("sorted.parquet")
    sort_order = SortOrder.TIME
    if order is FeedOrder.ACCOUNT:
        sort_order = SortOrder.ACCOUNT
    elif raw.exported:
        sort_order = SortOrder.EXPORTED
    elif raw.has_arrived:
        sort_order = SortOrder.ARRIVAL
    summary = raw.write_sorted(path, sort_order)
    raw.path.unlink()
    with pq.ParquetFile(path) as file:
        events, names = file.metadata.num_rows, set(file.schema_arrow.names)
    last_at, last_review = _last_times(path, names, clock, zone)
    parts = _whole_accounts if order is FeedOrder.ACCOUNT else _parts

    def read() -> Iterator[EventPart]:
        for table in parts(path):
            yield _part(table, clock, zone, last_review)

    return EventFeed(
        events,
        read,
        summary.same,
        summary.rejected,
        summary.notes,
        summary.source,
        exported=raw.exported,
        last_review=last_review,
        last_at=last_at,
        cut_short=summary.cut_short,
    )


def _part(table: pa.Table, clock: Clock, zone: Calendar, last_review: int | None) -> EventPart:
    """The events of a table, and how they arrived where it says so; `last_review` is that of the whole file."""
    arrivals = None
    if ARRIVAL_NUMBER in table.column_names:
        arrivals = arrivals_of(table, table["at"])
    elif ARRIVED in table.column_names:
        arrivals = arrivals_by_time(table, zone, clock)
    if arrivals is not None and last_review is not None:
        arrivals = replace(arrivals, last_review=last_review)
    own = [name for name in table.column_names if name not in (ARRIVED, *ARRIVAL_COLUMNS)]
    return EventPart(table.select(own), arrivals)


def _last_times(path: Path, names: set[str], clock: Clock, zone: Calendar) -> tuple[int, int | None]:
    """When the last event happened, and the day up to which all accounts were reviewed, where the file says it."""
    last_at, last_arrived, last_review = 0, 0, NOT_REVIEWED
    for table in _parts(path, columns=[name for name in ("at", ARRIVED, *ARRIVAL_COLUMNS) if name in names]):
        last_at = max(last_at, pc.max(table["at"]).as_py())
        if ARRIVAL_NUMBER in names:
            last_review = max(last_review, arrivals_of(table, table["at"]).last_review)
        elif ARRIVED in names:
            last_arrived = max(last_arrived, int(arrived_at(table).max()))
    if ARRIVAL_NUMBER in names:
        return last_at, last_review
    if ARRIVED in names:
        return last_at, clock.last_day(zone, np.array([max(last_arrived, last_at)]))
    return last_at, None


def _parts(path: Path, rows: int | None = None, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """The rows of a sorted file, so many at a time; as many as a batch of a run may have where nothing else is said."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(rows or BATCH_EVENTS_MAX, columns=columns):
            yield pa.Table.from_batches([batch])


def _whole_accounts(path: Path) -> Iterator[pa.Table]:
    """The same, but each account's rows together; an account of more rows is a part as large as it is."""
    rest: list[pa.Table] = []
    for table in _parts(path, EVENTS_A_PART_MAX):
        accounts = table["account"]
        last = accounts[-1]
        first_of_last = pc.index(accounts, last).as_py()
        if first_of_last or (rest and rest[-1]["account"][-1] != last):
            rest.append(table.slice(0, first_of_last))
            yield pa.concat_tables(rest)
            rest = []
        rest.append(table.slice(first_of_last))
    if rest:
        yield pa.concat_tables(rest)
