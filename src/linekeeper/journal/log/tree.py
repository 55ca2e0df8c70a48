"""The Merkle tree of RFC 6962 over SHA-256: roots and proofs from the few nodes that each of them needs.

A *node* (level, index) is the root of the perfect subtree over the leaves
[index * 2**level, (index + 1) * 2**level). Every root and proof is a short list of such nodes, so the
functions here take a `Nodes` (where node hashes come from: memory, tiles) and say which ones they need.
Hashes are 32 bytes; sizes and indices count leaves from 0.

Source: RFC 6962 section 2.1; verification as in RFC 9162 sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from linekeeper.journal.log.errors import ProofError

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Nodes = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry as a leaf.

    >>> leaf_hash(b"").hex()[:8]
    '6e340b9c'
    """
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node over its two children."""
    return sha256(b"\x01" + left + right).digest()


def pair_up(hashes: Sequence[bytes]) -> list[bytes]:
    """The next level up: one hash for each whole pair; an odd last hash has no parent yet.

    >>> len(pair_up([leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")]))
    1
    """
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(hashes[::2], hashes[1::2], strict=False)]


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    level = hashes
    while len(level) > 1:
        level = pair_up(level)
    return level[0]


def peaks(size: int) -> list[tuple[int, int]]:
    """The perfect subtrees that make up a tree of `size` leaves, left to right, as (level, index).

    >>> peaks(6)
    [(2, 0), (1, 2)]
    """
    return _cover(0, size)


def _cover(start: int, end: int) -> list[tuple[int, int]]:
    """Perfect subtrees over [start, end), where `start` is aligned as in a tree: largest first."""
    subtrees = []
    while start < end:
        level = (end - start).bit_length() - 1
        subtrees.append((level, start >> level))
        start += 1 << level
    return subtrees


def _fold(hashes: Sequence[bytes]) -> bytes:
    """Peaks, left to right, to one root."""
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def _range_root(start: int, end: int, nodes: Nodes) -> bytes:
    return _fold([nodes(level, index) for level, index in _cover(start, end)])


def root_at(size: int, nodes: Nodes) -> bytes:
    """The root of the tree over the first `size` leaves."""
    return _range_root(0, size, nodes) if size else EMPTY_ROOT


# ------------------------------------------------------------------ growing


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: all that is needed to append and to give the root, O(log n) hashes.

    >>> Frontier().extend([leaf_hash(b""), leaf_hash(b"\\x00")]).root().hex()[:8]
    'fac54203'
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()  # of peaks(size), left to right

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """The frontier after these leaf hashes, appended in order."""
        old = dict(zip((level for level, _ in peaks(self.size)), self.hashes, strict=True))
        row, level = list(leaves), 0
        size = self.size + len(row)
        while row:  # the nodes of this level from the first new one on, and its left sibling if that waits for one
            if self.size >> level & 1:
                row.insert(0, old.pop(level))
            if len(row) & 1:
                old[level] = row.pop()
            row, level = pair_up(row), level + 1
        return Frontier(size, tuple(old[level] for level in sorted(old, reverse=True)))

    def root(self) -> bytes:
        """The root over all leaves so far."""
        return _fold(self.hashes) if self.hashes else EMPTY_ROOT


class Tree:
    """A whole tree in memory, for proofs over logs of modest size. Appends cost O(1) a leaf.

    >>> tree = Tree([leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")])
    >>> proof = inclusion_proof(1, tree.size, tree.node)
    >>> verify_inclusion(1, tree.size, leaf_hash(b"b"), proof, tree.root())
    True
    """

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        self.append(leaves)

    @property
    def size(self) -> int:
        return len(self._levels[0])

    def append(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes in order."""
        self._levels[0].extend(leaves)
        level = 0
        while len(self._levels[level]) > 1:
            if level + 1 == len(self._levels):
                self._levels.append([])
            above = self._levels[level + 1]
            above.extend(pair_up(self._levels[level][2 * len(above) :]))
            level += 1

    def node(self, level: int, index: int) -> bytes:
        """The hash of the perfect subtree (level, index); IndexError where it is not full."""
        return self._levels[level][index]

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` leaves (default: all)."""
        return root_at(self.size if size is None else size, self.node)


# ------------------------------------------------------------------ making proofs


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """The audit path of leaf `index` in the tree of `size` leaves, leaf's sibling first."""
    if not 0 <= index < size:
        raise ProofError(
            f"leaf {index} is not in a log of {size} leaves",
            code="index-out-of-log",
            way_out=f"ask for one below {size}",
            details={"index": index, "leaves": size},
        )
    start, end, path = 0, size, []
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            path.append((split, end))
            end = split
        else:
            path.append((start, split))
            start = split
    return [_range_root(left, right, nodes) for left, right in reversed(path)]


def consistency_proof(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """The proof that the tree of `old` leaves is a prefix of the tree of `new`; 0 < old <= new.

    A proof from 0 would prove nothing (every tree extends the empty one), so it is refused.
    """
    if not 0 < old <= new:
        raise ProofError(
            f"there is no consistency proof from {old} to {new} leaves; the old size is 1 to {new}",
            code="index-out-of-log",
            details={"old": old, "leaves": new},
        )
    start, end, path, whole = 0, new, [], True
    while end != old:
        split = start + _split(end - start)
        if old <= split:
            path.append((split, end))
            end = split
        else:
            path.append((start, split))
            start, whole = split, False
    if not whole:
        path.append((start, end))
    return [_range_root(left, right, nodes) for left, right in reversed(path)]


def _split(count: int) -> int:
    """The largest power of two below `count` (> 1)."""
    return 1 << ((count - 1).bit_length() - 1)


# ------------------------------------------------------------------ checking proofs


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to; None where its length cannot be right."""
    if not 0 <= index < size:
        return None
    position, last, root = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if position & 1 or position == last:
            root = node_hash(sibling, root)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        position, last = position >> 1, last >> 1
    return root if last == 0 else None


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that leaf hash `leaf` stands at `index` in the tree of `size` with `root`."""
    return _are_hashes(leaf, root, *proof) and root_from_inclusion(index, size, leaf, proof) == root


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether `proof` shows that the tree (old, old_root) is a prefix of (new, new_root). False from size 0."""
    if not 0 < old <= new or not _are_hashes(old_root, new_root, *proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    from_old = from_new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            from_old, from_new = node_hash(sibling, from_old), node_hash(sibling, from_new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            from_new = node_hash(from_new, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and from_old == old_root and from_new == new_root


def _are_hashes(*hashes: bytes) -> bool:
    return all(len(each) == HASH_BYTES for each in hashes)
