"""How a file is laid out: its format, its encoding, what stands between cells, where its header is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal as OneOf
from typing import get_args

from linekeeper.core.errors import FileError

Format = OneOf["jsonl", "csv", "parquet", "excel", "fixed", "camt"]
FILE_FORMATS: tuple[Format, ...] = get_args(Format)
SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet",
    ".xlsx": "excel", ".xlsm": "excel", ".xml": "camt",
}  # fmt: skip
# The encodings that banks write. Their names here are Python's; each reads `\n` as one byte or one character.
ENCODINGS = (
    "utf-8", "gb18030", "big5", "shift_jis", "euc_kr", "utf-16", "latin-1", "cp1252", "cp1250", "cp1251", "cp850",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileLayout:
    """What a mapping says of the file itself; None where it says nothing.

    `header`: the line (row) of the header, 0 for none. `fields`, of fixed width: by name the first place (from 1) and
    the length, 0 for all that is left of the line.
    """

    format: Format | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = '"'
    header: int = 1
    sheet: str | None = None
    fields: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    count_bytes: bool = False
    skip_lines: tuple[str, ...] = ()


def format_of(path: Path) -> Format:
    """The format that a file's name says.

    >>> format_of(Path("may.ndjson"))
    'jsonl'
    """
    if path.suffix.lower() in SUFFIXES:
        return SUFFIXES[path.suffix.lower()]
    raise FileError(
        f"`{path.name}` does not say what it is",
        code="file-format-not-known",
        way_out="name it .jsonl, .csv, .parquet or .xlsx, or say its `format` in a mapping",
        place=str(path),
    )
