"""What follows from the events in the journal, from empty: decisions and states, which are only a cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Connection, select

from linekeeper.core.line import ADVERSE
from linekeeper.engine.history import Reviews, table_of_events
from linekeeper.engine.versions import Kernels, kernels_of, newest_of, policy_periods_of
from linekeeper.evaluate.circuit_breaker import CircuitBreaker, EvaluationPoint, passes_as_recorded
from linekeeper.evaluate.evaluator import (
    Arrivals,
    EvaluationResult,
    RawDecision,
    evaluate_from_empty,
    with_reversals,
)
from linekeeper.evaluate.event_batch import Batch, Ints, batch_as_read_by, batch_of, narrowed
from linekeeper.evaluate.timeline import PolicyPeriod, run_timeline
from linekeeper.journal import tables as t
from linekeeper.journal.store import Store, load_accounts, save_accounts
from linekeeper.kernel.kernel import Kernel

ACCOUNTS_AT_ONCE = 20_000


def stale_layout(store: Store, kernel: Kernel) -> bool:
    """Whether states are kept under another layout than the kernel's."""
    a = t.accounts.c
    stale = (a.policy == kernel.policy.digest) & (a.layout != kernel.layout.digest)
    query = select(a.account).where(stale).limit(1)
    with store.reading() as connection:
        return connection.execute(query).first() is not None


def rebuild_states(store: Store, kernel: Kernel) -> None:
    """Make the states of that version's accounts anew from the events; decisions stay as they are."""
    layout, policy = kernel.layout, kernel.policy.digest
    with store.writing() as connection:
        reviews, kernels = Reviews.of(connection), kernels_of(connection)
        for names in list(account_pages(connection)):
            known = load_accounts(connection, names)
            derived = derive(connection, kernels, names, reviews)
            rows = []
            for place, name in enumerate(derived.batch.accounts):
                row, state = known.get(name), derived.states[place]
                if row and row.policy == policy:
                    due = int(state[layout.slots["NEXT"]])
                    rows.append((name, layout.digest, plain(state), due, row.decisions, row.last_hash, policy))
            save_accounts(connection, rows)


def plain(state: Ints) -> bytes:
    """A state as it is stored."""
    return state.astype("<i8", copy=False).tobytes()


def first_held_back(connection: Connection, names: list[str]) -> list[tuple[str, EvaluationPoint]]:
    """The looks of those accounts (in order) that were the first to be held by the brake."""
    h = t.pending.c
    query = select(h.account, h.day, h.event).where(h.account >= names[0], h.account <= names[-1])
    return [(account, EvaluationPoint(day, event)) for account, day, event in connection.execute(query)]


def account_pages(connection: Connection) -> Iterator[list[str]]:
    """All accounts that have events, in order, some thousands at a time."""
    e = t.events.c
    last = ""
    while True:
        query = select(e.account).where(e.account > last).distinct().order_by(e.account).limit(ACCOUNTS_AT_ONCE)
        names = [row[0] for row in connection.execute(query)]
        if not names:
            return
        yield names
        last = names[-1]


@dataclass
class Derived:
    """What follows from some accounts' events: decisions with the kernel that made each, account by account; states.

    `refused` are events of the batch that could not have been taken in; `fault`: an account migrated too early.
    """

    batch: Batch
    ids: list[str]
    kernels: list[Kernel]  # of each account, at the end
    states: list[Ints]
    decisions: list[tuple[Kernel, RawDecision]] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)
    fault: str | None = None

    def take(self, kernel: Kernel, result: EvaluationResult) -> None:
        """Add what one version led to."""
        self.decisions += [(kernel, found) for found in result.decisions]
        self.refused |= result.refused


def derive(connection: Connection, kernels: Kernels, names: list[str], reviews: Reviews) -> Derived:
    """Every decision and the state of those accounts, from empty: in bulk, but those that migrated one by one."""
    newest = newest_of(kernels)
    table, arrivals = table_of_events(connection, newest.policy, names)
    batch = batch_of(newest.policy, newest.calendar, table)
    periods, pending = policy_periods_of(connection, kernels, batch.accounts), first_held_back(connection, names)
    last = [periods[name][-1].kernel for name in batch.accounts]
    none = np.zeros(0, dtype=np.int64)
    derived = Derived(batch, table["id"].to_pylist(), last, [none] * len(last))
    reviewed = reviews.before(arrivals.numbers[batch.rows])
    moved = np.array([len(periods[name]) > 1 for name in batch.accounts], dtype=bool)
    for kernel in kernels.values():
        own = np.array([one is kernel for one in last], dtype=bool) & ~moved
        if own.any():
            _derive_bulk(derived, kernel, np.flatnonzero(own), arrivals, reviews, pending, kernel is not newest)
    for place in np.flatnonzero(moved).tolist():
        own_periods = periods[batch.accounts[place]]
        state = own_periods[0].kernel.new_state()
        results = run_timeline(own_periods, batch, place, arrivals, reviewed, reviews.last_day, pending, state)
        for period, result in zip(own_periods, results, strict=True):
            derived.take(period.kernel, result)
            derived.fault = derived.fault or _too_early(batch.accounts[place], period, result)
        derived.states[place] = np.array(state, dtype=np.int64)
    derived.decisions.sort(key=lambda one: one[1].account)  # stable: each account's own order stays
    return derived


def _too_early(account: str, period: PolicyPeriod, result: EvaluationResult) -> str | None:
    """The promise of a road back that was not kept."""
    kernel, action = period.kernel, period.kernel.shape.place("ACTION")
    told = [kernel.calendar.day(one.at) for one in result.decisions if one.row[action] in ADVERSE]
    if told and period.end_day <= told[-1] + kernel.policy.honour_days:
        return f"`{account}` migrated to another version while a road back was promised to it"
    return None


def _derive_bulk(
    derived: Derived,
    kernel: Kernel,
    places: Ints,
    arrivals: Arrivals,
    reviews: Reviews,
    pending: Sequence[tuple[str, EvaluationPoint]],
    superseded: bool,
) -> None:
    """Accounts that have only ever been under that version; `held` are the looks that were the first to be held."""
    whole = derived.batch
    some = len(places) < len(whole.accounts)
    batch = narrowed(whole, places) if some else whole
    batch = batch_as_read_by(kernel.policy, batch) if superseded else batch
    arrival = arrivals.numbers[batch.rows]
    reviewed = reviews.before(arrival)
    apart = with_reversals(kernel, batch)
    owner = np.repeat(np.arange(len(batch.accounts)), np.diff(batch.starts))
    backwards = (np.diff(arrival) < 0) & (np.diff(owner) == 0)
    apart[owner[1:][backwards]] = True
    apart[owner[batch.hour < reviewed * 24]] = True
    apart |= np.isin(batch.accounts, [account for account, _ in pending])
    breaker = CircuitBreaker(kernel, arrival.tolist(), {}, passes_as_recorded(pending)) if pending else None
    states = np.zeros((len(batch.accounts), kernel.layout.size), dtype=np.int64)
    compiled = kernel.is_worth_compiling(len(batch))
    result = evaluate_from_empty(
        kernel, batch, apart, arrivals, reviewed, reviews.last_day, breaker, states=states, compiled=compiled
    )
    if some:
        part, result = result, EvaluationResult()
        result.merge(part, places, whole)
    derived.take(kernel, result)
    for place, state in zip(places.tolist(), states, strict=True):
        derived.states[place] = state
