"""The page of all errors, made of the registry: `python -m tests.style.error_page` writes it."""

from __future__ import annotations

from collections.abc import Iterator

from linekeeper.core.error_codes import ERROR_CODES
from linekeeper.core.errors import LinekeeperError
from tests.style.repository import ROOT

PAGE = ROOT / "docs" / "reference" / "errors.md"
HEAD = """# Errors

An error says what is wrong, with your words in backticks, where, and what to do. For programs it carries a code. The
code stays the same from version to version; the sentence may be worded anew.

In Python every error is a `LinekeeperError` (`linekeeper.core.errors`) of a class below. The classes differ by what
the caller can do. An error has `code`, `kind`, `message`, `place`, `way_out` and `details`; `str(error)` is the message
with the way out, and `error.as_json()` is what a command prints with `--json`, there with a key `schema` before it:

```json
{"schema": "linekeeper/error/1", "error": "account-not-known", "kind": "not-found",
 "message": "the account `B` is not known", "place": null, "way_out": "send its `open` event first",
 "details": {"account": "B"}}
```

`place` names a file, a store or a row. `details` holds values by name; which there are depends on the code.

Many codes end alike. `-missing`: it should exist and does not. `-not-known`: nothing has that name. `-not-readable`: it
is not in the form that it must have. `-not-usable`: it has the form, and cannot be worked with as it stands.
"""


def kinds() -> dict[str, type[LinekeeperError]]:
    """The classes that name a kind of error, in the order of the source."""
    return {each.kind: each for each in LinekeeperError.__subclasses__() if "kind" in vars(each)}


def page() -> str:
    """The text of the page."""
    return HEAD + "".join(section(kinds()[kind], codes) for kind, codes in ERROR_CODES.items())


def section(kind: type[LinekeeperError], codes: dict[str, str]) -> str:
    """One kind of error and its codes as a table."""
    return f"\n## {kind.__name__}\n\nKind `{kind.kind}`. {kind.__doc__}\n\n" + "\n".join(table(codes)) + "\n"


def table(codes: dict[str, str]) -> Iterator[str]:
    """The lines of a table: the code, what it means, what to do."""
    yield from ("| code | means | what to do |", "|---|---|---|")
    for code, sentence in codes.items():
        meaning, way_out = sentence.split("; ", 1)
        yield f"| `{code}` | {meaning} | {way_out} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
