"""Links in a store and in a feed: which accounts share something, and what each is to be given of the others.

Where customers are a whole whose accounts are all given at once, ties have no end: an account is tied to others, and
these to others again. So here each account that is given something is looked at by itself, with its neighbours: all
that ever said that they share a thing with it. By its own events an account is given what is due up to them; its
neighbours are given anew what its events change of the days that they have been given already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from linekeeper.core.event import Event
from linekeeper.engine.customers import (
    CUSTOMERS_AT_ONCE,
    CustomerEvents,
    CustomerRow,
    Delivery,
    Due,
    GivenEvent,
    policies_of,
    read_customers,
)
from linekeeper.engine.history import reviewed_day
from linekeeper.engine.inbox import GivenEvents
from linekeeper.engine.versions import kernels_of, newest_of
from linekeeper.evaluate.customers import Given, KnownEvent, Member, derived_events, facts_kernel
from linekeeper.evaluate.event_batch import batch_of, rows_at, time_of, time_of_event
from linekeeper.evaluate.late_events import REVERSAL
from linekeeper.evaluate.links import LinkedAccount, LinkedReader, Thing, linked_account, linked_aggregates
from linekeeper.journal import tables as t
from linekeeper.journal.store import Store, insert_many, within
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.kinds import OPENING_KINDS
from linekeeper.policy.model import LINK, LINKED, Links, Policy

KnownAccount = Callable[[str, int], LinkedAccount]  # an account by what is known, with what it publishes up to a day


def linked_events(
    reader: LinkedReader, due: Sequence[tuple[int, Given]], made_before: Counter[int], kernel: Kernel
) -> list[Event]:
    """What is due to an account, as events."""
    own = reader.own
    member = Member(own.account, own.publication, tuple(one.aggregate for one in reader.reads))
    return list(derived_events(kernel.calendar, member, due, made_before, LINKED))


# ------------------------------------------------------------------ a whole feed


def things_of_table(table: pa.Table) -> dict[str, set[Thing]]:
    """What each account of a feed ever says that it shares."""
    things: dict[str, set[Thing]] = {}
    if not {"tie", "key"} <= set(table.column_names):
        return things
    part = table.filter(
        pc.and_(pc.equal(table["kind"], LINK), pc.and_(pc.is_valid(table["tie"]), pc.is_valid(table["key"])))
    )
    for account, tie, key in zip(*(part[name].to_pylist() for name in ("account", "tie", "key")), strict=True):
        things.setdefault(account, set()).add((tie, key))
    return things


def neighbours_by(things: Mapping[str, set[Thing]]) -> dict[str, list[str]]:
    """The neighbours of each account that has some, in order."""
    sharers: dict[Thing, list[str]] = {}
    for account in sorted(things):
        for thing in things[account]:
            sharers.setdefault(thing, []).append(account)
    around = {account: {one for thing in own for one in sharers[thing]} - {account} for account, own in things.items()}
    return {account: sorted(others) for account, others in sorted(around.items()) if others}


def linked_in_table(kernel: Kernel, table: pa.Table, until_day: int) -> list[GivenEvent]:
    """All that the accounts of a feed are given, where it comes in order of time, up to the start of `until_day`."""
    neighbours = neighbours_by(things_of_table(table))
    part_rows = np.flatnonzero(pc.is_in(table["account"], value_set=pa.array(list(neighbours), pa.string())).to_numpy())
    part = table.take(part_rows)
    batch = batch_of(kernel.policy, kernel.calendar, part)
    ids, named = part["id"].to_pylist(), part["of"].to_pylist() if "of" in part.column_names else []
    keys = part["key"].to_pylist() if "key" in part.column_names else [None] * len(ids)
    row_of = {name: row for row, name in enumerate(ids)} if any(name is not None for name in named) else {}
    reverses = {row: row_of[name] for row, name in enumerate(named) if name in row_of}
    known: dict[str, list[KnownEvent]] = {}
    for place, account in enumerate(batch.accounts):
        events = np.arange(batch.starts[place], batch.starts[place + 1])
        pairs = zip(batch.rows[events].tolist(), rows_at(batch, events), strict=True)
        known[account] = [KnownEvent(row, event, reverses.get(row), keys[row] or "") for row, event in pairs]
    feed, given = _LinkedFeed(kernel, known), list[GivenEvent]()
    for account, others in neighbours.items():
        own = feed.given_to(account, others, until_day)
        given += [GivenEvent(event, int(part_rows[row]) if row >= 0 else -1) for event, row in own]
    return given


class _LinkedFeed:
    """The accounts of a feed that comes in order of time and that share something: what each is given, day by day.

    A reversal changes what was known, so what it changes follows it: up to its day all are given what was known before.
    """

    def __init__(self, kernel: Kernel, events: Mapping[str, list[KnownEvent]]) -> None:
        self._kernel, self._facts, self._events = kernel, facts_kernel(kernel), events
        self._reads = linked_aggregates(kernel.policy)
        assert kernel.policy.links is not None
        self._links: Links = kernel.policy.links
        self._seen: dict[tuple[str, int, int], LinkedAccount] = {}

    def given_to(self, account: str, others: Sequence[str], until_day: int) -> list[GivenEvent]:
        """What one account is given up to the start of a day, with the row of the reversal that it follows."""
        number = self._facts.policy.kind(REVERSAL).number
        reversals = sorted(
            (time_of(event.row), event.number, event.row.hour // 24)
            for name in (account, *others)
            for event in self._events[name]
            if event.row.kind == number
        )
        steps: list[tuple[int, tuple[int, int] | None, int]] = []
        for at, row, day in reversals:
            if day <= until_day:
                steps += [(day, (at, row), -1), (day, (at, row + 1), row)]
        out, given, made = list[GivenEvent](), dict[int, Given](), Counter[int]()
        for day, before, after_row in [*steps, (until_day, None, -1)]:
            own, *rest = (self._account(name, before, day) for name in (account, *others))
            reader = LinkedReader(own, rest, self._reads, sorted(given.items()))
            due = reader.due(self._kernel.calendar, day)
            out += [GivenEvent(event, after_row) for event in linked_events(reader, due, made, self._kernel)]
            given.update(due)
            made.update(day for day, _ in due)
        return out

    def _account(self, name: str, before: tuple[int, int] | None, until_day: int) -> LinkedAccount:
        events = self._events[name]
        known = [one for one in events if before is None or (time_of(one.row), one.number) < before]
        key = (name, len(known), until_day)
        if key not in self._seen:
            self._seen[key] = linked_account(self._facts, self._links, name, known, until_day)
        return self._seen[key]


# ------------------------------------------------------------------ a store

LINKED_COLUMNS = ("account", "given_until", "next_day", "fixed_until")
_KEEP_NEWEST = "ON CONFLICT (account) DO UPDATE SET " + ", ".join(f"{n} = excluded.{n}" for n in LINKED_COLUMNS[1:])
_KEEP_ANY = "ON CONFLICT (account, tie, thing) DO NOTHING"


def linked_rows(connection: Connection, accounts: Sequence[str]) -> dict[str, CustomerRow]:
    """Those of the accounts that ever shared something, each as it stands."""
    c = t.linked_accounts.c
    query = select(*(c[name] for name in LINKED_COLUMNS)).where(within(connection, c.account, list(accounts)))
    return {row.account: CustomerRow(row.account, row.account, *row[1:]) for row in connection.execute(query)}


def neighbours_of(connection: Connection, accounts: Sequence[str]) -> dict[str, list[str]]:
    """The neighbours of each of these accounts, in order; none where it has none."""
    c = t.link_things.c
    own: dict[str, set[Thing]] = {account: set() for account in accounts}
    query = select(c.account, c.tie, c.thing)
    for row in connection.execute(query.where(within(connection, c.account, list(own)))):
        own[row.account].add((row.tie, row.thing))
    sharers: dict[Thing, set[str]] = {}
    keys = sorted({key for things in own.values() for _, key in things})
    for row in connection.execute(query.where(within(connection, c.thing, keys))) if keys else ():
        sharers.setdefault((row.tie, row.thing), set()).add(row.account)
    return {
        account: sorted({one for thing in things for one in sharers[thing]} - {account})
        for account, things in own.items()
    }


def linked_readers(
    known: Mapping[str, CustomerEvents],
    neighbours: Mapping[str, Sequence[str]],
    facts: Kernel,
    links: Links,
    until_days: Mapping[str, int],
    reads: Mapping[str, Policy],
    moved: Mapping[str, int],
) -> dict[str, LinkedReader]:
    """Each account that is given something up to its day in `until_days`, with its neighbours up to that day.

    `reads` has the policy of each account's version, `moved` the day on which it came under that.
    """

    @cache
    def account_at(name: str, day: int) -> LinkedAccount:
        return linked_account(facts, links, name, known[name].events.get(name, ()), day)

    readers = {}
    for account, until_day in until_days.items():
        own = linked_aggregates(reads[account])
        latest: dict[int, Given] = {}
        for _, day, fields in known[account].given.get(account, ()):
            latest[day] = tuple(int(fields.get(one.aggregate.name, 0)) for one in own)
        fixed = max(known[account].rows[account].fixed_until, moved.get(account, 1) - 1)
        others = [account_at(name, until_day) for name in neighbours[account]]
        readers[account] = LinkedReader(account_at(account, until_day), others, own, sorted(latest.items()), fixed)
    return readers


def give_linked(connection: Connection, source: str, new: Sequence[Event], due: Due | None = None) -> list[Event]:
    """What accounts are to be given beside `new` events of a batch, or by a review of the accounts and day in `due`.

    The rows of the accounts are written; the events that come back are to be admitted with the batch.
    """
    kernels = kernels_of(connection)
    newest = newest_of(kernels)
    links = newest.policy.links
    assert links is not None
    _write_things(connection, new)
    moving = list(linked_rows(connection, [*(due[0] if due else ()), *{event.account for event in new}]))
    if not moving:
        return []
    around = neighbours_of(connection, moving)
    own = sorted({*moving, *(name for names in around.values() for name in names)})
    neighbours = neighbours_of(connection, own)
    every = sorted({*own, *(name for names in neighbours.values() for name in names)})
    rows = linked_rows(connection, every)
    part = [event for event in new if event.account in rows]
    known = read_customers(connection, newest, list(rows.values()), part, source, LINKED)
    policies, moved = policies_of(connection, kernels, newest, own)
    reviewed = max(reviewed_day(connection), 0)
    until_days = {account: max(rows[account].given_until, reviewed) for account in own}
    for account in moving:
        until_days[account] = max(until_days[account], known[account].last_day, due[1] if due else 0)
    readers = linked_readers(known, neighbours, facts_kernel(newest), links, until_days, policies, moved)
    given: list[Event] = []
    written: list[tuple[Any, ...]] = []
    for account, reader in readers.items():
        until_day = until_days[account]
        made_before = Counter(day for _, day, _ in known[account].given.get(account, ()))
        given += linked_events(reader, reader.due(newest.calendar, until_day), made_before, newest)
        written.append((account, until_day, reader.next_day(until_day), rows[account].fixed_until))
    insert_many(connection, t.linked_accounts, LINKED_COLUMNS, written, tail=_KEEP_NEWEST)
    return given


def _write_things(connection: Connection, new: Sequence[Event]) -> None:
    """What the accounts of these events say for the first time that they share."""
    things = {
        (event.account, str(event.fields["tie"]), str(event.fields["key"]))
        for event in events_that_tie(connection, new)
    }
    if things:
        insert_many(connection, t.link_things, ("account", "tie", "thing"), sorted(things), tail=_KEEP_ANY)
        rows = [(account, 0, 0, 0) for account in sorted({account for account, _, _ in things})]
        insert_many(connection, t.linked_accounts, LINKED_COLUMNS, rows, tail="ON CONFLICT (account) DO NOTHING")


def events_that_tie(connection: Connection, new: Sequence[Event]) -> list[Event]:
    """Those of the new events that name a thing, of accounts that are open by then."""
    tying = [event for event in new if event.kind == LINK and "tie" in event.fields and "key" in event.fields]
    if not tying:
        return []
    opened: dict[str, int] = {}
    for event in sorted(new, key=time_of_event):
        if event.kind in OPENING_KINDS:
            opened.setdefault(event.account, event.at)
    e = t.events.c
    accounts = sorted({event.account for event in tying})
    query = select(e.account, e.at).where(e.kind.in_(OPENING_KINDS), within(connection, e.account, accounts))
    opened |= {row.account: row.at for row in connection.execute(query)}
    return [event for event in tying if event.account in opened and opened[event.account] <= event.at]


def ever_linked(connection: Connection, events: GivenEvents, row: int) -> bool:
    """Whether the account of an event ever shared something, or says so among the events."""
    account = events.accounts[row]
    pairs = zip(events.accounts, events.kinds, strict=True)
    return bool(linked_rows(connection, [account])) or (account, LINK) in set(pairs)


def with_neighbours(connection: Connection, account: str) -> list[str]:
    """The account and its neighbours, where it shares something."""
    return [account, *neighbours_of(connection, [account])[account]] if linked_rows(connection, [account]) else []


def linked_due(store: Store, until_day: int) -> Due | None:
    """Some accounts that may have to be given something by the start of that day; None: there is none."""
    c = t.linked_accounts.c
    query = select(c.account).where(c.next_day <= until_day).order_by(c.account).limit(CUSTOMERS_AT_ONCE)
    with store.reading() as connection:
        accounts = list(connection.execute(query).scalars())
    return (accounts, until_day) if accounts else None


def accounts_with_neighbours(connection: Connection, accounts: Sequence[str], due: Due | None) -> list[str]:
    """These accounts, those that are due, and the neighbours of all of them."""
    own = list(dict.fromkeys([*accounts, *(due[0] if due else ())]))
    return list(dict.fromkeys([*own, *(name for names in neighbours_of(connection, own).values() for name in names)]))


LINKS = Delivery(
    LINKED,
    "the accounts that one is tied to",
    ever_linked,
    with_neighbours,
    give_linked,
    linked_due,
    accounts_with_neighbours,
)
