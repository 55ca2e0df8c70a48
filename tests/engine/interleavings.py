"""Two engines over one store, in any order: what is read is never out of date, and nothing is ever half done.

`python -m tests.engine.interleavings --count 200 [--seed 0] [--json]` drives that many random interleavings, half on
SQLite and half on PostgreSQL. Each step is chosen by chance: one of two engines, which may have been opened before
another version came into force, receives, reviews, rules, erases, adopts or reads. The same step is done on a second
store by an engine that is opened for it alone. Answers, stored rows and leaves of the log must be the same after each
step; a writer that is out of date may refuse, and then nothing may have changed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select

import linekeeper as lk
from linekeeper.core.bounds import DAY_MS
from linekeeper.core.errors import LinekeeperError
from linekeeper.engine.clock import Clock
from linekeeper.engine.engine import Engine
from linekeeper.engine.versions import adopt
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import Keeper, new_keeper
from linekeeper.journal.log.read import opened
from linekeeper.journal.store import Store, open_store
from linekeeper.policy.load import load_text
from tests.engine.lives import contents, kept_every

ACCOUNTS = ("a", "b", "c")
STEPS = 16
FIRST_DAY = 20_000
STANDING_CLOCK = Clock(
    lambda: (FIRST_DAY + 1_000) * DAY_MS
)  # else events would arrive at another millisecond on each side
OUT_OF_DATE = "version-changed-meanwhile"
TEXT = """policy: card
version: 1
currency: CNY
time_zone: Asia/Shanghai
events:
  enquiry: {}
features: {asked_7d: 'count(enquiry, 7d)'}
triggers:
  arrears: {when: past_due > 0 CNY, cap: 50%, hold: 5d, reason: arrears}
  asking: {when: asked_7d >= 3, hold: 3d, cap: 80%, reason: credit_seeking}
authorise:
  dear: {deny: amount > 900 CNY, reason: credit_seeking}
restoration: {first: 60%, step: 20%, every: 3d}
honour: 4d
"""


def version_text(number: int) -> str:
    """The policy's versions: each stricter than the last, with a state of another layout."""
    features = "".join(f", more_{n}: 'sum(draw.amount, {n + 7}d)'" for n in range(2, number + 1))
    text = TEXT.replace("version: 1", f"version: {number}").replace("cap: 50%", f"cap: {max(50 - 10 * number, 0)}%")
    return text.replace("'count(enquiry, 7d)'}", f"'count(enquiry, 7d)'{features}}}")


@dataclass
class Side:
    """One store with its keys, and the engines over it."""

    store: Store
    keeper: Keeper
    engines: list[lk.Engine] = field(default_factory=list)

    def open_engine(self) -> lk.Engine:
        """An engine as anybody who comes now would open it."""
        return lk.Engine(Engine(self.store, None, self.keeper, clock=STANDING_CLOCK))

    def stored(self) -> dict[str, Any]:
        """Every event, state and decision, the leaves of the log with their records, and what was erased."""
        rows: dict[str, Any] = dict(contents(self.store))
        with self.store.reading() as connection:
            count = len(connection.execute(select(t.LOG.entries.c.position)).all())
            leaves = opened(connection, t.LOG, self.keeper.vault, range(count))
            rows["leaves"] = [(position, leaf and (leaf.kind, without_mark(leaf.data))) for position, leaf in leaves]
            migrations = select(t.version_migrations).order_by(t.version_migrations.c["account", "day"])
            rows["migrations"] = [tuple(row) for row in connection.execute(migrations)]
            rows["policies"] = connection.execute(select(t.policies.c.digest).order_by(t.policies.c.version)).all()
        return rows

    def begin(self) -> None:
        """Empty the store and begin it with the first version."""
        with self.store.writing() as connection:
            for table in reversed(t.SCHEMA.sorted_tables):
                connection.execute(table.delete())
        Engine(self.store, load_text(version_text(1)), self.keeper)


