"""The page that verifies a receipt in the reader's browser: one static file, no server, no network."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from linekeeper.journal.log.note import Verifier

_EMPTY = '<body data-vkey="">'


def page(log: Verifier | None = None) -> bytes:
    """`verify.html`, with the log's public key filled in where it is given.

    >>> b"data-vkey" in page()
    True
    """
    text = files("linekeeper.journal.log").joinpath("verify.html").read_text("utf-8")
    if log is None:
        return text.encode()
    return text.replace(_EMPTY, f'<body data-vkey="{escape(log.vkey)}">').encode()
