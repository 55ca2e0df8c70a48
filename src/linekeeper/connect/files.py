"""Files of all formats, folders of them, and tables in memory are read into event tables.

They are read column by column or, where needed, row by row.

A bad row is rejected with its place and the reason, and reading goes on. A file that cannot be read at all, or a column
that no kind of event has, is an error before the first row is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from linekeeper.connect.arrivals import ARRIVAL_COLUMNS, arrivals_by_time, arrivals_of, has_arrivals, without_arrivals
from linekeeper.connect.camt_files import read_camt
from linekeeper.connect.event_table import drop_duplicates, sort_by_time, table_of, times_of, used_columns
from linekeeper.connect.excel_files import read_excel
from linekeeper.connect.layout import FileLayout, Format, format_of
from linekeeper.connect.made_ids import IdMaker
from linekeeper.connect.mapping import ColumnMapping, demand_named_columns
from linekeeper.connect.parquet_files import noted_source, raw_batches, read_parquet
from linekeeper.connect.preparation import Preparation, admitted_rows, flattened
from linekeeper.connect.raw_rows import RawBlock, RawSource
from linekeeper.connect.text_files import read_csv, read_fixed, read_jsonl
from linekeeper.connect.text_lines import LineError
from linekeeper.connect.validation import Validator
from linekeeper.core.bounded import demand_regular
from linekeeper.core.errors import FileError
from linekeeper.core.event import ARRIVED, EVENT_HEAD, Event, Rejection
from linekeeper.engine.clock import Clock
from linekeeper.evaluate.event_batch import RecordedArrivals
from linekeeper.kernel.calendar import calendar

if TYPE_CHECKING:
    from linekeeper.policy.model import Policy

NAMES_MAX = 600  # more different columns than the kinds of a policy can have
NAMES_SHOWN = 40
OWN_COLUMNS = ColumnMapping()
ShowShare = Callable[[float], object]  # the share of the files that is done, 0 to 1

_READERS: dict[Format, Callable[[Path, FileLayout], RawSource]] = {
    "csv": read_csv, "jsonl": read_jsonl, "parquet": read_parquet, "excel": read_excel, "fixed": read_fixed,
    "camt": read_camt,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RowBlock:
    """Some rows of a file: the admitted events and the line of each, and the rest. `place` is `line` or `row`.

    `file` is its name where several files are read, else empty; `source` the source that it is of, None where neither
    the mapping nor the file says it. `arrivals`: how the events arrived at the store that they come from, where the
    file says so (see `arrivals`).
    """

    table: pa.Table
    lines: np.ndarray
    rejected: list[Rejection]
    place: str
    skipped: int = 0
    file: str = ""
    notes: tuple[str, ...] = ()
    source: str | None = None
    arrivals: pa.Table | None = None
    cut_short: bool = False  # whether its file ends here without the end of a line

    def place_of(self, line: int) -> str:
        """Where a line stands: `line 7`, or `may.csv line 7`."""
        return f"{self.file} {self.place} {line}".lstrip()


@dataclass(frozen=True, slots=True)
class Intake:
    """What whole files gave: the events, each once and in order of time; how many repeats; the rejected rows.

    `skipped`: rows that the mapping says are none. `notes`: what a person should know about how the files were read.
    `source`: the source that they are of, None where nothing says it. `arrivals`: how the rows of the table arrived,
    where the files say so, here or at the store that they were exported from.
    """

    table: pa.Table
    same: int
    rejected: list[Rejection]
    skipped: int = 0
    notes: tuple[str, ...] = ()
    source: str | None = None
    arrivals: RecordedArrivals | None = None
    cut_short: bool = False  # whether one of the files ends without the end of a line


def files_of(paths: Iterable[Path]) -> list[Path]:
    """The files, each once; for a folder, all that are in it and below, by name.

    Names that begin with `.` or `_` are left out, since programs keep notes of their own under them. Raises FileError
    where there is none.
    """
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(each for each in path.rglob("*") if each.is_file())
        shown = [each for each in inside if not any(p.startswith((".", "_")) for p in each.relative_to(path).parts)]
        if not shown:
            raise FileError(f"the folder `{path}` has no files", code="file-missing", place=str(path))
        files += shown
    return list(dict.fromkeys(files))


def read_event_file(
    path: Path | Sequence[Path],
    policy: Policy,
    columns: ColumnMapping | None = None,
    form: Format | None = None,
    progress: ShowShare | None = None,
    clock: Clock | None = None,
) -> Intake:
    """A file, a folder or several of them as an event table in memory: each event once, in order of time.

    `form`: the format, else what the mapping or the name says. `clock`: see `Validator`. Raises FileError where a file
    itself cannot be read.
    """
    paths = [path] if isinstance(path, Path) else path
    blocks = read_blocks(paths, policy, columns, form, progress, clock)
    return intake_of_blocks(blocks, ", ".join(each.name for each in paths[:3]), policy, clock)


def read_event_batches(
    stream: pa.RecordBatchReader, policy: Policy, columns: ColumnMapping | None = None, clock: Clock | None = None
) -> Intake:
    """A stream of record batches as an event table, read like a Parquet file. Rows are numbered from 1."""
    names = tuple(stream.schema.names)
    source = RawSource(names, "row", raw_batches(names, stream), True, source=noted_source(stream.schema.metadata))
    admission = _Admission(policy, columns or OWN_COLUMNS, source, "events", clock)
    blocks = [admission.admit(raw) for raw in source.blocks]
    return intake_of_blocks(
        blocks or [admission.admit(RawBlock(np.empty(0, np.int64), rows=[]))], "events", policy, clock
    )


def read_event_rows(
    rows: Iterable[Mapping[str, Any]],
    policy: Policy,
    columns: ColumnMapping | None = None,
    clock: Clock | None = None,
) -> Intake:
    """Rows in memory, named as the policy or the mapping names them, as an event table. Rows are numbered from 1."""
    listed = [dict(row) for row in rows]
    block = RawBlock(np.arange(1, len(listed) + 1), rows=listed)
    source = RawSource(None, "row", iter([block]), True)
    admitted = _Admission(policy, columns or OWN_COLUMNS, source, "events", clock).admit(block)
    return intake_of_blocks([admitted], "events", policy, clock)


def read_few_rows(
    rows: Sequence[Mapping[str, Any]], validator: Validator
) -> tuple[list[Event], list[Rejection]] | None:
    """A few rows in memory as events, and the rejected ones: what `read_event_rows` gives, without a table.

    None where an id comes twice: only a comparison of whole rows says which of them count.
    """
    if len({str(row.get("id")) for row in rows}) < len(rows):
        return None
    answers = [validator.admit_one(row) for row in rows]
    events = [answer for answer in answers if isinstance(answer, Event)]
    numbered = enumerate(answers, start=1)
    return events, [Rejection(f"row {number}", answer) for number, answer in numbered if isinstance(answer, str)]


def intake_of_blocks(read: Iterable[RowBlock], place: str, policy: Policy, clock: Clock | None) -> Intake:
    """All blocks together. Raises FileError where there is none, not even an empty one."""

    blocks = list(read)
    if not blocks:
        raise FileError(f"`{place}` is empty", code="file-empty", place=place)
    table = pa.concat_tables([block.table for block in blocks])
    lines = np.concatenate([block.lines for block in blocks])
    owner = np.repeat(np.arange(len(blocks)), [len(block.lines) for block in blocks])
    arrived = [block.arrivals for block in blocks if block.arrivals is not None]
    arrivals, same, conflicts = None, 0, list[Rejection]()
    if len(arrived) == len(blocks):  # an id then names an event of its source, and the inbox knows repeats
        by_time = np.argsort(times_of(table), kind="stable")
        before, table = table, table.take(by_time)
        arrivals = arrivals_of(pa.concat_tables(arrived), before["at"]).take(by_time)
    else:
        table, same, conflicts = drop_duplicates(table, lambda row: blocks[owner[row]].place_of(lines[row]))
        table = sort_by_time(table)
        if table[ARRIVED].null_count < table.num_rows:
            arrivals = arrivals_by_time(table, calendar(policy.time_zone), clock or Clock())
    aside = [bad for block in blocks for bad in block.rejected] + conflicts
    return Intake(
        used_columns(table.drop_columns([ARRIVED])),
        same,
        in_order(aside, [block.file for block in blocks]),
        sum(block.skipped for block in blocks),
        notes_of(blocks),
        source_of(blocks),
        arrivals,
        any(block.cut_short for block in blocks),
    )


def notes_of(blocks: Iterable[RowBlock]) -> tuple[str, ...]:
    """The notes of all blocks, each once."""
    return tuple(dict.fromkeys(note for block in blocks for note in block.notes))


def source_of(blocks: Sequence[RowBlock]) -> str | None:
    """The one source of all blocks. Raises FileError where files are of several: an id names one event of a source."""
    sources = list(dict.fromkeys(block.source for block in blocks))
    if len(sources) < 2:
        return sources[0] if sources else None
    shown = " and ".join("one that they do not name" if each is None else f"`{each}`" for each in sources)
    raise FileError(
        f"the files are of different sources: {shown}",
        code="sources-differ",
        way_out="read them apart, or name the source of all of them (`--source`)",
        details={"sources": sources},
    )


def in_order(aside: list[Rejection], files: Iterable[str] = ()) -> list[Rejection]:
    """The rejected rows in the order of the files, and of the rows in each.

    >>> rows = [Rejection("line 12", ""), Rejection("line 7", "")]
    >>> [row.place for row in in_order(rows)]
    ['line 7', 'line 12']
    """
    order = {file: number for number, file in enumerate(dict.fromkeys(files))}

    def place(row: Rejection) -> tuple[int, int]:
        file, _, _ = row.place.rpartition(" ")[0].rpartition(" ")
        return order.get(file, 0), int(row.place.rpartition(" ")[2])

    return sorted(aside, key=place)


def read_blocks(
    paths: Sequence[Path],
    policy: Policy,
    columns: ColumnMapping | None = None,
    form: Format | None = None,
    progress: ShowShare | None = None,
    clock: Clock | None = None,
) -> Iterator[RowBlock]:
    """Files in blocks of rows, with the valid ones of each; repeats are not dropped yet."""
    mapping = columns or OWN_COLUMNS
    files = files_of(paths)
    names = _short_names(files)
    for number, (path, name) in enumerate(zip(files, names, strict=True)):
        source = open_source(path, mapping.layout, form)
        try:
            admission = _Admission(policy, mapping, source, path.name, clock)
            for raw in source.blocks:
                notes = tuple(_notes(source, raw, path.name))
                block = replace(admission.admit(raw), file=name, notes=notes, cut_short=raw.cut_short)
                if name:
                    block = replace(block, rejected=[replace(b, place=f"{name} {b.place}") for b in block.rejected])
                if progress:
                    progress((number + raw.share) / len(files))
                yield block
            demand_named_columns(admission.unseen, (), path.name)
        finally:
            source.close()


def _notes(source: RawSource, raw: RawBlock, place: str) -> Iterator[str]:
    if source.read_as:
        yield f"`{place}` was read as {source.read_as}, which its bytes show; `encoding` in a mapping says so for good"
    if raw.cut_short:
        yield f"`{place}` ends without the end of a line: if it was cut, its last amount may be too"


def _short_names(files: list[Path]) -> list[str]:
    """What files are called in places: nothing where there is one, their names where these differ, else their paths."""
    if len(files) == 1:
        return [""]
    names = [path.name for path in files]
    return names if len(set(names)) == len(names) else [str(path) for path in files]


def open_source(path: Path, layout: FileLayout, form: Format | None = None) -> RawSource:
    """The raw rows of one file. Raises FileError where it is absent or cannot be read at all."""
    demand_regular(path)
    return _READERS[form or layout.format or format_of(path)](path, layout)


class _Admission:
    """Admits the raw rows of one source as events. Raises FileError where its columns do not fit the policy."""

    def __init__(
        self, policy: Policy, mapping: ColumnMapping, source: RawSource, place: str, clock: Clock | None
    ) -> None:
        self.mapping, self.source, self.place = mapping, source, place
        written = not source.typed or not mapping.only_names
        self.validator = Validator(policy, major=mapping.major, written=written, clock=clock)
        # Only a file that is written as Linekeeper writes can be one that it exported.
        self.exported = mapping == OWN_COLUMNS and (source.names is None or has_arrivals(source.names))
        self.names: list[str | None] | None = None
        if source.names is not None:
            demand_named_columns(mapping.named, source.names, place)
            header = [name for name in source.names if not (self.exported and name in ARRIVAL_COLUMNS)]
            names = mapping.names_of(header, place)
            self.names = names if mapping.events else _known(self.validator, mapping, header, names, place)
        # Lines of JSON have no header: which columns there are is known after the last of them.
        self.unseen = set() if source.names is not None else set(mapping.named)
        # The columns of a file that is written as Linekeeper writes need no preparation, and are read as they stand.
        self.preparation = None if mapping.only_names else Preparation(policy, mapping, source.names, place)
        self.ids = IdMaker() if mapping.makes_ids else None

    def admit(self, raw: RawBlock) -> RowBlock:
        """The block's events, and its rejected rows."""
        block = replace(self._admit(raw), source=self.mapping.source or self.source.source)
        return replace(block, table=self.ids.with_ids(block.table)) if self.ids else block

    def _admit(self, raw: RawBlock) -> RowBlock:
        place = self.source.place
        arrivals = None
        if self.exported:
            raw, arrivals = without_arrivals(raw, self.source.typed, self.place)
        if self.unseen:
            self.unseen -= {column for row in raw.rows or () for column, _ in flattened(row)}
        if self.preparation:
            prepared = self.preparation.prepare(raw, place)
            events, lines, refused = admitted_rows(self.validator, prepared, place)
            skipped = raw.skipped + prepared.skipped
            return RowBlock(events, lines, raw.rejected + refused, place, skipped)
        block = self._admit_rows(raw) if raw.rows is not None else self._admit_columns(raw)
        if arrivals is not None:
            arrivals = arrivals.take(np.searchsorted(raw.lines, block.lines))
        return replace(block, skipped=raw.skipped, arrivals=arrivals)

    def _admit_columns(self, raw: RawBlock) -> RowBlock:
        written = self.validator.written
        pairs = zip(self.names or (), raw.columns.values(), strict=True)
        data = {name: column for name, column in pairs if name is not None}
        for name, value in self.mapping.constant.items():
            data[name] = pa.repeat(str(value) if written else value, len(raw.lines))
        return self._admitted(pa.table(data), raw.lines, raw.rejected)

    def _admit_rows(self, raw: RawBlock) -> RowBlock:
        """Decoded rows as a block; they are checked as columns where possible, else one by one."""

        place, aside = self.source.place, list(raw.rejected)
        rows, lines = self._renamed(raw, aside)
        table = _as_table(rows)
        if table is not None:
            return self._admitted(table, lines, aside)
        events, kept = [], []
        for line, row in zip(lines.tolist(), rows, strict=True):
            answer = self.validator.admit_one(row)
            if isinstance(answer, Event):
                events.append(answer)
                kept.append(line)
            else:
                aside.append(Rejection(f"{place} {line}", answer))
        return RowBlock(table_of(events, self.validator.schema), np.array(kept, dtype=np.int64), aside, place)

    def _renamed(self, raw: RawBlock, aside: list[Rejection]) -> tuple[list[dict[str, Any]], np.ndarray]:
        if not self.mapping.renames:
            return raw.rows or [], raw.lines
        rows, kept = [], []
        for line, row in zip(raw.lines.tolist(), raw.rows or [], strict=True):
            try:
                rows.append(_in_names_of(self.mapping, row))
                kept.append(line)
            except LineError as bad:
                aside.append(Rejection(f"{self.source.place} {line}", str(bad)))
        return rows, np.array(kept, np.int64)

    def _admitted(self, table: pa.Table, lines: np.ndarray, aside: list[Rejection]) -> RowBlock:
        admitted, kept, refused = self.validator.admit_many(table, lines, self.source.place)
        return RowBlock(admitted, kept, aside + refused, self.source.place)


