"""Random single changes behind Linekeeper's back: `python -m tests.faults.changes --count 500 --seed 1 --json`.

So many of each kind: a change by SQL in one row of one table, a flipped bit of the database's file, and a damaged file
among the tiles, heads and keys of the log. After each, `verify --keys`, `log status` and the next `log publish` are
asked. A change is found, or the database itself refuses it, or it is listed with the reason why nothing that anybody
relies on has changed: the page `docs/reference/proof.md` says so of the column, or not one value of a table differs,
or the file is no longer read by anybody. All else, and every error without a code, is a miss. Exit code 1 where one is.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sqlite3
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from linekeeper.core.errors import LinekeeperError
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import open_keeper
from linekeeper.journal.store import open_store
from tests.faults.proven import Proven, proven_store, rows_of_page, section_of_page

FOUND, REFUSED, UNCHANGED, MISSED, UNTYPED = "found", "refused", "unchanged", "missed", "untyped"
FAULTS = (MISSED, UNTYPED)
SHOWN = 40  # so many characters of a long value
UNREAD = {
    ".lock": "a file that is empty and is only locked",
    ".signer.head.lock": "a file that is empty and is only locked",
}


@dataclass(frozen=True)
class Ending:
    """How one change ended: its kind, what was changed, the verdict, and what was found or why nothing was."""

    kind: str
    change: str
    verdict: str
    said: str


# ------------------------------------------------------------------ by SQL


def by_sql(proven: Proven, copy: Path, chance: Random) -> Ending:
    """One value of one row altered, or one row gone."""
    shutil.copy(proven.file, copy)
    with closing(sqlite3.connect(copy)) as store:
        names = [name for name in t.SCHEMA.tables if store.execute(f"SELECT 1 FROM {name}").fetchone()]
        table = chance.choice(names)
        rows = [row for (row,) in store.execute(f"SELECT rowid FROM {table} ORDER BY rowid")]
        row = chance.choice(rows)
        column = chance.choice([column.name for column in t.SCHEMA.tables[table].c])
        is_deleted = chance.random() < 0.1
        what = f"{table}.{'*' if is_deleted else column} of row {row}"
        (value,) = store.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (row,)).fetchone()
        (neighbour,) = store.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (chance.choice(rows),)).fetchone()
        other = altered(value, neighbour, chance)
        try:
            with store:
                if is_deleted:
                    store.execute(f"DELETE FROM {table} WHERE rowid = ?", (row,))
                else:
                    what += f": {shown(value, other)}"
                    store.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (other, row))
        except (sqlite3.IntegrityError, OverflowError) as error:
            return Ending("sql", what, REFUSED, str(error))
    return judged("sql", what, proven, copy, lambda: why_stated(table, None if is_deleted else column))


def altered(value: Any, neighbour: Any, chance: Random) -> Any:
    """Another value for one of a row: near it, far from it, of another row, of another type, or none."""
    ways: list[Any] = [neighbour, None, chance.choice((0, -1, 1.5, "", "x", b"\xff", 2**62))]
    if isinstance(value, int):
        ways += [value + chance.choice((-1, 1, 1_000, -86_400_000, 10**9)) for _ in range(6)]
    elif isinstance(value, str):
        place = chance.randrange(len(value) + 1)
        ways += [value[:place] + letter + value[place + 1 :] for letter in "ax0éax0é"]
    elif isinstance(value, bytes) and value:
        place, bit = chance.randrange(len(value)), 1 << chance.randrange(8)
        ways += [value[:place] + bytes([value[place] ^ bit]) + value[place + 1 :]] * 6
    return chance.choice([way for way in ways if way != value or type(way) is not type(value)])


def shown(value: Any, other: Any) -> str:
    """Both values; of long texts and bytes, the part around the first place at which they differ."""
    if isinstance(value, str | bytes) and isinstance(other, str | bytes) and len(value) > SHOWN:
        same = next((n for n, (one, two) in enumerate(zip(value, other, strict=False)) if one != two), len(value))
        part = slice(max(0, same - SHOWN // 2), same + SHOWN // 2)
        return f"{value[part]!r} -> {other[part]!r} at place {same}"
    return f"{value!r} -> {other!r}"


def why_stated(table: str, column: str | None) -> str | None:
    """What the page of proofs says of a column, or of a row that is gone, where it says that a change is not found."""
    page, section = rows_of_page(), section_of_page(table)
    if column is not None:
        pattern = rf"(?m)^\| `{column}` \| (?:stated \| |derived \| (?=where it decides|too low is found))([^|]+) \|$"
        return matched(section, pattern)
    if {how for (name, _), how in page.items() if name == table} == {"stated"}:
        return matched(section, r"(?m)^\| `\w+` \| stated \| ([^|]+) \|$")
    return matched(section, r"(?m)^(A row that is gone [^.]*\.)")


def matched(text: str, pattern: str) -> str | None:
    """The part of a text that a pattern matches."""
    match = re.search(pattern, text)
    return match.group(1) if match else None


# ------------------------------------------------------------------ in the file


def in_file(proven: Proven, copy: Path, chance: Random) -> Ending:
    """One bit of the database's file."""
    data = bytearray(proven.file.read_bytes())
    place, bit = chance.randrange(len(data)), chance.randrange(8)
    data[place] ^= 1 << bit
    copy.write_bytes(data)
    return judged("file", f"bit {bit} of byte {place}", proven, copy, lambda: why_no_value_differs(proven.file, copy))


