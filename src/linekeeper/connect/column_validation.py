"""Validation of whole columns at once: which rows are certainly valid, and their values.

Every reader here returns an array in which null means "absent, or not proven". It must never prove a value that
`values.read_value` refuses or reads otherwise. A value that it leaves open is read once more, by itself.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linekeeper.connect.raw_rows import plain_values
from linekeeper.connect.values import (
    ACCOUNT,
    ARRIVAL,
    AT,
    DATE,
    EXACT_FLOAT_MAX,
    FLAGS,
    ID,
    INSTANT,
    PADDED_NAME,
    SPOILT_NAME,
    WHOLE,
    WHOLE_DECIMAL,
    FieldSpec,
)
from linekeeper.core.bounds import TEXT_MAX
from linekeeper.core.characters import CONTROL, INVISIBLE
from linekeeper.core.event import ARRIVED, EVENT_HEAD

UNSPLIT = 16  # rows too few to be worth another cut


class ColumnContext(Protocol):
    """What a reader of columns has to know: the event table's schema, the fields by kind, and whether all is text."""

    schema: pa.Schema
    specs: dict[str, dict[str, FieldSpec]]
    written: bool


def admit_proven(validator: ColumnContext, table: pa.Table) -> tuple[pa.Table, np.ndarray]:
    """The rows that are surely good, as an event table in their order, and their indices."""

    columns = {name: _plain(table[name], name) for name in table.column_names}
    if not set(EVENT_HEAD) <= set(columns):
        return validator.schema.empty_table(), np.empty(0, dtype=np.int64)
    kinds = _utf8(columns["kind"])
    tables, rows = [validator.schema.empty_table()], [np.empty(0, dtype=np.int64)]
    for kind in pc.unique(kinds).to_pylist():
        if kind in validator.specs and kind != "opening":  # whose statements are held against each other, row by row
            these = np.flatnonzero(pc.fill_null(pc.equal(kinds, kind), False).to_numpy(zero_copy_only=False))
            part = columns if len(these) == table.num_rows else {name: c.take(these) for name, c in columns.items()}
            proven, good = _proven(validator, kind, part)
            tables.append(proven.filter(good))
            rows.append(these[good])
    index = np.concatenate(rows)
    order = np.argsort(index, kind="stable")
    return pa.concat_tables(tables).take(order).combine_chunks(), index[order]


def _proven(validator: ColumnContext, kind: str, columns: dict[str, pa.Array]) -> tuple[pa.Table, np.ndarray]:
    """The rows of one kind, read as its fields say, and which of them are proven."""

    specs = {"id": ID, "account": ACCOUNT, "at": AT, ARRIVED: ARRIVAL} | validator.specs[kind]
    count = len(columns["id"])
    good = np.ones(count, dtype=bool)
    read: dict[str, pa.Array] = {"kind": pa.repeat(kind, count)}
    for name, column in columns.items():
        spec = specs.get(name)
        present = _mask(column.is_valid())
        if spec is not None:
            read[name] = read_column(spec, column, validator.written)
            good &= ~present | _mask(read[name].is_valid())
        elif name != "kind":
            good &= ~present
    for name, spec in specs.items():
        if not spec.optional:
            good &= _mask(read[name].is_valid()) if name in read else False
    arrays = [read[field.name] if field.name in read else pa.nulls(count, field.type) for field in validator.schema]
    return pa.table(arrays, schema=validator.schema), good


def read_column(spec: FieldSpec, column: pa.Array, written: bool) -> pa.Array:
    """The column as the event table keeps it (int64 or text), null where absent or not proven."""

    match spec.what:
        case "category":
            words = _utf8(column)
            return _where(pc.is_in(words, pa.array(spec.choices, pa.string())), words)
        case "text" | "name":
            return _texts(spec, column)
        case "flag":
            numbers = _flags(column, written)
        case "date":
            numbers = _dates(column, written)
        case "instant":
            numbers = _instants(column, written)
        case _:
            numbers = (
                _wholes(column, written, spec.units_unknown) if spec.digits is None else _majors(column, spec.digits)
            )
    inside = pc.and_(pc.greater_equal(numbers, spec.low), pc.less_equal(numbers, spec.high))
    return _where(inside, numbers)


def rows_of(table: pa.Table, these: np.ndarray) -> list[dict[str, Any]]:
    """Some rows of any table as plain values; text that is not UTF-8 stays bytes."""

    columns = {name: plain_values(_plain(table[name].take(these), name)) for name in table.column_names}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _plain(column: pa.ChunkedArray, name: str) -> pa.Array:
    """One array of one of few types: bool, int, double, decimal, string, or what nothing takes.

    Dates and times become text, so that one column type has one reader; a time with a zone under `at`
    becomes milliseconds.
    """

    is_a = pa.types
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], column.type)
    if is_a.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if is_a.is_timestamp(kind):
        if name == "at" and kind.tz is not None:
            return _milliseconds(array)
        # In UTC, since the name of a zone may be unknown here.
        return array.cast(pa.timestamp(kind.unit, "UTC") if kind.tz else kind).cast(pa.string())
    if is_a.is_null(kind) or is_a.is_date(kind) or is_a.is_large_string(kind) or is_a.is_string_view(kind):
        return array.cast(pa.string())
    if is_a.is_floating(kind):
        return array.cast(pa.float64())
    return array


