"""Opening a store: its engine, the keys of its log, the law that its notices keep to."""

from __future__ import annotations

from pathlib import Path

from linekeeper.core.errors import UsageError
from linekeeper.engine.clock import Clock
from linekeeper.engine.engine import Engine
from linekeeper.engine.outbox import Law
from linekeeper.journal.keeper import open_keeper
from linekeeper.journal.store import open_store
from linekeeper.policy.model import Policy


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
    store = open_store(url, made=policy is None)
    try:
        keeper = open_keeper(keys) if keys is not None else None
        return Engine(store, policy, keeper, brake=brake, law=law, signed_by=signed_by, clock=clock)
    except BaseException:
        store.close()
        raise


def law_named(jurisdiction: str | None, product: str | None) -> Law | None:
    """The law of that jurisdiction and product; None where neither is given. UsageError where only one is."""
    if jurisdiction is None and product is None:
        return None
    if jurisdiction is None or product is None:
        options = "`--jurisdiction` and `--product` (in Python `jurisdiction=` and `product=`)"
        raise UsageError(f"notices need both {options}", code="argument-missing", way_out="give both, or neither")
    return Law(jurisdiction, product)
