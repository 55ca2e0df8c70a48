"""Customers in a store and in a feed: which accounts belong together, and what each is to be given of the others.

The events of the kind `customer` are stored like all events, so that each account still follows from its own events
alone. Here they are derived: from a whole feed at once, or beside each batch and each review of a store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, func, select

from linekeeper.core.event import Event
from linekeeper.engine.history import reviewed_day
from linekeeper.engine.inbox import GivenEvents
from linekeeper.engine.stored_events import stored_fields
from linekeeper.engine.versions import kernels_of, newest_of
from linekeeper.evaluate.customers import (
    Aggregate,
    Given,
    KnownEvent,
    Member,
    aggregates,
    derived_events,
    due_to,
    facts_kernel,
    publication,
)
from linekeeper.evaluate.evaluator import NOT_REVIEWED
from linekeeper.evaluate.event_batch import (
    RecordedArrivals,
    batch_of,
    event_rows,
    rows_at,
    time_of,
    time_of_event,
    times_of,
)
from linekeeper.evaluate.late_events import REVERSAL
from linekeeper.journal import tables as t
from linekeeper.journal.store import Store, insert_many, load_accounts, within
from linekeeper.kernel.kernel import Kernel
from linekeeper.kernel.prelude import NEVER
from linekeeper.policy.kinds import OPENING_KINDS
from linekeeper.policy.model import CUSTOMER, Policy

# ------------------------------------------------------------------ a whole feed


def customers_of_table(table: pa.Table) -> dict[str, str]:
    """The customer of each account whose opening names one."""
    if CUSTOMER not in table.column_names:
        return {}
    opens = pc.is_in(table["kind"], value_set=pa.array(OPENING_KINDS, type=table["kind"].type))
    part = table.filter(pc.and_(opens, pc.is_valid(table[CUSTOMER])))
    customers: dict[str, str] = {}
    order = np.argsort(part["at"].to_numpy(), kind="stable").tolist()
    accounts, names = part["account"].to_pylist(), part[CUSTOMER].to_pylist()
    for row in order:
        customers.setdefault(accounts[row], names[row])
    return customers


def together(customers: Mapping[str, str]) -> dict[str, list[str]]:
    """The accounts of each customer that has several, in order."""
    accounts: dict[str, list[str]] = {}
    for account in sorted(customers):
        accounts.setdefault(customers[account], []).append(account)
    return {customer: names for customer, names in accounts.items() if len(names) > 1}


class GivenEvent(NamedTuple):
    """An event that an account of a feed is given, and the row of the reversal that it follows; -1: of none."""

    event: Event
    after_row: int = -1


def given_in_table(kernel: Kernel, table: pa.Table, until_day: int) -> list[GivenEvent]:
    """All that the accounts of a feed are given, where it comes in order of time, up to the start of `until_day`."""
    groups = together(customers_of_table(table))
    own = sorted(name for names in groups.values() for name in names)
    part_rows = np.flatnonzero(pc.is_in(table["account"], value_set=pa.array(own, pa.string())).to_numpy())
    part = table.take(part_rows)
    batch = batch_of(kernel.policy, kernel.calendar, part)
    ids, named = part["id"].to_pylist(), part["of"].to_pylist() if "of" in part.column_names else []
    row_of = {name: row for row, name in enumerate(ids)} if any(name is not None for name in named) else {}
    reverses = {row: row_of[name] for row, name in enumerate(named) if name in row_of}
    known: dict[str, list[KnownEvent]] = {}
    for place, account in enumerate(batch.accounts):
        events = np.arange(batch.starts[place], batch.starts[place + 1])
        rows = batch.rows[events].tolist()
        pairs = zip(rows, rows_at(batch, events), strict=True)
        known[account] = [KnownEvent(row, event, reverses.get(row)) for row, event in pairs]
    facts, reads = facts_kernel(kernel), aggregates(kernel.policy)
    given: list[GivenEvent] = []
    for names in groups.values():
        one = _FeedCustomer(kernel, facts, reads, {name: known[name] for name in names})
        given += [GivenEvent(event, int(part_rows[row]) if row >= 0 else -1) for event, row in one.run(until_day)]
    return given


class _FeedCustomer:
    """One customer of a feed that comes in order of time: what its accounts are given, day by day.

    A reversal changes what was known, so what it changes follows it: up to its day all are given what was known before.
    """

    def __init__(
        self,
        kernel: Kernel,
        facts: Kernel,
        reads: tuple[Aggregate, ...],
        events: Mapping[str, list[KnownEvent]],
    ) -> None:
        self._calendar, self._facts, self._reads, self._events = kernel.calendar, facts, reads, events
        self._given: dict[str, dict[int, Given]] = {name: {} for name in events}
        self._made: dict[str, Counter[int]] = {name: Counter() for name in events}
        self._out: list[GivenEvent] = []

    def run(self, until_day: int) -> list[GivenEvent]:
        """All that they are given up to the start of a day."""
        number = self._facts.policy.kind(REVERSAL).number
        reversals = sorted(
            (time_of(event.row), event.number, event.row.hour // 24)
            for events in self._events.values()
            for event in events
            if event.row.kind == number
        )
        for at, row, day in reversals:
            if day <= until_day:
                self._give(day, (at, row), -1)
                self._give(day, (at, row + 1), row)
        self._give(until_day, None, -1)
        return self._out

    def _give(self, until_day: int, before: tuple[int, int] | None, after_row: int) -> None:
        """Give what is due by what is known `before` a place in time and in the feed."""
        members = []
        for name, events in self._events.items():
            known = [one for one in events if before is None or (time_of(one.row), one.number) < before]
            published = publication(self._facts, known, until_day)
            members.append(Member(name, published, self._reads, sorted(self._given[name].items())))
        for member in members:
            due = due_to(self._calendar, member, members, until_day)
            made_before = self._made[member.account]
            made = derived_events(self._calendar, member, due, made_before)
            self._out += [GivenEvent(event, after_row) for event in made]
            self._given[member.account].update(due)
            made_before.update(day for day, _ in due)


def arrivals_with_given(table: pa.Table, given: Sequence[GivenEvent], until_day: int) -> RecordedArrivals | None:
    """How the rows of `table_with(table, given)` arrive; None where all comes in order of time."""
    if all(one.after_row < 0 for one in given):
        return None
    times = times_of(table)
    order = [
        (int(times[one.after_row]), 1, one.after_row, 1 + place) if one.after_row >= 0 else (one.event.at, 0, 0, place)
        for place, one in enumerate(given)
    ]
    order += [(at, 1, row, 0) for row, at in enumerate(times.tolist())]
    at, rank, row, last = np.array(order, dtype=np.int64).T
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[np.lexsort((last, row, rank, at))] = np.arange(len(order))
    none = np.full(len(order), NOT_REVIEWED, dtype=np.int64)
    return RecordedArrivals(numbers, np.zeros(len(order), dtype=np.int64), [], none, until_day)


# ------------------------------------------------------------------ a store

CUSTOMER_COLUMNS = ("account", "customer", "given_until", "next_day", "fixed_until")
_KEEP_NEWEST = "ON CONFLICT (account) DO UPDATE SET " + ", ".join(f"{n} = excluded.{n}" for n in CUSTOMER_COLUMNS[2:])
CUSTOMERS_AT_ONCE = 200  # of a review, in one transaction


Due = tuple[list[str], int]  # customers of which a review comes, and up to the start of which day


@dataclass(frozen=True)
class Delivery:
    """How the accounts of a store are given what others publish, by events of one `kind`; `given_by` says whose.

    `may_move_others`: whether the reversal in that row of a batch may change what others are given; `together_with`:
    those that are reviewed with an account then; `give`: what accounts are to be given beside new events, or by a
    review; `next_due` and `reached`: see `derived_due` and `accounts_reached`.
    """

    kind: str
    given_by: str
    may_move_others: Callable[[Connection, GivenEvents, int], bool]
    together_with: Callable[[Connection, str], list[str]]
    give: Callable[[Connection, str, Sequence[Event], Due | None], list[Event]]
    next_due: Callable[[Store, int], Due | None]
    reached: Callable[[Connection, Sequence[str], Due | None], list[str]]


def is_of_customer_or_opens(connection: Connection, events: GivenEvents, row: int) -> bool:
    """Whether the account of an event is of a customer, or opens among the events."""
    account = events.accounts[row]
    if customer_of(connection, account) is not None:
        return True
    pairs = zip(events.accounts, events.kinds, strict=True)
    return any(name == account and kind in OPENING_KINDS for name, kind in pairs)


def customers_of_account(connection: Connection, account: str) -> list[str]:
    """The customer of an account, where it has one."""
    customer = customer_of(connection, account)
    return [] if customer is None else [customer]


def customer_of(connection: Connection, account: str) -> str | None:
    """The customer of an account; None where it has none."""
    c = t.customer_accounts.c
    return connection.execute(select(c.customer).where(c.account == account)).scalar()


def accounts_with_siblings(connection: Connection, accounts: Sequence[str], due: Due | None) -> list[str]:
    """These accounts, and all of the customers that they are of or that are reviewed."""
    c = t.customer_accounts.c
    of_them = select(c.customer).where(within(connection, c.account, list(dict.fromkeys(accounts))))
    customers = [*connection.execute(of_them).scalars(), *(due[0] if due else ())]
    return list(dict.fromkeys([*accounts, *(row.account for row in customer_rows(connection, customers))]))


@dataclass(frozen=True)
class CustomerRow:
    """One account of a customer as the store has it.

    It was given all up to the start of day `given_until`; `next_day` is the first day after that on which what it
    publishes may be otherwise. What it was given up to `fixed_until` stands: an account that was erased had its part.
    """

    account: str
    customer: str
    given_until: int = 0
    next_day: int = 0
    fixed_until: int = 0


@dataclass
class CustomerEvents:
    """What the journal has of one customer: the rows of its accounts, their events, and what each was given.

    `events` are in order of arrival; `given` has of each account (arrival number, day, fields).
    """

    rows: dict[str, CustomerRow]
    events: dict[str, list[KnownEvent]] = field(default_factory=dict)
    given: dict[str, list[tuple[int, int, Mapping[str, int | str]]]] = field(default_factory=dict)
    last_day: int = 0


def customer_rows(connection: Connection, customers: Sequence[str]) -> list[CustomerRow]:
    """The accounts of these customers."""
    c = t.customer_accounts.c
    query = select(*(c[name] for name in CUSTOMER_COLUMNS)).where(within(connection, c.customer, customers))
    return [CustomerRow(*row) for row in connection.execute(query.order_by(c.account))]


def customers_due(store: Store, until_day: int) -> Due | None:
    """Some customers of which an account may publish something else by the start of that day; None: there is none."""
    c = t.customer_accounts.c
    query = select(c.customer).where(c.next_day <= until_day).distinct().order_by(c.customer).limit(CUSTOMERS_AT_ONCE)
    with store.reading() as connection:
        customers = list(connection.execute(query).scalars())
    return (customers, until_day) if customers else None


def read_customers(
    connection: Connection,
    newest: Kernel,
    rows: Sequence[CustomerRow],
    new: Sequence[Event] = (),
    source: str = "",
    derived: str = CUSTOMER,
) -> dict[str, CustomerEvents]:
    """What the journal has of the customers of these rows, and `new` events of a batch after it, in order of time.

    `derived`: the kind of what accounts are given.
    """
    made: dict[str, CustomerEvents] = {}
    for member in rows:
        made.setdefault(member.customer, CustomerEvents({})).rows[member.account] = member
    customers = {row.account: row.customer for row in rows}
    e, policy, calendar = t.events.c, newest.policy, newest.calendar
    query = select(e.seq, e.source, e.id, e.account, e.kind, e.at, e.body).order_by(e.seq)
    stored = connection.execute(query.where(within(connection, e.account, list(customers)))).all()
    fields = [stored_fields(one.body) for one in stored]
    kinds, times = [one.kind for one in stored], [one.at for one in stored]
    numbers = {(one.source, one.id): one.seq for one in stored}
    last = stored[-1].seq if stored else 0
    numbers |= {(source, event.id): last + place for place, event in enumerate(new, 1)}
    heads = [(one.seq, one.source, one.account) for one in stored]
    heads += [(last + place, source, event.account) for place, event in enumerate(new, 1)]
    kinds, times = [*kinds, *(event.kind for event in new)], [*times, *(event.at for event in new)]
    values = [*fields, *(event.fields for event in new)]
    read = event_rows(policy, calendar, [account for _, _, account in heads], kinds, times, values)
    for (number, sent_by, account), kind, row, named in zip(heads, kinds, read, values, strict=True):
        one = made[customers[account]]
        one.last_day = max(one.last_day, row.hour // 24)
        if kind == derived:
            one.given.setdefault(account, []).append((number, row.hour // 24, named))
            continue
        reverses = numbers.get((sent_by, str(named.get("of")))) if kind == REVERSAL else None
        one.events.setdefault(account, []).append(KnownEvent(number, row, reverses, str(named.get("key", ""))))
    return made


def members_of(
    one: CustomerEvents, facts: Kernel, reads: Mapping[str, Policy], moved: Mapping[str, int], until_day: int
) -> list[Member]:
    """The accounts of a customer with what each publishes up to a day and was given.

    `reads` has the policy of each account's version, `moved` the day on which it came under that.
    """
    members = []
    for account, row in one.rows.items():
        own = aggregates(reads[account])
        latest: dict[int, Given] = {}
        for _, day, fields in one.given.get(account, ()):
            latest[day] = tuple(int(fields.get(aggregate.name, 0)) for aggregate in own)
        fixed = max(row.fixed_until, moved.get(account, 1) - 1)
        made = publication(facts, one.events.get(account, ()), until_day)
        members.append(Member(account, made, own, sorted(latest.items()), fixed))
    return members


def policies_of(
    connection: Connection, kernels: Mapping[str, Kernel], newest: Kernel, accounts: Sequence[str]
) -> tuple[dict[str, Policy], dict[str, int]]:
    """The policy of the version that each account is under, and the day on which it came there, where it migrated."""
    known = load_accounts(connection, accounts) if len(kernels) > 1 else {}
    policies = {name: kernels[known[name].policy].policy if name in known else newest.policy for name in accounts}
    m = t.version_migrations.c
    if len(kernels) == 1:
        return policies, {}
    query = select(m.account, func.max(m.day)).where(within(connection, m.account, accounts)).group_by(m.account)
    return policies, {account: int(day) for account, day in connection.execute(query)}


def give(connection: Connection, source: str, new: Sequence[Event], due: Due | None = None) -> list[Event]:
    """What accounts are to be given beside `new` events of a batch, or by a review of the customers and day in `due`.

    The rows of the accounts are written; the events that come back are to be admitted with the batch.
    """
    kernels = kernels_of(connection)
    newest = newest_of(kernels)
    rows = customer_rows(connection, due[0]) if due else _touched(connection, new)
    if not rows:
        return []
    accounts = [row.account for row in rows]
    own = set(accounts)
    known = read_customers(connection, newest, rows, [event for event in new if event.account in own], source)
    policies, moved = policies_of(connection, kernels, newest, accounts)
    facts, reviewed = facts_kernel(newest), max(reviewed_day(connection), 0)
    given: list[Event] = []
    written: list[tuple[Any, ...]] = []
    for one in known.values():
        until_day = max(one.last_day, reviewed, due[1] if due else 0)
        members = members_of(one, facts, policies, moved, until_day)
        for member in members:
            made_before = Counter(day for _, day, _ in one.given.get(member.account, ()))
            missing = due_to(newest.calendar, member, members, until_day)
            given += derived_events(newest.calendar, member, missing, made_before)
            row = one.rows[member.account]
            written.append(
                (row.account, row.customer, until_day, next_day_of(member, members, until_day), row.fixed_until)
            )
    insert_many(connection, t.customer_accounts, CUSTOMER_COLUMNS, written, tail=_KEEP_NEWEST)
    return given


def next_day_of(member: Member, members: Sequence[Member], until_day: int) -> int:
    """The first day after `until_day` on which others may have to be given something by this account."""
    if len(members) == 1:
        return NEVER
    return until_day + 1 if member.publication is None else member.publication.next_day


def _touched(connection: Connection, new: Sequence[Event]) -> list[CustomerRow]:
    """All accounts of the customers of these events, with those that open just now."""
    c = t.customer_accounts.c
    accounts = list(dict.fromkeys(event.account for event in new))
    query = select(c.account, c.customer).where(within(connection, c.account, accounts))
    customers: dict[str, str] = {row.account: row.customer for row in connection.execute(query)}
    opening = opened_customers([event for event in new if event.account not in customers])
    if opening:
        known = load_accounts(connection, list(opening))
        opening = {account: customer for account, customer in opening.items() if account not in known}
    if not customers and not opening:
        return []
    rows = customer_rows(connection, list({*customers.values(), *opening.values()}))
    return rows + [CustomerRow(account, customer) for account, customer in opening.items()]


def opened_customers(events: Iterable[Event]) -> dict[str, str]:
    """The customer of each account that opens among these events (in order of time) and whose opening names one."""
    first: dict[str, Event] = {}
    for event in sorted(events, key=time_of_event):
        if event.kind in OPENING_KINDS:
            first.setdefault(event.account, event)
    return {account: str(event.fields[CUSTOMER]) for account, event in first.items() if CUSTOMER in event.fields}


CUSTOMERS = Delivery(
    CUSTOMER,
    "the other accounts of a customer",
    is_of_customer_or_opens,
    customers_of_account,
    give,
    customers_due,
    accounts_with_siblings,
)
