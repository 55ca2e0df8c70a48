"""Many power cuts at random moments of one recorded run, and what each of them cost."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.log.power_loss.disk import Disk, read_trace
from tests.log.promises import keeps_its_heads, leaves_lost, read_promises
from tests.log.support import open_house

REPOSITORY = Path(__file__).resolve().parents[3]
COMMITS = 150


@dataclass(frozen=True)
class Losses:
    """`images` made; in how many an acknowledged leaf was lost, and how many leaves in the worst of them."""

    images: int
    with_loss: int
    worst: int


def find_compiler() -> str | None:
    """A C compiler, to build the recorder with."""
    return shutil.which("gcc") or shutil.which("cc")


def record(compiler: str, folder: Path, synchronous: str, seed: int, commits: int = COMMITS) -> tuple[str, Path]:
    """Run the worker once under the recorder; the folder it worked in and the trace."""
    library, trace, store = folder / "record.so", folder / f"{synchronous}.trace", folder / f"{synchronous}.store"
    source = Path(__file__).with_name("record.c")
    build = [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl", "-lpthread"]
    subprocess.run(build, check=True)
    environment = os.environ | {
        "LD_PRELOAD": str(library),
        "RECORD_FOLDER": str(store),
        "RECORD_TRACE": str(trace),
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)]),
    }
    worker = [sys.executable, "-m", "tests.log.worker", str(store), "--commits", str(commits)]
    options = ["--synchronous", synchronous, "--seed", str(seed)]
    subprocess.run(worker + options, check=True, env=environment, cwd=REPOSITORY, timeout=600)
    return str(store), trace


def cut(store: str, trace: Path, images: int, seed: int, must_keep: bool) -> Losses:
    """Cut the power at `images` random moments. With `must_keep`, heads too must be kept, or an AssertionError."""
    chance = random.Random(seed)
    operations = list(read_trace(trace))
    moments = sorted(chance.randrange(1, len(operations)) for _ in range(images))
    disk, done, lost = Disk(store), 0, []
    for moment in moments:
        for operation in operations[done:moment]:
            disk.do(operation)
        done = max(done, moment)
        lost.append(_survey(disk, chance, must_keep))
    return Losses(images, sum(1 for leaves in lost if leaves), max(lost, default=0))


def _survey(disk: Disk, chance: random.Random, must_keep: bool) -> int:
    """Make one image, start from it, and count the acknowledged leaves it lacks."""
    promises = read_promises(disk.acks())
    with tempfile.TemporaryDirectory() as name:
        disk.image(Path(name), chance)
        house = open_house(Path(name))
        try:
            lost = leaves_lost(house, promises)
            if must_keep:
                keeps_its_heads(house, promises)
        finally:
            house.engine.dispose()
    return lost