class Interleaving:
    """Random steps over two engines of `shared`, and the same on `alone`, each by an engine of its own."""

    def __init__(self, shared: Side, alone: Side, seed: int) -> None:
        self.shared, self.alone, self.rng = shared, alone, Random(seed)
        self.counts: Counter[str] = Counter()
        self.day, self.version, self.number = FIRST_DAY, 1, 0
        self.trail: list[str] = []
        self.stored: dict[str, Any] = {}

    def run(self) -> Counter[str]:
        """Raises AssertionError, with the steps that led there, at the first difference."""
        for side in (self.shared, self.alone):
            side.begin()
        self.shared.engines = [self.shared.open_engine() for _ in range(2)]
        self.stored = self.shared.stored()
        try:
            for _ in range(STEPS):
                self._step()
            for side in (self.shared, self.alone):
                verdict = side.open_engine().verify()
                assert verdict.first_difference is None, verdict.first_difference
        except Exception as error:
            raise AssertionError("\n".join([*self.trail, str(error)])) from error
        return self.counts

    def _step(self) -> None:
        place = self.rng.randrange(2)
        name, act = self._choose()
        self.trail.append(f"engine {place}: {name}")
        given = outcome_of(act, self.shared, self.shared.engines[place])
        if given == ("error", OUT_OF_DATE):
            assert self.shared.stored() == self.stored, "a refusal changed the store"
            self.counts["refused"] += 1
            self.shared.engines[place] = self.shared.open_engine()
            given = outcome_of(act, self.shared, self.shared.engines[place])
        of_fresh = outcome_of(act, self.alone, self.alone.open_engine())
        self.counts[name.split()[0]] += 1
        assert given == of_fresh, f"{given} is not {of_fresh}"
        here, there = self.shared.stored(), self.alone.stored()
        self.stored = here
        for what in here:
            assert here[what] == there[what], f"{what}: {here[what]} is not {there[what]}"

    def _choose(self) -> tuple[str, Callable[[Side, lk.Engine], Any]]:
        self.number += 1
        account, number, day = self.rng.choice(ACCOUNTS), self.number, self.day
        share = self.rng.random()
        if share < 0.34:
            events = self._events()
            return f"receive {[event['kind'] for event in events]}", lambda side, engine: list(
                engine.receive(events, source="core")
            )
        if share < 0.46:
            self.day += self.rng.randrange(0, 7)
            until = iso_day(self.day)
            return f"review {until}", lambda side, engine: list(engine.review(until))
        if share < 0.54:
            cap = self.rng.choice((None, 1_000, 6_000))
            how: dict[str, Any] = {"trigger": "arrears"} if cap is None else {"cap_bp": cap}
            how |= {"until": iso_day(day + 4), "by": "Li", "why": "asked", "at": instant(day), "id": f"r{number}"}
            return f"rule {account} {cap}", lambda side, engine: list(engine.rule(account, **how))
        if share < 0.62 and self.version < 4:
            self.version += 1
            policy = load_text(version_text(self.version))
            return f"adopt {self.version}", lambda side, engine: adopt(side.store, policy, side.keeper)
        if share < 0.66:
            return f"erase {account}", lambda side, engine: engine.erase(account, at=instant(day))
        return self._read(account, day)

    def _read(self, account: str, day: int) -> tuple[str, Callable[[Side, lk.Engine], Any]]:
        amount = self.rng.choice((1, 20_000, 95_000))
        reads: dict[str, Callable[[Side, lk.Engine], Any]] = {
            "authorise": lambda side, engine: engine.authorise(account, amount, instant(day)),
            "explain": lambda side, engine: str(engine.explain(account)),
            "recourse": lambda side, engine: repr(engine.recourse(account)),
            "account": lambda side, engine: account_as_text(engine.account(account)),
            "accounts": lambda side, engine: engine.accounts().table.to_pylist(),
            "notice": lambda side, engine: engine.notice(account),
            "verify": lambda side, engine: engine.verify(),
        }
        name = self.rng.choice(list(reads))
        return f"{name} {account}", reads[name]

    def _events(self) -> list[dict[str, Any]]:
        """Some events, now and then of the past, of an account that is not open, or sent before."""
        rows = []
        for place in range(self.rng.choice((1, 1, 2, 6))):
            self.day += self.rng.random() < 0.3
            late = self.rng.randrange(1, 6) if self.rng.random() < 0.15 else 0
            kind = self.rng.choice(("open", "draw", "draw", "due", "repay", "enquiry", "enquiry"))
            row: dict[str, Any] = {"id": f"e{self.number}/{place}", "account": self.rng.choice(ACCOUNTS), "kind": kind}
            row["at"] = instant(self.day - late)
            row |= {"limit": 100_000} if kind == "open" else {}
            row |= {"amount": self.rng.choice((1_000, 20_000))} if kind in ("draw", "due", "repay") else {}
            row |= {"due_on": iso_day(self.day - late + self.rng.randrange(0, 5))} if kind == "due" else {}
            rows.append(row)
        if self.number > 1 and self.rng.random() < 0.1:
            rows[0]["id"] = f"e{self.rng.randrange(1, self.number)}/0"
        return rows