def why_no_value_differs(one: Path, other: Path) -> str | None:
    """That both hold the same rows; or that those which differ are of columns that are only stated."""
    columns = set[tuple[str, str]]()
    with closing(sqlite3.connect(one)) as left, closing(sqlite3.connect(other)) as right:
        for name, table in t.SCHEMA.tables.items():
            names = [column.name for column in table.c]
            query = f"SELECT {', '.join(names)} FROM {name} ORDER BY rowid"
            rows, others = left.execute(query).fetchall(), right.execute(query).fetchall()
            if len(rows) != len(others):
                return None
            for row, it in zip(rows, others, strict=True):
                columns |= {(name, names[place]) for place in range(len(row)) if row[place] != it[place]}
    if not columns:
        return "no value of any table differs"
    reasons = [why_stated(*column) for column in sorted(columns)]
    named = (f"{table}.{column}: {why}" for (table, column), why in zip(sorted(columns), reasons, strict=True))
    return None if None in reasons else "; ".join(named)


# ------------------------------------------------------------------ in the log's files


def in_log(proven: Proven, copy: Path, chance: Random) -> Ending:
    """One file among tiles, heads and keys: flipped, cut, lengthened, emptied, exchanged for another, or gone."""
    home = proven.file.parent
    whole = contents(home)
    file = chance.choice(list(whole))
    data = whole[file]
    ways: dict[str, bytes | None] = {"gone": None, "longer": data + b"\0", "cut": data[:-1], "empty": b""}
    ways["another"] = whole[chance.choice(list(whole))]
    if data:
        place, bit = chance.randrange(len(data)), chance.randrange(8)
        ways["flipped"] = data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]
    ways = {way: content for way, content in ways.items() if content != data}
    way = chance.choice([*ways, *["flipped"] * (6 if data else 0)])
    what = f"{file.relative_to(home)}: {way}" + (f" bit {bit} of byte {place}" if way == "flipped" else "")
    content = ways[way]
    shutil.copy(proven.file, copy)
    try:
        if content is None:
            file.unlink()
        else:
            file.write_bytes(content)
        return judged("log", what, proven, copy, lambda: why_unread(file, data))
    finally:
        restore(home, whole)


def why_unread(file: Path, before: bytes) -> str | None:
    """That nobody reads the file, or that it is read as it was before."""
    if file.name in UNREAD:
        return UNREAD[file.name]
    if not file.exists():
        return None
    if file.read_bytes().split() == before.split():
        return "only the white space around what it holds"
    if file.name == "log.json":
        now, then = (json.loads(text) for text in (file.read_bytes(), before))
        if now["folder"] == then["folder"]:
            return "the folder that it names is as before, and all masters that lie beside it are tried"
    return None


