"""Kill a writer and a publisher at random moments: `python -m tests.log.kill --times 200`.

Both work on one store at once; each kill takes them without warning. After each, the store must hold every
acknowledged leaf once, every head ever told must be a head of it, and it must publish on. A fresh store is
begun now and then, so that young ones are hit too. Exit code 1 where a promise was broken.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.log.promises import keeps_its_heads, leaves_lost, read_promises
from tests.log.support import open_house

STORE_KILLS = 20  # kills that one store lives through
LIFE_MAX_S = 0.4  # after both have done something; one kill in five comes before that
BIRTH_MAX_S = 60.0
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Kills:
    """`kills` done; `leaves` and `heads` that were acknowledged before them, `lost` leaves (0, or it has failed)."""

    kills: int
    leaves: int
    heads: int
    lost: int


def kill_many(times: int, seed: int) -> Kills:
    """Kill `times` times; AssertionError or LogError where a head is not kept, leaves are doubled or out of order."""
    chance = random.Random(seed)
    kills = leaves = heads = lost = 0
    while kills < times:
        with tempfile.TemporaryDirectory() as name:
            for _ in range(min(STORE_KILLS, times - kills)):
                lost += _kill_once(Path(name), chance)
                kills += 1
            promises = read_promises((Path(name) / "acks").read_text())
        leaves, heads = leaves + promises.leaves, heads + len(promises.heads)
    return Kills(kills, leaves, heads, lost)


def _kill_once(folder: Path, chance: random.Random) -> int:
    """Let both work for a moment, kill them, look; the acknowledged leaves that are lost."""
    open_house(folder).engine.dispose()  # two processes cannot both be the first
    acks = folder / "acks"
    acks.touch()
    workers = [_start(folder, what, chance) for what in ("write", "publish")]
    try:
        if chance.random() < 0.8:
            _wait_for_both(acks, len(acks.read_text()))
        time.sleep(chance.uniform(0, LIFE_MAX_S))
    finally:
        for worker in workers:
            worker.kill()
    assert [worker.wait() for worker in workers] == [-signal.SIGKILL] * 2, "a worker ended by itself; see its error"
    promises = read_promises(acks.read_text())
    house = open_house(folder)
    try:
        lost = leaves_lost(house, promises)
        keeps_its_heads(house, promises)
    finally:
        house.engine.dispose()
    return lost


def _start(folder: Path, what: str, chance: random.Random) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.log.worker", str(folder), "--what", what]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])}
    return subprocess.Popen([*command, "--seed", str(chance.randrange(1 << 30))], cwd=REPOSITORY, env=environment)


def _wait_for_both(acks: Path, start: int) -> None:
    """Until the writer and the publisher have each acknowledged something new."""
    give_up = time.monotonic() + BIRTH_MAX_S
    while not {"leaves", "head"} <= set(acks.read_text()[start:].split()):
        assert time.monotonic() < give_up, f"a worker has done nothing for {BIRTH_MAX_S} seconds"
        time.sleep(0.005)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    kills = kill_many(given.times, given.seed)
    print(json.dumps(asdict(kills)))
    return int(kills.lost > 0)


if __name__ == "__main__":
    sys.exit(main())
