"""A batch that breaks its contract waits as a whole, and is taken in or not as a named person rules."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import linekeeper as lk
from linekeeper.connect.mapping_file import load_columns
from linekeeper.core.errors import LinekeeperError
from linekeeper.engine import feed_batches
from linekeeper.engine.clock import Clock
from linekeeper.engine.engine import Engine
from linekeeper.engine.feed_batches import admit_batch, rule_on_batch
from linekeeper.engine.opening import clear_empty_store
from linekeeper.face.events import batch_of_input, intake_of
from linekeeper.face.policy import Policy
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import Keeper, new_keeper
from linekeeper.journal.log.entry import RecordKind
from linekeeper.journal.log.read import opened
from linekeeper.journal.store import Store, open_store
from linekeeper.policy.load import load_text
from tests.engine.conftest import NewStore
from tests.engine.lives import contents

SPAWN = multiprocessing.get_context("spawn")
FIRST = datetime(2025, 5, 5, 9, tzinfo=UTC)  # a Monday
POLICY = load_text(
    """policy: card
version: 1
currency: CNY
time_zone: UTC
events:
  income: {amount: money}
features: {earned_30d: 'sum(income.amount, 30d)'}
triggers:
  poor: {when: earned_30d < 500 CNY, hold: 3d, cap: 50%, reason: low_income}
restoration: {first: 60%, step: 20%, every: 3d}
"""
)
MAPPING = """source: core
money: major
contract:
  volume: [10, 100]
  medians:
    income.amount: [500, 2000]
"""
WHO = {"by": "m.chen", "why": "a public holiday"}


def file_of(
    folder: Path, day: int, pay: str = "1000.00", accounts: int = 12, name: str = "core.csv", of: str = "income"
) -> Path:
    """The feed's file of one day: every account opens on the first day, and has an income on each."""
    at = (FIRST + timedelta(days=day)).isoformat()
    rows = ["id,account,kind,at,amount,limit"]
    rows += [f"o{n},A{n},open,{FIRST.isoformat()},,5000.00" for n in range(accounts) if day == 0]
    rows += [f"{of[0]}{day}-{n},A{n},{of},{at},{pay}," for n in range(accounts)]
    (folder / name).write_text("\n".join(rows) + "\n", "utf-8")
    return folder / name


def mapping_of(folder: Path, text: str = MAPPING, name: str = "core.yaml") -> Path:
    """A mapping file."""
    (folder / name).write_text(text, "utf-8")
    return folder / name


def engine_over(store: Store, keeper: Keeper | None = None) -> lk.Engine:
    """An engine as anybody who comes now would open it."""
    return lk.Engine(
        Engine(store, POLICY, keeper, clock=Clock(lambda: int(FIRST.timestamp() * 1_000) + 40 * 86_400_000))
    )


def batches(store: Store) -> list[tuple[str, str]]:
    """The name and the state of each batch."""
    b = t.feed_batches.c
    with store.reading() as connection:
        return [(row.name, row.state) for row in connection.execute(select(b.name, b.state).order_by(b.seq))]


def refused(engine: lk.Engine, file: Path, mapping: Path) -> LinekeeperError:
    """The error with which a file is refused."""
    with pytest.raises(LinekeeperError) as caught:
        engine.receive(file, columns=mapping)
    return caught.value


def terms(error: LinekeeperError) -> list[str]:
    """The terms that a batch breaks."""
    return [each["term"] for each in error.details["broken"]]


