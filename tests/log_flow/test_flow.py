"""Decisions and the log together: what is decided is sealed, what is erased is gone, what is left still proves."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from linekeeper.core.errors import Refused, UsageError
from linekeeper.engine.engine import Engine
from linekeeper.engine.run import run_table
from linekeeper.engine.verify import verify
from linekeeper.engine.verify_leaves import compare_leaves
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import (
    Keeper,
    decision_leaves,
    erase_borrower,
    new_keeper,
    open_keeper,
    opened_of,
)
from linekeeper.journal.log.audit import check_receipts
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.receipt import verify_receipt
from linekeeper.journal.rotation import rotate_master
from linekeeper.journal.store import Store, decision_records, open_store
from linekeeper.lab.population import population
from linekeeper.policy.load import load_file
from linekeeper.policy.model import Policy
from linekeeper.texts.material import shipped


@pytest.fixture(scope="module")
def policy() -> Policy:
    """The cash line's policy."""
    return load_file(shipped("consumer-loan.yaml"))


@pytest.fixture
def kept(tmp_path: Path, policy: Policy) -> Iterator[tuple[Store, Keeper]]:
    """A store of forty borrowers with its log, published."""
    keeper = new_keeper(tmp_path / "keys", tmp_path / "public", "example.com/test")
    store = open_store(str(tmp_path / "store.db"))
    run_table(Engine(store, policy, keeper), population(accounts=40, days=200, seed=5).events, "test")
    keeper.publish(store)
    yield store, keeper
    store.close()


def someone(store: Store) -> str:
    """An account with a decision."""
    with store.reading() as connection:
        return next(decision_records(connection))[0]


def test_each_decision_has_a_leaf_that_opens_to_its_record(kept: tuple[Store, Keeper]) -> None:
    store, keeper = kept
    with store.reading() as connection:
        records = list(decision_records(connection))
        for account in {row[0] for row in records}:
            own = [row[2] for row in records if row[0] == account]
            assert [one.data for _, one in opened_of(decision_leaves(connection, keeper.vault, account))] == own
    assert len(records) > 20


def test_a_receipt_proves_the_record_with_the_public_key_alone(kept: tuple[Store, Keeper]) -> None:
    store, keeper = kept
    account = someone(store)
    proven = verify_receipt(keeper.receipt(store, account, 1), keeper.signer.verifier)
    with store.reading() as connection:
        assert proven.opened.data == next(decision_records(connection, first=account))[2]
    with pytest.raises(LogError, match="no decision 999"):
        keeper.receipt(store, account, 999)


def test_an_erased_borrower_is_gone_from_every_file_and_all_other_receipts_hold(
    kept: tuple[Store, Keeper], tmp_path: Path
) -> None:
    store, keeper = kept
    account = someone(store)
    needle = account.encode()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(needle in path.read_bytes() for path in files)
    before = keeper.head().checkpoint.size
    done = erase_borrower(store, keeper, account, 1_700_000_000_000)
    keeper.publish(store)
    assert done.leaves
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or needle not in path.read_bytes(), path.name
    with store.reading() as connection:
        positions = [position for position in range(before) if position not in done.leaves]
        arguments = (connection, t.LOG, keeper.vault, keeper.head(), keeper.signer.verifier)
        summary = check_receipts(*arguments, positions, seed=1)
        assert summary.accepted == summary.receipts == len(positions)
        assert summary.flipped_refused == summary.flipped
        assert keeper.audit(connection).leaves == before + 1
    assert verify(store).same


def test_a_store_with_a_log_is_not_written_without_its_keys(kept: tuple[Store, Keeper], policy: Policy) -> None:
    store, _ = kept
    engine = Engine(store, policy)
    with pytest.raises(UsageError, match="keeps a log"):
        engine.review(20_000)


def test_a_log_cannot_begin_in_the_middle(tmp_path: Path, policy: Policy) -> None:
    store = open_store(str(tmp_path / "store.db"))
    Engine(store, policy)
    with pytest.raises(Refused, match="from the first event on"):
        Engine(store, policy, new_keeper(tmp_path / "keys", tmp_path / "public", "example.com/late"))
    store.close()


