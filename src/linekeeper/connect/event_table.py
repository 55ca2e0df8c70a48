"""The event table holds events as columns: files, replay and reports pass them on in this form.

Columns: `id`, `account`, `kind` (text), `at` (int64, UTC milliseconds), then one column per event field in
use: int64 for money (minor units), counts, days, shares (basis points), flags (0, 1) and dates (days since
1970-01-01), text for categories and texts. Null, or no such column at all, means absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from linekeeper.core.errors import Fault, FileError, PolicyError
from linekeeper.core.event import ARRIVED, EVENT_HEAD, Event, Rejection, RejectionCode
from linekeeper.evaluate.event_batch import events_of_table as events_of_table
from linekeeper.evaluate.event_batch import sort_by_time as sort_by_time
from linekeeper.evaluate.event_batch import times_of as times_of
from linekeeper.lab.parquet import write_parquet_table

if TYPE_CHECKING:
    from linekeeper.policy.model import Field, Policy

ROW_GROUP = 262_144


def number_columns(policy: Policy) -> dict[str, bool]:
    """Every field name of the policy's kinds, and whether its column holds numbers (else text).

    A name that is a number in one kind and a word in another cannot share a column: PolicyError.
    """
    first: dict[str, str] = {}
    numbers: dict[str, bool] = {}
    for kind in policy.kinds:
        named = {field.name: is_number(field) for field in kind.fields} | dict.fromkeys(kind.text, False)
        for name, number in named.items():
            if name in (*EVENT_HEAD, ARRIVED):
                message = f"a field of `{kind.name}` may not be called `{name}`, which every event may have"
                raise PolicyError([Fault(message)], code="event-field-name-taken")
            if numbers.setdefault(name, number) != number:
                message = f"`{name}` is a number in one of `{first[name]}`, `{kind.name}` and a word in the other"
                raise PolicyError([Fault(message, way_out="rename one")], code="event-field-name-taken")
            first.setdefault(name, kind.name)
    return numbers


def is_number(field: Field) -> bool:
    """Whether a field's column is int64; categories and texts are kept as words."""
    return field.unit not in ("category", "text")


def schema_of(policy: Policy) -> pa.Schema:
    """The widest event table that the policy's kinds can fill."""

    fixed = [(name, pa.int64() if name == "at" else pa.string()) for name in EVENT_HEAD] + [(ARRIVED, pa.int64())]
    fields = [(name, pa.int64() if number else pa.string()) for name, number in number_columns(policy).items()]
    return pa.schema(fixed + fields)


def table_of(events: Iterable[Event], schema: pa.Schema) -> pa.Table:
    """Events as a table of that schema, in the order given.

    >>> import pyarrow as pa
    >>> schema = pa.schema({"id": "string", "account": "string", "kind": "string", "at": "int64", "amount": "int64"})
    >>> table_of([Event("e1", "A", "draw", 1_700_000_000_000, {"amount": 500})], schema).to_pylist()
    [{'id': 'e1', 'account': 'A', 'kind': 'draw', 'at': 1700000000000, 'amount': 500}]
    """

    events = list(events)
    columns = [
        pa.array([getattr(event, field.name) for event in events], field.type)
        if field.name in (*EVENT_HEAD, ARRIVED)
        else pa.array([event.fields.get(field.name) for event in events], field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def arrived_at(table: pa.Table) -> np.ndarray:
    """When each event of the table was known (UTC ms): at `arrived`, or else when it happened."""
    arrived: np.ndarray = pc.coalesce(table[ARRIVED], table["at"]).to_numpy()
    return arrived


def used_columns(table: pa.Table) -> pa.Table:
    """The table without the field columns that nothing fills."""
    return table.select(
        [name for name in table.column_names if name in EVENT_HEAD or table[name].null_count < table.num_rows]
    )


def drop_duplicates(
    table: pa.Table, place_of: Callable[[int], str] = lambda row: f"row {row + 1}"
) -> tuple[pa.Table, int, list[Rejection]]:
    """Each event once: the table without repeats, how many were the same again, and the conflicts.

    The files that are read together are one source, so an id names one event: the same body again is dropped and
    counted; another body under a known id is rejected, naming the first. `place_of` says where a row (from 0) stands.

    >>> import pyarrow as pa
    >>> table = pa.table({"id": ["a", "a", "a"], "account": ["A", "A", "B"], "kind": ["k"] * 3, "at": [1, 1, 1]})
    >>> rest, same, conflicts = drop_duplicates(table)
    >>> rest.num_rows, same, str(conflicts[0].reason)
    (1, 1, 'the id `a` was used in row 1 for another event; give each event an id of its own')
    """

    rows = np.arange(table.num_rows)
    first = first_use(table["id"])
    again = np.flatnonzero(first != rows)
    if not len(again):
        return table, 0, []
    same = _same_body(table, again, first[again])
    conflicts = [
        Rejection(place_of(row), _conflict(table["id"][int(row)].as_py(), place_of(first[row])), RejectionCode.CONFLICT)
        for row in again[~same]
    ]
    return table.take(np.flatnonzero(first == rows)), int(same.sum()), conflicts


def first_use(ids: pa.ChunkedArray) -> np.ndarray:
    """For each row, the first row with its id."""

    codes = ids.combine_chunks().dictionary_encode().indices.to_numpy()
    first = np.full(len(codes), len(codes), dtype=np.int64)
    np.minimum.at(first, codes, np.arange(len(codes)))
    firsts: np.ndarray = first[codes]
    return firsts


def _same_body(table: pa.Table, these: np.ndarray, those: np.ndarray) -> np.ndarray:
    """Whether rows `these` and `those` are equal in every column, pair by pair."""

    same = np.ones(len(these), dtype=bool)
    for name in table.column_names:
        if name == ARRIVED:  # a second copy comes later, and is the same event for that
            continue
        left, right = table[name].take(these), table[name].take(those)
        both_absent = pc.and_(left.is_null(), right.is_null()).to_numpy()
        same &= pc.fill_null(pc.equal(left, right), False).to_numpy() | both_absent
    return same


def _conflict(identity: str, first: str) -> str:
    return f"the id `{identity}` was used in {first} for another event; give each event an id of its own"


def write_events(table: pa.Table, path: Path) -> None:
    """Write the table as Parquet (zstd), without empty columns."""
    write_parquet_table(used_columns(table), path, ROW_GROUP)


def read_events(path: Path) -> pa.Table:
    """Read an event table that Linekeeper wrote. Any other Parquet file has to be imported first.

    Raises FileError where a fixed column is absent or a column is neither int64 nor text.
    """

    table = pq.read_table(path.absolute())
    for name in EVENT_HEAD:
        if name not in table.column_names:
            raise FileError(
                f"`{path}` has no column `{name}`",
                code="column-missing",
                way_out="import it first: `linekeeper import parquet`",
                place=str(path),
                details={"column": name},
            )
    for field in table.schema:
        wanted = pa.int64() if field.name == "at" or pa.types.is_integer(field.type) else pa.string()
        if field.type not in (wanted, pa.large_string()):
            raise FileError(
                f"`{field.name}` of `{path}` is neither whole numbers nor text",
                code="column-of-wrong-type",
                way_out="import the file",
                place=str(path),
                details={"column": field.name},
            )
    return table