def test_a_batch_that_breaks_its_contract_waits_and_none_of_it_counts(new_store: NewStore, tmp_path: Path) -> None:
    engine, mapping = engine_over(new_store()), mapping_of(tmp_path)
    store = engine._engine.store
    engine.receive(file_of(tmp_path, 0), columns=mapping)
    before = contents(store)
    error = refused(engine, file_of(tmp_path, 1, pay="10.00", name="may.csv"), mapping)
    assert (error.code, error.kind, error.place) == ("batch-waits", "refused", "may.csv")
    (broken,) = error.details["broken"]
    assert (broken["term"], broken["measured"]) == ("medians.income.amount", "10 CNY")
    assert broken["examples"] == ["event `i1-0`: 10", "event `i1-1`: 10", "event `i1-2`: 10"]
    assert "the median `amount` of `income` is 10 CNY; the contract says 500 to 2,000 CNY" in str(error)
    assert contents(store) == before
    assert batches(store) == [("core.csv", "taken"), ("may.csv", "waiting")]
    (waiting,) = engine.pending_batches()
    assert (waiting.name, waiting.events, waiting.state, waiting.ruling) == ("may.csv", 12, "waiting", None)


def test_the_same_content_under_another_name_is_the_same_batch(new_store: NewStore, tmp_path: Path) -> None:
    engine, mapping = engine_over(new_store()), mapping_of(tmp_path)
    first = refused(engine, file_of(tmp_path, 0, pay="1.00", name="may.csv"), mapping)
    again = refused(engine, file_of(tmp_path, 0, pay="1.00", name="may (1).csv"), mapping)
    assert first.details["content"] == again.details["content"]
    assert batches(engine._engine.store) == [("may (1).csv", "waiting")]


def test_a_released_batch_is_taken_in_as_if_nothing_had_held_it(new_store: NewStore, tmp_path: Path) -> None:
    held, free = engine_over(new_store()), engine_over(new_store())
    mapping = mapping_of(tmp_path)
    plain = mapping_of(tmp_path, MAPPING.split("contract")[0], "plain.yaml")
    for day, pay in ((0, "1000.00"), (1, "10.00"), (2, "900.00")):
        file = file_of(tmp_path, day, pay)
        free.receive(file, columns=plain)
        if day == 1:
            content = refused(held, file, mapping).details["content"]
            released = held.release_batch(content[:12], **WHO)
            assert (released.state, released.ruling, released.by) == ("released", "release", "m.chen")
            with pytest.raises(LinekeeperError) as caught:
                held.release_batch(content[:12], **WHO)
            assert caught.value.code == "batch-not-waiting"
            refused(held, file_of(tmp_path, 1, "11.00"), mapping)  # another file is another batch
            file = file_of(tmp_path, 1, "10.00")
        held.receive(file, columns=mapping)
    for engine in (held, free):
        engine.review("2025-05-20")
    assert contents(held._engine.store) == contents(free._engine.store)
    ended = {batch.name: batch.state for batch in held.pending_batches(ended=True) if batch.ruling}
    assert ended == {"core.csv": "taken"}


def test_a_rejected_batch_is_never_taken_in(new_store: NewStore, tmp_path: Path) -> None:
    engine, mapping = engine_over(new_store()), mapping_of(tmp_path)
    file = file_of(tmp_path, 0, pay="10.00")
    content = refused(engine, file, mapping).details["content"]
    engine.reject_batch(content, by="m.chen", why="in minor units")
    assert refused(engine, file, mapping).code == "batch-rejected"
    assert refused(engine, file, mapping_of(tmp_path, MAPPING.replace("500,", "1,"))).code == "batch-rejected"
    assert engine.pending_batches() == []
    with pytest.raises(LinekeeperError) as caught:
        engine.release_batch(content, **WHO)
    assert caught.value.code == "batch-not-waiting"


def test_what_waits_or_was_rejected_comes_in_under_no_other_source(new_store: NewStore, tmp_path: Path) -> None:
    """Another source may have no contract: the file is held there too, until a person rules on it as what it was."""
    engine, mapping = engine_over(new_store()), mapping_of(tmp_path)
    side = mapping_of(tmp_path, MAPPING.split("contract")[0].replace("core", "side"), "side.yaml")
    file = file_of(tmp_path, 0, pay="10.00")
    content = refused(engine, file, mapping).details["content"]
    renamed = file.rename(tmp_path / "side.csv")
    assert refused(engine, renamed, side).code == "batch-waits"
    engine.reject_batch(content, by="m.chen", why="in minor units")
    error = refused(engine, renamed, side)
    assert (error.code, error.details["source"]) == ("batch-rejected", "core")
    assert engine.receive(file_of(tmp_path, 0), columns=side).rejected == ()


