"""Publishing: every crash leaves a state from which it goes on, and the log never contradicts itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from linekeeper.journal.log import durable, read
from linekeeper.journal.log import publish as publishing
from linekeeper.journal.log.audit import Audit, check_receipts, flip
from linekeeper.journal.log.errors import ForkError, LogError, ProofError
from linekeeper.journal.log.tiles import TileWriter
from linekeeper.journal.log.tree import EMPTY_ROOT, consistency_proof, root_at, verify_consistency
from tests.log.support import LOG_KEY, House, decisions, open_house


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


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("growth", [99, 100, 400])
def test_a_store_put_back_that_grew_past_the_published_size_is_refused(
    tmp_path: Path, growth: int, whole: bool
) -> None:
    """Tiles and the signer's head are as published, so only the store's own leaves show it."""
    house = open_house(tmp_path / "live")
    house.add(decisions(300))
    house.publish()
    house.engine.dispose()
    shutil.copy(tmp_path / "live" / "store.db", tmp_path / "backup.db")
    house = open_house(tmp_path / "live")
    house.add(decisions(100))
    before = house.publish()
    house.engine.dispose()
    shutil.move(tmp_path / "backup.db", tmp_path / "live" / "store.db")
    house = open_house(tmp_path / "live")
    house.add(decisions(growth, 1_000))
    code = "store-behind-log" if growth < 100 else "store-not-as-published"
    with pytest.raises(ForkError) as refused:
        house.publish(whole=whole)
    assert refused.value.code == code
    assert "put its newest state back" in str(refused.value) or growth < 100
    seen = house.published()
    assert seen is not None
    assert seen.data == before.data
    house.engine.dispose()


def test_an_altered_leaf_is_not_published_over(house: House) -> None:
    house.add(decisions(700))
    house.publish()
    alter(house, "UPDATE log_entries SET entry = (SELECT entry FROM log_entries WHERE position = 1) WHERE position = 4")
    with pytest.raises(ForkError, match="the first 700 leaves of the store are not those that were published"):
        house.publish()


@pytest.mark.parametrize("name", ["tile/0/000", "tile/0/002.p/188", "tile/1/000.p/2", "tile/entries/001"])
@pytest.mark.parametrize("grown", [False, True])
def test_publishing_over_missing_tiles_says_how_to_make_them_anew(house: House, name: str, grown: bool) -> None:
    house.add(decisions(700))
    before = house.publish()
    (house.folder / name).unlink()
    house.add(decisions(3 * grown))
    with pytest.raises(LogError, match=f"`{name}` is absent from the log; .* move `checkpoint` out") as refused:
        house.publish()
    assert refused.value.code == "tile-missing"
    (house.folder / "checkpoint").unlink()
    again = house.publish()
    assert root_at(700, again.tiles.node) == before.checkpoint.root
    assert house.audit().published == 700 + 3 * grown


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
    with pytest.raises(ForkError, match="is lost, and a head of 3 leaves was signed before; copy the newest") as lost:
        house.publish()
    assert lost.value.code == "signer-head-lost"
    shutil.copy(house.folder / "checkpoint", house.signer.head)
    assert house.publish().checkpoint.size == 6


def test_a_signers_lost_head_is_noticed_without_the_public_folder_too(house: House) -> None:
    """The store knows that a head was signed; a signer that remembers none could sign another one."""
    house.add(decisions(3))
    kept = house.publish().data
    shutil.rmtree(house.folder)
    house.signer.head.unlink()
    with pytest.raises(ForkError, match="a head of 3 leaves was signed before"):
        house.publish()
    house.signer.head.write_bytes(kept)
    assert house.publish().data == kept


def test_a_signers_head_of_before_is_noticed(house: House) -> None:
    house.add(decisions(3))
    house.publish()
    old = house.signer.head.read_bytes()
    house.add(decisions(3))
    house.publish()
    house.signer.head.write_bytes(old)
    with pytest.raises(ForkError, match="older than the published checkpoint of 6 leaves; if the checkpoint is right"):
        house.publish()


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


EVERY_TILE = ["tile/0/000", "tile/0/002.p/188", "tile/1/000.p/2", "tile/entries/001", "tile/entries/002.p/188"]


@pytest.mark.parametrize("name", EVERY_TILE)
@pytest.mark.parametrize("harm", ["gone", "cut", "flipped", "lengthened"])
def test_a_tile_that_a_client_would_refuse_is_noticed(audited: House, name: str, harm: str) -> None:
    path = audited.folder / name
    data = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes({"cut": data[:-1], "flipped": flip(data, 8 * len(data) - 1), "lengthened": data + b"x"}[harm])
    with pytest.raises(LogError) as noticed:
        audited.audit()
    codes = {"gone": {"tile-missing"}, "flipped": {"tiles-do-not-fit", "entry-altered"}}
    assert noticed.value.code in codes.get(harm, {"tile-not-whole"})


def test_a_tile_that_the_root_does_not_need_is_derived_too(house: House) -> None:
    """The root of 65,792 leaves needs `tile/2/000` and `tile/1/001`, and not the full tile below the first of them."""
    house.add(decisions(65_792))
    head = house.publish()
    house.audit()
    path = house.folder / "tile/1/000"
    path.write_bytes(flip(path.read_bytes(), 7))
    with pytest.raises(ProofError, match=r"`tile/1/000` does not follow from the tiles below it") as noticed:
        house.audit()
    assert noticed.value.code == "tiles-do-not-fit"
    with house.engine.connect() as connection:
        arguments = (connection, house.tables, house.vault, house.published() or head, LOG_KEY.verifier, [5])
        with pytest.raises(ProofError, match=r"`tile/1/000` does not follow"):
            check_receipts(*arguments)


def test_a_log_without_a_checkpoint_is_audited_too(house: House) -> None:
    house.add(decisions(10))
    assert house.audit() == Audit(10, 0, 0)
