"""Publishing: every crash leaves a state from which it goes on, and the log never contradicts itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from linekeeper.journal.log import durable, read
from linekeeper.journal.log import publish as publishing
from linekeeper.journal.log.audit import Audit
from linekeeper.journal.log.errors import ForkError, LogError, ProofError
from linekeeper.journal.log.tiles import TileWriter
from linekeeper.journal.log.tree import EMPTY_ROOT, consistency_proof, root_at, verify_consistency
from tests.log.support import House, decisions, open_house


class PowerCut(Exception):
    """The moment at which a test pulls the plug."""


def test_heads_continue_one_another(any_house: House) -> None:
    house, heads = any_house, []
    for count in (0, 1, 300, 0, 1000):
        house.add(decisions(count))
        heads.append(house.publish().checkpoint)
    assert [head.size for head in heads] == [0, 1, 301, 301, 1301]
    assert heads[0].root == EMPTY_ROOT
    assert house.audit() == Audit(1301, 1301, 4)
    published = house.published()
    assert published is not None
    assert published.checkpoint == heads[-1]
    for old in heads[1:]:
        proof = consistency_proof(old.size, 1301, published.tiles.node)
        assert verify_consistency(old.size, 1301, proof, old.root, heads[-1].root)


def test_uncommitted_leaves_are_not_published(house: House) -> None:
    house.add(decisions(5))
    with house.engine.connect() as connection:
        publishing_before = house.publish().checkpoint.size
        connection.rollback()
    assert publishing_before == 5


@pytest.mark.parametrize("cut", ["after the tiles", "after the signature", "after the store's own note"])
def test_a_crash_at_any_step_is_gone_on_from(house: House, monkeypatch: pytest.MonkeyPatch, cut: str) -> None:
    house.add(decisions(300))
    before = house.publish()
    house.add(decisions(300))

    def pull(*_: object) -> None:
        raise PowerCut

    write = durable.write
    with monkeypatch.context() as patch:
        if cut == "after the tiles":
            patch.setattr(type(house.signer), "sign", pull)
        elif cut == "after the signature":
            patch.setattr(publishing, "_remember", pull)
        else:
            patch.setattr(
                durable, "write", lambda path, data: pull() if path.name == "checkpoint" else write(path, data)
            )
        with pytest.raises(PowerCut):
            house.publish()
    seen = house.published()
    assert seen is not None
    assert seen.data == before.data  # readers still see the old head, whole
    assert root_at(300, seen.tiles.node) == before.checkpoint.root
    house.add(decisions(7))
    assert house.publish().checkpoint.size == 607
    assert house.audit().published == 607


def test_two_publishers_exclude_each_other(house: House) -> None:
    house.add(decisions(5))
    with durable.locked(house.folder / ".lock", "busy"), pytest.raises(LogError, match="by another process"):
        house.publish()
    assert house.publish().checkpoint.size == 5


def test_a_store_put_back_from_a_backup_cannot_fork_the_log(tmp_path: Path) -> None:
    house = open_house(tmp_path / "live")
    house.add(decisions(300))
    house.publish()
    house.engine.dispose()
    shutil.copytree(tmp_path / "live", tmp_path / "backup")

    house = open_house(tmp_path / "live")
    house.add(decisions(100))
    house.publish()
    house.engine.dispose()

    for name in ("store.db", "public"):  # all but the signer's head, which is kept apart
        live, backup = tmp_path / "live" / name, tmp_path / "backup" / name
        shutil.rmtree(live) if live.is_dir() else live.unlink()
        shutil.move(backup, live)
    house = open_house(tmp_path / "live")
    with pytest.raises(ForkError, match="has signed 400; the store is older"):
        house.publish()
    house.add(decisions(200, 1_000))  # it grew past the signed size, with other leaves
    with pytest.raises(ForkError, match="does not continue the 400"):
        house.publish()
    house.engine.dispose()


def test_lost_tiles_are_made_again_from_the_store(house: House) -> None:
    house.add(decisions(300))
    before = house.publish()
    shutil.rmtree(house.folder)
    house.add(decisions(1))
    assert house.publish().checkpoint.size == 301
    assert root_at(300, house.publish().tiles.node) == before.checkpoint.root


def test_a_signers_lost_head_is_noticed(house: House) -> None:
    house.add(decisions(3))
    house.publish()
    house.add(decisions(3))
    house.signer.head.unlink()
    with pytest.raises(ForkError, match="older than the published checkpoint of 3 leaves; if the checkpoint is right"):
        house.publish()
    shutil.copy(house.folder / "checkpoint", house.signer.head)
    assert house.publish().checkpoint.size == 6


@pytest.mark.parametrize("name", ["tile/1/000.p/1", "tile/0/001.p/44"])
def test_altered_tiles_are_not_built_upon(house: House, name: str) -> None:
    house.add(decisions(300))
    house.publish()
    house.add(decisions(300))
    path = house.folder / name
    path.write_bytes(b"\xff" + path.read_bytes()[1:])
    with pytest.raises(ProofError, match="do not lead to the published root"):
        house.publish()


def test_an_altered_checkpoint_is_noticed(house: House) -> None:
    house.add(decisions(3))
    path = house.folder / "checkpoint"
    path.write_bytes(house.publish().data.replace(b"\n3\n", b"\n4\n"))
    with pytest.raises(ProofError):
        house.publish()


# ------------------------------------------------------------------ the audit


@pytest.fixture
def audited(house: House) -> House:
    house.add(decisions(700))
    house.publish()
    house.add(decisions(50))
    assert house.audit() == Audit(750, 700, 1)
    return house


def alter(house: House, statement: str) -> None:
    with house.engine.begin() as connection:
        connection.execute(text(statement))


def test_an_altered_leaf_is_named(audited: House) -> None:
    alter(
        audited,
        "UPDATE log_entries SET entry = (SELECT entry FROM log_entries WHERE position = 1) WHERE position = 444",
    )
    with pytest.raises(ProofError, match="leaf 444 of the store is not the one in the tiles"):
        audited.audit()


def test_a_removed_leaf_is_named(audited: House) -> None:
    alter(audited, "DELETE FROM log_entries WHERE position = 444")
    with pytest.raises(LogError, match="leaf 444 is absent"):
        audited.audit()


def test_removed_last_leaves_are_noticed(audited: House) -> None:
    alter(audited, "DELETE FROM log_entries WHERE position >= 690")
    alter(audited, "UPDATE log_tail SET size = 690")
    with pytest.raises(ProofError, match="leaves were removed"):
        audited.audit()


def test_an_altered_head_in_the_store_is_noticed(audited: House) -> None:
    alter(audited, "UPDATE log_heads SET root = zeroblob(32)")
    with pytest.raises(ProofError, match="is not the published one"):
        audited.audit()


def test_a_store_and_tiles_altered_together_are_noticed(audited: House) -> None:
    """Whoever alters store and tiles alike still cannot sign the root."""
    shutil.rmtree(audited.folder / "tile")
    alter(
        audited, "UPDATE log_entries SET entry = (SELECT entry FROM log_entries WHERE position = 1) WHERE position = 2"
    )
    rebuilt = TileWriter(audited.folder, 0)
    with audited.engine.connect() as connection:
        rebuilt.add(read.entries(connection, audited.tables, 0, 700))
    with pytest.raises(ProofError, match="do not give the head of that size"):
        audited.audit()


def test_a_log_without_a_checkpoint_is_audited_too(house: House) -> None:
    house.add(decisions(10))
    assert house.audit() == Audit(10, 0, 0)
