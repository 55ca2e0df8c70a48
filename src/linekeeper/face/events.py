"""EventInput as people have them: a table of any library that speaks Arrow, a file, or plain dictionaries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any, Protocol, TypeAlias, runtime_checkable

import pyarrow as pa

from linekeeper.connect.batch_files import batch_of_file
from linekeeper.connect.files import (
    OWN_COLUMNS,
    Intake,
    read_event_batches,
    read_event_file,
    read_event_rows,
    read_few_rows,
)
from linekeeper.connect.mapping import ColumnMapping, demand_named_columns
from linekeeper.connect.mapping_file import load_columns
from linekeeper.connect.validation import Validator
from linekeeper.core.errors import UsageError
from linekeeper.core.event import Event, Rejection
from linekeeper.engine.clock import Clock
from linekeeper.engine.feed_batches import ReadBatch
from linekeeper.engine.inbox import FEW_EVENTS
from linekeeper.face.arguments import given_path, refused_argument
from linekeeper.face.policy import Policy

_INDEX_OF_PANDAS = re.compile(r"__index_level_\d+__")  # what pandas calls an index without a name


@runtime_checkable
class ArrowStream(Protocol):
    """What speaks the Arrow PyCapsule interface: tables of pandas, polars, pyarrow, relations of DuckDB."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...


EventInput: TypeAlias = ArrowStream | str | PathLike[str] | Iterable[Mapping[str, Any]]
# The table's name: the policy's name, or None to leave a column out. Or the path of a mapping file.
Columns: TypeAlias = Mapping[str, str | None] | str | PathLike[str]


def intake_of(events: EventInput, policy: Policy, columns: Columns | None = None, clock: Clock | None = None) -> Intake:
    """The events that pass the same validation as those of a file, each once and in order of time, and the rest.

    Raises LinekeeperError where `events` cannot be read at all, has a column that no kind of event has, or has none of
    the columns `id`, `account`, `kind` and `at`.

    >>> from linekeeper.face.policy import load_policy
    >>> policy = load_policy("docs/examples/cash-line.yaml")
    >>> event = {"id": "1", "account": "A", "kind": "open", "at": "2025-03-03T10:00:00+08:00", "limit": 1_000_000}
    >>> intake = intake_of([event, event | {"id": "2", "kind": "opened"}], policy)
    >>> intake.table.num_rows, intake.rejected[0].reason
    (1, "`kind` is 'opened', which is no kind of this policy; did you mean `open`?")
    """
    mapping = _mapping_of(columns)
    if isinstance(events, str | PathLike):
        return read_event_file(given_path("events", events), policy.definition, mapping, clock=clock)
    if isinstance(events, ArrowStream):
        return read_event_batches(_stream(events), policy.definition, mapping, clock)
    if isinstance(events, Iterable):
        if isinstance(columns, str | PathLike):
            return read_event_rows(events, policy.definition, mapping, clock)
        return read_event_rows(_all_renamed(events, mapping), policy.definition, clock=clock)
    raise UsageError(
        f"`{type(events).__name__}` holds no events",
        code="events-not-readable",
        way_out="give a table, a path, or dictionaries",
    )


def batch_of_input(events: EventInput, intake: Intake, columns: Columns | None, source: str) -> ReadBatch | None:
    """A file whose mapping has a contract, as a batch; None where there is no contract.

    Raises UsageError where there is one and the events are no file: a batch is known by the content of its file.
    """
    contract = _mapping_of(columns).contract if isinstance(columns, str | PathLike) else None
    if contract is None:
        return None
    if not isinstance(events, str | PathLike):
        raise UsageError(
            "the mapping has a contract, which is about files, and these events are no file",
            code="contract-needs-file",
            way_out="give the path of the file, or take `contract` out of the mapping",
        )
    return batch_of_file(given_path("events", events), lambda: [intake.table], intake, source, contract)


def few_events_of(
    events: EventInput, validator: Validator, columns: Columns | None = None
) -> tuple[list[Event], list[Rejection]] | None:
    """The events of a short list of dictionaries, and the rejected rows, as `intake_of` has them but without a table.

    None where `events` is anything else: then `intake_of` reads it.
    """
    if not isinstance(events, list | tuple) or len(events) > FEW_EVENTS or isinstance(columns, str | PathLike):
        return None
    mapping = _mapping_of(columns)
    return read_few_rows(_all_renamed(events, mapping), validator)


def _mapping_of(columns: Columns | None) -> ColumnMapping:
    if not columns:
        return OWN_COLUMNS
    if isinstance(columns, str | PathLike):
        return load_columns(given_path("columns", columns))
    if not isinstance(columns, Mapping):
        raise refused_argument("columns", columns, "give a dictionary, or the path of a mapping file")
    return ColumnMapping(
        rename={old: new for old, new in columns.items() if new is not None},
        named=frozenset(columns),
        ignore=frozenset(old for old, new in columns.items() if new is None),
    )


def _all_renamed(rows: Iterable[Mapping[str, Any]], mapping: ColumnMapping) -> list[dict[str, Any]]:
    """The rows in the policy's names. Raises FileError where no row has a column that `columns` names."""
    listed = list(rows)
    renamed = [_renamed(row, mapping) for row in listed]
    if listed and mapping.named:
        demand_named_columns(mapping.named, list(dict.fromkeys(name for row in listed for name in row)), "events")
    return renamed


def _renamed(row: Mapping[str, Any], mapping: ColumnMapping) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise UsageError(
            f"`{str(row)[:40]}` is no event",
            code="events-not-readable",
            way_out="give dictionaries with `id`, `account`, `kind`, `at`",
        )
    names = mapping.names_of(row, "events")
    return {name: value for name, value in zip(names, row.values(), strict=True) if name is not None}


def _stream(events: ArrowStream) -> pa.RecordBatchReader:
    """The record batches, without the index of a pandas table."""
    stream = pa.RecordBatchReader.from_stream(events)
    kept = [name for name in stream.schema.names if not _INDEX_OF_PANDAS.fullmatch(name)]
    if len(kept) == len(stream.schema.names):
        return stream
    schema = pa.schema([stream.schema.field(name) for name in kept])
    return pa.RecordBatchReader.from_batches(schema, (batch.select(kept) for batch in stream))
