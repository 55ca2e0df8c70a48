"""How exported events arrived: the columns that stand beside those of the events, and let a store be rebuilt.

A dot is in no name of a policy, so these columns cannot be taken for fields of an event.

| column | |
|---|---|
| `arrival.number` | its place in the order in which events arrived |
| `arrival.source` | the source that sent it |
| `arrival.reviewed` | the day up to which every account had been reviewed when it arrived |
| `arrival.last_review` | the day up to which every account has been reviewed since, the same in each row |
| `arrival.at` | when it was known; empty, or no column at all, where the store does not know it |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linekeeper.connect.column_validation import read_column
from linekeeper.connect.event_table import arrived_at
from linekeeper.connect.raw_rows import RawBlock
from linekeeper.connect.spreadsheets import without_mark
from linekeeper.connect.values import ARRIVAL, FieldSpec
from linekeeper.core.bounds import DAY_MAX
from linekeeper.core.errors import FileError
from linekeeper.engine.clock import Clock
from linekeeper.evaluate.evaluator import NOT_REVIEWED
from linekeeper.evaluate.event_batch import RecordedArrivals, times_of
from linekeeper.kernel.calendar import Calendar

ARRIVAL_SCHEMA = pa.schema(
    {
        "arrival.number": pa.int64(),
        "arrival.source": pa.string(),
        "arrival.reviewed": pa.date32(),
        "arrival.last_review": pa.date32(),
        "arrival.at": pa.int64(),
    }
)
ARRIVAL_NUMBER, ARRIVAL_SOURCE, REVIEWED, LAST_REVIEW, ARRIVAL_AT = ARRIVAL_COLUMNS = tuple(ARRIVAL_SCHEMA.names)
REQUIRED_COLUMNS = ARRIVAL_COLUMNS[:-1]
_SPECS = (
    FieldSpec(ARRIVAL_NUMBER, "number"),
    FieldSpec(ARRIVAL_SOURCE, "text"),
    FieldSpec(REVIEWED, "date", optional=True, high=DAY_MAX),
    FieldSpec(LAST_REVIEW, "date", optional=True, high=DAY_MAX),
    replace(ARRIVAL, name=ARRIVAL_AT),
)


def has_arrivals(names: Sequence[str]) -> bool:
    """Whether a file with these columns says how its events arrived.

    >>> has_arrivals(["id", "account", "kind", "at", *ARRIVAL_COLUMNS]), has_arrivals(["id", "arrival.number"])
    (True, False)
    """
    return set(REQUIRED_COLUMNS) <= set(names)


def without_arrivals(raw: RawBlock, typed: bool, place: str) -> tuple[RawBlock, pa.Table | None]:
    """The rows as they would stand in a file that does not say how its events arrived, and how they did.

    None where the file does not say it. `typed`: numbers stand in it as such, and text bears no marks.
    Raises FileError where one of these columns is not as it was exported.
    """
    if raw.rows is not None:
        if not raw.rows or not has_arrivals([*raw.rows[0], REVIEWED, LAST_REVIEW]):
            return raw, None
        columns = {name: _as_text(row.pop(name, None) for row in raw.rows) for name in ARRIVAL_COLUMNS}
        return raw, _read(columns, place)
    if not has_arrivals(list(raw.columns)):
        return raw, None
    rest = {name: column for name, column in raw.columns.items() if name not in ARRIVAL_COLUMNS}
    columns = {name: raw.columns.get(name, pa.nulls(len(raw.lines), pa.string())) for name in ARRIVAL_COLUMNS}
    if not typed:
        rest = {name: without_mark(column) for name, column in rest.items()}
        columns[ARRIVAL_SOURCE] = without_mark(columns[ARRIVAL_SOURCE])
    return replace(raw, columns=rest), _read(columns, place)


def _as_text(values: Iterable[Any]) -> pa.Array:
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _read(columns: dict[str, pa.Array], place: str) -> pa.Table:
    """The columns as a table of `ARRIVAL_SCHEMA`."""
    read = []
    for spec, field in zip(_SPECS, ARRIVAL_SCHEMA, strict=True):
        given = columns[spec.name]
        if pa.types.is_date(given.type):
            given = given.cast(pa.string())
        elif pa.types.is_timestamp(given.type):
            given = given.cast(pa.timestamp("ms", given.type.tz)).cast(pa.int64())
        values = read_column(spec, given, written=True)
        if values.null_count > (given.null_count if spec.optional else 0):
            raise FileError(
                f"`{spec.name}` of `{place}` is not as it was exported",
                code="column-of-wrong-type",
                way_out="export the events anew, or leave out all columns that begin with `arrival.`",
                place=place,
                details={"column": spec.name},
            )
        read.append(values.cast(pa.int32()).cast(field.type) if spec.what == "date" else values)
    return pa.table(read, schema=ARRIVAL_SCHEMA)


def arrivals_by_time(table: pa.Table, zone: Calendar, clock: Clock) -> RecordedArrivals:
    """The order in which the lender knew of events: by `arrived`, or `at` where it is absent, then by `at` and id.
    Of those that arrived together, openings come first.

    An account is reviewed at the start of each day: what arrives on a day finds that review done. Nothing is known
    before it happens, and no day is reviewed that has not begun by the clock.
    """
    arrived = np.maximum(arrived_at(table), table["at"].to_numpy())
    keys = pa.table({"arrived": arrived, "at": times_of(table), "id": table["id"]})
    order = pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names]).to_numpy()
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = np.arange(len(order))
    last = clock.last_day(zone, arrived)
    return RecordedArrivals(numbers, arrived, [], np.minimum(zone.hours(arrived) // 24, last), last)


def arrivals_of(table: pa.Table, at: pa.ChunkedArray) -> RecordedArrivals:
    """The columns of `ARRIVAL_SCHEMA` as the engine takes them; what does not say when it arrived, arrived `at`."""
    days = [
        pc.fill_null(table[name].cast(pa.int32()).cast(pa.int64()), NOT_REVIEWED) for name in (REVIEWED, LAST_REVIEW)
    ]
    return RecordedArrivals(
        table[ARRIVAL_NUMBER].to_numpy(),
        pc.coalesce(table[ARRIVAL_AT], at).to_numpy(),
        table[ARRIVAL_SOURCE].to_pylist(),
        days[0].to_numpy(),
        max(days[1].to_pylist(), default=NOT_REVIEWED),
    )
