"""The accounts' states as a matrix and back to rows of the store, with the chain of each account's decisions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, select

from linekeeper.core.errors import Conflict, NotFound, StoreError
from linekeeper.decide.chain import Chain
from linekeeper.evaluate.event_batch import Ints
from linekeeper.journal import tables as t
from linekeeper.journal.store import AccountRow, load_accounts, save_accounts
from linekeeper.kernel.kernel import Kernel

NOT_IN_ORDER = -1


@dataclass(frozen=True)
class AccountStates:
    """Where some accounts stand: `states` is int64[accounts, size] and is changed in place, one row an account.

    `in_order` says of each how many events came since a state was kept, all in order of time; else NOT_IN_ORDER.
    """

    states: Ints
    chains: list[Chain]
    in_order: Ints

    def note_late(self, names: Sequence[str], those: Collection[str]) -> None:
        """Of `those` among the accounts, whose names are given, something did not come in order, or waits."""
        if those:
            self.in_order[[place for place, name in enumerate(names) if name in those]] = NOT_IN_ORDER


def demand_current_states(connection: Connection, kernel: Kernel) -> None:
    """Raises StoreError where the store holds states of the kernel's policy under a layout other than the kernel's."""
    a = t.accounts.c
    stale = (a.policy == kernel.policy.digest) & (a.layout != kernel.layout.digest)
    if connection.execute(select(a.account).where(stale).limit(1)).first() is not None:
        raise _states_of_another_kernel(connection)


def _states_of_another_kernel(connection: Connection) -> StoreError:
    store = connection.engine.url.render_as_string()  # without its password
    return StoreError(
        f"the store `{store}` holds states that another Linekeeper made",
        code="store-upgrade-due",
        way_out=f"rebuild them from the events with `linekeeper store upgrade --store {store}`",
        place=store,
    )


def check_state(connection: Connection, kernel: Kernel, account: str, row: AccountRow) -> None:
    """Raises StoreError where the stored state is one of another kernel, or damaged."""
    if row.layout != kernel.layout.digest:
        raise _states_of_another_kernel(connection)
    if len(row.state) != 8 * kernel.layout.size:
        raise StoreError(
            f"the state of `{account}` cannot be read",
            code="state-not-readable",
            way_out="`linekeeper verify` looks at all of them",
            details={"account": account},
        )


def state_read(connection: Connection, kernel: Kernel, account: str, row: AccountRow) -> list[int]:
    """A stored state of the kernel's version. Raises StoreError where it is another kernel's, or damaged."""
    check_state(connection, kernel, account, row)
    state: list[int] = np.frombuffer(row.state, dtype="<i8").tolist()
    return state


def known_account(connection: Connection, account: str) -> AccountRow:
    """Where the account stands. Raises NotFound where the store does not know it."""
    row = load_accounts(connection, [account]).get(account)
    if row is None:
        raise NotFound(
            f"the account `{account}` is not known",
            code="account-not-known",
            way_out="send its `open` event first",
            details={"account": account},
        )
    return row


def load_states(connection: Connection, kernel: Kernel, names: Sequence[str]) -> AccountStates:
    """Where these accounts stand; new ones start from nothing.

    Raises Conflict where one is under another version than the kernel's.
    """
    known = load_accounts(connection, names) if names else {}
    size, policy = kernel.layout.size, kernel.policy.digest
    empty = AccountRow(bytes(8 * size), kernel.layout.digest, 0, None, policy, in_order=0)
    rows = [known.get(name, empty) for name in names]
    if any(row.policy != policy for row in rows):
        raise Conflict(
            "accounts migrated to another version meanwhile",
            code="version-changed-meanwhile",
            way_out="send the batch again",
        )
    for name, row in zip(names, rows, strict=True):
        check_state(connection, kernel, name, row)
    joined = bytearray().join(row.state for row in rows)
    states = np.frombuffer(joined, dtype="<i8").reshape(len(names), size).astype(np.int64, copy=False)
    in_order = [NOT_IN_ORDER if row.in_order is None else row.in_order for row in rows]
    chains = [Chain(row.decisions, row.last_hash) for row in rows]
    return AccountStates(states, chains, np.array(in_order, dtype=np.int64))


def save_states(connection: Connection, kernel: Kernel, names: Sequence[str], loaded: AccountStates) -> None:
    """Write the accounts that are open."""
    slots, layout, policy = kernel.layout.slots, kernel.layout.digest, kernel.policy.digest
    states, in_order = loaded.states, loaded.in_order.tolist()
    opened, due = states[:, slots["OPENED"]].tolist(), states[:, slots["NEXT_REVIEW"]].tolist()
    plain = states.astype("<i8", copy=False)
    rows = []
    for place, (name, chain) in enumerate(zip(names, loaded.chains, strict=True)):
        if opened[place]:
            order = None if in_order[place] == NOT_IN_ORDER else in_order[place]
            state = plain[place].tobytes()
            rows.append((name, layout, state, due[place], chain.number, chain.last_hash, policy, order))
    save_accounts(connection, rows)
