"""Files of text become raw rows: separated cells, fixed width, and one JSON object a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from linekeeper.connect.encodings import LineReader, encoding_of
from linekeeper.connect.layout import FileLayout
from linekeeper.connect.raw_rows import RawBlock, RawSource
from linekeeper.connect.text_lines import CellMarks, LineError, cells_of, csv_of, decode_line, json_of, lines_of
from linekeeper.core.errors import FileError
from linekeeper.core.event import Rejection

BLOCK_BYTES = 2**23
SEPARATOR_LINE = re.compile(rb"sep=([^\r\n])\r?\n?")  # how Excel says what separates the cells below
LIKELY_DELIMITERS = {";": ";", "\t": "tab", "|": "|"}

NumberedText = tuple[int, bytes, list[Rejection]]  # the number of the first line, whole lines, what cannot be read


def open_lines(path: Path, layout: FileLayout) -> tuple[LineReader, str]:
    """The lines of a file in the encoding that is named, or detected; and the latter's name, if it is not UTF-8."""
    encoding = layout.encoding or encoding_of(path)
    return LineReader(path, encoding), "" if layout.encoding or encoding == "utf-8" else encoding


def _blocks(
    reader: LineReader, layout: FileLayout, ahead: NumberedText | None = None
) -> Iterator[tuple[NumberedText, int]]:
    """What is left of the file in blocks, and how many lines of each were skipped; these come out blank."""
    prefixes = tuple(prefix.encode() for prefix in layout.skip_lines)
    while block := ahead or reader.block(BLOCK_BYTES):
        ahead = None
        first, raw, rejected = block
        raw, skipped = _without_prefixes(raw, prefixes) if prefixes else (raw, 0)
        yield (first, raw, rejected), skipped


def _without_prefixes(raw: bytes, prefixes: tuple[bytes, ...]) -> tuple[bytes, int]:
    lines = raw.split(b"\n")
    kept = [b"" if line.startswith(prefixes) else line for line in lines]
    return b"\n".join(kept), sum(line.startswith(prefixes) for line in lines)


# ------------------------------------------------------------------ separated cells


def read_csv(path: Path, layout: FileLayout) -> RawSource:
    """Separated cells, one line a row; an empty cell is absent. A column without a name is `column_1` by its place."""
    reader, detected = open_lines(path, layout)
    try:
        names, marks, ahead = _header(reader, layout, path.name)
    except FileError:
        reader.close()
        raise
    blocks = _csv_blocks(reader, layout, names, marks, ahead)
    return RawSource(tuple(names), "line", blocks, False, detected, reader.close)


def _header(reader: LineReader, layout: FileLayout, place: str) -> tuple[list[str], CellMarks, NumberedText | None]:
    """The names of the columns, what separates cells, and, where there is no header, what was read to count them."""
    first = reader.line()
    if first is None:
        raise FileError(f"`{place}` is empty", code="file-empty", place=place)
    named = SEPARATOR_LINE.fullmatch(first[1])
    if named:
        first = reader.line() or (2, b"", [])
    delimiter = named[1].decode("latin-1") if named else layout.delimiter
    marks = CellMarks(delimiter or ",", layout.quote)
    if layout.header:
        while first[1] and first[0] < layout.header:
            first = reader.line() or (reader.number, b"", [])
        cells = _cells_of_header(first, marks, place)
        _check_delimiter(cells, delimiter, place)
        return [cell or f"column_{number}" for number, cell in enumerate(cells, 1)], marks, None
    row, ahead = _first_row(reader, layout, first)
    width = len(_cells_of_header(row, marks, place))
    return [f"column_{number}" for number in range(1, width + 1)], marks, ahead


def _first_row(reader: LineReader, layout: FileLayout, first: NumberedText) -> tuple[NumberedText, NumberedText | None]:
    """The first line that is a row, and all lines up to it, which are to be read once more."""
    prefixes = tuple(prefix.encode() for prefix in layout.skip_lines)
    line, raw, rejected = first, first[1], first[2]
    while line[1] and (not line[1].strip() or line[1].startswith(prefixes)):
        line = reader.line() or (reader.number, b"", [])
        raw, rejected = raw + line[1], rejected + line[2]
    return line, (first[0], raw, rejected) if raw else None


