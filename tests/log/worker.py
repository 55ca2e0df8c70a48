"""A process that writes to a log and publishes it, and says what it has been promised: the one to be killed.

It appends lines to the file `acks`: `leaves N` once N leaves are committed, `head N ROOT` once that head is
published. Record number n always stands at position n, so doubled and lost ones can be told.
"""

from __future__ import annotations

import argparse
import os
import random
from pathlib import Path

from linekeeper.journal.log.errors import LogError
from tests.log.support import House, Synchronous, decisions, open_house

CHECKPOINT_PAGES = 60  # small, so that SQLite moves its write-ahead log into the database again and again


def work(folder: Path, what: str, commits: int, synchronous: Synchronous, seed: int) -> None:
    """Write, publish, or both in turn, `commits` times."""
    house, chance = open_house(folder, synchronous=synchronous), random.Random(seed)
    acks = os.open(folder / "acks", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    with house.engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    for _ in range(commits):
        if what != "publish":
            write_one(house, chance, acks)
        if what == "publish" or (what == "both" and chance.random() < 0.2):
            publish_one(house, acks)
    house.engine.dispose()


def write_one(house: House, chance: random.Random, acks: int) -> None:
    """Commit a small batch, then say so."""
    start, count = house.add([]), chance.randint(1, 20)
    house.add(decisions(count, start, accounts=start // 40 + 5))
    os.write(acks, b"leaves %d\n" % (start + count))


def publish_one(house: House, acks: int) -> None:
    """Publish what there is, then say so. A store that is busy just now is tried again by the next one."""
    try:
        head = house.publish().checkpoint
    except LogError as error:
        if "try again" not in str(error):
            raise
    else:
        os.write(acks, f"head {head.size} {head.root.hex()}\n".encode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--what", choices=["write", "publish", "both"], default="both")
    parser.add_argument("--commits", type=int, default=1_000_000)
    parser.add_argument("--synchronous", choices=["FULL", "NORMAL"], default="FULL")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    work(given.folder, given.what, given.commits, given.synchronous, given.seed)
