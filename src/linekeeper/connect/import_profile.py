"""What an import would give, before anything is written: each field with its range, each reason to reject rows."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from linekeeper.connect.files import OWN_COLUMNS, ShowShare, files_of, open_source
from linekeeper.connect.large_files import ImportSummary, end_on_interruption, import_file
from linekeeper.connect.layout import Format
from linekeeper.connect.mapping import ColumnMapping
from linekeeper.core.dates import date_of
from linekeeper.core.event import Rejection
from linekeeper.engine.clock import Clock
from linekeeper.engine.contract import broken_terms, demand_fitting, figures_of
from linekeeper.kernel.calendar import calendar

if TYPE_CHECKING:
    from linekeeper.policy.model import Policy

EXAMPLES = 3
PLACES_SHOWN = 5
VALUE = re.compile(
    r"^(`[^`]+` is ).*?(, which .*|, out of bounds.*|, more than .*|, before .*|, longer than .*|, with .*)$", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class FieldProfile:
    """One field of one kind. `unit`: money, count, days, share, flag, category, text, date or instant.

    `missing`: how many events of the kind have none. `low`, `median`, `high`: money in minor units, shares in basis
    points, dates and instants in ISO 8601; None for words.
    """

    kind: str
    name: str
    unit: str
    events: int
    missing: int
    low: int | str | None
    median: int | str | None
    high: int | str | None
    examples: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class ReasonProfile:
    """One reason to reject rows, without the value; how many rows it rejects, and where the first of them stand."""

    reason: str
    rows: int
    places: tuple[str, ...]
    example: str


@dataclass(frozen=True, slots=True)
class ImportProfile:
    """What an import would give. `notes`: what a person should look at before trusting it.

    `broken`: a sentence for each term of the mapping's contract that the files break, as far as no store is needed.
    """

    summary: ImportSummary
    events: int
    accounts: int
    by_kind: dict[str, int]
    fields: tuple[FieldProfile, ...]
    reasons: tuple[ReasonProfile, ...]
    unused_columns: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())
    broken: tuple[str, ...] = field(default=())


def profile_import(
    paths: Sequence[Path],
    policy: Policy,
    columns: ColumnMapping | None = None,
    form: Format | None = None,
    progress: ShowShare | None = None,
    clock: Clock | None = None,
) -> ImportProfile:
    """Read the files as an import does, into a folder that goes away again, and describe what came of it."""
    with tempfile.TemporaryDirectory(prefix="linekeeper-") as folder:
        out = Path(folder, "events.parquet")
        summary = import_file(paths, policy, out, columns, form, progress, clock)
        with duckdb.connect() as database, end_on_interruption(database):
            database.read_parquet(str(out)).create_view("events")
            profiles = tuple(_profiles(database, policy))
            rows = database.execute("SELECT kind, count(*) FROM events GROUP BY kind ORDER BY kind").fetchall()
            (accounts,) = database.execute("SELECT count(DISTINCT account) FROM events").fetchall()[0]
        broken = tuple(_broken_sentences(out, policy, columns, summary, clock or Clock()))
    by_kind: dict[str, int] = dict(rows)
    reasons = grouped_reasons(summary.rejected)
    unread = unused_columns(paths, columns or OWN_COLUMNS, form)
    notes = tuple(_notes(profiles, summary))
    return ImportProfile(summary, sum(by_kind.values()), accounts, by_kind, profiles, reasons, unread, notes, broken)


def _broken_sentences(
    events: Path, policy: Policy, columns: ColumnMapping | None, summary: ImportSummary, clock: Clock
) -> Iterable[str]:
    """What the mapping's contract, where it has one, would hold the files for in a new store."""
    contract = columns.contract if columns else None
    if contract is None:
        return
    demand_fitting(contract, policy)

    def parts() -> Iterator[pa.Table]:
        with pq.ParquetFile(events.absolute()) as file:
            yield from (pa.Table.from_batches([batch]) for batch in file.iter_batches())

    rejected, zone = summary.rejected, calendar(policy.time_zone)
    figures = figures_of(parts(), policy, zone, clock, len(rejected), summary.same, summary.cut_short)
    for each in broken_terms(contract, figures, (), parts, rejected, policy):
        yield each.with_examples


