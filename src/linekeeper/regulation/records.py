"""Rule packs: dated records of what the law asks, by jurisdiction and product. Material, not legal advice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from typing import Literal as OneOf

from linekeeper.texts.language import epoch_day
from linekeeper.texts.material import MaterialError, read_yaml, shipped

RecordStatus = OneOf["found", "unverified", "draft", "house"]
RECORD_STATUSES: tuple[RecordStatus, ...] = ("found", "unverified", "draft", "house")
CLOCK_UNITS = ("days", "business_days", "months")
RECORD_KEYS = ("id", "jurisdiction", "products", "applies", "effective", "parameter", "source", "status", "clock")
ANY = "any"


@dataclass(frozen=True, slots=True)
class NoticePeriod:
    """How long a clock runs, after an action or before it takes effect, and how many hours before its end it alarms."""

    actions: tuple[str, ...]
    length: int
    unit: OneOf["days", "business_days", "months"]
    when: OneOf["after", "before"]
    alarm_hours: int


@dataclass(frozen=True, slots=True)
class RegulationRecord:
    """One record. In force from `from_day` (None: since before this pack) to `to_day` (None: open), both included.

    status: `found` in a public text; `unverified`: check the primary text before relying on it; `draft`: not law
    yet; `house`: our own rule, where the law names no time.
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
        """Does the record bind this product there on that day? A draft never does."""
        place = self.jurisdiction in (ANY, jurisdiction)
        dated = (self.from_day is None or self.from_day <= day) and (self.to_day is None or day <= self.to_day)
        return place and dated and self.status != "draft" and (ANY in self.products or product in self.products)


def in_force(
    rules: Iterable[RegulationRecord], jurisdiction: str, product: str, day: int
) -> tuple[RegulationRecord, ...]:
    """The records that bind a product on a local day (days since 1970-01-01).

    >>> found = in_force(shipped_records(), "US", "credit_card", 20_575)
    >>> [rule.id for rule in found if rule.clock and "decrease" in rule.clock.actions]
    ['house-notice', 'us-regb-adverse-action-notice']
    """
    return tuple(rule for rule in rules if rule.in_force(jurisdiction, product, day))


@cache
def shipped_records() -> tuple[RegulationRecord, ...]:
    """All records that come with the product, by id."""
    return read_records(shipped("regulation"))


def read_records(folder: Path) -> tuple[RegulationRecord, ...]:
    """All records of the YAML files of a folder, by id. `MaterialError` names the record that cannot be used."""
    rules = [_rule(path.name, raw) for path in sorted(folder.glob("*.yaml")) for raw in read_yaml(path) or ()]
    ids = [rule.id for rule in rules]
    twice = next((name for name in ids if ids.count(name) > 1), None)
    if twice:
        raise MaterialError(f"the record `{twice}` stands twice in the regulation packs; keep one")
    return tuple(sorted(rules, key=lambda rule: rule.id))


def _rule(file: str, raw: Mapping[str, Any]) -> RegulationRecord:
    name = raw.get("id", "?")
    unknown = sorted(set(raw) - set(RECORD_KEYS))
    missing = sorted(set(RECORD_KEYS) - {"parameter", "clock"} - set(raw))
    if unknown or missing or raw["status"] not in RECORD_STATUSES:
        wrong = unknown or missing or [f"status: {raw['status']}"]
        raise MaterialError(f"the record `{name}` in `{file}` is not complete or not known: {', '.join(wrong)}")
    effective = raw["effective"]
    return RegulationRecord(
        id=name,
        jurisdiction=raw["jurisdiction"],
        products=tuple(raw["products"]),
        applies=raw["applies"],
        from_day=_day(effective.get("from")),
        to_day=_day(effective.get("to")),
        source=raw["source"],
        status=raw["status"],
        parameter=raw.get("parameter") or {},
        clock=_period(name, raw["clock"]) if raw.get("clock") else None,
    )


def _day(value: date | None) -> int | None:
    return None if value is None else epoch_day(value)


def _period(name: str, raw: Mapping[str, Any]) -> NoticePeriod:
    units = [unit for unit in CLOCK_UNITS if unit in raw]
    if len(units) != 1 or raw.get("when") not in ("after", "before") or not raw.get("actions"):
        raise MaterialError(
            f"the clock of `{name}` needs `actions`, `when: after` or `before`, and one of {CLOCK_UNITS}"
        )
    return NoticePeriod(tuple(raw["actions"]), int(raw[units[0]]), units[0], raw["when"], int(raw["alarm_hours"]))  # type: ignore[arg-type]