def _in_names_of(columns: ColumnMapping, tree: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = dict(columns.constant)
    for column, value in flattened(tree):
        name = columns.name_of(column)
        if name in row:
            raise LineError(f"the line gives `{name}` twice")
        if name is not None:
            row[name] = value
    return row


def _as_table(rows: list[dict[str, Any]]) -> pa.Table | None:

    names = dict.fromkeys(name for row in rows for name in row)
    if not names or len(names) > NAMES_MAX:
        return None
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        types = set(map(type, values)) - {type(None)}
        # No Arrow type keeps `1`, `true` and `"1"` apart, so a column of several types is left to the reading by rows.
        if len(types) > 1 or not types <= {int, str, bool}:
            return None
        kind = pa.int64() if int in types else pa.bool_() if bool in types else pa.string()
        try:
            columns[name] = pa.array(values, kind)
        except (OverflowError, pa.ArrowInvalid, UnicodeEncodeError):  # beyond int64; half a character
            return None
    return pa.table(columns)


def _known(
    validator: Validator, columns: ColumnMapping, header: Sequence[str], names: list[str | None], place: str
) -> list[str | None]:
    """The names, where each belongs to a kind of event, and the four columns of every event are there; or FileError."""
    strange = [
        column
        for column, name in zip(header, names, strict=True)
        if name is not None and name not in (*EVENT_HEAD, ARRIVED) and name not in validator.numbers
    ]
    if strange:
        shown = [f"`{ascii(column)[1:-1][:60]}`" for column in strange[:NAMES_SHOWN]]
        one = len(strange) == 1
        raise FileError(
            f"`{place}` has {'a column' if one else f'{len(strange)} columns'} {', '.join(shown)}"
            " that no kind of the policy has",
            code="column-not-known",
            way_out=f"map {'it' if one else 'each'} (`--map {strange[0]}=...`) or ignore it (`--map {strange[0]}=`); "
            "in Python: `columns={...}`",
            place=place,
            details={"column": strange[0], "columns": strange},
        )
    missing = [name for name in EVENT_HEAD if name not in names and name not in columns.constant]
    if missing:
        shown = [f"`{name}`" for name in missing]
        raise FileError(
            f"`{place}` has no column {', '.join(shown)}",
            code="column-missing",
            way_out=f"map what holds it (`--map ...={missing[0]}`); in Python: `columns={{...: '{missing[0]}'}}`"
            + ("; where nothing does, a mapping can say `ids: made`" if missing[0] == "id" else ""),
            place=place,
            details={"column": missing[0], "columns": missing},
        )
    return names
