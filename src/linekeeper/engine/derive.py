"""Deriving decisions and states from the events in the journal, from empty. A stored state is only a cache of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Connection, select

from linekeeper.core.line import ADVERSE
from linekeeper.engine.history import Reviews, table_of_events
from linekeeper.engine.past import known_by, periods_by
from linekeeper.engine.versions import Kernels, kernels_of, newest_of, policy_periods_of
from linekeeper.evaluate.circuit_breaker import CircuitBreaker, EvaluationPoint, PendingRestriction, passes_as_recorded
from linekeeper.evaluate.evaluator import (
    Arrivals,
    EvaluationResult,
    RawDecision,
    evaluate_from_empty,
    out_of_order,
)
from linekeeper.evaluate.event_batch import Batch, Ints, batch_as_read_by, batch_of, narrowed
from linekeeper.evaluate.timeline import PolicyPeriod, run_timeline
from linekeeper.journal import tables as t
from linekeeper.journal.store import Store, last_number, load_accounts, save_accounts
from linekeeper.kernel.kernel import Kernel

ACCOUNTS_AT_ONCE = 1_000  # whose states and events are in memory at one time


def rebuild_states(store: Store, transaction: Connection | None = None) -> int:
    """Derive the states of all accounts again from the events; decisions stay as they are. Returns how many.

    `transaction`: one that the caller has begun, of which this is then a part.
    """
    with store.writing(transaction) as connection:
        reviews, kernels = Reviews.of(connection), kernels_of(connection)
        compile_for_all(connection, kernels)
        rebuilt = 0
        for names in list(account_pages(connection)):
            known = load_accounts(connection, names)
            derived = derive(connection, kernels, names, reviews)
            rows = []
            for place, name in enumerate(derived.batch.accounts):
                row, state, kernel = known.get(name), derived.states[place], derived.kernels[place]
                if row:
                    due = int(state[kernel.layout.slots["NEXT_REVIEW"]])
                    data = (kernel.layout.digest, plain(state), due)
                    rows.append((name, *data, row.decisions, row.last_hash, row.policy, row.in_order))
            save_accounts(connection, rows)
            rebuilt += len(rows)
        connection.execute(t.kept_states.delete())  # of a layout that is gone
    return rebuilt


def compile_for_all(connection: Connection, kernels: Kernels) -> None:
    """Have machine code at hand where it is worth it for all accounts together: a page of them is few."""
    events = last_number(connection, "events")
    for kernel in kernels.values():
        kernel.compile_if_worth(events)


def plain(state: Ints) -> bytes:
    """A state as it is stored."""
    return state.astype("<i8", copy=False).tobytes()


def became_pending(connection: Connection, names: list[str]) -> list[tuple[str, EvaluationPoint]]:
    """At which evaluations restrictions of those accounts (in order of their names) became pending."""
    r = t.pending_restrictions.c
    query = select(r.account, r.day, r.event).where(r.account >= names[0], r.account <= names[-1])
    return [(account, EvaluationPoint(day, event)) for account, day, event in connection.execute(query)]


def account_pages(connection: Connection, last: str = "", size: int = ACCOUNTS_AT_ONCE) -> Iterator[list[str]]:
    """All accounts after `last` that have events, in order, so many at a time."""
    e = t.events.c
    while True:
        query = select(e.account).where(e.account > last).distinct().order_by(e.account).limit(size)
        names = [row[0] for row in connection.execute(query)]
        if not names:
            return
        yield names
        last = names[-1]


@dataclass
class Derived:
    """What follows from some accounts' events: their decisions, each with the kernel that made it, and their states.

    `arrivals` says how the events arrived, `periods` under which versions each account was. `refused` are events of the
    batch that could not have been admitted, `pending` the restrictions that the brake held back. `fault` names an
    account that migrated to another version too early.
    """

    batch: Batch
    arrivals: Arrivals
    periods: Mapping[str, Sequence[PolicyPeriod]]
    ids: list[str]
    kernels: list[Kernel]  # of each account, at the end
    states: list[Ints]
    decisions: list[tuple[Kernel, RawDecision]] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)
    pending: list[tuple[Kernel, str, PendingRestriction]] = field(default_factory=list)
    fault: str | None = None

    def add(self, kernel: Kernel, result: EvaluationResult) -> None:
        """Add the result under one version."""
        self.decisions += [(kernel, raw) for raw in result.decisions]
        self.refused |= result.refused
        self.pending += [(kernel, account, restriction) for account, restriction in result.pending]


def derive(
    connection: Connection, kernels: Kernels, names: list[str], reviews: Reviews, day: int | None = None
) -> Derived:
    """Every decision and the state of those accounts, from empty. Accounts that migrated go one by one.

    With a `day` (since 1970-01-01), as they were at its end, by what was known then: of the accounts that were known.
    """
    newest, gone_on = newest_of(kernels), set[str]()
    table, arrivals = table_of_events(connection, newest.policy, names)
    if day is not None:
        table, arrivals, gone_on = known_by(table, arrivals, reviews, newest.calendar, day)
        reviews = reviews.by(day)
    batch = batch_of(newest.policy, newest.calendar, table)
    until = [day if day is not None and name in gone_on else reviews.last_day for name in batch.accounts]
    periods, withheld = policy_periods_of(connection, kernels, batch.accounts), became_pending(connection, names)
    if day is not None:
        periods = {name: periods_by(whole, day) for name, whole in periods.items()}
    last_kernels = [periods[name][-1].kernel for name in batch.accounts]
    no_state = np.zeros(0, dtype=np.int64)
    derived = Derived(batch, arrivals, periods, table["id"].to_pylist(), last_kernels, [no_state] * len(last_kernels))
    reviewed = reviews.before(arrivals.numbers[batch.rows])
    migrated = np.array([len(periods[name]) > 1 for name in batch.accounts], dtype=bool)
    for kernel, until_day in ((kernel, one) for kernel in kernels.values() for one in sorted(set(until))):
        own = zip(last_kernels, until, strict=True)
        places = np.flatnonzero(np.array([one == (kernel, until_day) for one in own], dtype=bool) & ~migrated)
        if len(places):
            _derive_in_bulk(derived, kernel, places, arrivals, reviews, until_day, withheld, kernel is not newest)
    for place in np.flatnonzero(migrated).tolist():
        account = batch.accounts[place]
        state = periods[account][0].kernel.new_state()
        results = run_timeline(periods[account], batch, place, arrivals, reviewed, until[place], withheld, state)
        for period, result in zip(periods[account], results, strict=True):
            derived.add(period.kernel, result)
            derived.fault = derived.fault or _too_early(account, period, result)
        derived.states[place] = np.array(state, dtype=np.int64)
    derived.decisions.sort(key=lambda pair: pair[1].account)  # a stable sort: each account's own order stays
    return derived


def _too_early(account: str, period: PolicyPeriod, result: EvaluationResult) -> str | None:
    """Says so where the account left a version while that version's road back was still promised to it."""
    kernel, action = period.kernel, period.kernel.shape.place("ACTION")
    restricted = [kernel.calendar.day(raw.at) for raw in result.decisions if raw.row[action] in ADVERSE]
    if restricted and period.end_day <= restricted[-1] + kernel.policy.honour_days:
        return f"`{account}` migrated to another version while a road back was promised to it"
    return None