def outcome_of(act: Callable[[Side, lk.Engine], Any], side: Side, engine: lk.Engine) -> tuple[str, Any]:
    """What a step gives: its value, or the code of its error. An error that is not of the house is a fault."""
    try:
        return "value", act(side, engine)
    except LinekeeperError as error:
        return "error", error.code


def account_as_text(account: lk.Account) -> str:
    """An account with its decisions."""
    return f"{account} {list(account.decisions)}"


def without_mark(data: bytes) -> Any:
    """A leaf's record, less the mark of an erasure, which is drawn by chance."""
    return {name: value for name, value in json.loads(data).items() if name != "mark"}


def iso_day(day: int) -> str:
    """A day since 1970-01-01 as people write it."""
    return time.strftime("%Y-%m-%d", time.gmtime(day * 86_400))


def instant(day: int) -> str:
    """Noon in Shanghai."""
    return f"{iso_day(day)}T12:00:00+08:00"


# ------------------------------------------------------------------ many


@contextmanager
def sides(url: str, folder: Path) -> Iterator[tuple[Side, Side]]:
    """The store at that URL, and an SQLite one for the comparison."""
    with ExitStack() as stack:
        made = []
        for name, where in (("shared", url), ("alone", str(folder / "alone.db"))):
            store = open_store(where)
            stack.callback(store.close)
            made.append(Side(store, new_keeper(folder / f"{name}-keys", folder / f"{name}-log", "example.com/lines")))
        yield made[0], made[1]


def drive(url: str, folder: Path, seeds: range) -> Counter[str]:
    """Run the interleavings of these seeds over that database; how many steps there were of each kind."""
    total: Counter[str] = Counter()
    with sides(url, folder) as (shared, alone):
        for seed in seeds:
            with kept_every(1 + seed % 7):
                total += Interleaving(shared, alone, seed).run()
    return total


def run_and_report(
    about: str | None, count: int, counted: str, drive: Callable[[str, Path, range], Counter[str]]
) -> None:
    """Drive interleavings as the command line asks, half on each database, and print a table, or one line of JSON.

    `count` is how many there are where none is asked for, `counted` what the JSON calls the numbers of a database.
    """
    from tests.conftest import NEEDS
    from tests.journal.databases import postgres_database

    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--count", type=int, default=count)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    seeds = range(asked.seed, asked.seed + asked.count)
    began, numbers, server = time.perf_counter(), {}, NEEDS["postgres"].find()
    with tempfile.TemporaryDirectory() as name:
        half = seeds[: asked.count // 2] if server else seeds
        (folder := Path(name) / "sqlite").mkdir()
        numbers["sqlite"] = drive(str(folder / "lines.db"), folder, half)
        if server:
            (folder := Path(name) / "postgres").mkdir()
            with postgres_database(server) as url:
                numbers["postgresql"] = drive(url, folder, seeds[asked.count // 2 :])
    seconds = time.perf_counter() - began
    summary = {"interleavings": asked.count, "differences": 0, "seconds": round(seconds, 1)}
    if asked.json:
        print(json.dumps(summary | {counted: {kind: dict(sorted(own.items())) for kind, own in numbers.items()}}))
        return
    print(f"{asked.count} interleavings, {seconds:.0f} s, no difference")
    for kind, own in numbers.items():
        print(f"  {kind:<11} " + ", ".join(f"{number:,} {name}" for name, number in sorted(own.items())))
    if not server:
        sys.stderr.write(f"on SQLite alone: {NEEDS['postgres'].way_out}\n")


if __name__ == "__main__":
    run_and_report(__doc__, 200, "steps", drive)
