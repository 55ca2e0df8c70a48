"""The commands that are killed, each with the store that it begins from and with what may come after it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from typing import Any

from alembic import command as alembic
from sqlalchemy import inspect, select, text, update
from typer.main import get_command

import linekeeper as lk
from linekeeper.cli.main import build
from linekeeper.core.errors import LinekeeperError
from linekeeper.journal import store as journal
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import new_keeper
from linekeeper.journal.migrations import config
from linekeeper.journal.store import Store, open_store
from tests.engine.interleavings import FIRST_DAY, instant, iso_day, version_text
from tests.faults.place import Place
from tests.journal.database_files import files_with

Act = Callable[[Place], None]
ACCOUNTS = tuple(f"borrower-{number:02d}" for number in range(12))
ERASED = ACCOUNTS[3]
BRAKE = "brake: {lines: 20%, exposure: 90%}\n"
CONTRACT = "source: core\ncontract:\n  volume: [1, 1000]\n"
LAW = ("--jurisdiction", "CN", "--product", "internet_consumer_loan")
FIRST_REVISION = "0010"
# Of tables that a later step of the migrations fills from others.
FILLED_BY_STEPS = ("counters", "store_units", "utc_offsets")


@dataclass(frozen=True)
class Command:
    """`begin` makes what it starts from; `following` are the acts that may come after it, by name.

    `trace` says what is wrong beside the rows of the store, once all is done.
    """

    name: str
    begin: Act
    act: Act
    following: Mapping[str, Act]
    trace: Callable[[Place], str | None] | None = None


@cache
def _linekeeper() -> Any:
    """The command line, made once: that takes longer than most commands."""
    return get_command(build())


def given(*words: str, may_say: str | None = None) -> Act:
    """A command line, with the store and the keys added. It must not end with an error, but for one of that code."""

    def act(place: Place) -> None:
        filled = [word.replace("FOLDER", str(place.folder)) for word in words]
        where = ["--store", place.url]
        if words[:2] != ("store", "upgrade"):
            where += ["--keys", str(place.keys)]
        try:
            with redirect_stdout(StringIO()), redirect_stderr(StringIO()) as said:
                ended = _linekeeper().main(args=[*filled, *where], standalone_mode=False)
        except LinekeeperError as error:
            if error.code != may_say:
                raise
            ended = None
        if ended:
            raise RuntimeError(f"{' '.join(words)} ended with {ended}: {said.getvalue()}")

    return act


# ------------------------------------------------------------------ what the stores are made of


def event(account: str, kind: str, day: int, **fields: Any) -> dict[str, Any]:
    """An event at noon of that day, counted from the first."""
    name = f"{account} {kind} {day}"
    return {"id": name, "account": account, "kind": kind, "at": instant(FIRST_DAY + day)} | fields


def first_file() -> list[dict[str, Any]]:
    """Twelve lines, of which half fall behind, and events that are refused at first and would be accepted later."""
    rows = [event(name, "open", 0, limit=100_000) for name in ACCOUNTS[:10]]
    # These come before their account opens, by more than a batch: refused, and they stay so.
    rows += [event(name, "enquiry", 1) for name in ACCOUNTS[10:]]
    rows.append(event(ACCOUNTS[11], "override", 1, by="Li", why="asked", cap=5_000, until=iso_day(FIRST_DAY + 30)))
    for number, name in enumerate(ACCOUNTS[:10]):
        rows.append(event(name, "draw", 2, amount=30_000 + 1_000 * number))
        rows.append(event(name, "due", 3, amount=5_000, due_on=iso_day(FIRST_DAY + 5 + number % 3)))
        if number % 2:
            rows.append(event(name, "repay", 4, amount=5_000))
    rows += [event(name, "open", 6, limit=50_000) for name in ACCOUNTS[10:]]
    rows.append(event(ACCOUNTS[0], "override", 7, by="Li", why="asked", cap=4_000, until=iso_day(FIRST_DAY + 9)))
    # An id that came before for another event.
    rows.append(event(ACCOUNTS[1], "enquiry", 7) | {"id": f"{ACCOUNTS[1]} open 0"})
    return rows + [event(name, "enquiry", 8) for name in ACCOUNTS[::2]]


def second_file() -> list[dict[str, Any]]:
    """Some days later; one event comes late."""
    rows = [event(name, "enquiry", day) for name in ACCOUNTS[1::3] for day in (15, 16)]
    rows.append(event(ACCOUNTS[2], "repay", 4, amount=5_000))
    return rows + [event(name, "draw", 17, amount=2_000) for name in ACCOUNTS[::4]]


def written(place: Place) -> None:
    """The keys of a log, the policies and the files."""
    new_keeper(place.keys, place.folder / "public", "example.com/lines")
    for number in (1, 2, 3):
        (place.folder / f"v{number}.yaml").write_text(version_text(number) + BRAKE)
    for name, rows in (("first", first_file()), ("second", second_file())):
        (place.folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (place.folder / "core.yaml").write_text(CONTRACT)


FIRST = given("run", "FOLDER/v1.yaml", "FOLDER/first.jsonl", "--source", "core", *LAW, "--brake")
SECOND = given("run", "FOLDER/v2.yaml", "FOLDER/second.jsonl", "--source", "core")
ADOPT = given("adopt", "FOLDER/v2.yaml", "--by", "Li")
REVIEW = given("review", "--until", iso_day(FIRST_DAY + 14), "--brake")
LATER = given("review", "--until", iso_day(FIRST_DAY + 20), "--brake")
THIRD = given("adopt", "FOLDER/v3.yaml")
RULED = given(
    *("override", ACCOUNTS[5], "--cap", "30%", "--until", iso_day(FIRST_DAY + 40), "--by", "Li", "--why", "asked"),
    *("--id", "a ruling", "--at", instant(FIRST_DAY + 14)),
)
PUBLISH = given("log", "publish")
ERASE = given("erase", ERASED, "--yes")
ROTATE = given("log", "rotate")
UPGRADE = given("store", "upgrade")
SENT = given("notices", "sent", f"{ACCOUNTS[0]}#1", "--at", instant(FIRST_DAY + 12))


def received(place: Place) -> None:
    """A file of a source with a contract, taken in by Python."""
    with lk.open(place.url, keys=place.keys) as engine:
        engine.receive(place.folder / "second.jsonl", columns=place.folder / "core.yaml")


def of_one_version(place: Place) -> None:
    written(place)
    FIRST(place)


def of_two_versions(place: Place) -> None:
    of_one_version(place)
    ADOPT(place)


def reviewed(place: Place) -> None:
    of_two_versions(place)
    REVIEW(place)


def partly_published(place: Place) -> None:
    of_one_version(place)
    PUBLISH(place)
    ADOPT(place)
    REVIEW(place)


def older(place: Place) -> None:
    """The store as the first schema had it, with states that another kernel made."""
    reviewed(place)
    store = open_store(place.url)
    with store.reading() as connection:
        rows = {
            table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
            for table in t.SCHEMA.sorted_tables
        }
    with store.engine.begin() as connection:
        for view in inspect(connection).get_view_names():
            connection.execute(text(f"DROP VIEW {view}"))
        for table in inspect(connection).get_table_names():
            connection.execute(text(f"DROP TABLE {table}"))
    store.close()
    old = Store(journal._engine(place.url))
    with old.writing() as connection:
        alembic.upgrade(config(connection), FIRST_REVISION)
        for name in inspect(connection).get_table_names():
            columns = {column["name"] for column in inspect(connection).get_columns(name)}
            for row in rows.get(name, []) if name not in FILLED_BY_STEPS else []:
                kept = {column: value for column, value in row.items() if column in columns}
                connection.execute(t.SCHEMA.tables[name].insert().values(kept))
        connection.execute(update(t.accounts).values(layout="of another kernel"))
    old.close()


# ------------------------------------------------------------------ what must not be left


def trace_of_erased(place: Place) -> str | None:
    """The files of the database that still hold the name of the erased account."""
    with closing(open_store(place.url)) as store:
        left = files_with(store.engine, ERASED.encode())
    return f"`{ERASED}` is left in {', '.join(left)}" if left else None


def _command(name: str, begin: Act, act: Act, **others: Any) -> Command:
    again, trace = others.pop("again", act), others.pop("trace", None)
    return Command(name, begin, act, {"the same": again, **others}, trace)


COMMANDS = {
    one.name: one
    for one in (
        _command("run", written, FIRST),
        _command("review", of_two_versions, REVIEW, later=LATER, second=SECOND, ruling=RULED, adopt=THIRD),
        _command(
            "erase",
            reviewed,
            ERASE,
            again=given("erase", ERASED, "--yes", may_say="account-not-known"),
            trace=trace_of_erased,
        ),
        _command("rotate", reviewed, ROTATE),
        _command("publish", partly_published, PUBLISH),
        _command("upgrade", older, UPGRADE),
        _command("receive", reviewed, received),
        _command("notice", reviewed, SENT),
    )
}


def warm_up(place: Place) -> None:
    """Give each command once here, so that no process has to make kernels and import modules for itself."""
    for act in (reviewed, SENT, SECOND, RULED, THIRD, LATER, PUBLISH, ROTATE, ERASE):
        act(place)
    trace_of_erased(place)
