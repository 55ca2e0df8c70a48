"""A first contract, written from files that are known to be good, each of them one batch.

The ranges are what the files have, widened: the more files there are, the better their spread is known, and the less is
added to it. A person reads the contract before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from linekeeper.connect.contract_file import OTHER_DAYS
from linekeeper.connect.files import files_of, read_event_file
from linekeeper.connect.mapping import ColumnMapping
from linekeeper.core.bounds import DAY_MS
from linekeeper.core.errors import FileError
from linekeeper.engine.clock import Clock
from linekeeper.engine.contract import BatchFigures, figures_of
from linekeeper.kernel.calendar import calendar
from linekeeper.policy.dues import WEEKDAYS
from linekeeper.policy.model import Field, Kind, Policy

# How much room a range gets, from so many files on: a tenth for each point. A share or a median of n events is
# uncertain by 1/sqrt(n), and gets so much more for each point.
ROOM = ((10, 2), (3, 3), (1, 5))
MANY_OF_KIND = 30  # of a kind in each file: its median is steady
FEW_OF_KIND = 5  # with fewer, a kind may be absent from a good file, and its median says nothing
FEW_FACTOR = 3  # times that for the median of fewer
HIGHEST_FACTOR = 10  # times the most that was seen
SHARE_ROOM = Decimal(1)  # percentage points that may be rejected beyond what was
MISSING_ROOM = Decimal(5)


@dataclass(frozen=True, slots=True)
class GoodBatch:
    """The figures of one good file, and from when to when its events are (UTC ms)."""

    figures: BatchFigures
    first_at: int
    last_at: int

    def count(self, kind: str) -> Decimal:
        """How many events of that kind there are."""
        values = self.figures.values
        return values["volume"] * values.get(f"kinds.{kind}", Decimal()) / 100


def good_batches(paths: Sequence[Path], policy: Policy, columns: ColumnMapping | None, clock: Clock) -> list[GoodBatch]:
    """Each of the files as a batch, in order of time. Raises FileError where one of them has no event."""
    batches = []
    for path in files_of(paths):
        intake = read_event_file(path, policy, columns, clock=clock)
        if not intake.table.num_rows:
            raise FileError(f"`{path}` has no event", code="file-empty", place=str(path), way_out="name a good file")
        rejected, zone = len(intake.rejected), calendar(policy.time_zone)
        figures = figures_of([intake.table], policy, zone, clock, rejected, intake.same, intake.cut_short)
        bounds = pc.min_max(intake.table["at"]).as_py()
        batches.append(GoodBatch(figures, bounds["min"], bounds["max"]))
    return sorted(batches, key=lambda each: each.last_at)


def proposed_contract(batches: Sequence[GoodBatch], policy: Policy) -> dict[str, Any]:
    """The `contract` of a mapping file that all of these batches keep, as its YAML or JSON tree; amounts are texts."""
    room = next(points for files, points in ROOM if len(batches) >= files)
    counts = {kind.name: min(batch.count(kind.name) for batch in batches) for kind in _kinds_of(batches, policy)}
    tree: dict[str, Any] = {
        "volume": _volume(batches, 1 + Decimal(room) / 10),
        "kinds": _kinds(batches, room, counts),
        "missing": _missing(batches, policy),
        "medians": _medians(batches, policy, room, counts),
        "highest": _highest(batches, policy),
        "freshness": f"{_days_apart(batches)}d",
        "rejected": f"{_plain(_most(batches, 'rejected') + SHARE_ROOM)}%",
        "line_end": "yes" if all(batch.figures.values["line_end"] for batch in batches) else "no",
    }
    return {key: value for key, value in tree.items() if value != {}}


def contract_lines(tree: dict[str, Any], files: int) -> Iterator[str]:
    """The tree as YAML, in the form in which a person would write it."""
    yield f"# Proposed from {files} {'file' if files == 1 else 'files'}. Read it before you trust it."
    yield "contract:"
    for key, value in tree.items():
        if isinstance(value, dict):
            yield f"  {key}:"
            yield from (f"    {name}: {_flow(each)}" for name, each in value.items())
        else:
            yield f"  {key}: {_flow(value)}"
    if "known_accounts" not in tree:
        yield "  # known_accounts: 95%    # how many of the accounts the store has to know; no file says it"


def _flow(value: Any) -> str:
    return f"[{value[0]}, {value[1]}]" if isinstance(value, list) else str(value)


# ------------------------------------------------------------------ the terms


def _kinds_of(batches: Sequence[GoodBatch], policy: Policy) -> list[Kind]:
    return [kind for kind in policy.kinds if any(batch.count(kind.name) for batch in batches)]


def _volume(batches: Sequence[GoodBatch], wide: Decimal) -> Any:
    """Events in a batch; by weekday, where each weekday that there is has several files."""

    def volume_range(some: Sequence[GoodBatch]) -> list[Any]:
        seen = [batch.figures.values["volume"] for batch in some]
        return [_plain(min(seen) / wide, whole=True), _plain(max(seen) * wide, whole=True, up=True)]

    days = {day: [batch for batch in batches if batch.figures.weekday == day] for day in WEEKDAYS}
    days = {day: some for day, some in days.items() if some}
    if len(days) < 2 or min(map(len, days.values())) < 2:
        return volume_range(batches)
    return {day: volume_range(some) for day, some in days.items()} | {OTHER_DAYS: volume_range(batches)}


def _kinds(batches: Sequence[GoodBatch], room: int, counts: dict[str, Decimal]) -> dict[str, list[str]]:
    """The share of each kind; nothing of one that may be anything."""
    ranges = {kind: _share_range(batches, kind, room, count) for kind, count in counts.items()}
    return {kind: share for kind, share in ranges.items() if share != ["0%", "100%"]}


def _share_range(batches: Sequence[GoodBatch], kind: str, room: int, count: Decimal) -> list[str]:
    """The share of a kind; one of few events may be absent."""
    seen = [batch.figures.values[f"kinds.{kind}"] for batch in batches]
    factor = (1 + Decimal(room) / 10) * (1 + room / max(count, Decimal(FEW_OF_KIND)).sqrt())
    low = min(seen) / factor if count >= FEW_OF_KIND else Decimal()
    high = max(seen) * factor + (0 if count >= FEW_OF_KIND else SHARE_ROOM)
    return [f"{_plain(low)}%", f"{_plain(min(high, Decimal(100)), up=True)}%"]


def _missing(batches: Sequence[GoodBatch], policy: Policy) -> dict[str, str]:
    """How many events may lack a field that they need not have; nothing of a field that none has."""
    names = [
        f"{kind.name}.{name}"
        for kind in _kinds_of(batches, policy)
        for name in (*(each.name for each in kind.fields if each.optional), *kind.text)
    ]
    most = {name: _most(batches, f"missing.{name}") for name in names}
    return {name: f"{_plain(min(share + MISSING_ROOM, Decimal(100)))}%" for name, share in most.items() if share < 100}


def _medians(
    batches: Sequence[GoodBatch], policy: Policy, room: int, counts: dict[str, Decimal]
) -> dict[str, list[Any]]:
    ranges = {}
    for kind, each in _measured_fields(batches, policy):
        if counts[kind] >= FEW_OF_KIND:
            factor = 1 + room / counts[kind].sqrt()
            factor *= 1 if counts[kind] >= MANY_OF_KIND else FEW_FACTOR
            seen = [batch.figures.values[f"medians.{kind}.{each.name}"] for batch in batches]
            low, high = min(seen), max(seen)
            low, high = low / factor if low > 0 else low * factor, high * factor if high > 0 else high / factor
            ranges[f"{kind}.{each.name}"] = [str(_plain(low)), str(_plain(high, up=True))]
    return ranges


def _highest(batches: Sequence[GoodBatch], policy: Policy) -> dict[str, Any]:
    fields = [(kind, each) for kind, each in _measured_fields(batches, policy) if each.unit == "money"]
    names = [f"{kind}.{each.name}" for kind, each in fields]
    most = {name: _most(batches, f"highest.{name}") for name in names}
    return {name: str(_plain(value * HIGHEST_FACTOR, up=True)) for name, value in most.items() if value > 0}


def _measured_fields(batches: Sequence[GoodBatch], policy: Policy) -> Iterator[tuple[str, Field]]:
    """The fields of which some batch has a median, with the name of their kind."""
    for kind in _kinds_of(batches, policy):
        for each in kind.fields:
            if any(f"medians.{kind.name}.{each.name}" in batch.figures.values for batch in batches):
                yield kind.name, each


def _days_apart(batches: Sequence[GoodBatch]) -> int:
    """How many days a batch covers, or lies after the one before, and one more."""
    spans = [batch.last_at - batch.first_at for batch in batches]
    spans += [later.last_at - batch.last_at for batch, later in pairwise(batches)]
    return -(-max(spans) // DAY_MS) + 1


def _most(batches: Sequence[GoodBatch], name: str) -> Decimal:
    return max((batch.figures.values[name] for batch in batches if name in batch.figures.values), default=Decimal())


def _plain(value: Decimal, whole: bool = False, up: bool = False) -> Any:
    """The number to hundredths, or to whole ones from 100 on, as YAML and JSON have it."""
    unit = Decimal(1) if whole or abs(value) >= 100 else Decimal("0.01")
    rounded = value.quantize(unit, ROUND_CEILING if up else ROUND_FLOOR)
    return int(rounded) if rounded == rounded.to_integral_value() else float(rounded)
