"""A command that is killed at any place is finished by the next one: nothing is lost, doubled or decided otherwise.

`python -m tests.faults.kills --count 200 [--seed 0] [--json] [--command review] [--database sqlite]` kills each command
so many times on each database. The command runs in a process of its own, which SIGKILL ends just before or just after
one of its SQL statements, commits, renames or syncs of a file; which one is chosen by chance, and each at least once
where the count allows it. Then the command is given again, or another one is. What the store then holds (events,
states, decisions, notices, reviews, versions, records of the log) must be what a store holds where nothing was killed;
`verify` and an audit of the log must find it sound (one time in ten). Exit code 1 where there was a difference.
Nearly all of the time goes into syncs of files: with TMPDIR on a memory disk a kill takes half a second on SQLite and
one second on PostgreSQL; on a disk it is a multiple of that.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Engine as Database
from sqlalchemy import NullPool, create_engine, event, make_url
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from linekeeper.engine import engine as reviews
from linekeeper.engine import run as runs
from tests.faults.commands import COMMANDS, Command, warm_up
from tests.faults.pictures import files_left, picture_of
from tests.faults.place import Place
from tests.journal.databases import drop_database

BATCH = 7  # events received, and accounts reviewed, in one transaction
DEADLINE_SECONDS = 120.0
SHOWN_EACH = 20  # kills: a line on standard error
SOUND_EACH = 10  # kills: `verify` and an audit of the log, which follow from the rows and the records that are compared


# ------------------------------------------------------------------ a process that is killed


class Ticks:
    """Called before and after each place; at the call of that number the process is gone."""

    def __init__(self, target: int) -> None:
        self.count, self._target, self._numbers = 0, target, count(1)

    def __call__(self, *_: Any) -> None:
        self.count = number = next(self._numbers)  # files are synced by several threads
        if number == self._target:
            os.kill(os.getpid(), signal.SIGKILL)


def watch(tick: Ticks) -> None:
    """Have `tick` called around each statement, commit, rename and sync of this process."""
    event.listen(Database, "before_cursor_execute", tick)
    event.listen(Database, "after_cursor_execute", tick)
    places = ((SQLiteDialect_pysqlite, "do_commit"), (PGDialect_psycopg, "do_commit"), (os, "fsync"), (os, "replace"))
    for owner, name in places:
        setattr(owner, name, _around(getattr(owner, name), tick))


def _around(original: Callable[..., Any], tick: Ticks) -> Callable[..., Any]:
    def ticked(*arguments: Any, **named: Any) -> Any:
        tick()
        result = original(*arguments, **named)
        tick()
        return result

    return ticked


def in_a_process(act: Callable[[Place], None], place: Place, target: int | None = None) -> tuple[int | None, int]:
    """Act in a process of its own; the signal that ended it, and how many places there were.

    It is killed at the place of that number; at 0 its places are only counted, and at None not even that. Raises
    RuntimeError where it ended by itself with an error.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reader)
            ticks = Ticks(target or 0)
            if target is not None:
                watch(ticks)
            act(place)
            os.write(writer, str(ticks.count).encode())
            code = 0
        except BaseException:
            os.write(writer, traceback.format_exc().encode()[-4_000:])
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as said:
        text = said.read()
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status), 0
    if os.WEXITSTATUS(status):
        raise RuntimeError(text)
    return None, int(text)


# ------------------------------------------------------------------ where it happens


