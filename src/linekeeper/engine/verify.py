"""Law 3: the journal, replayed from empty, gives the same states, decisions and hashes. The log agrees with both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import Connection, select

from linekeeper.core.dates import date_of
from linekeeper.core.errors import StoreError
from linekeeper.decide.chain import Chain, record
from linekeeper.engine.account_states import demand_current_states
from linekeeper.engine.derive import Derived, account_pages, compile_for_all, derive, plain
from linekeeper.engine.history import Reviews, Unreadable, unfinished_reviews_of
from linekeeper.engine.verify_customers import difference_of_customers
from linekeeper.engine.verify_kept import difference_of_kept_states
from linekeeper.engine.verify_leaves import compare_leaves
from linekeeper.engine.verify_links import difference_of_links
from linekeeper.engine.verify_pending import difference_of_pending, difference_of_restricted
from linekeeper.engine.verify_tables import AFTER_DERIVING, BEFORE_DERIVING
from linekeeper.engine.versions import Kernels, Recorders, kernels_of, newest_of, recorders_of, stored_policy
from linekeeper.journal import tables as t
from linekeeper.journal.database_errors import DatabaseFailure
from linekeeper.journal.log.errors import LogError
from linekeeper.journal.log.vault import Vault
from linekeeper.journal.store import Store, as_bytes, unpacked


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a verification. `first_difference` says where journal and replay first part; None where nowhere.

    Records of the log that do not open, `unreadable_leaves` of them, are a difference too; all others were compared.
    `unreadable_accounts` are those whose records they are: the empty text stands for records about no borrower.
    """

    accounts: int
    events: int
    decisions: int
    first_difference: str | None
    unreadable_accounts: tuple[str, ...] = ()
    unreadable_leaves: int = 0

    @property
    def same(self) -> bool:
        """Whether the replay gave exactly what is stored, and the log too, where it was compared."""
        return self.first_difference is None


def verify(store: Store, progress: Callable[[int], None] | None = None, vault: Vault | None = None) -> Verdict:
    """Derive every decision and every state again from the events, and compare them with what is stored.

    Each version decides by its own edition of the language and is recorded in its own format. With the `vault` of the
    store's log, each decision is compared with its leaf too. Raises LinekeeperError where the store is empty, or holds
    states of another kernel.
    """
    try:
        with store.reading() as connection:
            fault = next(filter(None, (check(connection) for check in BEFORE_DERIVING)), None)
        if fault:
            return Verdict(0, 0, 0, fault)
        stored_policy(store)
        verdict = _verify_store(store, progress)
        if vault is not None and verdict.same:
            verdict = replace(verdict, **compare_leaves(store, vault)._asdict())
    except LogError as error:
        if error.code != "leaf-missing":
            raise
        return Verdict(0, 0, 0, str(error))
    except DatabaseFailure as error:
        return Verdict(0, 0, 0, f"the store cannot be read: {error.cause}")
    return verdict


def _verify_store(store: Store, progress: Callable[[int], None] | None) -> Verdict:
    accounts = events = decisions = 0
    with store.reading() as connection:
        reviews, kernels = Reviews.of(connection), kernels_of(connection)
        recorders = recorders_of(connection, kernels)
        for kernel in kernels.values():
            demand_current_states(connection, kernel)
        unfinished = _unfinished_review(connection, reviews)
        if unfinished:
            return Verdict(0, 0, 0, unfinished)
        compile_for_all(connection, kernels)
        for names in account_pages(connection):
            part = _verify_page(connection, kernels, recorders, names, reviews)
            accounts, events, decisions = accounts + len(names), events + part.events, decisions + part.decisions
            if part.first_difference:
                return Verdict(accounts, events, decisions, part.first_difference)
            if progress:
                progress(len(names))
        checks = (*AFTER_DERIVING, difference_of_customers, difference_of_links)
        difference = next(filter(None, (check(connection) for check in checks)), None)
        difference = difference or difference_of_restricted(connection, newest_of(kernels).calendar)
    return Verdict(accounts, events, decisions, difference)


