"""The tree as static files that any web server can serve, in C2SP's tlog-tiles layout.

    tile/<level>/<N>[.p/<width>]     256 (or <width>) hashes of 32 bytes; level 0 are leaf hashes
    tile/entries/<N>[.p/<width>]     the same leaves' entries, each behind its length (u16, big-endian)

N is written in groups of three digits, all but the last behind an `x`. A full tile never changes; a partial
one is kept until the full one exists.

Source: c2sp.org/tlog-tiles.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Literal

from linekeeper.journal.log import durable
from linekeeper.journal.log.errors import LogError, ProofError
from linekeeper.journal.log.tree import HASH_BYTES, leaf_hash, pair_up, perfect_root, root_at

HEIGHT = 8
TILE_WIDTH = 1 << HEIGHT
ENTRY_MAX_BYTES = (1 << 16) - 1
CHUNK = 64 * TILE_WIDTH  # entries whose files are made durable together
PYRAMIDS_MAX = 1_024  # tiles kept with their inner hashes, about 40 MB
TILES_WAY_OUT = (
    "put the folder back from a copy, or move `checkpoint` out of it and run `linekeeper log publish`, which then makes"
    " the tiles anew from the store"
)

_PARTIAL = re.compile(r"tile/(?P<level>entries|\d{1,2})/(?P<tile>(x\d{3}/)*\d{3})\.p/(?P<width>\d{1,3})")

Fetch = Callable[[str], bytes]  # path below the log's prefix -> bytes; FileNotFoundError where absent
Level = int | Literal["entries"]


def tile_path(level: Level, index: int, width: int = TILE_WIDTH) -> str:
    """Where a tile or entry bundle stands below the log's prefix.

    >>> tile_path(0, 1_234_067)
    'tile/0/x001/x234/067'
    >>> tile_path("entries", 5, 17)
    'tile/entries/005.p/17'
    """
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03}")
    partial = f".p/{width}" if width < TILE_WIDTH else ""
    return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"


def on_disk(folder: Path) -> Fetch:
    """Read a log's files from a folder."""
    return lambda path: (folder / path).read_bytes()