def test_after_a_rotation_all_receipts_hold_under_the_new_master_alone(
    kept: tuple[Store, Keeper], tmp_path: Path
) -> None:
    store, _ = kept
    account = someone(store)
    assert rotate_master(tmp_path / "keys", store).keys > 0
    (tmp_path / "keys" / "master.key").unlink()
    again = open_keeper(tmp_path / "keys")
    assert verify_receipt(again.receipt(store, account, 1), again.signer.verifier)


def contents_of(folder: Path) -> dict[str, bytes]:
    """Every file of a folder but the store's, which a reader opens."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".db" not in path.name)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_an_erasure_does_not_begin_a_log(tmp_path: Path, policy: Policy) -> None:
    """The log would begin after the first decision, and the store be bound to keys that prove nothing."""
    store, keeper = (
        open_store(str(tmp_path / "plain.db")),
        new_keeper(tmp_path / "keys", tmp_path / "public", "e.com/x"),
    )
    run_table(Engine(store, policy), population(accounts=5, days=200, seed=5).events, "test")
    account, before = someone(store), contents_of(tmp_path)
    with pytest.raises(LogError, match="the store keeps no log") as refused:
        erase_borrower(store, keeper, account, 1_700_000_000_000)
    assert refused.value.code == "log-missing"
    assert contents_of(tmp_path) == before
    assert verify(store).same


def test_the_keys_of_another_log_do_nothing_to_a_store(
    kept: tuple[Store, Keeper], tmp_path: Path, policy: Policy
) -> None:
    store, keeper = kept
    account, other = someone(store), new_keeper(tmp_path / "others", tmp_path / "other", "example.com/other")
    before = contents_of(tmp_path)
    acts: list[Callable[[], object]] = [
        lambda: rotate_master(tmp_path / "others", store),
        lambda: Engine(store, policy, other),
        lambda: other.publish(store),
        lambda: erase_borrower(store, other, account, 1),
    ]
    for act in acts:
        with pytest.raises(LogError, match="not those of the store's log") as refused:
            act()
        assert refused.value.code == "keys-of-another-log"
    assert contents_of(tmp_path) == before
    assert verify_receipt(keeper.receipt(store, account, 1), keeper.signer.verifier)
    assert verify(store, vault=keeper.vault).same


def test_a_store_without_a_log_rotates_nothing(kept: tuple[Store, Keeper], tmp_path: Path, policy: Policy) -> None:
    before = contents_of(tmp_path)
    with closing(open_store(str(tmp_path / "plain.db"))) as plain:
        Engine(plain, policy)
        with pytest.raises(LogError, match="the store keeps no log") as refused:
            rotate_master(tmp_path / "keys", plain)
    assert refused.value.code == "log-missing"
    assert contents_of(tmp_path) == before


def test_an_altered_decision_is_named(kept: tuple[Store, Keeper], tmp_path: Path) -> None:
    store, _ = kept
    account = someone(store)
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute(
            """UPDATE decisions SET record = replace(record, '"number":1', '"number":7')
            WHERE account = ? AND number = 1""",
            [account],
        )
    connection.close()
    assert f"decision 1 of `{account}`" in str(verify(store).first_difference)


def test_each_decision_is_held_against_its_leaf(kept: tuple[Store, Keeper], tmp_path: Path) -> None:
    store, keeper = kept
    account = someone(store)

    def difference() -> str | None:
        return compare_leaves(store, keeper.vault).first_difference

    assert difference() is None
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute(
            "UPDATE decisions SET record = CAST('{}' AS BLOB) WHERE account = ? AND number = 1", [account]
        )
    connection.close()
    assert f"decision 1 of `{account}`" in str(difference())
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("DELETE FROM decisions WHERE account = ? AND number = 1", [account])
    connection.close()
    assert f"decision 1 of `{account}`" in str(difference())