def _derive_in_bulk(
    derived: Derived,
    kernel: Kernel,
    places: Ints,
    arrivals: Arrivals,
    reviews: Reviews,
    until_day: int,
    withheld: Sequence[tuple[str, EvaluationPoint]],
    superseded: bool,
) -> None:
    """Derive the accounts at `places`, which have only ever been under that version, up to the start of `until_day`.

    `withheld` says at which evaluations the brake made restrictions pending. Accounts go one by one where order of
    arrival matters: for a reversal, an event that arrived after a later one or after a review of its day, or the brake.
    """
    whole = derived.batch
    only_some = len(places) < len(whole.accounts)
    batch = narrowed(whole, places) if only_some else whole
    batch = batch_as_read_by(kernel.policy, batch) if superseded else batch
    arrival = arrivals.numbers[batch.rows]
    reviewed = reviews.before(arrival)
    one_by_one = out_of_order(kernel, batch, arrival, reviewed)
    one_by_one |= np.isin(batch.accounts, [account for account, _ in withheld])
    breaker = CircuitBreaker(kernel, arrival.tolist(), {}, passes_as_recorded(withheld)) if withheld else None
    states = np.zeros((len(batch.accounts), kernel.layout.size), dtype=np.int64)
    compiled = kernel.is_worth_compiling(len(batch))
    result = evaluate_from_empty(
        kernel, batch, one_by_one, arrivals, reviewed, until_day, breaker, states=states, compiled=compiled
    )
    result.pending = breaker.changed if breaker else []
    if only_some:
        part, result = result, EvaluationResult()
        result.merge(part, places, whole)
    derived.add(kernel, result)
    for place, state in zip(places.tolist(), states, strict=True):
        derived.states[place] = state