def test_a_release_is_of_what_the_file_said_then(new_store: NewStore, tmp_path: Path) -> None:
    """Read by another mapping, the same content says something else: it is measured anew, and waits again."""
    engine, mapping = engine_over(new_store()), mapping_of(tmp_path)
    file = file_of(tmp_path, 0, pay="10.00")
    engine.release_batch(refused(engine, file, mapping).details["content"], **WHO)
    other = mapping_of(tmp_path, MAPPING.replace("money: major", "money: major\nvalues: {amount: {'10.00': '20.00'}}"))
    assert refused(engine, file, other).code == "batch-waits"
    assert batches(engine._engine.store) == [("core.csv", "waiting")]
    assert refused(engine, file, mapping_of(tmp_path)).code == "batch-waits"  # the release was used up by the change


def test_a_mended_mapping_lets_the_same_content_in(new_store: NewStore, tmp_path: Path) -> None:
    engine = engine_over(new_store())
    file = file_of(tmp_path, 0, pay="10.00")
    refused(engine, file, mapping_of(tmp_path))
    mended = mapping_of(
        tmp_path, MAPPING.replace("money: major", "money: major\nvalues: {amount: {'10.00': '1000.00'}}")
    )
    assert len(engine.receive(file, columns=mended).rejected) == 0
    assert batches(engine._engine.store) == [("core.csv", "taken")]


def test_a_content_that_was_taken_in_changes_nothing_when_it_comes_again(new_store: NewStore, tmp_path: Path) -> None:
    engine, mapping = engine_over(new_store()), mapping_of(tmp_path)
    file = file_of(tmp_path, 0)
    engine.receive(file, columns=mapping)
    stricter = mapping_of(tmp_path, MAPPING.replace("[10, 100]", "[50, 100]"))
    again = engine.receive(file, columns=stricter)
    assert (len(again), again.repeats) == (0, 24)


def test_no_file_of_a_source_with_a_contract_goes_past_it(new_store: NewStore, tmp_path: Path) -> None:
    engine, mapping = engine_over(new_store()), mapping_of(tmp_path)
    engine.receive(file_of(tmp_path, 0), columns=mapping)
    plain = mapping_of(tmp_path, MAPPING.split("contract")[0], "plain.yaml")
    error = refused(engine, file_of(tmp_path, 1, pay="10.00"), plain)
    assert (error.code, error.details) == ("contract-needed", {"source": "core"})
    with engine.transaction() as transaction, pytest.raises(LinekeeperError):
        engine.receive(file_of(tmp_path, 1, pay="10.00"), columns=plain, transaction=transaction)
    engine.receive(file_of(tmp_path, 1, pay="10.00"), columns=plain, source="another")
    live = {"id": "x", "account": "A1", "kind": "income", "at": FIRST.isoformat(), "amount": 1}
    assert engine.receive([live], source="core").rejected == ()  # events that come one by one make no batch


def test_a_contract_is_about_files(tmp_path: Path) -> None:
    with lk.open(":memory:", Policy(POLICY)) as engine, pytest.raises(LinekeeperError) as caught:
        engine.receive([{"id": "x"}], columns=mapping_of(tmp_path))
    assert caught.value.code == "contract-needs-file"


def test_a_transaction_that_is_rolled_back_leaves_no_batch(new_store: NewStore, tmp_path: Path) -> None:
    engine, mapping = engine_over(new_store()), mapping_of(tmp_path)

    def fail() -> None:
        with engine.transaction() as transaction:
            engine.receive(file_of(tmp_path, 0), columns=mapping, transaction=transaction)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert batches(engine._engine.store) == []
    with engine.transaction() as transaction:
        engine.receive(file_of(tmp_path, 0), columns=mapping, transaction=transaction)
    assert batches(engine._engine.store) == [("core.csv", "taken")]


