"""Files in JSON Lines, CSV and Parquet, and tables in memory, are read into event tables.

They are read column by column or, where needed, row by row.

A bad row is rejected with its place and the reason, and reading goes on. A file that cannot be read at all, or a column
that no kind of event has, is an error before the first row is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from typing import Literal as OneOf

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from linekeeper.connect.event_table import drop_duplicates, sort_by_time, table_of, used_columns
from linekeeper.connect.mapping import ColumnMapping
from linekeeper.connect.text_lines import LineError, cells_of, csv_of, json_of, lines_of
from linekeeper.connect.validation import Validator
from linekeeper.core.errors import FileError
from linekeeper.core.event import EVENT_HEAD, Event, Rejection

if TYPE_CHECKING:
    from linekeeper.policy.model import Policy

Format = OneOf["jsonl", "csv", "parquet"]
SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv", ".parquet": "parquet",
}  # fmt: skip
BLOCK_ROWS = 131_072
BLOCK_LINES = 16_384
BLOCK_BYTES = 2**23
NAMES_MAX = 600  # more different columns than the kinds of a policy can have
OWN_COLUMNS = ColumnMapping()
ShowShare = Callable[[float], object]  # the share of the file that is done, 0 to 1


@dataclass(frozen=True, slots=True)
class RowBlock:
    """Some rows of a file: the admitted ones, where they stood, and the rest. `place` is `line` or `row`."""

    table: pa.Table
    lines: np.ndarray
    rejected: list[Rejection]
    place: str


@dataclass(frozen=True, slots=True)
class Intake:
    """What a whole file gave: its events, each once and in order of time; how many repeats; the rejected rows."""

    table: pa.Table
    same: int
    rejected: list[Rejection]


def format_of(path: Path) -> Format:
    """The format that a file's name says.

    >>> format_of(Path("may.ndjson"))
    'jsonl'
    """
    if path.suffix.lower() in SUFFIXES:
        return SUFFIXES[path.suffix.lower()]
    raise FileError(
        f"`{path.name}` does not say what it is",
        code="file-format-not-known",
        way_out="name it .jsonl, .csv or .parquet",
        place=str(path),
    )


def read_event_file(
    path: Path,
    policy: Policy,
    columns: ColumnMapping | None = None,
    form: Format | None = None,
    progress: ShowShare | None = None,
) -> Intake:
    """A file as an event table in memory: admitted, each event once, in order of time.

    `form`: the format, else read from the name. Raises FileError where the file itself cannot be read.
    """
    return _intake(read_blocks(path, policy, columns, form, progress), path.name)


def read_event_batches(stream: pa.RecordBatchReader, policy: Policy, columns: ColumnMapping | None = None) -> Intake:
    """A stream of record batches as an event table, read like a Parquet file. Rows are numbered from 1."""
    validator, mapping = Validator(policy, major=columns.major if columns else False), columns or OWN_COLUMNS
    names = _known(validator, mapping, stream.schema.names, "events")
    blocks = list(_admitted_batches(validator, mapping, names, stream))
    return _intake(blocks or [_admitted_rows(validator, [], [], [], "row")], "events")


def read_event_rows(rows: Iterable[Mapping[str, Any]], policy: Policy) -> Intake:
    """Rows in memory, named as the policy names its fields, as an event table. Rows are numbered from 1."""
    validator, listed = Validator(policy), [dict(row) for row in rows]
    block = _admitted_rows(validator, listed, list(range(1, len(listed) + 1)), [], "row")
    return _intake([block], "events")


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


def _intake(read: Iterable[RowBlock], place: str) -> Intake:
    """All blocks of one source together."""

    blocks = list(read)
    if not blocks:
        raise FileError(f"`{place}` is empty", code="file-empty", place=place)
    table = pa.concat_tables([block.table for block in blocks])
    lines = np.concatenate([block.lines for block in blocks])
    table, same, conflicts = drop_duplicates(table, lines, blocks[0].place)
    aside = [bad for block in blocks for bad in block.rejected] + conflicts
    return Intake(used_columns(sort_by_time(table)), same, in_order(aside))


def in_order(aside: list[Rejection]) -> list[Rejection]:
    """The rejected rows in the order of the file.

    >>> [row.place for row in in_order([Rejection("line 12", ""), Rejection("line 7", "")])]
    ['line 7', 'line 12']
    """
    return sorted(aside, key=lambda row: int(row.place.split()[-1]))


def read_blocks(
    path: Path,
    policy: Policy,
    columns: ColumnMapping | None = None,
    form: Format | None = None,
    progress: ShowShare | None = None,
) -> Iterator[RowBlock]:
    """A file in blocks of at most `BLOCK_ROWS` rows, with the valid rows of each; repeats are not dropped yet."""
    if not path.is_file():
        raise FileError(f"there is no file `{path}`", code="file-missing", place=str(path))
    readers = {"jsonl": read_jsonl, "csv": read_csv, "parquet": read_parquet}
    return readers[form or format_of(path)](path, policy, columns or OWN_COLUMNS, progress or (lambda share: None))


def read_jsonl(path: Path, policy: Policy, columns: ColumnMapping, progress: ShowShare) -> Iterator[RowBlock]:
    """One JSON object a line, UTF-8; blank lines are nothing. Numbers are read exactly."""
    validator = Validator(policy, major=columns.major)
    size = max(path.stat().st_size, 1)
    with path.open("rb") as file:
        numbered = lines_of(file)
        while block := list(islice(numbered, BLOCK_LINES)):
            rows, lines, aside = [], [], []
            for line, raw in block:
                try:
                    row = json_of(raw)
                    if row is not None:
                        rows.append(row if columns is OWN_COLUMNS else _renamed(row, columns))
                        lines.append(line)
                except LineError as bad:
                    aside.append(Rejection(f"line {line}", str(bad)))
            progress(file.tell() / size)
            yield _admitted_rows(validator, rows, lines, aside)


def _renamed(tree: dict[str, Any], columns: ColumnMapping) -> dict[str, Any]:
    row: dict[str, Any] = dict(columns.constant)
    for column, value in tree.items():
        name = columns.name_of(column)
        if name in row:
            raise LineError(f"the line gives `{name}` twice")
        if name is not None:
            row[name] = value
    return row


def _admitted_rows(
    validator: Validator, rows: list[dict[str, Any]], lines: list[int], aside: list[Rejection], place: str = "line"
) -> RowBlock:
    """Decoded rows as a block; they are checked as columns where possible, else one by one."""

    table = _as_table(rows)
    if table is not None:
        return _admitted(validator, table, lines, place, aside)
    events, kept = [], []
    for line, row in zip(lines, rows, strict=True):
        answer = validator.admit_one(row)
        if isinstance(answer, Event):
            events.append(answer)
            kept.append(line)
        else:
            aside.append(Rejection(f"{place} {line}", answer))
    return RowBlock(table_of(events, validator.schema), np.array(kept, dtype=np.int64), aside, place)


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


def read_csv(path: Path, policy: Policy, columns: ColumnMapping, progress: ShowShare) -> Iterator[RowBlock]:
    """Comma-separated UTF-8 with a header; an empty cell is absent. Numbers are digits, flags true and false."""

    validator = Validator(policy, major=columns.major, written=True)
    size = max(path.stat().st_size, 1)
    with path.open("rb") as file:
        names = _known(validator, columns, _header(file, path.name), path.name)
        line = 2
        # A block ends where a line ends: the rest of the line that the last byte falls into belongs to it.
        while raw := file.read(BLOCK_BYTES) + file.readline():
            texts, lines, aside = cells_of(raw, len(names), line)
            line += raw.count(b"\n")
            data = {name: column for name, column in zip(names, texts, strict=True) if name is not None}
            data |= {name: pa.repeat(str(value), len(lines)) for name, value in columns.constant.items()}
            progress(file.tell() / size)
            yield _admitted(validator, pa.table(data), lines, "line", aside)


def _header(file: BinaryIO, place: str) -> list[str]:
    try:
        return csv_of(next(lines_of(file), (1, b""))[1])
    except LineError as bad:
        raise FileError(
            f"the header of `{place}` cannot be read: {bad}", code="file-not-readable", place=place
        ) from None


def read_parquet(path: Path, policy: Policy, columns: ColumnMapping, progress: ShowShare) -> Iterator[RowBlock]:
    """Any Parquet file of flat columns; times with a zone may stand under `at`."""

    validator = Validator(policy, major=columns.major)
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise FileError(
            f"`{path.name}` is not Parquet: {str(error).split('.')[0].lower()}",
            code="file-not-readable",
            place=str(path),
        ) from error
    names = _known(validator, columns, file.schema_arrow.names, path.name)
    total = max(file.metadata.num_rows, 1)
    batches = file.iter_batches(BLOCK_ROWS)
    yield from _admitted_batches(validator, columns, names, batches, lambda rows: progress(rows / total))


def _admitted_batches(
    validator: Validator,
    columns: ColumnMapping,
    names: list[str | None],
    batches: Iterable[pa.RecordBatch],
    progress: Callable[[int], object] = lambda rows: None,
) -> Iterator[RowBlock]:
    """Record batches as blocks; `names` are their columns in the policy's names, `progress` gets the rows so far."""
    done = 0
    for batch in batches:
        data = {name: column for name, column in zip(names, batch.columns, strict=True) if name is not None}
        data |= {name: pa.repeat(value, batch.num_rows) for name, value in columns.constant.items()}
        lines = np.arange(done + 1, done + batch.num_rows + 1)
        done += batch.num_rows
        progress(done)
        yield _admitted(validator, pa.table(data), lines, "row", [])


