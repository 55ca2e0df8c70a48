"""The example feeds: what each folder holds, and what its import gives."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from linekeeper.connect.files import Intake, read_event_file
from linekeeper.connect.mapping_file import load_columns
from linekeeper.policy.load import load_file
from tests.connect.feed_files import FEEDS

OWN_FILES = ("mapping.yaml", "expected.yaml")


@dataclass(frozen=True)
class Feed:
    """One folder: raw files as a bank writes them, the mapping, and the totals that the bank would expect."""

    folder: Path
    expected: dict[str, Any]

    @property
    def policy(self) -> Path:
        return FEEDS / f"lender-{self.expected['policy']}.yaml"

    @property
    def mapping(self) -> Path:
        return self.folder / "mapping.yaml"

    @property
    def raw(self) -> list[Path]:
        """The raw files or, where they stand in folders, these."""
        return sorted(path for path in self.folder.iterdir() if path.name not in OWN_FILES)

    def read(self) -> Intake:
        return read_event_file(self.raw, load_file(self.policy), load_columns(self.mapping))


def all_feeds() -> list[Feed]:
    """Every folder, in order."""
    folders = sorted(path for path in FEEDS.iterdir() if path.is_dir())
    return [Feed(folder, YAML(typ="safe", pure=True).load(folder / "expected.yaml")) for folder in folders]


def totals(intake: Intake, minor_digits: int = 2) -> dict[str, dict[str, Any]]:
    """By kind the number of events and the sums of their amounts, limits and days, written as the expectations are."""
    result: dict[str, dict[str, Any]] = {}
    for row in intake.table.to_pylist():
        kind = result.setdefault(row["kind"], {"count": 0})
        kind["count"] += 1
        for name in ("amount", "limit", "days"):
            if row.get(name) is not None:
                kind[name] = kind.get(name, 0) + row[name]
    for kind in result.values():
        for name in ("amount", "limit"):
            if name in kind:
                kind[name] = str(Decimal(kind[name]).scaleb(-minor_digits))
        if "days" in kind:
            kind["days"] = str(kind["days"])
    return result
