"""A store whose every table has rows, with a log that is published, and what is found to be wrong with a copy of it."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

from linekeeper.core.bounds import DAY_MS
from linekeeper.core.errors import LinekeeperError
from linekeeper.core.event import Event
from linekeeper.engine.account import AccountFilter, account_page
from linekeeper.engine.engine import Engine
from linekeeper.engine.feed_batches import note_batch, rule_on_batch
from linekeeper.engine.outbox import Law, mark_sent
from linekeeper.engine.rulings import Ruling, rule
from linekeeper.engine.verify import verify
from linekeeper.engine.versions import adopt
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import check_keys, erase_borrower, new_keeper, open_keeper
from linekeeper.journal.store import open_store
from linekeeper.policy.load import load_text
from linekeeper.service.access_keys import add_key, revoke_key
from linekeeper.service.roles import Role
from tests.engine.lives import ANY_TIME, borrowers, kept_every, parts, send
from tests.extracts.test_rebuild import POLICY
from tests.style.repository import ROOT

PAGE = ROOT / "docs" / "reference" / "proof.md"
AT = 4_089_000_000_000  # 29 July 2099, after the last of the generated events
TEXT = POLICY + "brake: {lines: 1%, exposure: 1%}\nhonour: 2000d\n"
NEXT = TEXT.replace("version: 1", "version: 2").replace("cap: 60%", "cap: 50%")
TABLES = [table.name for table in t.SCHEMA.sorted_tables]
BATCH = ("core", "abcdef01", "may.csv", '{"weekday": "monday", "values": {"volume": "1"}}', "[]", "waiting", AT)
# Rows of tables that the store's own life leaves empty.
ROWS = {
    "answered_requests": ("core", "k", "00", 1, 1, "{}", AT),
    "unfinished_runs": ("core", "ab", 100),
}


@dataclass(frozen=True)
class Proven:
    """A store whose every table has rows, and the keys of its log."""

    file: Path
    keys: Path

    def found(self, file: Path) -> str | None:
        """What is found to be wrong with a copy; None where it is taken for sound."""
        try:
            keeper = open_keeper(self.keys)  # one that has unwrapped no key yet
            with closing(open_store(str(file))) as store:
                verdict = verify(store, vault=keeper.vault)
                if verdict.first_difference:
                    return verdict.first_difference
                with store.reading() as connection:
                    keeper.demand_log_of(connection)
                    checked = check_keys(connection, keeper.vault)
                    keeper.audit(connection)
                    if checked.error:
                        return str(checked.error)
        except LinekeeperError as error:
            return str(error)
        return None


def proven_store(folder: Path) -> Proven:
    """Make the store in that folder, with its keys and what it publishes."""
    keeper = new_keeper(folder / "keys", folder / "public", "example.com/lines")
    with kept_every(10), closing(open_store(str(folder / "lines.db"))) as store:
        engine = Engine(store, load_text(TEXT), keeper, brake=True, law=Law("CN", "consumer_loan"), clock=ANY_TIME)
        events = sorted((event for one in borrowers(engine.policy, 12) for event in one), key=lambda event: event.at)
        pieces = list(parts(events, Random(3)))
        for number, piece in enumerate(pieces):
            if number == len(pieces) // 2:
                adopt(
                    store, load_text(TEXT.replace("version: 1", "version: 2").replace("cap: 60%", "cap: 50%")), keeper
                )
                engine = Engine(store, None, keeper, brake=True, clock=ANY_TIME)
            engine.review(engine.kernel.calendar.day(piece[0].at))
            send(engine, piece)
        send(engine, burst())
        engine.review(engine.kernel.calendar.day(AT))
        names = [one.account for one in account_page(engine, AccountFilter())]
        rule(engine, [Ruling(names[0], AT, engine.kernel.calendar.day(AT) + 100, cap_bp=5_000, by="Li", why="asked")])
        with store.reading() as connection:
            row = connection.execute(t.notices.select()).first()
        assert row is not None
        mark_sent(store, keeper, row.account, row.number, AT)
        keeper.publish(store)
        erase_borrower(store, keeper, names[-1], AT)
        Engine(store, None, keeper, clock=ANY_TIME)  # counts the book anew
        keeper.publish(store)
    with closing(sqlite3.connect(folder / "lines.db")) as file, file:
        for name, values in ROWS.items():
            file.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(values))})", values)
        rejected = ("core", "e", "A", b"{}", "came before")
        file.execute("INSERT INTO rejected_events (source, id, account, body, reason) VALUES (?, ?, ?, ?, ?)", rejected)
    with closing(open_store(str(folder / "lines.db"))) as store:
        with store.writing() as connection:
            note_batch(connection, keeper, BATCH)
        for _ in range(3):
            key, _ = add_key(store, "core", Role.SYSTEM, AT, 7, keeper)
        revoke_key(store, key.id, AT, keeper)
        rule_on_batch(store, keeper, "abcdef01", "release", by="Li", why="asked", at=AT)
    return Proven(folder / "lines.db", folder / "keys")


def burst() -> list[Event]:
    """Four borrowers who fall behind on the same day: the brake lets one line be restricted."""
    opened, due_on = AT - 200 * DAY_MS, AT // DAY_MS - 100
    rows: list[tuple[str, int, dict[str, int]]] = [
        ("open", 0, {"limit": 100_000}),
        ("draw", 1, {"amount": 50_000}),
        ("due", 2, {"amount": 50_000, "due_on": due_on}),
    ]
    return [
        Event(f"{kind} {number}", f"burst {number}", kind, opened + day * DAY_MS, fields)
        for number in range(4)
        for kind, day, fields in rows
    ]


def rows_of_page() -> dict[tuple[str, str], str]:
    """Each column that the page lists, and what it says of it."""
    listed = {}
    for section in re.split(r"(?m)^## ", PAGE.read_text("utf-8"))[1:]:
        name = section.split("\n")[0].strip("`")
        for column, how in re.findall(r"(?m)^\| `(\w+)` \| ([a-z ]+?) \|", section):
            listed[name, column] = how
    return listed


def section_of_page(table: str) -> str:
    """What the page says of a table."""
    return PAGE.read_text("utf-8").split(f"\n## `{table}`\n")[1].split("\n## ")[0]