def _known(validator: Validator, columns: ColumnMapping, header: list[str], place: str) -> list[str | None]:
    """The header in the policy's names.

    Raises FileError where a column belongs to no kind of event, or one of the four columns of every event is absent.
    """
    names = columns.names_of(header, place)
    for column, name in zip(header, names, strict=True):
        if name is not None and name not in EVENT_HEAD and name not in validator.numbers:
            raise FileError(
                f"`{place}` has a column `{ascii(column)[1:-1][:60]}` that no kind of the policy has",
                code="column-not-known",
                way_out=f"map it (`--map {column}=...`) or ignore it (`--map {column}=`); in Python: `columns={{...}}`",
                place=place,
                details={"column": column},
            )
    for name in EVENT_HEAD:
        if name not in names and name not in columns.constant:
            raise FileError(
                f"`{place}` has no column `{name}`",
                code="column-missing",
                way_out=f"map the one that holds it (`--map ...={name}`); in Python: `columns={{...: '{name}'}}`",
                place=place,
                details={"column": name},
            )
    return names


def _admitted(validator: Validator, table: pa.Table, lines: Any, place: str, aside: list[Rejection]) -> RowBlock:

    admitted, kept, refused = validator.admit_many(table, np.asarray(lines, dtype=np.int64), place)
    return RowBlock(admitted, kept, aside + refused, place)
