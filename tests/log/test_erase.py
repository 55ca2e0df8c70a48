"""Forgetting a borrower: nothing of the records is left in any file, and every other proof stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import event, select, text

from linekeeper.journal.log.entry import Opened, RecordKind
from linekeeper.journal.log.erase import Erasure, erase, scrub
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.masters import LocalMaster
from linekeeper.journal.log.read import UnreadableRecord, opened, positions_of
from linekeeper.journal.log.receipt import verify_receipt
from linekeeper.journal.log.rotate import Rotated, rotate
from linekeeper.journal.log.vault import Vault
from tests.journal.databases import postgres_database
from tests.log.support import LOG_KEY, MASTER, House, decision, decisions, open_house

AT = 1_765_000_000_000


def forget(house: House, account: str) -> Erasure:
    with house.engine.begin() as connection:
        return erase(connection, house.tables, house.vault, account, AT, "m")


def files_with(folder: Path, needle: bytes) -> list[str]:
    return [str(path) for path in sorted(folder.rglob("*")) if path.is_file() and needle in path.read_bytes()]


def test_every_other_proof_stands(any_house: House) -> None:
    house = any_house
    house.add(decisions(70))
    house.publish()
    erasure = forget(house, "acct-3")
    assert erasure == Erasure(70, tuple(range(3, 70, 7)))
    house.publish()
    assert house.audit().leaves == 71
    with house.engine.connect() as connection:
        found = dict(opened(connection, house.tables, house.vault, range(71)))
        assert positions_of(connection, house.tables, "acct-3") == []
    assert [position for position, record in found.items() if record is None] == list(erasure.leaves)
    receipts = house.receipts(range(71))
    assert [verify_receipt(data, LOG_KEY.verifier).index for data in receipts] == [
        n for n in range(71) if n not in erasure.leaves
    ]


def test_the_erasures_own_leaf_names_leaves_and_nobody(house: House) -> None:
    house.add(decisions(21))
    erasure = forget(house, "acct-3")
    with house.engine.connect() as connection:
        [(_, record)] = opened(connection, house.tables, house.vault, [erasure.position])
    assert isinstance(record, Opened)
    assert record.kind is RecordKind.ERASURE
    assert json.loads(record.data) == {"at": AT, "kind": "erasure", "leaves": [3, 10, 17], "mark": "m"}


@pytest.mark.parametrize("account", ["nobody", "acct-3", ""])
def test_who_has_no_records_cannot_be_erased(house: House, account: str) -> None:
    house.add([*decisions(7), decision("", 8)])
    forget(house, "acct-3")
    with pytest.raises(LogError, match="has no record of"):
        forget(house, account)


def test_a_refused_erasure_leaves_no_leaf(house: House) -> None:
    house.add(decisions(7))
    with pytest.raises(LogError):
        forget(house, "nobody")
    assert house.add([]) == 7


def test_who_comes_back_gets_a_new_key(house: House) -> None:
    house.add(decisions(14))
    forget(house, "acct-3")
    back = house.add([decision("acct-3", 99)])
    with house.engine.connect() as connection:
        found = dict(opened(connection, house.tables, house.vault, [3, back]))
    assert found[3] is None
    assert isinstance(found[back], Opened)


def test_a_key_remembered_elsewhere_is_not_used_again(tmp_path: Path) -> None:
    """A second process that knows the key by heart seals nothing under it once it is destroyed."""
    first, second = open_house(tmp_path), open_house(tmp_path)
    second.add([decision("acct-3", 0)])
    forget(first, "acct-3")
    back = second.add([decision("acct-3", 1)])
    with first.engine.connect() as connection:
        [(_, record)] = opened(connection, first.tables, Vault([MASTER]), [back])
    assert isinstance(record, Opened)
    for house in (first, second):
        house.engine.dispose()


def test_nothing_is_left_to_find(tmp_path: Path) -> None:
    """Key, ciphertext, account: each is in the files before, none is after; the record itself never was."""
    house = open_house(tmp_path)
    secret = "met the borrower at No. 7 Moonlight Road"
    house.add(decisions(200, accounts=40))
    mine = house.add([decision("erin-zhou-0042", number, secret) for number in range(50)])
    house.add(decisions(200, accounts=40))
    house.publish()
    with house.engine.connect() as connection:
        row = connection.execute(select(house.tables.keys).where(house.tables.keys.c.account == "erin-zhou-0042")).one()
        key = MASTER.unwrap(row.wrapped)
        boxes = connection.execute(
            select(house.tables.entries.c.sealed).where(house.tables.entries.c.key == row.id)
        ).scalars()
        needles = [b"erin-zhou-0042", row.wrapped, row.wrapped[12:44], *(box[:24] for box in boxes)]
    assert len(needles) == 53
    assert all(files_with(tmp_path, needle) for needle in needles)
    forget(house, "erin-zhou-0042")
    house.publish()
    scrub(house.engine, house.tables)
    for needle in [secret.encode(), secret.encode("utf-16-le"), key, *needles]:
        assert files_with(tmp_path, needle) == []
    assert house.audit().leaves == 451
    assert (tmp_path / "store.db-wal").stat().st_size == 0
    with house.engine.connect() as connection:
        [(_, record)] = opened(connection, house.tables, house.vault, [mine])
    assert record is None
    house.engine.dispose()


def test_without_the_scrub_something_would_be_left(tmp_path: Path) -> None:
    """The byte search can fail: until the scrub, the write-ahead log still holds the wrapped key."""
    house = open_house(tmp_path)
    house.add([decision("erin", 0)])
    with house.engine.connect() as connection:
        wrapped = connection.execute(select(house.tables.keys.c.wrapped)).scalar_one()
    forget(house, "erin")
    assert files_with(tmp_path, wrapped)
    scrub(house.engine, house.tables)
    assert not files_with(tmp_path, wrapped)
    house.engine.dispose()


def test_a_reader_in_the_way_of_the_scrub_is_told(house: House) -> None:
    house.add(decisions(7))
    forget(house, "acct-3")
    house.engine.dispose()
    event.listen(house.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 50"))
    with house.engine.connect() as reader:
        reader.exec_driver_sql("BEGIN")
        reader.execute(text("SELECT * FROM log_entries")).all()
        with pytest.raises(LogError, match="a reader keeps"):
            scrub(house.engine, house.tables)
    scrub(house.engine, house.tables)


@pytest.mark.postgres
def test_scrub_on_postgres(postgres_url: str, tmp_path: Path) -> None:
    with postgres_database(postgres_url) as url:
        house = open_house(tmp_path, url)
        house.add(decisions(20))
        forget(house, "acct-3")
        try:
            scrub(house.engine, house.tables)
        except LogError as error:
            pytest.skip(f"the role of LINEKEEPER_POSTGRES is too weak: {error}")
        finally:
            house.engine.dispose()
        assert house.audit().leaves == 21
        house.engine.dispose()


@pytest.mark.postgres
def test_a_role_that_may_not_checkpoint_is_told_what_to_grant(postgres_url: str, tmp_path: Path) -> None:
    """The server itself refuses, as it does such a role: whoever runs the tests may checkpoint."""
    refusal = "DO $$ BEGIN RAISE insufficient_privilege; END $$"
    with postgres_database(postgres_url) as url:
        house = open_house(tmp_path, url)
        house.add(decisions(20))
        forget(house, "acct-3")

        @event.listens_for(house.engine, "before_cursor_execute", retval=True)
        def refuse(_c: object, _d: object, statement: str, given: object, *_: object) -> tuple[str, object]:
            return (refusal if statement == "CHECKPOINT" else statement), given

        with pytest.raises(LogError, match="grant it `pg_checkpoint`") as refused:
            scrub(house.engine, house.tables)
        assert refused.value.code == "scrub-not-allowed"
        house.engine.dispose()


# ------------------------------------------------------------------ rotation


def test_rotation_moves_every_key_to_the_new_master(any_house: House) -> None:
    house, new = any_house, LocalMaster(b"N" * 32)
    house.add(decisions(2_500, accounts=2_500))
    both = Vault([new, MASTER])
    for moved in (2_500, 0):
        with house.engine.begin() as connection:
            assert rotate(connection, house.tables, both) == Rotated(moved, ())
    with house.engine.connect() as connection:
        records = opened(connection, house.tables, Vault([new]), range(2_500))
        assert all(isinstance(record, Opened) for _, record in records)
        [(_, record)] = opened(connection, house.tables, Vault([MASTER]), [0])
    assert isinstance(record, UnreadableRecord)
    assert record.account == "acct-0"
    assert "is not at hand" in str(record.error)