def _cells_of_header(line: NumberedText, marks: CellMarks, place: str) -> list[str]:
    try:
        if line[2]:
            raise LineError(line[2][0].reason)
        return csv_of(line[1], marks)
    except LineError as bad:
        raise FileError(
            f"the header of `{place}` cannot be read: {bad}",
            code="file-not-readable",
            way_out="where it is in another encoding, a mapping can name it (`encoding`)",
            place=place,
        ) from None


def _check_delimiter(cells: list[str], delimiter: str | None, place: str) -> None:
    if len(cells) == 1 and delimiter is None:
        for mark, name in LIKELY_DELIMITERS.items():
            if mark in cells[0]:
                raise FileError(
                    f"the header of `{place}` has no comma but `{name}` in it",
                    code="file-not-readable",
                    way_out=f"say `delimiter: '{name}'` in a mapping",
                    place=place,
                )


def _csv_blocks(
    reader: LineReader, layout: FileLayout, names: list[str], marks: CellMarks, ahead: NumberedText | None
) -> Iterator[RawBlock]:
    for (first, raw, bad), skipped in _blocks(reader, layout, ahead):
        texts, lines, aside = cells_of(raw, len(names), first, marks)
        columns = dict(zip(names, texts, strict=True))
        yield RawBlock(lines, columns, None, bad + aside, skipped, reader.share, reader.cut_short)


# ------------------------------------------------------------------ fixed width


def read_fixed(path: Path, layout: FileLayout) -> RawSource:
    """Cells by their places in the line, without the blanks around them; a cell of blanks alone is absent."""
    reader, detected = open_lines(path, layout)
    return RawSource(tuple(layout.fields), "line", _fixed_blocks(reader, layout), False, detected, reader.close)


def _fixed_blocks(reader: LineReader, layout: FileLayout) -> Iterator[RawBlock]:
    for (first, raw, aside), skipped in _blocks(reader, layout):
        rows, lines = [], []
        for line, text in lines_of(BytesIO(raw), first):
            try:
                cells = _fixed_cells(decode_line(text).rstrip("\r\n"), layout, reader.encoding)
            except LineError as bad:
                aside.append(Rejection(f"line {line}", str(bad)))
                continue
            if cells:
                rows.append(cells)
                lines.append(line)
        columns = list(zip(*rows, strict=True)) or [()] * len(layout.fields)
        arrays = {name: pa.array(column, pa.string()) for name, column in zip(layout.fields, columns, strict=True)}
        yield RawBlock(np.array(lines, np.int64), arrays, rejected=aside, skipped=skipped, share=reader.share)


def _fixed_cells(line: str, layout: FileLayout, encoding: str) -> list[str | None] | None:
    """The cells of one line, None where it is blank. A line that ends within a cell may be cut, and is refused."""
    if not line.strip():
        return None
    text: Any = line.encode(encoding) if layout.count_bytes else line
    cells = []
    for name, (start, length) in layout.fields.items():
        if length and start - 1 < len(text) < start - 1 + length:
            raise LineError(f"the line ends within `{name}`; a field without a length goes to the end of the line")
        cell = text[start - 1 : start - 1 + length] if length else text[start - 1 :]
        if isinstance(cell, bytes):
            try:
                cell = cell.decode(encoding)
            except UnicodeDecodeError:
                raise LineError(f"`{name}` begins or ends within a character") from None
        cells.append(cell.strip() or None)
    return cells


# ------------------------------------------------------------------ JSON Lines


def read_jsonl(path: Path, layout: FileLayout) -> RawSource:
    """One JSON object a line; blank lines are nothing. Numbers are read exactly."""
    reader, detected = open_lines(path, layout)
    return RawSource(None, "line", _json_blocks(reader, layout), True, detected, reader.close)


def _json_blocks(reader: LineReader, layout: FileLayout) -> Iterator[RawBlock]:
    for (first, raw, aside), skipped in _blocks(reader, layout):
        rows, lines = [], []
        for line, text in lines_of(BytesIO(raw), first):
            try:
                row = json_of(text)
            except LineError as bad:
                aside.append(Rejection(f"line {line}", str(bad)))
                continue
            if row is not None:
                rows.append(row)
                lines.append(line)
        yield RawBlock(np.array(lines, np.int64), rows=rows, rejected=aside, skipped=skipped, share=reader.share)
