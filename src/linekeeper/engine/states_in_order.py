"""The states of a store's accounts in order of their names: as they stand, or as they stood at the end of a day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, select

from linekeeper.engine.account_states import state_read
from linekeeper.engine.derive import account_pages, derive
from linekeeper.engine.history import Reviews
from linekeeper.engine.versions import kernels_of
from linekeeper.journal import tables as t
from linekeeper.journal.store import AccountRow, unpacked
from linekeeper.kernel.kernel import Kernel

STATES_AT_ONCE = 1_000  # accounts whose states, or whose events, are in memory at one time


class AccountState(NamedTuple):
    """One account, the kernel of the version that it is under, and its state."""

    account: str
    kernel: Kernel
    state: list[int]


def states_in_order(connection: Connection, after: str = "", day: int | None = None) -> Iterator[AccountState]:
    """The accounts whose names come after `after`; with a `day` (since 1970-01-01), as they were known at its end.

    The states of a past day are derived from the events, some accounts at a time; those of now are read.
    Raises StoreError where a state cannot be read, or is one of another kernel.
    """
    kernels = kernels_of(connection)
    if day is None:
        a = t.accounts.c
        query = select(a.account, a.state, a.layout, a.decisions, a.last_hash, a.policy)
        query = query.where(a.account > after).order_by(a.account).execution_options(yield_per=STATES_AT_ONCE)
        for name, state, *rest in connection.execute(query):
            row = AccountRow(unpacked(state), *rest)
            yield AccountState(name, kernels[row.policy], state_read(connection, kernels[row.policy], name, row))
        return
    reviews = Reviews.of(connection)
    for names in account_pages(connection, after, STATES_AT_ONCE):
        derived = derive(connection, kernels, names, reviews, day)
        for name, kernel, state in zip(derived.batch.accounts, derived.kernels, derived.states, strict=True):
            yield AccountState(name, kernel, state.tolist())


def state_at_end_of(day: int, kernel: Kernel, state: list[int]) -> list[int]:
    """A copy of the state with its clock at the last hour of a local day, if that lies ahead. It decides nothing."""
    ahead = list(state)
    kernel.interpreted.advance(ahead, day * 24 + 23)
    return ahead
