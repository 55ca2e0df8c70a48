"""Faults of names that still stand, by file: they may only become fewer.

`python -m tests.style.allowances` counts them and writes the lists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from linekeeper.core.errors import Fault
from tests.style import names
from tests.style.repository import ROOT, read, sources

GLOSSARY = "docs/glossary.md"
PLAIN_WORDS = "tests/style/plain_words.txt"
WORDS_ALLOWED = "tests/style/words_allowed.txt"
MOODS_ALLOWED = "tests/style/moods_allowed.txt"


def known_words() -> set[str]:
    """The words that names are made of: the glossary's and the plain ones."""
    return names.glossary_words(read(GLOSSARY)) | names.listed_words(read(PLAIN_WORDS))


def unknown_words() -> list[Fault]:
    """Words of public names that are not known, in all modules."""
    known = known_words()
    return [
        fault
        for file, text in sources()
        for fault in names.unknown_words(file, list(names.public_names(file, text)), known)
    ]


def moods() -> list[Fault]:
    """Words of mood in all modules."""
    return [fault for file, text in sources() for fault in names.moods(file, text)]


def allowed(text: str) -> Counter[str]:
    """How many faults a list allows each file.

    >>> allowed("a.py 2")
    Counter({'a.py': 2})
    """
    lines = (line.rsplit(" ", 1) for line in text.splitlines())
    return Counter({file: int(count) for file, count in lines})


def beyond(faults: Iterable[Fault], allowed: Counter[str]) -> Iterator[Fault]:
    """The faults of each file that has more than it is allowed; and each file that is allowed more than it has."""
    faults = list(faults)
    counts = Counter(fault.file for fault in faults)
    yield from (fault for fault in faults if counts[fault.file] > allowed[fault.file])
    for file in sorted(allowed):
        if counts[file] < allowed[file]:
            way_out = "lower its number: `python -m tests.style.allowances`"
            yield Fault(f"{allowed[file]} faults are allowed and {counts[file]} stand", file, way_out=way_out)


def write(file: str, faults: Iterable[Fault]) -> None:
    """Write how many faults stand in each file."""
    counts = sorted(Counter(fault.file for fault in faults).items())
    Path(ROOT / file).write_text("".join(f"{name} {count}\n" for name, count in counts), encoding="utf-8")


if __name__ == "__main__":
    write(WORDS_ALLOWED, unknown_words())
    write(MOODS_ALLOWED, moods())
