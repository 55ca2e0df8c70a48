"""A borrower whose key is gone or damaged costs that borrower's records: everything else goes on, and says whose."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, func, select, update

from linekeeper.engine.verify import verify
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import erase_borrower
from linekeeper.journal.log.entry import Record, RecordKind
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.keys import master_in_use
from linekeeper.journal.rotation import finish_rotation, rotate_master
from tests.cli.test_commands import POLICY, linekeeper, read
from tests.log_flow.logged import KEYS, Logged, events_of

Damage = Callable[[Connection, str], None]


def put_back(connection: Connection, row: dict[str, Any]) -> None:
    """The row of a key as it stands in a backup."""
    remove(connection, row["account"])
    connection.execute(KEYS.insert().values(row))


def change(connection: Connection, account: str, **values: object) -> None:
    connection.execute(update(KEYS).where(KEYS.c.account == account).values(**values))


def flip_wrapped(connection: Connection, account: str) -> None:
    wrapped = connection.execute(select(KEYS.c.wrapped).where(KEYS.c.account == account)).scalar_one()
    change(connection, account, wrapped=wrapped[:-1] + bytes([wrapped[-1] ^ 1]))


def code_of(damage: Damage) -> str:
    """The code by which the damage is told."""
    return "data-key-missing" if damage is remove else "data-key-not-readable"


def cut_short(connection: Connection, account: str) -> None:
    change(connection, account, wrapped=b"")


def name_another_master(connection: Connection, account: str) -> None:
    change(connection, account, master="local:0123456789abcdef")


def remove(connection: Connection, account: str) -> None:
    connection.execute(delete(KEYS).where(KEYS.c.account == account))


DAMAGE = {each.__name__: each for each in (remove, name_another_master, flip_wrapped, cut_short)}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_the_checks_go_on_and_name_the_borrower(logged: Logged, damage: Damage) -> None:
    lost, before = logged.leaves_of("B"), logged.check()
    with logged.store.writing() as connection:
        damage(connection, "B")
    found = logged.check()
    assert found.unreadable_accounts == ("B",)
    assert found.unreadable_leaves == len(lost) > 4
    assert (found.decisions, found.receipts) == (before.decisions, before.receipts - len(lost))
    assert f"{len(lost)} leaves do not open, of `B`" in str(found.first_difference)


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_commands_name_the_borrower_and_end_with_code_3(in_file: Logged, damage: Damage) -> None:
    lost, before = len(in_file.leaves_of("B")), read("log", "status", *in_file.at)
    with in_file.store.writing() as connection:
        damage(connection, "B")
    for command in (("verify",), ("log", "status"), ("receipt", "check-all", "--flip")):
        said = read(*command, *in_file.at, code=3)
        assert (said["unreadable_accounts"], said["unreadable_leaves"]) == (["B"], lost)
        assert f"{lost} records do not open, of `B`" in linekeeper(*command, *in_file.at, code=3)
    status = read("log", "status", *in_file.at, code=3)
    assert (status["same"], status["error"]) == (False, code_of(damage))
    assert [status[name] for name in ("leaves", "published", "heads")] == [
        before[name] for name in ("leaves", "published", "heads")
    ]


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_all_that_needs_no_key_gives_the_borrower_too(in_file: Logged, damage: Damage, tmp_path: Path) -> None:
    store = ("--store", in_file.url)
    commands = {
        "events": ("events", *store),
        "decisions": ("decisions", *store),
        "notices": ("notices", "list", *in_file.at),
        "accounts": ("accounts", *store),
    }

    def written() -> dict[str, bytes]:
        for name, command in commands.items():
            read(*command, "--output", str(tmp_path / f"{name}.csv"))
        return {name: (tmp_path / f"{name}.csv").read_bytes() for name in commands}

    before, shown, lost = written(), read("show", "B", *store), len(in_file.leaves_of("B"))
    letter = linekeeper("notice", "B#1", *in_file.at)
    with in_file.store.writing() as connection:
        damage(connection, "B")
    assert written() == before
    assert read("show", "B", *store) == shown
    assert linekeeper("notice", "B#1", *in_file.at).splitlines()[:5] == letter.splitlines()[:5]
    exported = read("log", "export", "--from", "2000-01-01", "--output", str(tmp_path / "auditor"), *in_file.at)
    assert (exported["unreadable_accounts"], exported["unreadable_leaves"]) == (["B"], lost)
    assert exported["records"] == len(in_file.leaves_of("A")) + len(in_file.leaves_of("C"))


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_receipt_that_cannot_be_made_says_whose_key_it_is(logged: Logged, damage: Damage) -> None:
    with logged.store.writing() as connection:
        damage(connection, "B")
    assert logged.keeper().receipt(logged.store, "A", 1)
    with pytest.raises(LogError, match="`B`") as refused:
        logged.keeper().receipt(logged.store, "B", 1)
    assert refused.value.code == code_of(damage)


def test_records_about_no_borrower_are_named_so(logged: Logged) -> None:
    with logged.store.writing() as connection:
        flip_wrapped(connection, "")
    found = logged.check()
    assert (found.unreadable_accounts, found.unreadable_leaves) == (("",), 1)
    assert "of records about no borrower" in str(found.first_difference)


def test_another_difference_is_still_found(logged: Logged) -> None:
    """A damaged key does not hide what was altered in the decisions of the others."""
    d = t.decisions
    with logged.store.writing() as connection:
        flip_wrapped(connection, "A")
        key = connection.execute(select(KEYS.c.id).where(KEYS.c.account == "C")).scalar_one()
        connection.execute(update(t.LOG.entries).where(t.LOG.entries.c.key == key).values(key=None, sealed=None))
    verdict = verify(logged.store, vault=logged.keeper().vault)
    assert verdict.first_difference == f"{count(logged, d)} decisions are stored, and 8 have a leaf"
    assert verdict.unreadable_accounts == ("A",)


def count(logged: Logged, table: Table) -> int:
    with logged.store.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_leaves_without_their_key_give_no_receipt_of_another_decision(logged: Logged) -> None:
    """The last of B's leaves is under another key than the others, which are lost: it is the first that opens."""
    e = t.LOG.entries
    last = logged.leaves_of("B")[-1]
    with logged.store.writing() as connection:
        connection.execute(update(KEYS).where(KEYS.c.account == "B").values(id=1_000))
        connection.execute(update(e).where(e.c.position == last).values(key=1_000))
    with pytest.raises(LogError, match="the key that opens decision 1 of `B` in the log is gone") as refused:
        logged.keeper().receipt(logged.store, "B", 1)
    assert refused.value.code == "data-key-missing"
    assert logged.keeper().receipt(logged.store, "B", 4)
    assert "a borrower whose key is gone" in str(logged.check().first_difference)


