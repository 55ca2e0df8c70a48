"""Tiles on disk: the specification's example, any way of cutting appends, and what is absent or cut short."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from linekeeper.journal.log.errors import LogError, ProofError
from linekeeper.journal.log.tiles import CHUNK, ENTRY_MAX_BYTES, Tiles, TileWriter, on_disk, pack, tile_path
from linekeeper.journal.log.tree import Tree, consistency_proof, inclusion_proof, leaf_hash, root_at


def numbered(start: int, end: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(start, end)]


def paths(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("index", "path"),
    [(0, "000"), (999, "999"), (1_000, "x001/000"), (1_234_067, "x001/x234/067"), (10**9, "x001/x000/x000/000")],
)
def test_numbers_in_paths(index: int, path: str) -> None:
    assert tile_path(3, index) == f"tile/3/{path}"


def test_the_specifications_log_of_70000(tmp_path: Path) -> None:
    assert TileWriter(tmp_path, 0).add(numbered(0, 70_000)) == 70_000
    full = {tile_path(0, tile) for tile in range(273)} | {tile_path("entries", tile) for tile in range(273)}
    partial = {"tile/0/273.p/112", "tile/entries/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"}
    expected = full | partial | {"tile/1/000"}
    assert CHUNK < 70_000
    assert expected <= paths(tmp_path)
    assert {(tmp_path / path).stat().st_size for path in full if "entries" not in path} == {8_192}
    tree, tiles = Tree(map(leaf_hash, numbered(0, 70_000))), Tiles(on_disk(tmp_path), 70_000)
    assert root_at(70_000, tiles.node) == tree.root()
    for index in (0, 255, 256, 65_535, 65_536, 69_999):
        assert inclusion_proof(index, 70_000, tiles.node) == inclusion_proof(index, 70_000, tree.node)
        assert tiles.entry(index) == b"entry %d" % index
    for old in (1, 256, 65_536, 69_888, 69_999):
        assert consistency_proof(old, 70_000, tiles.node) == consistency_proof(old, 70_000, tree.node)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(st.lists(st.integers(1, 600), min_size=1, max_size=5))
@example([255, 1, 1])
@example([256, 256])
@example([1, 511, 1])
def test_however_appends_are_cut(tmp_path_factory: pytest.TempPathFactory, batches: list[int]) -> None:
    folder, size = tmp_path_factory.mktemp("tiles"), 0
    sizes = []
    for count in batches:
        TileWriter(folder, size).add(numbered(size, size + count))
        size += count
        sizes.append(size)
    tree = Tree(map(leaf_hash, numbered(0, size)))
    for seen in sizes:  # every tree for which there was a checkpoint can still be read
        tiles = Tiles(on_disk(folder), seen)
        assert root_at(seen, tiles.node) == tree.root(seen)
        assert list(tiles.entries()) == numbered(0, seen)


def test_a_full_tile_takes_the_place_of_its_partial_ones(tmp_path: Path) -> None:
    TileWriter(tmp_path, 0).add(numbered(0, 200))
    assert "tile/0/000.p/200" in paths(tmp_path)
    TileWriter(tmp_path, 200).add(numbered(200, 256))
    assert paths(tmp_path) == {"tile/0/000", "tile/entries/000", "tile/1/000.p/1"}


def test_writing_again_what_was_cut_short_changes_nothing(tmp_path: Path) -> None:
    TileWriter(tmp_path, 0).add(numbered(0, 200))
    TileWriter(tmp_path, 200).add(numbered(200, 700))  # published up to 200, then a crash
    before = paths(tmp_path)
    TileWriter(tmp_path, 200).add(numbered(200, 700))
    assert paths(tmp_path) == before
    assert list(Tiles(on_disk(tmp_path), 700).entries()) == numbered(0, 700)


def test_entries_of_every_length(tmp_path: Path) -> None:
    entries = [b"", b"a", b"b" * ENTRY_MAX_BYTES]
    TileWriter(tmp_path, 0).add(entries)
    assert list(Tiles(on_disk(tmp_path), 3).entries()) == entries
    assert pack(entries[:2]) == b"\0\0\0\1a"
    with pytest.raises(LogError, match="longer than 65535 bytes"):
        TileWriter(tmp_path, 3).add([b"c" * (ENTRY_MAX_BYTES + 1)])


def test_what_is_absent_or_cut_short_is_named(tmp_path: Path) -> None:
    TileWriter(tmp_path, 0).add(numbered(0, 300))
    (tmp_path / "tile/0/001.p/44").write_bytes(b"x" * 100)
    (tmp_path / "tile/entries/001.p/44").write_bytes(b"\0\7ent")
    (tmp_path / "tile/0/000").unlink()
    tiles = Tiles(on_disk(tmp_path), 300)
    with pytest.raises(ProofError, match=r"`tile/0/001.p/44` is cut short"):
        tiles.node(0, 299)
    with pytest.raises(ProofError, match=r"`tile/entries/001.p/44` is cut short"):
        tiles.entry(299)
    with pytest.raises(LogError, match="`tile/0/000` is absent"):
        tiles.node(0, 0)


@pytest.mark.parametrize(("level", "index"), [(0, 300), (8, 1), (9, 0), (1, 150)])
def test_no_node_beyond_the_tree(tmp_path: Path, level: int, index: int) -> None:
    TileWriter(tmp_path, 0).add(numbered(0, 300))
    with pytest.raises(ProofError, match="a log of 300 leaves has no"):
        Tiles(on_disk(tmp_path), 300).node(level, index)


@pytest.mark.parametrize("index", [-1, 3])
def test_no_entry_beyond_the_log(tmp_path: Path, index: int) -> None:
    TileWriter(tmp_path, 0).add(numbered(0, 3))
    with pytest.raises(ProofError, match="not in a log of 3"):
        Tiles(on_disk(tmp_path), 3).entry(index)