def _milliseconds(times: pa.Array) -> pa.Array:
    """Instants of any unit as int64 milliseconds; those before 1970 become -1, out of bounds as they are."""

    count = times.cast(pa.int64())
    if times.type.unit == "s":
        milliseconds = pc.multiply(pc.min_element_wise(count, 2**50, skip_nulls=False), 1000)
    else:
        milliseconds = pc.divide(count, {"ms": 1, "us": 1000, "ns": 1_000_000}[times.type.unit])
    return pc.if_else(pc.less(count, 0), -1, milliseconds)


def _mask(flags: pa.Array) -> np.ndarray:

    result: np.ndarray = pc.fill_null(flags, False).to_numpy(zero_copy_only=False)
    return result


def _where(condition: pa.Array, values: pa.Array) -> pa.Array:
    """The values where the condition holds; null where it does not, or is itself null."""

    return pc.if_else(condition, values, pa.scalar(None, values.type))


def _cast(column: pa.Array, to: pa.DataType) -> pa.Array:
    """A cast that gives null, not an error, where a value does not fit (and for a few neighbours)."""

    try:
        return column.cast(to)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if len(column) <= UNSPLIT:
            return pa.nulls(len(column), to)
        half = len(column) // 2  # Arrow does not say which value failed, so halves that hold none are tried as a whole
        return pa.concat_arrays([_cast(column.slice(0, half), to), _cast(column.slice(half), to)])


def _utf8(column: pa.Array) -> pa.Array:
    """The text of a text column that is valid UTF-8; null elsewhere."""

    if not pa.types.is_string(column.type):
        return pa.nulls(len(column), pa.string())
    return _cast(column.cast(pa.binary()), pa.string())


def _matching(column: pa.Array, pattern: str) -> pa.Array:

    words = _utf8(column)
    return _where(pc.match_substring_regex(words, pattern), words)


def _texts(spec: FieldSpec, column: pa.Array) -> pa.Array:

    name = spec.what == "name"
    words = column.cast(pa.string()) if name and pa.types.is_integer(column.type) else _utf8(column)
    unfit = pc.match_substring_regex(words, f"{INVISIBLE}|{PADDED_NAME}|{SPOILT_NAME}" if name else CONTROL)
    fits = pc.and_(pc.less_equal(pc.utf8_length(words), TEXT_MAX), pc.invert(unfit))
    return _where(pc.and_(fits, pc.not_equal(words, "")) if name else fits, words)


def _wholes(column: pa.Array, written: bool, units_unknown: bool = False) -> pa.Array:

    if pa.types.is_integer(column.type):
        return _cast(column, pa.int64())
    if pa.types.is_floating(column.type):
        whole = pc.and_(pc.equal(pc.trunc(column), column), pc.less_equal(pc.abs(column), float(EXACT_FLOAT_MAX)))
        return _cast(_where(whole, column), pa.int64())
    if written and pa.types.is_string(column.type):
        whole = _cast(_matching(column, WHOLE), pa.int64())
        if units_unknown:
            return whole
        # A decimal of 15 digits and zeros is exactly one float, so the way over a float loses nothing.
        decimal = _cast(_cast(_matching(column, WHOLE_DECIMAL), pa.float64()), pa.int64())
        return pc.coalesce(whole, decimal)
    return pa.nulls(len(column), pa.int64())


def _majors(column: pa.Array, digits: int) -> pa.Array:
    """Major units as text or whole numbers, to minor units; other ways of writing them are left open."""

    if pa.types.is_string(column.type):
        places = rf"(\.[0-9]{{1,{digits}}})?" if digits else ""
        column = _matching(column, rf"^-?[0-9]{{1,15}}{places}$")
    elif not pa.types.is_integer(column.type) and not pa.types.is_decimal(column.type):
        return pa.nulls(len(column), pa.int64())
    decimals = _cast(column, pa.decimal128(20 + digits, digits))
    return _cast(pc.multiply(decimals, pa.scalar(10**digits, pa.decimal128(digits + 1, 0))), pa.int64())


def _flags(column: pa.Array, written: bool) -> pa.Array:

    if pa.types.is_boolean(column.type):
        return column.cast(pa.int64())
    if pa.types.is_string(column.type):
        words = _utf8(column) if written else pa.nulls(len(column), pa.string())
        place = pc.index_in(words, pa.array(list(FLAGS)))
        return pc.coalesce(pc.take(pa.array(list(FLAGS.values()), pa.int64()), place), _wholes(column, written))
    return _wholes(column, written)


def _dates(column: pa.Array, written: bool) -> pa.Array:

    if not pa.types.is_string(column.type):
        return _wholes(column, written)
    days = _cast(_matching(column, DATE), pa.date32()).cast(pa.int32()).cast(pa.int64())
    return pc.coalesce(days, _wholes(column, written))


def _instants(column: pa.Array, written: bool) -> pa.Array:

    if not pa.types.is_string(column.type):
        return _wholes(column, written)
    times = _milliseconds(_cast(_matching(column, INSTANT), pa.timestamp("us", "UTC")))
    return pc.coalesce(times, _wholes(column, written))