def contents(home: Path) -> dict[Path, bytes]:
    """The files of the folders of keys and of what is published."""
    files = (file for name in ("keys", "public") for file in sorted((home / name).rglob("*")))
    return {file: file.read_bytes() for file in files if file.is_file()}


def restore(home: Path, whole: dict[Path, bytes]) -> None:
    """Put the folders of keys and of what is published back as they were."""
    for folder in ("keys", "public"):
        for file in (home / folder).rglob("*"):
            if file.is_file() and file not in whole:
                file.unlink()
    for file, data in whole.items():
        if not file.exists() or file.read_bytes() != data:
            file.write_bytes(data)


# ------------------------------------------------------------------ what comes of it


def judged(kind: str, change: str, proven: Proven, copy: Path, reason: Callable[[], str | None]) -> Ending:
    """Look at the copy as the commands do; where nothing is found, ask for the reason."""
    try:
        found = proven.found(copy) or (refused_to_publish(proven, copy) if kind == "log" else None)
    except Exception:  # an error without a code
        return Ending(kind, change, UNTYPED, traceback.format_exc())
    if found:
        return Ending(kind, change, FOUND, found)
    why = reason()
    return Ending(kind, change, UNCHANGED if why else MISSED, why or "")


def refused_to_publish(proven: Proven, copy: Path) -> str | None:
    """What publishing the next head says; None where it goes through, and what it wrote is sound."""
    try:
        keeper = open_keeper(proven.keys)
        with closing(open_store(str(copy))) as store:
            keeper.publish(store)
        return proven.found(copy)
    except LinekeeperError as error:
        return str(error)


KINDS: dict[str, Callable[[Proven, Path, Random], Ending]] = {"sql": by_sql, "file": in_file, "log": in_log}


def endings(proven: Proven, kinds: list[str], count: int, seed: int) -> Iterator[Ending]:
    """So many changes of each kind, each by a seed of its own."""
    copy = proven.file.with_name("copy.db")
    for kind in kinds:
        for number in range(count):
            for left in proven.file.parent.glob("copy.db*"):
                with suppress(FileNotFoundError):
                    left.unlink()
            yield KINDS[kind](proven, copy, Random(f"{kind} {seed + number}"))


def figures_of(done: list[Ending]) -> dict[str, dict[str, int]]:
    """By kind, how many changes ended in each way."""
    counts = Counter((one.kind, one.verdict) for one in done)
    verdicts = (FOUND, REFUSED, UNCHANGED, *FAULTS)
    return {
        kind: {verdict: counts[kind, verdict] for verdict in verdicts}
        for kind in dict.fromkeys(one.kind for one in done)
    }


def main() -> int:
    """Make the changes, print how many ended in which way, and on standard error each that was not found."""
    reading = argparse.ArgumentParser(prog="python -m tests.faults.changes", description=__doc__.split("\n")[0])
    reading.add_argument("--count", type=int, default=500, help="of each kind")
    reading.add_argument("--seed", type=int, default=1)
    reading.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(KINDS))
    reading.add_argument("--json", action="store_true")
    given, done = reading.parse_args(), list[Ending]()
    with tempfile.TemporaryDirectory() as folder:
        proven = proven_store(Path(folder))
        for one in endings(proven, given.kinds, given.count, given.seed):
            done.append(one)
            if one.verdict in (UNCHANGED, *FAULTS):
                print(f"{one.verdict}: {one.kind}, {one.change}: {one.said}", file=sys.stderr)
    figures = figures_of(done)
    print(json.dumps(figures) if given.json else "\n".join(f"{kind}: {counts}" for kind, counts in figures.items()))
    return 1 if any(one.verdict in FAULTS for one in done) else 0


if __name__ == "__main__":
    sys.exit(main())
