"""What accounts were given of those that they are tied to, held against what those published, as it was known then."""

from __future__ import annotations

from bisect import bisect_left

from sqlalchemy import Connection, select

from linekeeper.core.dates import date_of
from linekeeper.engine.customers import CUSTOMERS_AT_ONCE, CustomerEvents, CustomerRow, policies_of, read_customers
from linekeeper.engine.history import Reviews
from linekeeper.engine.links import linked_readers, linked_rows, neighbours_of
from linekeeper.engine.stored_events import stored_fields
from linekeeper.engine.versions import kernels_of, newest_of
from linekeeper.evaluate.customers import facts_kernel
from linekeeper.evaluate.links import LinkedAccount, LinkedReader, linked_account
from linekeeper.journal import tables as t
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.kinds import OPENING_KINDS
from linekeeper.policy.model import LINK, LINKED, Links


def difference_of_links(connection: Connection) -> str | None:
    """The first account that does not share what its events say, or was given what was not published."""
    kernels = kernels_of(connection)
    newest, c = newest_of(kernels), t.link_things.c
    links = newest.policy.links
    stored = {tuple(row) for row in connection.execute(select(c.account, c.tie, c.thing))}
    named = set() if links is None else _named(connection)
    if stored != named:
        return f"`{min(stored ^ named)[0]}` is stored as an account that shares another thing than its events name"
    rows = set(connection.execute(select(t.linked_accounts.c.account)).scalars())
    if rows != {account for account, _, _ in named}:
        name = min(rows ^ {account for account, _, _ in named})
        return f"`{name}` is stored as an account that shares something, or not, otherwise than its events say"
    last_review, facts, names = Reviews.of(connection).last_day, facts_kernel(newest), sorted(rows)
    for first in range(0, len(names) if links else 0, CUSTOMERS_AT_ONCE):
        assert links is not None
        own = names[first : first + CUSTOMERS_AT_ONCE]
        neighbours = neighbours_of(connection, own)
        every = linked_rows(connection, sorted({*own, *(name for others in neighbours.values() for name in others)}))
        policies, moved = policies_of(connection, kernels, newest, own)
        known = read_customers(connection, newest, list(every.values()), derived=LINKED)
        until_days = {account: every[account].given_until for account in own}
        readers = linked_readers(known, neighbours, facts, links, until_days, policies, moved)
        for account, reader in readers.items():
            difference = _difference_of_one(newest, every[account], known[account], reader, last_review)
            difference = difference or _difference_as_known(facts, links, known, neighbours[account], reader)
            if difference is not None:
                return f"of what `{account}` is tied to: {difference}"
    return None


def _named(connection: Connection) -> set[tuple[str, ...]]:
    """Each account with each thing that its events name, since it has been open, by its tie."""
    e, named = t.events.c, set[tuple[str, ...]]()
    opened = {
        row.account: row.at for row in connection.execute(select(e.account, e.at).where(e.kind.in_(OPENING_KINDS)))
    }
    for account, at, body in connection.execute(select(e.account, e.at, e.body).where(e.kind == LINK)):
        fields = stored_fields(body)
        if "tie" in fields and "key" in fields and opened[account] <= at:
            named.add((account, str(fields["tie"]), str(fields["key"])))
    return named


def _difference_of_one(
    newest: Kernel, row: CustomerRow, one: CustomerEvents, reader: LinkedReader, last_review: int
) -> str | None:
    """What differs for one account: the day up to which it was given all, or what it was given."""
    until_day = row.given_until
    waits = row.fixed_until >= until_day > 0  # since an account was erased
    if until_day < one.last_day and not waits:
        return "it was not given what it was to be given by its last event"
    expected = row.fixed_until + 1 if waits else reader.next_day(until_day)
    if row.next_day != expected:
        return f"it is said to be given something on day {row.next_day}, not {expected}"
    if not waits and row.next_day <= last_review:
        return f"it was not given all; `linekeeper review --until {date_of(last_review)}` goes on with it"
    due = [] if waits else reader.due(newest.calendar, until_day)
    return f"it was not given what was published on {date_of(due[0][0])}" if due else None


def _difference_as_known(
    facts: Kernel, links: Links, known: dict[str, CustomerEvents], neighbours: list[str], reader: LinkedReader
) -> str | None:
    """The first event that an account was given and that is not what was published, as it was known then."""
    account = reader.own.account
    seen: dict[tuple[str, int], LinkedAccount] = {}
    given = known[account].given.get(account, ())
    until_day = max((day for _, day, _ in given), default=0)

    def account_at(name: str, number: int) -> LinkedAccount:
        events = known[name].events.get(name, ())
        count = bisect_left(events, number, key=lambda event: event.number)
        if (name, count) not in seen:
            seen[name, count] = linked_account(facts, links, name, events[:count], until_day)
        return seen[name, count]

    for number, day, fields in given:
        if day <= reader.fixed_until:
            continue
        others = [account_at(name, number) for name in neighbours]
        values = LinkedReader(account_at(account, number), others, reader.reads).values_on(day)
        for one, value in zip(reader.reads, values, strict=True):
            if fields.get(one.aggregate.name) != value:
                return f"it was given `{one.aggregate.name}` on {date_of(day)} as it was not published"
    return None