class Tiles:
    """The tree of the first `size` leaves, read from tiles. `node` is a `Nodes` for roots and proofs."""

    def __init__(self, fetch: Fetch, size: int) -> None:
        self._fetch, self.size = fetch, size
        self._pyramid = lru_cache(PYRAMIDS_MAX)(self._load_pyramid)
        self._bundle = lru_cache(PYRAMIDS_MAX)(self._load_bundle)

    def node(self, level: int, index: int) -> bytes:
        """The hash of the perfect subtree (level, index) of the tree."""
        tile_level, height = divmod(level, HEIGHT)
        tile, within = divmod(index, TILE_WIDTH >> height)
        try:
            return self._pyramid(tile_level, tile)[height][within]
        except IndexError:
            raise ProofError(
                f"a log of {self.size} leaves has no node {index} at level {level}", code="index-out-of-log"
            ) from None

    def hashes(self, level: int, tile: int) -> list[bytes]:
        """The hashes of one tile, as many as a log of this size has."""
        data, width, held = self._read(level, tile)
        if len(data) != held * HASH_BYTES:
            raise _not_whole(tile_path(level, tile, held))
        return [data[at : at + HASH_BYTES] for at in range(0, width * HASH_BYTES, HASH_BYTES)]

    def entry(self, index: int) -> bytes:
        """The entry of one leaf."""
        if not 0 <= index < self.size:
            raise ProofError(
                f"entry {index} is not in a log of {self.size}",
                code="index-out-of-log",
                way_out=f"ask for one below {self.size}",
                details={"index": index, "leaves": self.size},
            )
        return self._bundle(index // TILE_WIDTH)[index % TILE_WIDTH]

    def entries(self) -> Iterator[bytes]:
        """All entries in order."""
        for tile in range(-(-self.size // TILE_WIDTH)):
            yield from self._load_bundle(tile)

    def bundle(self, tile: int) -> list[bytes]:
        """The entries of one bundle, as many as a log of this size has."""
        return list(self._bundle(tile))

    def _load_pyramid(self, level: int, tile: int) -> list[list[bytes]]:
        levels = [self.hashes(level, tile)]
        while len(levels[-1]) > 1:
            levels.append(pair_up(levels[-1]))
        return levels

    def _load_bundle(self, tile: int) -> list[bytes]:
        data, width, held = self._read("entries", tile)
        entries, at = [], 0
        for _ in range(held):
            start = at + 2
            at = start + int.from_bytes(data[at:start], "big")
            entries.append(data[start:at])
        if at != len(data):
            raise _not_whole(tile_path("entries", tile, held))
        return entries[:width]

    def demand_all(self) -> None:
        """Read every tile and bundle that a log of this size has. LogError: one is absent, or not of its length."""
        for level, tile in every_tile(self.size):
            if isinstance(level, int):
                self.hashes(level, tile)
            else:
                self._load_bundle(tile)

    def demand_root(self, root: bytes) -> None:
        """Derive every hash of every tile from the level below it, the lowest from the entries, and the root from all.

        A root alone is not enough: it needs few of the tiles, and readers need them all. Raises ProofError, which names
        the first tile that does not follow.
        """
        below: Iterator[bytes] = map(leaf_hash, self.entries())
        level, complete = 0, self.size
        while complete:
            roots = []
            for tile in range(-(-complete // TILE_WIDTH)):
                derived = list(islice(below, TILE_WIDTH))
                if self.hashes(level, tile) != derived:
                    path = tile_path(level, tile, len(derived))
                    raise ProofError(
                        f"`{path}` does not follow from the tiles below it; one of them was altered",
                        code="tiles-do-not-fit",
                        way_out=TILES_WAY_OUT,
                        place=path,
                    )
                if len(derived) == TILE_WIDTH:
                    roots.append(perfect_root(derived))
            below, level, complete = iter(roots), level + 1, complete // TILE_WIDTH
        if root_at(self.size, self.node) != root:
            raise ProofError(
                "the published tiles do not lead to the published root", code="tiles-do-not-fit", way_out=TILES_WAY_OUT
            )

    def keep_earlier(self, folder: Path, sizes: Iterable[int]) -> None:
        """Write the partial tiles of earlier heads of those sizes that are not in the folder, as the tiles began."""
        absent = {}
        for level, tile, width in partial_tiles(sizes, self.size):
            path = folder / tile_path(level, tile, width)
            if not path.exists():
                absent[path] = self._beginning(level, tile, width)
        durable.write_all(absent)

    def _beginning(self, level: Level, tile: int, width: int) -> bytes:
        """How a partial tile is stored that was so wide."""
        if isinstance(level, int):
            return b"".join(self.hashes(level, tile)[:width])
        return pack(self.bundle(tile)[:width])

    def demand_earlier(self, folder: Path, sizes: Iterable[int]) -> None:
        """Raises LogError where a partial tile of an earlier head is absent (of those sizes), or not how it began."""
        for level, tile, width in partial_tiles(sizes, self.size):
            named = tile_path(level, tile, width)
            if not (folder / named).exists():
                raise LogError(
                    f"`{named}`, of an earlier head, is absent from the log",
                    code="tile-missing",
                    way_out=TILES_WAY_OUT,
                    place=named,
                )
        for path in sorted(folder.glob("tile/**/*.p/*")):
            named = path.relative_to(folder).as_posix()
            parts = _PARTIAL.fullmatch(named)
            if parts is None:
                continue  # no file of a log
            tile, width = int(re.sub("[x/]", "", parts["tile"])), int(parts["width"])
            kept: Level = "entries" if parts["level"] == "entries" else int(parts["level"])
            if tile * TILE_WIDTH + width > self._complete(kept if isinstance(kept, int) else 0):
                continue  # begun for a head that is not published yet
            if path.read_bytes() != self._beginning(kept, tile, width):
                raise ProofError(
                    f"`{named}`, of an earlier head, is not how the tile began; it was altered",
                    code="tiles-do-not-fit",
                    way_out=TILES_WAY_OUT,
                    place=named,
                )

    def _complete(self, level: int) -> int:
        """How many hashes there are at a level."""
        return self.size >> (HEIGHT * level)

    def _read(self, level: Level, tile: int) -> tuple[bytes, int, int]:
        """A tile's bytes, its width at this size, and how many it holds.

        They are the same, unless a partial tile has given way to the full one: that one holds later leaves as well.
        """
        complete = self._complete(level if isinstance(level, int) else 0)
        width = min(complete - tile * TILE_WIDTH, TILE_WIDTH)
        if width <= 0:
            raise ProofError(
                f"a log of {self.size} leaves has no tile {tile} at level {level}", code="index-out-of-log"
            )
        for held in dict.fromkeys((width, TILE_WIDTH)):
            try:
                return self._fetch(tile_path(level, tile, held)), width, held
            except FileNotFoundError:
                continue
        path = tile_path(level, tile, width)
        raise LogError(f"`{path}` is absent from the log", code="tile-missing", way_out=TILES_WAY_OUT, place=path)


def every_tile(size: int) -> Iterator[tuple[Level, int]]:
    """(level, index) of every tile and entry bundle of a log of this size.

    >>> list(every_tile(257))
    [('entries', 0), ('entries', 1), (0, 0), (0, 1), (1, 0)]
    """
    yield from (("entries", tile) for tile in range(-(-size // TILE_WIDTH)))
    level = 0
    while size:
        yield from ((level, tile) for tile in range(-(-size // TILE_WIDTH)))
        level, size = level + 1, size // TILE_WIDTH


def partial_tiles(sizes: Iterable[int], size: int) -> list[tuple[Level, int, int]]:
    """(level, index, width) of the partial tiles of logs of those sizes that no full one has replaced at this size.

    >>> partial_tiles([3, 200, 258, 300], 400)
    [('entries', 1, 2), ('entries', 1, 44), (0, 1, 2), (0, 1, 44), (1, 0, 1)]
    """
    partial = set[tuple[Level, int, int]]()
    for earlier in sizes:
        level, complete, now = 0, earlier, size
        while complete:
            tile, width = divmod(complete, TILE_WIDTH)
            if width and tile == now // TILE_WIDTH:
                partial |= {(level, tile, width)} | ({("entries", tile, width)} if level == 0 else set())
            level, complete, now = level + 1, tile, now // TILE_WIDTH
    return sorted(partial, key=lambda one: (-1 if isinstance(one[0], str) else one[0], *one[1:]))


def _not_whole(path: str) -> ProofError:
    return ProofError(f"`{path}` is cut short or lengthened", code="tile-not-whole", way_out=TILES_WAY_OUT, place=path)


# ------------------------------------------------------------------ writing


class TileWriter:
    """Adds entries to a folder of tiles. What it writes is durable when `add` returns.

    `_edge[level]` holds the hashes of the last tile of that level, which is not full yet.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size
        old = Tiles(on_disk(folder), size)
        last = size // TILE_WIDTH
        self._bundle = old.bundle(last) if size % TILE_WIDTH else []
        self._edge: list[list[bytes]] = []
        while size:
            tile, width = divmod(size, TILE_WIDTH)
            self._edge.append(old.hashes(len(self._edge), tile) if width else [])
            size = tile

    def add(self, entries: Iterable[bytes]) -> int:
        """Write the tiles that these entries fill or begin; the new size. No checkpoint is touched."""
        stream = iter(entries)
        while chunk := list(islice(stream, CHUNK)):
            files: dict[Path, bytes] = {}
            self._add_leaves(chunk, files)
            # The full tile is durable before its partial ones go: at no instant is a published leaf without a tile.
            durable.write_all(files | self._partials())
            for path in files:
                shutil.rmtree(path.with_name(f"{path.name}.p"), ignore_errors=True)
        return self.size

    def _add_leaves(self, entries: list[bytes], files: dict[Path, bytes]) -> None:
        if any(len(entry) > ENTRY_MAX_BYTES for entry in entries):
            raise LogError(
                f"an entry is longer than {ENTRY_MAX_BYTES} bytes",
                code="entry-too-long",
                way_out="log a commitment to it instead",
            )
        tile = self.size // TILE_WIDTH
        self._bundle += entries
        while len(self._bundle) >= TILE_WIDTH:
            files[self.folder / tile_path("entries", tile)] = pack(self._bundle[:TILE_WIDTH])
            del self._bundle[:TILE_WIDTH]
            tile += 1
        self._add_hashes(0, self.size, [leaf_hash(entry) for entry in entries], files)
        self.size += len(entries)

    def _add_hashes(self, level: int, complete: int, hashes: list[bytes], files: dict[Path, bytes]) -> None:
        """Add hashes to a level that had `complete` of them, and their roots to the levels above."""
        if level == len(self._edge):
            self._edge.append([])
        edge, tile = self._edge[level], complete // TILE_WIDTH
        roots: list[bytes] = []
        edge += hashes
        while len(edge) >= TILE_WIDTH:
            files[self.folder / tile_path(level, tile + len(roots))] = b"".join(edge[:TILE_WIDTH])
            roots.append(perfect_root(edge[:TILE_WIDTH]))
            del edge[:TILE_WIDTH]
        if roots:
            self._add_hashes(level + 1, tile, roots, files)

    def _partials(self) -> dict[Path, bytes]:
        files, tile = {}, self.size
        for level, edge in enumerate(self._edge):
            tile //= TILE_WIDTH
            if edge:
                files[self.folder / tile_path(level, tile, len(edge))] = b"".join(edge)
        if self._bundle:
            path = tile_path("entries", self.size // TILE_WIDTH, len(self._bundle))
            files[self.folder / path] = pack(self._bundle)
        return files


def pack(entries: Iterable[bytes]) -> bytes:
    """An entry bundle: each entry behind its length.

    >>> pack([b"ab", b""]).hex()
    '000261620000'
    """
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)
