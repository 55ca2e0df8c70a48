"""Lines of text files: each one is read on its own, so that one bad line does not affect any other."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from linekeeper.core.event import Rejection

LINE_BYTES_MAX = 65_536
TOO_LONG = f"the line is longer than {LINE_BYTES_MAX} bytes"
NOT_UTF8 = "the line is not UTF-8"


class CellMarks(NamedTuple):
    """What stands between the cells of a line, and around those that hold it (None: nothing does)."""

    delimiter: str = ","
    quote: str | None = '"'


COMMA = CellMarks()
CellColumns = tuple[list[pa.Array], np.ndarray, list[Rejection]]  # by column; the lines' numbers; the bad lines


class LineError(ValueError):
    """Why a line cannot be read, in one lower-case sentence."""


def lines_of(file: BinaryIO, first: int = 1) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers; of a line that is too long the start alone, a byte more than allowed."""
    line = first
    while raw := file.readline(LINE_BYTES_MAX + 1):
        yield line, raw
        line += 1
        while len(raw) > LINE_BYTES_MAX and not raw.endswith(b"\n"):
            raw = file.readline(LINE_BYTES_MAX + 1) or b"\n"


def decode_line(raw: bytes) -> str:
    """The line as text; raises LineError."""
    if len(raw) > LINE_BYTES_MAX:
        raise LineError(TOO_LONG)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise LineError(NOT_UTF8) from None


# ------------------------------------------------------------------ JSON


def json_of(raw: bytes) -> dict[str, Any] | None:
    """One JSON object, decimals kept exact; None where the line is blank; raises LineError.

    >>> json_of(b'{"amount": 12.50}')
    {'amount': Decimal('12.50')}
    """
    text = decode_line(raw).strip()
    if not text:
        return None
    tree = strict_json(text)
    if not isinstance(tree, dict):
        raise LineError("the line is not a JSON object")
    return tree


def strict_json(text: str, what: str = "the line") -> Any:
    """The value of a text of JSON, decimals kept exact; `what` is how an error names the text. Raises LineError.

    >>> strict_json('{"limit": 1, "limit": 2}', "the body")
    Traceback (most recent call last):
    linekeeper.connect.text_lines.LineError: the body gives `limit` twice
    """
    try:
        return _DECODER.decode(text)
    except _KeyTwice as twice:
        raise LineError(f"{what} gives `{ascii(twice.args[0])[1:-1][:34]}` twice") from None
    except LineError:
        raise
    except json.JSONDecodeError as error:
        raise LineError(f"{what} is not JSON: {error.msg.lower()} at character {error.colno}") from None
    except (ValueError, RecursionError, ArithmeticError):  # a number of thousands of digits, a nest too deep
        raise LineError(f"{what} is larger or deeper than an event can be") from None


class _KeyTwice(Exception):
    """The key that stands twice in one object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _KeyTwice(next(key for key in keys if keys.count(key) > 1))
    return tree


def _no_constant(word: str) -> None:
    raise LineError(f"`{word}` is no number")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_float=Decimal, parse_constant=_no_constant)


# ------------------------------------------------------------------ CSV


def csv_of(raw: bytes, marks: CellMarks = COMMA) -> list[str]:
    """The cells of one line, none where it is blank; raises LineError.

    >>> csv_of(b'e1,"a ""quoted"" cell",5')
    ['e1', 'a "quoted" cell', '5']
    """
    quoting: Any = csv.QUOTE_MINIMAL if marks.quote else csv.QUOTE_NONE
    line = [decode_line(raw).rstrip("\r\n")]
    try:
        cells = csv.reader(line, delimiter=marks.delimiter, quotechar=marks.quote, quoting=quoting, strict=True)
        return next(cells, [])
    except csv.Error as error:
        raise LineError(f"the line is not CSV: {error}") from None


def cells_of(raw: bytes, width: int, first: int, marks: CellMarks = COMMA) -> CellColumns:
    """Whole lines of CSV as `width` text columns (an empty cell is null), their line numbers, and the bad ones.

    `first` is the number of the first line. One line is one row: no cell may hold a line break.
    """

    columns = _clean_columns(raw, width, marks)
    if columns is not None:
        return columns, np.arange(first, first + len(columns[0])), []
    return _careful_columns(raw, width, first, marks)


def _clean_columns(raw: bytes, width: int, marks: CellMarks) -> list[pa.Array] | None:
    """The columns where nothing needs care; None where anything might."""

    count = _clean_lines(raw, marks)
    if not count or not width:
        return None
    names = [str(place) for place in range(width)]
    try:
        table = arrow_csv.read_csv(
            BytesIO(raw),
            read_options=arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=2 * len(raw)),
            parse_options=arrow_csv.ParseOptions(delimiter=marks.delimiter, quote_char=marks.quote or False),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
            ),
        )
    except pa.ArrowInvalid:
        return None
    return [column.combine_chunks() for column in table.columns] if table.num_rows == count else None


def _clean_lines(raw: bytes, marks: CellMarks) -> int:
    """How many lines, if none is blank or overlong and each quoted cell is quoted whole and plainly; else 0."""

    codes = np.frombuffer(raw if raw.endswith(b"\n") else raw + b"\n", np.uint8)
    ends = np.flatnonzero(codes == ord("\n"))
    lengths = np.diff(ends, prepend=-1)
    mark = ord(marks.delimiter)
    quotes = np.flatnonzero(codes == ord(marks.quote)) if marks.quote else np.empty(0, np.int64)
    opens, closes = quotes[0::2], quotes[1::2]
    clean = (
        not raw.startswith(codecs.BOM_UTF8)  # which is text here, and which Arrow would drop
        and raw.count(b"\r") == raw.count(b"\r\n")
        and lengths.min() > 2
        and lengths.max() <= LINE_BYTES_MAX
        and len(opens) == len(closes)
        and np.isin(
            codes[opens - 1], [mark, ord("\n")]
        ).all()  # before the first byte stands, by index -1, the last: a \n
        and np.isin(codes[closes + 1], [mark, *b"\r\n"]).all()
        and (np.searchsorted(ends, opens) == np.searchsorted(ends, closes)).all()
    )
    return len(ends) if clean else 0


def _careful_columns(raw: bytes, width: int, first: int, marks: CellMarks) -> CellColumns:
    """The same, line by line."""

    rows: list[list[str]] = []
    lines: list[int] = []
    aside: list[Rejection] = []
    for line, text in lines_of(BytesIO(raw), first):
        try:
            cells = csv_of(text, marks)
            if cells and len(cells) != width:
                raise LineError(f"the line has {len(cells)} cells and the header {width}")
        except LineError as bad:
            aside.append(Rejection(f"line {line}", str(bad)))
            continue
        if cells:
            rows.append(cells)
            lines.append(line)
    columns = list(zip(*rows, strict=True)) or [()] * width
    arrays = [pa.array([cell or None for cell in column], pa.string()) for column in columns]
    return arrays, np.array(lines, dtype=np.int64), aside
