"""The signer: only ever forwards, and never two histories."""

from __future__ import annotations

from pathlib import Path

import pytest

from linekeeper.journal.log import durable
from linekeeper.journal.log.checkpoint import open_checkpoint
from linekeeper.journal.log.errors import ForkError, LogError, ProofError
from linekeeper.journal.log.note import SigningKey
from linekeeper.journal.log.signer import Signer, load_key, new_key
from linekeeper.journal.log.tree import Tree, consistency_proof, leaf_hash
from tests.log.support import LOG_KEY

TREE = Tree(leaf_hash(b"entry %d" % number) for number in range(40))
FORK = Tree(leaf_hash(b"forged %d" % number) for number in range(40))


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(LOG_KEY, tmp_path / "head")


def extend(signer: Signer, size: int, tree: Tree = TREE) -> bytes:
    last = signer.last()
    proof = consistency_proof(last.size, size, tree.node) if last and 0 < last.size <= size else []
    return signer.sign(size, tree.root(size), proof)


def test_signs_forwards(signer: Signer) -> None:
    for size in (0, 1, 8, 8, 40):
        seen = open_checkpoint(extend(signer, size), LOG_KEY.verifier).checkpoint
        assert (seen.size, seen.root) == (size, TREE.root(size))
        assert signer.last() == seen


def test_refuses_to_go_backwards(signer: Signer) -> None:
    extend(signer, 8)
    with pytest.raises(ForkError, match="the store is older than what was published"):
        extend(signer, 7)
    assert signer.last() is not None
    assert signer.last().size == 8  # type: ignore[union-attr]


@pytest.mark.parametrize("size", [8, 9, 40])
def test_refuses_another_history(signer: Signer, size: int) -> None:
    extend(signer, 8)
    with pytest.raises(ForkError, match="does not continue"):
        extend(signer, size, FORK)


def test_refuses_without_the_proof(signer: Signer) -> None:
    extend(signer, 8)
    with pytest.raises(ForkError):
        signer.sign(9, TREE.root(9), [])


def test_an_altered_head_file_is_noticed(signer: Signer) -> None:
    extend(signer, 8)
    signer.head.write_bytes(signer.head.read_bytes().replace(b"\n8\n", b"\n7\n"))
    with pytest.raises(ProofError, match="damaged or was altered; put the log's own there") as refused:
        extend(signer, 9)
    assert refused.value.code == "signer-head-not-readable"


@pytest.mark.parametrize("content", [b"", b"\xff\n\n", b"no checkpoint\n"])
def test_an_unreadable_head_file_says_what_to_do(signer: Signer, content: bytes) -> None:
    signer.head.write_bytes(content)
    with pytest.raises(ProofError, match=r"put the log's own there: copy the newest published `checkpoint`") as refused:
        extend(signer, 9)
    assert (refused.value.code, refused.value.place) == ("signer-head-not-readable", str(signer.head))


def test_a_head_file_that_cannot_be_opened_says_what_to_do(signer: Signer) -> None:
    signer.head.mkdir()
    with pytest.raises(ProofError, match=r"cannot be opened .* let the account that publishes read it") as refused:
        extend(signer, 9)
    assert refused.value.code == "signer-head-not-readable"


@pytest.mark.parametrize("key", [SigningKey("other.example/log", b"o" * 32), SigningKey(LOG_KEY.name, b"o" * 32)])
def test_a_head_lent_by_another_log_says_what_to_do(signer: Signer, tmp_path: Path, key: SigningKey) -> None:
    extend(Signer(key, tmp_path / "head"), 8)
    with pytest.raises(ProofError, match=r"is not of the log `example.com/credit-log`; put the log's own") as refused:
        extend(signer, 9)
    assert refused.value.code == "signer-head-of-another-log"


def test_one_signer_at_a_time(signer: Signer) -> None:
    with durable.locked(signer.head.with_name(".head.lock"), "busy"), pytest.raises(LogError, match="busy"):
        extend(signer, 8)
    extend(signer, 8)


def test_key_files(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "log.key"
    key = new_key(path, "example.com/log")
    assert load_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(LogError, match="already holds a key"):
        new_key(path, "example.com/log")
    path.chmod(0o640)
    with pytest.raises(LogError, match="chmod 600"):
        load_key(path)
    with pytest.raises(LogError, match="there is no signing key"):
        load_key(tmp_path / "absent")


@pytest.mark.parametrize("name", ["", "two words", "a+b", "tab\there"])
def test_a_log_needs_a_name_without_spaces(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProofError, match="cannot name a key"):
        new_key(tmp_path / "log.key", name)