def test_a_writer_is_told_whose_key_does_not_open(logged: Logged) -> None:
    with logged.store.writing() as connection:
        flip_wrapped(connection, "B")
    record = Record(RecordKind.DECISION, "B", b"{}")
    with pytest.raises(LogError, match="the key of `B` does not open"), logged.store.writing() as connection:
        logged.keeper().seal(connection, [record])


# ------------------------------------------------------------------ and rotation


@pytest.mark.parametrize("damage", [name_another_master, flip_wrapped])
def test_a_rotation_leaves_what_does_not_open_and_is_not_finished_with_it(logged: Logged, damage: Damage) -> None:
    with logged.store.writing() as connection:
        sound = connection.execute(select(KEYS).where(KEYS.c.account == "B")).one()
        damage(connection, "B")
    assert rotate_master(logged.keys, logged.store).unreadable == ("B",)
    with pytest.raises(LogError, match="`B`: the key does not open") as refused:
        finish_rotation(logged.keys, logged.store)
    assert refused.value.code == "rotation-not-finished"
    with logged.store.writing() as connection:  # as it stands in a backup
        change(connection, "B", master=sound.master, wrapped=sound.wrapped)
    with pytest.raises(LogError, match="1 of 4 keys are not under the newest master key"):
        finish_rotation(logged.keys, logged.store)
    assert rotate_master(logged.keys, logged.store).unreadable == ()
    assert finish_rotation(logged.keys, logged.store).free == ("file:master-2.key", "file:master.key")
    logged.demand_whole()


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_borrower_whose_key_is_damaged_or_gone_can_be_erased(logged: Logged, damage: Damage) -> None:
    with logged.store.writing() as connection:
        damage(connection, "B")
    rotate_master(logged.keys, logged.store)
    assert len(erase_borrower(logged.store, logged.keeper(), "B", 1_767_000_000_000).leaves) > 4
    logged.demand_whole()
    assert finish_rotation(logged.keys, logged.store).free == ("file:master.key",)


def test_where_several_keys_are_gone_nobody_is_erased_by_guess(logged: Logged) -> None:
    with logged.store.writing() as connection:
        remove(connection, "A")
        remove(connection, "B")
    with pytest.raises(LogError, match="the key of `B` is gone; put its row of `log_keys` back"):
        erase_borrower(logged.store, logged.keeper(), "B", 1_767_000_000_000)
    assert rows_of(logged, t.events, "B")


def test_nobody_is_erased_where_the_key_of_the_marks_is_gone(logged: Logged) -> None:
    with logged.store.writing() as connection:
        remove(connection, "")
    with pytest.raises(LogError, match="the key of records about no borrower is gone"):
        erase_borrower(logged.store, logged.keeper(), "B", 1_767_000_000_000)
    assert rows_of(logged, t.events, "B")


def test_a_new_borrower_never_gets_the_number_of_a_key_that_is_gone(logged: Logged) -> None:
    """Else the lost row could not be put back, and its leaves would be taken for the new borrower's."""
    with logged.store.writing() as connection:
        last = connection.execute(select(KEYS).order_by(KEYS.c.id.desc())).first()
        assert last is not None
        remove(connection, last.account)
    logged.engine().receive([row | {"id": row["id"] + " new", "account": "new"} for row in events_of("A")])
    with logged.store.writing() as connection:
        put_back(connection, dict(last._mapping))
    logged.demand_whole()