def _unfinished_review(connection: Connection, reviews: Reviews) -> str | None:
    """Says so where a review was broken off: the journal notes it before its accounts are reviewed, page by page."""
    unfinished = unfinished_reviews_of(connection)
    due = select(t.accounts.c.account).where(t.accounts.c.next_review <= reviews.last_day).limit(1)
    if not unfinished and connection.execute(due).first() is None:
        return None
    day = date_of(unfinished[0].until_day if unfinished else reviews.last_day)
    return f"the review up to {day} was broken off; `linekeeper review --until {day}` finishes it"


def _verify_page(
    connection: Connection, kernels: Kernels, recorders: Recorders, names: list[str], reviews: Reviews
) -> Verdict:
    try:
        derived = derive(connection, kernels, names, reviews)
    except Unreadable as error:
        return Verdict(len(names), 0, 0, str(error))
    except StoreError as error:
        return Verdict(len(names), 0, 0, f"`{names[0]}` to `{names[-1]}`: {error}")
    chains = [Chain() for _ in derived.batch.accounts]
    difference = derived.fault or _refused(derived)
    difference = difference or _compare_decisions(connection, derived, recorders, chains)
    difference = difference or _compare_states(connection, derived, chains)
    difference = difference or difference_of_kept_states(connection, derived)
    difference = difference or difference_of_pending(connection, derived, recorders)
    return Verdict(len(names), len(derived.batch), len(derived.decisions), difference)


def _compare_decisions(
    connection: Connection, derived: Derived, recorders: Recorders, chains: list[Chain]
) -> str | None:
    made = (
        record(recorders[kernel], derived.batch, derived.ids, raw, chains[raw.account])
        for kernel, raw in derived.decisions
    )
    d, names = t.decisions.c, derived.batch.accounts
    query = select(d.account, d.number, d.record, d.hash, d.at, d.action).order_by(d.account, d.number)
    query = query.where(d.account >= names[0], d.account <= names[-1])
    stored = iter(connection.execution_options(yield_per=10_000).execute(query))
    for decision, data, digest in made:
        place = f"decision {decision.number} of `{decision.account}`"
        row = next(stored, None)
        if row is None or (row.account, row.number) > (decision.account, decision.number):
            return f"{place} follows from the events and is not stored"
        if (row.account, row.number) < (decision.account, decision.number):
            return f"decision {row.number} of `{row.account}` is stored and does not follow from the events"
        if (as_bytes(row.record), row.at, row.action) != (data, decision.at, decision.action):
            return f"{place} is stored otherwise than the events say; see `linekeeper explain {decision.account}`"
        if row.hash != digest:
            return f"{place} is stored with a hash that is not its own"
    row = next(stored, None)
    return f"decision {row.number} of `{row.account}` is stored and does not follow from the events" if row else None


def _compare_states(connection: Connection, derived: Derived, chains: list[Chain]) -> str | None:
    a, names = t.accounts.c, derived.batch.accounts
    query = select(a.account, a.state, a.next_review, a.decisions, a.last_hash)
    rows = connection.execute(query.where(a.account >= names[0], a.account <= names[-1]))
    stored = {row.account: (unpacked(row.state), row.next_review, row.decisions, row.last_hash) for row in rows}
    for place, name in enumerate(names):
        state, chain, slots = derived.states[place], chains[place], derived.kernels[place].layout.slots
        derived_row = (plain(state), int(state[slots["NEXT_REVIEW"]]), chain.number, chain.last_hash)
        if stored.get(name) != (derived_row if state[slots["OPENED"]] else None):
            return f"the state of `{name}` is not what its events lead to"
    return None


def _refused(derived: Derived) -> str | None:
    """The first event in the journal that the kernel refuses: only admitted events stand there."""
    event, batch = min(derived.refused, default=None), derived.batch
    if event is None:
        return None
    account = batch.accounts[int(np.searchsorted(batch.starts, event, side="right")) - 1]
    name = derived.ids[batch.rows[event]]
    return f"the event `{name}` of `{account}` stands in the journal and could not have been admitted"
