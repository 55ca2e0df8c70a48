"""Where a command is killed: a folder with the keys, the public log and the files that are read, and a store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """The folder, and the URL of the store."""

    folder: Path
    url: str

    @property
    def keys(self) -> Path:
        """The folder of the log's keys."""
        return self.folder / "keys"