def test_a_damaged_first_key_does_not_make_the_former_master_wrap_again(logged: Logged) -> None:
    with logged.store.writing() as connection:
        flip_wrapped(connection, "")
    done = rotate_master(logged.keys, logged.store)
    with logged.store.reading() as connection:
        assert master_in_use(connection, t.LOG, logged.keeper().vault) == done.master


# ------------------------------------------------------------------ and what comes in


IN_SUMMER = "2026-07-31"


def later(*accounts: str) -> list[dict[str, Any]]:
    """A due of each of these borrowers that nobody pays, and two draws, in the year after the example's."""
    rows = [
        {"kind": "draw", "at": "2026-01-05T10:00:00+08:00", "amount": 300_000},
        {"kind": "due", "at": "2026-01-06T10:00:00+08:00", "amount": 200_000, "due_on": "2026-01-10"},
        {"kind": "draw", "at": "2026-01-07T10:00:00+08:00", "amount": 1_000},
    ]
    return [row | {"id": f"{name} {number}", "account": name} for name in accounts for number, row in enumerate(rows)]


def rows_of(logged: Logged, table: Table, account: str) -> list[Any]:
    with logged.store.reading() as connection:
        return list(connection.execute(select(table).where(table.c.account == account)))


def sound_key(logged: Logged, damage: Damage) -> dict[str, Any]:
    """Damage the key of B, and return the row as it was."""
    with logged.store.writing() as connection:
        row = connection.execute(select(KEYS).where(KEYS.c.account == "B")).one()
        damage(connection, "B")
    return dict(row._mapping)


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_batch_goes_on_without_the_events_of_that_borrower(logged: Logged, damage: Damage) -> None:
    sound = sound_key(logged, damage)
    before = rows_of(logged, t.events, "B")
    received = logged.engine().receive([*later("A", "B", "C"), *events_of("B")])
    assert received.repeats == len(events_of("B"))  # what is in the store already needs no key
    assert received.rejected_by_code == {"data-key-not-readable": 3}
    why = "is gone" if damage is remove else "does not open"
    assert all(f"the key of `B` {why}" in row.reason for row in received.rejected)
    assert rows_of(logged, t.events, "B") == before
    assert len(rows_of(logged, t.rejected_events, "B")) == 3
    with logged.store.writing() as connection:
        put_back(connection, sound)
    assert logged.engine().receive(later("A", "B", "C")).repeats == 6
    assert len(rows_of(logged, t.events, "B")) == len(before) + 3
    logged.demand_whole()


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_review_passes_that_borrower_over_and_is_finished_once_the_key_is_back(
    logged: Logged, tmp_path: Path, damage: Damage
) -> None:
    logged.engine().receive(later("A", "B", "C"))
    sound = sound_key(logged, damage)
    made = logged.engine().review("2026-01-31")
    assert {decision.account for decision in made} == {"A", "C"}
    assert {decision.account for decision in logged.engine().review(IN_SUMMER)} == {"A", "C"}
    logged.engine().receive([row | {"id": f"{row['id']} again"} for row in later("A")])
    with logged.store.writing() as connection:
        put_back(connection, sound)
    logged.engine().receive(later("C"))  # whatever writes next finishes it
    logged.demand_whole()
    whole = Logged.make(f"sqlite:///{tmp_path / 'whole.db'}", tmp_path / "whole")
    whole.engine().receive(later("A", "B", "C"))
    whole.engine().review("2026-01-31")
    whole.engine().review(IN_SUMMER)
    records, others = ([row.record for row in rows_of(each, t.decisions, "B")] for each in (logged, whole))
    assert records == others
    assert len(records) > 4  # it was reviewed at all


def test_commands_name_whom_they_passed_over(in_file: Logged, tmp_path: Path) -> None:
    in_file.engine().receive(later("A", "B", "C"))
    with in_file.store.writing() as connection:
        flip_wrapped(connection, "B")
    file = tmp_path / "later.jsonl"
    rows = [row | {"id": f"{row['id']} again"} for row in later("A", "B")]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = {}
    for command in (("run", POLICY, str(file), "--until", "2026-01-31"), ("review", "--until", IN_SUMMER)):
        said = linekeeper(*command, *in_file.at, "--json").splitlines()
        done[command[0]] = next(json.loads(line) for line in said if line.startswith("{"))
        assert done[command[0]]["unreadable_accounts"] == ["B"]
        assert "KEYS: passed over by the review, since their keys in the log do not open: `B`" in "\n".join(said)
    assert (done["run"]["events"], done["run"]["rejected_by_code"]) == (3, {"data-key-not-readable": 3})
    assert "the review up to 2026-01-31 was broken off" in read("verify", *in_file.at, code=3)["first_difference"]


def test_a_master_key_that_is_absent_refuses_the_whole(logged: Logged) -> None:
    """It is no borrower's key that is damaged, so nobody's events are rejected."""
    engine = logged.engine()
    with logged.store.writing() as connection:
        connection.execute(update(KEYS).values(master="local:0123456789abcdef"))
    with pytest.raises(LogError, match="`local:0123456789abcdef` is not at hand"):
        engine.receive(later("A"))
