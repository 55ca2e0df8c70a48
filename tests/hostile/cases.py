"""The cases: a damaged file, a hostile argument, a file of another nature, or a setting that cannot be."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from typer.main import get_command

from linekeeper.cli.main import app, build
from tests.hostile.damage import DIGITS, damage_file
from tests.hostile.home import KEPT, PLAIN, READERS

Prepare = Callable[[Path], str]  # makes the folder hostile; says how
TEXTS: list[bytes] = [
    b"", b" ", b"-", b"--", b"-1", b"0", b"1e5", b"nan", b"inf", b"-inf", b"1e400", b"#", "#²".encode(), "²".encode(),
    "٣".encode(), b"#0", b"#-1", DIGITS.encode(), b"#" + DIGITS.encode(), KEPT[0].encode() + b"#" + DIGITS.encode(),
    b"A" * 5_000, b"a" * 120_000, b"A\xff", b"\xed\xa0\x80", b"\xe2\x80\xae\xe2\x80\x8b", b"a\nb", b"\x1b[2Jx",
    b"[bold]x[/bold]", b"../../etc/passwd", b"/etc/passwd", b"/dev/zero", b"/dev/full", b"/dev/null/x", b"/", b".",
    b"~", b"Asia/../../etc/passwd", b"Mars/Olympus", b"2025-02-30", b"0000-00-00", b"9999-12-31", b"99999-01-01",
    b"2025-06-01T25:61Z", b"2025-06-01T00:00:00", b"65536", b"99999", b"99999999999999999999",
    b"-99999999999999999999", b"%s%n", b"'; DROP TABLE events; --", b"$(id)", b"100%%", b"101%", b"-5%",
    "५०%".encode(), b"a=b=c", b"=", b"x:1:2:3", b"x:9e99:9%:1", b"5@2025-02-30", b"5@@", b"9" * 40 + b"@2024-12-01",
    b"sqlite://", b"sqlite:///:memory:", b"postgresql+psycopg://a:b@127.0.0.1:99999/x",
    b"postgresql+psycopg://127.0.0.1:1/x", b"mysql://x/y", b"sqlite:////dev/zero",
    b"sqlite:///file:x?mode=memory&uri=true", b"http://[::1", b"days_past_due >= 60 within 99999999m", b"1/0", b"0/0",
    b"1/99999999999",
]  # fmt: skip
PATHS = [
    b"fifo", b"/dev/zero", b"/dev/full", b"folder", b"missing/below", b"loop", b"closed", b"sparse.jsonl", b"x" * 300,
    b"/proc/self/mem",
]  # fmt: skip
TEXT_COLUMNS = [
    ("accounts", "layout"), ("accounts", "policy"), ("decisions", "hash"), ("events", "kind"), ("policies", "text"),
    ("policies", "digest"), ("alembic_version", "version_num"), ("decisions", "action"),
]  # fmt: skip
BYTE_COLUMNS = [("accounts", "state"), ("decisions", "record"), ("events", "body"), ("log_entries", "sealed")]
WHOLE_COLUMNS = [("events", "at"), ("notices", "due_at"), ("reviews", "until_day"), ("accounts", "next_review")]
OTHER_TEXTS = ("", "x", "[" * 2_000, DIGITS, '{"a": 1}', "²", "\x00")
OTHER_BYTES = (*(text.encode() for text in OTHER_TEXTS), b"\xff\xfe")
OTHER_NUMBERS = (-1, 0, 2**53, 2**62, -(2**63))
OF_A_STORE = (
    "show",
    "explain",
    "verify",
    "accounts",
    "decisions",
    "review",
    "run",
    "adopt",
    "notice",
    "road",
    "changes",
)
NOT_GIVEN = (b"--store", b"lines.db", b"--keys", b"keys", b"--lender", b"lender.yaml")
VARIABLES = [
    "LINEKEEPER_STORE", "LINEKEEPER_KEYS", "LINEKEEPER_LANG", "LINEKEEPER_LENDER", "LINEKEEPER_SOURCE",
    "LINEKEEPER_TOLERANCE", "LINEKEEPER_JURISDICTION", "LINEKEEPER_CACHE", "TZ", "LANG", "COLUMNS",
    "PYTHONIOENCODING",
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """What is done to the folder, and the command that is given in it."""

    number: int
    name: str
    words: tuple[bytes, ...]
    prepare: Prepare | None = None
    variables: dict[str, bytes] = field(default_factory=dict)
    output: str | None = None  # where standard output goes, if not to a file of its own


def _options() -> dict[str, list[str]]:
    """The options of every command that take a value."""
    build()
    found: dict[str, list[str]] = {}

    def visit(command: object, words: tuple[str, ...]) -> None:
        for name, below in getattr(command, "commands", {}).items():
            visit(below, (*words, name))
        options = [one for one in getattr(command, "params", []) if one.param_type_name == "option"]
        found[" ".join(words)] = [one.opts[0] for one in options if not getattr(one, "is_flag", False)]

    visit(get_command(app), ())
    return found


OPTIONS = _options()


def case_of(seed: int, number: int) -> Case:
    """The case of that number; the same seed and number always give the same."""
    chance = Random(f"{seed} {number}")
    kind = chance.choices((_damaged, _argument, _path, _setting, _state), (50, 30, 10, 5, 5))[0]
    return kind(number, chance)


def _encoded(words: tuple[str, ...]) -> list[bytes]:
    return [word.encode() for word in words]


def _with_json(words: list[bytes], chance: Random) -> tuple[bytes, ...]:
    return (*words, b"--json") if chance.random() < 0.8 else tuple(words)


def _damaged(number: int, chance: Random) -> Case:
    name = chance.choice(sorted(READERS))
    words = _encoded(chance.choice(READERS[name]))
    seed = chance.random()

    def prepare(home: Path) -> str:
        how = damage_file(home / name, Random(seed))
        if name.startswith("settings/"):
            (home / name).replace(home / "linekeeper.toml")
        return f"{name}: {how}"

    return Case(number, f"damaged {name}", _with_json(words, chance), prepare)


def _argument(number: int, chance: Random) -> Case:
    """One or two words of a command are hostile, or an option is added that is."""
    command = chance.choice(sorted(PLAIN))
    words = _encoded(PLAIN[command])
    for _ in range(chance.choice((1, 1, 1, 2))):
        places = [place for place, word in enumerate(words) if not word.startswith(b"-")]
        if places and chance.random() < 0.7:
            words[chance.choice(places)] = chance.choice(TEXTS)
        elif OPTIONS[command] and (option := chance.choice(OPTIONS[command])) != "--every":
            words += [option.encode(), chance.choice(TEXTS)]
        else:
            words.append(chance.choice(TEXTS))
    return Case(number, f"argument of {command}", _with_json([*_encoded(tuple(command.split())), *words], chance))


def _path(number: int, chance: Random) -> Case:
    """A file of a command is a pipe, a device, a folder, a loop of links or one that is too large."""
    command = chance.choice([name for name, words in PLAIN.items() if any("." in w or "/" in w for w in words)])
    words = _encoded(PLAIN[command])
    places = [place for place, word in enumerate(words) if b"." in word and not word.startswith(b"-")]
    if places:
        words[chance.choice(places)] = chance.choice(PATHS)
    output = chance.choice((None, None, None, "/dev/full"))
    whole = [*_encoded(tuple(command.split())), *words]
    return Case(number, f"path of {command}", _with_json(whole, chance), _odd_files, output=output)


def _odd_files(home: Path) -> str:
    os.mkfifo(home / "fifo")
    (home / "folder").mkdir()
    (home / "loop").symlink_to("loop")
    (home / "closed").write_bytes(b"\0")
    (home / "closed").chmod(0)
    with (home / "sparse.jsonl").open("wb") as file:
        file.truncate(2**40)
    return "odd files"


def _setting(number: int, chance: Random) -> Case:
    command = chance.choice(("settings", "accounts", "replay", "notice", "run"))
    words = [word for word in _encoded(PLAIN[command]) if command == "replay" or word not in NOT_GIVEN]
    variable, value = chance.choice(VARIABLES), chance.choice(TEXTS)
    whole = _with_json([command.encode(), *words], chance)
    return Case(number, f"{variable} of {command}", whole, variables={variable: value})


def _state(number: int, chance: Random) -> Case:
    """A row of the store is altered by another hand."""
    command = chance.choice(OF_A_STORE)
    columns, values = chance.choice(
        ((TEXT_COLUMNS, OTHER_TEXTS), (BYTE_COLUMNS, OTHER_BYTES), (WHOLE_COLUMNS, OTHER_NUMBERS))
    )
    table, column = chance.choice(columns)
    # SQLite takes a value of any type in any column, and `verify` alone has to meet that.
    value = chance.choice((*OTHER_TEXTS, *OTHER_BYTES, *OTHER_NUMBERS, 1.5) if command == "verify" else values)

    def prepare(home: Path) -> str:
        with closing(sqlite3.connect(home / "lines.db")) as store:
            try:
                store.execute(f"UPDATE {table} SET {column} = ?", (value,))
                store.commit()
            except sqlite3.Error as error:
                return f"{table}.{column} not altered: {error}"
        return f"{table}.{column} = {value!r:.20}"

    words = _encoded((command, *PLAIN[command]))
    return Case(number, f"altered {table}.{column} under {command}", _with_json(words, chance), prepare)
