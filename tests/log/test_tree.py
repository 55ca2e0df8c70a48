"""The Merkle tree: known answers, every proof up to 300 leaves, and a second implementation."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linekeeper.journal.log.errors import ProofError
from linekeeper.journal.log.tree import (
    EMPTY_ROOT,
    Frontier,
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    peaks,
    verify_consistency,
    verify_inclusion,
)
from tests.log import naive

# The eight leaves that RFC 6962's own implementation is tested with, their hashes, and the roots of 1 to 8 of them.
ENTRIES = [
    bytes.fromhex(entry)
    for entry in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
LEAVES = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
    "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658",
    "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
    "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1",
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSIONS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCIES = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
LARGEST = 300


def numbered(count: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(count)]


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree(map(leaf_hash, numbered(LARGEST)))


def test_empty_root_is_the_hash_empty() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert Tree().root() == Frontier().root() == EMPTY_ROOT


def test_known_leaves_and_roots() -> None:
    tree, frontier = Tree(), Frontier()
    for entry, leaf, root in zip(ENTRIES, LEAVES, ROOTS, strict=True):
        assert leaf_hash(entry).hex() == leaf
        tree.append([leaf_hash(entry)])
        frontier = frontier.extend([leaf_hash(entry)])
        assert tree.root().hex() == frontier.root().hex() == root


@pytest.mark.parametrize("case", INCLUSIONS)
def test_known_inclusion_proofs(case: tuple[int, int]) -> None:
    tree = Tree(map(leaf_hash, ENTRIES))
    proof = inclusion_proof(*case, tree.node)
    assert [each.hex() for each in proof] == INCLUSIONS[case]
    assert verify_inclusion(*case, leaf_hash(ENTRIES[case[0]]), proof, bytes.fromhex(ROOTS[case[1] - 1]))


@pytest.mark.parametrize("case", CONSISTENCIES)
def test_known_consistency_proofs(case: tuple[int, int]) -> None:
    tree = Tree(map(leaf_hash, ENTRIES))
    proof = consistency_proof(*case, tree.node)
    assert [each.hex() for each in proof] == CONSISTENCIES[case]
    assert verify_consistency(*case, proof, *(bytes.fromhex(ROOTS[size - 1]) for size in case))


def test_every_inclusion_proof_verifies_at_every_size(tree: Tree) -> None:
    for size in range(1, LARGEST + 1):
        root = tree.root(size)
        for index in range(size):
            proof = inclusion_proof(index, size, tree.node)
            assert verify_inclusion(index, size, tree.node(0, index), proof, root)


def test_every_consistency_proof_verifies_at_every_size(tree: Tree) -> None:
    roots = [tree.root(size) for size in range(LARGEST + 1)]
    for new in range(1, LARGEST + 1):
        for old in range(1, new + 1):
            proof = consistency_proof(old, new, tree.node)
            assert verify_consistency(old, new, proof, roots[old], roots[new])


@given(st.integers(1, 70), st.data())
def test_agrees_with_the_rfc_word_for_word(size: int, data: st.DataObject) -> None:
    entries = data.draw(st.lists(st.binary(max_size=8), min_size=size, max_size=size))
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    tree = Tree(map(leaf_hash, entries))
    assert tree.root() == naive.root(entries)
    assert tree.root(old) == naive.root(entries[:old])
    assert inclusion_proof(index, size, tree.node) == naive.path(index, entries)
    assert consistency_proof(old, size, tree.node) == naive.proof(old, entries)


@given(st.lists(st.integers(0, 40), max_size=6))
def test_batches_do_not_matter(batches: list[int]) -> None:
    leaves = [leaf_hash(entry) for entry in numbered(sum(batches))]
    tree, frontier, start = Tree(), Frontier(), 0
    for count in batches:
        tree.append(leaves[start : start + count])
        frontier = frontier.extend(leaves[start : start + count])
        start += count
    assert frontier.size == tree.size == len(leaves)
    assert frontier.root() == tree.root() == Tree(leaves).root()
    assert len(frontier.hashes) == len(leaves).bit_count() == len(peaks(len(leaves)))


@given(st.integers(2, LARGEST), st.data())
def test_any_flipped_bit_of_an_inclusion_proof_is_refused(size: int, data: st.DataObject) -> None:
    tree = Tree(map(leaf_hash, numbered(size)))
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, tree.node)
    parts = [tree.node(0, index), tree.root(), *proof]
    which, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[which] = flip(parts[which], bit)
    leaf, root, *altered = parts
    assert not verify_inclusion(index, size, leaf, altered, root)


@given(st.integers(2, LARGEST), st.data())
def test_any_flipped_bit_of_a_consistency_proof_is_refused(new: int, data: st.DataObject) -> None:
    tree = Tree(map(leaf_hash, numbered(new)))
    old = data.draw(st.integers(1, new - 1))
    parts = [tree.root(old), tree.root(), *consistency_proof(old, new, tree.node)]
    which, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[which] = flip(parts[which], bit)
    old_root, new_root, *altered = parts
    assert not verify_consistency(old, new, altered, old_root, new_root)


@given(st.integers(1, LARGEST), st.data())
def test_a_proof_holds_for_its_own_leaf_only(size: int, data: st.DataObject) -> None:
    tree = Tree(map(leaf_hash, numbered(size)))
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, tree.node)
    assert verify_inclusion(other, size, tree.node(0, index), proof, tree.root()) == (other == index)
    assert verify_inclusion(index, size, tree.node(0, other), proof, tree.root()) == (other == index)


@pytest.mark.parametrize("change", [lambda p: p[:-1], lambda p: [*p, bytes(32)], lambda p: [p[0][:31], *p[1:]]])
def test_a_proof_of_another_length_is_refused(change: Callable[[list[bytes]], list[bytes]], tree: Tree) -> None:
    proof = inclusion_proof(5, 200, tree.node)
    assert not verify_inclusion(5, 200, tree.node(0, 5), change(proof), tree.root(200))
    proof = consistency_proof(77, 200, tree.node)
    assert not verify_consistency(77, 200, change(proof), tree.root(77), tree.root(200))


def test_consistency_from_nothing_is_refused(tree: Tree) -> None:
    with pytest.raises(ProofError, match="no consistency proof from 0"):
        consistency_proof(0, 8, tree.node)
    assert not verify_consistency(0, 8, [], EMPTY_ROOT, tree.root(8))
    assert not verify_consistency(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)


def test_going_backwards_is_refused(tree: Tree) -> None:
    with pytest.raises(ProofError):
        consistency_proof(9, 8, tree.node)
    assert not verify_consistency(9, 8, [], tree.root(9), tree.root(8))


@pytest.mark.parametrize("index", [-1, 8, 9])
def test_no_inclusion_outside_the_tree(index: int, tree: Tree) -> None:
    with pytest.raises(ProofError, match="not in a log of 8 leaves"):
        inclusion_proof(index, 8, tree.node)
    assert not verify_inclusion(index, 8, bytes(32), [bytes(32)] * 3, bytes(32))


def flip(data: bytes, bit: int) -> bytes:
    """The bytes with one bit altered."""
    return (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")
