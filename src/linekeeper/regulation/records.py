"""Regulation packs: dated records of what the law asks, by jurisdiction and product. Material, not legal advice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, get_args
from typing import Literal as OneOf

from linekeeper.core.dates import epoch_day
from linekeeper.core.errors import UsageError
from linekeeper.texts.material import MaterialError, read_yaml, shipped

RecordStatus = OneOf["published", "unverified", "draft", "house"]
PeriodUnit = OneOf["days", "business_days", "months"]
RECORD_STATUSES: tuple[RecordStatus, ...] = get_args(RecordStatus)
PERIOD_UNITS: tuple[PeriodUnit, ...] = get_args(PeriodUnit)
RECORD_KEYS = ("id", "jurisdiction", "products", "applies", "effective", "parameter", "source", "status", "clock")
ANY = "any"
_FORMER_STATUSES = {"found": "published"}  # read for one version more


@dataclass(frozen=True, slots=True)
class NoticePeriod:
    """How long a clock runs after a decision, or before the decision takes effect.

    `alarm_hours`: so many hours before the end of the period somebody should look.
    """

    actions: tuple[str, ...]
    length: int
    unit: PeriodUnit
    when: OneOf["after", "before"]
    alarm_hours: int


@dataclass(frozen=True, slots=True)
class RegulationRecord:
    """One record, in force from `from_day` to `to_day`, both included. None leaves that end open.

    status: `published`: read in a public text; `unverified`: check the primary text before relying on it; `draft`:
    not law yet; `house`: the lender's own rule, where the law names no time.
    """

    id: str
    jurisdiction: str
    products: tuple[str, ...]
    applies: str
    from_day: int | None
    to_day: int | None
    source: str
    status: RecordStatus
    parameter: Mapping[str, Any] = field(default_factory=dict)
    clock: NoticePeriod | None = None

    def in_force(self, jurisdiction: str, product: str, day: int) -> bool:
        """Whether the record binds this product there on that local day. A draft binds nobody."""
        place = self.jurisdiction in (ANY, jurisdiction)
        dated = (self.from_day is None or self.from_day <= day) and (self.to_day is None or day <= self.to_day)
        return place and dated and self.status != "draft" and (ANY in self.products or product in self.products)


def in_force(
    records: Iterable[RegulationRecord], jurisdiction: str, product: str, day: int
) -> tuple[RegulationRecord, ...]:
    """The records that bind a product on a local day (days since 1970-01-01).

    >>> records = in_force(shipped_records(), "US", "credit_card", 20_575)
    >>> [record.id for record in records if record.clock and "decrease" in record.clock.actions]
    ['house-notice', 'us-regb-adverse-action-notice']
    """
    return tuple(record for record in records if record.in_force(jurisdiction, product, day))


# ------------------------------------------------------------------ reading


@cache
def shipped_records() -> tuple[RegulationRecord, ...]:
    """All records that come with the product, by id."""
    return read_records(shipped("regulation"))


def known_jurisdiction(text: str) -> str:
    """A jurisdiction as the records name it, in whatever case it was written. Raises UsageError where there is none.

    >>> known_jurisdiction("eu")
    'EU'
    """
    return _known(text, "jurisdiction", {record.jurisdiction for record in shipped_records()})


def known_product(text: str) -> str:
    """The same of a product.

    >>> known_product("Credit_Card")
    'credit_card'
    """
    return _known(text, "product", {product for record in shipped_records() for product in record.products})


def _known(text: str, what: str, names: set[str]) -> str:
    by_lower = {name.lower(): name for name in names - {ANY}}
    if text.lower() not in by_lower:
        raise UsageError(
            f"`{text[:40]}` is no {what} of the regulation records",
            code="choice-not-known",
            way_out=f"use one of {', '.join(sorted(by_lower.values()))}",
            details={"given": text[:40]},
        )
    return by_lower[text.lower()]


def read_records(folder: Path) -> tuple[RegulationRecord, ...]:
    """All records of the YAML files of a folder, by id. `MaterialError` names the record that cannot be used."""
    records = [_record(path.name, raw) for path in sorted(folder.glob("*.yaml")) for raw in read_yaml(path) or ()]
    ids = [record.id for record in records]
    twice = next((name for name in ids if ids.count(name) > 1), None)
    if twice:
        raise MaterialError(
            f"the record `{twice}` stands twice in the regulation packs",
            code="material-not-complete",
            way_out="keep one",
            details={"record": twice},
        )
    return tuple(sorted(records, key=lambda record: record.id))


def _record(file: str, raw: Mapping[str, Any]) -> RegulationRecord:
    name = raw.get("id", "?")
    unknown = sorted(set(raw) - set(RECORD_KEYS))
    missing = sorted(set(RECORD_KEYS) - {"parameter", "clock"} - set(raw))
    status = _FORMER_STATUSES.get(raw.get("status", ""), raw.get("status"))
    if unknown or missing or status not in RECORD_STATUSES:
        wrong = unknown or missing or [f"status: {status}"]
        raise MaterialError(
            f"the record `{name}` in `{file}` is not complete or not known: {', '.join(wrong)}",
            code="material-not-complete",
            place=str(file),
            details={"record": name},
        )
    effective = raw["effective"]
    return RegulationRecord(
        id=name,
        jurisdiction=raw["jurisdiction"],
        products=tuple(raw["products"]),
        applies=raw["applies"],
        from_day=_day(effective.get("from")),
        to_day=_day(effective.get("to")),
        source=raw["source"],
        status=status,
        parameter=raw.get("parameter") or {},
        clock=_period(name, raw["clock"]) if raw.get("clock") else None,
    )


def _day(value: date | None) -> int | None:
    return None if value is None else epoch_day(value)


def _period(name: str, raw: Mapping[str, Any]) -> NoticePeriod:
    units = [unit for unit in PERIOD_UNITS if unit in raw]
    if len(units) != 1 or raw.get("when") not in ("after", "before") or not raw.get("actions"):
        raise MaterialError(
            f"the clock of `{name}` needs `actions`, `when: after` or `before`, and one of {PERIOD_UNITS}",
            code="material-not-complete",
            details={"record": name},
        )
    return NoticePeriod(tuple(raw["actions"]), int(raw[units[0]]), units[0], raw["when"], int(raw["alarm_hours"]))
