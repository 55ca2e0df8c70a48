"""What the demo keeps of itself in its folder, so that a second run shows the first instead of beginning again."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from linekeeper.core.bounded import SETTINGS_BYTES_MAX, read_bounded
from linekeeper.core.errors import FileError, UsageError

STORE = "lines.db"
EVENTS = "events.parquet"
KEY_FOLDER, LOG_FOLDER, PAGE_FOLDER = "keys", "log", "pages"
RECORD = "demo.json"
_FILES = (STORE, f"{STORE}-shm", f"{STORE}-wal", EVENTS, RECORD)
_FOLDERS = (KEY_FOLDER, LOG_FOLDER, PAGE_FOLDER)


@dataclass(frozen=True, slots=True)
class DemoPopulation:
    """What a demo is about. The same population in the same store is the same demo."""

    accounts: int
    days: int
    seed: int
    store: str

    @property
    def words(self) -> str:
        """As the report begins."""
        return f"{self.accounts:,} borrowers, {self.days} days, seed {self.seed}"


def figures_of_last_run(folder: Path, population: DemoPopulation) -> dict[str, Any] | None:
    """The figures that an earlier run of this demo came to; None where there was none, or it did not end.

    What is left of a run that did not end, or that lost its store, is deleted from the folder: its log cannot go on
    without the store. Raises UsageError where the folder holds the demo of another population.
    """
    record = folder / RECORD
    if not record.exists():
        return None
    try:
        kept = json.loads(read_bounded(record, SETTINGS_BYTES_MAX))
        earlier, figures = DemoPopulation(**kept["population"]), kept["figures"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise FileError(
            f"`{record}` is damaged, which says what the folder holds",
            code="demo-record-not-readable",
            way_out="make the demo once more with `--again`",
            place=str(record),
        ) from None
    if earlier != population:
        raise UsageError(
            f"`{folder}` holds the demo of {earlier.words}, in the store `{earlier.store}`",
            code="demo-of-another-population",
            way_out="name another folder with `--folder`, or make this one once more with `--again`",
            details={"folder": str(folder), "population": asdict(earlier)},
        )
    is_own = population.store == str(folder / STORE)
    if figures and not (is_own and not (folder / STORE).exists()):
        return dict(figures)
    if is_own:
        clear_folder(folder)
    return None


def keep_record(folder: Path, population: DemoPopulation, figures: dict[str, Any] | None) -> None:
    """Note which population the folder is about, and what the run over it came to once it has ended."""
    record = {"population": asdict(population), "figures": figures}
    (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def clear_folder(folder: Path) -> None:
    """Delete what an earlier demo made in its folder, and nothing else; a folder without a demo stays as it is."""
    if not (folder / RECORD).exists():
        return
    for name in _FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