def _profiles(database: duckdb.DuckDBPyConnection, policy: Policy) -> Iterable[FieldProfile]:
    present = set(database.table("events").columns)
    kinds = {kind for (kind,) in database.execute("SELECT DISTINCT kind FROM events").fetchall()}
    for kind in policy.kinds:
        if kind.name not in kinds:
            continue
        units = {"account": "text", "at": "instant"}
        units |= {each.name: "date" if each.is_date else each.unit for each in kind.fields}
        units |= dict.fromkeys(kind.text, "text")
        for name, unit in units.items():
            yield _profile(database, kind.name, name, unit, name in present, ZoneInfo(policy.time_zone))


def _profile(
    database: duckdb.DuckDBPyConnection, kind: str, name: str, unit: str, present: bool, zone: ZoneInfo
) -> FieldProfile:
    column = f'"{name}"' if present else "NULL::BIGINT"
    query = f"""
        SELECT count(*), count(value), min(value), quantile_disc(value, 0.5), max(value)
        FROM (SELECT {column} AS value FROM events WHERE kind = ?)
    """
    events, known, *numbers = database.execute(query, [kind]).fetchall()[0]
    query = f"""
        SELECT value FROM (SELECT {column} AS value, row_number() OVER () AS place FROM events WHERE kind = ?)
        WHERE value IS NOT NULL GROUP BY value ORDER BY min(place) LIMIT {EXAMPLES}
    """
    examples = [value for (value,) in database.execute(query, [kind]).fetchall()]
    words = unit in ("category", "text")
    low, median, high = (None if words else _shown(value, unit, zone) for value in numbers)
    shown = tuple(_shown(value, unit, zone) for value in examples)
    return FieldProfile(kind, name, unit, events, events - known, low, median, high, shown)


def _shown(value: Any, unit: str, zone: ZoneInfo) -> Any:
    """Dates and instants in ISO 8601, others as they are."""
    if value is None:
        return None
    if unit == "date":
        return date_of(value).isoformat()
    if unit == "instant":
        instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)
        return instant.astimezone(zone).isoformat(timespec="seconds")
    return value


def grouped_reasons(rejected: Iterable[Rejection]) -> tuple[ReasonProfile, ...]:
    """The reasons, the most frequent first; those that differ only in the value count as one.

    >>> rows = [Rejection(f"line {n}", f"`amount` is 'x{n}', which is not a whole number") for n in (4, 9)]
    >>> grouped_reasons(rows)[0].reason, grouped_reasons(rows)[0].places
    ('`amount` is ..., which is not a whole number', ('line 4', 'line 9'))
    """
    groups: dict[str, list[Rejection]] = {}
    for row in rejected:
        groups.setdefault(VALUE.sub(r"\1...\2", row.reason), []).append(row)
    profiles = [
        ReasonProfile(reason, len(rows), tuple(row.place for row in rows[:PLACES_SHOWN]), rows[0].reason)
        for reason, rows in groups.items()
    ]
    return tuple(sorted(profiles, key=lambda each: -each.rows))


def unused_columns(paths: Sequence[Path], mapping: ColumnMapping, form: Format | None) -> tuple[str, ...]:
    """The columns of the files that no event of the mapping reads. Without `events` there are none."""
    if not mapping.events:
        return ()
    expressions = [each for template in mapping.events for each in (*template.fields.values(), template.when) if each]
    read = {name for each in (*expressions, mapping.skip) if each for name in each.columns}
    unread: dict[str, None] = {}
    for path in files_of(paths):
        source = open_source(path, mapping.layout, form)
        source.close()
        names = [(column, mapping.name_of(column)) for column in source.names or ()]
        unread |= dict.fromkeys(column for column, name in names if name is not None and name not in read)
    return tuple(unread)


def _notes(profiles: Sequence[FieldProfile], summary: ImportSummary) -> Iterable[str]:
    yield from summary.notes
    for each in profiles:
        if each.unit == "money" and each.events > 1 and each.low == each.high and each.low is not None:
            yield f"`{each.name}` of every `{each.kind}` is the same"
        if each.events and each.missing == each.events:
            yield f"no `{each.kind}` has `{each.name}`"
