"""Opening a store: its engine, the keys of its log, the law that its notices keep to."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from linekeeper.core.errors import UsageError
from linekeeper.engine.clock import Clock
from linekeeper.engine.engine import Engine
from linekeeper.engine.outbox import Law
from linekeeper.engine.pending_restrictions import brake_of
from linekeeper.engine.versions import check_signer
from linekeeper.journal import tables as t
from linekeeper.journal.keeper import open_keeper
from linekeeper.journal.store import open_store
from linekeeper.policy.model import Policy
from linekeeper.regulation.records import known_jurisdiction, known_product


def engine_of_store(
    url: str,
    policy: Policy | None = None,
    keys: Path | None = None,
    brake: bool = False,
    law: Law | None = None,
    signed_by: str | None = None,
    clock: Clock | None = None,
) -> Engine:
    """The engine over that store; without a policy, under the one that the store holds.

    With a policy, a store that does not exist yet is made. Raises LinekeeperError where the store cannot be opened or
    holds decisions of another policy or version.
    """
    # What can be refused without the store is refused before one is made.
    keeper = open_keeper(keys) if keys is not None else None
    if policy is not None and brake:
        brake_of(policy)
    check_signer(signed_by)
    store = open_store(url, made=policy is None)
    try:
        return Engine(store, policy, keeper, brake=brake, law=law, signed_by=signed_by, clock=clock)
    except BaseException:
        store.close()
        raise


def clear_empty_store(engine: Engine) -> None:
    """Leave a store that this engine began, and that holds no event, as it was before.

    Else a mistake in a first file would bind the store for good to the policy and the law that came with it. What is
    known of batches stays: a first file may wait for a person.
    """
    if not engine.began:
        return
    of_beginning = (
        t.policies,
        t.law,
        t.book,
        t.rejected_events,
        t.reviews,
        t.unfinished_reviews,
        t.unfinished_runs,
        t.counters,
    )
    with engine.store.writing() as connection:
        held = (t.events.c.seq, t.erased_accounts.c.mark, t.batch_rulings.c.seq)
        if all(connection.execute(select(column).limit(1)).first() is None for column in held):
            for table in (*of_beginning, t.LOG.entries, t.LOG.keys, t.LOG.tail):
                connection.execute(table.delete())


def law_named(jurisdiction: str | None, product: str | None) -> Law | None:
    """The law of that jurisdiction and product; None where neither is given.

    Raises UsageError where only one is given, or the regulation records know it not: a store keeps to its law for good.
    """
    if jurisdiction is None and product is None:
        return None
    if jurisdiction is None or product is None:
        options = "`--jurisdiction` and `--product` (in Python `jurisdiction=` and `product=`)"
        raise UsageError(f"notices need both {options}", code="argument-missing", way_out="give both, or neither")
    return Law(known_jurisdiction(jurisdiction), known_product(product))