class SqlitePlaces:
    """A folder with an SQLite store in it, put back as it was before each kill."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.place, self._kept = Place(folder / "work", f"sqlite:///{folder / 'work' / 'lines.db'}"), folder / "kept"

    def empty(self) -> None:
        """Begin anew with nothing."""
        shutil.rmtree(self.place.folder, ignore_errors=True)
        self.place.folder.mkdir(parents=True)

    def keep(self) -> None:
        """Remember everything as it is."""
        shutil.rmtree(self._kept, ignore_errors=True)
        shutil.copytree(self.place.folder, self._kept)

    def put_back(self) -> None:
        """Make everything as it was remembered."""
        shutil.rmtree(self.place.folder, ignore_errors=True)
        shutil.copytree(self._kept, self.place.folder)


class PostgresPlaces(SqlitePlaces):
    """The same with the store in a database of its own on a server."""

    name = "postgresql"

    def __init__(self, folder: Path, server: str) -> None:
        super().__init__(folder)
        self._work, self._base = f"lk_kills_{os.getpid()}", f"lk_kept_{os.getpid()}"
        self._server = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        url = make_url(server).set(database=self._work).render_as_string(hide_password=False)
        self.place = Place(folder / "work", url)

    def empty(self) -> None:
        super().empty()
        self._copy("template0", self._work)

    def keep(self) -> None:
        super().keep()
        self._copy(self._work, self._base)

    def put_back(self) -> None:
        super().put_back()
        self._copy(self._base, self._work)

    def drop(self) -> None:
        """Leave the server as it was."""
        for name in (self._work, self._base):
            drop_database(self._server, name)

    def _copy(self, source: str, name: str) -> None:
        drop_database(self._server, name)
        with self._server.connect() as connection:
            give_up = time.monotonic() + DEADLINE_SECONDS
            while True:  # the process that was in it a moment ago may not be gone yet
                try:
                    connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {source}")
                    return
                except Exception:
                    if time.monotonic() > give_up:
                        raise
                    time.sleep(0.05)


# ------------------------------------------------------------------ many kills


@dataclass
class Kills:
    """How often a command was killed on a database, at how many different places, and what differed afterwards."""

    command: str
    database: str
    places: int = 0
    kills: int = 0
    differences: list[str] = field(default_factory=list)


def kill_many(places: SqlitePlaces, command: Command, count: int, seed: int) -> Kills:
    """Kill the command so many times."""
    place, rng = places.place, Random(f"{command.name} {seed}")
    places.empty()
    in_a_process(command.begin, place)  # in this one, a connection would be left open
    places.keep()
    before = picture_of(place)
    _, number = in_a_process(command.act, place, 0)
    done, whole = Kills(command.name, places.name, places=number), picture_of(place)
    expected, instead = {}, {}
    for name, following in command.following.items():
        expected[name] = _picture_after(places, command.act, *(() if name == "the same" else (following,)))
        # A command that had done nothing yet was never given, as far as anybody can know; and one that had done
        # everything is given twice.
        instead[name] = _picture_after(places, *((command.act,) if name == "the same" else ()), following)
    targets = list(range(1, number + 1))
    rng.shuffle(targets)
    targets = (targets * (count // len(targets) + 1))[:count]
    for target in targets:
        name = rng.choice(list(command.following))
        places.put_back()
        ended, _ = in_a_process(command.act, place, target)
        assert ended == signal.SIGKILL, f"it came to its end before place {target} of {number}"
        otherwise = picture_of(place) == (whole if name == "the same" else before)
        allowed = instead[name] if otherwise else expected[name]
        done.kills += 1
        try:
            in_a_process(command.following[name], place)
            difference = _difference(picture_of(place, done.kills % SOUND_EACH == 0), allowed)
        except Exception as error:
            difference = str(error).strip().splitlines()[-1]
        difference = difference or files_left(place)
        if difference is None and command.trace is not None:
            difference = command.trace(place)
        if difference:
            done.differences.append(f"place {target} of {number}, then {name}: {difference}")
        if done.kills % SHOWN_EACH == 0:
            so_far = f"{done.database} {done.command}: {done.kills} kills, {len(done.differences)} differences"
            print(so_far, file=sys.stderr, flush=True)
    return done


def _picture_after(places: SqlitePlaces, *acts: Callable[[Place], None]) -> dict[str, Any]:
    places.put_back()
    for act in acts:
        in_a_process(act, places.place)
    return picture_of(places.place, sound=True)


def _difference(picture: dict[str, Any], allowed: dict[str, Any]) -> str | None:
    part = next((name for name in picture if picture[name] != allowed.get(name)), None)
    return None if part is None else f"`{part}` is {_shown(picture[part], allowed.get(part))}"


def _shown(found: Any, expected: Any) -> str:
    if isinstance(found, list) and isinstance(expected, list):
        only = ([row for row in found if row not in expected], [row for row in expected if row not in found])
        return f"{len(found)} rows for {len(expected)}; {str(only[0])[:300]} instead of {str(only[1])[:300]}"
    return f"{str(found)[:300]} instead of {str(expected)[:300]}"


@contextmanager
def all_places(databases: tuple[str, ...] = ("sqlite", "postgresql")) -> Iterator[list[SqlitePlaces]]:
    """A place on each database; on SQLite alone where there is no server."""
    from tests.conftest import NEEDS

    server = NEEDS["postgres"].find() if "postgresql" in databases else None
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        warm = SqlitePlaces(folder / "warm")
        warm.empty()
        warm_up(warm.place)
        found: list[SqlitePlaces] = []
        if "sqlite" in databases:
            found.append(SqlitePlaces(folder / "sqlite"))
        if server:
            postgres = PostgresPlaces(folder / "postgresql", server)
            stack.callback(postgres.drop)
            found.append(postgres)
        yield found


def in_small_steps() -> None:
    """Have this process, and those that it starts, commit after few events and few accounts."""
    runs.BATCH_EVENTS = runs.BATCH_EVENTS_MAX = BATCH
    reviews.REVIEW_BATCH = BATCH


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--command", choices=COMMANDS)
    parser.add_argument("--database", choices=("sqlite", "postgresql"))
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    in_small_steps()
    differences = 0
    with all_places((asked.database,) if asked.database else ("sqlite", "postgresql")) as found:
        for places in found:
            for name in [asked.command] if asked.command else COMMANDS:
                began = time.perf_counter()
                done = kill_many(places, COMMANDS[name], asked.count, asked.seed)
                seconds = round(time.perf_counter() - began, 1)
                differences += len(done.differences)
                if asked.json:
                    print(json.dumps(vars(done) | {"seconds": seconds}), flush=True)
                    continue
                print(
                    f"{done.database:<11}{name:<9}{done.kills:>5} kills at {done.places} places, {seconds} s,", end=" "
                )
                print(f"{len(done.differences)} differences", *done.differences[:5], sep="\n  ", flush=True)
    return int(differences > 0)


if __name__ == "__main__":
    sys.exit(main())
