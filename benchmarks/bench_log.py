"""The transparency log beside other people's: `python benchmarks/bench_log.py [--json]`.

Appending (a durable store with sealed records, and the bare tree), receipts made and verified, and the
re-derivation of a whole log from its entries; beside pymerkle (a Python Merkle log) and Go's sumdb/tlog where
they are installed. All in this process, on one core, one after the other; a line says what each thing does.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY / "src"), str(REPOSITORY)]

from linekeeper.journal.log.checkpoint import Checkpoint  # noqa: E402
from linekeeper.journal.log.entry import ENTRY_BYTES  # noqa: E402
from linekeeper.journal.log.note import Note  # noqa: E402
from linekeeper.journal.log.publish import Published  # noqa: E402
from linekeeper.journal.log.receipt import verify_receipt  # noqa: E402
from linekeeper.journal.log.tiles import Tiles, TileWriter, on_disk  # noqa: E402
from linekeeper.journal.log.tree import Frontier, leaf_hash, root_at  # noqa: E402
from tests.log.gocheck import GoCheck, build  # noqa: E402
from tests.log.support import LOG_KEY, House, decisions, open_house  # noqa: E402

BATCH = 5_000
ACCOUNTS = 20_000
RECEIPTS = 10_000


@dataclass(frozen=True)
class Figure:
    """One measured line: what, by whom, how many, in how many seconds."""

    what: str
    by: str
    count: int
    seconds: float
    note: str = ""

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what the work gave."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


# ------------------------------------------------------------------ this log


def measure_store(house: House, leaves: int) -> Iterator[Figure]:
    """Append sealed records in durable batches, then publish them."""
    records = decisions(leaves, accounts=ACCOUNTS)
    mean = sum(len(record.data) for record in records) // leaves
    batches = [records[at : at + BATCH] for at in range(0, leaves, BATCH)]
    seconds, _ = timed(lambda: [house.add(batch) for batch in batches])
    note = f"sealed, {mean} bytes a record, SQLite synchronous=FULL, {BATCH:,} a commit"
    yield Figure("append, durable", "linekeeper", leaves, seconds, note)
    seconds, _ = timed(house.publish)
    yield Figure("publish", "linekeeper", leaves, seconds, "tiles written and synced, head signed")


def measure_receipts(house: House, head: Published, leaves: int) -> Iterator[Figure]:
    """Make and verify receipts spread over the whole log."""
    positions = range(0, leaves, max(1, leaves // RECEIPTS))
    seconds, receipts = timed(lambda: house.receipts(positions))
    note = "opened from the store, proof from tiles"
    yield Figure("receipts made", "linekeeper", len(receipts), seconds, note)
    seconds, _ = timed(lambda: [verify_receipt(each, LOG_KEY.verifier) for each in receipts])
    yield Figure("receipts verified", "linekeeper", len(receipts), seconds, "signature, path and commitment of each")


def measure_tree(entries: Sequence[bytes]) -> tuple[Figure, bytes]:
    """Append entries to the bare tree."""
    seconds, frontier = timed(lambda: Frontier().extend([leaf_hash(entry) for entry in entries]))
    return Figure("append, bare tree", "linekeeper", len(entries), seconds, "hashing alone"), frontier.root()


def write_log(folder: Path, entries: Sequence[bytes]) -> Published:
    """A published log of these entries, without a store."""
    size = TileWriter(folder, 0).add(entries)
    tiles = Tiles(on_disk(folder), size)
    checkpoint = Checkpoint(LOG_KEY.name, size, root_at(size, tiles.node))
    data = Note(checkpoint.text, (LOG_KEY.sign(checkpoint.text),)).data
    (folder / "checkpoint").write_bytes(data)
    return Published(checkpoint, data, tiles)


def measure_rederivation(head: Published) -> Figure:
    """The root from the published entries alone, held against the signed one."""

    def rederive() -> bytes:
        frontier, size = Frontier(), head.checkpoint.size
        for tile in range(-(-size // 256)):
            frontier = frontier.extend([leaf_hash(entry) for entry in head.tiles.bundle(tile)])
        return frontier.root()

    seconds, root = timed(rederive)
    assert root == head.checkpoint.root
    return Figure("re-derivation", "linekeeper", head.checkpoint.size, seconds, "bundles read, every hash anew")


# ------------------------------------------------------------------ the others


def measure_pymerkle(entries: Sequence[bytes], root: bytes, receipts: int) -> Iterator[Figure]:
    """pymerkle's tree in memory, over the same entries; the roots must agree."""
    import pymerkle

    warnings.simplefilter("ignore", DeprecationWarning)
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    seconds, _ = timed(lambda: tree.append_entries(entries))
    yield Figure("append, bare tree", "pymerkle", len(entries), seconds, "InmemoryTree.append_entries")
    seconds, told = timed(tree.get_root)
    assert told == root, "pymerkle derives another root"
    places = range(1, len(entries), max(1, len(entries) // receipts))
    seconds, proofs = timed(lambda: [tree.prove_inclusion(place) for place in places])
    yield Figure("receipts made", "pymerkle", len(proofs), seconds, "inclusion proofs alone, from memory")
    leaves = [tree.get_leaf(place) for place in places]
    check = lambda: [pymerkle.verify_inclusion(leaf, root, proof) for leaf, proof in zip(leaves, proofs, strict=True)]  # noqa: E731
    seconds, _ = timed(check)
    yield Figure("receipts verified", "pymerkle", len(proofs), seconds, "path alone: no signature, no commitment")


def measure_pymerkle_store(folder: Path, entries: Sequence[bytes]) -> Figure:
    """pymerkle's tree in SQLite, in durable batches of the same length."""
    import pymerkle

    tree = pymerkle.SqliteTree(str(folder / "pymerkle.db"), algorithm="sha256")
    batches = [entries[at : at + BATCH] for at in range(0, len(entries), BATCH)]
    seconds, _ = timed(lambda: [tree.append_entries(batch, BATCH) for batch in batches])
    tree.con.close()
    return Figure("append, durable", "pymerkle", len(entries), seconds, "SqliteTree, nothing sealed")


def measure_pymerkle_rederivation(entries: Sequence[bytes], root: bytes) -> Figure:
    """The root of all entries from nothing."""
    import pymerkle

    def rederive() -> bytes:
        tree = pymerkle.InmemoryTree(algorithm="sha256")
        tree.append_entries(entries)
        return bytes(tree.get_root())

    seconds, told = timed(rederive)
    assert told == root, "pymerkle derives another root"
    return Figure("re-derivation", "pymerkle", len(entries), seconds, "entries from memory")


def measure_go(check: GoCheck, folder: Path, receipts: list[bytes]) -> Iterator[Figure]:
    """Go's sumdb/tlog and sumdb/note on the same published log and the same receipts."""
    size, seconds = check.rederive(folder).stdout.split()
    yield Figure("re-derivation", "Go sumdb/tlog", int(size), float(seconds), "bundles read, StoredHashes, TreeHash")
    if receipts:
        start, _ = timed(lambda: check.accepted(receipts[:1]))
        seconds_all, accepted = timed(lambda: check.accepted(receipts))
        assert all(accepted)
        note = "signature, path and commitment of each"
        yield Figure("receipts verified", "Go sumdb", len(receipts), seconds_all - start, note)


# ------------------------------------------------------------------ all of it


def measure(leaves: int, large: int, folder: Path) -> Iterator[Figure]:
    """Every figure, in the order of the table."""
    has_pymerkle = _has_pymerkle()
    go = shutil.which("go")
    check = build(go, folder, LOG_KEY.verifier.vkey) if go and Path("/usr/share/gocode").is_dir() else None
    house = open_house(folder / "house")
    yield from measure_store(house, leaves)
    head = house.published()
    assert head is not None
    yield from measure_receipts(house, head, leaves)
    receipts = house.receipts(range(0, leaves, max(1, leaves // RECEIPTS)))
    entries = list(head.tiles.entries())
    house.engine.dispose()
    figure, root = measure_tree(entries)
    yield figure
    if has_pymerkle:
        yield measure_pymerkle_store(folder, entries)
        yield from measure_pymerkle(entries, root, min(RECEIPTS, 2_000))
    noise = os.urandom(ENTRY_BYTES * large)
    many = [noise[at : at + ENTRY_BYTES] for at in range(0, len(noise), ENTRY_BYTES)]
    big = write_log(folder / "large", many)
    yield measure_rederivation(big)
    if has_pymerkle:
        yield measure_pymerkle_rederivation(many, big.checkpoint.root)
    if check:
        yield from measure_go(check, folder / "house" / "public", receipts)
        yield from measure_go(check, folder / "large", [])


def _has_pymerkle() -> bool:
    try:
        import pymerkle  # noqa: F401
    except ImportError:
        print("pymerkle is not installed; its lines are left out", file=sys.stderr)
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leaves", type=int, default=100_000, help="in the store, and for receipts")
    parser.add_argument("--large", type=int, default=1_000_000, help="entries of the log that is re-derived")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figures = sorted(measure(given.leaves, given.large, Path(name)), key=lambda figure: figure.what)
    if given.json:
        print(json.dumps([asdict(figure) | {"per_second": round(figure.per_second)} for figure in figures], indent=1))
        return
    print(f"{'what':<20} {'by':<15} {'count':>10} {'seconds':>9} {'a second':>11}  note")
    for each in figures:
        rate = f"{each.per_second:>11,.0f}"
        print(f"{each.what:<20} {each.by:<15} {each.count:>10,} {each.seconds:>9.3f} {rate}  {each.note}")


if __name__ == "__main__":
    main()
