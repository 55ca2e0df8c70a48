"""Writers and a follower of a store, each in a process of its own that a test kills.

`python -m tests.extracts.following write URL FIRST COUNT` sends events of so many accounts, one batch after another.
`python -m tests.extracts.following follow URL FOLDER` handles each change by a line in `handled`, then notes its
position in `position`; killed in between, it handles some changes again.
"""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path

from linekeeper.core.event import Event
from linekeeper.engine.changes import changes_after
from linekeeper.engine.engine import Engine
from linekeeper.engine.outbox import Law, find_entry, mark_sent
from linekeeper.journal.store import open_store
from linekeeper.policy.load import load_text
from linekeeper.policy.model import Policy
from tests.extracts.test_rebuild import POLICY

LAW = Law("CN", "consumer_loan")
DAY_MS, START = 86_400_000, 1_700_000_000_000
DELIVERED_AT_ONCE = 7


def policy() -> Policy:
    return load_text(POLICY)


def write(url: str, first: int, count: int) -> None:
    """Open a line, draw nearly all of it, fall behind: some decisions an account, and a notice that goes out."""
    with closing(open_store(url)) as store:
        engine = Engine(store, policy(), law=LAW)
        for number in range(first, first + count):
            _live(engine, f"A{number:05}", f"writer-{first}")
            print(number, flush=True)


def _live(engine: Engine, account: str, source: str) -> None:
    events: list[tuple[str, int, dict[str, int | str]]] = [
        ("open", 0, {"limit": 100_000}),
        ("draw", 1, {"amount": 95_000}),
        ("due", 2, {"amount": 500, "due_on": (START // DAY_MS) + 5}),
        ("hardship", 40, {}),
    ]
    for place, (kind, day, fields) in enumerate(events):
        engine.receive([Event(f"{account}-{place}", account, kind, START + day * DAY_MS, fields)], source)
    with engine.store.reading() as connection:
        entry = find_entry(connection, account, 2)
    if entry is not None:
        mark_sent(engine.store, engine.keeper, account, 2, START + 41 * DAY_MS)


def follow(url: str, folder: Path) -> None:
    """Handle what comes after the position that was noted last, for ever."""
    engine, noted = Engine(open_store(url, made=True), None), folder / "position"
    while True:
        position = int(noted.read_text()) if noted.exists() else 0
        for change in changes_after(engine, position, DELIVERED_AT_ONCE):
            with (folder / "handled").open("a") as handled:
                handled.write(f"{change.position} {change.kind} {change.account}#{change.number}\n")
            beside = folder / "position.new"
            beside.write_text(str(change.position))
            os.replace(beside, noted)


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what == "write":
        write(arguments[0], int(arguments[1]), int(arguments[2]))
    else:
        follow(arguments[0], Path(arguments[1]))
