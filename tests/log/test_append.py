"""Appending: in the caller's transaction, without gap or double, in every database."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from linekeeper.journal.log.append import append
from linekeeper.journal.log.entry import Opened, Record, RecordKind
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.read import entries, opened, positions_of
from linekeeper.journal.log.tables import size_of
from tests.log.support import House, decision, decisions, open_house


def test_records_come_back_in_order(any_house: House) -> None:
    house, records = any_house, decisions(1_234, accounts=500)
    assert house.add(records[:1]) == 0
    assert house.add(records[1:]) == 1
    with house.engine.connect() as connection:
        assert size_of(connection, house.tables) == 1_234
        found = list(opened(connection, house.tables, house.vault, range(1_234)))
        told = list(entries(connection, house.tables, 0, 1_234))
        assert positions_of(connection, house.tables, "acct-3") == [3, 503, 1003]
    assert [record.data for _, record in found if isinstance(record, Opened)] == [record.data for record in records]
    assert [record.entry for _, record in found if isinstance(record, Opened)] == told


def test_positions_are_asked_for_in_any_order(house: House) -> None:
    house.add(decisions(5))
    with house.engine.connect() as connection:
        assert [position for position, _ in opened(connection, house.tables, house.vault, [4, 0, 4])] == [4, 0, 4]
        with pytest.raises(LogError, match="there is no leaf 5"):
            list(opened(connection, house.tables, house.vault, [5]))


def test_nothing_is_nothing(house: House) -> None:
    assert house.add([]) == 0
    house.add(decisions(3))
    assert house.add([]) == 3


def test_a_rolled_back_transaction_leaves_no_leaf_and_no_key(any_house: House) -> None:
    house = any_house
    house.add([decision("first", 0)])
    with house.engine.connect() as connection:
        append(connection, house.tables, house.vault, [decision("second", 1)])
        append(connection, house.tables, house.vault, [decision("second", 2)])
        connection.rollback()
    assert house.add([decision("second", 3)]) == 1  # with a key of its own, not the lost one
    with house.engine.connect() as connection:
        [(_, record)] = opened(connection, house.tables, house.vault, [1])
        assert isinstance(record, Opened)
        assert record.data == decision("second", 3).data


def test_several_appends_in_one_transaction(any_house: House) -> None:
    house = any_house
    with house.engine.begin() as connection:
        firsts = [append(connection, house.tables, house.vault, decisions(10, start)) for start in (0, 10, 20)]
    assert firsts == [0, 10, 20]


def test_writers_side_by_side_leave_no_gap(any_house: House) -> None:
    house, firsts = any_house, []

    def write(writer: int) -> None:
        for number in range(20):
            firsts.append(house.add([decision(f"acct-{writer}-{number % 3}", number)] * 3))

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert sorted(firsts) == list(range(0, 240, 3))
    with house.engine.connect() as connection:
        assert len(list(entries(connection, house.tables, 0, 240))) == 240
        assert connection.execute(select(func.count()).select_from(house.tables.keys)).scalar_one() == 12


def test_one_key_an_account_whatever_its_name(any_house: House) -> None:
    names = ["", "a", "账户-7", 'quote " and \\', "%s :x ?", "' OR 1=1 --", "a"]
    any_house.add([Record(RecordKind.DECISION, name, b"{}") for name in names])
    with any_house.engine.connect() as connection:
        accounts = connection.execute(select(any_house.tables.keys.c.account)).scalars()
        assert sorted(accounts) == sorted(set(names))
        assert positions_of(connection, any_house.tables, "a") == [1, 6]


def test_a_second_process_reads_what_the_first_wrote(tmp_path: Path) -> None:
    first = open_house(tmp_path)
    first.add(decisions(10))
    second = open_house(tmp_path)
    assert second.add(decisions(10, 10)) == 10
    with first.engine.connect() as connection:
        records = opened(connection, first.tables, first.vault, range(20))
        assert all(isinstance(record, Opened) for _, record in records)
    for house in (first, second):
        house.engine.dispose()


def test_a_leaf_removed_from_the_store_is_named(house: House) -> None:
    house.add(decisions(20))
    with house.engine.begin() as connection:
        connection.execute(text("DELETE FROM log_entries WHERE position = 7"))
        with pytest.raises(LogError, match="leaf 7 is absent"):
            list(entries(connection, house.tables, 0, 20))
