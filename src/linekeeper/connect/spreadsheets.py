"""Text that a spreadsheet program would take for a formula, and how it is written so that it stays text.

A cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return is a formula to such a program, and a formula can
send data elsewhere or start a program. What borrowers and systems write as text reaches CSV files with an apostrophe
in front, so that it stays text. Text that begins with an apostrophe gets another one, so that the mark can be taken
away again without loss. Numbers are no text: -5 remains the number that it is.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

MARK = "'"
# Some programs take the wide forms that East Asian keyboards write for the same signs.
_MARKED = r"^(['=+\-@\t\r\n＝＋－＠])"


def marked(column: pa.Array) -> pa.Array:
    """A column of text as CSV has it: what would be a formula begins with an apostrophe.

    >>> marked(pa.array(["=1+1", "-5", "it's", "'x", None])).to_pylist()
    ["'=1+1", "'-5", "it's", "''x", None]
    """
    return pc.replace_substring_regex(column, pattern=_MARKED, replacement=rf"{MARK}\1")


def without_mark(column: pa.Array) -> pa.Array:
    """The text again that `marked` was given.

    >>> texts = ["=1+1", "-5", "it's", "'x", "''", "", None]
    >>> without_mark(marked(pa.array(texts))).to_pylist() == texts
    True
    """
    return pc.replace_substring_regex(column, pattern=f"^{MARK}", replacement="")
