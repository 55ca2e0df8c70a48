"""Characters that no name and no text may have, wherever these come from."""

from __future__ import annotations

import re

# Characters that end a line somewhere, or that nobody can see: two ids that differ by one of these look the same.
CONTROL = "[\x00-\x1f\x7f-\x9f\u2028\u2029]"
INVISIBLE = "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
_HALVES = "[\ud800-\udfff]"  # half a character, which cannot be written as UTF-8
_unfit_text, _unfit_name = re.compile(f"{CONTROL}|{_HALVES}"), re.compile(f"{INVISIBLE}|{_HALVES}")


def fits_text(text: str) -> bool:
    """Whether a text has neither a control character nor half a character in it.

    >>> fits_text("called, it is so"), fits_text("a\\x85b")
    (True, False)
    """
    return text.isprintable() or not _unfit_text.search(text)


def fits_name(text: str) -> bool:
    """The same of an id or an account, which nothing invisible may stand in either.

    >>> fits_name("A-1001"), fits_name("A\\u200b-1001")
    (True, False)
    """
    return text.isprintable() or not _unfit_name.search(text)


def one_line(text: str) -> str:
    """A text with every character escaped that would break its line, or that nobody can see.

    >>> print(one_line("the file `a\\nb\\u202e` is absent"))
    the file `a\\nb\\u202e` is absent
    """
    return text if text.isprintable() else _unseen.sub(lambda one: repr(one[0])[1:-1], text)


_unseen = re.compile(INVISIBLE)
