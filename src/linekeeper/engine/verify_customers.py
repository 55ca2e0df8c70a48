"""What accounts were given of the others of their customer, held against what those published as it was known then."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select

from linekeeper.core.dates import date_of
from linekeeper.engine.customers import (
    CUSTOMERS_AT_ONCE,
    CustomerEvents,
    customer_rows,
    members_of,
    next_day_of,
    policies_of,
    read_customers,
)
from linekeeper.engine.history import Reviews
from linekeeper.engine.stored_events import stored_fields
from linekeeper.engine.versions import kernels_of, newest_of
from linekeeper.evaluate.customers import (
    KnownEvent,
    Member,
    Publication,
    PublishedFacts,
    due_to,
    facts_kernel,
    publication,
)
from linekeeper.evaluate.late_events import REVERSAL
from linekeeper.journal import tables as t
from linekeeper.kernel.kernel import Kernel
from linekeeper.policy.kinds import OPENING_KINDS
from linekeeper.policy.model import CUSTOMER


def difference_of_customers(connection: Connection) -> str | None:
    """The first account that is not of the customer that its opening names, or was given what was not published."""
    kernels = kernels_of(connection)
    newest, c = newest_of(kernels), t.customer_accounts.c
    stored = {row.account: row.customer for row in connection.execute(select(c.account, c.customer))}
    opened = dict(_opened(connection)) if newest.policy.customer is not None else {}
    if stored != opened:
        name = min(stored.items() ^ opened.items())[0]
        return f"`{name}` is stored as an account of another customer than its opening names"
    last_review, facts = Reviews.of(connection).last_day, facts_kernel(newest)
    names = sorted(set(opened.values()))
    for first in range(0, len(names), CUSTOMERS_AT_ONCE):
        customers = names[first : first + CUSTOMERS_AT_ONCE]
        rows = customer_rows(connection, customers)
        policies, moved = policies_of(connection, kernels, newest, [row.account for row in rows])
        for customer, one in read_customers(connection, newest, rows).items():
            until_day = min(row.given_until for row in one.rows.values())
            members = members_of(one, facts, policies, moved, until_day)
            difference = _difference_of_one(newest, facts, one, members, last_review)
            if difference is not None:
                return f"of the customer `{customer}` {difference}"
    return None


def _opened(connection: Connection) -> Iterator[tuple[str, str]]:
    """The accounts whose opening names a customer, and that customer."""
    e = t.events.c
    for account, body in connection.execute(select(e.account, e.body).where(e.kind.in_(OPENING_KINDS))):
        customer = stored_fields(body).get(CUSTOMER)
        if customer is not None:
            yield account, str(customer)


def _difference_of_one(
    newest: Kernel, facts: Kernel, one: CustomerEvents, members: Sequence[Member], last_review: int
) -> str | None:
    """What differs for one customer: the days up to which accounts were given, or what they were given."""
    rows = list(one.rows.values())
    until_day = rows[0].given_until
    waits = any(row.fixed_until >= row.given_until > 0 for row in rows)  # since an account was erased
    if any(row.given_until != until_day for row in rows) or (until_day < one.last_day and not waits):
        return "not all accounts were given what they were to be given by their last event"
    for member in members:
        row = one.rows[member.account]
        expected = row.fixed_until + 1 if waits else next_day_of(member, members, until_day)
        if row.next_day != expected:
            return f"`{member.account}` is said to publish something else on day {row.next_day}, not {expected}"
        if not waits and row.next_day <= last_review:
            day = date_of(last_review)
            return f"the accounts were not given all; `linekeeper review --until {day}` goes on with it"
        due = [] if waits else due_to(newest.calendar, member, members, until_day)
        if due:
            return f"`{member.account}` was not given what the others had published on {date_of(due[0][0])}"
        difference = _difference_as_known(facts, one, member)
        if difference is not None:
            return difference
    return None


def _difference_as_known(facts: Kernel, one: CustomerEvents, member: Member) -> str | None:
    """The first event that an account was given and that is not what the others had published, as it was known then."""
    others = {name: events for name, events in one.events.items() if name != member.account}
    given = one.given.get(member.account, ())
    until_day = max((day for _, day, _ in given), default=0)
    known = {name: _Known(facts, events, until_day) for name, events in others.items()}
    for number, day, fields in given:
        if day <= member.fixed_until:
            continue
        published = [values for name in known if (values := known[name].at(day, number)) is not None]
        for aggregate in member.reads:
            if fields.get(aggregate.name) != aggregate.of(published):
                return f"`{member.account}` was given `{aggregate.name}` on {date_of(day)} as others did not publish it"
    return None


class _Known:
    """What one account had published by a day, by what was known before an arrival."""

    def __init__(self, facts: Kernel, events: Sequence[KnownEvent], until_day: int) -> None:
        self._facts, self._events, self._until_day = facts, events, until_day
        self._numbers = [event.number for event in events]
        self._made: dict[int, Publication | None] = {}
        reversal = facts.policy.kind(REVERSAL).number
        earliest, self._earliest_after = 2**40, [2**40]
        for event in reversed(events):  # a reversal changes days before its own
            earliest = min(earliest, 0 if event.row.kind == reversal else event.row.hour // 24)
            self._earliest_after.append(earliest)
        self._earliest_after.reverse()

    def at(self, day: int, number: int) -> PublishedFacts | None:
        """What was published by the start of a day, by the events with smaller numbers."""
        count = bisect_right(self._numbers, number - 1)
        if self._earliest_after[count] >= day:  # what came after it is of that day or later, and changes nothing
            count = len(self._events)
        if count not in self._made:
            self._made[count] = publication(self._facts, self._events[:count], self._until_day)
        made = self._made[count]
        return made.at(day) if made is not None else None
