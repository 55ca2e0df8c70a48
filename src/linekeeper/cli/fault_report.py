"""What nobody foresaw: one line for the person, and a report in a file that tells where the program stood, and no data.

The report holds the places in the program's own code, the kind of each error, versions, and the names of the command
and its options. It holds no message of an error, no value and no argument: any of them can be about a borrower.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from linekeeper.core.errors import LinekeeperError, ProgramFault

REPORTS_MAX = 100  # older ones make room
OWNER_ALONE = 0o600


def program_fault(error: BaseException, words: Sequence[str]) -> LinekeeperError:
    """An error that no line of the program foresaw, as one with a code; a report of it is written to a file.

    Where it comes of a store that another hand altered, the error says so instead.
    """
    if isinstance(error, MemoryError):
        return ProgramFault(
            "the memory does not suffice for this",
            code="memory-exhausted",
            way_out="give it a smaller file, or more memory",
        )
    altered = _altered_store()
    if altered is not None:
        return altered
    lines = [*report_lines(error, words)]
    innermost = lines[-1].strip()
    try:
        written: Path | None = write_report(lines)
    except OSError:
        written = None
    where = f"`{written}` says where" if written else f"it stood in {innermost}"
    return ProgramFault(
        f"this is a fault of Linekeeper ({type(error).__name__}); {where}, and holds no data of yours",
        code="program-failed",
        way_out="report it with that file; where another hand altered the store, `linekeeper verify` finds it",
        place=None if written is None else str(written),
        details={"error": type(error).__name__, "at": innermost},
    )


def _altered_store() -> LinekeeperError | None:
    """What is wrong with a store that this process has open: its file is damaged, or a value is of another type.

    Either can end a command anywhere, also far from where it was read: an index that has lost a row lets the row be
    written again, and another one refuses it then. Only a command that fails looks for it.
    """
    from linekeeper.journal.database_errors import failure_of_file, what_is_broken
    from linekeeper.journal.store import stores_opened
    from linekeeper.journal.value_types import value_of_another_type

    for store in stores_opened():
        with suppress(Exception), store.engine.connect() as connection:  # it may be why the command failed, or not
            damage = what_is_broken(connection)
            if damage is not None:
                return failure_of_file(damage, store.address)
            value = value_of_another_type(connection)
            if value is not None:
                return value.as_error(store.address)
    return None


def report_lines(error: BaseException, words: Sequence[str]) -> Iterator[str]:
    """The lines of a report; the last one is the innermost place.

    >>> *_, named, _ = report_lines(ValueError("of A-1001"), ["show", "A-1001", "--store=lines.db"])
    >>> named
    'ValueError'
    """
    from linekeeper import __version__

    yield f"linekeeper {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    yield f"command: {' '.join(_names_alone(words))}"
    for one in _chain(error):
        yield type(one).__name__
        frames = traceback.extract_tb(one.__traceback__)
        yield from (f"  {_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames)
        if not frames:
            yield "  no place is known"


def write_report(lines: Sequence[str]) -> Path:
    """Write a report, which only its owner can read; the same fault again writes the same file. Raises OSError."""
    folder = report_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = "\n".join(lines) + "\n"
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.txt"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, OWNER_ALONE)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    for older in sorted(folder.glob("*.txt"), key=lambda each: each.stat().st_mtime)[:-REPORTS_MAX]:
        older.unlink(missing_ok=True)
    return path


def report_folder() -> Path:
    """Where reports lie: `linekeeper/reports` in XDG_STATE_HOME, else in ~/.local/state, else among temporary files."""
    named = os.environ.get("XDG_STATE_HOME")
    try:
        state = Path(named) if named else Path.home() / ".local" / "state"
    except RuntimeError:  # a user without a home
        state = Path(tempfile.gettempdir())
    return state / "linekeeper" / "reports"


def _chain(error: BaseException) -> list[BaseException]:
    """The errors that led to this one, the first of them at the head, and this one last."""
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in chain:
        chain.insert(0, one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return chain


def _names_alone(words: Sequence[str]) -> Iterator[str]:
    """The words of a command line that name commands and options; a dot stands for each of the others."""
    from linekeeper.cli.answers.catalogue import ANSWERS

    commands = {part for command in ANSWERS for part in command.split()}
    named = True
    for word in words:
        option = word.partition("=")[0]
        named = named and word in commands  # an account may be called like a command
        yield word if named else option if option.startswith("--") and option[2:].replace("-", "").isalpha() else "."


def _short(file: str) -> str:
    """A file of the program or of a library, without the folders that it lies in on this machine."""
    parts = Path(file).parts
    for root in ("site-packages", "src", f"python{sys.version_info.major}.{sys.version_info.minor}"):
        if root in parts:
            return "/".join(parts[len(parts) - parts[::-1].index(root) :])
    return Path(file).name
