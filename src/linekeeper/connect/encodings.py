"""Text files in the encodings that banks write become lines in UTF-8. What the first bytes make certain is detected."""

from __future__ import annotations

import codecs
from collections import Counter
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from linekeeper.connect.text_lines import LINE_BYTES_MAX
from linekeeper.core.errors import FileError
from linekeeper.core.event import Rejection

SAMPLE_BYTES = 2**20
ENDLESS_BYTES = 2**26  # more than any line that a mistake makes: what has none for so long is no text
COMMON_SHARE = 0.9  # of the characters beyond ASCII, in text that is taken for GB18030
REPLACED = "\ufffd"  # what a decoder puts in place of bytes that are no text


def encoding_of(path: Path) -> str:
    """The encoding that the first bytes show: UTF-16 by mark or zeros, GB18030 by its characters, else UTF-8."""
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for start, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        # Text in UTF-16 that is mostly digits and Latin letters has a zero in every second byte.
        if len(sample) > 1 and sample[start::2].count(0) * 10 > len(sample) * 4 > sample[1 - start :: 2].count(0) * 100:
            return name
    return "utf-8" if _decodes(sample, "utf-8") is not None or not _is_gb18030(sample) else "gb18030"


def _decodes(sample: bytes, encoding: str) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample)  # the last character may be cut
    except UnicodeDecodeError:
        return None


def _is_gb18030(sample: bytes) -> bool:
    """Whether this is surely GB18030: nearly all of its characters are the 3,755 common ones, or Chinese punctuation.

    Other encodings, and a mix of two, also decode as GB18030, but into characters that hardly anyone writes.
    """
    text = _decodes(sample, "gb18030")
    if text is None:
        return False
    counts = Counter(character for character in text if ord(character) > 127)
    common = sum(count for character, count in counts.items() if _is_common(character.encode("gb18030")))
    return 0 < sum(counts.values()) * COMMON_SHARE <= common


def _is_common(code: bytes) -> bool:
    return len(code) == 2 and (0xB0 <= code[0] <= 0xD7 or 0xA1 <= code[0] <= 0xA3) and code[1] >= 0xA1


class LineReader:
    """The lines of a file, in order, one by one or in blocks of whole lines, in UTF-8 without a mark at the start.

    A line that is not in the encoding comes out blank and is rejected by its number. Of one that is too long the start
    alone is kept, a byte more than is allowed.
    """

    def __init__(self, path: Path, encoding: str) -> None:
        self.encoding = encoding
        self._path = path
        self.number = 1  # of the next line
        self.cut_short = False  # whether the file ends without the end of a line
        self._size = max(path.stat().st_size, 1)
        self._bytes = path.open("rb")
        self._end: Any = b"\n"
        self._file: Any = self._bytes
        if encoding != "utf-8":
            self._end = "\n"
            self._file = TextIOWrapper(self._bytes, encoding=encoding, errors="replace", newline="\n")
        elif self._bytes.read(3) != codecs.BOM_UTF8:
            self._bytes.seek(0)

    def close(self) -> None:
        self._file.close()

    @property
    def share(self) -> float:
        """How much of the file has been read, 0 to 1."""
        return self._bytes.tell() / self._size

    def line(self) -> tuple[int, bytes, list[Rejection]] | None:
        """The next line with its number; None at the end."""
        return self._numbered(self._rest_of_line())

    def block(self, size: int) -> tuple[int, bytes, list[Rejection]] | None:
        """About `size` bytes of whole lines with the number of the first; None at the end."""
        piece = self._file.read(size)
        return self._numbered(piece if not piece or piece.endswith(self._end) else piece + self._rest_of_line())

    def _rest_of_line(self) -> Any:
        kept = piece = self._file.readline(LINE_BYTES_MAX + 1)
        passed = len(piece)
        while len(piece) > LINE_BYTES_MAX and not piece.endswith(self._end):
            piece = self._file.readline(LINE_BYTES_MAX + 1)
            passed += len(piece)
            if not piece or piece.endswith(self._end):
                return kept + self._end
            if passed > ENDLESS_BYTES:
                raise FileError(
                    f"`{self._path.name}` has a line {self.number} of more than {ENDLESS_BYTES // 2**20} MiB",
                    code="file-not-readable",
                    way_out="fetch the file anew",
                    place=str(self._path),
                )
        return kept

    def _numbered(self, text: Any) -> tuple[int, bytes, list[Rejection]] | None:
        if not text:
            return None
        self.cut_short = not text.endswith(self._end)
        first = self.number
        rejected: list[Rejection] = []
        if isinstance(text, str):
            if REPLACED in text:
                text, rejected = self._without_replaced(text)
            text = text.encode()
        self.number += text.count(b"\n")
        return first, text, rejected

    def _without_replaced(self, text: str) -> tuple[str, list[Rejection]]:
        lines = text.split("\n")
        bad = [place for place, line in enumerate(lines) if REPLACED in line]
        reason = f"the line cannot be read as {self.encoding}"
        for place in bad:
            lines[place] = ""
        return "\n".join(lines), [Rejection(f"line {self.number + place}", reason) for place in bad]