def test_a_factor_goes_by_the_accepted_batches(new_store: NewStore, tmp_path: Path) -> None:
    text = MAPPING.split("volume")[0] + "volume: {factor: 2}\n  medians: {income.amount: {factor: 2}}\n  batches: 3\n"
    engine, mapping = engine_over(new_store()), mapping_of(tmp_path, text)
    engine.receive(file_of(tmp_path, 0), columns=mapping)
    for day, pay in ((1, "1.00"), (2, "1000.00")):  # fewer than three accepted batches say nothing
        engine.receive(file_of(tmp_path, day, pay), columns=mapping)
    for day, pay in ((3, "1000.00"), (4, "2000.00"), (5, "500.00")):
        engine.receive(file_of(tmp_path, day, pay), columns=mapping)
    for day, pay in ((6, "2000.10"), (7, "499.90")):  # the median of the last three, 1,000, by two
        assert terms(refused(engine, file_of(tmp_path, day, pay), mapping)) == ["medians.income.amount"]
    assert terms(refused(engine, file_of(tmp_path, 8, accounts=5), mapping)) == ["volume"]
    engine.receive(file_of(tmp_path, 9, accounts=6), columns=mapping)


def test_known_accounts_are_those_of_the_store_and_those_that_the_batch_opens(
    new_store: NewStore, tmp_path: Path
) -> None:
    engine = engine_over(new_store())
    mapping = mapping_of(tmp_path, MAPPING + "  known_accounts: 100%\n")
    engine.receive(file_of(tmp_path, 0), columns=mapping)
    engine.receive(file_of(tmp_path, 1), columns=mapping)
    error = refused(engine, file_of(tmp_path, 2, accounts=13), mapping)
    assert [each["measured"] for each in error.details["broken"]] == ["92.31%"]


# ------------------------------------------------------------------ rulings


def test_a_ruling_is_kept_with_its_leaf_in_the_log(new_store: NewStore, tmp_path: Path) -> None:
    store, keeper = new_store(), new_keeper(tmp_path / "keys", tmp_path / "public", "example.com/lines")
    engine, mapping = engine_over(store, keeper), mapping_of(tmp_path)
    content = refused(engine, file_of(tmp_path, 0, pay="10.00"), mapping).details["content"]
    with pytest.raises(LinekeeperError) as caught:
        rule_on_batch(store, None, content, "release", at=1, **WHO)
    assert caught.value.code == "log-keys-needed"
    engine.release_batch(content, **WHO)
    with store.reading() as connection:
        row = connection.execute(select(t.batch_rulings)).one()
        size = len(connection.execute(select(t.LOG.entries.c.position)).all())
        leaves = [leaf for _, leaf in opened(connection, t.LOG, keeper.vault, range(size)) if leaf]
    assert (row.content, row.ruling, row.by_whom, row.why, row.name) == (content, "release", *WHO.values(), "core.csv")
    (leaf,) = [json.loads(leaf.data) for leaf in leaves if leaf.kind is RecordKind.RULING]
    assert (leaf["content"], leaf["by_whom"], leaf["ruling"], leaf["at"]) == (content, "m.chen", "release", row.at)
    engine.receive(file_of(tmp_path, 0, pay="10.00"), columns=mapping)
    assert engine.verify().same


def test_a_ruling_needs_a_name_a_reason_and_one_batch(new_store: NewStore, tmp_path: Path) -> None:
    engine, mapping = engine_over(new_store()), mapping_of(tmp_path)
    content = refused(engine, file_of(tmp_path, 0, pay="10.00"), mapping).details["content"]

    def code(name: str = content, **given: Any) -> str:
        with pytest.raises(LinekeeperError) as caught:
            engine.release_batch(name, **{**WHO, **given})
        return caught.value.code

    assert code(by=" ") == code(why="") == "ruling-out-of-bounds"
    assert code(content[:7]) == code("0" * 64) == code(content, source="other") == "batch-not-known"
    refused(engine, file_of(tmp_path, 0, pay="10.00"), mapping_of(tmp_path, MAPPING.replace("core", "other")))
    assert code() == "batch-name-not-unique"
    assert engine.release_batch(content, source="core", **WHO).source == "core"
    assert engine.reject_batch(content, source="core", **WHO).state == "rejected"  # it was not taken in yet


