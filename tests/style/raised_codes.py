"""Which file of tests raises which error code: the list `raised_codes.txt`, read."""

from __future__ import annotations

from functools import cache
from pathlib import Path

LIST = Path(__file__).with_name("raised_codes.txt")
NO_TEST = "-"


@cache
def file_by_code() -> dict[str, str]:
    """The file whose tests raise a code, from the root; `-` where there is none yet."""
    lines = [line for line in LIST.read_text("utf-8").splitlines() if not line.startswith("#")]
    return {code: file for code, _, file in (line.partition(" ") for line in lines)}


@cache
def codes_by_file() -> dict[str, set[str]]:
    """The codes that the tests of a file have to raise."""
    codes: dict[str, set[str]] = {}
    for code, file in file_by_code().items():
        codes.setdefault(file, set()).add(code)
    return codes
