"""Power cuts, from a recorded run: what was acknowledged under synchronous=FULL is there, whatever was torn."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.log.power_loss.campaign import Losses, cut, find_compiler, record
from tests.log.power_loss.disk import CREATE, RENAME, SYNC, TRUNCATE, UNLINK, WRITE, Disk, Operation

STORE = "store"


@pytest.fixture(scope="module")
def compiler() -> str:
    found = find_compiler()
    if found is None:
        pytest.skip("no C compiler: `apt-get install gcc`")
    return found


def test_full_loses_nothing_and_normal_does(compiler: str, tmp_path: Path) -> None:
    full = cut(*record(compiler, tmp_path, "FULL", seed=3, commits=40), images=40, seed=3, must_keep=True)
    assert full == Losses(40, with_loss=0, worst=0)
    normal = cut(*record(compiler, tmp_path, "NORMAL", seed=3, commits=40), images=20, seed=3, must_keep=False)
    assert normal.with_loss > 0  # the test can fail


@pytest.mark.nightly
def test_a_thousand_images(compiler: str, tmp_path: Path) -> None:
    full = cut(*record(compiler, tmp_path, "FULL", seed=4), images=1_000, seed=4, must_keep=True)
    assert full == Losses(1_000, with_loss=0, worst=0)


# ------------------------------------------------------------------ the disk itself


def images(operations: list[Operation], tmp_path: Path) -> list[dict[str, bytes]]:
    """All that 200 power cuts after these operations leave."""
    disk = Disk(STORE)
    for operation in operations:
        disk.do(operation)
    found = []
    for seed in range(200):
        folder = tmp_path / str(seed)
        folder.mkdir()
        disk.image(folder, random.Random(seed))
        found.append({path.name: path.read_bytes() for path in folder.iterdir()})
    return found


def create(name: str, inode: int) -> Operation:
    return Operation(CREATE, inode, 0, f"{STORE}/{name}".encode())


def sync(name: str, inode: int = 0) -> Operation:
    return Operation(SYNC, inode, 0, f"{STORE}/{name}".encode())


def test_what_was_synced_is_there(tmp_path: Path) -> None:
    operations = [create("a", 1), Operation(WRITE, 1, 0, b"old" * 400), sync("a", 1)]
    assert images(operations, tmp_path) == [{"a": b"old" * 400}] * 200


def test_what_was_not_synced_may_be_there_lost_or_torn(tmp_path: Path) -> None:
    before = [create("a", 1), Operation(WRITE, 1, 0, b"o" * 1536), sync("a", 1)]
    found = {image["a"] for image in images([*before, Operation(WRITE, 1, 0, b"n" * 1536)], tmp_path)}
    assert {b"o" * 1536, b"n" * 1536, b"n" * 512 + b"o" * 1024, b"o" * 1024 + b"n" * 512} <= found
    assert all(image[at] == image[at + 511] for image in found for at in (0, 512, 1024))


def test_a_name_may_be_lost_until_its_folder_is_synced(tmp_path: Path) -> None:
    swap = [
        create("a", 1),
        Operation(WRITE, 1, 0, b"1"),
        sync("a", 1),
        create("b", 2),
        Operation(WRITE, 2, 0, b"2"),
        sync("b", 2),
        Operation(RENAME, 0, 0, f"{STORE}/b\0{STORE}/a".encode()),
    ]
    (tmp_path / "before").mkdir()
    (tmp_path / "after").mkdir()
    found = images(swap, tmp_path / "before")
    assert {"a": b"1", "b": b"2"} in found
    assert {"a": b"2"} in found
    assert images([*swap, Operation(SYNC, 9, 0, STORE.encode())], tmp_path / "after") == [{"a": b"2"}] * 200


def test_removals_keep_their_order(tmp_path: Path) -> None:
    gone = [
        *[each for name, inode in (("a", 1), ("b", 2)) for each in (create(name, inode), sync(name, inode))],
        Operation(UNLINK, 0, 0, f"{STORE}/a".encode()),
        Operation(UNLINK, 0, 0, f"{STORE}/b".encode()),
    ]
    assert {tuple(sorted(image)) for image in images(gone, tmp_path)} == {("a", "b"), ("b",), ()}


def test_a_truncation_may_be_lost(tmp_path: Path) -> None:
    cut_short = [
        create("a", 1),
        Operation(WRITE, 1, 0, b"123456"),
        sync("a", 1),
        Operation(TRUNCATE, 1, 2, b""),
    ]
    assert {image["a"] for image in images(cut_short, tmp_path)} == {b"123456", b"12"}