def test_nothing_of_a_borrower_lies_in_the_store_while_a_batch_waits(new_store: NewStore, tmp_path: Path) -> None:
    engine, mapping = engine_over(new_store()), mapping_of(tmp_path)
    refused(engine, file_of(tmp_path, 0, pay="10.00"), mapping)
    with engine._engine.store.reading() as connection:
        row = connection.execute(select(t.feed_batches)).one()
        assert connection.execute(select(t.events)).all() == connection.execute(select(t.rejected_events)).all() == []
    text = json.dumps([str(value) for value in row])
    assert not any(name in text for name in ("A1", "i0-1", "o1"))


def test_a_batch_that_waits_binds_no_new_store_to_its_policy(new_store: NewStore, tmp_path: Path) -> None:
    store = new_store()
    engine = engine_over(store)
    content = refused(engine, file_of(tmp_path, 0, pay="10.00"), mapping_of(tmp_path)).details["content"]
    clear_empty_store(engine._engine)
    assert batches(store) == [("core.csv", "waiting")]
    with store.reading() as connection:
        assert connection.execute(select(t.policies)).all() == []
    rule_on_batch(store, None, content, "release", at=1, **WHO)
    again = engine_over(store)
    again.receive(file_of(tmp_path, 0, pay="10.00"), columns=mapping_of(tmp_path))
    assert batches(store) == [("core.csv", "taken")]


# ------------------------------------------------------------------ a process that is killed between two steps


def stop_after(step: str, url: str, file: str, mapping: str) -> None:
    """In a process of its own: receive the file, and be killed after a step of it."""

    def stop(*arguments: Any, **named: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    engine = engine_over(open_store(url))
    if step == "begun":
        setattr(engine._engine, "receive", stop)  # noqa: B010
    else:
        setattr(feed_batches, "note_taken", stop)  # noqa: B010
    engine.receive(file, columns=mapping)


@pytest.mark.parametrize("step", ["begun", "events in"])
def test_a_run_that_is_killed_is_finished_by_the_same_file(new_store: NewStore, tmp_path: Path, step: str) -> None:
    store, whole = new_store(), engine_over(new_store())
    mapping, file = mapping_of(tmp_path), file_of(tmp_path, 0)
    url = store.engine.url.render_as_string(hide_password=False)
    process = SPAWN.Process(target=stop_after, args=(step, url, str(file), str(mapping)))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    engine = engine_over(store)
    (begun,) = engine.pending_batches()
    assert begun.state == "begun"
    # What was begun under its contract is finished, whatever the contract says by now.
    engine.receive(file, columns=mapping_of(tmp_path, MAPPING.replace("[10, 100]", "[50, 100]")))
    whole.receive(file, columns=mapping_of(tmp_path))
    assert (batches(store), engine.pending_batches()) == ([("core.csv", "taken")], [])
    assert contents(store) == contents(whole._engine.store)


def test_a_batch_is_held_or_begun_in_one_step(
    new_store: NewStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, mapping = engine_over(new_store()), mapping_of(tmp_path)
    file = file_of(tmp_path, 0)
    intake = intake_of(file, engine.policy, mapping, engine._engine.clock)
    batch = batch_of_input(file, intake, mapping, "core")
    assert batch is not None
    assert batch.contract == load_columns(mapping).contract

    def fail(*arguments: Any, **named: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(feed_batches, "insert_many", fail)
    with pytest.raises(RuntimeError):
        admit_batch(engine._engine, batch)
    assert batches(engine._engine.store) == []
